"""Layout of the monitor: how the campaign stands, its figures by step, every "no", rules, single people; its buttons.

Belongs here: which block shows what, and what a click does. Stays out: counting (`dmat/campaigns/monitor.py`), what a
button may do (`dmat/campaigns/library.py`). A button writes its wish to the store; the sender sees it within a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
import sqlalchemy as sa

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.parts.words import refusal
from apps.screens.campaigns.coordinating import rule_words
from apps.screens.campaigns.desk import Desks
from apps.screens.campaigns.journeys import Journey, find_in, read_journey
from apps.screens.campaigns.keeping import SCOPES, Keeping
from apps.screens.campaigns.listing import TONES
from apps.screens.campaigns.telling import adds_up, arrivals, arrived, channel_rows, engaged, parts_of
from apps.screens.segments.addressing import asked_for, leave_for, remember
from dmat.campaigns.changes import CHANNEL_PAUSED, resume_channel
from dmat.campaigns.monitor import Monitor, monitor
from dmat.campaigns.posting import note_post, try_again
from dmat.campaigns.programmes import paused_programmes
from dmat.campaigns.records import RUNNING, Campaign
from dmat.channels.social import BY_HAND
from dmat.errors import DmatError
from dmat.ledger.control import resend_failed
from dmat.ledger.control import resume as let_go_on
from dmat.messages.archive import as_sent
from dmat.store.access import caller_of_user
from dmat.store.campaign_tables import campaign_rule_log
from dmat.store.engine import rows_of
from dmat.store.users import User

LOG_LINES = 20


class MonitorScreen(pn.viewable.Viewer):
    """The monitor of one reader and one campaign."""

    def __init__(self, context: Context, user: User, desks: Desks, campaign: Campaign) -> None:
        super().__init__()
        self.context, self.user, self.desks, self.campaign = context, user, desks, campaign
        self.caller, self.keeping = caller_of_user(user), Keeping(desks.library)
        self.found: Monitor | None = None
        self.log: list[Any] = []
        self.guarded = ""
        self.problem = self.told = self.words = ""
        self.people: tuple[Any, ...] = ()
        self.person, self.journey = asked_for("person"), None
        self.message: dict[str, Any] | None = None
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.figures = Block(**acts), Block(self._skeleton(8), **acts)
        self.reasons, self.rules = Block(**acts), Block(**acts)
        self.person_card, self.dialog = Block(**acts), Block(**acts)
        self._show_head()

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        below = pmui.Grid(
            pmui.Grid(pmui.Column(self.reasons, self.person_card, sx={"gap": "16px"}, **wide),
                      size={"xs": 12, "lg": 7.4}),
            pmui.Grid(self.rules, size={"xs": 12, "lg": 4.6}), container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(self.head, self.figures, below, self.dialog, sx={"gap": "16px"}, **wide)

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Count again; the returned function shows it."""
        found, log = self._count(), self._read_log()
        journey = self._read_journey()
        return lambda: self._show(found, log, journey)

    def _count(self) -> Monitor:
        context = self.context
        workspace = context.workspace if context.version() else None
        found = monitor(context.settings, context.store, workspace, self.campaign.campaign_id)
        self.guarded = self._paused_by_guard(found.campaign)
        return found

    def _paused_by_guard(self, campaign: Campaign) -> str:
        """Why the ledger lets nothing leave although the campaign runs; empty when it does."""
        if campaign.status != RUNNING:
            return ""
        with self.context.store.read() as connection:
            return paused_programmes(connection).get(campaign.programme, "")

    def _read_log(self) -> list[Any]:
        table = campaign_rule_log.c
        query = sa.select(campaign_rule_log).where(table.campaign_id == self.campaign.campaign_id)
        with self.context.store.read() as connection:
            return list(rows_of(connection, query.order_by(table.log_id.desc()).limit(LOG_LINES)))

    def _read_journey(self) -> Journey | None:
        if not self.person or not self.caller.may("people:read") or not self.context.version():
            return None
        return read_journey(self.context.store, self.context.workspace, self.campaign.programme, self.person)

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_action(self, name: str, value: Any) -> None:
        looks = {"ask": self._ask, "person": self._choose, "message": self._open, "close": self._close}
        if name in looks and (name == "close" or self.caller.may("people:read")):
            await looks[name](str(value or "")[:80])
        elif name in SCOPES and self.caller.may(SCOPES[name]):
            words = str(value.get("words", "") if isinstance(value, dict) else "")[:500]
            act = self.keeping.act
            await self._do(lambda: act(name, self.campaign.campaign_id, self.user.email, words), "")
        elif name in {"resend", "resume-channel", "posted", "go-on", "post-again"} and self.caller.may(
            "campaigns:send"
        ):
            await self._do(*self._wish(name, value))
        elif name == "copy" and self.caller.may("campaigns:write"):
            copy = self.desks.library.duplicate
            made = await asyncio.to_thread(copy, self.campaign.campaign_id, self.user.email)
            leave_for(f"/campaigns?id={made.campaign_id}")

    def _wish(self, name: str, value: Any) -> tuple[Callable[[], Any], str]:
        context, number, by = self.context, self.campaign.campaign_id, self.user.email

        def resume() -> None:
            with context.store.write() as connection:
                resume_channel(connection, number, str(value), by, context.now())

        if name == "go-on":
            programme = self.campaign.programme
            return lambda: let_go_on(context.store, programme, context.now(), by), "It goes on."
        if name == "resume-channel":
            return resume, "The channel goes on."
        if name == "posted":
            given = value if isinstance(value, dict) else {}
            step, url = str(given.get("step", "")), str(given.get("url", ""))[:2000]
            return lambda: note_post(context.settings, context.store, number, step, url, by), "Noted as posted."
        if name == "post-again":
            step = str(value or "")[:100]
            return lambda: try_again(context.settings, context.store, number, step, by), "It is tried again."
        again = resend_failed
        return (lambda: again(context.store, self.campaign.programme, context.now(), by),
                "What failed is planned again.")  # fmt: skip

    async def _do(self, act: Callable[[], Any], told: str) -> None:
        try:
            done = await asyncio.to_thread(act)
        except DmatError as error:
            self.problem, self.told = refusal(error), ""
        else:
            planned = getattr(done, "planned", None)
            self.problem, self.told = "", told if planned is None else f"{planned:,} planned again."
        self._show(await asyncio.to_thread(self._count), self.log, self.journey)

    async def _ask(self, words: str) -> None:
        self.words = words
        find = find_in
        self.people = (
            await asyncio.to_thread(find, self.context.store, self.context.workspace, self.campaign.programme, words)
            if words.strip() and self.context.version()
            else ()
        )
        self._show_person()

    async def _choose(self, person: str) -> None:
        self.person, self.people, self.words = person, (), ""
        remember({"id": str(self.campaign.campaign_id), "person": person})
        self.journey = await asyncio.to_thread(self._read_journey)
        self._show_person()

    async def _open(self, message_id: str) -> None:
        try:
            self.message = await asyncio.to_thread(as_sent, self.context.store, self.context.settings, message_id)
        except DmatError as error:
            self.message = {"problem": f"{error}."}
        self.dialog.html = self._render("monitor_message", message=self.message)

    async def _close(self, value: str) -> None:
        self.dialog.html = ""

    # -- what is shown -------------------------------------------------------------------------------------------

    def _show(self, found: Monitor, log: list[Any], journey: Journey | None) -> None:
        self.found, self.log, self.journey, self.campaign = found, log, journey, found.campaign
        self._show_head()
        self.figures.html = self._render(
            "monitor_figures", parts=parts_of(found.total), adds_up=adds_up(found.total), parts_of=parts_of,
            engaged=engaged, arrived=arrived, arrivals=arrivals(found), channel_rows=channel_rows(found),
            publishes=self.context.settings.social_publishing != BY_HAND,
        )  # fmt: skip
        self.reasons.html = self._render("monitor_reasons")
        self.rules.html = self._render(
            "monitor_rules", log=log, paused=CHANNEL_PAUSED, rule_words=rule_words,
            rules=[rule.model_dump() for rule in found.plan.rules],
        )  # fmt: skip
        self._show_person()

    def _show_head(self) -> None:
        self.head.html = self._render("monitor_head")

    def _show_person(self) -> None:
        html = self._render("monitor_person", journey=self.journey, people=self.people, words=self.words)
        self.person_card.html = html if self.caller.may("people:read") else ""

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/campaigns/{name}.jinja", self.context.now(), self.context.zone, campaign=self.campaign,
            guarded=self.guarded, found=self.found, tones=TONES, may=self.caller.may, problem=self.problem,
            told=self.told, **values,
        )  # fmt: skip

    def _skeleton(self, lines: int) -> str:
        return render("parts/skeleton.jinja", self.context.now(), self.context.zone, lines=lines)
