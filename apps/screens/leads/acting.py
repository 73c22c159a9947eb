"""What a reader does to a lead with one key or one click, and how it is undone.

Belongs here: the acts, who may do them, what is said afterwards. Stays out: the rules (`dmat/routing`, `dmat/scoring`),
layout (`queue.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.context import Context
from dmat.errors import InvalidInputError, NotFoundError
from dmat.routing.answering import accept, claim, reject, require_own
from dmat.routing.assigning import Assignment, assign_lead, give_to
from dmat.routing.decide import POOL, QUEUE
from dmat.routing.reps import find_rep
from dmat.scoring.leads import add_note, get_lead, set_status
from dmat.store.access import Caller

STATUS_ACTS = {"contacted": "Contacted", "qualified": "Qualified", "won": "Won", "lost": "Lost"}


@dataclass(frozen=True)
class Done:
    """What was done, in words; `undo` is (lead, rep who had it) when it can be taken back."""

    words: str
    undo: tuple[int, str] | None = None


class Acts:
    """The acts of one reader."""

    def __init__(self, context: Context, caller: Caller) -> None:
        self.context, self.caller = context, caller
        self._names = {
            "accept": self._accept, "reject": self._reject, "give": self._give, "route": self._route,
            "claim": self._claim, "status": self._status, "note": self._note, "undo": self._undo,
        }  # fmt: skip

    def knows(self, name: str) -> bool:
        """Whether it is an act."""
        return name in self._names

    def do(self, name: str, lead_id: int, form: Mapping[str, Any]) -> Done:
        """Do it.

        Raises:
            DmatError: it cannot be done, in words for the reader.
        """
        self.caller.require("leads:write")
        return self._names[name](lead_id, form)

    def _parts(self) -> tuple[Any, Any, Any]:
        return self.context.settings, self.context.store, self.context.workspace

    def _holder(self, lead_id: int) -> str | None:
        with self.context.store.read() as connection:
            return get_lead(connection, lead_id).assigned_to

    def _accept(self, lead_id: int, form: Mapping[str, Any]) -> Done:
        require_own(self.context.store, lead_id, self.caller)
        accept(self.context.store, lead_id, self.context.now(), self.caller.name)
        return Done("Taken on. The clock of the first contact goes on")

    def _reject(self, lead_id: int, form: Mapping[str, Any]) -> Done:
        require_own(self.context.store, lead_id, self.caller)
        before, now = self._holder(lead_id), self.context.now()
        reason, words = str(form.get("reason") or ""), str(form.get("words") or "")[:300]
        if reason == "no_lead":
            set_status(self.context.store, lead_id, "lost", now, self.caller.name, f"not a lead. {words}".strip())
            return Done("Closed: it was not a lead")
        after = reject(*self._parts(), lead_id, reason, now, self.caller.name, words)
        return Done(f"Given back. {self._where(after)}", self._back(lead_id, before))

    def _back(self, lead_id: int, rep_key: str | None) -> tuple[int, str] | None:
        return (lead_id, rep_key) if rep_key and self.caller.may("leads:route") else None

    def _where(self, assignment: Assignment) -> str:
        if assignment.place in (QUEUE, POOL):
            return f"It waits in the {assignment.place} now"
        with self.context.store.read() as connection:
            return f"{find_rep(connection, assignment.rep_key or '').name} has it now"

    def _give(self, lead_id: int, form: Mapping[str, Any]) -> Done:
        self.caller.require("leads:route")
        before = self._holder(lead_id)
        rep = str(form.get("rep") or "")
        given = give_to(*self._parts(), lead_id, rep, self.context.now(), self.caller.name)
        return Done(self._where(given), self._back(lead_id, before))

    def _route(self, lead_id: int, form: Mapping[str, Any]) -> Done:
        self.caller.require("leads:route")
        return Done(self._where(assign_lead(*self._parts(), lead_id, self.context.now(), self.caller.name)))

    def _claim(self, lead_id: int, form: Mapping[str, Any]) -> Done:
        claim(*self._parts(), lead_id, self.context.now(), self.caller.name)
        return Done("It is yours, and taken on")

    def _status(self, lead_id: int, form: Mapping[str, Any]) -> Done:
        require_own(self.context.store, lead_id, self.caller)
        status = str(form.get("status") or "")
        if status not in STATUS_ACTS:
            raise InvalidInputError("status", f"{status[:20]!r} is none", ", ".join(STATUS_ACTS))
        set_status(
            self.context.store, lead_id, status, self.context.now(), self.caller.name, str(form.get("reason") or "")
        )
        return Done(STATUS_ACTS[status])

    def _note(self, lead_id: int, form: Mapping[str, Any]) -> Done:
        add_note(self.context.store, lead_id, str(form.get("words") or ""), self.context.now(), self.caller.name)
        return Done("The note is kept")

    def _undo(self, lead_id: int, form: Mapping[str, Any]) -> Done:
        self.caller.require("leads:route")
        rep = str(form.get("rep") or "")
        if not rep:
            raise NotFoundError("there is nothing to take back")
        return Done(
            f"Taken back. {self._where(give_to(*self._parts(), lead_id, rep, self.context.now(), self.caller.name))}"
        )
