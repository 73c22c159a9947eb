"""Under test: the machine moves one member on, the same whatever the order and lateness in which things are told.

The stateful test lives a member through random waits, happenings and looks, in two ways: looked at all the time, and
looked at once at the end. Both must have done the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from journey_worlds import DOCUMENT, document_with

from dmat.journeys.definition import parse_definition
from dmat.journeys.living import Life, live
from dmat.journeys.machine import (
    COMPLETED,
    EXITED,
    NOT_KNOWN,
    WAITING,
    Asked,
    Happening,
    Person,
    advance,
    arm_of,
    due_after,
    enter,
    happen,
    in_year,
    next_date,
    next_time,
)
from dmat.journeys.steps import Send, Wait

START = datetime(2026, 3, 4, 12, 0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERSON = Person(7, "Europe/Berlin")
BERLIN = ZoneInfo("Europe/Berlin")


def journey(*steps, **changes):
    return parse_definition(document_with(steps=list(steps), exit_when=changes.pop("exit_when", []), **changes))


SEND = {"key": "mail", "do": "send", "channel": "email", "template": "x"}
WAIT = {"key": "day", "do": "wait", "for": "1d"}


def test_a_member_sends_and_waits_at_the_moments_of_its_own_life():
    moved = advance(journey(SEND, WAIT, SEND | {"key": "two"}), enter(START), PERSON, {}, {})
    assert [(effect.step.key, effect.at) for effect in moved.effects] == [("mail", START)]
    assert (moved.state.step, moved.state.due_at, moved.state.why) == ("day", START + DAY, "wait 1 day")


def test_the_last_step_done_a_member_has_completed():
    moved = advance(journey(SEND), enter(START), PERSON, {}, {})
    assert (moved.state.status, moved.state.due_at) == (COMPLETED, None)
    assert advance(journey(SEND), moved.state, PERSON, {}, {}) == (moved.state, (), False, None, ())


def test_a_branch_stops_at_a_question_and_goes_on_with_its_answer():
    definition = journey(
        {"key": "b", "do": "branch", "cases": [{"when": {"kind": "segment", "segment": "vip"}, "go": "mail"}],
         "otherwise": "end"}, SEND)  # fmt: skip
    asked = advance(definition, enter(START), PERSON, {}, {})
    assert isinstance(asked.lacking, Asked)
    assert asked.lacking.at == START
    for answer, sent in ((True, ["mail"]), (False, [])):
        done = advance(definition, asked.state, PERSON, {}, {asked.lacking: answer})
        assert [effect.step.key for effect in done.effects] == sent
        assert done.state.status == COMPLETED


def test_a_branch_on_values_of_the_trigger_needs_nobody_to_answer():
    definition = journey(
        {"key": "b", "do": "branch", "otherwise": "end", "cases": [
            {"when": {"kind": "value", "is": {"name": "total_cents", "op": "at_least", "value": 5000}}, "go": "mail"}]},
        SEND)  # fmt: skip
    assert len(advance(definition, enter(START), PERSON, {"total_cents": 5000}, {}).effects) == 1
    assert len(advance(definition, enter(START), PERSON, {"total_cents": 4999}, {}).effects) == 0
    assert len(advance(definition, enter(START), PERSON, {}, {}).effects) == 0


def test_what_ends_the_journey_ends_it_anywhere_and_takes_back_what_is_planned():
    definition = journey(SEND, WAIT, exit_when=[{"event": "ordered", "reason": "they bought"}])
    state = advance(definition, enter(START), PERSON, {}, {}).state
    moved = happen(definition, state, Happening("ordered", START + HOUR), START)
    assert moved is not None
    assert (moved.state.status, moved.state.why, moved.state.at) == (EXITED, "they bought", START + HOUR)
    assert moved.is_withdrawn


def test_what_happened_before_the_entry_or_after_the_end_changes_nothing():
    definition = journey(SEND, WAIT, exit_when=[{"event": "ordered"}])
    state = advance(definition, enter(START), PERSON, {}, {}).state
    assert happen(definition, state, Happening("ordered", START), START) is None
    ended = happen(definition, state, Happening("ordered", START + HOUR), START)
    assert ended is not None
    assert happen(definition, ended.state, Happening("ordered", START + 2 * HOUR), START) is None


def test_something_told_late_counts_as_of_the_moment_up_to_which_the_member_lived():
    definition = journey(SEND, WAIT, SEND | {"key": "two"}, WAIT | {"key": "more"}, exit_when=[{"event": "ordered"}])
    state = advance(definition, enter(START), PERSON, {}, {}).state
    state = advance(definition, state, PERSON, {}, {}).state
    moved = happen(definition, state, Happening("ordered", START + HOUR), START)
    assert moved is not None
    assert moved.state.at == START + DAY


def test_a_wait_for_an_event_ends_with_it_or_in_time_and_not_by_what_came_before():
    until = {"key": "until", "do": "wait", "for": "1d", "until_event": {"event": "visited"}, "on_timeout": "end"}
    definition = journey(WAIT, until, SEND)
    state = advance(definition, enter(START), PERSON, {}, {}).state
    state = advance(definition, state, PERSON, {}, {}).state
    assert state.step == "until"
    assert happen(definition, state, Happening("visited", START + HOUR), START) is None
    moved = happen(definition, state, Happening("visited", START + DAY + HOUR), START)
    assert moved is not None
    sent = advance(definition, moved.state, PERSON, {}, {})
    assert [(effect.step.key, effect.at) for effect in sent.effects] == [("mail", START + DAY + HOUR)]
    assert advance(definition, state, PERSON, {}, {}).effects == ()


def test_somebody_who_is_not_known_any_more_leaves_without_a_message():
    moved = advance(journey(SEND), enter(START), PERSON._replace(is_known=False), {}, {})
    assert (moved.state.status, moved.state.why, moved.effects) == (EXITED, NOT_KNOWN, ())


def test_a_wait_that_would_have_ended_while_the_journey_stood_still_ends_when_it_goes_on():
    definition = journey(WAIT, SEND, WAIT | {"key": "more"})
    state = advance(definition, enter(START), PERSON, {}, {}).state
    moved = advance(definition, state, PERSON, {}, {}, lift=lambda due: due + 5 * HOUR)
    assert moved.effects[0].at == START + DAY + 5 * HOUR
    assert moved.state.due_at == START + 2 * DAY + 5 * HOUR


def test_a_split_is_stable_and_keeps_its_shares():
    arms = [{"key": "a", "share": 0.3, "go": "end"}, {"key": "b", "share": 0.7, "go": "end"}]
    definition = journey({"key": "s", "do": "split", "arms": arms})
    chosen = [arm_of(definition, definition.steps[0], person).key for person in range(20_000)]
    assert chosen == [arm_of(definition, definition.steps[0], person).key for person in range(20_000)]
    assert 0.28 < chosen.count("a") / 20_000 < 0.32


# -- clocks --


@pytest.mark.parametrize(
    ("after", "local"),
    [
        (datetime(2026, 3, 28, 12, 0), datetime(2026, 3, 29, 3, 30)),  # 02:30 is left out that night
        (datetime(2026, 10, 24, 12, 0), datetime(2026, 10, 25, 2, 30)),  # 02:30 comes twice: the first one
        (datetime(2026, 6, 1, 0, 30), datetime(2026, 6, 1, 2, 30)),
        (datetime(2026, 6, 1, 0, 31), datetime(2026, 6, 2, 2, 30)),
    ],
)
def test_a_local_time_is_found_also_in_the_nights_in_which_the_clocks_change(after, local):
    found = next_time(after, "02:30", None, BERLIN)
    assert found >= after
    shown = found.replace(tzinfo=ZoneInfo("UTC")).astimezone(BERLIN)
    assert shown.replace(tzinfo=None) == local
    assert shown.fold == 0


def test_a_person_who_moved_to_another_zone_is_written_to_by_the_clock_there():
    step = Wait.model_validate({"key": "w", "until_time": "09:00"})
    assert due_after(step, START, Person(1, "Europe/Berlin")) == datetime(2026, 3, 5, 8, 0)
    assert due_after(step, START, Person(1, "America/New_York")) == datetime(2026, 3, 4, 14, 0)


def test_a_weekday_is_that_of_the_place_where_the_person_lives():
    monday = next_time(datetime(2026, 3, 8, 23, 30), "00:15", 1, ZoneInfo("Pacific/Auckland"))
    assert monday.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("Pacific/Auckland")).isoweekday() == 1


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Apia"]),
)
def test_the_next_local_time_is_never_in_the_past_and_within_two_days(after, hour, minute, zone):
    found = next_time(after, f"{hour:02}:{minute:02}", None, ZoneInfo(zone))
    assert after <= found <= after + 2 * DAY + HOUR


def test_a_29_february_is_a_28th_in_other_years():
    assert in_year(date(2024, 2, 29), 2026) == date(2026, 2, 28)
    assert in_year(date(2024, 2, 29), 2028) == date(2028, 2, 29)
    assert next_date(date(1990, 3, 4), "09:00", BERLIN, START) == datetime(2027, 3, 4, 8, 0)


def test_who_has_no_such_date_leaves():
    definition = journey({"key": "w", "do": "wait", "until_date": "birthday"}, SEND)
    assert advance(definition, enter(START), PERSON, {}, {}).state.status == EXITED
    known = PERSON._replace(dates={"birthday": date(1990, 3, 10)})
    assert advance(definition, enter(START), known, {}, {}).state.due_at == datetime(2026, 3, 10, 8, 0)


# -- however often somebody looks --

FULL = parse_definition(DOCUMENT)


def answer(asked: Asked) -> bool:
    """Any answer will do, as long as it is the same each time."""
    return zlib.crc32(f"{asked.question.words} {asked.at}".encode()) % 2 == 0


def lived(looks: Sequence[datetime], happenings: Sequence[Happening], told: Sequence[datetime]) -> Life:
    """A member looked at at these moments; each happening is known from the moment at which it is told."""
    life = Life(FULL, PERSON, {}, START, enter(START))
    for before, now in zip([datetime.min, *looks], looks, strict=False):
        known = [each for each, at in zip(happenings, told, strict=True) if before < at <= now]
        while (lacking := live(life, known, now)) is not None:
            life.answers[lacking] = answer(lacking)
        known.clear()
    return life


class Looking(RuleBasedStateMachine):
    """Happenings are told when they happen; looked at all the time, now and then, or once at the end."""

    @initialize()
    def begin(self):
        self.now = START
        self.happenings: list[Happening] = []
        self.looks: list[datetime] = []

    @rule(minutes=st.integers(1, 60 * 30))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(
        kind=st.sampled_from(["ordered", "cart_ordered", "visited", "bounced"]), page=st.sampled_from(["/tents", "/"])
    )
    def something_happens(self, kind, page):
        self.happenings.append(Happening(kind, self.now, {"page": page}))
        self.now += timedelta(minutes=1)

    @rule()
    def somebody_looks(self):
        self.looks.append(self.now)
        self.now += timedelta(minutes=1)

    @invariant()
    def it_does_not_matter_how_often_somebody_looks(self):
        end = self.now + timedelta(minutes=1)
        told = [each.at for each in self.happenings]
        often = sorted({*self.looks, *told, *(START + n * 3 * HOUR for n in range(40) if START + n * 3 * HOUR < end)})
        once, rarely = lived([end], self.happenings, told), lived([*self.looks, end], self.happenings, told)
        always = lived([*often, end], self.happenings, told)
        assert once.done() == rarely.done() == always.done()

    @invariant()
    def each_step_sends_at_most_once_and_nothing_after_the_end(self):
        life = lived([self.now], self.happenings, [each.at for each in self.happenings])
        sent = [effect.step.key for effect in life.effects if isinstance(effect.step, Send)]
        assert len(sent) == len(set(sent))
        if life.state.status != WAITING:
            assert life.state.due_at is None
            assert all(effect.at <= life.state.at for effect in life.effects)


Looking.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLooking = Looking.TestCase


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["ordered", "visited"]), st.integers(1, 6000), st.integers(0, 600)), max_size=6),
    st.lists(st.integers(1, 7000), max_size=8),
    st.randoms(),
)
def test_told_late_or_out_of_order_a_member_never_sends_after_it_knows_of_its_end(given_happenings, looks, random):
    happenings = [
        Happening(kind, START + timedelta(minutes=at), {"page": "/tents"}) for kind, at, _ in given_happenings
    ]
    told = [START + timedelta(minutes=at + late) for _, at, late in given_happenings]
    pairs = list(zip(happenings, told, strict=True))
    random.shuffle(pairs)
    moments = [START + timedelta(minutes=at) for at in sorted({*looks, 9000})]
    life = lived(moments, [each for each, _ in pairs], [at for _, at in pairs])
    bought = [at for (kind, _, _), at in zip(given_happenings, told, strict=True) if kind == "ordered"]
    seen = min((min(look for look in moments if look >= at) for at in bought), default=None)
    if seen is not None:
        assert life.state.status != WAITING
        assert all(effect.at <= seen for effect in life.effects)
