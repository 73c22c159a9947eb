"""Many members lived on at once: questions are collected and asked once for all of them, round by round.

Belongs here: these rounds, the same live and in a replay; what makes them fast. Stays out: one life (`living.py`),
asking (`answers.py`).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from dmat.journeys.answers import Asking
from dmat.journeys.living import Life, live
from dmat.journeys.machine import Asked, Happening

Ask = Callable[[Sequence[Asking]], Mapping[int, bool]]


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no search for cycles interrupt work on many members: it makes many objects, but no cycles; a fifth faster."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class One(NamedTuple):
    """A member in a crowd: its key, its life, what happened to it, and up to when it lives (None: as the others)."""

    entry_key: str
    life: Life
    happenings: Sequence[Happening]
    until: datetime | None = None


def live_all(crowd: Sequence[One], until: datetime, ask: Ask) -> None:
    """Live members on up to a moment; `ask` answers the questions of a whole round."""
    waiting = list(range(len(crowd)))
    while waiting:
        asked: dict[int, Asked] = {}
        for number in waiting:
            lacking = live(crowd[number].life, crowd[number].happenings, crowd[number].until or until)
            if lacking is not None:
                asked[number] = lacking
        if not asked:
            return
        answers = ask([
            Asking(number, crowd[number].life.person.person_id, crowd[number].entry_key,
                   crowd[number].life.entered_at, each)
            for number, each in asked.items()
        ])  # fmt: skip
        for number, each in asked.items():
            crowd[number].life.answers[each] = answers[number]
        waiting = list(asked)
