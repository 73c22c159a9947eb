"""Under test: a definition is read whole or refused with the place of the fault, and comes back as it was."""

from __future__ import annotations

import json

import pytest
from journey_worlds import DOCUMENT, document_with

from dmat.errors import InvalidInputError, InvalidRuleError
from dmat.journeys.definition import (
    as_document,
    as_yaml,
    definition_hash,
    journey_schema,
    parse_definition,
    read_definition,
)


def test_a_definition_comes_back_as_it_was_from_json_and_from_yaml():
    definition = parse_definition(DOCUMENT)
    assert parse_definition(json.loads(json.dumps(as_document(definition)))) == definition
    assert read_definition(as_yaml(definition)) == definition


def test_the_same_definition_has_the_same_hash_and_another_one_another():
    one = parse_definition(DOCUMENT)
    assert definition_hash(one) == definition_hash(parse_definition(as_document(one)))
    assert definition_hash(one) != definition_hash(parse_definition(DOCUMENT | {"name": "Other"}))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"trigger": {"kind": "event"}}, "trigger.event"),
        ({"trigger": {"kind": "cart_abandoned", "after": "soon"}}, "trigger.after"),
        ({"trigger": {"kind": "moonrise"}}, "trigger"),
        ({"key": "Not A Key"}, "key"),
        ({"steps": [{"key": "w", "do": "wait"}]}, "steps[0]"),
        ({"steps": [{"key": "w", "do": "wait", "for": "3 moons"}]}, "steps[0].for"),
        ({"steps": [{"key": "w", "do": "wait", "until_time": "25:00"}]}, "steps[0].until_time"),
        ({"steps": [{"key": "w", "do": "dance"}]}, "steps[0]"),
        ({"steps": [{"key": "s", "do": "send", "channel": "pigeon", "template": "x"}]}, "steps[0].channel"),
        ({"steps": [{"key": "s", "do": "send", "channel": "email", "template": "x", "colour": 1}]}, "steps[0].colour"),
        ({"steps": [{"key": "a", "do": "exit"}, {"key": "a", "do": "exit"}]}, "steps[1].key"),
        ({"steps": [{"key": "a", "do": "goal", "then": "b"}]}, "steps[0].then"),
        ({"steps": [{"key": "a", "do": "exit"}, {"key": "b", "do": "goal"}]}, "steps[1]"),
        ({"steps": [{"key": "a", "do": "goal"}, {"key": "b", "do": "goal", "then": "a"}]}, "steps[0]"),
        ({"steps": [{"key": "p", "do": "add_points", "data": {}}]}, "steps[0]"),
        ({"steps": [{"key": "s", "do": "split", "arms": [{"key": "a", "share": 0.5, "go": "end"}] * 2}]}, "steps[0]"),
        ({"steps": [{"key": "b", "do": "branch", "cases": [
            {"when": {"kind": "reacted", "step": "mail", "how": "opened"}, "go": "end"}]}]},
         "steps[0].cases[0].when.step"),
        ({"steps": [{"key": "b", "do": "branch", "cases": [
            {"when": {"kind": "score", "at_least": 40, "over": 50}, "go": "end"}]}]}, "steps[0].cases[0].when"),
        ({"exit_when": [{"event": "ordered", "left_segment": "vip"}]}, "exit_when[0]"),
        ({"exit_when": [{"event": "cart_ordered"}], "trigger": {"kind": "api"}}, "exit_when"),
        ({"holdout": {"share": 0}}, "holdout"),
        ({"entry": {"again": "after"}}, "entry"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(changes, place):
    with pytest.raises(InvalidInputError) as refused:
        parse_definition(document_with(**changes))
    assert refused.value.field == place


def test_every_fault_is_told_in_words_with_what_is_allowed():
    mail = {"key": "m", "do": "send", "channel": "pigeon", "template": ""}
    nested = {"kind": "all", "of": [{"kind": "not", "of": {"kind": "score", "at_least": "hot"}}, {"kind": "did"}]}
    branch = {"key": "b", "do": "branch", "cases": [{"when": nested, "go": "end"}]}
    with pytest.raises(InvalidRuleError) as refused:
        parse_definition(document_with(steps=[mail, branch], priority=1000))
    assert list(refused.value.faults) == [
        ("steps[0].channel", "'pigeon' is not allowed", "email, sms, whatsapp, push or in_app"),
        ("steps[0].template", "it is empty", "a text, 1 to 100 characters"),
        ("steps[1].cases[0].when.of[0].of.at_least", "'hot' is not a number", "a number"),
        ("steps[1].cases[0].when.of[1].event", "it is missing", "key of an event of the catalogue"),
        ("priority", "1000 is too large", "-100 to 100"),
    ]


def test_what_is_no_yaml_is_refused():
    with pytest.raises(InvalidInputError, match="not YAML"):
        read_definition("steps: [")


def test_the_schema_knows_every_kind_of_step_and_trigger():
    text = json.dumps(journey_schema())
    for word in ("send", "wait", "branch", "split", "assign_lead", "audience", "cart_abandoned", "schedule"):
        assert f'"{word}"' in text


def test_the_schema_takes_what_the_reader_takes():
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    assert jsonschema_rs.is_valid(journey_schema(), as_document(parse_definition(DOCUMENT)))
    assert not jsonschema_rs.is_valid(journey_schema(), document_with(steps=[{"key": "a", "do": "dance"}]))
