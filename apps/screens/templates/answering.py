"""What the editor asks about a content that may not be saved yet: checks, a preview as a person, a test message.

Belongs here: putting `dmat/messages` together for one page. Stays out: what happens on an edit (`editing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.context import Context
from apps.screens.segments.screen import answers_of
from apps.screens.templates.editing import Answer, Check, Preview
from apps.screens.templates.personal import Offer, offers
from dmat.errors import DmatError, InvalidInputError
from dmat.messages.checks import check_content
from dmat.messages.preview import preview
from dmat.messages.records import PARTS, Template
from dmat.messages.trial import send_test
from dmat.segments.catalogue import Catalogue


def in_words(error: InvalidInputError) -> str:
    """An error as a sentence."""
    allowed = f" Allowed: {error.allowed}." if error.allowed else ""
    return f"{error.problem[:1].upper()}{error.problem[1:]}.{allowed}"


def place_of(error: InvalidInputError) -> tuple[str, int | None]:
    """`body line 3` -> the part and the line."""
    part, _, rest = error.field.partition(" line ")
    number = rest.split()[0].strip(":,.") if rest else ""
    return part.rpartition(".")[2] or part, int(number) if number.isdigit() else None


class Answering:
    """Answers for the pages of one server."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def look(
        self, template: Template, document: Mapping[str, Any], locale: str, person_id: str, serial: int = 0
    ) -> Answer:
        """Check a content, and show it as one person gets it."""
        checks = self._checks(template, document)
        try:
            return Answer(serial, checks, self._preview(template, document, locale, person_id))
        except InvalidInputError as error:
            place, line = place_of(error)
            found = Check("error", place, in_words(error), line)
            is_known = any(check.level == "error" for check in checks)
            return Answer(serial, checks if is_known else (found, *checks), None, in_words(error))
        except DmatError as error:
            return Answer(serial, checks, None, f"{error}.")

    def _checks(self, template: Template, document: Mapping[str, Any]) -> tuple[Check, ...]:
        context = self.context
        found = check_content(context.settings, template.channel, template.kind, document, store=context.store,
                              catalogue=self._catalogue())  # fmt: skip
        return tuple(
            Check(each.level, each.place, _sentence(each.what, each.locale), each.line, _sentence(each.todo, ""))
            for each in found
        )

    def _catalogue(self) -> Catalogue | None:
        return answers_of(self.context).catalogue() if self.context.version() else None

    def _preview(self, template: Template, document: Mapping[str, Any], locale: str, person_id: str) -> Preview:
        context = self.context
        workspace = context.workspace if context.version() else None
        shown = preview(
            context.settings, context.store, workspace, channel=template.channel, kind=template.kind, content=document,
            locale=locale, person_id=int(person_id) if person_id.isdigit() else None,
        )  # fmt: skip
        return Preview(
            from_line=shown.from_line, subject=shown.subject, preheader=shown.preheader, html=shown.html,
            text=shown.text, parts=tuple((name, str(shown.parts.get(name, ""))) for name in PARTS[template.channel]),
            fallbacks=tuple(shown.fallbacks), missing=tuple(shown.missing), size=len(shown.html.encode()),
        )  # fmt: skip

    def offered(self, declared: Sequence[Mapping[str, Any]]) -> list[Offer]:
        """Personal values that are not declared yet."""
        return offers(self._catalogue(), {each["name"] for each in declared})

    def send_test(
        self, template: Template, document: Mapping[str, Any], locale: str, person_id: str, to: str, by: str
    ) -> str:
        """Send it to one address; says what was done."""
        context = self.context
        workspace = context.workspace if context.version() else None
        send_test(
            context.settings, context.store, workspace, channel=template.channel, kind=template.kind, content=document,
            to=to, by=by, locale=locale, person_id=int(person_id) if person_id.isdigit() else None,
            template_key=template.key,
        )  # fmt: skip
        where = "The call" if template.channel == "webhook" else f"The test to {to}"
        return f"{where} leaves within seconds."


def _sentence(words: str, locale: str) -> str:
    said = f"{words[:1].upper()}{words[1:]}"
    return f"{said} (in “{locale}”)" if locale else said
