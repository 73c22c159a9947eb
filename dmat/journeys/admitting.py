"""Who of those whom a trigger names may enter: segments, one at a time, how often, how soon again.

Belongs here: these rules on sets, the same live and in a replay. Stays out: finding candidates (`entries.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from dmat.journeys.answers import Asking, find_answers
from dmat.journeys.conditions import InSegment
from dmat.journeys.definition import Definition
from dmat.journeys.entries import Candidate, Source
from dmat.journeys.machine import Asked


class Stay(NamedTuple):
    """An entry of a person before: from when until when; None while they are in."""

    entered_at: datetime
    ended_at: datetime | None


Stays = Mapping[int, Sequence[Stay]]
NOT_IN_SEGMENT, IS_EXCLUDED = "not in a segment that may enter", "in a segment that may not enter"
IS_IN, TOO_SOON, NEVER_AGAIN, OFTEN_ENOUGH = (
    "in the journey already",
    "too soon again",
    "was in it before",
    "often enough",
)
KEPT = frozenset({IS_IN, TOO_SOON})  # a no that time would turn into a yes is written down


@dataclass
class Admitted:
    """Who enters, who waits for the next round (a second entry of the same person), and why others do not."""

    entering: list[Candidate] = field(default_factory=list)
    later: list[Candidate] = field(default_factory=list)
    kept_out: list[tuple[Candidate, str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


def in_their_segments(
    source: Source, definition: Definition, candidates: Sequence[Candidate], refused: Counter[str]
) -> list[Candidate]:
    """Those who are in one of the entry's segments at their moment, and in none of those excluded."""
    kept = list(candidates)
    if definition.entry.segments:
        inside: set[int] = set()
        for key in definition.entry.segments:
            inside |= _inside(source, definition, kept, key)
        refused[NOT_IN_SEGMENT] += len(kept) - len(inside)
        kept = [each for number, each in enumerate(kept) if number in inside]
    for key in definition.entry.exclude:
        inside = _inside(source, definition, kept, key)
        refused[IS_EXCLUDED] += len(inside)
        kept = [each for number, each in enumerate(kept) if number not in inside]
    return kept


def _inside(source: Source, definition: Definition, candidates: Sequence[Candidate], key: str) -> set[int]:
    question = InSegment(segment=key)
    asking = [
        Asking(number, each.person_id, each.entry_key, each.at, Asked(question, each.at))
        for number, each in enumerate(candidates)
    ]
    answers = find_answers(source, definition.programme, asking) if asking else {}
    return {number for number, is_in in answers.items() if is_in}


def begin_of(candidate: Candidate) -> datetime:
    """When the first step of a candidate would be due."""
    return candidate.lives_from or candidate.at


def in_order(candidate: Candidate) -> tuple[datetime, datetime, int, str]:
    """The order in which candidates are looked at."""
    return begin_of(candidate), candidate.at, candidate.person_id, candidate.entry_key


def takes_everybody(definition: Definition) -> bool:
    """Whether nobody's earlier entries matter: then all candidates enter in one round."""
    entry = definition.entry
    return entry.again == "always" and not entry.one_at_a_time and not entry.most


def admit(definition: Definition, candidates: Iterable[Candidate], stays: Stays) -> Admitted:
    """Who may enter now, given everybody's stays so far; of several entries of a person the first is looked at."""
    if takes_everybody(definition):
        return Admitted(entering=list(candidates))
    found, seen = Admitted(), set[int]()
    for candidate in candidates:
        if candidate.person_id in seen:
            found.later.append(candidate)
            continue
        seen.add(candidate.person_id)
        why = _refusal(definition, begin_of(candidate), stays.get(candidate.person_id, ()))
        if why:
            found.refused[why] += 1
            if why in KEPT:
                found.kept_out.append((candidate, why))
        else:
            found.entering.append(candidate)
    return found


def _refusal(definition: Definition, at: datetime, stays: Sequence[Stay]) -> str:
    entry = definition.entry
    if not stays:
        return ""
    if entry.again == "never":
        return NEVER_AGAIN
    if entry.most and len(stays) >= entry.most:
        return OFTEN_ENOUGH
    if entry.again == "after" and any(stay.entered_at + entry.cool_down > at for stay in stays):
        return TOO_SOON
    if entry.one_at_a_time and any(stay.ended_at is None or stay.ended_at > at for stay in stays):
        return IS_IN
    return ""
