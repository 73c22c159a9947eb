"""What the builder begins with: a saved segment, a draft, a template, people picked on another screen, or nothing.

Belongs here: reading the page's address and choosing. Stays out: what follows (`drafting.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.screens.segments.answers import Answers
from apps.screens.segments.drafting import Drafting, opened
from apps.screens.segments.from_tests import PeopleOfTest
from apps.screens.segments.narrowing import Narrow, as_text, as_title, conditions
from dmat.errors import NotFoundError
from dmat.segments.records import Segment
from dmat.segments.rules import as_document
from dmat.segments.templates import find_template
from dmat.store.users import User

BLANK = "blank"


@dataclass(frozen=True)
class Beginning:
    """What the address asks for: a segment to edit, or a template (or `blank`), perhaps of people picked elsewhere."""

    segment: Segment | None = None
    template: str = ""
    within: str = ""
    narrow: Narrow | None = None
    of_test: PeopleOfTest | None = None

    @property
    def address(self) -> str:
        """The address that begins the same way again."""
        if self.segment:
            return f"/segments?id={self.segment.key}&edit=1"
        return f"/segments?new={self.template or BLANK}"

    @property
    def is_picked(self) -> bool:
        """Whether it begins with people picked on another screen, not with what somebody left unsaved."""
        return bool(self.within or self.of_test)

    @property
    def query(self) -> dict[str, str]:
        """What the page's address asks for."""
        if self.segment:
            return {"id": self.segment.key, "edit": "1"}
        picked = {"within": self.within, "narrow": as_text(self.narrow)}
        return {"new": self.template, **picked, **({"test": self.of_test.as_text} if self.of_test else {})}


def begin(answers: Answers, user: User, beginning: Beginning) -> tuple[Drafting, bool]:
    """The view model to begin with, and whether it goes on with a draft.

    Raises:
        NotFoundError: there is no such template.
    """
    segment = beginning.segment
    card = opened(segment) if segment else _card(answers, beginning)
    model = Drafting(answers, answers.library, user.email, segment, **card)
    draft = answers.library.load_draft(user.email, model.key)
    may_resume = segment is not None or (beginning.template in {"", BLANK} and not beginning.is_picked)
    if draft is None or not may_resume:
        return model, False
    model.resume(draft)
    return model, model.is_changed


def _card(answers: Answers, beginning: Beginning) -> dict[str, Any]:
    if beginning.template not in {"", BLANK}:
        template = find_template(beginning.template)
        return {"title": template.name, "description": template.description, "folder": template.folder,
                "tags": tuple(template.tags), "rule": as_document(template.rule)}  # fmt: skip
    if beginning.of_test:
        return {"title": beginning.of_test.title, "rule": beginning.of_test.rule}
    if not beginning.within:
        return {}
    nodes = [{"segment": beginning.within}, *(conditions(beginning.narrow) if beginning.narrow else ())]
    part = as_title(beginning.narrow) if beginning.narrow else ""
    name = _name(answers, beginning.within)
    return {"title": f"{name}, {part}" if part else name, "rule": {"version": 1, "where": {"all": nodes}}}


def _name(answers: Answers, key: str) -> str:
    try:
        return answers.library.get(key).name
    except NotFoundError:
        return key
