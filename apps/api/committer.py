"""Group commit: all requests that arrive while one transaction is being written share the next one.

Belongs here: durable acknowledgement without a disk flush a request. Stays out: what is written
(`dmat/ledger/receive.py`, `dmat/store/quarantine.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from dmat.ledger.receive import receive_within
from dmat.store import Store
from dmat.store.inbox import InboundEvent
from dmat.store.quarantine import Refused, keep_refused


@dataclass
class Arrival:
    """What one request brings: events to take in, bodies to put aside; `done` when both are on disk."""

    events: Sequence[InboundEvent] = ()
    refused: Sequence[Refused] = ()
    done: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Committer:
    """Writes arrivals, one transaction at a time, in a thread."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self._waiting: list[Arrival] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, events: Sequence[InboundEvent] = (), refused: Sequence[Refused] = ()) -> int:
        """Write durably; gives how many of the events were new."""
        arrival = Arrival(events, refused)
        self._waiting.append(arrival)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await arrival.done

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                counts = await asyncio.to_thread(self._commit, batch)
            except DBAPIError:
                await self._one_by_one(batch)
                continue
            for arrival, count in zip(batch, counts, strict=True):
                _resolve(arrival, count)

    async def _one_by_one(self, batch: Sequence[Arrival]) -> None:
        """Something in the batch cannot be written: only its own request is told so."""
        for arrival in batch:
            try:
                _resolve(arrival, (await asyncio.to_thread(self._commit, [arrival]))[0])
            except DBAPIError as error:
                if not arrival.done.done():
                    arrival.done.set_exception(error)

    def _commit(self, batch: Sequence[Arrival]) -> list[int]:
        now = self._now()
        with self._store.write() as connection:
            fresh = receive_within(connection, [event for arrival in batch for event in arrival.events], now)
            keep_refused(connection, [item for arrival in batch for item in arrival.refused], now)
        new = {(event.provider, event.event_id) for event in fresh}
        counts = []
        for arrival in batch:  # an event that two requests brought is new for the first of them
            its_new = {(event.provider, event.event_id) for event in arrival.events} & new
            new -= its_new
            counts.append(len(its_new))
        return counts


def _resolve(arrival: Arrival, count: int) -> None:
    if not arrival.done.done():  # its client may have gone away
        arrival.done.set_result(count)
