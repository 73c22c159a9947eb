"""Layout of the canvas: the journey drawn or as a list, the inspector at its right, saving and switching on above.

Belongs here: which block shows what, and what a click does. Stays out: what happens on an edit (`building.py`), words
(`wording.py`), where things are drawn (`drawing.py`).
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
from apps.screens.journeys import changing, graph, offering, wording
from apps.screens.journeys.building import NEW, Building
from apps.screens.journeys.changes import changes
from apps.screens.journeys.desk import JourneyDesk, Known
from apps.screens.journeys.drawing import draw
from apps.screens.journeys.fields import span_parts
from apps.screens.journeys.judging import SETTINGS, Judging, sentence
from apps.screens.journeys.keeping import SEND, WRITE, Keeping
from apps.screens.journeys.leading import Leading
from apps.screens.journeys.numbers import Numbers, counting_of, on_way
from apps.screens.segments.addressing import asked_for, leave_for, remember
from dmat.errors import DmatError, InvalidInputError
from dmat.journeys.definition import as_document, as_yaml, parse_definition
from dmat.journeys.records import DRAFT, Journey
from dmat.journeys.tag_segments import find_segment_of_tag, make_segment_of_tag
from dmat.store.access import caller_of_user
from dmat.store.users import User

_STICKY = {"position": "sticky", "top": "16px"}
ZOOMS = (1.0, 0.8, 0.6, 0.45)
LIST, CANVAS = "list", "canvas"


class BuilderScreen(pn.viewable.Viewer):
    """The canvas of one reader and one journey."""

    def __init__(
        self, context: Context, user: User, desk: JourneyDesk, plan: graph.Document, journey: Journey | None = None,
        afresh: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.context, self.user, self.desk, self.journey = context, user, desk, journey
        self.caller, self.keeping = caller_of_user(user), Keeping(desk.library)
        self.is_editable = self.caller.may(WRITE) and (journey is None or journey.status != "archived")
        key = journey.key if journey else NEW
        self.judging = Judging(desk)
        self.model = Building(self.judging, self.keeping, user.email, plan, key, journey.version if journey else None,
                              _taken(desk, journey))  # fmt: skip
        kept = None if afresh else self.keeping.find_draft(user.email, key)
        self.is_resumed = kept is not None and self.model.resume(kept.document, kept.based_on_version, kept.updated_at)
        self.known, self.numbers = desk.known(), counting_of(context).of(journey) if journey else Numbers()
        self.leading = Leading(desk, self.keeping, user.email)
        self.view = asked_for("as") or (LIST if pn.state.cookies.get("dmat_narrow") == "1" else CANVAS)
        self.find, self.zoom = "", 0
        self.live_plan = _live_plan(desk, journey)
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.board, self.side = Block(**acts), Block(**acts), Block(**acts)
        self._show_all()
        self._watch()

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        columns = pmui.Grid(
            pmui.Grid(self.board, size={"xs": 12, "lg": 8.3}),
            pmui.Grid(self.side, size={"xs": 12, "lg": 3.7}, styles=_STICKY),
            container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(self.head, columns, sx={"gap": "16px"}, **wide)

    def _watch(self) -> None:
        watch = self.model.param.watch
        watch(lambda *_: self._show_all(), ["plan", "chosen", "adding", "moving", "judged"])
        watch(lambda *_: self._show_head(), ["problem", "told"])
        watch(lambda *_: self._stay(), "drafted_at")

    def _stay(self) -> None:
        """The address leads back to what was not saved, also when the server was started anew."""
        if self.model.is_new and self.model.drafted_at:
            remember({"new": "draft"})
        self._show_head()

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Look again at what is there, with the newest data."""
        plan = self.model.plan
        judged = self.judging.look(plan, -1)
        known = self.desk.known()
        journey = self.desk.library.get(self.model.key) if not self.model.is_new else None
        numbers = counting_of(self.context).of(journey) if journey else Numbers()

        def show() -> None:
            is_same = (numbers, known, journey) == (self.numbers, self.known, self.journey)
            self.numbers, self.known, self.journey = numbers, known, journey
            before = self.model.judged.faults if self.model.judged else None
            if self.model.plan is plan and judged.faults != before:
                self.model.judged = judged  # shows everything anew
            elif not is_same:
                self._show_all()

        return show

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_action(self, name: str, value: Any) -> None:
        if name in {"as", "zoom", "find"}:
            self._look_otherwise(name, str(value or "")[:80])
        elif name == "stop":
            self.leading.shown = ""
            self.model.stop()
            self._show_head()
        elif name == "choose":
            self.model.choose(str(value or ""))
        elif name in {"ask-resume", "resume", "pause", "archive", "start", "ask-start"}:
            await self._lead(name, value)
        elif self.is_editable:
            await changing.change(self, name, value)

    def _look_otherwise(self, name: str, text: str) -> None:
        if name == "as":
            self.view = LIST if text == LIST else CANVAS
            remember(self._address() | {"as": self.view})
        elif name == "zoom":
            self.zoom = max(0, min(len(ZOOMS) - 1, self.zoom + (1 if text == "out" else -1)))
        else:
            self.find = text
        self._show_board()

    def _address(self) -> dict[str, str]:
        return {"id": self.model.key} if self.model.key else {"new": asked_for("new")}

    async def _lead(self, name: str, value: Any) -> None:
        if not self.caller.may(SEND):
            return
        words = str(value.get("words") or "")[:500] if isinstance(value, dict) else ""
        if name == "start":
            await self.model.start()
            self._reload()
        elif name.startswith("ask-"):
            await self.leading.ask(name, self.model)
        else:
            self.model.problem = await self.leading.act(name, self.model.key, words)
            self.model.told = "" if self.model.problem else self.leading.told
            self._reload()
        self._show_head()

    def _reload(self) -> None:
        if not self.model.is_new:
            self.journey = self.desk.library.get(self.model.key)
            self.live_plan = _live_plan(self.desk, self.journey)
        self._show_all()

    async def apply_file(self, text: str) -> None:
        """What was pasted as a file becomes the plan."""
        try:
            definition = self.leading.read_file(text, self.model)
        except InvalidInputError as error:
            self.model.problem = f"{error.field}: {error.problem}."
            return
        await self.model.edit(lambda _: graph.explicit(as_document(definition)))

    async def make_tag_segment(self) -> None:
        """Who has the tag of the chosen step becomes a segment, which follows the tag."""
        if not self.caller.may("segments:write"):
            return
        try:
            made = await asyncio.to_thread(
                make_segment_of_tag, self.desk.desks.segments.library, self._tag, self.user.email
            )
        except DmatError as error:
            self.model.problem = sentence(str(error))
            return
        self.known = self.desk.known()
        self.model.told = f"{made.name} is a segment now: it follows the tag."
        self._show_all()

    @property
    def _tag(self) -> str:
        """The tag that the chosen step gives or takes away; empty for every other step."""
        return str(((self.model.step or {}).get("data") or {}).get("tag") or "")

    def left(self, address: str = "/journeys") -> None:
        """Load another page."""
        leave_for(address)

    # -- what is shown -------------------------------------------------------------------------------------------

    def _show_all(self) -> None:
        self._show_head()
        self._show_board()
        self.side.html = self._render("side", **self._side_values())

    def _show_head(self) -> None:
        different = changes(self.live_plan, graph.compact(self.model.plan), self.names) if self.live_plan else []
        self.head.html = self._render("head", changes=different, leading=self.leading, file=self._file())

    def _file(self) -> str:
        try:
            return as_yaml(parse_definition(graph.compact(self.model.plan)))
        except InvalidInputError:
            return ""

    def _show_board(self) -> None:
        self.board.html = self._render(
            "board" if self.view == CANVAS else "steps", drawing=draw(self.model.plan), scale=ZOOMS[self.zoom],
            zoom=self.zoom, zooms=len(ZOOMS), is_canvas=self.view == CANVAS, find=self.find, on_way=on_way,
            order=graph.in_order(graph.for_templates(self.model.plan)),
            step_of=graph.step_of, ways_from=graph.ways_from, fits=self._fits,
        )  # fmt: skip

    def _fits(self, step: graph.Document) -> bool:
        words = self.find.lower().split()
        text = f"{wording.title_of(step, self.names)} {wording.about_of(step)} {step['key']}".lower()
        return bool(words) and all(word in text for word in words)

    def _side_values(self) -> dict[str, Any]:
        step = self.model.step
        return {
            "step": graph.loose({"values": {}, "data": {}, **step}) if step else None,
            "ways": graph.ways_of(step) if step else [], "offering": offering, "span_parts": span_parts,
            "targets": graph.open_to(self.model.plan, step["key"]) if step else [], "graph": graph,
            "event_choices": self._choices(self.known.events, "do something"),
            "segment_choices": self._choices(self.known.segments, "choose a segment"),
            "code_choices": [("", "none of its own"), *self.known.codes.items()],
            "tag_segment": find_segment_of_tag(self.desk.desks.segments.library, self._tag),
            "sends": [each for each in graph.steps_of(graph.for_templates(self.model.plan)) if each["do"] == "send"],
        }  # fmt: skip

    @staticmethod
    def _choices(named: Mapping[str, str], empty: str) -> Callable[[Any], list[tuple[str, str]]]:
        """Options of a choice; what is chosen and not there any more stays choosable."""

        def options(chosen: Any) -> list[tuple[str, str]]:
            gone = [(str(chosen), f"{wording.plain(chosen)} (not there)")] if chosen and chosen not in named else []
            return [*([] if chosen else [("", f"{empty.capitalize()}…")]), *gone, *named.items()]

        return options

    @property
    def names(self) -> dict[str, str]:
        """Names of segments, templates and steps by their keys."""
        known: Known = self.known
        events = {f"event:{key}": name for key, name in known.events.items()}
        named = {**events, **known.template_names}
        steps = {step["key"]: wording.title_of(step, named) for step in graph.steps_of(self.model.plan)}
        return {**events, **known.segments, **known.template_names, **steps}

    def _render(self, name: str, **values: Any) -> str:
        model = self.model
        return render(
            f"screens/journeys/{name}.jinja", self.context.now(), self.context.zone, model=model,
            plan=graph.for_templates(model.plan),
            journey=self.journey, numbers=self.numbers, known=self.known, names=self.names, wording=wording,
            may=self.caller.may, is_editable=self.is_editable, is_resumed=self.is_resumed, settings=SETTINGS,
            has_run=self.journey is not None and self.journey.started_at is not None, view="build", **values,
        )  # fmt: skip


def _taken(desk: JourneyDesk, journey: Journey | None) -> set[str]:
    """Keys of steps of every version: a step that somebody passed is never another one."""
    if journey is None:
        return set()
    return {step.key for version in desk.library.versions(journey.key) for step in version.definition.steps}


def _live_plan(desk: JourneyDesk, journey: Journey | None) -> graph.Document:
    if journey is None or journey.live_version is None or journey.status == DRAFT:
        return {}
    return as_document(desk.library.version(journey.key, journey.live_version).definition)
