"""The view model of the canvas: a journey in the making, what is chosen, what is wrong with it.

Belongs here: what happens when she edits, undo and redo, the draft on the server, saving and switching on. Stays
out: Panel and HTML (`builder.py`), what an edit does (`edits.py`). It is tested without a browser. The plan may be half
done; it is kept as a draft after each edit, and becomes a version of the journey when it is saved.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Collection
from typing import Any, Protocol

import param

from apps.screens.journeys import edits, offering
from apps.screens.journeys.graph import START, Document, compact, step_of, ways_from
from apps.screens.journeys.judging import SETTINGS, Judged, sentence
from dmat.errors import DmatError, InvalidInputError

STEPS_KEPT = 100
NEW = ""


class Asked(Protocol):
    """Who looks at journeys in the making (`judging.Judging`)."""

    def look(self, plan: Document, serial: int) -> Judged: ...


class Kept(Protocol):
    """Where journeys and drafts are kept (`keeping.Keeping`)."""

    def save(self, key: str, plan: Document, by: str, version: int | None) -> Any: ...
    def act(self, name: str, key: str, by: str, words: str = "") -> Any: ...
    def keep_draft(self, user: str, key: str, plan: Document, version: int | None) -> Any: ...
    def drop_draft(self, user: str, key: str) -> None: ...


class Building(param.Parameterized):
    """A journey in the making."""

    plan = param.Dict(default={}, doc="The explicit plan; it may be half done.")
    chosen = param.String(default=SETTINGS, doc="Key of the step in the inspector; empty: the start.")
    adding = param.Parameter(default=None, doc="(step, place) of the way into which something is put, or None.")
    moving = param.String(default="", doc="Key of the step that is being taken elsewhere.")
    judged = param.ClassSelector(class_=Judged, default=None, allow_None=True)
    problem = param.String(default="")
    told = param.String(default="", doc="What was done last.")
    drafted_at = param.Parameter(default=None)

    debounce = 0.15

    def __init__(
        self, asked: Asked, kept: Kept, by: str, plan: Document, key: str = NEW, version: int | None = None,
        taken: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._asked, self._kept, self._by = asked, kept, by
        self._past: list[Document] = []
        self._future: list[Document] = []
        self._serial = 0
        self.key, self.version, self.taken = key, version, set(taken)
        self.saved = copy.deepcopy(plan) if key else None
        self.first = copy.deepcopy(plan)
        super().__init__(plan=copy.deepcopy(plan))

    @property
    def is_new(self) -> bool:
        """Whether it was never saved."""
        return self.key == NEW

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return self.saved is None or compact(self.plan) != compact(self.saved)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether an edit was taken back."""
        return bool(self._future)

    @property
    def step(self) -> Document | None:
        """The step in the inspector."""
        return step_of(self.plan, self.chosen) if self.chosen not in (START, SETTINGS) else None

    def resume(self, plan: Document, version: int | None, kept_at: Any) -> bool:
        """Go on with what was not saved; False when that was made on another version."""
        if version != self.version or "steps" not in plan:
            return False
        self.param.update(plan=plan, drafted_at=kept_at)
        return True

    # -- choosing ------------------------------------------------------------------------------------------------

    def choose(self, key: str) -> None:
        """Show a step in the inspector; what is not there shows the settings."""
        is_there = key in (START, SETTINGS) or step_of(self.plan, key) is not None
        self.param.update(chosen=key if is_there else SETTINGS, adding=None, moving="", told="")

    def begin_adding(self, key: str, place: str) -> None:
        """Ask what is put into a way."""
        if any(way.place == place for way in ways_from(self.plan, key)):
            self.param.update(adding=(key, place), told="")

    def begin_moving(self, key: str) -> None:
        """Ask where a step is taken."""
        step = step_of(self.plan, key)
        if step is not None and edits.can_move(step):
            self.param.update(moving=key, adding=None, told="")

    def stop(self) -> None:
        """Neither put in nor move."""
        self.param.update(adding=None, moving="")

    # -- edits ---------------------------------------------------------------------------------------------------

    async def add(self, kind: str) -> None:
        """Put a step of a kind into the way that was chosen."""
        if self.adding is None:
            return
        (key, place), new = self.adding, offering.new_step(self.plan, kind, self.taken)
        await self.edit(lambda plan: edits.insert(plan, key, place, new), chosen=str(new["key"]))

    async def drop(self, key: str, place: str) -> None:
        """Take the step that is being moved into a way."""
        moved = self.moving
        if moved:
            await self.edit(lambda plan: edits.move(plan, moved, key, place), chosen=moved)
            self.moving = ""

    async def remove(self, key: str, keep: str = "") -> None:
        """Take a step out."""
        before = len(self.plan["steps"])
        await self.edit(lambda plan: edits.remove(plan, key, keep), chosen=SETTINGS)
        gone = before - len(self.plan["steps"])
        if gone and not self.problem:
            more = f"{gone - 1} more that only it led to" if gone > 2 else "1 more that only it led to"
            self.told = f"The step is gone{', and ' + more if gone > 1 else ''}. Undo brings it back."

    async def duplicate(self, key: str) -> None:
        """A step once more, behind itself."""
        plan, new = edits.duplicated(self.plan, key, self.taken)
        await self.edit(lambda _: plan, chosen=new)

    async def edit(self, change: Callable[[Document], Document], chosen: str | None = None) -> None:
        """Change the plan; the one before can come back by undo."""
        try:
            plan = change(copy.deepcopy(self.plan))
        except InvalidInputError as error:
            self.problem = sentence(error.problem)
            return
        if plan == self.plan:
            return
        before, lost = self.plan, len(self.plan.get("steps", ())) - len(plan.get("steps", ()))
        self._past = [*self._past[1 - STEPS_KEPT :], before]
        self._future = []
        told = f"{lost} steps that nothing leads to any more are gone. Undo brings them back." if lost > 1 else ""
        at = self.chosen if chosen is None else chosen
        is_there = at in (START, SETTINGS) or step_of(plan, at) is not None
        self.param.update(plan=plan, problem="", told=told, adding=None, chosen=at if is_there else SETTINGS)
        await self.refresh()

    async def undo(self) -> None:
        """One step back."""
        if self._past:
            self._future.append(self.plan)
            await self._go_to(self._past.pop())

    async def redo(self) -> None:
        """One step forward again."""
        if self._future:
            self._past.append(self.plan)
            await self._go_to(self._future.pop())

    async def _go_to(self, plan: Document) -> None:
        is_there = self.chosen in (START, SETTINGS) or step_of(plan, self.chosen) is not None
        self.param.update(plan=plan, told="", problem="", adding=None, moving="",
                          chosen=self.chosen if is_there else SETTINGS)  # fmt: skip
        await self.refresh(0)

    # -- answers -------------------------------------------------------------------------------------------------

    async def refresh(self, delay: float | None = None) -> None:
        """Look at the plan as it is, unless a newer edit comes first; then keep the draft."""
        self._serial += 1
        mine = self._serial
        await asyncio.sleep(self.debounce if delay is None else delay)
        if mine != self._serial:
            return
        await self._keep()
        judged = await asyncio.to_thread(self._asked.look, self.plan, mine)
        if mine == self._serial:
            self.judged = judged

    async def _keep(self) -> None:
        if self.is_changed and self.plan != self.first:
            keep = self._kept.keep_draft
            draft = await asyncio.to_thread(keep, self._by, self.key, self.plan, self.version)
            self.drafted_at = draft.updated_at

    # -- saving and switching on -----------------------------------------------------------------------------------

    async def save(self) -> bool:
        """Keep the plan as a version of the journey; False when it could not be, with the reason in `problem`."""
        return await self._try(self._save, "Saved.")

    def _save(self) -> Any:
        made = self._kept.save(self.key, self.plan, self._by, self.version)
        self._kept.drop_draft(self._by, self.key)
        return made

    async def start(self) -> bool:
        """Switch it on; what was not saved is saved first."""
        if self.is_changed and not await self.save():
            return False
        told = "It is live: from now on people come in."
        return await self._try(lambda: self._kept.act("start", self.key, self._by), told)

    async def _try(self, do: Callable[[], Any], told: str) -> bool:
        try:
            made = await asyncio.to_thread(do)
        except InvalidInputError as error:
            self.problem = sentence(error.problem)
        except DmatError as error:
            self.problem = sentence(str(error))
        else:
            self.key, self.version = made.key, made.version
            plan = {**self.plan, "key": made.key}
            self.saved = copy.deepcopy(plan)
            self.param.update(plan=plan, problem="", told=told, drafted_at=None)
            return True
        return False

    async def drop_draft(self) -> None:
        """Forget what was not saved."""
        await asyncio.to_thread(self._kept.drop_draft, self._by, self.key)
        self._past, self._future = [], []
        self.param.update(plan=copy.deepcopy(self.saved or self.first), drafted_at=None, chosen=SETTINGS, told="")
        await self.refresh(0)
