"""Under test: reading a rule. What is wrong is named with its place; what means the same has one canonical form."""

from __future__ import annotations

import jsonschema_rs
import pytest
from hypothesis import given, settings
from rule_worlds import CATALOGUE, OTHERS, rules

from dmat.segments.checking import check
from dmat.segments.rules import (
    EVERYBODY,
    Fault,
    InvalidRuleError,
    as_document,
    canonical,
    json_schema,
    parse,
    parse_json,
    parse_yaml,
    rule_hash,
    segments_used,
    walk,
)

KNOWN = {"field": "name", "op": "is_known"}


def faults(node):
    with pytest.raises(InvalidRuleError) as refused:
        parse({"version": 1, "where": node})
    return [Fault(*fault) for fault in refused.value.faults]


def checked(node, segments=None, key=""):
    return check(parse({"version": 1, "where": node}), CATALOGUE, segments, key)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rules)
def test_a_rule_is_the_same_after_being_written_and_read(document):
    rule = parse(document)
    assert parse(as_document(rule)) == rule
    assert parse_json(rule.model_dump_json(by_alias=True)) == rule
    assert check(rule, CATALOGUE, {key: parse(other) for key, other in OTHERS.items()}) == []
    assert jsonschema_rs.validator_for(json_schema()).is_valid(as_document(rule))


def test_yaml_is_the_same_tree_and_days_need_no_quotes():
    rule = parse_yaml("version: 1\nwhere:\n  all:\n  - {field: seen_at, op: after, value: 2026-01-31}\n")
    assert rule == parse({"where": {"all": [{"field": "seen_at", "op": "after", "value": "2026-01-31"}]}})


def test_a_fault_names_its_place_in_the_tree():
    node = {"all": [KNOWN, {"not": {"any": [{"field": "name", "op": "one_of", "value": ["a", 1]}]}}]}
    assert [fault.path for fault in faults(node)] == ["where.all[1].not.any[0].value[1]"]


def test_all_faults_are_named_at_once():
    node = {"all": [{"field": "name"}, {"event": "ordered"}, {"sample": 200}, {"nothing": 1}]}
    paths = [fault.path for fault in faults(node)]
    assert paths == ["where.all[0].op", "where.all[1]", "where.all[2].sample", "where.all[3]"]


def test_what_is_no_condition_is_told_what_conditions_there_are():
    assert "all, any, not, field, event, sequence, segment, sample" in faults({"x": 1})[0].allowed


@pytest.mark.parametrize("number", [True, float("nan"), float("inf"), 1e13, 10**400])
def test_what_is_no_ordinary_number_is_refused(number):
    assert faults({"field": "orders_count", "op": "equals", "value": number})[0].path == "where.value"


def test_a_text_is_no_number():
    assert checked({"field": "orders_count", "op": "equals", "value": "1"})[0].what == "is no number"


def test_order_and_repetition_of_conditions_do_not_change_the_hash():
    other = {"field": "city", "op": "one_of", "value": ["b", "a"]}
    first = parse({"where": {"all": [KNOWN, other]}})
    second = parse({"where": {"all": [{**other, "value": ["a", "b", "a"]}, KNOWN, KNOWN]}})
    assert canonical(first) == canonical(second)
    assert rule_hash(first) == rule_hash(second)


def test_order_of_steps_and_of_bounds_changes_the_hash():
    steps = [{"event": "ordered"}, {"event": "visited"}]
    assert rule_hash(parse({"where": {"sequence": steps}})) != rule_hash(parse({"where": {"sequence": steps[::-1]}}))
    bounds = [{"field": "orders_count", "op": "between", "value": pair} for pair in ([1, 2], [2, 1])]
    assert rule_hash(parse({"where": bounds[0]})) != rule_hash(parse({"where": bounds[1]}))


def test_walking_gives_every_node_with_its_path_parents_first():
    rule = parse({"where": {"all": [KNOWN, {"not": {"segment": "vip"}}, {"any": [{"segment": "vip"}]}]}})
    assert [path for path, _ in walk(rule)] == [
        "where", "where.all[0]", "where.all[1]", "where.all[1].not", "where.all[2]", "where.all[2].any[0]",
    ]  # fmt: skip
    assert segments_used(rule) == ("vip",)
    assert segments_used(EVERYBODY) == ()


# -- against the catalogue -------------------------------------------------------------------------------------------


def test_an_unknown_field_is_told_its_neighbours():
    fault = checked({"field": "orders_cuont", "op": "equals", "value": 1})[0]
    assert (fault.path, fault.allowed) == ("where.field", "orders_count")


def test_an_operator_of_another_type_is_told_those_of_the_type():
    fault = checked({"field": "is_member", "op": "contains", "value": "x"})[0]
    assert fault.path == "where.op"
    assert fault.allowed == "is_true, is_false, is_known, is_unknown"


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ({"field": "revenue_cents", "op": "at_least", "value": 1.005}, "where.value"),
        ({"field": "orders_count", "op": "between", "value": [3, 1]}, "where.value"),
        ({"field": "orders_count", "op": "is_known", "value": 1}, "where.value"),
        ({"field": "orders_count", "op": "equals"}, "where.value"),
        ({"field": "orders_count", "op": "equals", "value": 1, "currency": "EUR"}, "where.currency"),
        ({"field": "name", "op": "contains", "value": ""}, "where.value"),
        ({"field": "birthday", "op": "within_last", "value": {"amount": 3, "unit": "hours"}}, "where.value"),
        (
            {"field": "birthday", "op": "anniversary_within_next", "value": {"amount": 2, "unit": "years"}},
            "where.value",
        ),
        ({"field": "country_code", "op": "in_region", "value": ["mars"]}, "where.value"),
        ({"event": "orderd", "did": True}, "where.event"),
        (
            {"event": "ordered", "did": True, "where": [{"property": "page", "op": "is_known"}]},
            "where.where[0].property",
        ),
        ({"event": "ordered", "measure": "sum", "property": "status", "op": "equals", "value": 1}, "where.property"),
        ({"event": "ordered", "measure": "sum", "op": "equals", "value": 1}, "where.property"),
        ({"event": "ordered", "measure": "count", "property": "net", "op": "equals", "value": 1}, "where.property"),
        ({"sequence": [{"event": "ordered", "within": {"amount": 1, "unit": "days"}}]}, "where.sequence[0].within"),
        (
            {
                "sequence": [{"event": "visited"}, {"event": "ordered"}],
                "without": {"event": "visited", "within": {"amount": 1, "unit": "days"}},
            },
            "where.without.within",
        ),
        (
            {
                "event": "ordered",
                "did": True,
                "window": {"between": [{"amount": 1, "unit": "days"}, {"amount": 1, "unit": "weeks"}]},
            },
            "where.window.between",
        ),
        ({"segment": "nobody"}, "where.segment"),
    ],
)
def test_what_does_not_fit_the_catalogue_is_named_with_its_place(node, path):
    assert [fault.path for fault in checked(node)] == [path]


def segment(key):
    return parse({"where": {"all": [KNOWN, {"segment": key}]}})


def test_a_segment_that_leads_back_to_itself_is_refused_with_the_way():
    found = check(segment("a"), CATALOGUE, {"a": segment("b"), "b": segment("vip")}, key="vip")
    assert [(fault.path, fault.what) for fault in found] == [
        ("where.all[1].segment", "runs in a circle: vip -> a -> b -> vip")
    ]


def test_a_circle_among_other_segments_is_refused_with_the_way():
    found = check(segment("a"), CATALOGUE, {"a": segment("b"), "b": segment("c"), "c": segment("b")})
    assert found[0].what == "runs in a circle: b -> c -> b"


def test_a_segment_that_is_named_twice_is_no_circle():
    both = parse({"where": {"all": [{"segment": "a"}, {"segment": "b"}]}})
    assert check(both, CATALOGUE, {"a": segment("b"), "b": parse({"where": KNOWN})}) == []
