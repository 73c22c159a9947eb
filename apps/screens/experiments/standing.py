"""How a test stands, in one sentence, from what the store keeps of it: its status, its last look, its decision.

Belongs here: the sentence for lists and for Home. Stays out: the figures themselves (`telling.py`), looking at a test
(`dmat/experiments/running.py`).
"""

from __future__ import annotations

from apps.screens.experiments.forming import sentence
from apps.screens.experiments.wording import STATUS_WORDS
from dmat.experiments.records import DECIDING, DRAFT, PAUSED, Experiment


def standing_of(test: Experiment, people: int = 0) -> str:
    """How a test stands."""
    said = sentence(last_words(test))
    if test.status == DRAFT:
        return "Not started yet."
    if test.status == PAUSED:
        return sentence(f"Paused: {test.status_reason}" if test.status_reason else "Paused")
    if test.status == DECIDING:
        return said or "It is over: choose what all others get."
    if test.is_live:
        if not people and test.campaign_id is not None:
            return "Waits for its message to leave."
        return said or "No figures yet."
    winner = test.plan.arm(test.winner) if test.winner else None
    reason = sentence(test.status_reason) if test.status_reason and "->" not in test.status_reason else ""
    if winner is None:
        return reason or f"{STATUS_WORDS[test.status]}."
    return f"{winner.shown_name} won. {said or reason}".strip()


def last_words(test: Experiment) -> str:
    """What the last look said."""
    verdict = test.verdict or {}
    for name in ("sentence", "words", "reason"):
        if isinstance(verdict.get(name), str) and verdict[name]:
            return str(verdict[name])
    return ""
