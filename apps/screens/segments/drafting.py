"""The view model of the builder: the rule and the card in the making, undo, answers, the draft on the server, saving.

Belongs here: what happens when she edits. Stays out: Panel and HTML (`builder.py`) and SQL (`answers.py`). It is tested
without a browser. Answers that come after a newer edit are thrown away.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import param

from apps.screens.segments.answers import Answer, Change
from apps.screens.segments.narrowing import Narrow
from dmat.errors import ConflictError, DmatError, InvalidInputError
from dmat.segments.records import Draft, Segment
from dmat.segments.rules import InvalidRuleError, Rule, as_document, parse

EVERYBODY: dict[str, Any] = {"version": 1, "where": {"all": []}}
STEPS_KEPT = 200
CARD = ("title", "kind", "description", "folder", "tags")


class Asked(Protocol):
    """Who answers questions about a rule (`answers.Answers`)."""

    def ask(self, document: dict[str, Any], serial: str, key: str = "", narrow: Narrow | None = None) -> Answer:
        """Count, break down and check a rule in the making."""

    def change(self, before: Rule, after: Rule) -> Change:
        """Who would come and who would go."""


class Kept(Protocol):
    """Where segments and drafts are kept (`dmat.segments.library.Library`)."""

    def create(self, **values: Any) -> Segment: ...
    def update(self, key: str, **values: Any) -> Segment: ...
    def save_draft(
        self, user_email: str, key: str, document: dict[str, Any], based_on_version: int | None
    ) -> Draft: ...
    def drop_draft(self, user_email: str, key: str) -> None: ...
    def used_by(self, key: str) -> Any: ...


@dataclass(frozen=True)
class Review:
    """What saving would do: who comes and goes, and who uses the segment."""

    change: Change
    uses: tuple[str, ...]
    lines: tuple[str, ...] = ()


def text_of(rule: dict[str, Any]) -> str:
    """One text for one rule, to tell whether two are the same."""
    return json.dumps(rule, sort_keys=True)


class Drafting(param.Parameterized):
    """A segment in the making."""

    title = param.String(default="", doc="The segment's name; `name` belongs to param.")
    kind = param.Selector(default="dynamic", objects=["dynamic", "static"])
    description = param.String(default="")
    folder = param.String(default="")
    tags = param.ClassSelector(class_=tuple, default=())
    rule = param.Dict(default=EVERYBODY)
    serial = param.String(default="0", doc="Names the newest edit; answers carry the serial they are for.")
    narrow = param.Parameter(default=None, doc="What the sample is narrowed to: ('country_code', 'DE').")
    answer = param.ClassSelector(class_=Answer, default=None, allow_None=True)
    review = param.ClassSelector(class_=Review, default=None, allow_None=True)
    is_busy = param.Boolean(default=False)
    problem = param.String(default="")
    drafted_at = param.Parameter(default=None)
    can_undo = param.Boolean(default=False)
    can_redo = param.Boolean(default=False)

    debounce = 0.06

    def __init__(self, answers: Asked, library: Kept, by: str, segment: Segment | None = None, **card: Any) -> None:
        self._answers, self._library, self._by = answers, library, by
        self._past: list[dict[str, Any]] = []
        self._future: list[dict[str, Any]] = []
        self._generation = 0
        self.segment = segment
        self.based_on = segment.version if segment else None
        super().__init__(**card)
        self._clean = self._document()

    @property
    def key(self) -> str:
        """The segment's key; empty for one that was never saved."""
        return self.segment.key if self.segment else ""

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return text_of(self._document()) != text_of(self._clean)

    @property
    def has_new_rule(self) -> bool:
        """Whether saving makes a new version of the rule."""
        return text_of(self.rule) != text_of(self._clean["rule"])

    @property
    def is_ready(self) -> bool:
        """Whether the rule could be saved as far as the newest answer knows."""
        return self.answer is not None and not self.answer.faults and self.answer.serial == self.serial

    def _document(self) -> dict[str, Any]:
        return {**self._card(), "tags": list(self.tags), "rule": self.rule}

    def _card(self) -> dict[str, Any]:
        return {_kept_as(name): getattr(self, name) for name in CARD}

    def resume(self, draft: Draft) -> None:
        """Go on where this user stopped; what was saved stays the thing to compare with."""
        document = draft.document
        self.param.update(
            **{name: document[_kept_as(name)] for name in CARD if _kept_as(name) in document and name != "tags"},
            tags=tuple(document.get("tags", ())), rule=document.get("rule", self.rule), drafted_at=draft.updated_at,
        )  # fmt: skip
        self.based_on = draft.based_on_version if self.segment else None

    # -- edits ---------------------------------------------------------------------------------------------------

    async def edit(self, rule: dict[str, Any], serial: str) -> None:
        """The rule as the browser holds it now."""
        if text_of(rule) != text_of(self.rule):
            self._past = [*self._past[1 - STEPS_KEPT :], self.rule]
            self._future = []
        self._put(rule, serial)
        await self.refresh()

    async def write(self, **card: Any) -> None:
        """Change name, kind, description, folder or tags."""
        self.param.update(problem="", **card)
        await self._keep_draft()

    async def undo(self) -> None:
        """One step back."""
        await self._step(self._past, self._future)

    async def redo(self) -> None:
        """One step forward again."""
        await self._step(self._future, self._past)

    async def _step(self, source: list[dict[str, Any]], target: list[dict[str, Any]]) -> None:
        if not source:
            return
        target.append(self.rule)
        self._put(source.pop(), f"s{self._generation + 1}")
        await self.refresh()

    def _put(self, rule: dict[str, Any], serial: str) -> None:
        self.param.update(rule=rule, serial=serial, problem="", review=None,
                          can_undo=bool(self._past), can_redo=bool(self._future))  # fmt: skip

    # -- answers -------------------------------------------------------------------------------------------------

    async def refresh(self, delay: float | None = None) -> None:
        """Ask about the rule as it is, unless a newer edit comes first; then keep the draft."""
        self._generation += 1
        mine = self._generation
        self.is_busy = True
        await asyncio.sleep(self.debounce if delay is None else delay)
        if mine != self._generation:
            return
        try:
            answer = await asyncio.to_thread(self._answers.ask, self.rule, self.serial, self.key, self.narrow)
        except DmatError as error:
            if mine == self._generation:
                self.param.update(problem=str(error), is_busy=False)
            return
        if mine == self._generation:
            self.param.update(answer=answer, is_busy=False)
            await self._keep_draft()

    async def narrow_to(self, chosen: Narrow | None) -> None:
        """Show people of one kind in the sample; the same kind again, or none, shows everybody."""
        self.narrow = None if self.narrow == chosen else chosen
        await self.refresh(0)

    async def _keep_draft(self) -> None:
        if not self.is_changed:
            return
        save: Callable[..., Draft] = self._library.save_draft
        draft = await asyncio.to_thread(save, self._by, self.key, self._document(), self.based_on)
        self.drafted_at = draft.updated_at

    # -- saving --------------------------------------------------------------------------------------------------

    def _checked(self) -> Rule | None:
        if not self.title.strip():
            self.problem = "Give the segment a name first."
            return None
        try:
            return parse(self.rule)
        except InvalidRuleError as error:
            self.problem = f"{_lines(len(error.faults))} not finished. Finish or remove what is marked."
            return None

    async def look(self) -> bool:
        """Before saving a changed rule: who would come and go. False when there is nothing to look at."""
        rule = self._checked()
        if rule is None or self.segment is None:
            return False
        change = await asyncio.to_thread(self._answers.change, self.segment.rule, rule)
        uses = await asyncio.to_thread(self._library.used_by, self.key)
        self.review = Review(change, tuple(str(use) for use in uses))
        return True

    async def save(self, note: str = "") -> Segment | None:
        """Save it; None when it could not be, with the reason in `problem`."""
        rule = self._checked()
        if rule is None:
            return None
        card = self._card()
        try:
            saved = await asyncio.to_thread(self._save, rule, note, card)
        except InvalidRuleError as error:
            open_lines = self.answer.left_out if self.answer else ()
            self.problem = (
                f"{_lines(len(open_lines))} not finished. Finish or remove what is marked."
                if open_lines
                else f"{_lines(len(error.faults))} not right yet: {error.faults[0].what}."
            )
        except ConflictError:
            self.problem = (
                "Somebody else changed this segment meanwhile. Open it in another tab to compare, then save again."
            )
            self.based_on = None
        except InvalidInputError as error:
            self.problem = f"{error.field.capitalize()}: {error.problem}."
        else:
            self._saved(saved)
            return saved
        return None

    def _save(self, rule: Rule, note: str, card: dict[str, Any]) -> Segment:
        if self.segment is None:
            saved = self._library.create(rule=rule, by=self._by, note=note, **card)
        else:
            expected = self.segment.mark if self.based_on is not None else ""
            saved = self._library.update(self.key, rule=rule, by=self._by, note=note, expected=expected,
                                         expected_version=self.based_on, **card)  # fmt: skip
        self._library.drop_draft(self._by, self.key)
        return saved

    def _saved(self, saved: Segment) -> None:
        self.segment, self.based_on, self._clean = saved, saved.version, self._document()
        self.param.update(problem="", review=None, drafted_at=None)

    async def drop_draft(self) -> None:
        """Forget what was not saved; an answer that is still to come does not keep it again."""
        self._generation += 1
        self.is_busy = False
        await asyncio.to_thread(self._library.drop_draft, self._by, self.key)
        self.drafted_at = None


def _lines(count: int) -> str:
    return "One line is" if count == 1 else f"{count} lines are"


def opened(segment: Segment) -> dict[str, Any]:
    """What the builder of a saved segment begins with."""
    return {**{name: getattr(segment, _kept_as(name)) for name in CARD}, "rule": as_document(segment.rule)}


def _kept_as(name: str) -> str:
    return "name" if name == "title" else name
