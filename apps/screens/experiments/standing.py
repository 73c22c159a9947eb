"""How a test stands, in one sentence, from what the store keeps of it: its status, its last look, its decision.

Belongs here: the sentence for lists and for Home. Stays out: the figures themselves (`telling.py`), looking at a test
(`dmat/experiments/running.py`).
"""

from __future__ import annotations

import re

from apps.screens.experiments.forming import sentence
from apps.screens.experiments.wording import STATUS_WORDS
from dmat.experiments.records import DECIDING, DRAFT, PAUSED, Decision, Experiment

_ASIDE = re.compile(r" \((?=[^()]*(?:interval|p = ))[^()]*\)")


def standing_of(test: Experiment, people: int = 0, now_words: str = "", decision: Decision | None = None) -> str:
    """How a test stands.

    Args:
        test: as it stands.
        people: people in it so far.
        now_words: what the figures say now; empty: what the last look said.
        decision: what was decided.
    """
    said = now_words or sentence(last_words(test))
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
    return _decided(test, decision)


BY_RULE = ("winner", "chosen")


def _decided(test: Experiment, decision: Decision | None) -> str:
    winner = test.plan.arm(test.winner) if test.winner else None
    said = test.status_reason if "->" not in test.status_reason else ""
    reason = sentence(plain(decision.reason if decision else said))
    if winner is None:
        return reason or f"{STATUS_WORDS[test.status]}."
    kind = decision.kind if decision else ""
    word = {"winner": "won", "manual": "was chosen by hand", "chosen": "was chosen, not proven"}.get(kind, "was sent")
    told = f" {reason}" if kind not in BY_RULE and reason else ""  # figures of then are on the test's own page
    return f"{winner.shown_name} {word}.{told}"


def plain(words: str) -> str:
    """A reason without the figures in brackets that only statisticians ask for."""
    return _ASIDE.sub("", words)


def last_words(test: Experiment) -> str:
    """What the last look said."""
    verdict = test.verdict or {}
    for name in ("reason", "sentence", "words"):
        if isinstance(verdict.get(name), str) and verdict[name]:
            return plain(str(verdict[name]))
    return ""
