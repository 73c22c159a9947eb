"""Leads in the store: taking them in, finding them, their status, what happened to them.

Belongs here: rows of `leads` and `lead_history`. Stays out: scores (`live.py`), who gets them (`dmat/routing`).
One address is one lead; giving it again fills in what was empty. What comes in goes to the tables as a lead, and as a
contact only through a form, an import or the CRM: a caller's word is no consent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.channels.addresses import is_valid
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.store.engine import Store, chunks, lock_rows, rows_of, upsert
from dmat.store.lead_tables import lead_assignments, lead_history, leads
from dmat.store.tables import form_submissions

STATUSES = ("new", "contacted", "qualified", "won", "lost")
MAY_FOLLOW = {
    "new": {"contacted", "qualified", "won", "lost"}, "contacted": {"qualified", "won", "lost"},
    "qualified": {"contacted", "won", "lost"}, "won": {"lost"}, "lost": {"contacted", "qualified", "won"},
}  # fmt: skip
OVER = ("won", "lost")
LONGEST_NOTE = 2000
SOURCES = ("landing_page", "social", "email", "webinar", "referral", "import")
SIZES = ("1-10", "11-50", "51-200", "201-1000", "1000+")
LONGEST = {"name": 255, "phone": 40, "company_name": 255, "industry": 100, "job_title": 200, "region": 100}
FREE_MAILBOXES = frozenset((
    "aol.com", "gmail.com", "gmx.at", "gmx.ch", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "icloud.com",
    "live.com", "mail.ru", "me.com", "msn.com", "outlook.com", "proton.me", "protonmail.com", "qq.com", "t-online.de",
    "web.de", "yahoo.com", "yahoo.co.uk", "yandex.ru", "zoho.com", "163.com",
))  # fmt: skip
FILLED = ("name", "phone", "company_name", "company_size", "industry", "job_title", "country_code", "region")


@dataclass(frozen=True)
class Lead:
    """One lead as the store has it."""

    lead_id: int
    email: str
    person_id: int | None
    name: str
    phone: str
    company_name: str
    company_size: str
    industry: str
    job_title: str
    country_code: str
    region: str
    source: str
    landing_page_id: int | None
    campaign_id: int | None
    status: str
    status_at: datetime
    assigned_to: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def email_domain(self) -> str:
        """What stands behind the @."""
        return self.email.rpartition("@")[2]

    @property
    def company_domain(self) -> str:
        """The domain of an address at work; empty for a free mailbox."""
        return "" if self.email_domain in FREE_MAILBOXES else self.email_domain


_COLUMNS = [leads.c[name] for name in Lead.__dataclass_fields__]


def clean_lead(given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a lead from what somebody gave.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    email = str(given.get("email") or "").strip().lower()
    if not is_valid("email", email):
        raise InvalidInputError("email", f"{email[:100]!r} is not an address of email", "e.g. john@example.com")
    found: dict[str, Any] = {"email": email, "source": given.get("source") or "landing_page"}
    for field, longest in LONGEST.items():
        found[field] = _text(field, given.get(field), longest)
    found["company_size"] = _one_of("company_size", given.get("company_size") or "", ("", *SIZES))
    found["source"] = _one_of("source", found["source"], SOURCES)
    country = str(given.get("country_code") or "").strip().upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise InvalidInputError("country_code", f"{country[:20]!r} is not a code of a country", "two letters, e.g. DE")
    found["country_code"] = country
    return found | {name: given.get(name) for name in ("landing_page_id", "campaign_id")}


def _text(field: str, value: Any, longest: int) -> str:
    text = " ".join(str(value or "").split())
    if len(text) > longest:
        raise InvalidInputError(field, f"{len(text)} signs are too many", f"at most {longest}")
    return text


def _one_of(field: str, value: Any, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise InvalidInputError(
            field, f"{str(value)[:60]!r} is not allowed", ", ".join(each for each in allowed if each)
        )
    return str(value)


def take_in(store: Store, given: Mapping[str, Any], now: datetime, by: str) -> tuple[Lead, bool]:
    """Take a lead in, and whether it is new; a known address is filled in where it was empty.

    A new one is also kept as a form of our own door, so that the address becomes a person of the warehouse.

    Raises:
        InvalidInputError: see `clean_lead`.
    """
    columns = clean_lead(given)
    with store.write() as connection:
        lead_id = _insert(connection, columns, now, by)
        if lead_id is not None:
            connection.execute(sa.insert(form_submissions).values(_as_form(lead_id, columns, now)))
            note(connection, lead_id, "created", f"taken in from {columns['source'].replace('_', ' ')}", now, by)
            return get_lead(connection, lead_id), True
        known = _fill_in(connection, columns, now)
    return known, False


def _insert(connection: Connection, columns: dict[str, Any], now: datetime, by: str) -> int | None:
    row = columns | {
        "status": "new", "status_at": columns.get("created_at", now), "created_at": columns.get("created_at", now),
        "created_by": by, "updated_at": now, "revision": 1, "exported_revision": 0,
    }  # fmt: skip
    statement = upsert(connection, leads).values(row).on_conflict_do_nothing(index_elements=["email"])
    found = connection.execute(statement.returning(leads.c.lead_id)).scalar()
    return None if found is None else int(found)


def _as_form(lead_id: int, columns: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The form `lead` earns no points by itself (the matrix does not see it) and grants nothing."""
    first, _, last = columns["name"].partition(" ")
    fields = {
        "email": columns["email"], "first_name": first, "last_name": last, "phone": columns["phone"],
        "company": columns["company_name"], "job_title": columns["job_title"], "country": columns["country_code"],
    }  # fmt: skip
    return {
        "submission_id": f"lead-{lead_id}", "form": LEAD_FORM, "fields": fields, "page_url": "", "client_id": "",
        "submitted_at": now,
    }  # fmt: skip


LEAD_FORM = "dmat-lead"  # not a form that somebody filled in: `fct_score_points` leaves it out


def _fill_in(connection: Connection, columns: Mapping[str, Any], now: datetime) -> Lead:
    query = sa.select(leads.c.lead_id).where(leads.c.email == columns["email"])
    lead = get_lead(connection, int(connection.execute(query).scalar_one()))
    fresh = {name: columns[name] for name in FILLED if columns[name] and not getattr(lead, name)}
    if fresh:
        write_lead(connection, lead.lead_id, fresh, now)
    return get_lead(connection, lead.lead_id)


def write_lead(connection: Connection, lead_id: int, values: Mapping[str, Any], now: datetime) -> None:
    """Set columns of a lead, inside the caller's transaction."""
    row = {**values, "updated_at": now, "revision": leads.c.revision + 1}
    connection.execute(sa.update(leads).where(leads.c.lead_id == lead_id).values(row))


def get_lead(connection: Connection, lead_id: int, locks: bool = False) -> Lead:
    """One lead.

    Raises:
        NotFoundError: there is none with that number.
    """
    query = sa.select(*_COLUMNS).where(leads.c.lead_id == lead_id)
    found = rows_of(connection, lock_rows(connection, query) if locks else query)
    if not found:
        raise NotFoundError(f"there is no lead {lead_id}")
    return Lead(**found[0])


def leads_of(connection: Connection, lead_ids: Sequence[int]) -> dict[int, Lead]:
    """Number -> lead, for those that are there."""
    found = {}
    for batch in chunks(lead_ids):
        for row in rows_of(connection, sa.select(*_COLUMNS).where(leads.c.lead_id.in_(batch))):
            found[int(row["lead_id"])] = Lead(**row)
    return found


def list_leads(store: Store, status: str = "", assigned_to: str = "", text: str = "", limit: int = 500) -> list[Lead]:
    """Leads, the newest first."""
    query = sa.select(*_COLUMNS)
    if status:
        query = query.where(leads.c.status == _one_of("status", status, STATUSES))
    if assigned_to:
        query = query.where(leads.c.assigned_to == assigned_to)
    if text:
        words = f"%{text.lower()}%"
        query = query.where(
            sa.or_(*(sa.func.lower(leads.c[name]).like(words) for name in ("email", "name", "company_name")))
        )
    with store.read() as connection:
        return [Lead(**row) for row in rows_of(connection, query.order_by(leads.c.lead_id.desc()).limit(limit))]


def set_status(store: Store, lead_id: int, status: str, now: datetime, by: str, reason: str = "") -> Lead:
    """Lead a lead to another status; the first step away from `new` stops the clock of its assignment.

    Raises:
        NotFoundError, InvalidInputError: no such lead, no such status.
        ConflictError: that status may not follow the present one.
    """
    _one_of("status", status, STATUSES)
    with store.write() as connection:
        lead = get_lead(connection, lead_id, locks=True)
        if status == lead.status:
            return lead
        if status not in MAY_FOLLOW[lead.status]:
            allowed = ", ".join(sorted(MAY_FOLLOW[lead.status]))
            raise ConflictError(f"lead {lead_id} is {lead.status}: it cannot become {status} (allowed: {allowed})")
        write_lead(connection, lead_id, {"status": status, "status_at": now}, now)
        _note_contact(connection, lead_id, status, now)
        words = f"{lead.status} to {status}" + (f": {reason}" if reason else "")
        note(connection, lead_id, "status", words, now, by, before=lead.status, after=status)
        return get_lead(connection, lead_id)


def bring_back(connection: Connection, lead: Lead, because: str, now: datetime, by: str) -> Lead:
    """Let a lost lead be new again, with nobody, inside the caller's transaction; gives it as it is then."""
    write_lead(connection, lead.lead_id, {"status": "new", "status_at": now, "assigned_to": None}, now)
    note(connection, lead.lead_id, "returned", f"{lead.status} to new: {because}", now, by, before=lead.status)
    return get_lead(connection, lead.lead_id)


def _note_contact(connection: Connection, lead_id: int, status: str, now: datetime) -> None:
    """Who has the lead has answered; a lead that is won or lost is nobody's load any more."""
    table = lead_assignments.c
    is_open = sa.and_(table.lead_id == lead_id, table.ended_at.is_(None))
    first = sa.and_(is_open, table.contacted_at.is_(None), table.place == "rep")
    answered = sa.func.coalesce(table.accepted_at, now)
    change_assignments(connection, first, contacted_at=now, accepted_at=answered)
    if status in OVER:
        change_assignments(connection, is_open, ended_at=now, ended_because=status)


def change_assignments(connection: Connection, which: sa.ColumnElement[bool], **values: Any) -> None:
    """Write into assignments, inside the caller's transaction; each is exported again."""
    changed = {**values, "revision": lead_assignments.c.revision + 1}
    connection.execute(sa.update(lead_assignments).where(which).values(changed))


def note(connection: Connection, lead_id: int, kind: str, words: str, now: datetime, by: str, **detail: Any) -> None:
    """One line of a lead's history, inside the caller's transaction."""
    row = {"lead_id": lead_id, "kind": kind, "words": words, "detail": detail, "happened_at": now, "by": by}
    connection.execute(sa.insert(lead_history).values(row))


def add_note(store: Store, lead_id: int, words: str, now: datetime, by: str) -> None:
    """Write down what somebody says about a lead.

    Raises:
        NotFoundError: there is no such lead.
        InvalidInputError: it says nothing, or too much.
    """
    text = words.strip()
    if not 1 <= len(text) <= LONGEST_NOTE:
        raise InvalidInputError("note", f"it has {len(text)} signs", f"1 to {LONGEST_NOTE}")
    with store.write() as connection:
        get_lead(connection, lead_id)
        note(connection, lead_id, "note", text, now, by)


def history_of(store: Store, lead_id: int, limit: int = 200) -> list[dict[str, Any]]:
    """What happened to a lead, the newest first: kind, words, detail, happened_at, by."""
    names = ("kind", "words", "detail", "happened_at", "by")
    query = sa.select(*(lead_history.c[name] for name in names)).where(lead_history.c.lead_id == lead_id)
    with store.read() as connection:
        return rows_of(connection, query.order_by(lead_history.c.history_id.desc()).limit(limit))
