"""Journeys on their way to the warehouse: cards with steps of every version, members with the steps they passed.

Belongs here: which of them changed since they were exported, and marking them. Stays out: landing them
(`dmat_pipelines/capture/journeys.py`), messages (they are in the ledger).

What a trigger gave is not exported: it may be personal, and the message carries what it needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.journeys.acting import DONE, FAILED_ACTION, IN_LIST, LEAVING, WAITING_ACTION
from dmat.journeys.carrying import DOING
from dmat.journeys.definition import Definition
from dmat.journeys.records import DRAFT, Journey, JourneyVersion, read_journeys, read_versions
from dmat.journeys.steps import Send
from dmat.scoring.exporting import mark_exported, unexported
from dmat.store.engine import Store, rows_of
from dmat.store.journey_tables import journey_actions, journey_members, journeys, person_properties

MEMBER = (
    "member_id", "journey_id", "version", "person_id", "entry_key", "status", "step", "at", "due_at", "why",
    "path", "is_holdout", "entered_at", "seen_at", "reached_goal_at", "ended_at", "variant", "revision",
)  # fmt: skip
ACTION = ("action_id", "member_id", "journey_id", "person_id", "step", "kind", "state", "note", "at", "until_at",
          "done_at")  # fmt: skip
HOW_FAR = {WAITING_ACTION: 1, DOING: 2, IN_LIST: 2, LEAVING: 3, FAILED_ACTION: 4, DONE: 4}


def unexported_journeys(store: Store, limit: int) -> list[dict[str, Any]]:
    """Journeys that were switched on at least once and changed since they were exported, as plain rows."""
    table = journeys.c
    with store.read() as connection:
        waiting = sa.and_(table.exported_revision < table.revision, table.status != DRAFT)
        numbers = sa.select(table.journey_id, table.revision).where(waiting).limit(limit)
        revisions = {row.journey_id: row.revision for row in connection.execute(numbers)}
        found = read_journeys(connection, table.journey_id.in_(list(revisions)))
        return [
            _card(each, read_versions(connection, each.journey_id)) | {"revision": revisions[each.journey_id]}
            for each in found
        ]


def _card(journey: Journey, versions: Sequence[JourneyVersion]) -> dict[str, Any]:
    entered = journey.live_version or journey.version
    definition = next(each.definition for each in versions if each.version == entered)
    goal = definition.goal
    return {
        "journey_id": journey.journey_id, "key": journey.key, "name": journey.name, "status": journey.status,
        "version": entered, "trigger": definition.trigger.words, "owner": journey.created_by,
        "goal_event": goal.event if goal else "", "goal_days": goal.days if goal else None,
        "holdout_share": definition.holdout.share, "started_at": journey.started_at, "updated_at": journey.updated_at,
        "steps": [step for each in versions for step in _steps(each.version, each.definition)],
    }  # fmt: skip


def _steps(version: int, definition: Definition) -> Iterator[dict[str, Any]]:
    for number, step in enumerate(definition.steps, 1):
        channel, template = (step.channel, step.template) if isinstance(step, Send) else ("", "")
        yield {
            "version": version, "key": step.key, "name": step.shown_name, "number": number, "kind": step.do,
            "channel": channel, "template": template, "words": step.words,
        }  # fmt: skip


def mark_journeys_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these are in the warehouse; what changed meanwhile is exported again."""
    mark_exported(store, journeys, "journey_id", rows)


def unexported_members(store: Store, limit: int) -> list[dict[str, Any]]:
    """Members that entered or moved since they were exported, with `passed`: the steps with their moments."""
    table = journey_members.c
    query = sa.select(*(table[name] for name in MEMBER)).where(table.exported_revision < table.revision)
    with store.read() as connection:
        rows = rows_of(connection, query.order_by(table.member_id).limit(limit))
    return [{**_plain(row), "passed": list(_passed(row["path"]))} for row in rows]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items() if name != "path"}


def _passed(path: str) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(path.split(), 1):
        step, _, at = part.partition("@")
        yield {"step": step, "number": number, "at": datetime.fromisoformat(at).isoformat()}


def mark_members_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these are in the warehouse; who moved on meanwhile is exported again."""
    mark_exported(store, journey_members, "member_id", rows)


def unexported_actions(store: Store, limit: int) -> list[dict[str, Any]]:
    """What journeys asked of others and what changed its state since it was exported.

    `revision` is how far along its way the action is: an action never goes back.
    """
    table = journey_actions.c
    query = sa.select(*(table[name] for name in ACTION)).where(table.exported_state != table.state)
    with store.read() as connection:
        rows = rows_of(connection, query.order_by(table.action_id).limit(limit))
    return [_plain(row) | {"revision": HOW_FAR.get(row["state"], 1)} for row in rows]


def mark_actions_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say in which state these are in the warehouse; what went on meanwhile is exported again."""
    done = [{"its_id": row["action_id"], "its_state": row["state"]} for row in rows]
    if done:
        statement = sa.update(journey_actions).where(journey_actions.c.action_id == sa.bindparam("its_id"))
        with store.write() as connection:
            connection.execute(statement.values(exported_state=sa.bindparam("its_state")), done)


def unexported_properties(store: Store, limit: int) -> list[dict[str, Any]]:
    """Tags and values of people that changed since they were exported."""
    return [_plain(row) for row in unexported(store, person_properties, "changed_at", limit)]


def mark_properties_exported(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Say that these are in the warehouse; what changed meanwhile is exported again."""
    table = person_properties.c
    is_it = [table[name] == sa.bindparam(f"its_{name}") for name in ("person_id", "kind", "name")]
    done = [
        {f"its_{name}": row[name] for name in ("person_id", "kind", "name")} | {"new_revision": row["revision"]}
        for row in rows
    ]
    if done:
        with store.write() as connection:
            statement = sa.update(person_properties).where(*is_it)
            connection.execute(statement.values(exported_revision=sa.bindparam("new_revision")), done)
