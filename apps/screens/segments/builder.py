"""Layout of the builder: the card at the top, the rule, its audience, the sentence and a sample of people.

Belongs here: which block shows what, and what a click does. Stays out: what happens on an edit (`drafting.py`),
queries (`answers.py`).
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
from apps.parts.rules import RuleBuilder
from apps.screens.segments.addressing import asked_for, leave_for, remember
from apps.screens.segments.answers import Answer, Answers
from apps.screens.segments.beginning import Beginning, begin
from apps.screens.segments.explaining import explain_person, readable_sql
from apps.screens.segments.narrowing import as_text, in_words, read_narrow
from apps.screens.segments.offering import offer, suggest
from apps.screens.segments.pruning import is_unfinished, lies_in
from dmat.errors import DmatError, NotFoundError
from dmat.store.access import caller_of_user
from dmat.store.users import User

_STICKY = {"position": "sticky", "top": "16px"}
_CARD = {"title": 200, "description": 2000, "folder": 200}


class BuilderScreen(pn.viewable.Viewer):
    """The builder of one reader and one segment."""

    def __init__(self, context: Context, user: User, answers: Answers, beginning: Beginning) -> None:
        super().__init__()
        self.context, self.user, self.answers, self.beginning = context, user, answers, beginning
        self.model, self.is_resumed = begin(answers, user, beginning)
        self.model.narrow = read_narrow(asked_for("show"))
        self.caller = caller_of_user(user)
        self._why: dict[str, Any] = {}
        self._seen_version = 0
        self.builder = RuleBuilder(
            on_action=self._on_rule, state={"serial": self.model.serial, "rule": self.model.rule},
            catalogue=offer(answers, self.model.key, answers.currency()),
        )  # fmt: skip
        self.head = Block(self._head_html(), on_action=self._on_action)
        self.status = Block(self._status_html(), on_action=self._on_action)
        self.audience = Block(self._skeleton(7), on_action=self._on_action)
        self.words, self.sample = Block(), Block(self._skeleton(5), on_action=self._on_action)
        self.dialog = Block(on_action=self._on_action)
        self._watch()
        self.layout = self._layout()

    def _layout(self) -> Any:
        wide = {"margin": 0, "sizing_mode": "stretch_width"}
        left = pmui.Column(self.builder, self.words, self.sample, sx={"gap": "16px"}, **wide)
        columns = pmui.Grid(
            pmui.Grid(left, size={"xs": 12, "lg": 8.6}),
            pmui.Grid(self.audience, size={"xs": 12, "lg": 3.4}, styles=_STICKY),
            container=True, spacing=2, **wide,
        )  # fmt: skip
        return pmui.Column(self.head, self.status, columns, self.dialog, sx={"gap": "16px"}, **wide)

    def _watch(self) -> None:
        model = self.model
        self.builder.param.watch(self._on_state, "state")
        model.param.watch(self._show_rule, ["rule", "can_undo", "can_redo"])
        model.param.watch(lambda *_: self._show_answer(), "answer")
        model.param.watch(lambda *_: self._show_status(), ["problem", "drafted_at", "is_busy"])
        model.param.watch(lambda *_: self._show_review(), "review")

    def __panel__(self) -> Any:
        """The layout, made once."""
        return self.layout

    def refresh(self, pulse: Pulse) -> Callable[[], None]:
        """Count again when a new version was published; the first call gives the first answer."""
        number = pulse.version.number if pulse.version else 0
        if number == self._seen_version:
            return lambda: None
        self._seen_version = number
        model = self.model
        answer = self.answers.ask(model.rule, model.serial, model.key, model.narrow)
        return lambda: self._take(answer)

    def _take(self, answer: Answer) -> None:
        if answer.serial == self.model.serial:
            self.model.answer = answer
        self._show_status()

    # -- what the browser sends ----------------------------------------------------------------------------------

    async def _on_state(self, event: Any) -> None:
        state = event.new
        if isinstance(state, dict) and state.get("serial") != self.model.serial and isinstance(state.get("rule"), dict):
            await self.model.edit(state["rule"], str(state.get("serial"))[:40])

    async def _on_rule(self, name: str, value: Any) -> None:
        if name == "undo":
            await self.model.undo()
        elif name == "redo":
            await self.model.redo()
        elif name == "suggest" and isinstance(value, dict):
            asked = suggest, self.answers, str(value.get("subject", ""))[:300], str(value.get("words", ""))
            self.builder.suggestions = await asyncio.to_thread(*asked)

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")
        if name in _CARD:
            await self.model.write(**{name: text[: _CARD[name]]})
        elif name == "kind" and text in {"dynamic", "static"}:
            await self.model.write(kind=text)
            self.head.html = self._head_html()
        elif name == "tags":
            await self.model.write(tags=tuple(filter(None, (part.strip()[:60] for part in text.split(",")))))
        elif name == "narrow":
            await self.model.narrow_to(read_narrow(text))
            remember({**self.beginning.query, "show": as_text(self.model.narrow)})
        elif name == "why" and self.caller.may("people:read"):
            await self._explain(text)
        elif name in {"save", "save-now", "close", "afresh"} and self.caller.may("segments:write"):
            await self._on_saving(name, value)

    async def _on_saving(self, name: str, value: Any) -> None:
        if name == "close":
            self.model.review = None
        elif name == "afresh":
            await self.model.drop_draft()
            leave_for(self.beginning.address)
        elif name == "save" and self.model.segment is not None and self.model.has_new_rule:
            await self.model.look()
        else:
            note = str(value.get("note", ""))[:500] if isinstance(value, dict) else ""
            saved = await self.model.save(note)
            if saved is not None:
                self.answers.forget()
                leave_for(f"/segments?id={saved.key}&saved={saved.version}")

    async def _explain(self, person_id: str) -> None:
        rule = self.model.answer.rule if self.model.answer else None
        if person_id in self._why or rule is None:
            self._why.pop(person_id, None)
        else:
            self._why[person_id] = await asyncio.to_thread(explain_person, self.answers, rule, person_id)
        self._show_sample()

    # -- what the blocks show ------------------------------------------------------------------------------------

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/segments/{name}.jinja", self.context.now(), self.context.zone, model=self.model,
            sees_people=self.caller.may("people:read"), **values,
        )  # fmt: skip

    def _skeleton(self, lines: int) -> str:
        return render("parts/skeleton.jinja", self.context.now(), self.context.zone, lines=lines)

    def _head_html(self) -> str:
        return self._render("builder_head", beginning=self.beginning, may_save=self.caller.may("segments:write"))

    def _show_rule(self, *_: Any) -> None:
        self.builder.possible = {"undo": self.model.can_undo, "redo": self.model.can_redo}
        if self.builder.state.get("serial") != self.model.serial:
            self.builder.state = {"serial": self.model.serial, "rule": self.model.rule}

    def _show_status(self) -> None:
        self.status.html = self._status_html()

    def _status_html(self) -> str:
        return self._render("builder_status", is_resumed=self.is_resumed)

    def _show_answer(self) -> None:
        answer = self.model.answer
        if answer is None:
            return
        self.builder.answers = {
            "serial": answer.serial, "counts": dict(answer.counts), "total": answer.count,
            "everybody": answer.everybody, "faults": told_faults(self.model.rule, answer),
        }  # fmt: skip
        self._why = {}
        self.audience.html = self._render("audience", answer=answer)
        self.words.html = self._render("words", answer=answer, sql=self._sql(answer))
        self._show_sample()
        self._show_status()

    def _show_sample(self) -> None:
        self.sample.html = self._render(
            "sample", answer=self.model.answer, why=self._why, narrowed=in_words(self.model.narrow)
        )

    def _sql(self, answer: Answer) -> str:
        try:
            return readable_sql(self.answers, answer.rule) if answer.rule else ""
        except (DmatError, NotFoundError):
            return ""

    def _show_review(self) -> None:
        review = self.model.review
        self.dialog.html = self._render("review", review=review) if review else ""


def told_faults(rule: dict[str, Any], answer: Answer) -> list[dict[str, Any]]:
    """Faults as the builder shows them: one quiet word for what is only not finished yet, the rest with its reason."""
    told: dict[str, dict[str, Any]] = {}
    for path, what, allowed in answer.faults:
        is_open = any(lies_in(path, line) for line in answer.left_out) and is_unfinished(rule, path)
        line = next((each for each in answer.left_out if lies_in(path, each)), path)
        if is_open:
            told.setdefault(
                line, {"path": line, "what": "Not finished, so not counted yet.", "allowed": "", "quiet": True}
            )
        else:
            shown = f"{what[:1].upper()}{what[1:]}."
            told[path] = {
                "path": path,
                "what": shown,
                "allowed": f"Allowed: {allowed}." if allowed else "",
                "quiet": False,
            }
    return list(told.values())
