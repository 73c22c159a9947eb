"""What journeys ask others to do: written down once for each member and step, then carried out.

Belongs here: these rows; webhooks and audiences, which are carried out here. Stays out: sales, scores and points, which
take their rows themselves (`take_actions`, `finish_action`).

    waiting ──> done, failed        an audience: waiting ──> in ──> leaving ──> done
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.permissions import bring_consent
from dmat.campaigns.showing import list_key
from dmat.channels.identities import Identity
from dmat.channels.retargeting import sync_audience
from dmat.errors import InvalidInputError, NotFoundError
from dmat.journeys.entries import Source
from dmat.journeys.members import Member
from dmat.journeys.records import Journey, JourneyVersion
from dmat.journeys.steps import Act, Audience
from dmat.outgoing.outbox import Happening as Told
from dmat.outgoing.outbox import emit_all
from dmat.store.engine import Store, chunks, rows_of, upsert
from dmat.store.journey_tables import journey_actions, journeys
from dmat.store.sets import among

WAITING_ACTION, IN_LIST, LEAVING, DONE, FAILED_ACTION = "waiting", "in", "leaving", "done", "failed"
AUDIENCE, RETARGETING = "audience", "retargeting"


@dataclass(frozen=True)
class Action:
    """Something that is to be done for a person."""

    action_id: int
    journey_key: str
    person_id: int
    step: str
    kind: str
    data: dict[str, Any]
    state: str
    note: str
    at: datetime
    done_at: datetime | None


def write_actions(
    connection: Connection, journey: Journey, wanted: Sequence[tuple[Member, Act | Audience, datetime]], now: datetime
) -> int:
    """Write down what is to be done, inside the caller's transaction; the same member and step is there once."""
    rows = [_row(member, step, at, now) for member, step, at in wanted]
    count = 0
    for batch in chunks(rows):
        statement = upsert(connection, journey_actions).on_conflict_do_nothing(index_elements=["member_id", "step"])
        count += len(connection.execute(statement.returning(journey_actions.c.action_id), batch).all())
    told = [
        Told("journey.step", f"{member.member_id}:{step.key}", {
            "journey": journey.key, "step": step.key, "person_id": member.person_id, "entry": member.entry_key,
            "data": dict(step.data),
        }, at)
        for member, step, at in wanted if isinstance(step, Act) and step.do == "webhook"
    ]  # fmt: skip
    emit_all(connection, told, now)
    return count


def _row(member: Member, step: Act | Audience, at: datetime, now: datetime) -> dict[str, Any]:
    row = {
        "member_id": member.member_id, "journey_id": member.journey_id, "person_id": member.person_id,
        "step": step.key, "at": at, "state": WAITING_ACTION, "note": "", "until_at": None, "done_at": None,
    }  # fmt: skip
    if isinstance(step, Audience):
        return row | {"kind": AUDIENCE, "data": {}, "until_at": at + timedelta(days=step.days)}
    is_told = {"state": DONE, "done_at": now} if step.do == "webhook" else {}
    return row | {"kind": step.do, "data": dict(step.data)} | is_told


def leave_lists(connection: Connection, member_ids: Iterable[int]) -> None:
    """Members that left their journey early come off the lists of advertisers."""
    table = journey_actions.c
    for batch in chunks(member_ids, 5_000):
        mine = sa.and_(among(connection, table.member_id, batch), table.kind == AUDIENCE)
        on_it = table.state.in_((WAITING_ACTION, IN_LIST))
        connection.execute(sa.update(journey_actions).where(mine, on_it).values(state=LEAVING))


def take_actions(store: Store, kind: str, limit: int = 1_000) -> list[Action]:
    """What waits to be done of one kind, the oldest first."""
    return list_actions(store, kind, WAITING_ACTION, limit)


def list_actions(store: Store, kind: str = "", state: str = "", limit: int = 1_000) -> list[Action]:
    """What journeys asked for, the oldest first."""
    table = journey_actions.c
    named = ("action_id", "person_id", "step", "kind", "data", "state", "note", "at", "done_at")
    query = sa.select(journeys.c.key.label("journey_key"), *(table[name] for name in named))
    query = query.join(journeys, journeys.c.journey_id == table.journey_id).order_by(table.action_id).limit(limit)
    if kind:
        query = query.where(table.kind == kind)
    if state:
        query = query.where(table.state == state)
    with store.read() as connection:
        return [Action(**row) for row in rows_of(connection, query)]


def finish_action(connection: Connection, action_id: int, now: datetime, note: str = "", is_done: bool = True) -> None:
    """Say that something was done, or why it could not be, inside the caller's transaction.

    Raises:
        NotFoundError: it does not wait. InvalidInputError: it failed and nobody says why.
    """
    if not is_done and not note:
        raise InvalidInputError("note", "say why it could not be done")
    table = journey_actions.c
    values = {"state": DONE if is_done else FAILED_ACTION, "note": note, "done_at": now}
    statement = sa.update(journey_actions).where(table.action_id == action_id, table.state == WAITING_ACTION)
    if not connection.execute(statement.values(values)).rowcount:
        raise NotFoundError(f"no action {action_id} waits to be done")


def sync_lists(source: Source, journey: Journey, version: JourneyVersion) -> int:
    """Make the lists of a journey's audiences equal to whom it put there; gives how many lists changed.

    Raises:
        VendorRefusedError: an advertiser took no list. TransientError: it did not answer; the next look goes on.
    """
    changed = 0
    for step in version.definition.steps:
        if isinstance(step, Audience) and _needs_sync(source, journey, step):
            _sync(source, journey, step)
            changed += 1
    return changed


def _of_step(journey: Journey, step: Audience) -> sa.ColumnElement[bool]:
    table = journey_actions.c
    return sa.and_(table.journey_id == journey.journey_id, table.step == step.key, table.kind == AUDIENCE)


def _needs_sync(source: Source, journey: Journey, step: Audience) -> bool:
    table, now = journey_actions.c, source.settings.clock.now()
    is_over = sa.and_(table.state.in_((WAITING_ACTION, IN_LIST)), table.until_at <= now)
    with source.store.write() as connection:
        connection.execute(sa.update(journey_actions).where(_of_step(journey, step), is_over).values(state=LEAVING))
        query = sa.select(sa.func.count()).where(
            _of_step(journey, step), table.state.in_((WAITING_ACTION, LEAVING))
        )  # fmt: skip
        return bool(connection.execute(query).scalar())


_IDENTITIES = """
    select person_id, email, phone, first_name, last_name, country_code from people.dim_people
    where person_id in (select unnest(?::bigint[]))
"""


def _sync(source: Source, journey: Journey, step: Audience) -> None:
    table, now = journey_actions.c, source.settings.clock.now()
    with source.store.read() as connection:
        query = sa.select(table.action_id, table.person_id, table.state).where(_of_step(journey, step))
        rows = connection.execute(query.where(table.state.in_((WAITING_ACTION, IN_LIST, LEAVING)))).all()
    people = sorted({row.person_id for row in rows if row.state != LEAVING})
    bring_consent(source.store, source.desk.workspace, np.asarray(people, np.int64), RETARGETING, now)
    found = source.desk.workspace.rows(_IDENTITIES, [people])
    identities = (
        Identity(int(row.pop("person_id")), **{name: value or "" for name, value in row.items()}) for row in found
    )  # fmt: skip
    key = list_key(journey.programme, step.key)
    sync_audience(source.settings, source.store, key, identities, step.list_name or step.shown_name)
    with source.store.write() as connection:
        for before, after in ((WAITING_ACTION, IN_LIST), (LEAVING, DONE)):
            for batch in chunks([row.action_id for row in rows if row.state == before], 5_000):
                mine = sa.and_(among(connection, table.action_id, batch), table.state == before)
                connection.execute(sa.update(journey_actions).where(mine).values(state=after, done_at=now))
