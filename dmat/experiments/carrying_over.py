"""After a decision was changed: messages that are planned with the former winner's text get the new one's.

Belongs here: which messages these are, and what of them changes. Stays out: the change of the decision (`deciding.py`),
who may write entries (`dmat/ledger/post.py`).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.records import plan_of_version as campaign_plan_of
from dmat.channels.contract import PULLED
from dmat.experiments.records import DECIDED, REST_SUFFIX, Experiment, lock_experiment, running_plan_of, waves_of
from dmat.experiments.rows import write_log
from dmat.experiments.settling import find_run
from dmat.ledger.entries import PLANNED
from dmat.ledger.post import note
from dmat.store.engine import Store, lock_rows
from dmat.store.experiment_tables import experiment_log
from dmat.store.tables import ledger_entries

BY = "tests"
ROWS_AT_ONCE = 10_000
OVERRIDDEN = "overridden"
"""Kind of the line of the log that says that another winner was named."""
"""Channels whose messages are placed on the site for each variant when they are planned."""


def carry_over(store: Store, experiment_id: int, now: datetime) -> int:
    """Give the winner's text to messages of the rest that were planned with another arm and have not left.

    They stay who they are: the same person, step and message id. Twice does nothing twice.

    Returns:
        how many messages that were.
    """
    total = 0
    while True:
        with store.write() as connection:
            found = lock_experiment(connection, experiment_id)
            values = _values_of_winner(connection, found)
            ids = [] if values is None else planned_ids(connection, found, ROWS_AT_ONCE, _others(found))
            if values is not None:
                note(connection, dict.fromkeys(ids, values), now)
            total += len(ids)
            if len(ids) < ROWS_AT_ONCE:
                if total:
                    write_log(connection, experiment_id, "carried", f"{total:,} planned messages say it now", BY, now)
                return total


def was_overridden(connection: Connection, experiment_id: int) -> bool:
    """Whether another winner was named after the first."""
    table = experiment_log.c
    query = sa.select(table.log_id).where(table.experiment_id == experiment_id, table.kind == OVERRIDDEN).limit(1)
    return connection.execute(query).first() is not None


def _others(found: Experiment) -> list[str]:
    return [f"{arm}{REST_SUFFIX}" for arm in found.plan.arm_keys if arm != found.winner]


def _values_of_winner(connection: Connection, found: Experiment) -> dict[str, object] | None:
    """Columns that make a planned message one of the winner; None where its text alone is not all that differs."""
    arms = [arm.overrides for arm in running_plan_of(connection, found).arms]
    is_more_than_text = any(each.time or each.code_pool or each.steps is not None for each in arms)
    if found.campaign_id is None or is_more_than_text or found.status != DECIDED:
        return None
    if not waves_of(connection, found.experiment_id, found.step):
        return None  # the step has not begun
    run = find_run(connection, found, found.step)
    plan = campaign_plan_of(connection, found.campaign_id, run.version)
    step, winner = plan.step(found.step), running_plan_of(connection, found).arm(found.winner)
    if step is None or winner is None or step.channel in PULLED:
        return None
    template, version = winner.overrides.template, winner.overrides.template_version
    if not template:
        template, version = step.template, run.template_version
    return {"variant": f"{winner.key}{REST_SUFFIX}", "template": template, "template_version": version or 0}


def planned_ids(connection: Connection, found: Experiment, limit: int, variants: list[str]) -> list[str]:
    """Messages of the tested step that have not left, of these variants; their rows are locked."""
    table = ledger_entries.c
    query = sa.select(table.message_id).where(
        table.programme == found.programme, table.step == found.step, table.state == PLANNED,
        table.variant.in_(variants),
    )  # fmt: skip
    ids: list[str] = list(connection.execute(lock_rows(connection, query.limit(limit))).scalars())
    return ids
