"""Carrying out what journeys ask of sales, scores and loyalty: each action once, and why when it could not be.

Belongs here: taking what waits, handing it to those who do it, writing how it ended. Stays out: what they do
(`dmat/routing`, `dmat/scoring`, `dmat/loyalty`), webhooks and audiences (`acting.py`), tasks (people finish them).

An action is marked before it is done. One that a killed process left marked is never done again by itself: it stays
`doing`, for a person to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa

from dmat.errors import NotFoundError, PermanentError
from dmat.journeys.acting import DONE, FAILED_ACTION, WAITING_ACTION, Action, take_actions
from dmat.journeys.entries import Source
from dmat.journeys.properties import add_tag, remove_tag, set_value
from dmat.loyalty.ledger import adjust
from dmat.routing.assigning import assign_lead
from dmat.scoring.alerts import note_scores
from dmat.scoring.leads import take_in
from dmat.scoring.live import note_activity
from dmat.store.journey_tables import journey_actions
from dmat.store.lead_tables import leads

DOING = "doing"
_WHO = "select email, first_name, last_name, phone from people.dim_people where person_id = ?"


def carry_out(source: Source, limit: int = 1_000) -> int:
    """Do what waits; gives how many were done or found impossible.

    Raises:
        TransientError: something does not answer now; the action stays `doing`.
    """
    count = 0
    for kind, work in _WORK.items():
        for action in take_actions(source.store, kind, limit):
            if _mark(source, action, WAITING_ACTION, DOING, ""):
                now = source.settings.clock.now()
                try:
                    state, note = DONE, work(source, action, now)
                except PermanentError as error:
                    state, note = FAILED_ACTION, str(error)
                _mark(source, action, DOING, state, note)
                count += 1
    return count


def _mark(source: Source, action: Action, before: str, after: str, note: str) -> bool:
    table = journey_actions.c
    done_at = source.settings.clock.now() if after in (DONE, FAILED_ACTION) else None
    statement = sa.update(journey_actions).where(table.action_id == action.action_id, table.state == before)
    with source.store.write() as connection:
        return bool(connection.execute(statement.values(state=after, note=note, done_at=done_at)).rowcount)


def _by(action: Action) -> str:
    return f"journey {action.journey_key}"


def _lead_of(source: Source, action: Action, now: datetime) -> int:
    """The lead that a person is; whoever is none yet becomes one.

    Raises:
        NotFoundError: the person is not known. InvalidInputError: they have no e-mail address.
    """
    rows = source.desk.workspace.rows(_WHO, [action.person_id])
    if not rows:
        raise NotFoundError(f"there is no person {action.person_id} any more")
    email = str(rows[0]["email"] or "").strip().lower()
    is_it = sa.or_(leads.c.person_id == action.person_id, leads.c.email == email)
    with source.store.read() as connection:
        found = connection.execute(sa.select(leads.c.lead_id).where(is_it).order_by(leads.c.lead_id)).scalar()
    if found is not None:
        return int(found)
    name = " ".join(str(rows[0][part]) for part in ("first_name", "last_name") if rows[0][part])
    lead, _ = take_in(source.store, {"email": email, "name": name, "source": "email"}, now, _by(action))
    return lead.lead_id


def _assign(source: Source, action: Action, now: datetime) -> str:
    lead = _lead_of(source, action, now)
    assignment = assign_lead(source.settings, source.store, source.desk.workspace, lead, now, _by(action))
    return f"lead {lead}: {assignment.rep_key or assignment.place}"


def _score(source: Source, action: Action, now: datetime) -> str:
    lead, points = _lead_of(source, action, now), int(action.data["points"])
    reason = f"step {action.step} of {_by(action)}"
    noted = note_activity(
        source.store, source.desk.workspace, lead, "adjustment", now, _by(action), reason=reason, points=points
    )
    note_scores(source.settings, source.store, [noted.before, noted.after], now)
    return f"lead {lead}: {points:+d} points"


def _points(source: Source, action: Action, now: datetime) -> str:
    reason, key = f"step {action.step} of {_by(action)}", f"journey:{action.action_id}"
    balance = adjust(source.store, action.person_id, int(action.data["points"]), key, reason, now, _by(action))
    return f"balance {balance:,} points"


def _add_tag(source: Source, action: Action, now: datetime) -> str:
    is_new = add_tag(source.store, action.person_id, str(action.data["tag"]), now, _by(action))
    return f"{'given' if is_new else 'was there already'}: {action.data['tag']}"


def _remove_tag(source: Source, action: Action, now: datetime) -> str:
    was_there = remove_tag(source.store, action.person_id, str(action.data["tag"]), now, _by(action))
    return f"{'taken away' if was_there else 'was not there'}: {action.data['tag']}"


def _set_value(source: Source, action: Action, now: datetime) -> str:
    name, value = str(action.data["name"]), str(action.data["value"])
    set_value(source.store, action.person_id, name, value, now, _by(action))
    return f"{name} is {value or 'not set'}"


_WORK: Mapping[str, Callable[[Source, Action, datetime], str]] = {
    "assign_lead": _assign,
    "update_score": _score,
    "add_points": _points,
    "add_tag": _add_tag,
    "remove_tag": _remove_tag,
    "set_value": _set_value,
}
