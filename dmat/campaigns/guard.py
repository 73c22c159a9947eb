"""The guard: a programme that is complained about, that bounces or that providers refuse is paused by itself.

Belongs here: the limits, and pausing with the reason in the transaction that learns of it. Stays out: counting
(`dmat/ledger/counters.py`, which asks this), resuming (a person does).
After a pause everything is measured anew from what had been counted by then, so that a person who resumes a programme
gets a new chance, and a new pause when nothing has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import pause_within, paused_programmes
from dmat.store.engine import Store, upsert
from dmat.store.sets import among
from dmat.store.tables import counters, settings_values
from dmat.store.workspace_values import write_audit

FROM_RECIPIENTS = 200
BY = "guard"


@dataclass(frozen=True)
class Limit:
    """A share of recipients from which the guard warns, and one from which it stops."""

    kind: str
    words: str
    warn: float
    stop: float


LIMITS = (
    Limit("complained", "complained", 0.001, 0.003),
    Limit("bounced", "bounced", 0.04, 0.08),
    Limit("failed", "were refused by the provider", 0.05, 0.2),
)
WATCHED = frozenset(limit.kind for limit in LIMITS)


@dataclass(frozen=True)
class Alarm:
    """A limit that was reached."""

    programme: str
    kind: str
    share: float
    is_stop: bool
    reason: str


def watch(connection: Connection, programmes: Iterable[str], now: datetime) -> list[Alarm]:
    """Pause those of the programmes that reached a limit, and note the warnings, inside the caller's transaction."""
    wanted = sorted(set(programmes))
    counts, kept = _counts(connection, wanted), _kept(connection, wanted)
    paused = paused_programmes(connection)
    raised: list[Alarm] = []
    for programme in wanted:
        before = kept.get(programme, {})
        found = alarms_of(programme, counts.get(programme, {}), before.get("counts", {}))
        stops = [alarm for alarm in found if alarm.is_stop]
        if stops and programme not in paused:
            pause_within(connection, programme, stops[0].reason, now, BY)
            _keep(connection, programme, {"counts": counts[programme], "warned": []}, now)
            raised += stops
            continue
        fresh = [alarm for alarm in found if not alarm.is_stop and alarm.kind not in before.get("warned", [])]
        for alarm in fresh:
            write_audit(connection, now, BY, "programme warned", programme, reason=alarm.reason)
        if fresh:
            warned = [*before.get("warned", []), *(alarm.kind for alarm in fresh)]
            _keep(connection, programme, {**before, "warned": warned}, now)
        raised += fresh
    return raised


def alarms_of(programme: str, counts: Mapping[str, int], before: Mapping[str, int]) -> list[Alarm]:
    """The limits that a programme's counts reach since the last pause, those that stop it first."""
    gained = {kind: count - before.get(kind, 0) for kind, count in counts.items()}
    accepted = gained.get("accepted", 0)
    found = []
    for limit in LIMITS:
        count = gained.get(limit.kind, 0)
        recipients = accepted + count if limit.kind == "failed" else accepted
        if recipients < FROM_RECIPIENTS or count < limit.warn * recipients:
            continue
        is_stop = count >= limit.stop * recipients
        most = limit.stop if is_stop else limit.warn
        share = count / recipients
        reason = f"{share:.2%} of {recipients:,} recipients {limit.words}; the limit is {most:.1%}"
        found.append(Alarm(programme, limit.kind, share, is_stop, reason))
    return sorted(found, key=lambda alarm: not alarm.is_stop)


def warnings_of(store: Store) -> dict[str, list[str]]:
    """Programme -> the reasons of its warnings now."""
    with store.read() as connection:
        programmes: set[str] = set(connection.execute(sa.select(counters.c.programme).distinct()).scalars())
        counts, kept = _counts(connection, sorted(programmes)), _kept(connection, sorted(programmes))
    found = {
        programme: [alarm.reason for alarm in alarms_of(programme, counts[programme], _before(kept, programme))]
        for programme in counts
    }
    return {programme: reasons for programme, reasons in found.items() if reasons}


def _before(kept: Mapping[str, dict[str, Any]], programme: str) -> Mapping[str, int]:
    found: Mapping[str, int] = kept.get(programme, {}).get("counts", {})
    return found


def _counts(connection: Connection, programmes: list[str]) -> dict[str, dict[str, int]]:
    table = counters.c
    query = sa.select(table.programme, table.kind, sa.func.sum(table.count).label("n")).where(
        among(connection, table.programme, programmes), table.kind.in_((*WATCHED, "accepted"))
    )
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(query.group_by(table.programme, table.kind)):
        found.setdefault(row.programme, {})[row.kind] = int(row.n)
    return found


def _key(programme: str) -> str:
    return f"guard:{programme}"


def _kept(connection: Connection, programmes: list[str]) -> dict[str, dict[str, Any]]:
    keys = {_key(programme): programme for programme in programmes}
    query = sa.select(settings_values.c.key, settings_values.c.value).where(
        among(connection, settings_values.c.key, list(keys))
    )
    return {keys[row.key]: row.value for row in connection.execute(query)}


def _keep(connection: Connection, programme: str, value: dict[str, Any], now: datetime) -> None:
    row = {"key": _key(programme), "value": value, "updated_at": now, "updated_by": BY}
    statement = upsert(connection, settings_values).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))
