"""Warm-up: a new sender may reach a provider, and each large mailbox host, a little more every day.

Belongs here: ramps as people set them up, today's allowance, counting what was taken of it. Stays out: the provider's
own answers (`dmat/campaigns/throttle.py`). Days are days of UTC. What is taken by the gate counts, also when the
provider does not take it afterwards: a warm-up errs on the careful side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import InvalidInputError
from dmat.store.engine import Store, lock_rows, upsert
from dmat.store.tables import sending_days, settings_values
from dmat.store.workspace_values import write_audit

KEY = "ramps"
EVERYWHERE = "*"
_LARGEST = 10**9
_KEPT = sa.select(settings_values.c.value).where(settings_values.c.key == KEY)


@dataclass(frozen=True)
class Ramp:
    """How a provider is warmed up.

    Attributes:
        provider: its name, e.g. `sendgrid`.
        domain: a mailbox host such as `gmail.com`, or `*` for everything that the provider sends.
        started_on: the first day.
        first: messages on the first day.
        growth: each further day has this many times the day before.
        days: how many days the warm-up lasts; after them there is no limit.
    """

    provider: str
    domain: str
    started_on: date
    first: int = 200
    growth: float = 1.5
    days: int = 30

    def allowance(self, day: date) -> int | None:
        """How many messages may leave on a day; None when the warm-up is over."""
        number = (day - self.started_on).days
        if number < 0:
            return 0
        return None if number >= self.days else min(int(self.first * self.growth**number), _LARGEST)


def set_ramp(store: Store, ramp: Ramp, now: datetime, by: str) -> None:
    """Start or change a ramp.

    Raises:
        InvalidInputError: a figure is out of its range.
    """
    _check(ramp)
    with store.write() as connection:
        others = [
            each for each in list_ramps(connection) if (each.provider, each.domain) != (ramp.provider, ramp.domain)
        ]
        _keep(connection, [*others, ramp], now, by)
        write_audit(connection, now, by, "warm-up set", f"{ramp.provider} {ramp.domain}", **_plain(ramp))


def end_ramp(store: Store, provider: str, domain: str, now: datetime, by: str) -> None:
    """End a ramp: nothing is limited by it any more."""
    with store.write() as connection:
        kept = [each for each in list_ramps(connection) if (each.provider, each.domain) != (provider, domain)]
        _keep(connection, kept, now, by)
        write_audit(connection, now, by, "warm-up ended", f"{provider} {domain}")


def list_ramps(connection: Connection) -> list[Ramp]:
    """The ramps of this workspace."""
    value = connection.execute(_KEPT).scalar()
    return [Ramp(**(item | {"started_on": date.fromisoformat(item["started_on"])})) for item in value or ()]


def _check(ramp: Ramp) -> None:
    if not ramp.provider:
        raise InvalidInputError("provider", "it is missing")
    for name, least, most in (("first", 1, _LARGEST), ("growth", 1, 10), ("days", 1, 365)):
        if not least <= getattr(ramp, name) <= most:
            raise InvalidInputError(name, f"{getattr(ramp, name)} is out of range", f"{least} to {most}")


def _plain(ramp: Ramp) -> dict[str, Any]:
    return asdict(ramp) | {"started_on": ramp.started_on.isoformat()}


def _keep(connection: Connection, ramps: Sequence[Ramp], now: datetime, by: str) -> None:
    row = {"key": KEY, "value": [_plain(each) for each in ramps], "updated_at": now, "updated_by": by}
    statement = upsert(connection, settings_values).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))


@dataclass
class Allowances:
    """What is left of today's allowances; `take` counts in memory, `write` brings it to the store."""

    today: date
    left: dict[tuple[str, str], int] = field(default_factory=dict)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)

    def refusal(self, provider: str, address: str) -> str:
        """Why nothing more may leave to this address today; empty when it may."""
        for key in self._keys(provider, address):
            if self.left[key] <= 0:
                return f"the warm-up of {key[0]}{'' if key[1] == EVERYWHERE else f' to {key[1]}'} is full for today"
        return ""

    def take(self, provider: str, address: str) -> None:
        """One message leaves to this address."""
        for key in self._keys(provider, address):
            self.left[key] -= 1
            self.taken[key] += 1

    def _keys(self, provider: str, address: str) -> Iterable[tuple[str, str]]:
        if not self.left:
            return ()
        keys = ((provider, EVERYWHERE), (provider, address.rpartition("@")[2].lower()))
        return (key for key in keys if key in self.left)

    @property
    def again_at(self) -> datetime:
        """When the next day's allowance begins."""
        return datetime.combine(self.today + timedelta(days=1), time())

    def write(self, connection: Connection) -> None:
        """Count what was taken, inside the caller's transaction."""
        rows = [
            {"provider": provider, "domain": domain, "day": self.today, "taken_count": count}
            for (provider, domain), count in sorted(self.taken.items())
        ]
        if rows:
            statement = upsert(connection, sending_days)
            more = sending_days.c.taken_count + statement.excluded.taken_count
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["provider", "domain", "day"], set_={"taken_count": more}
                ),
                rows,
            )
        self.taken.clear()


def _ensure_days(connection: Connection, keys: Iterable[tuple[str, str]], today: date) -> None:
    """A row to be locked for each; without it two writers would both see that nothing was taken yet."""
    rows = [{"provider": key[0], "domain": key[1], "day": today, "taken_count": 0} for key in sorted(keys)]
    statement = upsert(connection, sending_days)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["provider", "domain", "day"]), rows)


def read_allowances(connection: Connection, now: datetime) -> Allowances:
    """Today's allowances of all ramps, less what was taken of them; two writers wait for each other (PostgreSQL)."""
    today = now.date()
    limits = {(ramp.provider, ramp.domain): ramp.allowance(today) for ramp in list_ramps(connection)}
    limited: Mapping[tuple[str, str], int] = {key: most for key, most in limits.items() if most is not None}
    if not limited:
        return Allowances(today)
    _ensure_days(connection, limited, today)
    query = sa.select(sending_days).where(sending_days.c.day == today).order_by("provider", "domain")
    rows = connection.execute(lock_rows(connection, query))
    taken = {(row.provider, row.domain): row.taken_count for row in rows}
    return Allowances(today, {key: most - taken.get(key, 0) for key, most in limited.items()})
