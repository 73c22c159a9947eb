"""Everything that the monitor shows of one test, read together.

Belongs here: asking the store, the tables and the statistics once for a page. Stays out: words and shapes
(`telling.py`, `bands.py`), layout (`monitor.py`). A point of the past does not change, so its analysis is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.screens.experiments.bands import Point, point_of
from apps.screens.experiments.desk import TestDesk
from apps.screens.experiments.judging import Judging, Place, judging_of
from apps.screens.experiments.previewing import Look
from apps.screens.experiments.suggesting import Suggestion, suggest
from apps.screens.experiments.verdicts import verdict_words
from dmat.experiments.allocating import design_now
from dmat.experiments.analysis import analyse
from dmat.experiments.course import Point as Moment
from dmat.experiments.course import course
from dmat.experiments.factors import Factors, factors_of
from dmat.experiments.gain import count_rest
from dmat.experiments.horizon import is_preview
from dmat.experiments.observed import observe, running_plan
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import Decision, Experiment, LogLine, Wave, count_assigned
from dmat.experiments.results import Analysis, Design, Observed

POINTS, KEPT = 24, 2_000
SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class Watched:
    """What is known of one test at one moment.

    Attributes:
        points: metric -> its course, oldest first.
        factors: of tests of two things at once what each does, by metric; else empty.
        people: people in the test so far.
        waiting: people who wait for the winner, or had what was decided.
    """

    test: Experiment
    plan: TestPlan
    observed: Observed
    analysis: Analysis
    points: Mapping[str, Sequence[Point]]
    factors: Sequence[Factors]
    decision: Decision | None
    log: Sequence[LogLine]
    waves: Sequence[Wave]
    place: Place
    looks: Mapping[str, Look]
    next: Suggestion | None
    waiting: int

    @property
    def people(self) -> int:
        """People in the test so far."""
        return sum(count_assigned(self.waves).values()) or sum(self.observed.assigned.values())

    @property
    def rest(self) -> int:
        """People who got the winner, or would have."""
        return sum(wave.people_count for wave in self.waves if wave.kind == "rest")


class Watching:
    """Reads tests for the monitors of one server."""

    def __init__(self, desk: TestDesk, judging: Judging) -> None:
        self.desk, self.judging = desk, judging
        self._kept: OrderedDict[tuple[Any, ...], Analysis] = OrderedDict()

    def look(self, experiment_id: int) -> Watched:
        """Everything of one test.

        Raises:
            NotFoundError: there is no such test.
        """
        library, context = self.desk.library, self.desk.context
        test = library.get(experiment_id)
        plan = running_plan(context.store, test)
        design, observed = self._design(test, plan), observe(context.store, context.workspace, test)
        analysis, decision = analyse(design, observed), library.decision(experiment_id)
        place = self.judging.place_of(plan.model_dump())
        with context.store.read() as connection:
            waiting = count_rest(connection, test)
        arms = [arm.model_dump() for arm in plan.arms]
        return Watched(
            test=test, plan=plan, observed=observed, analysis=analysis, points=self._points(test, design, analysis),
            factors=factors_of(plan, design, observed), decision=decision,
            log=library.log(experiment_id), waves=library.waves(experiment_id), place=place,
            looks=self.judging.previews.of(place.step, arms, place.step_names),
            next=suggest(test, decision, analysis, self._tested()), waiting=waiting,
        )  # fmt: skip

    def words_of(self, test: Experiment) -> str:
        """What the figures of a test say now, in one or two sentences."""
        context = self.desk.context
        observed = observe(context.store, context.workspace, test)
        if not any(observed.assigned.values()):
            return ""
        design = self._design(test, running_plan(context.store, test))
        return verdict_words(analyse(design, observed), preview=is_preview(test, design))

    def _design(self, test: Experiment, plan: TestPlan) -> Design:
        with self.desk.context.store.read() as connection:
            return design_now(connection, test, plan)

    def _points(self, test: Experiment, design: Design, newest: Analysis) -> dict[str, list[Point]]:
        context = self.desk.context
        moments = course(context.store, context.workspace, test, POINTS)
        began = test.began_at or test.started_at or (moments[0].at if moments else context.now())
        found: dict[str, list[Point]] = {metric: [] for metric in (design.primary, *design.guardrails)}
        for number, moment in enumerate(moments):
            is_last = number == len(moments) - 1
            analysis = newest if is_last else self._analysis(test, design, moment)
            hours = max(0.0, (moment.at - began).total_seconds() / SECONDS_AN_HOUR)
            for metric, points in found.items():
                points.append(point_of(hours, analysis, metric))
        return found

    def _analysis(self, test: Experiment, design: Design, moment: Moment) -> Analysis:
        known = (test.experiment_id, test.running_version, moment.at, tuple(sorted(moment.assigned.items())))
        if known not in self._kept:
            self._kept[known] = analyse(design, Observed(assigned=moment.assigned, moments=moment.moments))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[known]

    def _tested(self) -> set[str]:
        """Kinds that were tested lately."""
        return {each.kind for each in self.desk.library.learnings()[:4]}


def watching_of(desk: TestDesk) -> Watching:
    """The one of this server."""
    return desk.context.part("watching", lambda _: Watching(desk, judging_of(desk)))
