"""Delivering webhooks out: what waits is posted, again and again for a day with growing pauses, until it is taken.

Belongs here: claiming deliveries, attempts, pauses, giving up, switching an endpoint off that never takes anything,
the log and sending again. Stays out: signing and endpoints. Pauses and attempts are on the system's clock, as
receivers live in real time, whatever the workspace's clock says.

    attempt 1 at once, then after about 30 s, 1, 2, 4, 8 ... minutes, at most 3 hours apart, each +-25 %, for 24 hours
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.clock import utc
from dmat.connectors.guarded import guarded_client
from dmat.errors import InvalidInputError, NotFoundError
from dmat.outgoing.endpoints import Endpoints
from dmat.outgoing.outbox import WAITING
from dmat.outgoing.signing import sign
from dmat.settings import Settings
from dmat.store.engine import Store, chunks, lock_rows, rows_of
from dmat.store.web_tables import webhook_deliveries, webhook_endpoints, webhook_events
from dmat.store.workspace_values import write_audit

DELIVERED, FAILED = "delivered", "failed"
FIRST_PAUSE, LONGEST_PAUSE, JITTER = 30.0, 3 * 3600.0, 0.25
TRIED_FOR, OFF_AFTER = timedelta(hours=24), timedelta(days=3)
LEASE = timedelta(seconds=90)
AT_ONCE, OF_ONE_ENDPOINT, THREADS = 64, 16, 8
KEPT = timedelta(days=30)
GONE = 410
Post = Callable[[str, bytes, Mapping[str, str]], int]


@dataclass(frozen=True)
class Attempt:
    """One delivery that is being tried."""

    delivery_id: int
    endpoint_id: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    attempts: int
    first_tried_at: datetime


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt: the status of the answer (0: none), and what went wrong."""

    attempt: Attempt
    status: int
    error: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the receiver took it."""
        return 200 <= self.status < 300


class Courier:
    """Delivers what waits for the endpoints of one workspace; safe to run in several processes."""

    def __init__(self, settings: Settings, store: Store, post: Post | None = None, seed: int | None = None) -> None:
        self._store, self._endpoints = store, Endpoints(settings, store)
        self._client = guarded_client(settings.outgoing_webhook_allows_private) if post is None else None
        self._post = post or self._post_guarded
        self._random = random.Random(seed)

    def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            self._client.close()

    def deliver(self, now: datetime | None = None) -> int:
        """Try what is due once; gives how many attempts were made."""
        now = now or utc(time.time())
        attempts = self._claim(now)
        if not attempts:
            return 0
        with ThreadPoolExecutor(THREADS) as pool:
            outcomes = list(pool.map(self._try, attempts))
        with self._store.write() as connection:
            for outcome in outcomes:
                self._write(connection, outcome, now)
            for endpoint_id in sorted({outcome.attempt.endpoint_id for outcome in outcomes}):
                mine = [outcome for outcome in outcomes if outcome.attempt.endpoint_id == endpoint_id]
                _note_health(connection, endpoint_id, mine, now)
        return len(outcomes)

    def _claim(self, now: datetime) -> list[Attempt]:
        """Due deliveries, taken for a while; a slow endpoint does not take the places of the others."""
        table, endpoint, event = webhook_deliveries.c, webhook_endpoints.c, webhook_events.c
        ranked = (
            sa.select(
                table.delivery_id,
                sa.func.row_number().over(partition_by=table.endpoint_id, order_by=table.delivery_id).label("place"),
            )
            .join(webhook_endpoints, endpoint.endpoint_id == table.endpoint_id)
            .where(
                table.state == WAITING,
                endpoint.is_active,
                sa.or_(table.next_at.is_(None), table.next_at <= now),
                sa.or_(table.claimed_until.is_(None), table.claimed_until <= now),
            )
            .subquery()
        )
        with self._store.write() as connection:
            due = sa.select(ranked.c.delivery_id).where(ranked.c.place <= OF_ONE_ENDPOINT).limit(AT_ONCE)
            wanted: list[int] = list(connection.execute(due).scalars())
            if not wanted:
                return []
            is_free = sa.or_(table.claimed_until.is_(None), table.claimed_until <= now)
            locked = sa.select(table.delivery_id).where(table.delivery_id.in_(wanted), table.state == WAITING, is_free)
            taken: list[int] = list(connection.execute(lock_rows(connection, locked, skip_locked=True)).scalars())
            is_mine = table.delivery_id.in_(taken)
            first = sa.func.coalesce(table.first_tried_at, now)
            values: dict[str, Any] = {
                "claimed_until": now + LEASE, "attempts": table.attempts + 1, "first_tried_at": first,
            }  # fmt: skip
            connection.execute(sa.update(webhook_deliveries).where(is_mine).values(values))
            query = (
                sa.select(
                    table.delivery_id, table.endpoint_id, table.attempts, table.first_tried_at, event.event_id,
                    event.payload, endpoint.url, endpoint.secret, endpoint.old_secret, endpoint.old_secret_until,
                )
                .join(webhook_events, event.event_id == table.event_id)
                .join(webhook_endpoints, endpoint.endpoint_id == table.endpoint_id)
                .where(is_mine)
            )  # fmt: skip
            return [self._attempt(row) for row in rows_of(connection, query)]

    def _attempt(self, row: Mapping[str, Any]) -> Attempt:
        body = orjson.dumps(row["payload"])
        signed = sign(self._endpoints.secrets_of(row), row["event_id"], int(time.time()), body)
        headers = {"Content-Type": "application/json", "User-Agent": "DMAT webhooks/1", **signed}
        names = ("delivery_id", "endpoint_id", "url", "attempts", "first_tried_at")
        return Attempt(body=body, headers=headers, **{name: row[name] for name in names})

    def _try(self, attempt: Attempt) -> Outcome:
        try:
            return Outcome(attempt, self._post(attempt.url, attempt.body, attempt.headers))
        except InvalidInputError as error:
            return Outcome(attempt, 0, str(error))
        except (httpx.HTTPError, OSError) as error:
            return Outcome(attempt, 0, f"{type(error).__name__}: {error}")

    def _post_guarded(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        assert self._client is not None  # noqa: S101 - made with this way of posting
        return self._client.post(url, content=body, headers=dict(headers)).status_code

    def _write(self, connection: Connection, outcome: Outcome, now: datetime) -> None:
        attempt = outcome.attempt
        values: dict[str, Any] = {"claimed_until": None, "last_status": outcome.status or None}
        if outcome.is_taken:
            values |= {"state": DELIVERED, "delivered_at": now, "last_error": "", "next_at": None}
        else:
            values["last_error"] = (outcome.error or f"answered {outcome.status}")[:1000]
            next_at = now + timedelta(seconds=self._pause(attempt.attempts))
            is_over = next_at > attempt.first_tried_at + TRIED_FOR
            waits: dict[str, Any] = {"next_at": next_at}
            values |= {"state": FAILED, "next_at": None} if is_over else waits
        is_it = webhook_deliveries.c.delivery_id == attempt.delivery_id
        connection.execute(sa.update(webhook_deliveries).where(is_it).values(values))

    def _pause(self, attempts: int) -> float:
        """Seconds until the next attempt."""
        pause = min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)
        return pause * self._random.uniform(1 - JITTER, 1 + JITTER)


def _note_health(connection: Connection, endpoint_id: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    """An endpoint that takes something is well; one that took nothing for three days, or is gone, is switched off."""
    table = webhook_endpoints.c
    update = sa.update(webhook_endpoints).where(table.endpoint_id == endpoint_id)
    if any(outcome.is_taken for outcome in outcomes):
        connection.execute(update.where(table.failing_since.is_not(None)).values(failing_since=None))
        return
    connection.execute(update.where(table.failing_since.is_(None)).values(failing_since=now))
    row = rows_of(connection, sa.select(table.name, table.failing_since).where(table.endpoint_id == endpoint_id))[0]
    is_gone = any(outcome.status == GONE for outcome in outcomes)
    if not is_gone and now - row["failing_since"] < OFF_AFTER:
        return
    last = outcomes[-1].error or f"answered {outcomes[-1].status}"
    why = f"{'it says that it is gone' if is_gone else 'it took nothing for three days'} ({last})"[:500]
    connection.execute(update.values(is_active=False, disabled_because=why, updated_at=now))
    write_audit(connection, now, "system", "webhook endpoint switched off", row["name"], reason=why)


def read_log(store: Store, endpoint_id: str, state: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Deliveries of an endpoint, newest first: what, when, how often, what the receiver said."""
    table, event = webhook_deliveries.c, webhook_events.c
    query = (
        sa.select(
            table.delivery_id, table.event_id, event.kind, event.payload, event.occurred_at, table.state,
            table.attempts, table.next_at, table.last_status, table.last_error, table.created_at, table.delivered_at,
        )
        .join(webhook_events, event.event_id == table.event_id)
        .where(table.endpoint_id == endpoint_id)
    )  # fmt: skip
    if state:
        query = query.where(table.state == state)
    with store.read() as connection:
        return rows_of(connection, query.order_by(table.delivery_id.desc()).limit(limit))


def replay(store: Store, delivery_id: int) -> None:
    """Deliver something again, with the same event id, from the first attempt on.

    Raises:
        NotFoundError: there is no such delivery.
    """
    table = webhook_deliveries.c
    values = {"state": WAITING, "attempts": 0, "next_at": None, "first_tried_at": None, "claimed_until": None}
    with store.write() as connection:
        query = sa.update(webhook_deliveries).where(table.delivery_id == delivery_id).values(**values)
        if not connection.execute(query).rowcount:
            raise NotFoundError(f"there is no delivery {delivery_id}")


def replay_failed(store: Store, endpoint_id: str) -> int:
    """Deliver all that was given up for an endpoint again; gives how many."""
    table = webhook_deliveries.c
    values = {"state": WAITING, "attempts": 0, "next_at": None, "first_tried_at": None, "claimed_until": None}
    with store.write() as connection:
        query = sa.update(webhook_deliveries).where(table.endpoint_id == endpoint_id, table.state == FAILED)
        return int(connection.execute(query.values(**values)).rowcount)


def forget_old(store: Store, now: datetime) -> int:
    """Forget events of more than a month ago that wait for nobody; gives how many."""
    table, event = webhook_deliveries.c, webhook_events.c
    waits = sa.select(table.event_id).where(table.event_id == event.event_id, table.state == WAITING).exists()
    query = sa.select(event.event_id).where(event.created_at < now - KEPT, sa.not_(waits)).limit(5_000)
    with store.write() as connection:
        found: list[str] = list(connection.execute(query).scalars())
        for batch in chunks(found):
            connection.execute(sa.delete(webhook_deliveries).where(table.event_id.in_(batch)))
            connection.execute(sa.delete(webhook_events).where(event.event_id.in_(batch)))
    return len(found)
