"""Layout of versions and effect: what changed when, who is inside which version, moving them, lift over the held out.

Belongs here: which block shows what, and what a click does. Stays out: moving (`dmat/journeys/moving.py`), what differs
(`changes.py`), counting the effect (`dbt/models/marts/journeys`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.render import render
from apps.screens.journeys import wording
from apps.screens.journeys.changes import Change, changes
from apps.screens.journeys.desk import JourneyDesk
from apps.screens.journeys.effect import effect_of, effect_words, is_enough
from apps.screens.journeys.graph import steps_of
from apps.screens.journeys.judging import sentence
from apps.screens.journeys.keeping import SEND
from apps.screens.journeys.numbers import Numbers, counting_of
from dmat.errors import DmatError
from dmat.journeys.definition import as_document
from dmat.journeys.lift import Lift
from dmat.journeys.moving import MovePreview, move, preview_move
from dmat.journeys.records import Journey, JourneyVersion
from dmat.store.access import caller_of_user
from dmat.store.users import User


class VersionsScreen(pn.viewable.Viewer):
    """Versions and effect of one journey, for one reader."""

    def __init__(self, context: Context, user: User, desk: JourneyDesk, journey: Journey) -> None:
        super().__init__()
        self.context, self.user, self.desk, self.journey = context, user, desk, journey
        self.caller = caller_of_user(user)
        self.places: dict[str, str] = {}
        self.preview: MovePreview | None = None
        self.effect: Lift | None = None
        self.numbers = Numbers()
        self.problem = self.told = ""
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head = Block(self._render("frame"), **acts)
        self.body = Block(render("parts/skeleton.jinja", context.now(), context.zone, lines=10), **acts)

    def __panel__(self) -> Any:
        """The layout, made once."""
        return pmui.Column(self.head, self.body, sx={"gap": "16px"}, margin=0, sizing_mode="stretch_width")

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Read it all again; the returned function shows it."""
        self._read()
        return self._show

    def _read(self) -> None:
        self.journey = self.desk.library.get(self.journey.key)
        self.numbers = counting_of(self.context).of(self.journey)
        self.effect = effect_of(self.desk, self.journey)
        older = [version for version in self.numbers.by_version if version != self.journey.live_version]
        self.preview = None
        if older and self.journey.live_version:
            try:
                self.preview = preview_move(self.desk.source, self.journey.key, self.places)
            except DmatError as error:
                self.problem = sentence(str(error))

    async def _on_action(self, name: str, value: Any) -> None:
        if not self.caller.may(SEND):
            return
        if name == "place" and isinstance(value, dict):
            step, to = str(value.get("of", ""))[:60], str(value.get("value", ""))[:60]
            self.places = {**self.places, step: to} if to else {k: v for k, v in self.places.items() if k != step}
        elif name == "move":
            words = str(value.get("words") or "")[:500] if isinstance(value, dict) else ""
            await self._move(words)
        else:
            return
        await asyncio.to_thread(self._read)
        self._show()

    async def _move(self, words: str) -> None:
        try:
            done = await asyncio.to_thread(
                move, self.desk.source, self.journey.key, self.user.email, self.places, (), words
            )
        except DmatError as error:
            self.problem, self.told = sentence(str(error)), ""
        else:
            left = f", {done.left:,} of them left the journey" if done.left else ""
            self.problem, self.told = "", f"{done.count:,} people are on version {done.to_version} now{left}."
            self.places = {}

    def _show(self) -> None:
        self.head.html = self._render("frame")
        self.body.html = self._render("versions")

    def _told(self) -> list[tuple[JourneyVersion, list[Change]]]:
        """Each version with what was otherwise in it than in the one before."""
        found, names = [], self._names()
        versions = self.desk.library.versions(self.journey.key)
        for one, before in zip(versions, [*versions[1:], None], strict=True):
            different = changes(as_document(before.definition), as_document(one.definition), names) if before else []
            found.append((one, different))
        return found

    def _names(self) -> dict[str, str]:
        known, found = self.desk.known(), dict[str, str]()
        for version in reversed(self.desk.library.versions(self.journey.key)):
            plan = as_document(version.definition)
            found |= {step["key"]: wording.title_of(step, known.template_names) for step in steps_of(plan)}
        return {**{f"event:{key}": name for key, name in known.events.items()}, **known.segments, **found}

    def _render(self, name: str) -> str:
        is_body = name == "versions"
        live = self.desk.library.version(self.journey.key, self.journey.live_version or 0)
        return render(
            f"screens/journeys/{name}.jinja", self.context.now(), self.context.zone, journey=self.journey,
            view="versions", wording=wording, has_run=self.journey.started_at is not None, may=self.caller.may,
            versions=self._told() if is_body else [], numbers=self.numbers, preview=self.preview, places=self.places,
            names=self._names() if is_body else {}, problem=self.problem, told=self.told, effect=self.effect,
            effect_words=effect_words, is_enough=is_enough,
            targets=[step.key for step in live.definition.steps], goal=live.definition.goal,
        )  # fmt: skip
