"""A member's life up to now: waits that ended and things that happened, in the order in which they belong.

Belongs here: putting both in order for the machine, collecting what is to be done. Stays out: one step of the machine
(`machine.py`), where members, happenings and answers come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dmat.journeys.definition import Definition
from dmat.journeys.machine import WAITING, Asked, Effect, Happening, Lift, Moved, Person, State, advance, happen, same
from dmat.journeys.trials import Trial


@dataclass(slots=True)
class Life:
    """One member while it is lived on; `state` and what follows grow.

    Attributes:
        entered_at: what happened until then does not concern it.
        answers: what is known of questions about it.
        applied: happenings that changed something, each with the moment as of which it counts.
        withdrawn_at: when what was planned and had not left was taken back.
    """

    definition: Definition
    person: Person
    values: Mapping[str, Any]
    entered_at: datetime
    state: State
    lift: Lift = same
    trials: Sequence[Trial] = ()
    answers: dict[Asked, bool] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    passed: list[tuple[str, datetime]] = field(default_factory=list)
    applied: list[tuple[Happening, datetime]] = field(default_factory=list)
    withdrawn_at: datetime | None = None

    def done(self) -> tuple[Any, ...]:
        """What became of it, to be compared."""
        effects = [(effect.step.key, effect.at, effect.variant) for effect in self.effects]
        return self.state, effects, self.passed, [at for _, at in self.applied], self.withdrawn_at

    @property
    def next_at(self) -> datetime | None:
        """When its wait ends; None when it has ended."""
        due = self.state.due_at
        return None if due is None or self.state.status != WAITING else max(self.state.at, self.lift(due))


def live(life: Life, happenings: Iterable[Happening], until: datetime) -> Asked | None:
    """Live a member on up to a moment; a question that must be answered first, or None when it is there.

    Asked a second time with the same happenings it goes on where it stopped: what was applied is not applied again,
    as the machine knows up to when it lived.
    """
    for happening in sorted(happenings, key=lambda happening: happening.at) if happenings else ():
        lacking = _wait_out(life, min(happening.at, until))
        if lacking is not None:
            return lacking
        if any(known is happening for known, _ in life.applied):
            continue
        moved = happen(life.definition, life.state, happening, life.entered_at)
        if moved is not None:
            _take(life, moved)
            life.applied.append((happening, moved.state.at))
    return _wait_out(life, until)


def _wait_out(life: Life, until: datetime) -> Asked | None:
    """Everything that is due up to a moment."""
    while (due := life.next_at) is not None and due <= until:
        moved = advance(life.definition, life.state, life.person, life.values, life.answers, life.lift, life.trials)
        _take(life, moved)
        if moved.lacking is not None:
            return moved.lacking
    return None


def _take(life: Life, moved: Moved) -> None:
    life.state = moved.state
    life.effects += moved.effects
    life.passed += moved.passed
    if moved.is_withdrawn:
        life.withdrawn_at = moved.state.at
