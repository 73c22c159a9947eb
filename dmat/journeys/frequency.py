"""How many messages of a journey one person could get within the span of the frequency cap, at most.

Belongs here: the most that any way through its steps sends, each wait as short as it can be. Stays out: what the cap
counts and holds back (`dmat/campaigns/gate.py`), saying so to whoever makes the journey (`checking.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache

from dmat.campaigns.facts import TRANSACTIONAL
from dmat.campaigns.pace import CAP_WINDOW
from dmat.journeys.definition import Definition
from dmat.journeys.steps import END, Send, Step, Wait, targets_of

Keys = tuple[str, ...]
Soonest = Mapping[int, tuple[timedelta, Keys]]
"""Messages from a step on -> how soon the last of them may be sent, and which they are."""
_NOTHING: Soonest = {0: (timedelta(0), ())}


def most_messages(definition: Definition, window: timedelta = CAP_WINDOW) -> Keys:
    """Keys of the steps that send, in order, of the way on which one entry brings the most messages within `window`.

    Only what the cap counts: not the messages that are sent whether or not somebody agreed. A wait until a time of day,
    a date or an event may end at once, so this is what could happen, not what will.
    """

    @cache
    def soonest(key: str) -> Soonest:
        if key == END:
            return _NOTHING
        step = definition.by_key[key]
        ways = [_after(step, place, soonest(to)) for place, to in targets_of(step, definition.below[key])]
        return _best(ways)

    def _after(step: Step, place: str, later: Soonest) -> Soonest:
        if isinstance(step, Send) and (step.purpose or definition.purpose) != TRANSACTIONAL:
            return {0: _NOTHING[0]} | {count + 1: (at, (step.key, *keys)) for count, (at, keys) in later.items()}
        span = _shortest(step, place)
        return {count: (at + span if count else at, keys) for count, (at, keys) in later.items()}

    found: Keys = ()
    for step in definition.sends:
        within = (keys for at, keys in soonest(step.key).values() if at < window)
        found = max(found, *within, key=len)
    return found


def _best(ways: list[Soonest]) -> Soonest:
    """Of several ways the one that brings so many messages the soonest."""
    found: dict[int, tuple[timedelta, Keys]] = {}
    for way in ways:
        for count, one in way.items():
            if count not in found or one < found[count]:
                found[count] = one
    return found


def _shortest(step: Step, place: str) -> timedelta:
    """The least time that a step takes on a way out of it."""
    if not isinstance(step, Wait) or step.span is None or (step.until_event and place != "on_timeout"):
        return timedelta(0)
    return step.span
