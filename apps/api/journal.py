"""Clicks and openings on their way into the inbox: at once while they are few, else written down first.

Belongs here: that choice, and taking in what was written down. Stays out: what is written (`dmat/store/arrivals.py`,
`dmat/ledger/receive.py`). Either way an event is on disk before its reader is answered, and is taken in once: it leaves
the row in which it was written down in the transaction that counts it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from apps.api.committer import Committer
from dmat.ledger.receive import receive_within
from dmat.store import Store
from dmat.store.arrivals import keep_arrival, take_arrivals
from dmat.store.inbox import InboundEvent

FEW = 4
AT_ONCE = 2_000


class Journal:
    """Takes in the events of our own doors for one workspace."""

    def __init__(self, store: Store, committer: Committer, now: Callable[[], datetime]) -> None:
        self._store, self._committer, self._now = store, committer, now
        self._waiting: list[tuple[InboundEvent, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._kept = 0  # events that this process wrote down and did not take in yet

    async def note(self, event: InboundEvent) -> None:
        """Write an event durably; a store that cannot be written to keeps nobody from being answered."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            events = [event for event, _ in batch]
            with contextlib.suppress(DBAPIError):
                if len(events) <= FEW and not self._kept:
                    await self._committer.write(events)
                else:
                    await asyncio.to_thread(self._keep, events)
                    self._kept += len(events)
                    self.start()
            for _, done in batch:
                if not done.done():  # its reader may have gone away
                    done.set_result(None)

    @property
    def is_behind(self) -> bool:
        """Whether something that was written down is being taken in."""
        return self._taking is not None and not self._taking.done()

    def start(self) -> None:
        """Take in what was written down, also by a process that died, unless that is under way."""
        if not self.is_behind:
            self._taking = asyncio.create_task(self._take())

    async def _take(self) -> None:
        with contextlib.suppress(DBAPIError):  # the next event, or the next start, tries again
            while count := await asyncio.to_thread(self.take_in):
                self._kept = max(0, self._kept - count)
            self._kept = 0

    def _keep(self, events: list[InboundEvent]) -> None:
        with self._store.write() as connection:
            keep_arrival(connection, events, self._now())

    def take_in(self) -> int:
        """Take in some of what was written down, in one transaction; gives how many events that were."""
        with self._store.write() as connection:
            events = take_arrivals(connection, AT_ONCE)
            receive_within(connection, events, self._now())
        return len(events)
