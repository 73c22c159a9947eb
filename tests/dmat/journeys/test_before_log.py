"""Under test: a segment starts a journey that is lived through a past in which nobody wrote down who was in it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journey_worlds import document_with, in_segment, ordered
from segment_world import NOW, number_of

from dmat.journeys.before_log import Past, as_then, log_begins, members_then
from dmat.journeys.checking import check_definition
from dmat.journeys.definition import parse_definition
from dmat.journeys.entries import segment_members
from dmat.journeys.known import Known
from dmat.journeys.records import Gaps, JourneyVersion
from dmat.journeys.replay import replay
from dmat.journeys.replay_report import report_of
from dmat.segments.rules import parse

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter"}
SIXTY_DAYS = {"amount": 60, "unit": "days"}
LAPSED = {"all": [{"field": "orders_count", "op": "at_least", "value": 1},
                  {"field": "last_order_at", "op": "not_within_last", "value": SIXTY_DAYS}]}  # fmt: skip
FIRST_LOOK = NOW - HOUR


@pytest.fixture
def lapsing(journey_world):
    """Person n ordered 10 n days ago less half a day; 7 again five days ago. The first look was an hour ago."""
    journey_world.source.desk.library.create(
        name="Lapsed", key="lapsed", rule=parse({"version": 1, "where": LAPSED}), by="a@shop.example"
    )
    stays = [in_segment("lapsed", person, FIRST_LOOK) for person in range(8, 13)]
    journey_world.look(NOW, ordered(7, NOW - 5 * DAY), *stays)
    return journey_world


def retold(world, change: str, since, known=None):
    trigger = {"kind": "segment", "segment": "lapsed", "change": change}
    definition = parse_definition(document_with(steps=[MAIL], trigger=trigger, exit_when=[]))
    version = JourneyVersion(0, 1, definition, {}, "", NOW, "")
    found = replay(world.source, 0, version, since, NOW, *([known] if known else []))
    return found, sorted((each.life.person.person_id, each.life.entered_at) for each in found.members.values())


def test_who_came_in_day_by_day_is_reckoned_by_the_rule_with_the_orders_of_then(lapsing):
    found, entered = retold(lapsing, "entered", NOW - 25 * DAY)
    first, second = (NOW - days * DAY for days in (9, 19))
    assert [person for person, _ in entered] == [number_of(7), number_of(8)]  # 9 to 12 were in it before
    for (_, at), noon in zip(entered, (first, second), strict=True):
        assert abs(at - noon) <= HOUR  # the noon of the workspace after 60 days without an order
    assert found.reckoned_until == FIRST_LOOK
    assert "reckoned by its rule" in "\n".join(report_of(lapsing.source, found).lines())


def test_who_left_is_reckoned_too_and_what_is_written_down_is_taken_as_it_stands(lapsing):
    _, left = retold(lapsing, "left", NOW - 25 * DAY)
    assert [person for person, _ in left] == [number_of(7)]
    lapsing.look(NOW, in_segment("lapsed", 2, NOW - HOUR / 2))
    found, entered = retold(lapsing, "entered", FIRST_LOOK)
    assert [person for person, _ in entered] == [number_of(2)]
    assert found.reckoned_until is None


def test_a_journey_as_it_was_lived_knows_only_what_was_written_down(lapsing):
    found, entered = retold(lapsing, "entered", NOW - 25 * DAY, Known(Gaps(())))
    assert [person for person, _ in entered] == [number_of(person) for person in range(8, 13)]
    assert found.reckoned_until is None


def test_at_the_first_look_the_reckoning_finds_who_was_written_down(lapsing):
    desk = lapsing.source.desk
    assert log_begins(desk, "lapsed") == FIRST_LOOK
    assert log_begins(desk, "no-such-segment") is None
    assert members_then(desk, "lapsed", FIRST_LOOK) == {number_of(person) for person in range(8, 13)}
    assert segment_members(desk, "lapsed", NOW - 6 * DAY) == [number_of(person) for person in range(7, 13)]
    assert segment_members(desk, "lapsed", NOW) == [number_of(person) for person in range(8, 13)]


@pytest.mark.parametrize("has_entered", [True, False])
def test_asked_span_after_span_the_past_tells_the_same_moves_as_asked_at_once(lapsing, has_entered):
    desk, since = lapsing.source.desk, NOW - 25 * DAY
    whole = list(Past(desk, "lapsed").moves(has_entered, since, NOW))
    past = Past(desk, "lapsed")
    spans = [(since + number * DAY / 2, since + (number + 1) * DAY / 2) for number in range(50)]
    assert [move for begin, end in spans for move in past.moves(has_entered, begin, end)] == whole
    assert [person for person, _ in whole] == ([number_of(7), number_of(8)] if has_entered else [number_of(7)])[::-1]


def test_events_without_a_window_count_up_to_the_moment_that_is_asked_of(lapsing):
    catalogue = lapsing.source.desk.catalogue()
    where = {"any": [{"not": {"event": "ordered", "did": True}}, {"field": "country_code", "op": "is_known"}]}
    inner = as_then(parse({"version": 1, "where": where}), catalogue).where
    assert inner.children[0].child.window.last.amount == 100
    assert inner.children[1].field == "country_code"


def test_a_journey_that_begins_once_is_lived_as_if_its_moment_were_in_the_past(lapsing):
    trigger = {"kind": "schedule", "segment": "lapsed", "moment": "2030-03-20T08:00:00"}
    definition = parse_definition(document_with(steps=[MAIL], trigger=trigger, exit_when=[]))
    assert [each.place for each in check_definition(lapsing.source, definition)][:1] == ["trigger.moment"]
    version = JourneyVersion(0, 1, definition, {}, "", NOW, "")
    found = replay(lapsing.source, 0, version, NOW - 6 * DAY, NOW)
    begun_at = (NOW - 5 * DAY).replace(hour=8, minute=0)
    assert found.begun_at == begun_at
    assert "as if it had begun at" in report_of(lapsing.source, found).lines()[1]
    entered = {(each.life.person.person_id, each.life.entered_at) for each in found.members.values()}
    assert entered == {(number_of(person), begun_at) for person in range(7, 13)}
    assert replay(lapsing.source, 0, version, NOW - 6 * DAY, NOW, Known(Gaps(()))).members == {}
