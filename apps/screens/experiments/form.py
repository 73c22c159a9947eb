"""Layout of the form: a test from the idea to the start, what is still missing and what it can find out beside it.

Belongs here: which block shows what, and what a click does. Stays out: what happens on an edit (`forming.py`), looking
at what was typed (`judging.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.campaigns.fields import whole
from apps.screens.experiments import edits, wording
from apps.screens.experiments.desk import TestDesk
from apps.screens.experiments.faults import ITEMS
from apps.screens.experiments.fields import as_typed, read_arm_place, read_place
from apps.screens.experiments.forming import Forming
from apps.screens.experiments.judging import Place, judging_of, ways_of
from apps.screens.experiments.keeping import SEND, WRITE, Keeping
from apps.screens.experiments.patterns import HOURS_OF_A_WEEK, expected_of, factorial_arms
from apps.screens.segments.addressing import leave_for, remember
from dmat.experiments.plan import KINDS
from dmat.experiments.words import about
from dmat.messages.codes import list_pools
from dmat.store.access import caller_of_user
from dmat.store.users import User

_STICKY = {"position": "sticky", "top": "16px"}
Document = dict[str, Any]


class FormScreen(pn.viewable.Viewer):
    """The form of one reader and one test in the making."""

    def __init__(
        self, context: Context, user: User, desk: TestDesk, document: Document, experiment_id: int = 0,
        version: int | None = None, afresh: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.context, self.user, self.desk = context, user, desk
        self.caller = caller_of_user(user)
        self.keeping, self.judging = Keeping(desk.library), judging_of(desk)
        self.model = Forming(self.judging, self.keeping, user.email, document, experiment_id, version)
        kept = None if afresh else self.keeping.find_draft(user.email, experiment_id)
        self.is_resumed = kept is not None and self.model.resume(kept.document, kept.based_on_version, kept.updated_at)
        self.campaigns, self.place = self.judging.campaigns(), self.judging.place_of(self.model.plan)
        self.journeys = self.judging.journeys()
        self.templates = desk.campaigns.templates.list()
        with context.store.read() as connection:
            self.pools = list_pools(connection)
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.idea, self.variants = Block(**acts), Block(**acts), Block(**acts)
        self.rest, self.side = Block(**acts), Block(self._skeleton(7), **acts)
        self._show_all()
        self._watch()

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        left = pmui.Column(self.idea, self.variants, self.rest, sx={"gap": "16px"}, **wide)
        columns = pmui.Grid(
            pmui.Grid(left, size={"xs": 12, "lg": 8.2}),
            pmui.Grid(self.side, size={"xs": 12, "lg": 3.8}, styles=_STICKY),
            container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(self.head, columns, sx={"gap": "16px"}, **wide)

    def _watch(self) -> None:
        model = self.model
        model.param.watch(lambda *_: self._show_plan(), "plan")
        model.param.watch(lambda *_: self._show_found(), "found")
        model.param.watch(lambda *_: self._show_head(), ["problem", "told", "drafted_at", "can_undo"])
        model.param.watch(lambda *_: self._stay(), "drafted_at")

    def _stay(self) -> None:
        """The address leads back to what was not saved, also when the server was started anew."""
        if self.model.is_new and self.model.drafted_at:
            remember({"new": "draft"})

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Look again at what is there, with the newest data."""
        found = self.judging.look(self.model.plan, -1, self.model.experiment_id)

        def show() -> None:
            self.model.found = found
            self._show_found()

        return show

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_action(self, name: str, value: Any) -> None:
        if not self.caller.may(WRITE):
            return
        if name == "gets" and isinstance(value, dict):
            await self._edit(name, str(value.get("of", ""))[:200])
        elif name in {"set", "arm"} and isinstance(value, dict):
            await self._set(name, str(value.get("of", "")), value.get("value"))
        elif name in {"save", "start", "afresh", "delete", "copy"}:
            await self._keep(name)
        else:
            await self._edit(name, str(value or "")[:200])

    async def _set(self, name: str, place: str, value: Any) -> None:
        if name == "arm":
            key, _, rest = place.partition("|")
            known, read = read_arm_place(rest, value)
            if known:
                await self.model.edit(lambda plan: edits.set_arm(plan, key, rest, read))
            return
        if place == "where":
            await self._move(str(value or "")[:100])
            return
        if place == "step" and self.place.journey is not None:
            ways = ways_of(self.place.journey, str(value or ""))
            await self.model.edit(lambda plan: edits.at_split(plan, str(value or "")[:60], ways))
            return
        known, read = read_place(place, value, str(self.model.plan["primary"]))
        if known:
            await self.model.set(place, read)

    async def _move(self, where: str) -> None:
        """To a campaign (its number) or a journey (`journey:` and its key)."""
        journey = where.removeprefix("journey:") if where.startswith("journey:") else ""
        if not journey:
            await self.model.set("campaign_id", whole(where))
            return
        await self.model.edit(lambda plan: edits.in_journey(plan, journey))
        found = self.judging.place_of(self.model.plan).journey
        if found is not None and len(found.splits) == 1:
            only = next(iter(found.splits))
            await self.model.edit(lambda plan: edits.at_split(plan, only, ways_of(found, only)))

    async def _edit(self, name: str, text: str) -> None:
        model = self.model
        if name == "kind" and text in KINDS:
            await model.edit(lambda plan: _of_kind(plan, text))
        elif name == "guardrail":
            await model.edit(lambda plan: _toggled_guardrail(plan, text))
        elif name == "gets":
            arm, _, step = text.partition("|")
            await model.edit(lambda plan: edits.toggled_step(plan, arm, step))
        elif name == "add-arm":
            await model.edit(edits.with_arm)
        elif name == "remove-arm":
            await model.edit(lambda plan: edits.without_arm(plan, text))
            model.told = "The variant is gone. Undo brings it back."
        elif name == "even":
            await model.edit(edits.even)
        elif name == "undo":
            await model.undo()

    async def _keep(self, name: str) -> None:
        model, before = self.model, self.model.experiment_id
        if name == "save" and await model.save() and before != model.experiment_id:
            remember({"id": str(model.experiment_id)})
            await model.refresh(0)
        elif name == "start" and self.caller.may(SEND):
            if await model.start():
                leave_for(f"/experiments?id={model.experiment_id}")
        elif name == "afresh":
            await model.drop_draft()
            self.is_resumed = False
            self._show_all()
        elif name == "copy" and before:
            made = await asyncio.to_thread(self.desk.library.duplicate, before, self.user.email)
            leave_for(f"/experiments?id={made.experiment_id}")
        elif name == "delete":
            await asyncio.to_thread(self._delete)
            leave_for("/experiments")
        self._show_head()

    def _delete(self) -> None:
        self.keeping.drop_draft(self.user.email, self.model.experiment_id)
        if self.model.experiment_id:
            self.desk.library.delete(self.model.experiment_id, self.user.email)

    # -- what is shown -------------------------------------------------------------------------------------------

    def _show_all(self) -> None:
        self._show_plan()
        if self.model.found is not None:
            self._show_found()

    def _show_plan(self) -> None:
        self.place = self.judging.place_of(self.model.plan)
        self._show_head()
        self.idea.html = self._render(
            "form_idea", campaigns=self.campaigns, journeys=self.journeys, expected=expected_of(self.model.plan["kind"])
        )
        self._show_variants()
        self.rest.html = self._render("form_rest")

    def _show_variants(self) -> None:
        looks: Mapping[str, Any] = self.model.found.previews if self.model.found else {}
        self.variants.html = self._render("form_variants", looks=looks, templates=self._fitting(), pools=self.pools)

    def _show_found(self) -> None:
        self._show_variants()
        self.side.html = self._render("form_side", items=ITEMS, about=about)
        self._show_head()

    def _show_head(self) -> None:
        self.head.html = self._render("form_head")

    def _fitting(self) -> list[Any]:
        channel = self.place.step.channel if self.place.step else ""
        return [each for each in self.templates if not channel or each.channel == channel]

    def _render(self, name: str, **values: Any) -> str:
        model = self.model
        place: Place = self.place
        return render(
            f"screens/experiments/{name}.jinja", self.context.now(), self.context.zone, model=model, plan=model.plan,
            place=place, found=model.found, may=self.caller.may, is_resumed=self.is_resumed, wording=wording,
            kinds=wording.KIND_WORDS, places=self._places(), as_typed=as_typed,
            is_editable=self.caller.may(WRITE), most_arms=edits.MOST_ARMS, **values,
        )  # fmt: skip

    def _places(self) -> tuple[str, ...]:
        """What the variants may have of their own; inside a journey its ways say what differs."""
        plan = self.model.plan
        return () if plan.get("journey") else edits.OF_KIND.get(str(plan["kind"]), ())

    def _skeleton(self, lines: int) -> str:
        return render("parts/skeleton.jinja", self.context.now(), self.context.zone, lines=lines)


def _of_kind(plan: Document, kind: str) -> Document:
    made = edits.of_kind(plan, kind)
    if kind == "factorial" and len(made["arms"]) != 4:
        made["arms"] = factorial_arms({"subject": ("plain", "bold"), "message": ("short", "long")})
    if kind == "factorial" and made.get("journey"):
        made |= {"journey": "", "step": ""}
    if kind == "landing_page":
        made |= {"campaign_id": None, "journey": "", "step": "", "primary": "form_completion", "test_share": 1.0,
                 "guardrails": [], "duration_hours": made.get("duration_hours") or HOURS_OF_A_WEEK}  # fmt: skip
    elif made.get("primary") == "form_completion":
        made["primary"] = "click"
    return made


def _toggled_guardrail(plan: Document, key: str) -> Document:
    listed = list(plan.get("guardrails", ()))
    if key in wording.GUARDS:
        plan["guardrails"] = [each for each in listed if each != key] if key in listed else [*listed, key]
    return plan
