"""Under test: the flat rule format. What it means as a tree, and that every fault names its place."""

from __future__ import annotations

import pytest

from dmat.segments.catalogue import Catalogue, Field
from dmat.segments.prd_rules import convert, is_flat
from dmat.segments.rules import InvalidRuleError, as_document

CATALOGUE = Catalogue(
    fields={
        field.key: field
        for field in (
            Field("country_code", "Country", "geography", "Person", "people.dim_people", "country_code"),
            Field("city", "City", "text", "Person", "people.dim_people", "city"),
            Field("orders_count", "Orders", "number", "Shop", "people.dim_people", "orders_count"),
            Field("first_seen_at", "First seen", "date", "Person", "people.dim_people", "first_seen_at"),
            Field("has_email_consent", "E-mail consent", "consent", "Consent", "people.dim_people", "x"),
        )
    },
    events={},
)
SPENT = {"attribute": "total_spend", "operator": ">", "value": 500, "within": "60 days"}
SPENT_TREE = {
    "event": "ordered", "measure": "sum", "property": "net", "op": "greater_than", "value": 500,
    "window": {"last": {"amount": 60, "unit": "days"}},
}  # fmt: skip
IN_BERLIN = {"attribute": "city", "operator": "=", "value": "Berlin"}
IN_BERLIN_TREE = {"field": "city", "op": "equals", "value": "Berlin"}


def where(*groups):
    return as_document(convert({"groups": list(groups)}, CATALOGUE))["where"]


def one(**rule):
    return where({"rules": [rule]})


def test_more_than_500_in_the_last_60_days_is_a_sum_over_orders():
    assert where({"rules": [SPENT]}) == SPENT_TREE


def test_the_rules_of_a_group_hold_together():
    assert where({"rules": [SPENT, IN_BERLIN]}) == {"all": [SPENT_TREE, IN_BERLIN_TREE]}


def test_a_group_that_says_or_is_an_alternative_to_what_stands_before_it():
    groups = [{"rules": [SPENT]}, {"operator": "OR", "rules": [IN_BERLIN]}]
    assert where(*groups) == {"any": [SPENT_TREE, IN_BERLIN_TREE]}


def test_and_binds_tighter_than_or():
    last = {"attribute": "orders_count", "operator": ">=", "value": "2"}
    groups = [{"rules": [SPENT]}, {"operator": "or", "rules": [IN_BERLIN]}, {"operator": "AND", "rules": [last]}]
    last_tree = {"field": "orders_count", "op": "at_least", "value": 2}
    assert where(*groups) == {"any": [SPENT_TREE, {"all": [IN_BERLIN_TREE, last_tree]}]}


def test_a_rule_may_say_that_it_is_an_alternative():
    assert where({"rules": [SPENT, IN_BERLIN | {"connector": "OR"}]}) == {"any": [SPENT_TREE, IN_BERLIN_TREE]}


@pytest.mark.parametrize(("value", "amount"), [("$500", 500), ("1,250.50", 1250.5), (99.95, 99.95), ("500 ", 500)])
def test_amounts_may_be_written_as_people_do(value, amount):
    assert one(attribute="total_spend", operator=">=", value=value)["value"] == amount


def test_the_last_purchase_may_lie_within_a_time_or_not():
    sixty = {"last": {"amount": 60, "unit": "days"}}
    found = one(attribute="last_purchase", operator="Within", value="60 Days")
    assert found == {"event": "ordered", "did": True, "window": sixty}
    found = one(attribute="last_purchase", operator="not within", value={"amount": 60, "unit": "days"})
    assert found == {"event": "ordered", "did": False, "window": sixty}


def test_the_last_purchase_may_lie_after_or_before_a_day():
    since = {"event": "ordered", "did": True, "window": {"from": "2026-02-01"}}
    assert one(attribute="last_purchase", operator=">", value="2026-01-31") == since
    before = one(attribute="last_purchase", operator="before", value="2026-02-01")
    assert before == {"all": [{"event": "ordered", "did": True}, {"not": since}]}


def test_not_having_bought_a_product_is_not_an_event_with_another_product():
    found = one(attribute="product_purchased", operator="!=", value="Tent")
    assert (found["did"], found["where"][0]["op"], found["where"][0]["value"]) == (False, "equals", "Tent")


def test_any_other_attribute_is_a_field_of_the_catalogue():
    assert one(attribute="country_code", operator="=", value="DE") == {
        "field": "country_code", "op": "one_of", "value": ["DE"],
    }  # fmt: skip
    assert one(attribute="country_code", operator="not in", value="DE, AT")["value"] == ["DE", "AT"]
    assert one(attribute="first_seen_at", operator=">", value="2026-01-31")["op"] == "after"
    assert one(attribute="first_seen_at", operator="within", value="2 weeks")["value"] == {"amount": 2, "unit": "weeks"}
    assert one(attribute="has_email_consent", operator="is_granted") == {
        "field": "has_email_consent",
        "op": "is_granted",
    }


@pytest.mark.parametrize(("rule", "path", "allowed"), [
    ({"attribute": "shoe_size", "operator": "=", "value": 1}, "attribute", "total_spend"),
    ({"attribute": "1; drop table people", "operator": "=", "value": 1}, "attribute", "country_code"),
    ({"operator": "=", "value": 1}, "attribute", "a text"), ({"attribute": "city", "value": 1}, "operator", "a text"),
    ({"attribute": "city", "operator": ">", "value": "x"}, "operator", "contains"),
    ({"attribute": "city", "operator": "LIKE", "value": "x"}, "operator", "starts_with"),
    ({"attribute": "city", "operator": "=", "value": "x", "sql": "1=1"}, "sql", "attribute"),
    ({"attribute": "city", "operator": "=", "value": "x", "within": "1 day"}, "within", "no within"),
    ({"attribute": "total_spend", "operator": ">", "value": "a lot"}, "value", "$500"),
    ({"attribute": "total_spend", "operator": ">"}, "value", "a value"),
    ({"attribute": "total_spend", "operator": ">", "value": 1, "within": "soon"}, "within", "60 days"),
    ({"attribute": "last_purchase", "operator": "within", "value": 60}, "value", "60 days"),
    ({"attribute": "last_purchase", "operator": "before", "value": "yesterday"}, "value", "2026-01-31"),
    ({"attribute": "last_purchase", "operator": "today", "value": 1}, "operator", "within"),
    (["attribute"], "", "attribute"), ({"attribute": "city", "operator": "=", "value": 1, "connector": "XOR"},
                                       "connector", "AND, OR"),
])  # fmt: skip
def test_a_fault_names_its_place_and_what_is_allowed(rule, path, allowed):
    with pytest.raises(InvalidRuleError) as caught:
        where({"rules": [IN_BERLIN, rule]})
    [fault] = caught.value.faults
    assert fault.path == f"groups[0].rules[1].{path}".rstrip(".")
    assert allowed in fault.allowed


@pytest.mark.parametrize("document", [
    {"groups": []}, {"groups": {}}, {"groups": [{}]}, {"groups": [[]]}, {"groups": [{"rules": []}]},
    {"groups": [{"rules": [IN_BERLIN], "operator": "NOT"}]}, {"groups": [{"rules": [IN_BERLIN], "sql": "x"}]},
    {"groups": [{"rules": [IN_BERLIN]}], "limit": 1}, {"groups": [{"rules": [IN_BERLIN] * 401}]}, {"groups": None},
    {"groups": [{"rules": [IN_BERLIN | {"value": {"a": [1]}}]}]},
])  # fmt: skip
def test_a_document_of_another_shape_is_refused(document):
    with pytest.raises(InvalidRuleError):
        convert(document, CATALOGUE)


def test_all_faults_are_told_at_once():
    with pytest.raises(InvalidRuleError) as caught:
        where({"rules": [{"attribute": "x", "operator": "="}, {"attribute": "city"}]}, {"operator": "XOR", "rules": []})
    assert [fault.path for fault in caught.value.faults] == [
        "groups[0].rules[0].attribute", "groups[0].rules[1].operator", "groups[1].rules", "groups[1].operator",
    ]  # fmt: skip


def test_the_format_is_told_apart_from_a_tree():
    assert is_flat({"groups": []})
    assert not is_flat({"where": {}, "groups": []})
    assert not is_flat([])
