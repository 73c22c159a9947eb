"""From the frozen people of a step to rows of the ledger, in lists of some thousand, each in one transaction.

Belongs here: going on where it stopped, codes, variants. Stays out: who is in (`freezing.py`), where and when each
person is written to (`addressing.py`), rows (`dmat/ledger/bulk.py`).

How far it came is written in the transaction of the rows, and the order of the people is fixed: killed anywhere, it
goes on with the same people, and nobody is planned twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.addressing import Addressed, Question, read_addressed
from dmat.campaigns.audience import Ids
from dmat.campaigns.changes import rest_days
from dmat.campaigns.parts import Part, is_complete, parts_of
from dmat.campaigns.plan import ROLL_OUT, CampaignPlan, Step, variant_of
from dmat.campaigns.records import Campaign
from dmat.campaigns.schedule import step_date
from dmat.campaigns.splitting import global_share
from dmat.campaigns.step_runs import PLANNED_RUN, TESTING, StepRun, find_runs, read_people, write_run
from dmat.campaigns.templates_of_steps import Needs, needs_of, newest_version
from dmat.experiments.records import Wave
from dmat.experiments.rows import write_wave
from dmat.ledger.bulk import (
    PlannedCounts,
    PlannedPerson,
    ReadyPerson,
    StepFacts,
    make_ready,
    plan_ready,
    step_ids,
)
from dmat.ledger.entries import EXPIRED, REJECTED, SUPPRESSED
from dmat.ledger.message_ids import MessageIds
from dmat.loyalty.giving import take_codes
from dmat.messages.library import Templates
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_step_runs
from dmat.store.engine import Store
from dmat.store.tables import ledger_entries
from dmat.store.web_tables import devices

PEOPLE_AT_ONCE = 5_000  # a transaction of a tenth of a second: the sender writes in between, and sends what is planned


def plan_step(
    settings: Settings, store: Store, desk: Desk, campaign: Campaign, run: StepRun, plan: CampaignPlan
) -> PlannedCounts:
    """Plan what is frozen and not planned yet; gives what all planning of the step did.

    Raises:
        CodesExhaustedError: a pool has too few codes; what was planned before stays planned.
    """
    step = plan.step(run.step)
    assert step is not None  # noqa: S101 - the version of the run has the step
    now = settings.clock.now()
    needs = needs_of(desk, Templates(store, settings.clock), step, run.template_version or 0)
    with store.read() as connection:
        parts = parts_of(connection, run, read_people(connection, run))
    with store.write() as connection:
        ids = step_ids(connection, campaign.programme, run.version, step.key, run.occurrence, now)
    for part in parts:
        with store.read() as connection:
            question = _question(connection, settings, campaign, run, plan, step, ids.order, needs, part)
        run, is_alone = _plan_part(store, desk, campaign, run, plan, part, question, ids, now)
        if not is_alone:
            return PlannedCounts(**run.counts)  # somebody else is planning this step
    with store.write() as connection:
        if _is_at(connection, run):
            done = {"state": PLANNED_RUN, "planned_at": now} if is_complete(connection, run) else {"state": TESTING}
            write_run(connection, run, now, reason="", **done)
    return PlannedCounts(**run.counts)


def _plan_part(
    store: Store,
    desk: Desk,
    campaign: Campaign,
    run: StepRun,
    plan: CampaignPlan,
    part: Part,
    question: Question,
    ids: MessageIds,
    now: datetime,
) -> tuple[StepRun, bool]:
    """Plan what of a part is not planned yet; gives the step as it is then, and whether nobody else was planning it."""
    done = run.planned_position if part.wave is None else part.wave.planned_position
    for batch in read_addressed(desk.workspace, part.people, question, done, PEOPLE_AT_ONCE):
        ready = _make_ready(ids, batch)
        with store.write() as connection:
            if not _is_at(connection, run):
                return run, False
            total = PlannedCounts(**run.counts)
            total += _plan_batch(connection, campaign, run, plan, question, batch, ready, ids, part, now)
            done += len(batch)
            run = replace(run, planned_position=run.planned_position + len(batch), counts=vars(total))
            write_run(connection, run, now, planned_position=run.planned_position, counts=run.counts)
            if part.wave is not None:
                write_wave(connection, part.wave, planned_position=done)
    if part.wave is not None:
        run = _end_part(store, run, part.wave, now)
    return run, True


def _end_part(store: Store, run: StepRun, wave: Wave, now: datetime) -> StepRun:
    """A part is in the ledger; what the step waits for ends no sooner than its last part."""
    ends = max((each for each in (run.expires_at, wave.expires_at) if each is not None), default=None)
    with store.write() as connection:
        write_wave(connection, wave, planned_at=now)
        write_run(connection, run, now, expires_at=ends)
    return replace(run, expires_at=ends)


def _question(
    connection: Connection,
    settings: Settings,
    campaign: Campaign,
    run: StepRun,
    plan: CampaignPlan,
    step: Step,
    order: str,
    needs: Needs,
    part: Part,
) -> Question:
    started = campaign.started_at or run.due_at
    day = None
    if step.day is not None and (step.clock != "workspace" or any(variant.time for variant in step.variants)):
        day = step_date(plan, step, settings.workspace_time_zone, started)
    days = rest_days(connection, campaign.campaign_id, step.channel)
    return Question(
        programme=campaign.programme, plan=plan, step=step, day=day,
        starts_at=max(run.due_at, plan.starts_at or started), zone=plan.time_zone or settings.workspace_time_zone,
        order=order, needs=needs,
        addresses=device_tokens(connection) if step.channel == "push" else None,
        written_to=_written_to(connection, campaign.programme, step, days, settings.clock.now()) if days else None,
        taken=_taken(connection, campaign.programme, run) if run.planned_position else {},
        variants=part.keys, why_not=part.why_not, from_moment=part.from_moment,
        global_holdout=global_share(settings, plan),
    )  # fmt: skip


def _is_at(connection: Connection, run: StepRun) -> bool:
    table = campaign_step_runs.c
    found = find_runs(
        connection, table.campaign_id == run.campaign_id, table.step == run.step, table.occurrence == run.occurrence
    )
    return bool(found) and found[0].planned_position == run.planned_position and found[0].state == run.state


def _make_ready(ids: MessageIds, batch: Sequence[Addressed]) -> dict[str, list[ReadyPerson]]:
    """Variant -> the rows of its people."""
    groups: dict[str, list[PlannedPerson]] = defaultdict(list)
    for row in batch:
        groups[row.variant].append(PlannedPerson(
            row.person_id, row.address, row.not_before, row.context, row.is_holdout, row.suppressed_because, row.locale,
        ))  # fmt: skip
    return {variant: make_ready(ids, people) for variant, people in groups.items()}


def _plan_batch(
    connection: Connection,
    campaign: Campaign,
    run: StepRun,
    plan: CampaignPlan,
    question: Question,
    batch: Sequence[Addressed],
    ready: Mapping[str, list[ReadyPerson]],
    ids: MessageIds,
    part: Part,
    now: datetime,
) -> PlannedCounts:
    step, needs = question.step, question.needs
    codes = _codes(connection, campaign, run, step, needs.code_pool, batch, now)
    total = PlannedCounts()
    for variant, people in ready.items():
        if codes:
            people = [_with_code(row, needs.code_variable, codes.get(row.person_id)) for row in people]
        total += plan_ready(connection, ids, people, _facts(connection, plan, step, run, variant, part), now)
    return total


def _with_code(row: ReadyPerson, name: str, code: str | None) -> ReadyPerson:
    """A row whose context (a JSON object, never an empty one) holds the person's code."""
    if code is None:
        return row
    return row._replace(context=f"{row.context.rstrip()[:-1]},{json.dumps(name)}:{json.dumps(code)}}}")


def _facts(connection: Connection, plan: CampaignPlan, step: Step, run: StepRun, key: str, part: Part) -> StepFacts:
    variant = variant_of(step, key)
    template, version = step.template, run.template_version or 0
    if variant is not None and variant.template:
        template = variant.template
        version = variant.template_version or newest_version(connection, variant.template)
    return StepFacts(
        channel=step.channel, template=template, template_version=version, variant=key, purpose=plan.purpose,
        priority=plan.priority, expires_at=part.expires_at or run.expires_at,
    )  # fmt: skip


def _codes(
    connection: Connection,
    campaign: Campaign,
    run: StepRun,
    step: Step,
    pool: str,
    batch: Sequence[Addressed],
    now: datetime,
) -> Mapping[int, str]:
    """Person -> code, of the step's pool or of that of the person's variant."""
    own = {variant.key: variant.code_pool for variant in step.variants if variant.code_pool}
    if not pool and not own:
        return {}
    getting: dict[str, list[int]] = defaultdict(list)
    for row in batch:
        if not row.suppressed_because and not row.is_holdout:
            getting[own.get(row.variant.removesuffix(ROLL_OUT), pool)].append(row.person_id)
    found: dict[int, str] = {}
    for each in sorted(filter(None, getting)):
        occasion = f"{campaign.programme}/{run.step}/{run.occurrence}"
        found |= take_codes(connection, each, getting[each], occasion, now)
    return found


def device_tokens(connection: Connection) -> dict[int, str]:
    """Person -> the token of the device that was registered last."""
    table = devices.c
    query = sa.select(table.person_id, table.token).where(table.person_id > 0, table.unregistered_at.is_(None))
    return {row.person_id: row.token for row in connection.execute(query.order_by(table.registered_at))}


def _written_to(connection: Connection, programme: str, step: Step, days: int, now: datetime) -> Ids:
    table = ledger_entries.c
    query = sa.select(table.person_id).distinct().where(
        table.programme == programme, table.channel == step.channel, table.step != step.key,
        table.handed_over_at > now - timedelta(days=days),
    )  # fmt: skip
    return np.fromiter(connection.execute(query).scalars(), np.int64)


def _taken(connection: Connection, programme: str, run: StepRun) -> dict[str, int]:
    table = ledger_entries.c
    query = sa.select(table.address, table.person_id).where(
        table.programme == programme, table.step == run.step, table.occurrence == run.occurrence,
        table.state.not_in((SUPPRESSED, EXPIRED, REJECTED)), table.address != "",
    )  # fmt: skip
    return {row.address: row.person_id for row in connection.execute(query)}
