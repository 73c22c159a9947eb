"""What to test next, from how a test ended: again on more people, something bolder, or the next thing of the message.

Belongs here: the choice and its reason, as pure functions. Stays out: what a new test begins with (`patterns.py`).
The order is that of a message: what is seen first is tested first (subject, button, page, time, offer).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from apps.screens.experiments.forming import sentence
from apps.screens.experiments.patterns import PATTERNS, Pattern, pattern_of
from apps.screens.experiments.verdicts import proven_of
from dmat.experiments.records import Decision, Experiment
from dmat.experiments.results import Analysis
from dmat.experiments.words import about

ORDER = ("subject", "cta", "layout", "send_time", "offer", "media", "frequency")
CLOSE = 1_500
"""More people per variant than that are not found by trying again; something bolder is."""


@dataclass(frozen=True)
class Suggestion:
    """A next test: what, why, and where it begins."""

    title: str
    why: str
    link: str
    words: str


def suggest(
    test: Experiment, decision: Decision | None, analysis: Analysis | None, tested: Collection[str] = ()
) -> Suggestion | None:
    """The next test; None while this one is under way.

    Args:
        test: the test that ended.
        decision: what was decided.
        analysis: what was known then.
        tested: kinds of patterns that were tested lately, so that they are not offered again.
    """
    if decision is None:
        return None
    guard = _worse(analysis)
    if guard:
        return Suggestion("A softer version of the same", f"{guard} Try the idea again in a way that costs less.",
                          _link(_pattern_of(test), test), "Begin it")  # fmt: skip
    if decision.kind == "winner" or (decision.arm and analysis and proven_of(analysis) == decision.arm):
        following = _next(test, tested)
        return Suggestion(f"{following.name}", f"{_name(test, decision)} is better, so the next thing can be tried on"
                          f" top of it: {_small(following.about)}", _link(following, test), "Begin it")  # fmt: skip
    needed = analysis.people_needed_per_arm if analysis else None
    if needed and needed <= CLOSE:
        return Suggestion("The same again, on more people", f"It ended before it was proven: about {about(needed)} more"
                          " people per variant would have settled it.", f"/experiments?again={test.experiment_id}",
                          "Begin it again")  # fmt: skip
    why = (
        "If there is a difference, it is too small for so many people to show. Two versions that differ more tell more."
    )
    return Suggestion("Something bolder", why, _link(_pattern_of(test), test), "Begin it")


def _next(test: Experiment, tested: Collection[str]) -> Pattern:
    mine = _pattern_of(test).key
    place = ORDER.index(mine) if mine in ORDER else -1
    rest: Sequence[str] = [*ORDER[place + 1 :], *ORDER[: max(place, 0)]]
    chosen = next((key for key in rest if key not in tested), rest[0])
    return pattern_of(chosen)


def _pattern_of(test: Experiment) -> Pattern:
    return next((each for each in PATTERNS if each.kind == test.kind), PATTERNS[0])


def _name(test: Experiment, decision: Decision) -> str:
    arm = test.plan.arm(decision.arm)
    return f"“{arm.shown_name}”" if arm else "The winner"


def _worse(analysis: Analysis | None) -> str:
    found = [each.message for each in analysis.guardrails if each.kind == "worse"] if analysis else []
    return sentence(found[0]) if found else ""


def _small(words: str) -> str:
    return f"{words[:1].lower()}{words[1:]}"


def _link(pattern: Pattern, test: Experiment) -> str:
    asked = {"new": pattern.key}
    if test.campaign_id and pattern.kind != "landing_page":
        asked["campaign"] = str(test.campaign_id)
    return f"/experiments?{urlencode(asked)}"
