"""Two things tested at once, as the monitor shows them: what each does by itself, and whether they go together.

Belongs here: words and figures of the three effects on one measure; pure. Stays out: the effects
(`dmat/experiments/factors.py`), HTML, the table of the four combinations (`telling.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.screens.experiments.forming import sentence
from apps.screens.experiments.wording import difference_of
from dmat.experiments.factors import FactorEffect, Factors

AVERAGED = (
    "Each by itself: everybody in the test counts for both, on average over the other one. An effect of both together"
    " needs four times as many people to be seen."
)
PREVIEW = "A preview: this test is judged at its planned time, and nothing counts as proven before."
UNSOUND = "These figures cannot be trusted, so neither can what they say of the two."


@dataclass(frozen=True)
class EffectRow:
    """One effect: what was changed, by how much that changes the measure, and what is known of it."""

    part: str
    title: str
    change: str
    value: str
    between: str
    words: str
    is_proven: bool
    is_better: bool


@dataclass(frozen=True)
class Together:
    """The effects, and a note below them; without rows the note says why."""

    rows: tuple[EffectRow, ...]
    note: str


def together_of(
    factors: Sequence[Factors],
    metric: str,
    currency: str = "EUR",
    *,
    is_sound: bool = True,
    preview: bool = False,
) -> Together | None:
    """What to show of both on one measure; None when the test is not of two things at once."""
    found = next((each for each in factors if each.metric == metric), None)
    if found is None:
        return None
    if not found.effects:
        return Together((), f"Each by itself: {found.sentence[:1].lower()}{found.sentence[1:]}")
    rows = tuple(_row(each, metric, currency, is_sound and not preview) for each in found.effects)
    return Together(rows, UNSOUND if not is_sound else PREVIEW if preview else AVERAGED)


def _row(effect: FactorEffect, metric: str, currency: str, is_sound: bool) -> EffectRow:
    is_proven = effect.is_significant and is_sound
    is_both = effect.part == "interaction"
    low, high = difference_of(metric, effect.low, currency), difference_of(metric, effect.high, currency)
    return EffectRow(
        part=effect.part, title="Both together" if is_both else sentence(effect.factor).rstrip("."),
        change="beyond the sum of each" if is_both else f"“{effect.after}” instead of “{effect.before}”",
        value=difference_of(metric, effect.value, currency), between=f"{low} to {high}",
        words=_both_words(is_proven) if is_both else _words(is_proven, effect.is_better),
        is_proven=is_proven, is_better=effect.is_better,
    )  # fmt: skip


def _words(is_proven: bool, is_better: bool) -> str:
    if not is_proven:
        return "Not proven: this can still be chance."
    return f"Proven: it makes it {'better' if is_better else 'worse'}."


def _both_words(is_proven: bool) -> str:
    if is_proven:
        return "Proven: the two do not simply add up. Judge the four combinations above, not the two effects."
    return "No sign that one works otherwise with the other."
