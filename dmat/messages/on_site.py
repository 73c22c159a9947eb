"""The words of in-app messages: from the entry's template, or from the placement with a few personal fields.

Belongs here: those two ways. Stays out: when a message is given (`dmat/channels/in_app.py`), compiling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dmat.channels.banner import Placement
from dmat.errors import InvalidInputError
from dmat.ledger.entries import Entry
from dmat.messages.compiled import compile_message
from dmat.messages.rendering import Failed
from dmat.messages.slots import Compiled
from dmat.settings import Settings
from dmat.store.engine import Store

MOST_COMPILED = 200
_FIELD = re.compile(r"\{\{\s*([a-z][a-z0-9_]{0,59})\s*(?:\|\s*default\(\s*(?:'([^']*)'|\"([^\"]*)\")\s*\))?\s*\}\}")


class OnSiteWords:
    """Gives the words of a person's message; keeps compiled templates."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._compiled: dict[tuple[Any, ...], Compiled] = {}

    def of(self, entry: Entry, placement: Placement) -> Mapping[str, str]:
        """See `dmat.channels.in_app.Words`.

        Raises:
            NotFoundError: there is no such template.
            InvalidInputError: a value is missing, or it cannot be rendered.
        """
        if placement.content:
            return {name: fill_fields(text, entry.context) for name, text in placement.content.items()}
        compiled = self._template(entry)
        filled = compiled.fill([compiled.values(entry)])[0]
        if isinstance(filled, Failed):
            raise InvalidInputError("template", filled.reason)
        return compiled.whole(filled).parts

    def _template(self, entry: Entry) -> Compiled:
        key = (entry.template, entry.template_version, entry.locale, entry.programme, entry.step, entry.variant)
        if key not in self._compiled:
            if len(self._compiled) >= MOST_COMPILED:
                self._compiled.pop(next(iter(self._compiled))).close()
            self._compiled[key] = compile_message(
                self._settings, self._store, entry.template, entry.template_version, entry.locale, channel="in_app",
                programme=entry.programme, step=entry.step, variant=entry.variant,
            )  # fmt: skip
        return self._compiled[key]


def fill_fields(text: str, context: Mapping[str, Any]) -> str:
    """Text with `{{ first_name }}` or `{{ first_name | default('there') }}` filled in, nothing else of a template."""

    def value(found: re.Match[str]) -> str:
        known = context.get(found[1])
        return str(known) if known not in (None, "") else (found[2] or found[3] or "")

    return _FIELD.sub(value, text)
