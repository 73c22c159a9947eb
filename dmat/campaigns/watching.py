"""Coordination rules are looked at: what is measured, whether a value is crossed, what is done about it, once.

Belongs here: measuring, acting, the log. Stays out: the shape of rules (`coordination.py`), when to look
(`running.py`).

A rule acts when its value is crossed and was not before; it may act again only after it was on the other side in
between. With too few people nothing is concluded and nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.changes import BUDGET, IMPRESSIONS, REST_DAYS, Change, pause_channel, put_change, read_changes
from dmat.campaigns.coordination import (
    Alert,
    CoordinationRule,
    IncreaseImpressions,
    PauseChannel,
    RaiseBudget,
    ReduceFrequency,
)
from dmat.campaigns.monitor import Figures, Monitor, monitor
from dmat.campaigns.plan import CampaignPlan
from dmat.campaigns.records import Campaign
from dmat.campaigns.showing import show_more
from dmat.errors import NotPublishedError
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_rule_log, campaign_rule_states
from dmat.store.engine import Store, rows_of, upsert
from dmat.warehouse import Workspace

BY = "coordination rules"
EVERY = timedelta(seconds=30)
_ABOVE_THE_LINE: Mapping[str, tuple[str, ...]] = {
    "open_rate": ("opened",), "click_rate": ("clicked",), "read_rate": ("read",), "reply_rate": ("replied",),
    "engagement_rate": ("opened", "read", "clicked", "replied"), "conversion_rate": ("converted",),
    "bounce_rate": ("bounced",), "complaint_rate": ("complained",), "unsubscribe_rate": ("unsubscribed",),
}  # fmt: skip
VISITS = "engagement.fct_visits"
_VISITS = """
    select
        count(*) filter (where started_at > ?) as recent,
        count(*) filter (where started_at <= ?) / 28.0 as usual
    from engagement.fct_visits
    where started_at > ? and started_at <= ? and lower(coalesce(channel, '') || ' ' || coalesce(medium, '')) like ?
"""


@dataclass(frozen=True)
class Measured:
    """What a rule saw: the value (None when there is none), and of how many."""

    value: float | None
    sample: int


@dataclass(frozen=True)
class Acted:
    """One line of the log."""

    rule: str
    measured: float
    sample: int
    condition: str
    outcome: str
    is_dry_run: bool
    happened_at: datetime


def watch_rules(
    settings: Settings, store: Store, workspace: Workspace, campaign: Campaign, plan: CampaignPlan
) -> list[Acted]:
    """Look at the rules of a running campaign, at most every half minute; gives what was done."""
    now = settings.clock.now()
    if not plan.rules or not _is_time(store, campaign.campaign_id, now):
        return []
    seen = monitor(settings, store, workspace, campaign.campaign_id)
    return [
        acted
        for rule in plan.rules
        if (acted := _look(settings, store, campaign, rule, measure(workspace, seen, rule, now), now)) is not None
    ]


@dataclass(frozen=True)
class Tried:
    """What a rule sees now and what it would do about it; nothing was done.

    Attributes:
        measured: None when there is nothing to measure yet.
        is_enough: whether the sample is large enough to conclude anything.
        would: in words; empty while the value is not crossed.
    """

    rule: str
    condition: str
    measured: float | None
    sample: int
    min_sample: int
    is_enough: bool
    is_crossed: bool
    would: str


def try_rules(
    settings: Settings, store: Store, workspace: Workspace | None, campaign_id: int, rules: Iterable[CoordinationRule]
) -> list[Tried]:
    """What rules would do about a campaign as it stands now, kept in its plan or not; nothing changes.

    Raises:
        NotFoundError: there is no such campaign.
    """
    seen, now = monitor(settings, store, workspace, campaign_id), settings.clock.now()
    return [_try(rule, measure(workspace, seen, rule, now)) for rule in rules]


def _try(rule: CoordinationRule, measured: Measured) -> Tried:
    is_enough = measured.value is not None and measured.sample >= rule.when.min_sample
    is_crossed = is_enough and _is_crossed(rule, measured.value or 0.0)
    would = _intent(rule) if is_crossed else ""
    return Tried(
        rule.key, _in_words(rule), measured.value, measured.sample, rule.when.min_sample, is_enough, is_crossed, would
    )  # fmt: skip


def _is_time(store: Store, campaign_id: int, now: datetime) -> bool:
    query = sa.select(sa.func.max(campaign_rule_states.c.checked_at))
    with store.read() as connection:
        last = connection.execute(query.where(campaign_rule_states.c.campaign_id == campaign_id)).scalar()
    return last is None or last + EVERY <= now


def measure(workspace: Workspace | None, seen: Monitor, rule: CoordinationRule, now: datetime) -> Measured:
    """The value of a rule's measure."""
    when = rule.when
    if when.measure == "traffic_ratio":
        return _traffic(workspace, when.channel, now)
    figures = Figures()
    for step in seen.steps:
        if step.channel == when.channel and when.step in ("", step.step):
            figures.add(step.figures)
    whole = figures.sent if when.measure == "bounce_rate" else figures.reached
    parts = [int(getattr(figures, name)) for name in _ABOVE_THE_LINE[when.measure]]
    return Measured(max(parts) / whole if whole else None, whole)


def _traffic(workspace: Workspace | None, channel: str, now: datetime) -> Measured:
    if workspace is None:
        return Measured(None, 0)
    recent, long_ago = now - timedelta(days=1), now - timedelta(days=29)
    try:
        if VISITS not in workspace.tables():
            return Measured(None, 0)
        [row] = workspace.rows(_VISITS, [recent, recent, long_ago, now, f"%{channel}%"])
    except NotPublishedError:
        return Measured(None, 0)
    usual = float(row["usual"] or 0)
    return Measured(int(row["recent"]) / usual if usual else None, int(row["recent"]))


def _look(
    settings: Settings, store: Store, campaign: Campaign, rule: CoordinationRule, measured: Measured, now: datetime
) -> Acted | None:
    with store.write() as connection:
        was = _was_crossed(connection, campaign.campaign_id, rule.key)
        known = measured.value is not None and measured.sample >= rule.when.min_sample
        is_crossed = was if not known else _is_crossed(rule, measured.value or 0.0)
        _keep_state(connection, campaign.campaign_id, rule.key, is_crossed, measured, now)
        if not is_crossed or was:
            return None
        because = f"{_in_words(rule)}: {measured.value:.3g} of {measured.sample:,}"
        outcome = "" if rule.is_dry_run else _act(connection, settings, campaign, rule, because, now)
        acted = Acted(
            rule.key, measured.value or 0.0, measured.sample, _in_words(rule),
            f"dry run: would {_intent(rule)}" if rule.is_dry_run else outcome, rule.is_dry_run, now,
        )  # fmt: skip
        row = {**vars(acted), "campaign_id": campaign.campaign_id, "action": rule.then.model_dump(mode="json")}
        connection.execute(sa.insert(campaign_rule_log).values(row))
        return acted


def _is_crossed(rule: CoordinationRule, value: float) -> bool:
    return value < rule.when.value if rule.when.comparison == "below" else value > rule.when.value


def _in_words(rule: CoordinationRule) -> str:
    when = rule.when
    place = f" of step {when.step}" if when.step else ""
    return f"{when.measure.replace('_', ' ')} of {when.channel}{place} {when.comparison} {when.value:g}"


def _was_crossed(connection: Connection, campaign_id: int, rule: str) -> bool:
    table = campaign_rule_states.c
    query = sa.select(table.is_crossed).where(table.campaign_id == campaign_id, table.rule == rule)
    return bool(connection.execute(query).scalar())


def _keep_state(
    connection: Connection, campaign_id: int, rule: str, is_crossed: bool, measured: Measured, now: datetime
) -> None:
    row: dict[str, Any] = {
        "campaign_id": campaign_id, "rule": rule, "is_crossed": is_crossed, "measured": measured.value,
        "sample": measured.sample, "checked_at": now,
    }  # fmt: skip
    statement = upsert(connection, campaign_rule_states).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["campaign_id", "rule"], set_=row))


def _intent(rule: CoordinationRule) -> str:
    then = rule.then
    if isinstance(then, PauseChannel):
        return f"pause {then.channel}"
    if isinstance(then, ReduceFrequency):
        return f"leave {then.days_between} days between messages by {then.channel}"
    if isinstance(then, IncreaseImpressions):
        return f"show {then.channel} {then.factor:g} times as often"
    if isinstance(then, RaiseBudget):
        return f"raise the budget of {then.channel} by {then.percent} %"
    return f"alert: {then.text}"


def _act(
    connection: Connection, settings: Settings, campaign: Campaign, rule: CoordinationRule, because: str, now: datetime
) -> str:
    then, number = rule.then, campaign.campaign_id
    change = Change(number, "", then.channel if not isinstance(then, Alert) else "", None, because, now, BY)
    if isinstance(then, PauseChannel):
        pause_channel(connection, number, then.channel, because, BY, now)
    elif isinstance(then, ReduceFrequency):
        put_change(connection, replace(change, kind=REST_DAYS, value=then.days_between))
    elif isinstance(then, IncreaseImpressions):
        put_change(connection, replace(change, kind=IMPRESSIONS, value=then.factor))
        show_more(connection, settings, campaign, then.channel, then.factor)
    elif isinstance(then, RaiseBudget):
        return _raise_budget(connection, campaign, then, change)
    return f"did: {_intent(rule)}"


def _raise_budget(connection: Connection, campaign: Campaign, then: RaiseBudget, change: Change) -> str:
    """Not beyond what the plan's budget leaves after the other steps."""
    paid = [step for step in campaign.plan.steps if step.channel == then.channel and step.retargeting]
    base = sum(step.retargeting.budget_cents for step in paid if step.retargeting)
    before = next((c.value for c in read_changes(connection, campaign.campaign_id) if c.kind == BUDGET), base)
    others = sum(step.cost_cents for step in campaign.plan.steps)
    wanted = int(before) * (100 + then.percent) // 100
    allowed = min(wanted, campaign.plan.budget_cents - others) if campaign.plan.budget_cents else wanted
    if allowed <= int(before):
        return "nothing: the budget of the campaign leaves no more"
    put_change(connection, replace(change, kind=BUDGET, value=allowed))
    return f"did: raised the budget of {then.channel} from {int(before):,} to {allowed:,} cents"


def rule_log(store: Store, campaign_id: int, limit: int = 200) -> list[Acted]:
    """What rules did, the newest first."""
    columns = [campaign_rule_log.c[name] for name in Acted.__dataclass_fields__]
    query = sa.select(*columns).where(campaign_rule_log.c.campaign_id == campaign_id)
    with store.read() as connection:
        return [
            Acted(**row) for row in rows_of(connection, query.order_by(campaign_rule_log.c.log_id.desc()).limit(limit))
        ]


def rule_states(store: Store, campaign_id: int) -> Iterable[Mapping[str, Any]]:
    """What each rule last saw: rule, is_crossed, measured, sample, checked_at."""
    query = sa.select(campaign_rule_states).where(campaign_rule_states.c.campaign_id == campaign_id)
    with store.read() as connection:
        return rows_of(connection, query.order_by("rule"))
