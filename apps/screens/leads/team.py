"""The manager's view: load, answers, first contacts, by rep and team; and the reps themselves.

Belongs here: the figures as values of the template, and keeping a rep from a form. Stays out: reckoning them
(`dmat/routing/figures.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from apps.context import Context
from apps.screens.leads.state import LeadState
from dmat.errors import InvalidInputError
from dmat.keys import key_of, own_key
from dmat.routing.figures import desk_figures
from dmat.routing.hours import DAYS
from dmat.routing.reps import Rep, put_rep, read_reps
from dmat.store.access import Caller

NEW = "new"
GOALS = {"contact_minutes": 60, "assign_seconds": 120, "right_rep": 0.95, "follow_up": 0.9}
"""What sales wants to reach: first contact within an hour, assignment within two minutes, 95 % right, 90 % followed."""


LABELS = {
    "email": "E-mail", "capacity": "Open leads at most", "most_per_day": "New leads a day at most",
    "industries": "Specialist for", "crm_owner_id": "Owner in the CRM", "rep_key": "Name",
}  # fmt: skip
"""Field of a rep -> what the form calls it, where that is another word."""


class Team:
    """What the manager's view shows to one reader."""

    template = "team"

    def __init__(self, context: Context, caller: Caller) -> None:
        self.context, self.caller, self.edited = context, caller, ""

    def values(self, state: LeadState) -> dict[str, Any]:
        """Everything that the template needs."""
        desk = desk_figures(self.context.store, self.context.now(), state.days)
        with self.context.store.read() as connection:
            reps = {rep.rep_key: rep for rep in read_reps(connection)}
        return {"desk": desk, "reps": reps, "edited": self._edited(reps), "days_of_week": DAYS, "goals": GOALS,
                "span_of": span_of}  # fmt: skip

    def _edited(self, reps: Mapping[str, Rep]) -> dict[str, Any] | None:
        if self.edited == NEW:
            return form_of(None)
        return form_of(reps[self.edited]) if self.edited in reps else None

    def act(self, name: str, value: Any) -> str:
        """Open a form, close it, or keep what it says; gives what was done, in words.

        Raises:
            InvalidInputError: names the field. NotPermittedError: the reader may not.
        """
        self.caller.require("leads:route")
        if name == "edit_rep":
            self.edited = str(value or "")[:60]
        elif name == "close_rep":
            self.edited = ""
        elif name == "keep_rep" and isinstance(value, dict):
            rep = self._keep(value)
            self.edited = ""
            return f"{rep.name} is kept"
        return ""

    def _keep(self, form: Mapping[str, Any]) -> Rep:
        store = self.context.store
        with store.read() as connection:
            keys = [rep.rep_key for rep in read_reps(connection)]
        try:
            return put_rep(store, document_of(form, keys), self.context.now(), self.caller.name)
        except InvalidInputError as error:
            raise as_in_form(error, LABELS) from None


def form_of(rep: Rep | None) -> dict[str, Any]:
    """A rep as the fields of the form."""
    shown = rep.model_dump(mode="json") if rep else Rep.model_construct().model_dump(mode="json") | {
        "rep_key": "", "name": "", "email": "", "team": "", "territories": [], "industries": [], "capacity": 50,
        "most_per_day": 15, "time_zone": "UTC", "away": [], "is_active": True, "role": "rep", "slack_channel": "",
        "crm_owner_id": "", "working_hours": {day: ["09:00", "17:00"] for day in DAYS[:5]},
    }  # fmt: skip
    return {
        **shown, "territories": ", ".join(shown["territories"]), "industries": ", ".join(shown["industries"]),
        "away": "\n".join(" to ".join(span) for span in shown["away"]), "is_new": rep is None,
    }  # fmt: skip


def document_of(form: Mapping[str, Any], keys: Collection[str] = ()) -> dict[str, Any]:
    """The document of a rep from the fields of the form; what cannot be read is left for `parse_rep` to name.

    Args:
        form: without `rep_key` it is a new rep, who gets a key of their own from the name.
        keys: those of the reps that there are.
    """

    def text(name: str) -> str:
        return str(form.get(name) or "").strip()

    week = {day: [text(f"{day}_from"), text(f"{day}_to")] for day in DAYS if text(f"{day}_from") or text(f"{day}_to")}
    return {
        "rep_key": text("rep_key") or own_key(key_of(text("name")) or "rep", keys), "name": text("name"),
        "email": text("email"), "role": text("role") or "rep", "team": text("team"),
        "territories": _words(text("territories")),
        "industries": _words(text("industries")), "capacity": text("capacity"), "most_per_day": text("most_per_day"),
        "time_zone": text("time_zone"), "working_hours": week, "slack_channel": text("slack_channel"),
        "crm_owner_id": text("crm_owner_id"), "is_active": form.get("is_active") is not None,
        "away": [[part.strip() for part in line.split(" to ")] for line in text("away").splitlines() if line.strip()],
    }  # fmt: skip


def as_in_form(error: InvalidInputError, labels: Mapping[str, str]) -> InvalidInputError:
    """A refusal that names the field as the form does: rules[2].when.score_over -> Score over."""
    steps = [step for step in re.split(r"[.\[\]]+", error.field) if step and not step.isdecimal()]
    name = next((labels[step] for step in reversed(steps) if step in labels), error.field)
    return InvalidInputError(name, error.problem, error.allowed)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def span_of(minutes: float | None) -> str:
    """Minutes as people say them; a dash when there are none."""
    if minutes is None:
        return "–"
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"
