"""What a replay comes to: entries, messages by step and hour, what the gate would have said, cost, the goal.

Belongs here: adding up, and these lines in words. Stays out: replaying (`replay.py`).

The gate is asked in a simplified form: consent as of the moment, quiet hours and rules of countries, the weekly cap. A
message that would have waited longer than it may is counted as expired.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from dmat.campaigns.country_rules import find_rule
from dmat.campaigns.pace import capped_until, find_zone, rests_until
from dmat.channels.sms import estimate_cost
from dmat.experiments.proportions import wilson
from dmat.journeys.answers import Asking, find_answers
from dmat.journeys.conditions import HasConsent
from dmat.journeys.entries import Source, event_of, event_sql
from dmat.journeys.machine import Asked
from dmat.journeys.replay import Replay
from dmat.ledger.post import NewEntry

ASKED_FOR = frozenset({"email", "sms", "whatsapp", "push"})
HOUR = timedelta(hours=1)
HELD_OUT = "held out"
SentBefore = Mapping[int, Sequence[datetime]]


class Outcome(NamedTuple):
    """What would have become of one message.

    Attributes:
        due_at: when its step was due; left_at: when it would have left, None when it would not.
        why: why it would not have left; empty when it would.
    """

    person_id: int
    entry_key: str
    step: str
    channel: str
    due_at: datetime | None
    left_at: datetime | None
    why: str


@dataclass
class ReplayReport:
    """A replay in figures.

    Attributes:
        entries: who entered; `refused` those who did not, by reason.
        by_step: messages that would have left, by step; `by_hour` by the hour (UTC) in which they would have.
        quiet, capped: messages that would have waited for the end of quiet hours, or for the weekly cap.
        cost_micros: of SMS, by the workspace's table of prices.
        has_goal: whether the journey has one.
        reached, goal_low, goal_high: people who reached the goal in the past, and the 95 % interval of their share.
        outcomes: who would have got what, in the order in which it was due.
        reckoned_until: until when the segment that starts it is reckoned by its rule; None: it was written down.
        begun_at: when it was taken to begin, of a journey whose one moment is out of the span.
    """

    entries: int
    refused: Counter[str]
    held_out: int
    by_step: Counter[str] = field(default_factory=Counter)
    by_hour: Counter[datetime] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    quiet: int = 0
    capped: int = 0
    cost_micros: int = 0
    cost_currency: str = ""
    has_goal: bool = False
    reached: int = 0
    goal_low: float = 0.0
    goal_high: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)
    reckoned_until: datetime | None = None
    begun_at: datetime | None = None

    def lines(self) -> list[str]:
        """The report in words."""
        found = [f"{self.entries:,} entries, {self.held_out:,} of them held out"]
        if self.begun_at:
            found.append(
                f"its moment is out of this time: lived as if it had begun at {self.begun_at:%Y-%m-%d %H:%M} UTC"
            )
        if self.reckoned_until:
            found.append(
                f"until {self.reckoned_until:%Y-%m-%d %H:%M} UTC nobody wrote down who is in its segment: it is"
                " reckoned by its rule, once a day"
            )
        found += [f"  {count:,} not let in: {why}" for why, count in self.refused.most_common()]
        found += [f"  {count:,} x {step}" for step, count in self.by_step.most_common()]
        found += [f"  {count:,} would not have been sent: {why}" for why, count in self.stopped.most_common()]
        busiest = self.by_hour.most_common(1)
        if busiest:
            found.append(f"busiest hour: {busiest[0][0]:%Y-%m-%d %H:00} UTC with {busiest[0][1]:,} messages")
        found.append(f"{self.quiet:,} would have waited for quiet hours, {self.capped:,} for the weekly cap")
        if self.cost_micros:
            found.append(f"SMS: {self.cost_micros / 1_000_000:,.2f} {self.cost_currency}")
        if self.entries and self.has_goal:
            share = self.reached / self.entries
            found.append(
                f"{self.reached:,} reached the goal ({share:.1%}, 95 % interval {self.goal_low:.1%} to"
                f" {self.goal_high:.1%}) as things were then"
            )  # fmt: skip
        return found


def report_of(source: Source, found: Replay) -> ReplayReport:
    """Add a replay up.

    Raises:
        NotFoundError: the event of the goal is gone.
    """
    held = sum(member.is_holdout for member in found.members.values())
    report = ReplayReport(len(found.members), found.refused, held)
    report.reckoned_until, report.begun_at = found.reckoned_until, found.begun_at
    ask_gate(source, found, report)
    _count_goal(source, found, report)
    return report


def ask_gate(source: Source, found: Replay, report: ReplayReport, before: SentBefore | None = None) -> None:
    """Count what would have left and what would not, into a report.

    Args:
        source: the workspace.
        found: whose rows; `before` what its people had got when it began.
        report: what is counted into.
        before: person -> moments of messages that count for the weekly cap.
    """
    agreed, withdrawn = _agreed(source, found), found.withdrawn
    ends = {key: member.life.withdrawn_at for key, member in found.members.items()}
    sent: dict[int, list[datetime]] = defaultdict(list, {person: list(at) for person, at in (before or {}).items()})
    for number, row in enumerate(found.rows):
        left_at, why = None, _refusal(row, agreed.get(number, True))
        if not why:
            at = _leaves_at(source, row, sent[row.person_id], report)
            end = ends.get(row.occurrence) if (row.step, row.occurrence) in withdrawn else None
            why = _too_late(row, at, end)
            if not why:
                left_at = at
                sent[row.person_id].append(at)
        _count(source, row, left_at, why, report)


def _refusal(row: NewEntry, has_agreed: bool) -> str:
    """Why a message would not have left whenever it was; empty: it might have."""
    if row.is_holdout:
        return HELD_OUT
    return row.suppressed_because or ("" if has_agreed else f"no consent to {row.channel}")


def _too_late(row: NewEntry, at: datetime, ends_at: datetime | None) -> str:
    if row.expires_at is not None and at >= row.expires_at:
        return "its time would have been over"
    return "the journey had ended" if ends_at is not None and at >= ends_at else ""


def _count(source: Source, row: NewEntry, left_at: datetime | None, why: str, report: ReplayReport) -> None:
    report.outcomes.append(
        Outcome(row.person_id, row.occurrence, row.step, row.channel, row.not_before, left_at, why)
    )  # fmt: skip
    if left_at is None:
        if why != HELD_OUT:
            report.stopped[why] += 1
        return
    report.by_step[row.step] += 1
    report.by_hour[left_at.replace(minute=0, second=0, microsecond=0)] += 1
    if row.channel == "sms" and row.address:
        cost = estimate_cost(source.settings, row.address, 1)
        report.cost_micros += cost.micros
        report.cost_currency = cost.currency


def _agreed(source: Source, found: Replay) -> dict[int, bool]:
    asking = [
        Asking(number, row.person_id, row.occurrence, row.not_before or found.until,
               Asked(HasConsent.model_validate({"channel": row.channel}), row.not_before or found.until))
        for number, row in enumerate(found.rows) if row.channel in ASKED_FOR and row.purpose != "transactional"
    ]  # fmt: skip
    return find_answers(source, found.version.definition.programme, asking) if asking else {}


def _leaves_at(source: Source, row: NewEntry, sent: list[datetime], report: ReplayReport) -> datetime:
    """When the gate would have let it go: after quiet hours, then when the cap leaves room."""
    settings, at = source.settings, row.not_before or datetime.min
    if row.purpose == "transactional":
        return at
    zone = find_zone(str(row.context.get("time_zone") or ""), settings.workspace_time_zone)
    rule = find_rule(str(row.context.get("country_code") or ""), row.channel, row.address)
    until = rests_until(at, zone, settings.quiet_hours_start, settings.quiet_hours_end, rule)
    if until is not None:
        report.quiet += 1
        at = until
    capped = capped_until(sent, settings.frequency_cap_per_week, at)
    if capped is not None:
        report.capped += 1
        at = capped
    return at


def _count_goal(source: Source, found: Replay, report: ReplayReport) -> None:
    goal = found.version.definition.goal
    report.has_goal = goal is not None
    if goal is None or not found.members:
        return
    first = min(member.life.entered_at for member in found.members.values())
    query = f"select person_id, happened_at from ({event_sql(event_of(source.desk, goal.event), ())})"
    happened: dict[int, list[datetime]] = defaultdict(list)
    last = found.until + timedelta(days=goal.days)
    rows = source.desk.workspace.cursor().execute(f"{query} where happened_at > ? and happened_at <= ?", [first, last])
    for person, at in rows.fetchall():
        happened[int(person)].append(at)
    within = timedelta(days=goal.days)
    report.reached = sum(
        any(m.life.entered_at < at <= m.life.entered_at + within for at in happened.get(m.life.person.person_id, ()))
        for m in found.members.values()
    )
    report.goal_low, report.goal_high = wilson(report.reached, len(found.members))
