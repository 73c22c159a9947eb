"""Under test: what e-mail demands. Valid addresses, headers nobody can break, one-click unsubscribe, the sandbox."""

from __future__ import annotations

import email
from email import policy

import pytest
from sending_fixtures import make_settings

from dmat.channels.addresses import find_invalid
from dmat.channels.contract import MailBatch, Recipient, Sought
from dmat.channels.email import are_surely_valid, build_mail, is_valid_address, shared_headers
from dmat.channels.providers import is_sandbox, open_provider, provider_names
from dmat.errors import InvalidInputError


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


def test_many_addresses_are_judged_at_once_as_each_alone():
    odd = ["", ".a@x.example", "a.@x.example", "a..b@x.example", "a@x.example\nb@x.example", "a@b", "a@x.example\n",
           "\na@x.example", "a" * 65 + "@x.example", "a@" + "b." * 130 + "example", "ä@x.example"]  # fmt: skip
    good = ["ann@shop.example", "a.b+c@sub.shop.example", "o'neil@x.example"]
    assert are_surely_valid(good)
    assert find_invalid("email", good) == set()
    for number in range(len(odd)):
        mixed = [*good[:2], odd[number], *good[2:]]
        assert not are_surely_valid(mixed)
        assert find_invalid("email", mixed) == {odd[number]}
    assert find_invalid("email", good + odd) == {each for each in good + odd if not is_valid_address(each)}
    assert find_invalid("sms", ["+4915112345678", "ann@shop.example"]) == {"ann@shop.example"}


def test_a_mail_can_be_unsubscribed_with_one_click(settings):
    headers = make_mail(settings).headers
    assert headers["List-Unsubscribe"] == "<https://api.example/u/t>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_mail_says_which_list_it_is_of_and_what_complaints_are_counted_by(settings):
    headers = shared_headers(settings, {"programme": "campaign:7\r\nX: y", "step": "first mail"})
    assert headers == {
        "List-ID": "<marketing.shop.example>",
        "Feedback-ID": "campaign-7-X-y:first-mail:dmat:shopexample",
    }
    assert set(headers) < set(make_mail(settings).headers)


def test_a_mail_is_from_the_workspace_unless_it_says_otherwise(home):
    settings = make_settings(home, reply_to_email="answers@shop.example")
    mail = make_mail(settings)
    assert (mail.from_email, mail.from_name, mail.reply_to) == (
        "hello@shop.example",
        "The Shop",
        "answers@shop.example",
    )
    mail = make_mail(settings, from_email="ann@shop.example", from_name="Ann\n", reply_to="bo@shop.example")
    assert (mail.from_email, mail.from_name, mail.reply_to) == ("ann@shop.example", "Ann", "bo@shop.example")


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
    provider = open_provider(settings, "email")
    assert is_sandbox(provider)
    assert provider.find_message(Sought("m1")) is None
    assert provider.send(make_mail(settings)) == provider.send(make_mail(settings)) == "sandbox-m1"
    assert provider.find_message(Sought("m1")) == "sandbox-m1"
    [file] = (home / "sandbox" / "email").iterdir()
    message = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (message["To"], message["Subject"]) == ("Ann <ann@example.com>", "Hello")
    assert message.get_body(("html",)).get_content().strip() == "<p>Hi</p>"


def make_batch(**changes):
    people = [
        Recipient(f"m{n}", f"p{n}@example.com", name, {"-dm0-": name, "-dm1-": f"https://x.example/{n}"},
                  {"List-Unsubscribe": f"<https://api.example/u/{n}>"})
        for n, name in enumerate(("Ann", "Bo", "-dm1-"))
    ]  # fmt: skip
    values = {
        "from_email": "hello@shop.example", "from_name": "Shop", "subject": "For -dm0-", "recipients": people,
        "html": "<p>-dm0- -dm1- -dm2-</p>", "text": "Hi -dm0-", "categories": ["p"], "reply_to": "r@shop.example",
    }  # fmt: skip
    return MailBatch(**(values | changes))


def test_the_sandbox_keeps_a_batch_and_gives_each_mail_of_it(settings, home):
    provider = open_provider(settings, "email")
    assert provider.send_batch(make_batch()) == provider.send_batch(make_batch()) == "sandbox-m0"
    assert len(list((home / "sandbox" / "email").iterdir())) == 1
    assert [provider.find_message(Sought(i)) for i in ("m0", "m1", "m9")] == ["sandbox-m0", "sandbox-m1", None]
    message = email.message_from_bytes(provider.read_mail("m1"), policy=policy.default)
    assert (message["To"], message["Subject"], message["Reply-To"]) == (
        "Bo <p1@example.com>", "For Bo", "r@shop.example",
    )  # fmt: skip
    assert message["List-Unsubscribe"] == "<https://api.example/u/1>"
    assert message.get_body(("html",)).get_content().strip() == "<p>Bo https://x.example/1 -dm2-</p>"
    assert provider.read_mail("m9") is None


def test_a_connected_provider_takes_the_mails(home):
    connected = make_settings(home).model_copy(update={"sendgrid_url": "http://127.0.0.1:1"})
    provider = open_provider(connected, "email")
    assert (provider.name, is_sandbox(provider)) == ("sendgrid", False)
    assert provider.abilities.tracks_clicks
    provider.close()


def test_a_named_provider_goes_before_a_connected_one(home):
    connected = make_settings(home).model_copy(
        update={"sendgrid_url": "http://127.0.0.1:1", "email_provider": "sandbox"}
    )
    assert is_sandbox(open_provider(connected, "email"))


@pytest.mark.parametrize("name", ["sendgrid", "pigeon"])
def test_a_provider_that_cannot_be_had_is_named_with_its_setting(home, name):
    settings = make_settings(home).model_copy(update={"email_provider": name})
    with pytest.raises(InvalidInputError, match="DMAT_EMAIL_PROVIDER"):
        open_provider(settings, "email")


def test_only_channels_with_providers_have_providers():
    assert provider_names("email")[-1] == "sandbox"
    with pytest.raises(InvalidInputError, match="pigeon"):
        provider_names("pigeon")
