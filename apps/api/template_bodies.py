"""What the doors for templates take and give: bodies, answers, and the examples of the documentation.

Belongs here: shapes. Stays out: what a content may hold (`dmat/messages/contents.py`), what is done (`templates.py`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from dmat.messages.findings import Check
from dmat.messages.preview import Preview
from dmat.messages.records import Template, TemplateVersion

CONTENT: dict[str, Any] = {
    "variables": [{"name": "first_name", "fallback": "there"}],
    "locales": {"": {"text": "Hi {{ first_name }}, 50% off until Sunday. Reply STOP to opt out"}},
}
Content = Annotated[
    dict[str, Any],
    Field(description='`variables`, `locales` (parts by language, "" for everybody), `blocks`', examples=[CONTENT]),
]
Json = dict[str, Any]


class Body(BaseModel):
    """What all bodies share: unknown fields are refused, and texts are texts."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TemplateToMake(Body):
    """A new template."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    channel: Annotated[str, Field(max_length=20, examples=["sms"])]
    kind: Annotated[str, Field(max_length=10, examples=["text"])]
    content: Content
    key: Annotated[str, Field(max_length=100)] = ""
    description: Annotated[str, Field(max_length=5000)] = ""
    folder: Annotated[str, Field(max_length=200)] = ""
    tags: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=30)] = []
    note: Annotated[str, Field(max_length=2000)] = ""


class TemplateToChange(Body):
    """What is left out stays; `version` is the version that the change was made on."""

    version: Annotated[int, Field(ge=1)]
    content: Content | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Annotated[str, Field(max_length=5000)] | None = None
    folder: Annotated[str, Field(max_length=200)] | None = None
    tags: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=30)] | None = None
    note: Annotated[str, Field(max_length=2000)] = ""

    @property
    def card(self) -> Json:
        """What of the card is to change."""
        given = {name: getattr(self, name) for name in ("name", "description", "folder", "tags")}
        return {name: value for name, value in given.items() if value is not None}


class Draft(Body):
    """A template that may not be kept yet."""

    channel: Annotated[str, Field(max_length=20, examples=["sms"])]
    kind: Annotated[str, Field(max_length=10, examples=["text"])]
    content: Content


class Shown(Body):
    """As whom, and in which language; both may be left out."""

    person_id: Annotated[str, Field(pattern=r"^\d{1,18}$", examples=["1000000000000001"])] | None = None
    locale: Annotated[str, Field(max_length=20, examples=["de"])] = ""
    version: Annotated[int, Field(ge=0)] = 0


class Test(Shown):
    """To whom a test goes."""

    to: Annotated[str, Field(max_length=320, description="not needed for a webhook", examples=["ann@shop.example"])] = (
        ""
    )


def template_json(template: Template) -> Json:
    """A template with its newest content."""
    facts = asdict(template)
    facts |= {"content": template.content.as_document(), "tags": list(template.tags), "id": template.key}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in facts.items()}


def version_json(version: TemplateVersion) -> Json:
    """One version."""
    return {
        "version": version.version, "content": version.content.as_document(), "note": version.note,
        "created_at": version.created_at.isoformat(), "created_by": version.created_by,
    }  # fmt: skip


def preview_json(shown: Preview) -> Json:
    """A message as one person would get it."""
    return asdict(shown) | {"parts": dict(shown.parts), "values": dict(shown.values)}


def checks_json(found: list[Check]) -> Json:
    """Findings, the worst first."""
    return {"may_be_sent": not any(check.level == "error" for check in found), "checks": [asdict(c) for c in found]}


Responses = dict[int | str, dict[str, Any]]


def _json(example: Json, words: str = "Done", status: int = 200) -> Responses:
    return {status: {"description": words, "content": {"application/json": {"example": example}}}}


_SALE: Json = {
    "key": "spring-sale-sms", "name": "Spring sale: SMS", "channel": "sms", "kind": "text",
    "content": CONTENT | {"blocks": {}}, "version": 1, "description": "", "folder": "2026", "tags": ["spring"],
    "state": "active", "is_built_in": False, "created_at": "2026-03-04T11:59:58", "created_by": "ann@shop.example",
    "updated_at": "2026-03-04T11:59:58", "updated_by": "ann@shop.example", "id": "spring-sale-sms",
}  # fmt: skip
TEMPLATE, MADE = _json(_SALE), _json(_SALE, status=201)
LIST = _json({"templates": [_SALE], "total": 1, "next_after": None})
VERSIONS = _json({"versions": [{
    "version": 1, "content": _SALE["content"], "note": "", "created_at": "2026-03-04T11:59:58",
    "created_by": "ann@shop.example",
}]})  # fmt: skip
PREVIEW = _json({
    "subject": "", "preheader": "", "from_line": "The Shop <hello@shop.example>", "html": "",
    "text": "Hi Ann, 50% off until Sunday. Reply STOP to opt out",
    "parts": {"text": "Hi Ann, 50% off until Sunday. Reply STOP to opt out"},
    "values": {"first_name": "Ann", "segments": []}, "fallbacks": [], "missing": [], "locale": "",
})  # fmt: skip
CHECKS = _json({"may_be_sent": True, "checks": [{
    "level": "hint", "place": "text", "what": "the text travels in 2 parts (GSM-7), each is paid",
    "todo": "shorten it; an emoji or a typographic sign halves the room", "line": None, "locale": "",
}]})  # fmt: skip
TESTED = _json({"message_id": "5f0c1c1e-0000-5000-8000-000000000000"}, "It will be sent", 202)
