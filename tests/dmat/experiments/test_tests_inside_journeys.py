"""Under test: an experiment on the split of a journey; who comes into it, what is counted, who gets the winner."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from journey_worlds import cart, document_with
from segment_world import NOW, PEOPLE, number_of

from dmat.errors import ConflictError, InvalidInputError
from dmat.experiments.assign import arm_of
from dmat.experiments.course import course
from dmat.experiments.exporting import unexported_experiments, unexported_visitors
from dmat.experiments.in_journeys import read_trials
from dmat.experiments.library import ExperimentLibrary
from dmat.experiments.moments import Moments
from dmat.experiments.observed import observe
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.results import Observed
from dmat.experiments.running import TestRunner as Runner
from dmat.journeys.definition import parse_definition
from dmat.journeys.known import read_known
from dmat.journeys.replay import differences, replay
from dmat.journeys.trials import Trial
from dmat.store.experiment_tables import experiment_visitors
from dmat.store.tables import ledger_entries, message_marks

ANN = "ann@shop.example"
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
MAIL = {"key": "mail", "do": "send", "channel": "email", "template": "newsletter", "then": "end"}
WAYS = [{"key": "a", "share": 0.5, "go": "mail"}, {"key": "b", "share": 0.5, "go": "later"}]
STEPS = [
    {"key": "arms", "do": "split", "arms": WAYS},
    MAIL,
    {"key": "later", "do": "wait", "for": "3h"},
    MAIL | {"key": "late-mail"},
]
PLAN = {
    "name": "At once or later", "journey": "cart", "step": "arms", "duration_hours": 72, "primary": "click",
    "rule": {"min_per_arm": 1}, "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}],
}  # fmt: skip
EVERYBODY = range(1, PEOPLE + 1)


class Inside:
    """A live journey with a test of its split."""

    def __init__(self, journeys, **changes):
        self.journeys, self.store = journeys, journeys.store
        self.tests = ExperimentLibrary(journeys.settings, journeys.store)
        journeys.start(document_with(steps=STEPS, exit_when=[]) | changes)
        self.number = self.tests.create(parse_test_plan(PLAN), ANN).experiment_id
        self.tests.start(self.number, ANN)

    def come(self, people, at, name="c"):
        """These people leave a cart so that they enter at that moment; the process looks a minute later."""
        self.journeys.look(at + MINUTE, *(cart(f"{name}{each}", each, at - HOUR) for each in people))

    def expected(self, people=EVERYBODY):
        codes = arm_of(f"experiment:{self.number}", np.array([number_of(each) for each in people]), {"a": 1, "b": 1})
        return {each: "ab"[code] for each, code in zip(people, codes, strict=True)}

    def exposed(self):
        with self.store.read() as connection:
            rows = connection.execute(sa.select(experiment_visitors)).all()
        return {int(row.visitor.removeprefix("person:")) % 1000: row.arm for row in rows}

    def variants(self):
        """(person, step) -> variant."""
        with self.store.read() as connection:
            rows = connection.execute(sa.select(ledger_entries)).all()
        return {(row.person_id % 1000, row.step): row.variant for row in rows}

    def observe(self):
        return observe(self.store, self.journeys.source.desk.workspace, self.tests.get(self.number))

    def judge(self, figures):
        def seen(_store, _workspace, _experiment):
            moments = {
                arm: {"click": Moments.of_proportion(*found), "unsubscribe": Moments.of_proportion(found[0], 0),
                      "complaint": Moments.of_proportion(found[0], 0)}
                for arm, found in figures.items()
            }  # fmt: skip
            return Observed({arm: found[0] for arm, found in figures.items()}, moments, 1, 1.0)

        workspace = self.journeys.source.desk.workspace
        return Runner(self.journeys.settings, self.store, workspace, seen).look()


@pytest.fixture
def tested(journey_world):
    return Inside(journey_world)


def test_arms_are_stable_and_even_and_those_of_the_salt():
    trial = Trial(7, "arms", {"a": 0.5, "b": 0.5}, [(NOW, None)])
    arms = [trial.arm(person) for person in range(3_000)]
    codes = arm_of("experiment:7", np.arange(3_000), {"a": 0.5, "b": 0.5})
    assert arms == ["ab"[code] for code in codes]
    assert 0.46 < arms.count("a") / 3_000 < 0.54
    at_once, other = trial.of_people(range(3_000)), trial._replace(experiment_id=8).of_people(range(3_000))
    assert [at_once.arm(person) for person in range(3_000)] == arms
    assert at_once.arm(5_000) == trial.arm(5_000)  # who is not among them
    assert [other.arm(person) for person in range(3_000)] != arms


def test_whoever_reaches_the_split_is_in_the_test_and_their_messages_say_in_which_arm(tested):
    tested.come(EVERYBODY, NOW + HOUR)
    expected = tested.expected()
    assert set(expected.values()) == {"a", "b"}
    assert tested.exposed() == expected
    assert tested.variants() == {(each, "mail"): "a" for each, arm in expected.items() if arm == "a"}
    tested.journeys.look(NOW + 5 * HOUR)  # the other way waits first, and keeps its arm
    late = {(each, "late-mail"): "b" for each, arm in expected.items() if arm == "b"}
    assert {key: variant for key, variant in tested.variants().items() if key[1] == "late-mail"} == late


def test_somebody_who_comes_again_is_counted_once_and_keeps_the_arm(tested):
    tested.come(EVERYBODY, NOW + HOUR)
    tested.come(EVERYBODY, NOW + 40 * HOUR, "again")
    assert len(tested.journeys.members()) == 2 * PEOPLE
    assert {member.variant for member in tested.journeys.members() if member.status != "refused"} <= {"a", "b"}
    assert tested.exposed() == tested.expected()
    assert sum(tested.observe().assigned.values()) == PEOPLE


def test_held_out_people_are_in_no_arm(journey_world):
    tested = Inside(journey_world, holdout={"share": 0.5, "reason": "a test"})
    tested.come(EVERYBODY, NOW + HOUR)
    held = {member.person_id % 1000 for member in journey_world.members() if member.is_holdout}
    assert 0 < len(held) < PEOPLE
    assert set(tested.exposed()) == set(EVERYBODY) - held
    assert all(variant == "" for (person, _), variant in tested.variants().items() if person in held)


def test_figures_count_everybody_who_reached_the_split_and_what_they_did_later(tested):
    tested.come(EVERYBODY, NOW + HOUR)
    expected = list(tested.expected().values())
    with tested.store.write() as connection:
        first = connection.execute(sa.select(ledger_entries.c.message_id).limit(1)).scalar()
        connection.execute(sa.update(ledger_entries).values(state="delivered"))
        row = {"message_id": first, "kind": "clicked_human", "first_at": NOW + HOUR, "count": 1}
        known = {name: value for name, value in row.items() if name in message_marks.c}
        connection.execute(sa.insert(message_marks).values(known))
    found = tested.observe()
    assert found.assigned == {"a": expected.count("a"), "b": expected.count("b")}
    assert found.moments["a"]["click"] == Moments.of_proportion(expected.count("a"), 1)
    assert found.moments["b"]["click"] == Moments.of_proportion(expected.count("b"), 0)
    tested.journeys.settings.clock.set(NOW + 3 * HOUR)
    points = course(tested.store, tested.journeys.source.desk.workspace, tested.tests.get(tested.number))
    assert [dict(point.assigned) for point in points] == [found.assigned] * 2


def test_after_the_decision_new_people_get_the_winners_way_and_those_inside_keep_theirs(tested):
    tested.come(range(1, 7), NOW + HOUR)
    before = tested.expected(range(1, 7))
    assert tested.judge({"a": (5_000, 400), "b": (5_000, 200)}).decided == {tested.number: "a"}
    tested.come(range(7, PEOPLE + 1), NOW + 2 * HOUR)
    tested.journeys.look(NOW + 6 * HOUR)
    assert tested.exposed() == before
    assert tested.variants() == {(each, "mail" if arm == "a" else "late-mail"): arm for each, arm in before.items()} | {
        (each, "mail"): "a-rest" for each in range(7, PEOPLE + 1)
    }
    tested.judge({"a": (5_000, 400), "b": (5_000, 200)})
    assert tested.tests.get(tested.number).status == "rolled_out"


def test_a_person_may_decide_against_the_figures_with_a_reason(tested):
    tested.come([1], NOW + HOUR)
    with pytest.raises(InvalidInputError, match="say why"):
        tested.tests.declare_winner(tested.number, "b", ANN, " ")
    tested.tests.declare_winner(tested.number, "b", ANN, "people are at work")
    tested.come([2], NOW + 2 * HOUR)
    tested.journeys.look(NOW + 6 * HOUR)
    assert tested.variants()[(2, "late-mail")] == "b-rest"


def test_who_comes_after_another_decision_gets_the_other_way_and_who_came_before_keeps_theirs(tested):
    tested.come([1, 2], NOW + HOUR)
    tested.tests.declare_winner(tested.number, "b", ANN, "the brand")
    tested.come([3, 4], NOW + 2 * HOUR, "d")
    tested.tests.override(tested.number, "a", ANN, "they come too late")
    tested.come([5, 6], NOW + 9 * HOUR, "e")
    ways = {place: variant for place, variant in tested.variants().items() if place[0] in (3, 4, 5, 6)}
    assert ways == {
        (3, "late-mail"): "b-rest",
        (4, "late-mail"): "b-rest",
        (5, "mail"): "a-rest",
        (6, "mail"): "a-rest",
    }
    with tested.store.read() as connection:
        newest, first = read_trials(connection, "cart")
    assert (newest.winner, list(newest.spans), first.winner, len(first.spans)) == ("a", [], "b", 1)
    assert newest.decided_at > first.decided_at


def test_while_it_is_paused_nobody_new_comes_in_and_its_end_moves(tested):
    ends = tested.tests.get(tested.number).deadline_at
    tested.come([1], NOW + HOUR)
    tested.tests.pause(tested.number, ANN, "a wrong link")
    tested.come([2], NOW + 3 * HOUR)
    tested.journeys.settings.clock.set(NOW + 4 * HOUR)
    tested.tests.resume(tested.number, ANN)
    tested.come([3], NOW + 5 * HOUR)
    assert set(tested.exposed()) == {1, 3}
    assert tested.tests.get(tested.number).deadline_at > ends


def test_stopped_without_an_arm_the_split_divides_as_it_did_before(tested):
    tested.tests.stop(tested.number, ANN, "sold out")
    tested.come(EVERYBODY, NOW + HOUR)
    tested.journeys.look(NOW + 6 * HOUR)
    assert tested.exposed() == {}
    assert set(tested.variants().values()) == {""}
    assert {step for _, step in tested.variants()} == {"mail", "late-mail"}


def test_a_replay_gives_the_same_arms_before_and_after_the_decision(tested):
    tested.come(range(1, 7), NOW + HOUR)
    tested.tests.declare_winner(tested.number, "b", ANN, "it is kinder")
    tested.come(range(7, PEOPLE + 1), NOW + 2 * HOUR)
    tested.journeys.look(NOW + 8 * HOUR)
    journey, version = tested.journeys.library.get("cart"), tested.journeys.library.version("cart")
    source = tested.journeys.source
    known = read_known(source, journey)
    found = replay(source, journey.journey_id, version, journey.started_at, NOW + 8 * HOUR, known)
    assert len(found.rows) == PEOPLE
    assert {row.variant for row in found.rows} == {"a", "b", "b-rest"}
    assert differences(source, found) == []


def test_a_test_that_is_under_way_keeps_its_split_as_it_is(tested):
    other = [{"key": "a", "share": 0.9, "go": "mail"}, {"key": "b", "share": 0.1, "go": "later"}]
    changed = document_with(steps=[{"key": "arms", "do": "split", "arms": other}, *STEPS[1:]], exit_when=[])
    tested.journeys.library.change("cart", parse_definition(changed), ANN)
    with pytest.raises(ConflictError, match="the split arms stays as it is"):
        tested.journeys.library.start("cart", ANN)
    tested.tests.stop(tested.number, ANN, "enough")
    assert tested.journeys.library.start("cart", ANN).live_version == 2


def test_a_journey_has_one_test_at_a_time_and_arms_of_one_name_once(tested):
    second = tested.tests.create(parse_test_plan(PLAN), ANN).experiment_id
    with pytest.raises(ConflictError, match="is tested already"):
        tested.tests.start(second, ANN)
    tested.tests.stop(tested.number, ANN, "enough")
    with pytest.raises(ConflictError, match="names of their own"):
        tested.tests.start(second, ANN)


def test_a_test_ends_with_its_journey(tested):
    tested.journeys.library.archive("cart", ANN)
    tested.judge({"a": (10, 1), "b": (10, 1)})
    found = tested.tests.get(tested.number)
    assert (found.status, found.status_reason) == ("stopped", "its journey is archived")


def test_the_tables_are_told_who_came_and_which_messages_count(tested):
    tested.come([1], NOW + HOUR)
    [row] = unexported_experiments(tested.store, 9)
    assert (row["programme"], row["steps"]) == ("journey:cart", [{"step": "late-mail"}, {"step": "mail"}])
    [visitor] = unexported_visitors(tested.store, 9)
    assert (visitor["visitor"], visitor["page"]) == (f"person:{number_of(1)}", "journey:cart")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"campaign_id": 3}, "leave campaign_id and page empty"),
        ({"kind": "landing_page", "page": "/x"}, "not of landing_page"),
        ({"step": ""}, "which split"),
        ({"test_share": 0.5}, "everybody who reaches the split"),
        (
            {"arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5, "overrides": {"subject": "x"}}]},
            "overrides",
        ),
    ],
)
def test_a_plan_inside_a_journey_says_what_does_not_fit(changes, words):
    with pytest.raises(InvalidInputError, match=words):
        parse_test_plan(PLAN | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"step": "mail"}, "has no split 'mail'"),
        ({"arms": [{"key": "a", "share": 0.4}, {"key": "b", "share": 0.6}]}, "not the arms of the split"),
    ],
)
def test_a_test_that_does_not_fit_its_split_does_not_start(journey_world, changes, words):
    journey_world.start(document_with(steps=STEPS, exit_when=[]))
    tests = ExperimentLibrary(journey_world.settings, journey_world.store)
    number = tests.create(parse_test_plan(PLAN | changes), ANN).experiment_id
    with pytest.raises(InvalidInputError, match=words):
        tests.start(number, ANN)
