"""Slots of compiled messages, filled in the limited child for thousands of people at a time.

Belongs here: one child for all compiled messages of a process, splitting, filling, finding the one value that stops
it. Stays out: what a slot is (`render_child.py`), which slots a message has (`compiled.py`).
"""

from __future__ import annotations

import atexit
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from dmat.errors import InvalidInputError
from dmat.messages.child import STOPPED, Child, Limits
from dmat.messages.rendering import Failed, load_templates

CHUNK, MOST_SPLIT = 2_000, 500
PATIENCE_SECONDS = 120.0


class Filler:
    """Splits sources and fills their slots; safe to share between threads. Close it, or leave that to the exit."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._jobs: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count()
        self.child = Child(load_templates(), limits or Limits(), lambda: list(self._jobs.values()))

    def close(self) -> None:
        """End the child."""
        self.child.close()

    def split(self, job: Mapping[str, Any], place: str) -> tuple[str, dict[str, Any]]:
        """Cut a source; gives its number and what `render_child.Split.described` says.

        Raises:
            InvalidInputError: the source is wrong, with the line.
        """
        number = str(next(self._numbers))
        with self.child.lock:
            if int(number) % MOST_SPLIT == MOST_SPLIT - 1:
                self.child.stop()  # a fresh one knows only what is still needed
            try:
                found = self.child.ask({**job, "split": number})
            except STOPPED as error:
                raise InvalidInputError(place, f"it was stopped: {error or type(error).__name__}") from None
            if "error" in found:
                line = f"line {found['line']}: " if found.get("line") else ""
                raise InvalidInputError(place, f"{line}{found['error']}")
            self._jobs[number] = {**job, "split": number}
        return number, found

    def forget(self, number: str) -> None:
        """A source that is not needed any more (called by the garbage collector too: it must not wait for a lock)."""
        self._jobs.pop(number, None)

    def fill(self, number: str, values: Sequence[Mapping[str, Any]]) -> list[list[str] | Failed]:
        """What the slots of a source say for each person, in order; one that fails does not keep the others back."""
        found: list[list[str] | Failed] = []
        for first in range(0, len(values), CHUNK):
            with self.child.lock:
                found += self._fill(number, values[first : first + CHUNK])
        return found

    def _fill(self, number: str, values: Sequence[Mapping[str, Any]]) -> list[list[str] | Failed]:
        try:
            answer = self.child.ask({"fill": number, "values": values}, PATIENCE_SECONDS)
        except STOPPED as error:
            if len(values) == 1:
                return [Failed(f"rendering was stopped: {error or type(error).__name__}")]
            middle = len(values) // 2
            return self._fill(number, values[:middle]) + self._fill(number, values[middle:])
        return [each if isinstance(each, list) else Failed(str(each["error"])) for each in answer["filled"]]


class _Shared:
    """The one filler of this process, made when it is first needed."""

    filler: Filler | None = None


def shared_filler() -> Filler:
    """The filler of this process."""
    if _Shared.filler is None:
        _Shared.filler = Filler()
        atexit.register(_Shared.filler.close)
    return _Shared.filler
