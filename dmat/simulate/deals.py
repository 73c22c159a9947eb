"""Business deals in the CRM, moving through the pipeline until they are won, lost or still open.

Belongs here: drawing deals of people who work for a company.
Stays out: the CRM's contacts (`contacts.py`) and companies (`catalogue.py`).
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from dmat.simulate.catalogue import CURRENCY
from dmat.simulate.columns import NONE, moments, stage, words
from dmat.simulate.contacts import CRM_BASE
from dmat.simulate.people import People
from dmat.simulate.rhythm import DAY, HOUR, Calendar

STAGES = (
    "appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent",
    "closedwon", "closedlost",
)  # fmt: skip
OPEN_STAGES = 5
WON, LOST = 5, 6
WIN_SHARE = 0.3
SUBJECTS = ("Office coffee", "Staff gifts", "Kitchen equipment", "Customer gifts", "Event catering")


def write_deals(
    connection: duckdb.DuckDBPyConnection, rng: np.random.Generator, people: People, calendar: Calendar, first_id: int
) -> None:
    """Write `deals`: about every second business contact has one, some have two."""
    some = np.flatnonzero(people.in_crm & (people.company != NONE))
    person = np.repeat(some, rng.choice(3, len(some), p=[0.5, 0.4, 0.1]))
    size, now = len(person), calendar.end_second
    since = np.maximum(people.joined[person], calendar.first_midnight)
    created = np.sort(since + (rng.random(size) * np.maximum(now - HOUR - since, 1)).astype(np.int64))
    takes = (rng.gamma(2.0, 24.0, size) * DAY).astype(np.int64) + DAY
    is_closed = created + takes < now
    progress = np.minimum((now - created) / takes * OPEN_STAGES, OPEN_STAGES - 1).astype(np.int64)
    reached = np.where(is_closed, np.where(rng.random(size) < WIN_SHARE, WON, LOST), progress)
    moved = created + np.where(is_closed, takes, takes * reached // OPEN_STAGES)
    stage(connection, "drawn_deals", {
        "deal_id": first_id + np.arange(size), "person_id": people.ids[person],
        "contact_id": CRM_BASE + people.ids[person] * 4, "company_id": people.company[person],
        "amount_cents": np.maximum(np.rint(np.exp(rng.normal(7.2, 0.9, size))), 50).astype(np.int64) * 100,
        "currency_code": pa.array([CURRENCY] * size), "stage": words(STAGES, reached), "created_at": moments(created),
        "updated_at": moments(np.minimum(moved, now - 60)), "closed_at": moments(np.where(is_closed, created + takes,
        NONE)), "is_won": reached == WON, "subject": words(SUBJECTS, rng.integers(0, len(SUBJECTS), size)),
    })  # fmt: skip
    connection.execute(
        "insert into deals by name select d.* exclude (person_id, subject), d.subject || ' for ' || c.name as name"
        " from drawn_deals as d join companies as c using (company_id)"
    )
    connection.unregister("drawn_deals")
