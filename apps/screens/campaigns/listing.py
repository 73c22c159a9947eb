"""The list of campaigns: how each stands, whom it is for, what comes next, how much has left; and new ones.

Belongs here: rows of the list and what it is narrowed to. Stays out: one campaign (`composer.py`, `monitor.py`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import param
import sqlalchemy as sa

from apps.context import Context, Pulse
from apps.parts.listing import ListPage
from apps.parts.render import render
from apps.screens.campaigns.desk import Desks
from apps.screens.campaigns.starting import start_from, starting_points
from apps.screens.segments.addressing import asked_for, leave_for, remember
from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.records import OVER, PAUSED, RUNNING, SCHEDULED, STATUSES, Campaign, campaign_of
from dmat.campaigns.schedule import due_at
from dmat.errors import DmatError
from dmat.ledger.entries import OPEN, SENT
from dmat.store import Store
from dmat.store.access import caller_of_user
from dmat.store.tables import ledger_entries
from dmat.store.users import User

TONES = {
    "draft": ("", "edit"), "in_review": ("warning", "clock"), "scheduled": ("info", "calendar"),
    "running": ("primary", "play"), "paused": ("warning", "pause"), "finished": ("success", "check"),
    "incomplete": ("danger", "warning"), "cancelled": ("", "stop"),
}  # fmt: skip
"""Status -> tone of its chip, and its icon."""


@dataclass(frozen=True)
class Progress:
    """How far a campaign's messages are."""

    audience: int = 0
    sent: int = 0
    ended: int = 0

    @property
    def share(self) -> float:
        """Of everybody who is in it, for how many it is decided."""
        return self.ended / self.audience if self.audience else 0.0


@dataclass(frozen=True)
class Row:
    """One campaign in the list."""

    campaign: Campaign
    progress: Progress
    next_step: Step | None
    next_at: datetime | None


@dataclass(frozen=True)
class Listed:
    """The campaigns that fit, and how many there are of each status."""

    rows: tuple[Row, ...]
    every: int
    statuses: tuple[tuple[str, int], ...]


class ListState(param.Parameterized):
    """What the list is narrowed to."""

    search = param.String(default="")
    status = param.String(default="")
    problem = param.String(default="")


def read_progress(store: Store) -> Mapping[int, Progress]:
    """How far every campaign is, in one question."""
    table = ledger_entries.c
    query = sa.select(table.programme, table.state, sa.func.count().label("count"))
    query = query.where(table.programme.startswith("campaign:")).group_by(table.programme, table.state)
    counts: dict[str, Counter[str]] = {}
    with store.read() as connection:
        for row in connection.execute(query):
            counts.setdefault(row.programme, Counter())[row.state] += row[2]
    return {number: _progress(found) for name, found in counts.items() if (number := campaign_of(name)) is not None}


def _progress(counts: Counter[str]) -> Progress:
    return Progress(
        audience=sum(counts.values()),
        sent=sum(counts[state] for state in SENT),
        ended=sum(counts.values()) - sum(counts[state] for state in OPEN),
    )


def next_step(plan: CampaignPlan, zone: str, started: datetime | None, now: datetime) -> tuple[Step | None, Any]:
    """The step that comes next, and when."""
    began = started or plan.starts_at or now
    due = [(due_at(plan, step, zone, began), number, step) for number, step in enumerate(plan.steps)]
    ahead = sorted((at, number) for at, number, _ in due if at > now)
    return (plan.steps[ahead[0][1]], ahead[0][0]) if ahead else (None, None)


def list_campaigns(
    campaigns: Sequence[Campaign], progress: Mapping[int, Progress], state: ListState, zone: str, now: datetime
) -> Listed:
    """The campaigns that fit what the list is narrowed to."""
    words = state.search.lower().split()
    fitting = [
        each
        for each in campaigns
        if (not state.status or each.status == state.status)
        and all(word in f"{each.name} {each.description} {' '.join(each.tags)} {each.owner}".lower() for word in words)
    ]
    counted = Counter(each.status for each in campaigns)
    return Listed(
        tuple(_row(each, progress.get(each.campaign_id, Progress()), zone, now) for each in fitting),
        len(campaigns), tuple((name, counted[name]) for name in STATUSES if counted[name]),
    )  # fmt: skip


def _row(campaign: Campaign, progress: Progress, zone: str, now: datetime) -> Row:
    if campaign.status in OVER or campaign.status not in {RUNNING, PAUSED, SCHEDULED}:
        return Row(campaign, progress, None, None)
    return Row(campaign, progress, *next_step(campaign.plan, zone, campaign.started_at, now))


class ListScreen(ListPage):
    """The list of campaigns of one reader."""

    NARROWED = ("search", "status")

    def __init__(self, context: Context, user: User, desks: Desks) -> None:
        super().__init__()
        self.context, self.user, self.desks = context, user, desks
        self.may_write = caller_of_user(user).may("campaigns:write")
        self.state = ListState(**{name: asked_for(name) for name in self.NARROWED})
        self.lay_out(context, self._head_html())

    def refresh(self, pulse: Pulse) -> Any:
        """Ask for the list; the returned function shows it."""
        listed = self._list()
        return lambda: self._show(listed)

    def _list(self) -> Listed:
        context = self.context
        return list_campaigns(
            self.desks.library.list(), read_progress(context.store), self.state, context.zone, context.now()
        )

    def _show(self, listed: Listed) -> None:
        names = {each.key: each.name for each in self.desks.segments.library.list()}
        self.table.html = self._render("list", listed=listed, names=names, tones=TONES)

    def _head_html(self) -> str:
        return self._render("list_head", asks_new=bool(asked_for("new")))

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/campaigns/{name}.jinja", self.context.now(), self.context.zone, state=self.state,
            may_write=self.may_write, points=starting_points(), **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:200]
        if name in self.NARROWED:
            setattr(self.state, name, "" if name != "search" and text == getattr(self.state, name) else text)
            remember({each: getattr(self.state, each) for each in self.NARROWED})
            self._show(await asyncio.to_thread(self._list))
        elif name == "begin" and self.may_write:
            try:
                made = await asyncio.to_thread(start_from, self.desks, text, self.user.email)
            except DmatError as error:
                self.state.problem = f"{error}."
                self.head.html = self._head_html()
            else:
                leave_for(f"/campaigns?id={made.campaign_id}")
