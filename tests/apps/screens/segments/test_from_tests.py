"""Under test: a figure of a test leads to the builder with its people, and an address cannot ask for anything else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from apps.screens.segments.beginning import Beginning, begin
from apps.screens.segments.from_tests import people_of_test, read_people_of_test
from dmat.segments.rules import parse


def test_everybody_of_a_variation_and_those_who_reacted_are_two_rules():
    everybody, clicked = people_of_test(7, "b"), people_of_test(7, "b", "click")
    assert everybody.link == "/segments?new=blank&test=7%3Ab"
    where = [
        {"property": "test", "op": "equals", "value": 7}, {"property": "variation", "op": "one_of", "value": ["b"]},
    ]  # fmt: skip
    assert everybody.rule["where"]["all"] == [{"event": "in_ab_test", "did": True, "where": where}]
    node = clicked.rule["where"]["all"][0]
    assert node["event"] == "reacted_in_ab_test"
    assert node["where"][-1] == {"property": "measure", "op": "one_of", "value": ["click"]}
    assert clicked.title == "Test 7, variation B, clicked"


@pytest.mark.parametrize("metric", ["", "click", "unsubscribe", "revenue", "order_value"])
def test_the_address_begins_the_same_people_again_and_the_rule_is_one(metric):
    people = people_of_test(7, "b", metric)
    assert read_people_of_test(people.as_text) == people
    assert parse(people.rule)


def test_amounts_lead_to_those_who_ordered():
    assert people_of_test(7, "b", "revenue").measure == "conversion"


@pytest.mark.parametrize("text", ["", "7", "0:b", "-1:b", "7:B", "7:b:beauty", "7:b:click:x", "7:b' or 1=1", "x:b"])
def test_anything_else_is_no_part_of_a_test(text):
    assert read_people_of_test(text) is None


def test_the_builder_begins_with_these_people_and_not_with_an_old_draft():
    old = SimpleNamespace(load_draft=lambda user, key: SimpleNamespace(document={"title": "Left over"}))
    people = people_of_test(7, "b", "click")
    beginning = Beginning(None, "blank", of_test=people)
    user = SimpleNamespace(email="ana@example.com")
    model, is_resumed = begin(SimpleNamespace(library=old), user, beginning)
    assert (model.title, model.rule, is_resumed) == (people.title, people.rule, False)
    assert beginning.query["test"] == "7:b:click"
