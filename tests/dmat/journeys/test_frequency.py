"""Under test: how many messages one person could get within a week of the cap, whichever way they go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journey_worlds import document_with

from dmat.journeys.checking import check_definition
from dmat.journeys.definition import parse_definition
from dmat.journeys.frequency import most_messages

MAIL = {"do": "send", "channel": "email", "template": "newsletter"}


def mail(key, **more):
    return {"key": key, **MAIL, **more}


def wait(key, span, **more):
    return {"key": key, "do": "wait", "for": span, **more}


def definition(*steps, **changes):
    return parse_definition(document_with(steps=list(steps), exit_when=[], trigger={"kind": "api"}) | changes)


@pytest.mark.parametrize(
    ("steps", "most"),
    [
        ([mail("a")], "a"),
        ([mail("a"), wait("w", "1d"), mail("b"), wait("v", "1d"), mail("c")], "abc"),
        ([mail("a"), wait("w", "7d"), mail("b")], "a"),  # a week later it counts no more
        ([mail("a"), wait("w", "6d"), mail("b"), wait("v", "6d"), mail("c"), mail("d")], "bcd"),
        ([mail("a", purpose="transactional"), mail("b")], "b"),
        ([mail("a"), wait("w", "8d", until_event={"event": "ordered"}), mail("b")], "ab"),  # it may happen at once
        ([mail("a"), wait("w", "8d", until_event={"event": "ordered"}, on_timeout="c"), mail("b", then="end"),
          mail("c"), mail("d")], "ab"),
        ([mail("a"), {"key": "x", "do": "wait", "until_time": "09:00"}, mail("b")], "ab"),
        ([{"key": "x", "do": "exit"}], ""),
    ],
)  # fmt: skip
def test_the_way_with_the_most_messages_within_a_week_is_found(steps, most):
    assert "".join(most_messages(definition(*steps))) == most


def test_of_ways_that_exclude_each_other_only_one_counts():
    branch = {"key": "who", "do": "branch", "otherwise": "c",
              "cases": [{"when": {"kind": "consent", "channel": "sms"}, "go": "a"}]}  # fmt: skip
    steps = [branch, mail("a"), wait("w", "1h"), mail("b", then="d"), mail("c"), mail("d")]
    assert most_messages(definition(*steps)) == ("a", "b", "d")
    assert most_messages(definition(*steps), timedelta(hours=1)) == ("b", "d")


def test_ways_that_part_again_and_again_take_no_longer_than_their_steps():
    steps = []
    for number in range(60):
        cases = [{"when": {"kind": "consent", "channel": "sms"}, "go": f"m{number}"}]
        steps += [{"key": f"b{number}", "do": "branch", "cases": cases, "otherwise": f"w{number}"},
                  mail(f"m{number}"), wait(f"w{number}", "1h")]  # fmt: skip
    assert len(most_messages(definition(*steps))) == 60


def test_a_journey_over_the_cap_is_told_at_the_message_that_would_wait(journey_world):
    steps = [mail("a"), wait("w", "1d"), mail("b"), wait("v", "1d"), mail("c"), wait("u", "1d"), mail("d")]
    found = check_definition(journey_world.source, definition(*steps, goal={"event": "ordered", "days": 7}))
    [finding] = found  # by default three messages a week
    assert (finding.place, finding.is_blocking) == ("steps[6]", False)
    assert "4 messages within seven days" in finding.what
    fine = check_definition(journey_world.source, definition(*steps[:5], goal={"event": "ordered", "days": 7}))
    assert fine == []
