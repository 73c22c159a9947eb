"""Double opt-in: who asks for our messages at an address confirms it by a link in a mail to that address.

Belongs here: asking (limited, as anybody may type anybody's address), confirming, what is kept as proof.
Stays out: the mail (`dmat/messages/opt_in.py`), the doors (`apps/api/opt_in.py`).

The mail is planned in the ledger as everything that leaves: programme `double_opt_in`, purpose `transactional`.
Consent is granted by the confirmation only. People whom we know by the address have it at once; for others the
confirmation is a form in the inbox of the warehouse, and whoever it makes known there has it then.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import ensure_programme
from dmat.channels.email import is_valid_address
from dmat.consent.permission import Decision, record_decisions
from dmat.consent.preferences import lift_unsubscribed, list_purposes, log_proofs
from dmat.consent.suppression import address_hash, clean_address
from dmat.errors import InvalidInputError, NotFoundError
from dmat.ledger.post import NewEntry, plan_entries
from dmat.settings import Settings
from dmat.store.engine import Store, rows_of
from dmat.store.tables import form_submissions, ledger_entries
from dmat.store.web_tables import double_opt_ins

PROGRAMME, VERSION, STEP, CHANNEL, PURPOSE = "double_opt_in", 1, "confirm", "email", "transactional"
SOURCE = "double opt-in"
LIMITS = ((timedelta(minutes=5), 1), (timedelta(days=1), 3), (timedelta(days=30), 10))
MOST_PEOPLE = 100  # who share one address


@dataclass(frozen=True)
class Asking:
    """Somebody asks for messages at an address.

    Attributes:
        source: where, e.g. `form newsletter`.
        fields: what was filled in; it is kept as proof and handed on when it is confirmed.
    """

    address: str
    purpose: str
    source: str
    fields: dict[str, Any]
    page_url: str = ""
    client_id: str = ""


@dataclass(frozen=True)
class OptIn:
    """One asking as it is kept."""

    opt_in_id: str
    address: str
    purpose: str
    source: str
    asked_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be confirmed."""
        return self.confirmed_at is None and now < self.expires_at


_COLUMNS = [double_opt_ins.c[name] for name in OptIn.__dataclass_fields__]


def ask(store: Store, settings: Settings, asking: Asking, now: datetime) -> str | None:
    """Keep an asking and plan the mail; gives its id, or None when that address was asked often enough.

    Raises:
        InvalidInputError: no address a mail can be sent to, or an unknown purpose.
    """
    address = clean_address(asking.address)
    if not is_valid_address(address):
        raise InvalidInputError("email", "it is not an address that a mail can be sent to", "name@example.com")
    with store.write() as connection:
        names = {each.purpose: each.name for each in list_purposes(connection)}
        if asking.purpose not in names:
            raise InvalidInputError("purpose", f"{asking.purpose[:60]!r} is unknown", ", ".join(names))
        if _is_enough(connection, address, now):
            return None
        opt_in_id = str(uuid.uuid4())
        expires_at = now + timedelta(hours=settings.double_opt_in_hours)
        row = {
            "opt_in_id": opt_in_id, "address_hash": address_hash(address), "address": address, "channel": CHANNEL,
            "purpose": asking.purpose, "source": asking.source[:200], "asked_at": now, "expires_at": expires_at,
            "asked": {"fields": asking.fields, "page_url": asking.page_url, "client_id": asking.client_id},
        }  # fmt: skip
        connection.execute(sa.insert(double_opt_ins).values(row))
        ensure_programme(connection, PROGRAMME, VERSION, now)
        plan_entries(connection, [_entry(opt_in_id, address, names[asking.purpose], expires_at)], now)
    return opt_in_id


def _entry(opt_in_id: str, address: str, wanted: str, expires_at: datetime) -> NewEntry:
    context = {"opt_in_id": opt_in_id, "wanted": wanted, "expires_at": expires_at.isoformat()}
    return NewEntry(
        person_id=0, programme=PROGRAMME, programme_version=VERSION, step=STEP, occurrence=opt_in_id, channel=CHANNEL,
        address=address, context=context, expires_at=expires_at, purpose=PURPOSE,
        template=PROGRAMME, template_version=1,
    )  # fmt: skip


def _is_enough(connection: Connection, address: str, now: datetime) -> bool:
    table = double_opt_ins.c
    longest = max(window for window, _ in LIMITS)
    query = sa.select(table.asked_at).where(table.address_hash == address_hash(address), table.asked_at > now - longest)
    times: list[datetime] = list(connection.execute(query).scalars())
    return any(sum(at > now - window for at in times) >= most for window, most in LIMITS)


def find_opt_in(store: Store, opt_in_id: str) -> OptIn:
    """One asking.

    Raises:
        NotFoundError: there is none with this id.
    """
    with store.read() as connection:
        found = rows_of(connection, sa.select(*_COLUMNS).where(double_opt_ins.c.opt_in_id == opt_in_id))
    if not found:
        raise NotFoundError("nobody asked for that")
    return OptIn(**found[0])


def confirm(store: Store, opt_in_id: str, evidence: str, now: datetime) -> bool:
    """Grant what was asked for, with its proof; False when it was too late. Twice gives once.

    Raises:
        NotFoundError: there is no such asking.
    """
    opt_in = find_opt_in(store, opt_in_id)
    table = double_opt_ins.c
    with store.write() as connection:
        done = connection.execute(
            sa.update(double_opt_ins)
            .where(table.opt_in_id == opt_in_id, table.confirmed_at.is_(None), table.expires_at > now)
            .values(confirmed_at=now, evidence=evidence)
        )
        if done.rowcount:
            _grant(connection, opt_in, evidence, now)
    return bool(done.rowcount) or find_opt_in(store, opt_in_id).confirmed_at is not None


def _grant(connection: Connection, opt_in: OptIn, evidence: str, now: datetime) -> None:
    proof = f"asked {opt_in.asked_at:%Y-%m-%d %H:%M:%S} UTC by {opt_in.source}, {evidence}"
    people = _people_at(connection, opt_in.address)
    record_decisions(
        connection,
        [Decision(person, CHANNEL, opt_in.purpose, True, now, SOURCE, proof) for person in people],
        now,
    )
    lift_unsubscribed(connection, opt_in.address, CHANNEL, now)
    common = {
        "address": opt_in.address, "channel": CHANNEL, "purpose": opt_in.purpose, "what": "granted", "value": "",
        "source": SOURCE, "evidence": proof, "decided_at": now,
    }  # fmt: skip
    log_proofs(connection, [common | {"decision_id": str(uuid.uuid4()), "person_id": one} for one in people or [0]])
    connection.execute(sa.insert(form_submissions).values(_submission(connection, opt_in, proof, now)))


def _people_at(connection: Connection, address: str) -> list[int]:
    table = ledger_entries.c
    query = sa.select(table.person_id).distinct().where(table.address == address, table.channel == CHANNEL)
    found: list[int] = list(connection.execute(query.where(table.person_id > 0).limit(MOST_PEOPLE)).scalars())
    return sorted(found)


def _submission(connection: Connection, opt_in: OptIn, proof: str, now: datetime) -> dict[str, Any]:
    """What was filled in then, as a form of its own, now with consent (to marketing: the warehouse knows no other)."""
    query = sa.select(double_opt_ins.c.asked).where(double_opt_ins.c.opt_in_id == opt_in.opt_in_id)
    asked: dict[str, Any] = dict(connection.execute(query).scalar_one())
    fields = dict(asked["fields"]) | {"email": opt_in.address, "consent_text": proof}
    if opt_in.purpose == "marketing":
        fields["consent_email"] = True
    return {
        "submission_id": opt_in.opt_in_id, "form": PROGRAMME, "fields": fields, "page_url": asked["page_url"],
        "client_id": asked["client_id"], "submitted_at": now,
    }  # fmt: skip
