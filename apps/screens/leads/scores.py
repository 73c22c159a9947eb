"""The score matrix on screen: lines are changed, tried on the leads, and kept as a version; going back is one click.

Belongs here: the draft of one reader and the values of the template. Stays out: versions and reckoning
(`dmat/scoring/matrix_versions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.context import Context
from apps.parts.words import refusal
from apps.screens.leads.state import LeadState
from dmat.errors import InvalidInputError
from dmat.scoring.matrix import Rule, read_matrix, seed_bands
from dmat.scoring.matrix_versions import (
    change_matrix,
    current_version,
    drafted,
    effect_of,
    list_versions,
    restore_version,
)
from dmat.store.access import Caller

FIELDS = {"points": "points", "half_life_days": "days after which half is left"}


class ScoreTable:
    """What the score matrix shows to one reader."""

    template = "scores"

    def __init__(self, context: Context, caller: Caller) -> None:
        self.context, self.caller = context, caller
        self.changes: dict[str, dict[str, Any]] = {}
        self.problem = ""
        with context.store.read() as connection:
            self.version = current_version(connection)

    def values(self, state: LeadState) -> dict[str, Any]:
        """Everything that the template needs."""
        with self.context.store.read() as connection:
            now, version = read_matrix(connection), current_version(connection)
        if not self.changes:
            self.version = version
        draft = self._draft(now)
        view, at = self.context.workspace, self.context.now()
        return {
            "rules": list(now.values()), "draft": draft, "changes": self.changes, "bands": seed_bands(),
            "before": effect_of(view, now, at), "after": effect_of(view, draft, at) if self.changes else None,
            "versions": list_versions(self.context.store), "version": version, "problem": self.problem,
            "is_stale": version != self.version,
        }  # fmt: skip

    def _draft(self, now: Mapping[str, Rule]) -> dict[str, Rule]:
        try:
            found = drafted(now, self.changes)
            self.problem = ""
        except InvalidInputError as error:
            self.problem = refusal(_as_in_table(error, now))
            return dict(now)
        return found

    def act(self, name: str, value: Any) -> str:
        """Change the draft, keep it, drop it, or go back to a version; gives what was done, in words.

        Raises:
            DmatError: it cannot be done, in words for the reader.
        """
        self.caller.require("leads:route")
        store, now, by = self.context.store, self.context.now(), self.caller.name
        if name in {"points", "days", "active"} and isinstance(value, dict):
            self._change(name, str(value.get("of") or ""), value.get("value"))
        elif name == "drop":
            self.changes = {}
        elif name == "keep":
            note = str(value.get("note") or "") if isinstance(value, dict) else ""
            number = change_matrix(store, self.changes, now, by, note, expected=self.version)
            self.changes = {}
            return f"Version {number} of the score matrix applies; the tables follow with their next build"
        elif name == "restore" and str(value or "").isdigit():
            number = restore_version(store, int(value), now, by)
            self.changes = {}
            return f"The score matrix is as it was in version {value}; this is version {number}"
        return ""

    def _change(self, name: str, action: str, value: Any) -> None:
        with self.context.store.read() as connection:
            rule = read_matrix(connection).get(action)
        if rule is None:
            return
        line = self.changes.setdefault(action, {})
        line |= _read(name, value)
        for field in list(line):
            if line[field] == getattr(rule, field):
                del line[field]
        if not line:
            del self.changes[action]


def _as_in_table(error: InvalidInputError, matrix: Mapping[str, Rule]) -> InvalidInputError:
    """A refusal that names the line by its words: email_open.points -> Opened a mail, points."""
    action, _, field = error.field.partition(".")
    label = matrix[action].label if action in matrix else action
    return InvalidInputError(f"{label}, {FIELDS.get(field, field)}" if field else label, error.problem, error.allowed)


def _read(name: str, value: Any) -> dict[str, Any]:
    """A field of a line from what was typed.

    Raises:
        InvalidInputError: it is no number.
    """
    if name == "active":
        return {"is_active": bool(value)}
    text = str(value or "").strip()
    if name == "days" and not text:
        return {"half_life_days": None}
    try:
        return {"points": int(text)} if name == "points" else {"half_life_days": float(text)}
    except ValueError:
        whole = "a whole number, as 5" if name == "points" else "a number of days, as 30, or nothing: it stays"
        raise InvalidInputError(name, f"{text[:20]!r} is not allowed" if text else "it is empty", whole) from None
