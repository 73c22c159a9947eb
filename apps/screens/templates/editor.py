"""Layout of the editor: the name, the parts, drag and drop or code, the preview, checks, personal values, versions.

Belongs here: which block shows what, and what a click does. Stays out: what happens on an edit (`editing.py`),
compiling and sending (`answering.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from apps.context import Context, Pulse
from apps.parts.block import Block
from apps.parts.mail import MailEditor
from apps.parts.render import render
from apps.screens.segments.addressing import asked_for, leave_for, remember
from apps.screens.segments.members import Person, find_people, find_person
from apps.screens.templates.answering import Answering
from apps.screens.templates.drafts import Drafts
from apps.screens.templates.editing import Editing
from apps.screens.templates.listing import may_write, uses_of
from apps.screens.templates.personal import read_fallback, shown_fallback
from dmat.channels.whatsapp import CATEGORIES
from dmat.errors import DmatError, InvalidInputError
from dmat.messages.library import Templates
from dmat.messages.records import LISTS, PARTS, Template
from dmat.store.access import caller_of_user
from dmat.store.users import User

MODES = ("visual", "code", "preview")
LONG_PARTS = ("text", "body", *LISTS)
CHOICES = {"template_category": CATEGORIES}
LONGEST = 500_000


class EditorScreen(pn.viewable.Viewer):
    """The editor of one reader and one template."""

    def __init__(self, context: Context, user: User, library: Templates, campaigns: Any, template: Template) -> None:
        super().__init__()
        self.context, self.user, self.library, self.campaigns = context, user, library, campaigns
        self.may_write, self.sees_people = may_write(user), caller_of_user(user).may("people:read")
        self.answering, drafts = Answering(context), Drafts(context.store, context.settings.clock)
        self.model = Editing(self.answering, library, drafts, user.email, template)
        kept = drafts.find(user.email, template.key)
        self.is_resumed = kept is not None and self.model.resume(kept)
        self.is_mail = template.channel == "email"
        self.mode = self._first_mode(template)
        self.asked, self.found = "", ()
        self.person: Person | None = None
        self._uses, self._seen = (), False
        self._make_blocks()
        self._watch()

    def _first_mode(self, template: Template) -> str:
        if not self.is_mail or not self.may_write:
            return "preview"
        wanted = asked_for("mode")
        if wanted in MODES:
            return wanted
        is_narrow = pn.state.cookies.get("dmat_narrow") == "1"
        return "preview" if is_narrow else "visual" if template.kind == "mjml" else "code"

    def _make_blocks(self) -> None:
        acts: dict[str, Any] = {"on_action": self._on_action}
        self.head, self.parts, self.values = Block(**acts), Block(**acts), Block(**acts)
        self.checks, self.preview, self.versions = Block(**acts), Block(self._skeleton(8), **acts), Block(**acts)
        self.editor = MailEditor(
            on_action=self._on_editor, source=self._source(), mode=self._editor_mode(),
            label=f"{'MJML' if self.model.template.kind == 'mjml' else 'HTML'} of {self.model.title}",
        )  # fmt: skip
        self._give_blocks()
        self._give_variables()
        self._show_all()

    def _editor_mode(self) -> str:
        return "none" if not self.is_mail or self.mode == "preview" else self.mode

    def __panel__(self) -> Any:
        """The layout, made once."""
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        side = pmui.Column(self.checks, self.values, self.versions, sx={"gap": "16px"}, **wide)
        if not self.is_mail:
            left = pmui.Column(self.parts, self.preview, sx={"gap": "16px"}, **wide)
            columns = pmui.Grid(
                pmui.Grid(left, size={"xs": 12, "lg": 7.6}), pmui.Grid(side, size={"xs": 12, "lg": 4.4}),
                container=True, spacing=2, **wide,
            )  # fmt: skip
            return pmui.Column(self.head, columns, sx={"gap": "16px"}, **wide)
        below = pmui.Grid(
            *(pmui.Grid(part, size={"xs": 12, "lg": 4}) for part in (self.checks, self.values, self.versions)),
            container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(
            self.head, self.parts, self.editor, self.preview, below, sx={"gap": "16px"}, **wide
        )  # fmt: skip

    def _watch(self) -> None:
        model = self.model
        self.editor.param.watch(self._on_source, "source")
        model.param.watch(lambda *_: self._show_answer(), "answer")
        model.param.watch(lambda *_: self._show_head(), ["problem", "told", "drafted_at", "title"])

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """The first call gives the first answer; later ones look who uses it."""
        uses = uses_of(self.campaigns.list()).get(self.model.template.key, ())
        if self._seen:
            return lambda: self._take_uses(uses)
        self._seen = True
        person = self._somebody()
        model = self.model
        answer = self.answering.look(model.template, model.document, model.locale, person.person_id if person else "")

        def show() -> None:
            self.person = person
            model.person_id = person.person_id if person else ""
            self._take_uses(uses)
            model.answer = answer

        return show

    def _somebody(self) -> Person | None:
        """The person of the address, else one of whom something is known."""
        if not self.sees_people or not self.context.version():
            return None
        try:
            asked = find_person(self.context.workspace, asked_for("person"))
            return asked or next(iter(find_people(self.context.workspace, "", 1)), None)
        except DmatError:
            return None

    def _take_uses(self, uses: tuple[Any, ...]) -> None:
        if uses != self._uses or not self.versions.html:
            self._uses = uses
            self._show_versions()

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_source(self, event: Any) -> None:
        source = event.new
        if isinstance(source, dict) and isinstance(source.get("mjml"), str) and self.may_write:
            await self.model.write("body", source["mjml"][:LONGEST])

    async def _on_editor(self, name: str, value: Any) -> None:
        if name == "keep" and self.may_write and isinstance(value, str):
            number = len(self.library.blocks("mjml")) + 1
            key, title = f"block-{number}-{self.model.template.key}"[:60], f"From {self.model.title}, {number}"
            keep = self.library.put_block
            await asyncio.to_thread(
                lambda: keep(key, name=title, kind="mjml", source=value[:100_000], by=self.user.email)
            )
            self._give_blocks()
            self.model.told = f"Kept for your team as “{title}”."

    async def _on_action(self, name: str, value: Any) -> None:
        looks = {"mode": self._set_mode, "locale": self._set_locale, "ask": self._ask, "person": self._set_person,
                 "line": self._go_to, "insert": self._insert}  # fmt: skip
        acts = {"part": self._write, "title": self._rename, "save": self._save, "fallback": self._set_fallback,
                "declare": self._declare, "undeclare": self._undeclare, "add-locale": self._add_locale,
                "drop-locale": self._drop_locale, "restore": self._restore, "test": self._test, "afresh": self._afresh,
                "archive": self._archive, "copy": self._copy}  # fmt: skip
        if name in looks:
            await looks[name](value)
        elif name in acts and self.may_write:
            await acts[name](value)

    async def _set_mode(self, value: Any) -> None:
        if value in MODES:
            self.mode = value
            self.editor.mode = self._editor_mode()
            self._remember()
            self._show_head()
            self._show_preview()

    async def _set_locale(self, value: Any) -> None:
        if value in self.model.locales:
            await self.model.choose(locale=value)
            self._show_locale()

    def _show_locale(self) -> None:
        self.editor.source = self._source()
        self._show_all()

    async def _ask(self, value: Any) -> None:
        if self.sees_people:
            self.asked = str(value or "")[:80]
            self.found = await asyncio.to_thread(find_people, self.context.workspace, self.asked, 6)
            self._show_preview()

    async def _set_person(self, value: Any) -> None:
        if self.sees_people:
            self.person = await asyncio.to_thread(find_person, self.context.workspace, str(value or "0"))
            self.asked, self.found = "", ()
            self._remember()
            await self.model.choose(person_id=self.person.person_id if self.person else "")

    async def _go_to(self, value: Any) -> None:
        await self._set_mode("code")
        self.editor.tell("goto", int(value) if str(value).isdigit() else 1)

    async def _insert(self, value: Any) -> None:
        self.editor.tell("insert", f"{{{{ {str(value)[:60]} }}}}")

    async def _write(self, value: Any) -> None:
        if isinstance(value, dict) and value.get("of") in PARTS[self.model.template.channel]:
            await self.model.write(value["of"], str(value.get("value", ""))[:LONGEST])

    async def _rename(self, value: Any) -> None:
        await self.model.rename(str(value or "")[:200])

    async def _save(self, value: Any) -> None:
        note = str(value.get("note", ""))[:500] if isinstance(value, dict) else ""
        if await self.model.save(note):
            self.is_resumed = False
            self._show_versions()

    async def _set_fallback(self, value: Any) -> None:
        of = value.get("of") if isinstance(value, dict) else None
        found = next((each for each in self.model.variables if each["name"] == of), None)
        if found is not None:
            await self._declared(found["name"], found.get("type", "text"), str(value.get("value", "")))

    async def _declare(self, value: Any) -> None:
        name = str(value.get("name", "")) if isinstance(value, dict) else ""
        offer = next((each for each in self.answering.offered(self.model.variables) if each.name == name), None)
        if offer is not None:
            await self._declared(name, offer.type, str(value.get("fallback", "")), **offer.declared)
            self._give_variables()

    async def _declared(self, name: str, kind: str, typed: str, **facts: Any) -> None:
        """Declare a value with the fallback that was typed, or say what is wrong with that."""
        try:
            fallback = read_fallback(kind, typed)
        except InvalidInputError as error:
            self.model.problem = f"{name.replace('_', ' ').capitalize()}: {error.problem}. {error.allowed}."
        else:
            await self.model.declare(name, **facts, fallback=fallback)
        self._show_values()

    async def _undeclare(self, value: Any) -> None:
        await self.model.forget(str(value))
        self._give_variables()
        self._show_values()

    async def _add_locale(self, value: Any) -> None:
        wanted = str(value.get("locale", "") if isinstance(value, dict) else value).strip()[:12]
        if wanted:
            await self.model.add_locale(wanted)
            self._show_locale()

    async def _drop_locale(self, value: Any) -> None:
        await self.model.drop_locale()
        self._show_locale()

    async def _restore(self, value: Any) -> None:
        await self.model.restore(int(value) if str(value).isdigit() else 0)
        self._show_locale()

    async def _test(self, value: Any) -> None:
        to = str(value.get("to", "") if isinstance(value, dict) else "").strip()[:320]
        await self.model.send_test(to or self.user.email)

    async def _afresh(self, value: Any) -> None:
        await self.model.drop_draft()
        leave_for(f"/templates?id={self.model.template.key}&edit=1")

    async def _archive(self, value: Any) -> None:
        template = self.model.template
        act = self.library.restore if template.state == "archived" else self.library.archive
        await asyncio.to_thread(act, template.key, self.user.email)
        leave_for("/templates")

    async def _copy(self, value: Any) -> None:
        made = await asyncio.to_thread(self.library.duplicate, self.model.template.key, self.user.email)
        leave_for(f"/templates?id={made.key}&edit=1")

    def _remember(self) -> None:
        person = self.person.person_id if self.person else ""
        remember({"id": self.model.template.key, "edit": "1", "mode": self.mode, "person": person})

    # -- what is shown -------------------------------------------------------------------------------------------

    def _source(self) -> dict[str, str]:
        model = self.model
        return {"serial": f"s-{model.locale}-{id(model.document)}", "mjml": model.parts.get("body", "")}

    def _give_blocks(self) -> None:
        kept = self.library.blocks("mjml") if self.is_mail else ()
        self.editor.blocks = [{"key": each.key, "name": each.name, "mjml": each.source} for each in kept]

    def _give_variables(self) -> None:
        self.editor.variables = [
            {"insert": f"{{{{ {each['name']} }}}}", "label": each["name"].replace("_", " ")}
            for each in [*self.model.variables, {"name": "unsubscribe_url"}, {"name": "view_url"}]
        ]

    def _show_all(self) -> None:
        self._show_head()
        self.parts.html = self._render("parts", names=[each for each in PARTS[self.model.template.channel]
                                                       if not (self.is_mail and each == "body")])  # fmt: skip
        self._show_values()

    def _show_head(self) -> None:
        self.head.html = self._render("editor_head", modes=MODES, is_mail=self.is_mail, is_resumed=self.is_resumed)

    def _show_values(self) -> None:
        offered = self.answering.offered(self.model.variables)
        self.values.html = self._render("values", offered=offered, shown_fallback=shown_fallback)

    def _show_answer(self) -> None:
        answer = self.model.answer
        if answer is None:
            return
        self.editor.faults = [
            {"line": check.line, "text": check.what} for check in answer.checks if check.line and check.place == "body"
        ]
        self.checks.html = self._render("checks", answer=answer)
        self._show_preview()
        self._show_head()

    def _show_preview(self) -> None:
        answer = self.model.answer
        if self.is_mail and self.mode != "preview":
            self.preview.html = ""
        elif answer is not None:
            self.preview.html = self._render(
                "preview", answer=answer, person=self.person, found=self.found, asked=self.asked,
                sees_people=self.sees_people, is_mail=self.is_mail, calls=self.context.settings.outgoing_webhook_url,
            )  # fmt: skip

    def _show_versions(self) -> None:
        self.versions.html = self._render(
            "versions", versions=self.library.versions(self.model.template.key), uses=self._uses
        )

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/templates/{name}.jinja", self.context.now(), self.context.zone, model=self.model,
            template=self.model.template, may_write=self.may_write, mode=self.mode, user=self.user,
            long_parts=LONG_PARTS, choices=CHOICES, **values,
        )  # fmt: skip

    def _skeleton(self, lines: int) -> str:
        return render("parts/skeleton.jinja", self.context.now(), self.context.zone, lines=lines)
