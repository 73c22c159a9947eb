"""What every page of one server shares: settings, the published warehouse, the store, and a cache of answers.

Belongs here: opening them once, and asking each question once for all readers of the same version.
Stays out: what is asked (`screens/*/data.py`).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

import pandas  # noqa: F401  (duckdb imports it at the first query, which would otherwise be a reader's)
import sqlalchemy as sa

from dmat.alerts.records import count_open
from dmat.errors import NotPublishedError
from dmat.ledger.log import last_step
from dmat.settings import Settings
from dmat.store import Store, open_store
from dmat.store.tables import inbox, ledger_entries, quarantine
from dmat.warehouse import Version, Workspace, current_version

ANSWERS_KEPT = 64
PULSE_SECONDS = 0.9
T = TypeVar("T")


class Answers:
    """Answers by key, each worked out once even when many ask at the same moment; the oldest are forgotten."""

    def __init__(self, kept: int = ANSWERS_KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._asking: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, work_out: Callable[[], T]) -> T:
        """The answer under `key`, worked out now if nobody did before; an error is not kept."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            turn = self._asking.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._answers:
                    return self._answers[key]
            answer = work_out()
            with self._lock:
                self._answers[key] = answer
                self._asking.pop(key, None)
                while len(self._answers) > self._kept:
                    self._answers.popitem(last=False)
            return answer


@dataclass(frozen=True)
class Pulse:
    """What can change from one second to the next: the published version and the live counts of the store."""

    version: Version | None
    states: tuple[tuple[str, int], ...] = ()
    waiting_events: int = 0
    unlanded_events: int = 0
    quarantined: int = 0
    last_transition: int = 0
    open_alerts: int = 0

    @property
    def by_state(self) -> dict[str, int]:
        """How many messages are in each state of the ledger."""
        return dict(self.states)


@dataclass
class Context:
    """One server's settings, warehouse, store and answers; safe to share between threads."""

    settings: Settings
    workspace: Workspace
    store: Store
    answers: Answers = field(default_factory=Answers)
    parts: dict[str, Any] = field(default_factory=dict)
    _parts_lock: Any = field(default_factory=threading.RLock)  # a part may be made of others
    _pulse: Pulse | None = None
    _pulse_at: float = 0.0
    _pulse_lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> datetime:
        """The workspace's time."""
        return self.settings.clock.now()

    @property
    def zone(self) -> str:
        """The marketers' time zone."""
        return self.settings.workspace_time_zone

    def part(self, name: str, make: Callable[[Context], T]) -> T:
        """What an area of the screens makes once for all its pages."""
        with self._parts_lock:
            if name not in self.parts:
                self.parts[name] = make(self)
            return cast("T", self.parts[name])

    def version(self) -> Version | None:
        """The newest published version; None when nothing has been published yet."""
        try:
            return current_version(self.settings)
        except NotPublishedError:
            return None

    def pulse(self) -> Pulse:
        """The newest pulse, at most a second old; one look serves every open page."""
        with self._pulse_lock:
            if self._pulse is None or time.monotonic() - self._pulse_at > PULSE_SECONDS:
                self._pulse = take_pulse(self)
                self._pulse_at = time.monotonic()
            return self._pulse


def take_pulse(context: Context) -> Pulse:
    """Look at the pointer of the warehouse and count in the store."""
    states = sa.select(ledger_entries.c.state, sa.func.count()).group_by(ledger_entries.c.state)
    with context.store.read() as connection:
        rows: Any = connection.execute(states)
        counted = tuple(sorted((str(state), int(count)) for state, count in rows))
        return Pulse(
            version=context.version(),
            states=counted,
            waiting_events=_count(connection, inbox, inbox.c.applied_at.is_(None)),
            unlanded_events=_count(connection, inbox, inbox.c.landed_at.is_(None)),
            quarantined=_count(connection, quarantine, quarantine.c.replayed_at.is_(None)),
            last_transition=last_step(connection),
            open_alerts=count_open(connection, context.now()),
        )


def _count(connection: sa.Connection, table: sa.Table, where: Any) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0)


def open_context(settings: Settings) -> Context:
    """Open what the pages of one server share."""
    return Context(settings, Workspace(settings, is_resident=True), open_store(settings))
