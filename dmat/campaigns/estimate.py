"""Before the start: how many people would get each step, and how many are lost at each gate, with what it costs.

Belongs here: asking the questions of the gate about people who are not planned yet. Stays out: the questions
themselves (`gate.py`), the audience (`audience.py`).

Hold-out, missing and shared addresses are counted for everybody; what the gate asks of each person is asked of all up
to `SAMPLE` people, and of that many chosen by chance beyond. Quiet hours and caps only delay, unless the step is over
by then.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from dmat.campaigns.addressing import NO_ADDRESS, SHARED, Addressed, Question, address_sql, open_cursor, read_addressed
from dmat.campaigns.audience import Ids, campaign_audience, step_audience
from dmat.campaigns.facts import read_facts
from dmat.campaigns.gate import judge
from dmat.campaigns.permissions import bring_consent
from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.planning import device_tokens
from dmat.campaigns.schedule import due_at, last_moment, step_date
from dmat.campaigns.showing import read_identities
from dmat.campaigns.text_costs import TextCost, text_cost
from dmat.channels.retargeting import agreeing
from dmat.ledger.control import plain_reason
from dmat.ledger.entries import CLAIMED, PLANNED, Entry
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store.engine import Store, chunks
from dmat.warehouse import Workspace

SAMPLE = 10_000
AT_ONCE = 5_000
MICROS_PER_CENT, MICROS_PER_UNIT = 10_000, 1_000_000


@dataclass(frozen=True)
class StepEstimate:
    """What would become of one step: audience = held_out + the losses + recipients.

    Attributes:
        losses: reason -> people who would not get it.
        delayed: reason -> recipients who would get it later than its time.
        sampled: of how many people the gate was asked; None when of all.
        cost_cents: in the plan's currency; of texts only when their prices are in that one.
        texts: what a text costs by the table of prices; None for other channels, or when the plan says a price.
    """

    step: str
    channel: str
    due_at: datetime
    audience: int
    held_out: int
    losses: Mapping[str, int]
    delayed: Mapping[str, int]
    recipients: int
    cost_cents: int
    sampled: int | None = None
    texts: TextCost | None = None


@dataclass(frozen=True)
class Estimate:
    """What would become of a plan, as of a version of the data."""

    audience: int
    steps: Sequence[StepEstimate]
    data_version: int
    data_as_of: datetime
    estimated_at: datetime
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def recipients(self) -> int:
        """Messages that would leave."""
        return sum(step.recipients for step in self.steps)

    @property
    def cost_cents(self) -> int:
        """What all of it would cost."""
        return sum(step.cost_cents for step in self.steps)


def estimate(settings: Settings, store: Store, desk: Desk, plan: CampaignPlan, campaign_id: int = 0) -> Estimate:
    """Count a plan, step by step; the campaign's number decides who would be held out.

    Raises:
        NotFoundError: a segment does not exist. NotPublishedError: there are no tables yet.
    """
    now, version = settings.clock.now(), desk.workspace.version
    people = campaign_audience(desk, plan)
    steps = [_step(settings, store, desk, plan, step, people, campaign_id) for step in plan.steps]
    notes = [*_notes(plan), *_notes_of_texts(plan, steps)]
    return Estimate(len(people), steps, version.number, version.data_as_of, now, notes)


def _notes_of_texts(plan: CampaignPlan, steps: Sequence[StepEstimate]) -> list[str]:
    """What texts would cost in the currency of their prices, when that is not the plan's."""
    found = []
    for each in steps:
        step = plan.step(each.step)
        if step is not None and each.texts is not None and each.texts.currency != plan.currency_code:
            amount = each.recipients * each.texts.micros / MICROS_PER_UNIT
            found.append(f"{step.shown_name} costs about {amount:,.2f} {each.texts.currency} beside that")
    return found


def _notes(plan: CampaignPlan) -> list[str]:
    asking = [step.shown_name for step in plan.steps if step.audience and step.audience.reactions]
    words = "is for at most so many: who reacts to an earlier step is known when its time comes"
    return [f"{name} {words}" for name in asking]


def _step(
    settings: Settings, store: Store, desk: Desk, plan: CampaignPlan, step: Step, of_campaign: Ids, campaign_id: int
) -> StepEstimate:
    people = step_audience(desk, step, of_campaign)
    begins = plan.starts_at or settings.clock.now()
    due = due_at(plan, step, settings.workspace_time_zone, begins)
    if step.retargeting is not None:
        return _of_list(settings, store, desk, step, people, due)
    if not step.plans_messages:
        return StepEstimate(step.key, step.channel, due, len(people), 0, {}, {}, len(people), _fixed_cost(step))
    asked = _question(settings, store, plan, step, campaign_id, due, begins)
    counted = _count(desk.workspace, people, asked)
    chosen = _sample(desk.workspace, people, asked)
    left = len(people) - counted[NO_ADDRESS] - counted[SHARED] - counted["held out"]
    share = left / len(chosen) if chosen else 0.0
    ends = last_moment(plan, step, settings.workspace_time_zone, begins)
    lost, delayed, reached = _ask_the_gate(settings, store, desk, plan, step, chosen, due, ends)
    losses = {reason: counted[reason] for reason in (NO_ADDRESS, SHARED) if counted[reason]}
    losses |= {reason: round(count * share) for reason, count in lost.most_common()}
    recipients = max(0, len(people) - counted["held out"] - sum(losses.values()))
    texts = text_cost(settings, store, desk.workspace, step, reached)
    is_ours = texts is not None and texts.currency == plan.currency_code
    each = texts.micros if texts is not None and is_ours else step.cost_micros_each
    cost = _fixed_cost(step) + round(recipients * each / MICROS_PER_CENT)
    later = {reason: round(count * share) for reason, count in delayed.most_common()}
    sampled = len(chosen) if len(chosen) < left else None
    return StepEstimate(
        step.key, step.channel, due, len(people), counted["held out"], losses, later, recipients, cost, sampled,
        texts,
    )  # fmt: skip


def _of_list(settings: Settings, store: Store, desk: Desk, step: Step, people: Ids, due: datetime) -> StepEstimate:
    """A list at advertisers holds those who agreed to be on it."""
    query = f"select id from unnest(?::bigint[]) as people(id) order by hash(id) limit {SAMPLE}"
    found = desk.workspace.rows(query, [people.tolist()])
    chosen = np.fromiter((row["id"] for row in found), np.int64, len(found))
    bring_consent(store, desk.workspace, chosen, step.channel, settings.clock.now())
    agreed = agreeing(store, read_identities(desk, chosen))
    lost = round((len(chosen) - len(agreed)) * len(people) / len(chosen)) if len(chosen) else 0
    sampled = len(chosen) if len(chosen) < len(people) else None
    return StepEstimate(
        step.key, step.channel, due, len(people), 0, {"no consent": lost} if lost else {}, {}, len(people) - lost,
        _fixed_cost(step), sampled,
    )  # fmt: skip


def _fixed_cost(step: Step) -> int:
    return step.cost_cents + (step.retargeting.budget_cents if step.retargeting else 0)


def _question(
    settings: Settings, store: Store, plan: CampaignPlan, step: Step, campaign_id: int, due: datetime, begins: datetime
) -> Question:
    zone, day = settings.workspace_time_zone, None
    if step.day is not None and step.clock != "workspace":
        day = step_date(plan, step, zone, begins)
    with store.read() as connection:
        tokens = device_tokens(connection) if step.channel == "push" else None
    return Question(
        programme=f"campaign:{campaign_id}", plan=plan, step=step, day=day, starts_at=due, zone=zone, addresses=tokens
    )  # fmt: skip


def _count(workspace: Workspace, people: Ids, asked: Question) -> Counter[str]:
    """How many have no address, share one, and are held out of the rest."""
    cursor = open_cursor(workspace, people, asked)
    query = f"""
        select
            sum((address = '')::integer), sum((is_second)::integer),
            sum((is_holdout and address <> '' and not is_second)::integer)
        from ({address_sql(workspace, asked)})
    """
    found = cursor.execute(query, [0]).fetchone() or (0, 0, 0)
    return Counter(dict(zip((NO_ADDRESS, SHARED, "held out"), (int(each or 0) for each in found), strict=True)))


def _sample(workspace: Workspace, people: Ids, asked: Question) -> list[Addressed]:
    """At most `SAMPLE` people who have an address of their own and are not held out, chosen by a hash."""
    cursor = open_cursor(workspace, people, asked)
    query = f"""
        select person_id from ({address_sql(workspace, asked)})
        where address <> '' and not is_second and not is_holdout order by hash(person_id) limit {SAMPLE}
    """
    chosen = np.asarray(cursor.execute(query, [0]).fetchnumpy()["person_id"], np.int64)
    return [row for batch in read_addressed(workspace, chosen, asked) for row in batch]


def _ask_the_gate(
    settings: Settings,
    store: Store,
    desk: Desk,
    plan: CampaignPlan,
    step: Step,
    chosen: Sequence[Addressed],
    due: datetime,
    ends: datetime,
) -> tuple[Counter[str], Counter[str], list[str]]:
    """Reasons of those who would not get the step, and of those who would get it later; addresses of who gets it."""
    ids = np.fromiter((row.person_id for row in chosen), np.int64, len(chosen))
    bring_consent(store, desk.workspace, ids, step.channel, settings.clock.now())
    lost: Counter[str] = Counter()
    delayed: Counter[str] = Counter()
    reached: list[str] = []
    for batch in chunks(chosen, AT_ONCE):
        entries = [_entry(row, plan, step, due, ends) for row in batch]
        with store.read() as connection:
            known = read_facts(connection, settings, entries, due)
        moments = {entry.not_before or due for entry in entries}
        facts = {at: replace(known, now=max(at, due), rests={}) for at in moments}
        for entry in entries:
            verdict = judge(entry, facts[entry.not_before or due])
            is_late = verdict.state == PLANNED
            if is_late or verdict.state == CLAIMED:
                reached.append(entry.address)
            if verdict.state == CLAIMED:
                continue
            (delayed if is_late else lost)[_shown(plain_reason(verdict.reason))] += 1
    return lost, delayed, reached


def _shown(reason: str) -> str:
    """Quiet hours of all time zones are one reason."""
    return "quiet hours" if reason.startswith("quiet hours in ") else reason


def _entry(row: Addressed, plan: CampaignPlan, step: Step, due: datetime, ends: datetime) -> Entry:
    """The message as it would stand in the ledger when it is claimed."""
    return Entry(
        message_id=str(row.person_id), person_id=row.person_id, programme="", programme_version=0, step=step.key,
        occurrence="", channel=step.channel, address=row.address, state=PLANNED, reason="", is_holdout=False,
        context=json.loads(row.context), subject="", provider="", provider_message_id="", attempts=0,
        not_before=row.not_before, expires_at=ends, planned_at=due, claimed_at=None, claimed_by="",
        handed_over_at=None, accepted_at=None, delivered_at=None, settles_at_epoch=None, updated_at=due,
        variant=row.variant, purpose=plan.purpose, priority=plan.priority, template=step.template, locale=row.locale,
    )  # fmt: skip
