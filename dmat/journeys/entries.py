"""Who a trigger names within a span of time: one candidate a cart, event, stay in a segment, date, occasion, request.

Belongs here: these questions, the same for now and for the past. Stays out: who of them may enter (`admitting.py`).

What is asked is what was so then: a cart that was ordered since is a cart that was left then; a stay in a segment
begins when it was written down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from dmat.campaigns.pace import find_zone
from dmat.errors import NotFoundError
from dmat.journeys.before_log import Past, log_begins, members_then
from dmat.journeys.conditions import Where
from dmat.journeys.machine import in_year, local_moment
from dmat.journeys.people import PEOPLE
from dmat.journeys.rises import rises
from dmat.journeys.triggers import Api, CartAbandoned, DateOf, Event, Schedule, Segment, TierReached, Trigger
from dmat.segments.catalogue import EventType, Property
from dmat.segments.desk import Desk
from dmat.segments.history import members_at
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.journey_tables import journey_requests

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a trigger names: the key of the entry makes it once.

    Attributes:
        at: when it happened; what happens to the person afterwards concerns the member.
        lives_from: when its first step is due, when it was told late; None: at once.
    """

    person_id: int
    entry_key: str
    at: datetime
    values: Mapping[str, Any] = field(default_factory=dict)
    lives_from: datetime | None = None


@dataclass(frozen=True)
class Source:
    """Where entries and happenings are found: one workspace."""

    settings: Settings
    store: Store
    desk: Desk


def find_entries(
    source: Source, journey_id: int, trigger: Trigger, since: datetime, until: datetime, past: Past | None = None
) -> list[Candidate]:
    """Candidates with `since < at <= until`, in the order of time.

    Args:
        source, journey_id: where it is looked.
        trigger: what names them.
        since, until: the span.
        past: also what nobody wrote down: stays in a segment before its log begins are reckoned by its rule.

    Raises:
        NotFoundError: an event or segment is gone. NotPublishedError: there are no tables yet.
    """
    found = list(_find(source, journey_id, trigger, since, until, past))
    return sorted(found, key=lambda each: (each.at, each.person_id, each.entry_key))


def _find(
    source: Source, journey_id: int, trigger: Trigger, since: datetime, until: datetime, past: Past | None
) -> Iterator[Candidate]:
    if isinstance(trigger, CartAbandoned):
        return _carts(source, trigger, since, until)
    if isinstance(trigger, Event):
        return _events(source, trigger, since, until)
    if isinstance(trigger, Segment):
        return _segment(source, trigger, since, until, past)
    if isinstance(trigger, DateOf):
        return _dates(source, trigger, since, until)
    if isinstance(trigger, Schedule):
        return _schedule(source, trigger, since, until)
    if isinstance(trigger, TierReached):
        found = rises(source.store, trigger, since, until)
        return (Candidate(each.person_id, f"tier:{each.number}", each.at, each.values) for each in found)
    assert isinstance(trigger, Api)  # noqa: S101 - the last kind there is
    return _requests(source, journey_id, since, until)


# -- carts --

_CARTS = """
    select cart_id, person_id, last_touched_at, total_cents, currency_code, recovery_url, item_count
    from commerce.fct_carts
    where person_id is not null and last_touched_at > ? and last_touched_at <= ? and coalesce(total_cents, 0) >= ?
        and (completed_at is null or completed_at > last_touched_at + to_microseconds(?))
"""


def _carts(source: Source, trigger: CartAbandoned, since: datetime, until: datetime) -> Iterator[Candidate]:
    if "commerce.fct_carts" not in source.desk.workspace.tables():
        return
    micros = int(trigger.after / timedelta(microseconds=1))
    asked = [since - trigger.after, until - trigger.after, trigger.min_total_cents, micros]
    for row in source.desk.workspace.rows(_CARTS, asked):
        values = {
            "cart_id": str(row["cart_id"]), "cart_url": row["recovery_url"],
            "total_cents": int(row["total_cents"] or 0), "currency_code": row["currency_code"],
            "item_count": row["item_count"],
        }  # fmt: skip
        yield Candidate(int(row["person_id"]), str(row["cart_id"]), row["last_touched_at"] + trigger.after, values)


# -- events of the catalogue --


def event_of(desk: Desk, key: str) -> EventType:
    """An event of the catalogue.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return desk.catalogue().events[key]
    except KeyError:
        raise NotFoundError(f"there is no event {key!r} in the catalogue") from None


def event_sql(event: EventType, wheres: tuple[Where, ...]) -> str:
    """A query with person_id, happened_at and the properties of an event; `wheres` turn defaults off that they name."""
    columns = "".join(f', "{_safe(found.column)}" as "{key}"' for key, found in event.properties.items())
    filters = [f"({event.filter_sql})"] if event.filter_sql else []
    named = {where.name for where in wheres}
    filters += [_default(found) for key, found in event.properties.items() if found.default_op and key not in named]
    condition = "".join(f" and {each}" for each in filters)
    person, at = _safe(event.person_column), _safe(event.at_column)
    return (
        f'select "{person}" as person_id, "{at}" as happened_at{columns} from {_safe(event.table)}'
        f' where "{person}" is not null{condition}'
    )


def _default(found: Property) -> str:
    return f'coalesce("{_safe(found.column)}", false) = {"true" if found.default_op == "is_true" else "false"}'


def _safe(name: str) -> str:
    """A name of the catalogue as SQL; it comes from our own dbt project, and is looked at all the same."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a table or column")
    return name


def _events(source: Source, trigger: Event, since: datetime, until: datetime) -> Iterator[Candidate]:
    query = f"select * from ({event_sql(event_of(source.desk, trigger.event), trigger.where)})"
    for row in source.desk.workspace.rows(f"{query} where happened_at > ? and happened_at <= ?", [since, until]):
        person, at = int(row.pop("person_id")), row.pop("happened_at")
        if all(where.holds(row.get(where.name)) for where in trigger.where):
            yield Candidate(person, f"{person}:{at.isoformat()}", at, _plain(row))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON holds them."""
    return {
        name: value if isinstance(value, (bool, int, float, str)) or value is None else str(value)
        for name, value in row.items()
    }


# -- segments, dates, occasions, requests --

_MOVES = """
    select person_id, {moment} as at from segments.segment_memberships
    where segment_key = ? and {moment} > ? and {moment} <= ?
"""


def _segment(
    source: Source, trigger: Segment, since: datetime, until: datetime, past: Past | None
) -> Iterator[Candidate]:
    has_entered = trigger.change == "entered"
    moves = list(past.moves(has_entered, since, until)) if past is not None else []
    logged_since = past.begins if past is not None and past.begins is not None else since
    asked = [trigger.segment, max(since, logged_since), until]
    moment = "recorded_at" if has_entered else "left_recorded_at"
    moves += source.desk.workspace.cursor().execute(_MOVES.format(moment=moment), asked).fetchall()
    for person, at in moves:
        yield Candidate(int(person), f"{int(person)}:{at.isoformat()}", at, {"segment": trigger.segment})


_ROUND = """
    select person_id, {field} as day, coalesce(time_zone, '') as zone from {people}
    where {field} is not null and month({field}) * 100 + day({field}) in (select unnest(?::bigint[]))
"""


def _dates(source: Source, trigger: DateOf, since: datetime, until: datetime) -> Iterator[Candidate]:
    """Occurrences are local moments, so the days about the span are looked at; the span is short or the past."""
    shift = timedelta(days=trigger.days_before)
    first, last = (since + shift - 2 * _A_DAY).date(), (until + shift + 2 * _A_DAY).date()
    clock = time.fromisoformat(trigger.at)
    cursor = source.desk.workspace.cursor()
    for person, anniversary, zone in cursor.execute(
        _ROUND.format(field=trigger.field, people=PEOPLE), [_days_of_years(trigger, first, last)]
    ).fetchall():
        place = find_zone(zone, source.settings.workspace_time_zone)
        for year in range(max(first.year, anniversary.year + 1), last.year + 1):
            day = in_year(anniversary, year)
            day = day.replace(day=1) if trigger.part == "month" else day
            at = local_moment(day - shift, clock, place)
            if since < at <= until:
                yield Candidate(int(person), f"{person}:{trigger.field}:{year}", at, {"year": year})


def _days_of_years(trigger: DateOf, first: date, last: date) -> list[int]:
    """Which dates come round within these days, as month * 100 + day; 29 February is the 28th in other years."""
    days = {first + n * _A_DAY for n in range(min((last - first).days + 1, 366))}
    if trigger.part == "month":
        return sorted(day.month * 100 + number for day in days if day.day == 1 for number in range(1, 32))
    found = {day.month * 100 + day.day for day in days}
    return sorted(found | {229} if 228 in found else found)


def occasions(trigger: Schedule, zone: str, since: datetime, until: datetime) -> list[datetime]:
    """The moments of a schedule with `since < moment <= until` (UTC)."""
    if trigger.moment is not None:
        return [trigger.moment] if since < trigger.moment <= until else []
    place, clock = find_zone(zone), time.fromisoformat(trigger.at)
    day, found = since.replace(tzinfo=UTC).astimezone(place).date() - _A_DAY, []
    while (at := local_moment(day, clock, place)) <= until:
        if at > since and _is_day(trigger, day):
            found.append(at)
        day += _A_DAY
    return found


def _is_day(trigger: Schedule, day: date) -> bool:
    if trigger.every == "week":
        return day.isoweekday() == trigger.day
    if trigger.every == "month":
        is_last = (day + _A_DAY).day == 1
        return day.day == trigger.day or (is_last and day.day < trigger.day)
    return True


def _schedule(source: Source, trigger: Schedule, since: datetime, until: datetime) -> Iterator[Candidate]:
    for at in occasions(trigger, source.settings.workspace_time_zone, since, until):
        for person in segment_members(source.desk, trigger.segment, at):
            yield Candidate(int(person), f"{person}:{at.isoformat()}", at)


def segment_members(desk: Desk, key: str, at: datetime) -> list[int]:
    """Who was in a segment at a moment: as was known then, or by its rule before anybody was written down in it; of one
    that was never evaluated, who is in it now.

    Raises:
        NotFoundError: there is no such segment.
    """
    known = desk.workspace.cursor().execute(
        "select 1 from segments.segment_memberships where segment_key = ? limit 1", [key]
    )  # fmt: skip
    if known.fetchone() is None:
        return [int(person) for person in desk.members(desk.library.get(key))]
    begins = log_begins(desk, key)
    if begins is not None and at < begins:
        return sorted(members_then(desk, key, at))
    return [int(person) for person in members_at(desk.workspace, key, at, known_at=at)]


def _requests(source: Source, journey_id: int, since: datetime, until: datetime) -> Iterator[Candidate]:
    table = journey_requests.c
    query = sa.select(table.person_id, table.entry_key, table.at, table.context).where(
        table.journey_id == journey_id, table.at > since, table.at <= until
    )
    with source.store.read() as connection:
        for row in connection.execute(query):
            yield Candidate(row.person_id, row.entry_key, row.at, orjson.loads(row.context))
