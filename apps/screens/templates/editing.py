"""The view model of the editor: a template's content in the making, its checks and preview, its draft, saving it.

Belongs here: what happens when she edits. Stays out: Panel and HTML (`editor.py`), compiling (`answering.py`). It is
tested without a browser. Answers that come after a newer edit are thrown away.
"""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass
from typing import Any, Protocol

import param

from apps.screens.templates.drafts import Draft
from dmat.errors import ConflictError, DmatError, InvalidInputError
from dmat.messages.records import Template

STARTING_VARIABLE = {"type": "text", "source": "", "fallback": ""}


@dataclass(frozen=True)
class Check:
    """One finding: how grave, where, what; with the line where there is one."""

    level: str
    place: str
    what: str
    line: int | None = None
    todo: str = ""


@dataclass(frozen=True)
class Preview:
    """A message as one person would get it."""

    person: str = ""
    from_line: str = ""
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    fallbacks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True)
class Answer:
    """What was found out about a content: checks, and the preview unless it cannot be made."""

    serial: int
    checks: tuple[Check, ...] = ()
    preview: Preview | None = None
    problem: str = ""


class Asked(Protocol):
    """Who looks at a content (`answering.Answering`)."""

    def look(self, template: Template, document: dict[str, Any], locale: str, person_id: str, serial: int) -> Answer:
        """Check it, and show it as one person gets it."""

    def send_test(
        self, template: Template, document: dict[str, Any], locale: str, person_id: str, to: str, by: str
    ) -> str:
        """Send it to one address; says what was done."""


class Kept(Protocol):
    """Where templates are kept (`dmat.messages.library.Templates`)."""

    def get(self, key: str) -> Template: ...
    def update(self, key: str, **values: Any) -> Template: ...
    def version(self, key: str, version: int = 0) -> Template: ...


class Drafted(Protocol):
    """Where drafts are kept (`drafts.Drafts`)."""

    def keep(self, user: str, key: str, document: dict[str, Any], version: int) -> Draft: ...
    def drop(self, user: str, key: str) -> None: ...


class Editing(param.Parameterized):
    """A template in the making."""

    title = param.String(default="", doc="The template's name; `name` belongs to param.")
    document = param.Dict(default={}, doc="The content: variables, locales, blocks.")
    locale = param.String(default="", doc="The language that is edited; empty is the one for everybody.")
    person_id = param.String(default="", doc="As whom it is shown; empty is somebody of whom nothing is known.")
    answer = param.ClassSelector(class_=Answer, default=None, allow_None=True)
    problem = param.String(default="")
    told = param.String(default="", doc="What was done last, for a moment.")
    drafted_at = param.Parameter(default=None)
    is_busy = param.Boolean(default=False)

    debounce = 0.15

    def __init__(self, asked: Asked, library: Kept, drafts: Drafted, by: str, template: Template) -> None:
        self._asked, self._library, self._drafts, self._by = asked, library, drafts, by
        self._serial = 0
        self.template = template
        super().__init__(title=template.name, document=template.content.as_document())

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return self.document != self.template.content.as_document() or self.title != self.template.name

    @property
    def parts(self) -> dict[str, str]:
        """The parts in the language that is edited."""
        return dict(self.document["locales"].get(self.locale, {}))

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages there are, the one for everybody first."""
        return tuple(sorted(self.document["locales"]))

    @property
    def variables(self) -> list[dict[str, Any]]:
        """Declared variables, in order."""
        return list(self.document.get("variables", []))

    @property
    def errors(self) -> int:
        """How many findings keep it from being used."""
        return sum(check.level == "error" for check in self.answer.checks) if self.answer else 0

    def resume(self, draft: Draft) -> bool:
        """Go on where this user stopped; False when the draft is of an older version."""
        if draft.version != self.template.version or "locales" not in draft.document.get("content", {}):
            return False
        self.param.update(document=draft.document["content"], title=draft.document["title"], drafted_at=draft.kept_at)
        return True

    # -- edits ---------------------------------------------------------------------------------------------------

    async def write(self, part: str, text: str) -> None:
        """Change one part in the language that is edited."""
        if self.parts.get(part, "") != text:
            await self._put(lambda document: document["locales"].setdefault(self.locale, {}).update({part: text}))

    async def rename(self, title: str) -> None:
        """Change the template's name."""
        self.param.update(title=title, problem="", told="")
        await self._keep()

    async def declare(self, name: str, **facts: Any) -> None:
        """Add a variable, or change what is known of it."""
        self.problem = ""

        def change(document: dict[str, Any]) -> None:
            listed = document.setdefault("variables", [])
            found = next((each for each in listed if each["name"] == name), None)
            if found is None:
                listed.append({"name": name, **STARTING_VARIABLE, **facts})
            else:
                found.update(facts)

        await self._put(change)

    async def forget(self, name: str) -> None:
        """Take a variable's declaration away."""
        await self._put(
            lambda document: document.update(variables=[each for each in document["variables"] if each["name"] != name])
        )

    async def add_locale(self, locale: str) -> None:
        """Begin another language with what everybody gets."""
        begun = dict(self.document["locales"][""])
        await self._put(lambda document: document["locales"].setdefault(locale, begun), locale=locale)

    async def drop_locale(self) -> None:
        """Take the language that is edited away; the one for everybody stays."""
        gone = self.locale
        if gone:
            await self._put(lambda document: document["locales"].pop(gone, None), locale="")

    async def choose(self, **chosen: str) -> None:
        """Look at another language, or as another person."""
        self.param.update(**chosen)
        await self.refresh(0)

    async def restore(self, version: int) -> None:
        """Put an older version's content into the editor; saving makes it the newest."""
        older = await asyncio.to_thread(self._library.version, self.template.key, version)
        self.told = f"Version {version} is in the editor. Save it to make it the newest."
        await self._put(lambda document: (document.clear(), document.update(older.content.as_document())), locale="")

    async def _put(self, change: Any, **chosen: str) -> None:
        document = copy.deepcopy(self.document)
        change(document)
        self.param.update(document=document, problem="", **chosen)
        await self.refresh()

    # -- answers -------------------------------------------------------------------------------------------------

    async def refresh(self, delay: float | None = None) -> None:
        """Ask about the content as it is, unless a newer edit comes first; then keep the draft."""
        self._serial += 1
        mine = self._serial
        self.is_busy = True
        await asyncio.sleep(self.debounce if delay is None else delay)
        if mine != self._serial:
            return
        answer = await asyncio.to_thread(
            self._asked.look, self.template, self.document, self.locale, self.person_id, mine
        )
        if mine == self._serial:
            self.param.update(answer=answer, is_busy=False)
            await self._keep()

    async def _keep(self) -> None:
        if not self.is_changed:
            return
        kept = {"content": self.document, "title": self.title}
        draft = await asyncio.to_thread(self._drafts.keep, self._by, self.template.key, kept, self.template.version)
        self.drafted_at = draft.kept_at

    # -- saving --------------------------------------------------------------------------------------------------

    async def save(self, note: str = "") -> bool:
        """Keep it as a new version; False when it could not be, with the reason in `problem`."""
        try:
            saved = await asyncio.to_thread(self._save, note)
        except ConflictError:
            self.problem = "Somebody else saved a newer version meanwhile. Load the page anew to see it; yours is kept."
            return False
        except InvalidInputError as error:
            self.problem = f"{error.field}: {error.problem}. Allowed: {error.allowed}."
            return False
        self.template = saved
        self.param.update(problem="", drafted_at=None, told=f"Version {saved.version} is saved.")
        return True

    def _save(self, note: str) -> Template:
        saved = self._library.update(
            self.template.key, by=self._by, note=note, expected_version=self.template.version, content=self.document,
            name=self.title,
        )  # fmt: skip
        self._drafts.drop(self._by, self.template.key)
        return saved

    async def drop_draft(self) -> None:
        """Forget what was not saved."""
        await asyncio.to_thread(self._drafts.drop, self._by, self.template.key)
        self.param.update(document=self.template.content.as_document(), title=self.template.name, drafted_at=None)

    async def send_test(self, to: str) -> None:
        """Send it as it stands to one address."""
        asked = self._asked.send_test, self.template, self.document, self.locale, self.person_id, to, self._by
        try:
            self.param.update(told=await asyncio.to_thread(*asked), problem="")
        except DmatError as error:
            self.problem = f"The test was not sent: {error}."
