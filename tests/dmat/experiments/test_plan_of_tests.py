"""Under test: what makes a plan of a test whole in itself; each refusal names its place and says what is allowed."""

from __future__ import annotations

import pytest
from tested_campaigns import document_of_test, plan_of_test

from dmat.errors import InvalidInputError
from dmat.experiments.plan import as_document, parse_test_plan, plan_hash, plan_schema

HALVES = [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}]


def arms(*overrides):
    return [{"key": "abcd"[n], "share": 1 / len(overrides), "overrides": each} for n, each in enumerate(overrides)]


def cells(*levels):
    return [{"key": "abcd"[n], "share": 0.25, "levels": dict(zip(("image", "text"), each, strict=True))}
            for n, each in enumerate(levels)]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arms": HALVES[:1]}, "arms: there are too few (allowed: 2 to 6 entries)"),
        ({"arms": [HALVES[0], HALVES[0]]}, "two arms have the same key"),
        ({"arms": [HALVES[0], {"key": "b", "share": 0.2}]}, "do not add up to 1"),
        ({"arms": [HALVES[0], {"key": "b-rest", "share": 0.5}]}, "arms[1].key: 'b-rest' has another form"),
        ({"control": "z"}, "the control 'z' is none of the arms"),
        ({"campaign_id": None}, "needs the number of a campaign"),
        ({"step": ""}, "which step of the campaign"),
        ({"duration_hours": None}, "duration_hours, sample_per_arm or both"),
        ({"primary": "beauty"}, "'beauty' is no metric"),
        ({"primary": "open_rate"}, "machines open mails too"),
        ({"arms": HALVES}, "a subject of its own"),
        ({"kind": "send_time", "arms": arms({"time": "09:00"}, {"time": "09:00"})}, "a time of its own"),
        (
            {"kind": "send_time", "arms": arms({"time": "25:00"}, {"time": "09:00"})},
            "arms[0].overrides.time: '25:00' has another form (allowed: a time of day from 00:00 to 23:59, or nothing)",
        ),
        ({"kind": "frequency", "arms": arms({"steps": ["x"]}, {"steps": ["x"]})}, "no two say the same"),
        ({"kind": "offer", "arms": HALVES}, "a code pool or a template"),
        ({"kind": "landing_page"}, "which one, as /offer"),
        ({"kind": "factorial", "arms": HALVES}, "two factors with two levels"),
        ({"kind": "factorial", "arms": cells("xp", "xp", "yp", "yq")}, "two factors with two levels"),
        ({"exclusion_group": "g", "sample_per_arm": 10}, "by test_share"),
        ({"inference": "fixed", "duration_hours": None, "sample_per_arm": 9}, "needs duration_hours"),
        ({"test_share": 0}, "test_share: 0 is too small (allowed: more than 0, at most 1)"),
        (
            {"arms": arms({}, {"subject": "two\r\nBcc: all@example.com"})},
            "arms[1].overrides.subject: 'two\\r\\nBcc: all@example.com' has another form (allowed: one line)",
        ),
        (
            {"arms": arms({}, {"url": "javascript:alert(1)"})},
            "arms[1].overrides.url: 'javascript:alert(1)' has another form",
        ),
        ({"colour": "red"}, "colour: there is no such field (allowed: name, key, hypothesis"),
    ],
)
def test_a_plan_that_is_not_whole_is_refused_in_words(change, words):
    with pytest.raises(InvalidInputError, match=r".*") as refused:
        parse_test_plan(document_of_test(**change))
    assert words in str(refused.value)


def test_a_plan_survives_the_way_to_json_and_back():
    plan = plan_of_test(kind="factorial", arms=cells("xp", "xq", "yp", "yq"), primary="ctr", step="mail")
    assert parse_test_plan(as_document(plan)) == plan
    assert plan_hash(parse_test_plan(as_document(plan))) == plan_hash(plan)
    assert (plan.primary, plan.control_key, plan.arm_keys) == ("click", "a", ("a", "b", "c", "d"))


def test_opens_may_decide_when_somebody_says_why():
    plan = plan_of_test(primary="open_rate", rule={"metric_reason": "nobody clicks in a birthday card"})
    assert plan.primary == "open_human"


def test_a_test_of_frequency_touches_the_steps_of_all_its_arms():
    plan = plan_of_test(kind="frequency", arms=arms({"steps": ["one"]}, {"steps": ["one", "two"]}), step="")
    assert plan.steps == ("one", "two")


def test_the_schema_names_every_field():
    assert {"arms", "test_share", "primary", "rule"} <= set(plan_schema()["properties"])
