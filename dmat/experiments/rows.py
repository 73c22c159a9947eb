"""Rows of tests in the store: cards, versions, waves, decisions, and the step from one status to the next.

Belongs here: single steps inside the caller's transaction. Stays out: what is allowed when (`library.py`), beyond
which status may follow which.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.step_runs import pack_people
from dmat.errors import ConflictError, InvalidInputError
from dmat.experiments.assign import Codes, Ids, pack_codes
from dmat.experiments.notices import tell_outside
from dmat.experiments.plan import TestPlan, as_document, plan_hash
from dmat.experiments.records import (
    DRAFT,
    MAY_FOLLOW,
    REST,
    TEST,
    Experiment,
    Wave,
    counts_of,
    find_experiment,
)
from dmat.store.experiment_tables import (
    ALL,
    experiment_assignments,
    experiment_decisions,
    experiment_log,
    experiment_versions,
    experiments,
)
from dmat.store.workspace_values import write_audit

OF_THE_PLAN = ("name", "kind", "campaign_id", "journey", "step", "page", "exclusion_group")


def insert_experiment(connection: Connection, plan: TestPlan, by: str, now: datetime) -> int:
    """Write the card of a new draft; gives its number.

    Raises:
        InvalidInputError: another test has its key.
    """
    row = _card(plan) | {"status": DRAFT, "version": 1, "created_at": now, "created_by": by}
    row |= {"updated_at": now, "updated_by": by, "key": plan.key or "-"}
    refuse_taken_key(connection, plan.key, 0)
    statement = sa.insert(experiments).values(row).returning(experiments.c.experiment_id)
    number = int(connection.execute(statement).scalar_one())
    if not plan.key:
        refuse_taken_key(connection, f"test-{number}", number)
        write_card(connection, number, {"key": f"test-{number}"}, by, now)
    return number


def refuse_taken_key(connection: Connection, key: str, experiment_id: int) -> None:
    """Stop a key that another test has.

    Raises:
        InvalidInputError: it has.
    """
    table = experiments.c
    query = sa.select(table.experiment_id).where(table.key == key, table.experiment_id != experiment_id)
    if key and connection.execute(query).first() is not None:
        raise InvalidInputError("key", f"another test is called {key!r}", "a key of its own, or none")


def write_card(connection: Connection, experiment_id: int, values: Mapping[str, Any], by: str, now: datetime) -> None:
    """Set columns of a test."""
    more = {"updated_at": now, "updated_by": by, "revision": experiments.c.revision + 1}
    statement = sa.update(experiments).where(experiments.c.experiment_id == experiment_id)
    connection.execute(statement.values({**values, **more}))


def keep_version(
    connection: Connection, experiment_id: int, version: int, plan: TestPlan, now: datetime, by: str, note: str
) -> None:
    """Write one version of a plan and make it the newest."""
    row = {
        "experiment_id": experiment_id, "version": version, "plan": as_document(plan), "plan_hash": plan_hash(plan),
        "note": note, "created_at": now, "created_by": by,
    }  # fmt: skip
    connection.execute(sa.insert(experiment_versions).values(row))
    card = _card(plan) | {"version": version} | ({"key": plan.key} if plan.key else {})
    write_card(connection, experiment_id, card, by, now)


def move_to(
    connection: Connection, experiment: Experiment, status: str, by: str, now: datetime, reason: str = "", **card: Any
) -> Experiment:
    """Lead a test to another status, log it, and tell those who listen from outside.

    Raises:
        ConflictError: that status may not follow the present one.
    """
    number = experiment.experiment_id
    if status not in MAY_FOLLOW[experiment.status]:
        allowed = ", ".join(sorted(MAY_FOLLOW[experiment.status])) or "nothing"
        raise ConflictError(f"test {number} is {experiment.status}: it cannot become {status} (allowed: {allowed})")
    write_card(connection, number, {"status": status, "status_reason": reason, **card}, by, now)
    write_log(connection, number, status, reason or f"{experiment.status} -> {status}", by, now)
    write_audit(connection, now, by, f"test {status}", str(number), reason=reason, before=experiment.status,
                **({"winner": card["winner"]} if card.get("winner") else {}))  # fmt: skip
    found = find_experiment(connection, number)
    tell_outside(connection, found, experiment.status, by, now)
    return found


def write_log(
    connection: Connection, experiment_id: int, kind: str, words: str, by: str, now: datetime, **detail: Any
) -> None:
    """Write one line of a test's log."""
    row = {"experiment_id": experiment_id, "happened_at": now, "actor": by, "kind": kind, "words": words}
    connection.execute(sa.insert(experiment_log).values(row | {"detail": detail}))


def note_look(
    connection: Connection, experiment_id: int, verdict: Mapping[str, Any], looks: int, now: datetime
) -> None:
    """Write down what a look concluded; that is no change of the test, and it is not exported again."""
    statement = sa.update(experiments).where(experiments.c.experiment_id == experiment_id)
    connection.execute(statement.values(verdict=dict(verdict), looks=looks, looked_at=now))


def insert_part(
    connection: Connection,
    experiment: Experiment,
    plan: TestPlan,
    step: str,
    wave: int,
    people: Ids,
    codes: Codes,
    propensities: Mapping[str, float],
    now: datetime,
) -> None:
    """Write down the people of a part of the test and their arms; `people` ascend, `codes` are positions of arms."""
    row = _wave(experiment, step, wave, TEST, len(people), now) | {
        "people": pack_people(people), "arms": pack_codes(codes), "arm_counts": counts_of(plan, codes),
        "propensities": dict(propensities),
    }  # fmt: skip
    connection.execute(sa.insert(experiment_assignments).values(row))


def insert_rest(
    connection: Connection,
    experiment: Experiment,
    step: str,
    wave: int,
    count: int,
    now: datetime,
    *,
    arm: str = "",
    why_not: str = "",
    expires_at: datetime | None = None,
    opens_at: datetime | None = None,
) -> None:
    """Write down that all others of a step are planned now: with an arm, as the step says, or with a reason not to."""
    row = _wave(experiment, step, wave, REST, count, now)
    row |= {"arm": arm, "why_not": why_not, "expires_at": expires_at, "opens_at": opens_at}
    connection.execute(sa.insert(experiment_assignments).values(row))


def write_wave(connection: Connection, wave: Wave, **values: Any) -> None:
    """Set columns of a wave."""
    table = experiment_assignments.c
    same = sa.and_(table.experiment_id == wave.experiment_id, table.step == wave.step, table.wave == wave.wave)
    connection.execute(sa.update(experiment_assignments).where(same).values(**values))


def insert_decision(
    connection: Connection,
    experiment: Experiment,
    kind: str,
    arm: str,
    reason: str,
    by: str,
    now: datetime,
    figures: Mapping[str, Any] | None = None,
    snapshot_id: str = "",
) -> None:
    """Write down what was decided; a second decision about the same test is refused by the table."""
    row = {
        "experiment_id": experiment.experiment_id, "kind": kind, "arm": arm, "reason": reason, "figures": figures,
        "snapshot_id": snapshot_id, "decided_at": now, "decided_by": by,
    }  # fmt: skip
    connection.execute(sa.insert(experiment_decisions).values(row))


def replace_decision(
    connection: Connection,
    experiment: Experiment,
    kind: str,
    arm: str,
    reason: str,
    by: str,
    now: datetime,
    figures: Mapping[str, Any] | None,
    snapshot_id: str,
) -> None:
    """Write down what a person decided instead; the log keeps what was decided before."""
    row = {"kind": kind, "arm": arm, "reason": reason, "figures": figures, "snapshot_id": snapshot_id}
    same = experiment_decisions.c.experiment_id == experiment.experiment_id
    connection.execute(sa.update(experiment_decisions).where(same).values(row | {"decided_at": now, "decided_by": by}))


def remove_experiment(connection: Connection, experiment_id: int) -> None:
    """Take every row of a draft away; the audit trail keeps that it was there."""
    for table in reversed(ALL):
        connection.execute(sa.delete(table).where(table.c.experiment_id == experiment_id))


def _wave(experiment: Experiment, step: str, wave: int, kind: str, count: int, now: datetime) -> dict[str, Any]:
    return {
        "experiment_id": experiment.experiment_id, "step": step, "wave": wave, "kind": kind,
        "campaign_id": experiment.campaign_id, "people_count": count, "arm_counts": {}, "propensities": {},
        "planned_position": 0, "assigned_at": now,
    }  # fmt: skip


def _card(plan: TestPlan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in OF_THE_PLAN}
