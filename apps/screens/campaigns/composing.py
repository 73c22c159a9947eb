"""The view model of the composer: a campaign's plan in the making, what keeps it from running, whom it reaches.

Belongs here: what happens when she edits, undo, the draft on the server, saving and submitting. Stays out: Panel and
HTML (`composer.py`), what a plan means (`dmat/campaigns`). It is tested without a browser. The plan is a document that
may be half done; it is kept as a draft after each edit, and becomes a version of the campaign when it is saved.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import param

from apps.parts.words import refusal
from apps.screens.campaigns.edits import added_step, in_order, moved_step, without_step
from dmat.campaigns.checking import Finding
from dmat.campaigns.plan import as_document
from dmat.campaigns.records import Campaign
from dmat.errors import ConflictError, DmatError, InvalidInputError

STEPS_KEPT = 100
Document = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What was found out about a plan: what is wrong, and whom it would reach (None when that cannot be counted)."""

    serial: int
    findings: tuple[Finding, ...] = ()
    estimate: Any = None

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What keeps it from running."""
        return tuple(finding for finding in self.findings if finding.is_blocking)


class Asked(Protocol):
    """Who looks at plans (`answering.Answering`)."""

    def look(self, document: Document, serial: int) -> Found: ...
    def parse(self, document: Document) -> Any: ...


class Kept(Protocol):
    """Where campaigns and drafts are kept (`keeping.Keeping`)."""

    def update(self, campaign_id: int, **values: Any) -> Campaign: ...
    def act(self, name: str, campaign_id: int, by: str, words: str = "") -> Campaign: ...
    def keep_draft(self, user: str, campaign_id: int, document: Document, version: int) -> Any: ...
    def drop_draft(self, user: str, campaign_id: int) -> None: ...


class Composing(param.Parameterized):
    """A campaign in the making."""

    title = param.String(default="", doc="The campaign's name; `name` belongs to param.")
    plan = param.Dict(default={}, doc="The plan as a document; it may be half done.")
    found = param.ClassSelector(class_=Found, default=None, allow_None=True)
    problem = param.String(default="")
    told = param.String(default="", doc="What was done last.")
    can_undo = param.Boolean(default=False)
    drafted_at = param.Parameter(default=None)
    opened = param.String(default="", doc="Key of the step that was just added.")
    is_busy = param.Boolean(default=False)

    debounce = 0.12

    def __init__(self, asked: Asked, kept: Kept, by: str, campaign: Campaign) -> None:
        self._asked, self._kept, self._by = asked, kept, by
        self._past: list[Document] = []
        self._serial = 0
        self.campaign = campaign
        super().__init__(title=campaign.name, plan=as_document(campaign.plan))

    @property
    def key(self) -> int:
        """The campaign's number."""
        return self.campaign.campaign_id

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return self.plan != as_document(self.campaign.plan) or self.title != self.campaign.name

    @property
    def steps(self) -> Sequence[Document]:
        """Its steps, as the plan names them."""
        return list(self.plan.get("steps", ()))

    @property
    def ordered(self) -> Sequence[Document]:
        """Its steps by time."""
        return in_order(self.steps, self.plan.get("starts_at"))

    def resume(self, document: Document, version: int | None, kept_at: Any) -> bool:
        """Go on with what was not saved; False when that was made on another version."""
        if version != self.campaign.version or "plan" not in document:
            return False
        self.param.update(plan=document["plan"], title=str(document.get("title", self.title)), drafted_at=kept_at)
        return True

    # -- edits ---------------------------------------------------------------------------------------------------

    async def rename(self, title: str) -> None:
        """Change the campaign's name."""
        self.param.update(title=title, problem="", told="")
        await self._keep()

    async def set(self, place: str, value: Any) -> None:
        """Change one place of the plan, as `holdout.share`."""
        *parents, last = place.split(".")

        def change(plan: Document) -> None:
            at = plan
            for name in parents:
                at = at.setdefault(name, {})
            at[last] = value

        await self._edit(change)

    async def edit(self, change: Callable[[Document], Any]) -> None:
        """Change a copy of the plan (see `plan_edits.py`); a rule that was added is opened."""
        known = {rule["key"] for rule in self.plan.get("rules") or ()}

        def changed(plan: Document) -> None:
            change(plan)
            added = [rule["key"] for rule in plan.get("rules") or () if rule["key"] not in known]
            self.opened = f"rule-{added[0]}" if added else self.opened

        await self._edit(changed)

    async def choose_segment(self, key: str, kind: str = "segments") -> None:
        """Take a segment in (`segments`) or leave its people out (`exclude`); again takes it away."""

        def change(plan: Document) -> None:
            audience = plan["audience"]
            chosen = list(audience.get(kind, ()))
            audience[kind] = [each for each in chosen if each != key] if key in chosen else [*chosen, key]
            if kind == "segments" and audience[kind]:
                audience["is_everybody"] = False

        await self._edit(change)

    async def choose_everybody(self, is_everybody: bool) -> None:
        """Everybody, less exclusions; or the segments that are chosen."""
        await self._edit(lambda plan: plan["audience"].update(
            is_everybody=is_everybody, **({"segments": []} if is_everybody else {})
        ))  # fmt: skip

    async def add_step(self, channel: str) -> None:
        """Add a step on a channel, two days after the last one."""
        steps, key = added_step(self.steps, channel)
        self.opened = key
        await self._edit(lambda plan: plan.update(steps=steps))

    async def set_step(self, key: str, place: str, value: Any) -> None:
        """Change one place of a step, as `template` or `banner.headline`."""

        def change(plan: Document) -> None:
            step = next((each for each in plan["steps"] if each["key"] == key), None)
            if step is None:
                return
            *parents, last = place.split(".")
            at = step
            for name in parents:
                at[name] = at.get(name) or {}
                at = at[name]
            at[last] = value
            if place in {"day", "time", "clock"}:
                step["at"] = None

        await self._edit(change)

    async def move_step(self, key: str, by: int) -> None:
        """Let a step change places with the one before or after it; each place keeps its day and time."""
        await self._edit(lambda plan: plan.update(steps=moved_step(plan["steps"], key, by, plan.get("starts_at"))))

    async def remove_step(self, key: str) -> None:
        """Take a step away; undo brings it back."""
        await self._edit(lambda plan: plan.update(steps=without_step(plan["steps"], key)))
        self.told = "The step is gone. Undo brings it back."

    async def undo(self) -> None:
        """One step back."""
        if self._past:
            self.param.update(plan=self._past.pop(), told="", problem="", can_undo=bool(self._past))
            await self.refresh(0)

    async def _edit(self, change: Callable[[Document], Any]) -> None:
        plan = copy.deepcopy(self.plan)
        change(plan)
        if plan == self.plan:
            return
        self._past = [*self._past[1 - STEPS_KEPT :], self.plan]
        self.param.update(plan=plan, problem="", told="", can_undo=True)
        await self.refresh()

    # -- answers -------------------------------------------------------------------------------------------------

    async def refresh(self, delay: float | None = None) -> None:
        """Check and count the plan as it is, unless a newer edit comes first; then keep the draft."""
        self._serial += 1
        mine = self._serial
        self.is_busy = True
        await asyncio.sleep(self.debounce if delay is None else delay)
        if mine != self._serial:
            return
        await self._keep()
        found = await asyncio.to_thread(self._asked.look, self.plan, mine)
        if mine == self._serial:
            self.param.update(found=found, is_busy=False)

    async def _keep(self) -> None:
        if self.is_changed:
            kept = {"plan": self.plan, "title": self.title}
            draft = await asyncio.to_thread(self._kept.keep_draft, self._by, self.key, kept, self.campaign.version)
            self.drafted_at = draft.updated_at

    # -- saving and what comes after -------------------------------------------------------------------------------

    async def save(self, note: str = "") -> bool:
        """Keep the plan as a new version; False when it could not be, with the reason in `problem`."""
        if not self.title.strip():
            self.problem = "Give the campaign a name first."
            return False
        return await self._try(lambda: self._save(note), "Saved.")

    def _save(self, note: str) -> Campaign:
        plan = self._asked.parse(self.plan)
        saved = self._kept.update(
            self.key, by=self._by, plan=plan, note=note, expected_version=self.campaign.version, name=self.title
        )
        self._kept.drop_draft(self._by, self.key)
        return saved

    async def act(self, name: str, words: str = "") -> bool:
        """Submit, approve, refuse, unschedule, start ... the saved plan; what was not saved is saved first."""
        if self.is_changed and not await self.save():
            return False
        return await self._try(lambda: self._kept.act(name, self.key, self._by, words), "")

    async def _try(self, do: Callable[[], Campaign], told: str) -> bool:
        try:
            campaign = await asyncio.to_thread(do)
        except ConflictError as error:
            self.problem = refusal(error)
        except InvalidInputError as error:
            self.problem = f"{placed(error.field, self.steps)}: {error.problem}."
        except DmatError as error:
            self.problem = f"{error}."
        else:
            self.campaign = campaign
            self.param.update(plan=as_document(campaign.plan), problem="", told=told, drafted_at=None)
            return True
        return False

    async def drop_draft(self) -> None:
        """Forget what was not saved."""
        await asyncio.to_thread(self._kept.drop_draft, self._by, self.key)
        self._past = []
        self.param.update(plan=as_document(self.campaign.plan), title=self.campaign.name, drafted_at=None,
                          can_undo=False)  # fmt: skip
        await self.refresh(0)


def placed(place: str, steps: Sequence[Document]) -> str:
    """A place of the plan in words: steps[1].template -> the name of the second step, template."""
    if place.startswith("steps["):
        number, _, rest = place[6:].partition("]")
        if number.isdigit() and int(number) < len(steps):
            step = steps[int(number)]
            what = "who it is for" if rest.startswith(".audience") else rest.strip(".").replace("_", " ")
            return f"{step.get('name') or 'Step ' + str(int(number) + 1)}{', ' + what if what else ''}"
    if place.startswith("rules["):
        number, _, rest = place[6:].partition("]")
        return f"Coordination rule {int(number) + 1 if number.isdigit() else ''}, {_last_word(rest)}"
    words = place.replace("_", " ").replace(".", ", ")
    return f"{words[:1].upper()}{words[1:]}"


def _last_word(place: str) -> str:
    return place.rpartition(".")[2].replace("_", " ") or "the rule"
