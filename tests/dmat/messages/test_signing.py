"""Under test: a token is read only when we wrote it, and only as what it is."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmat.errors import UnverifiedError
from dmat.messages.links import Links
from dmat.messages.signing import Signer

KEY = b"k" * 32


def test_what_was_signed_is_read():
    text = str(uuid.uuid4())
    assert Signer(KEY, "open").read(Signer(KEY, "open").sign(text)) == text


@given(st.text(max_size=80))
def test_nothing_else_is_read(text):
    with pytest.raises(UnverifiedError):
        Signer(KEY, "open").read(text)


def test_an_altered_token_is_refused():
    token = Signer(KEY, "open").sign("5f0c")
    for wrong in ("5f0d" + token[4:], token[:-1], token + "A", token.upper(), "x" + token, "5f0c", "5f0c."):
        with pytest.raises(UnverifiedError):
            Signer(KEY, "open").read(wrong)


def test_a_token_of_one_kind_or_key_never_passes_for_another():
    token = Signer(KEY, "open").sign("5f0c")
    for other in (Signer(KEY, "preferences"), Signer(b"other" * 8, "open")):
        with pytest.raises(UnverifiedError):
            other.read(token)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a.b", "ü", "a\n"])
def test_only_what_an_address_can_carry_is_signed(text):
    with pytest.raises(ValueError, match="cannot be signed"):
        Signer(KEY, "open").sign(text)


def test_each_link_of_a_message_leads_back_to_it(settings):
    links = Links(settings)
    assert links.read_open(links.open_url("m-1").rsplit("/", 1)[1].removesuffix(".gif")) == "m-1"
    assert links.read_view(links.view_url("m-1").rsplit("/", 1)[1]) == "m-1"
    assert links.read_preferences(links.preferences_url("m-1").rsplit("/", 1)[1]) == "m-1"
    assert links.read_opt_in(links.opt_in_url("m-1").rsplit("/", 1)[1]) == "m-1"
    with pytest.raises(UnverifiedError):
        links.read_preferences(links.view_url("m-1").rsplit("/", 1)[1])
