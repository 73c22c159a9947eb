"""What the builder begins with: a saved segment, a draft, a template, people picked on another screen, or nothing.

Belongs here: reading the page's address and choosing. Stays out: what follows (`drafting.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.screens.segments.answers import Answers
from apps.screens.segments.drafting import Drafting, opened
from apps.screens.segments.members import NARROWED
from dmat.errors import NotFoundError
from dmat.segments.records import Segment
from dmat.segments.rules import as_document
from dmat.segments.templates import find_template
from dmat.store.users import User

BLANK = "blank"


@dataclass(frozen=True)
class Beginning:
    """What the address asks for: a segment to edit, or a template (or `blank`), perhaps within a segment."""

    segment: Segment | None = None
    template: str = ""
    within: str = ""
    field: str = ""
    value: str = ""

    @property
    def address(self) -> str:
        """The address that begins the same way again."""
        if self.segment:
            return f"/segments?id={self.segment.key}&edit=1"
        return f"/segments?new={self.template or BLANK}"


def begin(answers: Answers, user: User, beginning: Beginning) -> tuple[Drafting, bool]:
    """The view model to begin with, and whether it goes on with a draft.

    Raises:
        NotFoundError: there is no such template.
    """
    segment = beginning.segment
    card = opened(segment) if segment else _card(answers, beginning)
    model = Drafting(answers, answers.library, user.email, segment, **card)
    draft = answers.library.load_draft(user.email, model.key)
    may_resume = segment is not None or (beginning.template in {"", BLANK} and not beginning.within)
    if draft is None or not may_resume:
        return model, False
    model.resume(draft)
    return model, model.is_changed


def _card(answers: Answers, beginning: Beginning) -> dict[str, Any]:
    if beginning.template not in {"", BLANK}:
        template = find_template(beginning.template)
        return {"title": template.name, "description": template.description, "folder": template.folder,
                "tags": tuple(template.tags), "rule": as_document(template.rule)}  # fmt: skip
    if not beginning.within:
        return {}
    nodes: list[dict[str, Any]] = [{"segment": beginning.within}]
    if beginning.field in NARROWED:
        nodes.append(_condition(beginning.field, beginning.value))
    return {"title": f"{_name(answers, beginning.within)}: {beginning.value or 'part'}",
            "rule": {"version": 1, "where": {"all": nodes}}}  # fmt: skip


def _condition(field: str, value: str) -> dict[str, Any]:
    if field.startswith("has_"):
        return {"field": field, "op": "is_granted"}
    return {"field": field, "op": "one_of", "value": [value]}


def _name(answers: Answers, key: str) -> str:
    try:
        return answers.library.get(key).name
    except NotFoundError:
        return key
