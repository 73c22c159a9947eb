"""The view model of the form: a test in the making, what is missing, and what so many people can find out.

Belongs here: what happens when she edits, undo, the draft on the server, saving and starting. Stays out: Panel and HTML
(`form.py`), what a plan means (`dmat/experiments`). It is tested without a browser. The plan is a document that may be
half done; it is kept as a draft after each edit, and becomes a version of the test when it is saved.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import param

from apps.screens.experiments import edits
from dmat.errors import ConflictError, DmatError, InvalidInputError

STEPS_KEPT = 100
NEW = 0
Document = dict[str, Any]


@dataclass(frozen=True)
class Missing:
    """Something without which the test cannot start: under which card it belongs, and what to do."""

    item: str
    what: str
    is_blocking: bool = True


@dataclass(frozen=True)
class Power:
    """What so many people can find out before the start.

    Attributes:
        audience: people whom the step would reach; None when nobody can say.
        tested: of these in the test.
        smallest_arm: people in the smallest arm.
        baseline: the usual value of the measure; None when there is no history.
        basis: where the usual value comes from, in words.
        detectable: the smallest difference that is found with the plan's chance; None when it cannot be said.
        chance: the chance to find the difference worth finding.
        needed: people per arm for that difference.
        sentences: the same in words, most important first.
        days: how long until so many people come by (landing pages).
    """

    audience: int | None = None
    tested: int | None = None
    smallest_arm: int | None = None
    baseline: float | None = None
    basis: str = ""
    detectable: float | None = None
    wanted: float | None = None
    chance: float | None = None
    needed: int | None = None
    sentences: tuple[str, ...] = ()
    days: float | None = None


@dataclass(frozen=True)
class Found:
    """What was found out about a test in the making."""

    serial: int
    missing: tuple[Missing, ...] = ()
    power: Power = Power()
    previews: Mapping[str, Any] = field(default_factory=dict)

    @property
    def blocking(self) -> tuple[Missing, ...]:
        """What keeps it from starting."""
        return tuple(each for each in self.missing if each.is_blocking)


class Asked(Protocol):
    """Who looks at tests in the making (`judging.Judging`)."""

    def look(self, document: Document, serial: int, experiment_id: int = NEW) -> Found: ...


class Kept(Protocol):
    """Where tests and drafts are kept (`keeping.Keeping`)."""

    def save(self, experiment_id: int, document: Document, by: str, version: int | None) -> Any: ...
    def start(self, experiment_id: int, by: str) -> Any: ...
    def keep_draft(self, user: str, experiment_id: int, document: Document, version: int | None) -> Any: ...
    def drop_draft(self, user: str, experiment_id: int) -> None: ...


class Forming(param.Parameterized):
    """A test in the making."""

    plan = param.Dict(default={}, doc="The plan as a document; it may be half done.")
    found = param.ClassSelector(class_=Found, default=None, allow_None=True)
    problem = param.String(default="")
    told = param.String(default="", doc="What was done last.")
    can_undo = param.Boolean(default=False)
    drafted_at = param.Parameter(default=None)
    is_busy = param.Boolean(default=False)

    debounce = 0.15

    def __init__(
        self,
        asked: Asked,
        kept: Kept,
        by: str,
        document: Document,
        experiment_id: int = NEW,
        version: int | None = None,
    ) -> None:
        self._asked, self._kept, self._by = asked, kept, by
        self._past: list[Document] = []
        self._serial = 0
        self.experiment_id, self.version = experiment_id, version
        self.saved = copy.deepcopy(document) if experiment_id else None
        self.first = copy.deepcopy(document)
        super().__init__(plan=copy.deepcopy(document))

    @property
    def is_new(self) -> bool:
        """Whether it was never saved."""
        return self.experiment_id == NEW

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return self.plan != self.saved

    @property
    def arms(self) -> Sequence[Document]:
        """Its variants."""
        return list(self.plan.get("arms", ()))

    @property
    def control(self) -> str:
        """The variant that the others are compared with."""
        return str(self.plan.get("control") or (self.arms[0]["key"] if self.arms else ""))

    def resume(self, document: Document, version: int | None, kept_at: Any) -> bool:
        """Go on with what was not saved; False when that was made on another version."""
        if version != self.version or "arms" not in document:
            return False
        self.param.update(plan=document, drafted_at=kept_at)
        return True

    # -- edits ---------------------------------------------------------------------------------------------------

    async def set(self, place: str, value: Any) -> None:
        """Change one place of the plan, as `rule.auto`."""
        if place == "campaign_id":
            await self.edit(lambda plan: edits.in_campaign(plan, value))
        else:
            await self.edit(lambda plan: edits.set_place(plan, place, value))

    async def edit(self, change: Callable[[Document], Document]) -> None:
        """Change the document; the one before can come back by undo."""
        plan = change(copy.deepcopy(self.plan))
        if plan == self.plan:
            return
        self._past = [*self._past[1 - STEPS_KEPT :], self.plan]
        self.param.update(plan=plan, problem="", told="", can_undo=True)
        await self.refresh()

    async def undo(self) -> None:
        """One step back."""
        if self._past:
            self.param.update(plan=self._past.pop(), told="", problem="", can_undo=bool(self._past))
            await self.refresh(0)

    # -- answers -------------------------------------------------------------------------------------------------

    async def refresh(self, delay: float | None = None) -> None:
        """Look at the document as it is, unless a newer edit comes first; then keep the draft."""
        self._serial += 1
        mine = self._serial
        self.is_busy = True
        await asyncio.sleep(self.debounce if delay is None else delay)
        if mine != self._serial:
            return
        await self._keep()
        found = await asyncio.to_thread(self._asked.look, self.plan, mine, self.experiment_id)
        if mine == self._serial:
            self.param.update(found=found, is_busy=False)

    async def _keep(self) -> None:
        if self.is_changed and self.plan != self.first:
            keep = self._kept.keep_draft
            draft = await asyncio.to_thread(keep, self._by, self.experiment_id, self.plan, self.version)
            self.drafted_at = draft.updated_at

    # -- saving and starting ---------------------------------------------------------------------------------------

    async def save(self) -> bool:
        """Keep the plan as a version of the test; False when it could not be, with the reason in `problem`."""
        return await self._try(self._save, "Saved.")

    def _save(self) -> Any:
        made = self._kept.save(self.experiment_id, self.plan, self._by, self.version)
        self._kept.drop_draft(self._by, self.experiment_id)
        return made

    async def start(self) -> bool:
        """Fix the plan and begin; what was not saved is saved first."""
        if self.is_changed and not await self.save():
            return False
        return await self._try(lambda: self._kept.start(self.experiment_id, self._by), "")

    async def _try(self, do: Callable[[], Any], told: str) -> bool:
        try:
            made = await asyncio.to_thread(do)
        except InvalidInputError as error:
            self.problem = in_words(error, self.plan)
        except (ConflictError, DmatError) as error:
            self.problem = sentence(str(error))
        else:
            self.experiment_id, self.version = made.experiment_id, made.version
            self.saved = copy.deepcopy(self.plan)
            self.param.update(problem="", told=told, drafted_at=None)
            return True
        return False

    async def drop_draft(self) -> None:
        """Forget what was not saved."""
        await asyncio.to_thread(self._kept.drop_draft, self._by, self.experiment_id)
        self._past = []
        self.param.update(plan=copy.deepcopy(self.saved or self.first), drafted_at=None, can_undo=False)
        await self.refresh(0)


def sentence(words: str) -> str:
    """Words as a sentence."""
    text = words.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def in_words(error: InvalidInputError, plan: Document) -> str:
    """A fault as a sentence, with the variant's name in place of its number."""
    place, problem = error.field, error.problem + (f" (allowed: {error.allowed})" if error.allowed else "")
    if place.startswith("arms["):
        number, _, rest = place[5:].partition("]")
        arms = plan.get("arms", ())
        if number.isdigit() and int(number) < len(arms):
            arm = arms[int(number)]
            what = rest.strip(".").removeprefix("overrides.").replace("_", " ")
            name = arm.get("name") or arm["key"].upper()
            return f"{name}{', ' + what if what else ''}: {problem}."
    words = place.replace("_", " ").replace(".", ", ")
    return sentence(problem) if words in {"", "plan"} else f"{sentence(words)[:-1]}: {problem}."
