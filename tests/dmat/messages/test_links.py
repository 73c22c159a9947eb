"""Under test: links of ours. Nobody can make one up or alter one, and none leads anywhere but where it was made for."""

from __future__ import annotations

import base64
import stat
import string

import pytest
from sending_fixtures import make_settings

from dmat.errors import UnverifiedError
from dmat.messages.links import Links, add_parameters, is_web_address, link_key

TARGET = "https://shop.example/cart?x=1&y=ä"


@pytest.fixture
def links(settings):
    return Links(settings)


def token_of(url):
    return url.rsplit("/", 1)[1]


def test_a_click_link_leads_where_it_was_made_for(links, settings):
    url = links.click_url("m1", TARGET)
    assert url.startswith(f"{settings.resolved_public_url}/c/")
    assert links.read_click(token_of(url)) == ("m1", TARGET)


def test_an_altered_click_link_is_not_ours_wherever_it_was_altered(links):
    token = token_of(links.click_url("m1", TARGET))
    letters = string.ascii_letters + string.digits + "-_."
    for place, letter in enumerate(token):
        other = letters[(letters.index(letter) + 1) % len(letters)]
        with pytest.raises(UnverifiedError):
            links.read_click(token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("token", ["", ".", "a.b", "x" * 9999, "ä.ö", "\x00", "W10", "W10."])
def test_what_is_no_token_is_not_ours(links, token):
    with pytest.raises(UnverifiedError):
        links.read_click(token)
    with pytest.raises(UnverifiedError):
        links.read_unsubscribe(token)


def test_a_link_of_another_workspace_is_not_ours(links, tmp_path):
    other = Links(make_settings(tmp_path))
    with pytest.raises(UnverifiedError):
        links.read_click(token_of(other.click_url("m1", TARGET)))
    with pytest.raises(UnverifiedError):
        links.read_unsubscribe(token_of(other.unsubscribe_url("m1", "a@example.com")))


def test_an_unsubscribe_link_knows_its_recipient_and_does_not_show_the_address(links):
    token = token_of(links.unsubscribe_url("m1", "ann@example.com"))
    found = links.read_unsubscribe(token)
    assert (found.message_id, found.address, found.channel) == ("m1", "ann@example.com", "email")
    assert b"ann" not in base64.urlsafe_b64decode(token + "==")


def test_the_key_is_made_once_and_only_we_may_read_it(settings):
    key = link_key(settings)
    file = settings.home / "keys" / "links.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert link_key(settings) == key
    assert len(key) == 32


def test_a_key_from_the_settings_makes_no_file(home):
    assert link_key(make_settings(home, secret_key="something")) == link_key(
        make_settings(home, secret_key="something")
    )
    assert not (home / "keys" / "links.key").exists()


def test_parameters_are_added_to_what_is_there():
    assert add_parameters("https://s.example/p?key=a%20b#top", utm="x y") == "https://s.example/p?key=a+b&utm=x+y#top"
    assert add_parameters("https://s.example/p?discount=OLD", discount="NEW") == "https://s.example/p?discount=NEW"


@pytest.mark.parametrize(("url", "is_one"), [
    ("https://a.example", True), ("http://127.0.0.1:1/x", True), ("javascript:alert(1)", False), ("//a.example", False),
    ("data:text/html,x", False), ("https://", False), ("http://[", False), ("", False), ("ftp://a.example", False),
])  # fmt: skip
def test_only_web_addresses_are_followed(url, is_one):
    assert is_web_address(url) is is_one
