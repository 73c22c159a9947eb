"""Sales reps: who they are, what they are responsible for, how much they take, when they work.

Belongs here: keeping and reading them, and their load. Stays out: who gets what (`decide.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.engine import Connection

from dmat.channels.addresses import is_valid
from dmat.documents import read
from dmat.errors import InvalidInputError, NotFoundError
from dmat.routing.hours import DAYS, Hours
from dmat.store.engine import Store, rows_of, upsert
from dmat.store.lead_tables import lead_assignments, sales_reps
from dmat.store.workspace_values import write_audit

Key = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,59}$",
        description="small letters a to z, digits, -, _ and ., beginning with a letter or a digit",
    ),
]
SPAN = "2026-03-02 to 2026-03-06"
WEEK: dict[str, list[str]] = {day: ["09:00", "17:00"] for day in DAYS[:5]}


class Rep(BaseModel):
    """One sales rep.

    `territories` are countries (`US`), regions (`California`) or both (`US/California`); `industries` makes a
    specialist. `capacity` is how many open leads at once, `most_per_day` how many new ones in a local day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rep_key: Key
    name: Annotated[str, Field(min_length=1, max_length=200)]
    email: Annotated[str, Field(max_length=320)]
    slack_channel: Annotated[
        str,
        Field(max_length=80, pattern=r"^[A-Za-z0-9#@_.-]*$", description="as #sales or C0123456789, without spaces"),
    ] = ""
    crm_owner_id: Annotated[str, Field(max_length=80)] = ""
    role: Literal["rep", "manager"] = "rep"
    team: Annotated[str, Field(max_length=60)] = ""
    territories: Annotated[list[Annotated[str, Field(max_length=110)]], Field(max_length=300)] = []
    industries: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)] = []
    capacity: Annotated[int, Field(ge=0, le=10_000)] = 50
    most_per_day: Annotated[int, Field(ge=0, le=1_000)] = 15
    time_zone: str = "UTC"
    working_hours: dict[str, list[str]] = Field(default_factory=lambda: dict(WEEK))
    away: list[list[str]] = []
    is_active: bool = True

    @field_validator("email")
    @classmethod
    def _email(cls, value: str) -> str:
        if not is_valid("email", value.strip().lower()):
            raise ValueError(f"{value[:60]!r} is not an address of email; as ann@shop.example")
        return value.strip().lower()

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value[:60]!r} is not a time zone; a region and a city, as Europe/Berlin") from None

    @field_validator("working_hours")
    @classmethod
    def _hours(cls, week: dict[str, list[str]]) -> dict[str, list[str]]:
        for day, hours in week.items():
            if day not in DAYS:
                raise ValueError(f"{day[:20]!r} is not a day of the week; {', '.join(DAYS)}")
            if len(hours) != 2 or not _is_span(*hours):
                said = " to ".join(each[:20] or "nothing" for each in hours)
                raise ValueError(f"{said} on {day} are not hours of work; a time and a later one, as 09:00 to 17:00")
        return week

    @field_validator("away")
    @classmethod
    def _away(cls, spans: list[list[str]]) -> list[list[str]]:
        for span in spans:
            if len(span) != 2 or not _are_days(*span):
                said = " to ".join(each[:20] for each in span)
                raise ValueError(f"{said!r} is not a span of days; a day and the same or a later one, as {SPAN}")
        return spans

    @property
    def hours(self) -> Hours:
        """When this rep works."""
        return Hours(self.time_zone, self.working_hours, self.away)


def _is_span(begin: str, end: str) -> bool:
    try:
        return time.fromisoformat(begin) < (time.max if end == "24:00" else time.fromisoformat(end))
    except ValueError:
        return False


def _are_days(begin: str, end: str) -> bool:
    try:
        return date.fromisoformat(begin) <= date.fromisoformat(end)
    except ValueError:
        return False


class Load(BaseModel):
    """What a rep has: open leads, new ones in the present local day, when the last one came."""

    open_count: int = 0
    today_count: int = 0
    last_at: datetime | None = None


def parse_rep(document: Any) -> Rep:
    """A rep from a document.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    return read(Rep, document, "rep")


def put_rep(store: Store, document: Any, now: datetime, by: str) -> Rep:
    """Keep a rep, in place of one with the same key.

    Raises:
        InvalidInputError: see `parse_rep`; or another rep has that address, by which a rep is known at the sign-in.
    """
    rep = parse_rep(document)
    row = {**rep.model_dump(mode="json"), "updated_at": now, "updated_by": by}
    with store.write() as connection:
        _check_address(connection, rep)
        statement = upsert(connection, sales_reps).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=["rep_key"], set_=row))
        write_audit(connection, now, by, "sales rep changed", rep.rep_key, is_active=rep.is_active)
    return rep


def _check_address(connection: Connection, rep: Rep) -> None:
    other = next(
        (each for each in read_reps(connection) if each.email == rep.email and each.rep_key != rep.rep_key), None
    )
    if other is not None:
        raise InvalidInputError("email", f"{other.name} ({other.rep_key}) has {rep.email}", "an address of their own")


def read_reps(connection: Connection) -> list[Rep]:
    """All reps, by key."""
    columns = [sales_reps.c[name] for name in Rep.model_fields]
    return [Rep.model_construct(**row) for row in rows_of(connection, sa.select(*columns).order_by("rep_key"))]


def find_rep(connection: Connection, rep_key: str) -> Rep:
    """One rep.

    Raises:
        NotFoundError: there is none with that key.
    """
    found = next((rep for rep in read_reps(connection) if rep.rep_key == rep_key), None)
    if found is None:
        raise NotFoundError(f"there is no sales rep {rep_key!r}")
    return found


def read_loads(connection: Connection, reps: Sequence[Rep], now: datetime) -> dict[str, Load]:
    """Key of each rep -> load; a lead that was taken away again counts for the day all the same."""
    table = lead_assignments.c
    open_ones = sa.select(table.rep_key, sa.func.count()).where(table.ended_at.is_(None)).group_by(table.rep_key)
    counts = {row[0]: int(row[1]) for row in connection.execute(open_ones)}
    loads = {}
    for rep in reps:
        today = sa.select(sa.func.count(), sa.func.max(table.assigned_at)).where(
            table.rep_key == rep.rep_key, table.assigned_at >= _local_midnight(rep, now)
        )
        found: tuple[int, datetime | None] = connection.execute(today).one()._tuple()
        loads[rep.rep_key] = Load(open_count=counts.get(rep.rep_key, 0), today_count=found[0], last_at=found[1])
    return loads


def _local_midnight(rep: Rep, now: datetime) -> datetime:
    local = now.replace(tzinfo=UTC).astimezone(ZoneInfo(rep.time_zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC).replace(tzinfo=None)
