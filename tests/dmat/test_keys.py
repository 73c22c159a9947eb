"""Under test: what people name gets a key of small letters, digits and dashes, and one of its own."""

from __future__ import annotations

import pytest

from dmat.keys import key_of, own_key


@pytest.mark.parametrize(
    ("name", "key"),
    [("Spring Sale 2026!", "spring-sale-2026"), ("  Jo  Doe ", "jo-doe"), ("礼物", ""), ("x" * 59 + " y", "x" * 59)],
)
def test_a_name_becomes_a_key(name, key):
    assert key_of(name) == key


def test_a_key_that_is_taken_gets_a_number():
    assert own_key("jo-doe", []) == "jo-doe"
    assert own_key("jo-doe", ["jo-doe", "jo-doe-2"]) == "jo-doe-3"
