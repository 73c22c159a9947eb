"""What answers rules for a pass over all segments: a small interface, and SQL behind it.

Belongs here: the interface that a pass needs, and its plain implementation, a query a segment. Stays out: the engine
of bitmaps (`engine.py`), which answers the same much faster, and keeping what was answered (`membership.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from dmat.segments.bitmaps import Bits, PersonIndex
from dmat.segments.catalogue import Catalogue, read_catalogue
from dmat.segments.compiler import compile_rule
from dmat.segments.rules import EVERYBODY, Rule
from dmat.warehouse import Workspace

POLL = timedelta(seconds=30)


class Answers(Protocol):
    """Answers rules from one published version at a time; the place of a person never moves."""

    @property
    def index(self) -> PersonIndex:
        """Person number -> place of the bit."""

    @property
    def version(self) -> int:
        """The published version that is answered from; 0 before the first `refresh`."""

    def refresh(self, now: datetime) -> None:
        """Take on the newest published version and this moment."""

    def bits(self, rule: Rule, rules: Mapping[str, Rule], frozen: Collection[str] = ()) -> Bits:
        """Who is in; `rules` are those of the segments that may be named, `frozen` the keys of the static ones."""

    def next_flip(self, rules: Mapping[str, Rule]) -> datetime | None:
        """The next moment at which an answer may change by time alone; None for never."""


class SqlAnswers:
    """Answers by one query a segment."""

    def __init__(self, workspace: Workspace, zone: str) -> None:
        self.workspace, self.zone = workspace, zone
        self.index = PersonIndex(np.empty(0, np.int64))
        self.version = 0
        self._now = datetime.min
        self._catalogue: Catalogue | None = None

    def refresh(self, now: datetime) -> None:
        """Take on the newest published version and this moment.

        Raises:
            NotPublishedError: nothing has been published yet.
        """
        version = self.workspace.version.number
        if version != self.version or self._catalogue is None:
            self._catalogue = read_catalogue(self.workspace)
            self.version = version
        self._now = now
        self.bits(EVERYBODY, {})

    def bits(self, rule: Rule, rules: Mapping[str, Rule], frozen: Collection[str] = ()) -> Bits:
        """Who is in."""
        if self._catalogue is None:
            self.refresh(self._now)
        assert self._catalogue is not None  # noqa: S101 - refresh reads it or raises
        compiled = compile_rule(rule, self._catalogue, self._now, self.zone, segments=rules, frozen=frozen)
        found = self.workspace.cursor().execute(compiled.sql, list(compiled.parameters)).fetchnumpy()
        places = self.index.add(np.asarray(next(iter(found.values())), np.int64))
        return Bits.at(places, len(self.index))

    def next_flip(self, rules: Mapping[str, Rule]) -> datetime | None:
        """Without an index of moments: look again in half a minute."""
        return self._now + POLL if rules else None
