"""The shapes of templates: the card, the parts in each language, declared variables, versions, blocks.

Belongs here: frozen shapes and reading them from JSON. Stays out: the store (`library.py`), rendering (`compiled.py`).

A version's content is one JSON document:

    {"variables": [{"name": "first_name", "type": "text", "source": "first_name", "fallback": "there"}],
     "locales": {"": {"subject": "...", "preheader": "...", "body": "<mjml>...", "text": ""}, "de": {...}},
     "blocks": {"footer": "<mj-section>..."}}

The language "" is the one for everybody without a variant of their own. `blocks` is what the saved blocks said when
the version was kept, so that a version never changes afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

LISTS = ("body_values", "button_values")  # a value a line
CHANNELS = ("email", "sms", "whatsapp", "push", "in_app", "banner", "social", "webhook")
KINDS = ("mjml", "html", "text", "json")
KINDS_OF: Mapping[str, Sequence[str]] = {"email": ("mjml", "html"), "webhook": ("json",)}  # the others: text
ACTIVE, ARCHIVED = "active", "archived"
TYPES = ("text", "number", "money", "date", "list", "url")
MAIL_PARTS = ("subject", "preheader", "body", "text")
PARTS: Mapping[str, Sequence[str]] = {
    "email": MAIL_PARTS,
    "sms": ("text",),
    "whatsapp": (
        *("text", "template_name", "template_language", "template_category", "header_media_url"),
        *("body_values", "button_values"),
    ),
    "push": ("title", "body", "url", "image_url"),
    "in_app": ("title", "body", "button_text", "url", "image_url", "image_alt"),
    "banner": ("title", "body", "button_text", "url", "image_url", "image_alt"),
    "social": ("text", "url", "image_url", "image_alt"),
    "webhook": ("body",),
}


@dataclass(frozen=True)
class Variable:
    """A declared variable of a template.

    Attributes:
        name: as the template writes it.
        type: one of `TYPES`.
        source: a field of the segment catalogue or a column of people.dim_people, `recommendations`, `best_sellers`,
            `last_product`, `code` (`code:<pool>`), `campaign.<name>`, or `context` (given by whoever plans the
            message); empty means the field with the variable's own name.
        fallback: stands in when nothing is known; None makes the variable required.
        count: how many items of a list are wanted.
        example: what previews show when a person has none and there is no fallback.
    """

    name: str
    type: str = "text"
    source: str = ""
    fallback: Any = None
    count: int = 3
    example: Any = None

    @property
    def is_required(self) -> bool:
        """Whether a message cannot be made without it."""
        return self.fallback is None


@dataclass(frozen=True)
class Content:
    """What one version says: declared variables, parts by locale, and the blocks as they were when it was kept."""

    locales: Mapping[str, Mapping[str, str]]
    variables: Sequence[Variable] = ()
    blocks: Mapping[str, str] = field(default_factory=dict)

    def parts(self, locale: str = "") -> Mapping[str, str]:
        """The parts for a language: `de-AT`, else `de`, else those for everybody."""
        return self.locales[self.chosen_locale(locale)]

    def chosen_locale(self, locale: str) -> str:
        """Which variant a language gets; "" is the one for everybody."""
        wanted = locale.replace("_", "-")
        for candidate in (wanted, wanted.partition("-")[0]):
            if candidate in self.locales:
                return candidate
        return ""

    def as_document(self) -> dict[str, Any]:
        """The JSON of it; what is empty is left out."""
        variables = [
            {name: value for name, value in asdict(variable).items() if value != _DEFAULTS.get(name)}
            for variable in self.variables
        ]
        locales = {locale: dict(parts) for locale, parts in self.locales.items()}
        return {"variables": variables, "locales": locales, "blocks": dict(self.blocks)}


_DEFAULTS = {"type": "", "source": "", "fallback": None, "count": 3, "example": None}


def content_of(document: Mapping[str, Any]) -> Content:
    """The content that a (checked) JSON document describes."""
    return Content(
        locales={str(locale): dict(parts) for locale, parts in document["locales"].items()},
        variables=tuple(Variable(**variable) for variable in document.get("variables", ())),
        blocks=dict(document.get("blocks", {})),
    )


@dataclass(frozen=True)
class Template:
    """A template as it is now: its card and its newest content."""

    key: str
    name: str
    channel: str
    kind: str
    content: Content
    version: int
    description: str = ""
    folder: str = ""
    tags: Sequence[str] = ()
    state: str = ACTIVE
    is_built_in: bool = False
    created_at: datetime | None = None
    created_by: str = ""
    updated_at: datetime | None = None
    updated_by: str = ""


@dataclass(frozen=True)
class TemplateVersion:
    """One version of a template's content."""

    version: int
    content: Content
    content_hash: str
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Block:
    """A saved piece that templates include: `{% include "block:<key>" %}`."""

    key: str
    name: str
    kind: str
    source: str
    version: int
    tags: Sequence[str] = ()
    state: str = ACTIVE
    updated_at: datetime | None = None
    updated_by: str = ""
