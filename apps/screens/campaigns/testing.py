"""Which steps of a campaign are under a test, for the composer: how the test stands, and where it is looked at.

Belongs here: choosing the test to tell of at each step, and its words. Stays out: tests (`dmat/experiments`), HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dmat.experiments.library import ExperimentLibrary, WantedTests
from dmat.experiments.records import DECIDED, DECIDING, DRAFT, LIVE, PAUSED, ROLLED_OUT, RUNNING, STOPPED, Experiment

CHIPS = {
    DRAFT: "Test in the making", RUNNING: "Under test", PAUSED: "Test paused", DECIDING: "Test waits for you",
    DECIDED: "Tested", ROLLED_OUT: "Tested", STOPPED: "Test stopped",
}  # fmt: skip


@dataclass(frozen=True)
class StepTest:
    """The test of a step, as the composer tells it.

    Attributes:
        chip: in two or three words, at the step's line.
        words: what that means for who edits the step.
        is_live: whether it was started and nothing is decided yet.
    """

    number: int
    name: str
    chip: str
    words: str
    is_live: bool
    link: str


def step_tests(library: ExperimentLibrary, campaign_id: int) -> dict[str, StepTest]:
    """Step -> its test: one that runs before a draft, a draft before one that is over, the newest of them."""
    found = library.list(WantedTests(campaign_id=campaign_id))
    return by_step(found)


def by_step(tests: Sequence[Experiment]) -> dict[str, StepTest]:
    """The test to tell of at each step."""
    chosen: dict[str, Experiment] = {}
    for test in sorted(tests, key=lambda each: (_rank(each), each.experiment_id)):
        chosen.update(dict.fromkeys(test.plan.steps, test))
    return {step: _told(test) for step, test in chosen.items()}


def _rank(test: Experiment) -> int:
    return 2 if test.status in LIVE else 1 if test.status == DRAFT else 0


def _told(test: Experiment) -> StepTest:
    return StepTest(
        number=test.experiment_id, name=test.name, chip=CHIPS[test.status], words=_words(test),
        is_live=test.status in LIVE, link=f"/experiments?id={test.experiment_id}",
    )  # fmt: skip


def _words(test: Experiment) -> str:
    count, is_whole = len(test.plan.arms), test.plan.test_share == 1
    to = "everybody" if is_whole else f"{test.plan.test_share:.0%} of its people, the others wait for the winner"
    said: Mapping[str, str] = {
        DRAFT: f"It is not started: until then everybody gets this message as it stands here. {count} variants.",
        RUNNING: f"{count} variants go to {to}.",
        PAUSED: "It is paused: nothing of this step leaves until it goes on.",
        DECIDING: "It is over and asks which variant the others get; they wait for your answer.",
        DECIDED: f"{_winner(test)} goes to the others now.",
        ROLLED_OUT: f"{_winner(test)} went to the others.",
        STOPPED: "It was stopped without a winner." if not test.winner else f"{_winner(test)} goes to the others.",
    }
    return said[test.status]


def _winner(test: Experiment) -> str:
    arm = test.plan.arm(test.winner)
    return f"“{arm.shown_name}”" if arm else "What was chosen"
