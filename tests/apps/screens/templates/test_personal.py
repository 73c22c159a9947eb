"""Under test: personal values that the editor offers have their types, and so have fallbacks that people type."""

from __future__ import annotations

import pytest

from apps.screens.templates.personal import offers, read_fallback, shown_fallback
from dmat.errors import InvalidInputError
from dmat.messages.contents import checked_content
from dmat.messages.sources import source_faults
from dmat.segments.catalogue import Catalogue, Field

CATALOGUE = Catalogue(
    fields={
        key: Field(key, label, kind, "Person", "people.dim_people", key)
        for key, label, kind in (
            ("orders_count", "Orders", "number"), ("last_order_at", "Last order", "date"), ("sources", "From", "list"),
            ("revenue_cents", "Revenue", "money"), ("email_consent", "Consent", "consent"), ("city", "City", "text"),
        )
    },
    events={}, regions={}, zones=(),
)  # fmt: skip


def test_values_are_offered_with_their_types_the_usual_ones_first_and_none_twice():
    found = offers(CATALOGUE, {"first_name"})
    kinds = {each.name: each.type for each in found}
    assert [each.name for each in found][:2] == ["last_name", "full_name"]
    assert (kinds["orders_count"], kinds["last_order_at"], kinds["revenue_cents"], kinds["city"]) == (
        "number", "date", "money", "text"
    )  # fmt: skip
    assert (kinds["products"], kinds["discount_code"]) == ("list", "text")
    assert not {"first_name", "sources", "email_consent"} & set(kinds)
    assert [each.name for each in offers(None, ())][:1] == ["first_name"]


def test_everything_that_is_offered_can_be_declared():
    variables = [{"name": each.name, **each.declared} for each in offers(CATALOGUE, ())]
    content = checked_content("sms", {"locales": {"": {"text": "x"}}, "variables": variables})
    assert source_faults(CATALOGUE, content.variables) == []


@pytest.mark.parametrize(("kind", "typed", "fallback", "shown"), [
    ("text", " there ", "there", "there"), ("text", "", None, ""), ("number", "12", 12, "12"),
    ("number", "-1.5", -1.5, "-1.5"), ("date", "2026-03-04", "2026-03-04", "2026-03-04"), ("list", "x", [], "[]"),
    ("money", "12.5 eur", {"cents": 1250, "currency_code": "EUR"}, "12.50 EUR"),
    ("url", "https://x.example", "https://x.example", "https://x.example"),
])  # fmt: skip
def test_a_fallback_is_read_as_its_type_and_shown_as_it_is_typed(kind, typed, fallback, shown):
    assert read_fallback(kind, typed) == fallback
    assert shown_fallback({"fallback": fallback}) == shown


@pytest.mark.parametrize(("kind", "typed"), [
    ("number", "a few"), ("date", "soon"), ("money", "12"), ("money", "12 E1R"), ("money", "x EUR"), ("number", "--"),
])  # fmt: skip
def test_what_cannot_stand_for_the_type_is_refused_with_an_example(kind, typed):
    with pytest.raises(InvalidInputError) as caught:
        read_fallback(kind, typed)
    assert caught.value.allowed.startswith("e.g. ")
