"""A score in words: why it is what it is, and what to do.

Belongs here: sentences for people. Stays out: numbers (`live.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from dmat.scoring.live import Score
from dmat.scoring.matrix import seed_bands
from dmat.scoring.points import Entry

MOST_REASONS = 5
_NEXT_OF_STATUS = {
    "qualified": "Agree on an offer, and on when it is decided.",
    "won": "Nothing: the lead is won. Say thank you.",
    "lost": "Nothing for now: the lead is lost. Crossing the threshold anew brings it back.",
}


def explain(score: Score) -> str:
    """One sentence: the score, its band, and the actions that weigh most.

    >>> explain(score)
    'Hot with 65 points: asked for a demo or a quote (49.4), visited the pricing page twice (15.6).'
    """
    head = f"{score.band.capitalize()} with {score.shown} {'point' if score.shown == '1' else 'points'}"
    reasons = breakdown(score.entries)
    if not reasons:
        return f"{head}: nothing has earned points yet."
    shown = ", ".join(f"{words} ({left:.1f})" for words, left in reasons[:MOST_REASONS])
    rest = len(reasons) - MOST_REASONS
    return f"{head}: {shown}{f', and {rest} more' if rest > 0 else ''}."


def breakdown(entries: Iterable[Entry]) -> list[tuple[str, Decimal]]:
    """(what in words, what is left of its points), what weighs most first."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    counts: dict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.label] += entry.points_now
        counts[entry.label] += 1
    ordered = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))
    return [(f"{label}{_times(counts[label])}", left) for label, left in ordered]


def advice(score: Score) -> str:
    """What follows from the band, as the seed says it."""
    return seed_bands().advice["mql" if score.is_qualified else score.band]


def next_step(score: Score, status: str = "new") -> str:
    """What a sales rep would do next, from where the lead stands and what it did last."""
    if status in _NEXT_OF_STATUS:
        return _NEXT_OF_STATUS[status]
    actions = [entry.action for entry in score.entries if entry.points_now > 0]
    if "demo_request" in actions:
        return "Call to agree on a date for the demo or to go through the quote."
    if "scheduled_call" in actions:
        return "Prepare the call that is scheduled, and confirm it."
    if "pricing_page_visit" in actions:
        return "Offer help with the choice of a plan: the lead looked at prices."
    if actions and actions[0] in {"case_study_download", "whitepaper_download"}:
        return "Ask what the lead is working on; it read our material."
    return "Introduce yourself and ask what the lead needs."


def _times(count: int) -> str:
    return {1: "", 2: " twice"}.get(count, f" {count} times")


def industry_words(industry: str) -> str:
    """An industry for people: CRMs keep codes such as COMPUTER_SOFTWARE; what somebody typed stays as it is."""
    is_code = industry.isupper() and (len(industry) > 4 or "_" in industry)
    return industry.replace("_", " ").capitalize() if is_code else industry
