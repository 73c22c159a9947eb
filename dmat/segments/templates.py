"""Templates: segments to begin with.

Belongs here: reading `templates.yml`, and making real segments of some. Stays out: what a rule may say (`checking.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from dmat.errors import ConflictError, NotFoundError
from dmat.segments.library import Library
from dmat.segments.records import Segment
from dmat.segments.rules import Rule, parse

FILE = Path(__file__).with_name("templates.yml")
FOR_THE_DEMO = (
    "vip-60-days", "win-back-90-days", "viewed-never-bought", "cart-left-today", "birthday-this-month", "hot-leads",
    "tech-buyers-30-days", "finance-inactive-90-days", "new-subscribers", "repeat-customers", "clicked-no-order",
    "sms-reachable",
)  # fmt: skip


@dataclass(frozen=True)
class Template:
    """A segment to begin with."""

    key: str
    name: str
    description: str
    folder: str
    tags: tuple[str, ...]
    rule: Rule


@cache
def list_templates() -> tuple[Template, ...]:
    """All templates, in the order in which they are offered."""
    return tuple(
        Template(
            entry["key"], entry["name"], entry["description"], entry["folder"], tuple(entry["tags"]),
            parse({name: entry[name] for name in ("where", "time_zone") if name in entry}),
        )
        for entry in yaml.safe_load(FILE.read_text())
    )  # fmt: skip


def find_template(key: str) -> Template:
    """The template with this key.

    Raises:
        NotFoundError: there is none.
    """
    for template in list_templates():
        if template.key == key:
            return template
    raise NotFoundError(f"there is no template {key!r}")


def apply_templates(library: Library, keys: Iterable[str], by: str) -> list[Segment]:
    """Make segments of templates; those whose key is taken are left as they are.

    Raises:
        NotFoundError: there is no such template.
        InvalidRuleError: a template asks for what this workspace does not have.
    """
    made = []
    for key in keys:
        template = find_template(key)
        try:
            made.append(
                library.create(
                    key=key, name=template.name, rule=template.rule, by=by, description=template.description,
                    folder=template.folder, tags=template.tags, note="from a template",
                )
            )  # fmt: skip
        except ConflictError:
            continue
    return made
