"""Under test: conditions as pandas takes them, read as rules. The text is read, never run."""

from __future__ import annotations

import pandas as pd
import pytest

from dmat.errors import InvalidInputError
from dmat.segments.catalogue import Catalogue, Field
from dmat.segments.frame_rules import people_in, rule_from_emails, rule_from_text
from dmat.segments.rules import as_document

TYPES = {
    "country_code": "geography", "city": "text", "email": "text", "orders_count": "number", "revenue": "money",
    "first_seen_at": "date", "is_vip": "boolean", "has_email_consent": "consent", "sources": "list",
}  # fmt: skip
CATALOGUE = Catalogue(fields={key: Field(key, key, type_, "", "t", key) for key, type_ in TYPES.items()}, events={})


def where(text):
    return as_document(rule_from_text(text, CATALOGUE))["where"]


def field(key, op, value=None):
    return {"field": key, "op": op} | ({} if value is None else {"value": value})


@pytest.mark.parametrize(("text", "tree"), [
    ("country_code == 'DE'", field("country_code", "one_of", ["DE"])),
    ("country_code != 'DE'", field("country_code", "none_of", ["DE"])),
    ("country_code in ['DE', 'AT']", field("country_code", "one_of", ["DE", "AT"])),
    ("city not in ('Berlin',)", field("city", "none_of", ["Berlin"])),
    ("city.isin(['Berlin'])", field("city", "one_of", ["Berlin"])),
    ("email.str.endswith('@x.example')", field("email", "ends_with", "@x.example")),
    ("city.str.contains('a')", field("city", "contains", "a")), ("city.isna()", field("city", "is_unknown")),
    ("revenue > 500", field("revenue", "greater_than", 500)), ("500 < revenue", field("revenue", "greater_than", 500)),
    ("revenue >= 99.95", field("revenue", "at_least", 99.95)), ("revenue > -1", field("revenue", "greater_than", -1)),
    ("orders_count.between(2, 5)", field("orders_count", "between", [2, 5])),
    ("1 < orders_count <= 5", {"all": [field("orders_count", "greater_than", 1), field("orders_count", "at_most", 5)]}),
    ("first_seen_at > '2026-01-31'", field("first_seen_at", "after", "2026-01-31")),
    ("first_seen_at >= '2026-01-31'", field("first_seen_at", "after", "2026-01-30")),
    ("first_seen_at <= '2026-01-31'", field("first_seen_at", "before", "2026-02-01")),
    ("first_seen_at == '2026-01-31'", field("first_seen_at", "on", "2026-01-31")),
    ("is_vip", field("is_vip", "is_true")), ("is_vip == False", field("is_vip", "is_false")),
    ("has_email_consent", field("has_email_consent", "is_granted")),
    ("not has_email_consent", {"not": field("has_email_consent", "is_granted")}),
    ("'hubspot' in sources", field("sources", "contains_any", ["hubspot"])),
    ("is_vip & ~(city == 'a') | revenue > 1 and is_vip", None),
    ("(is_vip) & (city == 'a') | ~(is_vip)",
     {"any": [{"all": [field("is_vip", "is_true"), field("city", "equals", "a")]},
              {"not": field("is_vip", "is_true")}]}),
    ("is_vip and (city == 'a' or city == 'b')",
     {"all": [field("is_vip", "is_true"), {"any": [field("city", "equals", "a"), field("city", "equals", "b")]}]}),
])  # fmt: skip
def test_a_condition_is_read_as_a_rule(text, tree):
    if tree is None:  # Python's own precedence of & and | differs from and/or: refused rather than guessed
        with pytest.raises(InvalidInputError):
            where(text)
    else:
        assert where(text) == tree


@pytest.mark.parametrize(("text", "what"), [
    ("__import__('os').system('id')", "not understood"), ("country_code == open('x')", "not understood"),
    ("shoe_size > 1", "shoe_size"), ("country_code ==", "cannot be read"), ("", "cannot be read"),
    ("city > 'a'", "is a text"), ("revenue", "not yes or no"), ("first_seen_at > 'soon'", "is a date"),
    ("first_seen_at in ['2026-01-01']", "is a date"), ("'a' in city", "no list"), ("city.str.match('x')", "understood"),
    ("city.apply(lambda x: x)", "not understood"), ("[x for x in city]", "not understood"), ("x" * 10_001, "too long"),
    ("(" * 400 + "is_vip" + ")" * 400, "cannot be read"), ("city == 'a' if is_vip else city == 'b'", "not understood"),
    ("1 == 1", "not understood"), ("city.__class__ == 'a'", "not understood"), ("city == f'{is_vip}'", "understood"),
])  # fmt: skip
def test_anything_else_is_refused_with_what_is_understood(text, what):
    with pytest.raises(InvalidInputError, match=what) as caught:
        where(text)
    assert caught.value.field == "predicate"
    assert caught.value.allowed


def test_many_addresses_become_lists_of_a_thousand():
    tree = as_document(rule_from_emails([f"P{n}@x.example " for n in range(2500)] + ["p1@x.example", ""]))["where"]
    assert [len(part["value"]) for part in tree["any"]] == [1000, 1000, 500]
    assert as_document(rule_from_emails(["A@x.example"]))["where"] == field("email", "one_of", ["a@x.example"])
    with pytest.raises(InvalidInputError):
        rule_from_emails([" "])


def test_a_data_frame_names_people_by_number_or_address_also_as_its_index():
    assert people_in(pd.DataFrame({"email": ["a", None, "a"], "x": [1, 2, 3]})) == ("email", ["a"])
    assert people_in(pd.DataFrame({"x": [1, 2]}, index=pd.Index([7, 8], name="person_id"))) == ("person_id", [7, 8])
    with pytest.raises(InvalidInputError, match="column person_id or email"):
        people_in(pd.DataFrame({"name": ["a"]}))
