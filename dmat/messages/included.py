"""Saved blocks in templates: which ones a content names, and taking them in as they are now.

Belongs here: `{% include "block:<key>" %}` found in text. Stays out: the store (`library.py`), rendering.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from dmat.errors import InvalidInputError
from dmat.messages.records import Content

PREFIX = "block:"
_INCLUDE = re.compile(r"""\{%[-+]?\s*include\s*["']block:([a-z0-9][a-z0-9_-]{0,99})["']\s*[-+]?%\}""")
DEEPEST = 5


def blocks_named(text: str) -> list[str]:
    """Keys of the saved blocks that a text includes, in order."""
    return list(dict.fromkeys(_INCLUDE.findall(text)))


def with_blocks(content: Content, saved: Mapping[str, str]) -> Content:
    """The content with every block that it names, directly or inside other blocks, as it is now.

    Raises:
        InvalidInputError: a block that there is not.
    """
    texts = [text for parts in content.locales.values() for text in parts.values()]
    taken: dict[str, str] = {}
    _take(texts, {**content.blocks, **saved}, taken)
    return replace(content, blocks=dict(sorted(taken.items())))


def _take(texts: Iterable[str], saved: Mapping[str, str], taken: dict[str, str]) -> None:
    for key in [key for text in texts for key in blocks_named(text)]:
        if key in taken:
            continue
        if key not in saved:
            raise InvalidInputError(
                f"{PREFIX}{key}", "there is no such block", ", ".join(sorted(saved)) or "none is saved"
            )
        taken[key] = saved[key]
        _take([saved[key]], saved, taken)


def put_in(text: str, blocks: Mapping[str, str], depth: int = 0) -> str:
    """A text with its blocks in place of their names, so that what follows sees one document.

    Raises:
        InvalidInputError: blocks that include one another for ever.
    """
    if depth > DEEPEST:
        raise InvalidInputError("include", "blocks include one another", f"at most {DEEPEST} deep")
    return _INCLUDE.sub(lambda found: put_in(blocks.get(found.group(1), ""), blocks, depth + 1), text)
