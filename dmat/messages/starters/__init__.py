"""Starters: well-made templates as files, to be copied; and the built-in ones that programmes of ours send.

Belongs here: reading those files. Stays out: copies that people made (`dmat/messages/library.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from dmat.errors import NotFoundError
from dmat.messages.files import read_template
from dmat.messages.included import put_in
from dmat.messages.records import Content, Template
from dmat.messages.rendering import PARTS, TEMPLATES

FOLDER = Path(__file__).parent


@cache
def starters() -> Sequence[Template]:
    """Every starter, by name."""
    shared = {path.stem: path.read_text() for path in sorted((FOLDER / "blocks").glob("*.txt"))}
    found = [_whole(read_template(path.read_text(), path.name), shared) for path in sorted(FOLDER.glob("*.yml"))]
    return tuple(sorted(found, key=lambda template: template.name))


def _whole(template: Template, shared: Mapping[str, str]) -> Template:
    """A starter with the shared pieces in it: a copy must not depend on them."""
    locales = {
        locale: {part: put_in(text, shared) for part, text in parts.items()}
        for locale, parts in template.content.locales.items()
    }
    return replace(template, content=replace(template.content, locales=locales))


def starter(key: str) -> Template:
    """One starter.

    Raises:
        NotFoundError: there is none.
    """
    for template in starters():
        if template.key == key:
            return template
    raise NotFoundError(f"there is no starter {key!r}")


@cache
def built_in_templates() -> dict[str, Template]:
    """The templates that are folders beside the code, by key: they have one version and cannot be changed."""
    return {folder.name: _built_in(folder) for folder in sorted(TEMPLATES.iterdir()) if folder.is_dir()}


def _built_in(folder: Path) -> Template:
    parts = {part: (folder / file).read_text() for part, file in PARTS.items() if (folder / file).exists()}
    name = folder.name.replace("_", " ").capitalize()
    if set(parts) == {"text"}:  # for a channel of texts, which its name ends with
        return Template(
            folder.name, name, folder.name.rpartition("_")[2], "text", Content({"": parts}), 1, is_built_in=True
        )
    parts["body"] = parts.pop("html", "")
    return Template(folder.name, name, "email", "html", Content({"": parts}), version=1, is_built_in=True)
