"""Layout of the composer: one page from audience to start, with what is still missing beside it.

Belongs here: which block shows what, and what a click does. Stays out: what happens on an edit (`composing.py`),
counting and checking (`answering.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.channels import NAMES
from apps.parts.render import render
from apps.screens.campaigns.answering import Answering, split
from apps.screens.campaigns.branching import (
    LINK_FIELDS,
    earlier_steps,
    link_example,
    reaction_choices,
    step_choices,
)
from apps.screens.campaigns.checklist import items_of
from apps.screens.campaigns.composing import Composing, placed
from apps.screens.campaigns.coordinating import ACTIONS, MEASURES, PRESETS, shown_rules, value_words
from apps.screens.campaigns.desk import Desks
from apps.screens.campaigns.fields import HOLDOUT, PLACES, read_place, read_step_place
from apps.screens.campaigns.keeping import SCOPES, Keeping
from apps.screens.campaigns.listing import TONES
from apps.screens.campaigns.plan_edits import edit_of
from apps.screens.campaigns.testing import step_tests
from apps.screens.segments.addressing import leave_for
from dmat.campaigns.approval import approval_limit, is_approved
from dmat.campaigns.records import DRAFT, IN_REVIEW, SCHEDULED, Campaign
from dmat.campaigns.schedule import due_at
from dmat.campaigns.watching import Tried, try_rules
from dmat.loyalty.giving import offer_sources
from dmat.messages.codes import list_pools
from dmat.messages.records import CHANNELS
from dmat.messages.tracking import WORDS, get_utm_rule
from dmat.store.access import caller_of_user
from dmat.store.users import User

_STICKY = {"position": "sticky", "top": "16px"}
UNDO_SECONDS = 300
LEADS_TO_MONITOR = ("start", "resume")
ADDABLE = {key: words for key, words in NAMES.items() if key in CHANNELS or key == "retargeting"}
"""Channels of which a step can be added: those with templates, and lists at advertisers."""


class ComposerScreen(pn.viewable.Viewer):
    """The composer of one reader and one campaign."""

    def __init__(self, context: Context, user: User, desks: Desks, campaign: Campaign) -> None:
        super().__init__()
        self.context, self.user, self.desks = context, user, desks
        self.caller = caller_of_user(user)
        self.keeping, self.answering = Keeping(desks.library), Answering(desks)
        self.model = Composing(self.answering, self.keeping, user.email, campaign)
        kept = self.keeping.find_draft(user.email, campaign.campaign_id)
        self.is_resumed = kept is not None and self.model.resume(kept.document, kept.based_on_version, kept.updated_at)
        self.tests = step_tests(desks.tests, campaign.campaign_id)
        self.words, self.tried = "", dict[str, Tried]()
        with context.store.read() as connection:
            self.pools, self.offers = list_pools(connection), offer_sources(connection, context.now())
        self.workspace_utm = get_utm_rule(context.store)
        self.segments, self.templates = desks.segments.library.list(), desks.templates.list()
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.audience, self.steps = Block(**acts), Block(**acts), Block(**acts)
        self.rest, self.side = Block(**acts), Block(self._skeleton(7), **acts)
        self._show_all()
        self._watch()

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        left = pmui.Column(self.audience, self.steps, self.rest, sx={"gap": "16px"}, **wide)
        columns = pmui.Grid(
            pmui.Grid(left, size={"xs": 12, "lg": 8.2}),
            pmui.Grid(self.side, size={"xs": 12, "lg": 3.8}, styles=_STICKY),
            container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(self.head, columns, sx={"gap": "16px"}, **wide)

    def _watch(self) -> None:
        model = self.model
        model.param.watch(lambda *_: self._show_changed(), "plan")
        model.param.watch(lambda *_: self._show_found(), "found")
        model.param.watch(lambda *_: self._show_head(), ["problem", "told", "drafted_at", "title", "can_undo"])

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Check and count anew, and see whether somebody else moved the campaign on."""
        now = self.desks.library.get(self.model.key)
        found = self.answering.look(self.model.plan, -1)
        tests = step_tests(self.desks.tests, self.model.key)

        def show() -> None:
            if now.status != self.model.campaign.status and not self.model.is_changed:
                leave_for(f"/campaigns?id={now.campaign_id}")
                return
            self.model.found = found
            self._show_found()
            if tests != self.tests:
                self.tests = tests
                self._show_plan()

        return show

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_action(self, name: str, value: Any) -> None:
        if name in SCOPES and self.caller.may(SCOPES[name]):
            await self._act(name, value)
        elif name == "find":
            self.words = str(value or "")[:80]
            self._show_audience()
        elif self.caller.may("campaigns:write"):
            await self._edit(name, value)

    async def _edit(self, name: str, value: Any) -> None:
        model, text = self.model, str(value or "")[:300]
        plain = {"title": model.rename, "add-step": self._add_step, "remove-step": model.remove_step,
                 "take": model.choose_segment, "leave": lambda key: model.choose_segment(key, "exclude")}  # fmt: skip
        if name in plain:
            await plain[name](text)
        elif name == "everybody":
            await model.choose_everybody(text == "1")
        elif name in {"up", "down"}:
            await model.move_step(text, -1 if name == "up" else 1)
        elif name == "undo":
            await model.undo()
        elif name in {"set", "step"} and isinstance(value, dict):
            await self._set(name, str(value.get("of", "")), value.get("value"))
        elif name == "try-rules":
            await self._try_rules()
        elif name in {"save", "afresh", "copy", "delete"}:
            await self._keep(name)
        elif (change := edit_of(name, value)) is not None:
            await model.edit(change)

    async def _try_rules(self) -> None:
        """Measure and compare as the rules say, and do nothing."""
        plan, _ = split(self.model.plan)
        if plan is None:
            return
        context = self.context
        workspace = context.workspace if context.version() else None
        seen = await asyncio.to_thread(
            try_rules, context.settings, context.store, workspace, self.model.key, plan.rules
        )
        self.tried = {each.rule: each for each in seen}
        self._show_rest()

    async def _add_step(self, channel: str) -> None:
        if channel in NAMES:
            await self.model.add_step(channel)

    async def _set(self, name: str, place: str, value: Any) -> None:
        if name == "step":
            key, _, rest = place.partition("|")
            if rest in PLACES:
                await self.model.set_step(key, rest, read_step_place(rest, value))
        elif place == HOLDOUT:
            is_on = value in {True, "true"}
            share = 0.05 if is_on else 0.0
            await self.model.set("holdout", {"share": share, "reason": ""})
        else:
            known, read = read_place(place, value, ZoneInfo(self._zone()))
            if known:
                await self.model.set(place, read)

    async def _keep(self, name: str) -> None:
        model = self.model
        if name == "save":
            await model.save()
            self._show_head()
        elif name == "afresh":
            await model.drop_draft()
            self._show_all()
        elif name == "copy":
            made = await asyncio.to_thread(self.desks.library.duplicate, model.key, self.user.email)
            leave_for(f"/campaigns?id={made.campaign_id}")
        elif name == "delete" and model.campaign.status == DRAFT and model.campaign.started_at is None:
            await asyncio.to_thread(self.desks.library.delete, model.key, self.user.email)
            leave_for("/campaigns")

    async def _act(self, name: str, value: Any) -> None:
        words = str(value.get("words", "") if isinstance(value, dict) else value or "")[:500]
        if await self.model.act(name, words):
            if name in LEADS_TO_MONITOR:
                leave_for(f"/campaigns?id={self.model.key}")
            self._show_all()

    # -- what is shown -------------------------------------------------------------------------------------------

    def _zone(self) -> str:
        return str(self.model.plan.get("time_zone") or self.context.zone)

    def _show_all(self) -> None:
        self._show_head()
        self._show_plan()
        if self.model.found is not None:
            self._show_found()

    def _show_changed(self) -> None:
        self.tried = {}
        self._show_plan()

    def _show_plan(self) -> None:
        self._show_audience()
        self.steps.html = self._render(
            "composer_steps", timeline=self._timeline(), templates=self.templates, pools=self.pools, offers=self.offers,
            names={each.key: each for each in self.segments}, reaction_choices=reaction_choices,
            earlier=lambda key: earlier_steps(self.model.plan, key), tests=self.tests,
        )  # fmt: skip
        self._show_rest()

    def _show_rest(self) -> None:
        plan = self.model.plan
        self.rest.html = self._render(
            "composer_rest", rules=shown_rules(plan.get("rules") or ()), presets=PRESETS, measures=MEASURES,
            actions=ACTIONS, tried=self.tried, measured_words=lambda when, value: value_words({**when, "value": value}),
            step_choices=lambda channel: step_choices(plan, channel), link_fields=LINK_FIELDS,
            workspace_utm=self.workspace_utm, link_words=", ".join(f"{{{word}}}" for word in WORDS),
            link_example=link_example(plan, self.workspace_utm, self.model.title),
            everybodys_limit=self.context.settings.approval_recipients,
        )  # fmt: skip

    def _show_audience(self) -> None:
        audience = self.model.plan["audience"]
        words = self.words.lower().split()
        chosen = {*audience.get("segments", ()), *audience.get("exclude", ())}
        found = [each for each in self.segments if all(word in f"{each.name} {each.folder}".lower() for word in words)]
        offered = [each for each in found if each.key not in chosen]
        self.audience.html = self._render(
            "composer_audience", audience=audience, offered=offered[:8], words=self.words,
            names={each.key: each for each in self.segments},
        )  # fmt: skip

    def _show_found(self) -> None:
        model = self.model
        items = items_of(model.plan, model.found) if model.found else ()
        self.side.html = self._render("composer_side", items=items, **self._standing())
        self._show_head()

    def _show_head(self) -> None:
        self.head.html = self._render("composer_head", **self._standing())

    def _standing(self) -> dict[str, Any]:
        campaign, found = self.model.campaign, self.model.found
        limit = self._approval_limit(campaign)
        with self.context.store.read() as connection:
            approved = is_approved(connection, campaign)
        decisions = self.desks.library.decisions(campaign.campaign_id)
        count = getattr(found.estimate, "audience", None) if found else None
        return {
            "limit": limit, "is_approved": approved, "decisions": decisions, "count": count,
            "needs_yes": count is not None and count >= limit and not approved,
            "is_blocked": bool(found and found.blocking), "undo_until": self._undo_until(campaign),
            "may_approve": self.caller.may("campaigns:approve") and self.user.email not in {campaign.plan_by},
        }  # fmt: skip

    def _approval_limit(self, campaign: Campaign) -> int:
        """From how many people on the plan that is being edited needs a second person."""
        asked = (self.model.plan.get("approval") or {}).get("from_recipients")
        kept = campaign.plan.approval.from_recipients
        return approval_limit(self.context.settings, asked if isinstance(asked, int) else kept)

    def _undo_until(self, campaign: Campaign) -> datetime | None:
        """Until when a start that was just scheduled can be taken back by one click."""
        if campaign.status != SCHEDULED:
            return None
        until = campaign.updated_at + timedelta(seconds=UNDO_SECONDS)
        return until if until > self.context.now() else None

    def _timeline(self) -> list[dict[str, Any]]:
        """Steps with their moments, as far as they can be told."""
        plan, _ = split(self.model.plan)
        due: dict[str, datetime] = {}
        if plan is not None:
            due = {step.key: due_at(plan, step, self.context.zone, plan.starts_at or self.context.now())
                   for step in plan.steps}  # fmt: skip
        return [{"step": step, "due_at": due.get(step["key"]) if plan and plan.starts_at else None}
                for step in self.model.ordered]  # fmt: skip

    def _render(self, name: str, **values: Any) -> str:
        model = self.model
        zone = ZoneInfo(self._zone())
        return render(
            f"screens/campaigns/{name}.jinja", self.context.now(), self.context.zone, model=model, plan=model.plan,
            campaign=model.campaign, tones=TONES, may=self.caller.may, is_resumed=self.is_resumed, channels=NAMES,
            addable=ADDABLE,
            is_editable=model.campaign.is_editable and self.caller.may("campaigns:write"), user=self.user,
            in_review=model.campaign.status == IN_REVIEW, local=lambda at: _local_field(at, zone),
            placed=lambda place: placed(place, model.steps), zone_name=self._zone(), **values,
        )  # fmt: skip

    def _skeleton(self, lines: int) -> str:
        return render("parts/skeleton.jinja", self.context.now(), self.context.zone, lines=lines)


def _local_field(at: Any, zone: ZoneInfo) -> str:
    """A moment of the plan (UTC) as a field for date and time shows it."""
    if not at:
        return ""
    moment = datetime.fromisoformat(str(at).replace("Z", "")).replace(tzinfo=UTC).astimezone(zone)
    return moment.strftime("%Y-%m-%dT%H:%M")
