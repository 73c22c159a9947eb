"""Looking at a journey in the making: what is wrong with it, and at which step.

Belongs here: faults with the step that they belong to, in words. Stays out: the rules (`dmat/journeys/definition.py`,
`checking.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.screens.journeys.desk import JourneyDesk
from apps.screens.journeys.graph import START, Document, compact
from dmat.errors import DmatError, InvalidInputError
from dmat.journeys.checking import check_definition
from dmat.journeys.definition import find_faults, parse_definition

SETTINGS = "settings"
"""Where faults belong that are of no single step: name, goal, what ends it, who is held out."""
_NEEDS = re.compile(r"\w+ needs data\.(\w+)")
_STEP = re.compile(r"steps\[(\d+)\]\.?(.*)")
_NAMES = {"template": "Message", "until_time": "Time", "for": "How long", "segment": "Segment", "event": "What they do",
          "cases": "Case", "arms": "Shares", "holdout": "People held out", "name": "Name", "trigger": "Start",
          "list_name": "Audience", "points": "Points", "title": "Title"}  # fmt: skip
_PLAIN = {
    "it is empty": "is missing", "it is missing": "is missing", "is not a whole number": "is no whole number",
    "is not a number": "is no number", "has another form": "has signs that may not be there",
    "there are too few": "are too few",
}  # fmt: skip
_ALLOWED = " (allowed: "


@dataclass(frozen=True)
class Fault:
    """Something wrong, at a step (`at` is its key, empty: the start, `settings`: the journey)."""

    at: str
    what: str
    is_blocking: bool = True


@dataclass(frozen=True)
class Judged:
    """What was found out about a journey in the making."""

    serial: int
    faults: tuple[Fault, ...] = ()

    @property
    def blocking(self) -> tuple[Fault, ...]:
        """What keeps it from being switched on."""
        return tuple(each for each in self.faults if each.is_blocking)

    def at(self, key: str) -> tuple[Fault, ...]:
        """What is wrong at a step."""
        return tuple(each for each in self.faults if each.at == key)


class Judging:
    """Looks at journeys in the making."""

    def __init__(self, desk: JourneyDesk) -> None:
        self._desk = desk

    def look(self, plan: Document, serial: int) -> Judged:
        """Everything that is wrong with a plan."""
        document = compact(plan)
        keys = [step["key"] for step in document["steps"]]
        wrong = find_faults(document)
        if wrong:
            return Judged(serial, fault_list(map(_told, wrong), keys))
        if not self._desk.has_tables:
            return Judged(
                serial, (Fault(SETTINGS, "Nothing is published yet, so that nobody knows what can be asked.", False),)
            )
        try:
            found = check_definition(self._desk.source, parse_definition(document))
        except DmatError as error:
            return Judged(serial, (Fault(SETTINGS, sentence(str(error))),))
        told = [(each.place, each.what, each.is_blocking) for each in found]
        return Judged(serial, fault_list(told, keys))


def _told(error: InvalidInputError) -> tuple[str, str, bool]:
    return error.field, error.problem + (f"{_ALLOWED}{error.allowed})" if error.allowed else ""), True


def fault_list(found: Iterable[tuple[str, str, bool]], keys: Sequence[str]) -> tuple[Fault, ...]:
    """Faults with the steps they belong to, each once; those that block first."""
    faults = [fault_of(place, what, keys, is_blocking=blocks) for place, what, blocks in found]
    return tuple(sorted(dict.fromkeys(faults), key=lambda each: not each.is_blocking))


def fault_of(place: str, what: str, keys: Sequence[str], is_blocking: bool = True) -> Fault:
    """A fault in words, with its step."""
    named = _STEP.match(place)
    if named and int(named[1]) < len(keys):
        return Fault(keys[int(named[1])], _words(named[2], what), is_blocking)
    at = START if place.startswith(("trigger", "entry")) else SETTINGS
    return Fault(at, _words(place, what), is_blocking)


def _words(place: str, what: str) -> str:
    leaf = re.split(r"[.\[]", place)[-1] if not place.endswith("]") else place.split("[")[0].split(".")[-1]
    leaf = leaf or place
    lacking = _NEEDS.fullmatch(what)
    if lacking:
        return f"{_NAMES.get(lacking[1], lacking[1].capitalize())} is missing."
    if what.startswith("data."):
        return sentence(f"the {what.removeprefix('data.')}")
    said = next((plain for end, plain in _PLAIN.items() if what.partition(_ALLOWED)[0].endswith(end)), "")
    name = _NAMES.get(leaf, leaf.replace("_", " ").capitalize())
    if said:
        return f"{name} {said}."
    return sentence(what)


def sentence(words: str) -> str:
    """Words as a sentence."""
    plain = words.strip().rstrip(".")
    return f"{plain[:1].upper()}{plain[1:]}." if plain else ""
