"""Under test: what e-mail demands. Valid addresses, headers nobody can break, one-click unsubscribe, the sandbox."""

from __future__ import annotations

import email
from email import policy

import pytest
from sending_fixtures import make_settings

from dmat.channels.email import SendGridProvider, build_mail, is_valid_address, mail_provider
from dmat.channels.sandbox import Sandbox


@pytest.mark.parametrize("address", [
    "ann@example.com", "a.b+c@mail.example.co.uk", "o'neil@example.com", "x@xn--bcher-kva.example", "a@b.io",
])  # fmt: skip
def test_an_address_is_taken(address):
    assert is_valid_address(address)


@pytest.mark.parametrize("address", [
    "", "ann", "ann@", "@example.com", "ann@example", "ann@@example.com", "a b@example.com", ".a@example.com",
    "a.@example.com", "a..b@example.com", "a@-x.com", "a@x-.com", "a@example.com\n", "a@example.com,b@example.com",
    "a@exa mple.com", "<a@example.com>", "ü@example.com", "a" * 65 + "@example.com", "a@" + "b" * 250 + ".com",
    "a@example.com\r\nBcc: b@example.com",
])  # fmt: skip
def test_what_is_no_address_is_refused(address):
    assert not is_valid_address(address)


def make_mail(settings, **changes):
    values = {
        "message_id": "m1", "to_email": "ann@example.com", "to_name": "Ann", "subject": "Hello", "html": "<p>Hi</p>",
        "text": "Hi", "unsubscribe_url": "https://api.example/u/t", "labels": {"programme": "p", "step": "s"},
    }  # fmt: skip
    return build_mail(settings, **(values | changes))


def test_a_mail_can_be_unsubscribed_with_one_click(settings):
    headers = make_mail(settings).headers
    assert headers == {
        "List-Unsubscribe": "<https://api.example/u/t>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }  # fmt: skip


def test_our_message_id_travels_with_the_mail(settings):
    mail = make_mail(settings)
    assert mail.custom_args["dmat_message_id"] == "m1"
    assert mail.categories == ["p", "s"]


def test_nobody_can_put_a_header_into_a_mail(settings):
    mail = make_mail(settings, to_name="Ann\r\nBcc: x@example.com", subject="Hi\nBcc: y@example.com\x00")
    assert "\n" not in mail.to_name + mail.subject
    assert "\r" not in mail.to_name
    assert "\x00" not in mail.subject


def test_without_a_provider_mails_go_into_the_sandbox(settings, home):
    provider = mail_provider(settings)
    assert isinstance(provider, Sandbox)
    assert provider.find_message("m1") is None
    assert provider.send_mail(make_mail(settings)) == provider.send_mail(make_mail(settings)) == "sandbox-m1"
    assert provider.find_message("m1") == "sandbox-m1"
    [file] = (home / "sandbox").iterdir()
    message = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (message["To"], message["Subject"]) == ("Ann <ann@example.com>", "Hello")
    assert message.get_body(("html",)).get_content() == "<p>Hi</p>\n"


def test_a_connected_provider_takes_the_mails(home):
    connected = make_settings(home).model_copy(update={"sendgrid_url": "http://127.0.0.1:1"})
    provider = mail_provider(connected)
    assert isinstance(provider, SendGridProvider)
    assert provider.tracks_clicks
