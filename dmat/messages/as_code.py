"""Templates as files: what a folder would change in the library, and applying it.

Belongs here: reading a folder, comparing, saving. Stays out: the text of one file (`files.py`), what is printed
(`commands.py`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmat.errors import InvalidInputError, NotFoundError
from dmat.messages.files import read_template, write_template
from dmat.messages.library import Templates
from dmat.messages.records import Template

CARD = ("name", "description", "folder", "tags")


@dataclass(frozen=True)
class Step:
    """What applying a file would do: `new`, `changed` or `same`, and the lines that differ."""

    wanted: Template
    action: str
    lines: Sequence[str] = ()
    version: int = 0


def write_files(templates: Templates, folder: Path, keys: Iterable[str] = ()) -> list[Path]:
    """Write templates as files, all active ones by default.

    Raises:
        NotFoundError: there is no such template.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for template in [templates.get(key) for key in keys] or templates.list():
        file = folder / f"{template.key}.yml"
        file.write_text(write_template(template))
        written.append(file)
    return written


def read_files(place: Path) -> list[Template]:
    """The templates of a folder, or of one file.

    Raises:
        InvalidInputError: a file that is no template, or two with one key.
        NotFoundError: there is nothing at this place.
    """
    files = sorted(place.glob("*.y*ml")) if place.is_dir() else [place]
    if not files or not files[0].exists():
        raise NotFoundError(f"there are no templates at {place}")
    found: dict[str, Template] = {}
    for file in files:
        template = read_template(file.read_text(), str(file))
        if template.key in found:
            raise InvalidInputError(str(file), f"the key {template.key} stands in two files", "one file a key")
        found[template.key] = template
    return list(found.values())


def compare(templates: Templates, wanted: Sequence[Template]) -> list[Step]:
    """What applying would do, a step a template; nothing is changed.

    Raises:
        InvalidInputError: a file that would move a template to another channel or kind.
    """
    return [_step(templates, template) for template in wanted]


def _step(templates: Templates, wanted: Template) -> Step:
    try:
        before = templates.get(wanted.key)
    except NotFoundError:
        return Step(wanted, "new")
    if (before.channel, before.kind) != (wanted.channel, wanted.kind):
        raise InvalidInputError(wanted.key, "a template does not change its channel or kind", "another key")
    old, new = (write_template(template).splitlines() for template in (before, wanted))
    if old == new:
        return Step(wanted, "same", version=before.version)
    lines = [line for line in difflib.unified_diff(old, new, lineterm="", n=1) if not line.startswith(("---", "+++"))]
    return Step(wanted, "changed", lines, before.version)


def apply(templates: Templates, steps: Sequence[Step], by: str, note: str = "") -> list[Template]:
    """Save what differs; gives the templates that were saved. Doing it twice changes nothing the second time.

    Raises:
        ConflictError: somebody changed a template after the comparison.
    """
    saved = []
    for step in steps:
        wanted = step.wanted
        card = {name: getattr(wanted, name) for name in CARD} | {"tags": list(wanted.tags)}
        if step.action == "new":
            facts: dict[str, Any] = {
                "key": wanted.key,
                "channel": wanted.channel,
                "kind": wanted.kind,
                "content": wanted.content,
            }
            saved.append(templates.create(**facts, by=by, note=note, **card))
        elif step.action == "changed":
            saved.append(templates.update(
                wanted.key, by=by, note=note, expected_version=step.version, content=wanted.content, **card
            ))  # fmt: skip
    return saved
