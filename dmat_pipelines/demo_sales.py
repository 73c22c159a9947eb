"""The demo's sales: three reps and a manager who answer their leads, and a loyalty programme with offers.

Belongs here: who they are, how they behave, and the checks that it adds up. Stays out: any rule of routing or loyalty.
The first rep signs in as the demo's sales user; whom they took on in the last day they leave for the reader to contact.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from dmat.errors import ConflictError
from dmat.loyalty.ledger import out_of_balance
from dmat.loyalty.offers import grant_codes, grant_offer, put_offer, redeem
from dmat.loyalty.rules import keep_rules
from dmat.routing.answering import accept, reject
from dmat.routing.assigning import ASSIGNMENT_COLUMNS, Assignment
from dmat.routing.decide import REP
from dmat.routing.reps import put_rep, read_loads, read_reps
from dmat.scoring.leads import set_status
from dmat.settings import Settings
from dmat.store import Store, open_store
from dmat.store.engine import rows_of
from dmat.store.lead_tables import lead_assignments, leads, score_states
from dmat.store.loyalty_tables import loyalty_members
from dmat.warehouse import Workspace
from dmat_pipelines.proof import Check

BY, USER_REP, MUGS = "manager@demo.example", "sam", 6
FORMS, EVERY = ("request-demo", "contact"), 3
HOURS = {day: ["00:00", "24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
REPS: tuple[dict[str, Any], ...] = (
    {"rep_key": USER_REP, "name": "Sam Sales", "email": "sales@demo.example", "team": "North",
     "territories": ["DE", "AT", "CH", "GB"], "capacity": 20},
    {"rep_key": "tess", "name": "Tess Keller", "email": "tess@demo.example", "team": "South",
     "territories": ["FR", "ES", "IT"], "industries": ["Technology"], "capacity": 20},
    {"rep_key": "noor", "name": "Noor Haddad", "email": "noor@demo.example", "team": "South", "capacity": 20},
    {"rep_key": "mara", "name": "Mara Manager", "email": BY, "role": "manager", "team": "North", "capacity": 20},
)  # fmt: skip
OFFERS: tuple[dict[str, Any], ...] = (
    {"offer_key": "birthday", "name": "15 % and a gift", "kind": "percent", "value": 15, "valid_days": 31},
    {"offer_key": "anniversary", "name": "20 % off", "kind": "percent", "value": 20, "valid_days": 30},
    {"offer_key": "vip", "name": "Early access to the sale", "kind": "early_access", "tiers": ["platinum"],
     "valid_days": 7},
    {"offer_key": "mug", "name": "A mug", "kind": "gift", "points_cost": 80, "tiers": ["gold", "platinum"]},
)  # fmt: skip


def add_sales(settings: Settings) -> None:
    """Make the reps, and begin the loyalty programme with its offers."""
    store, now = open_store(settings), settings.clock.now()
    for rep in REPS:
        put_rep(store, rep | {"working_hours": HOURS}, now, BY)
    keep_rules(store, {"holdout_share": 0.1}, now, "marketer@demo.example")
    for offer in OFFERS:
        put_offer(store, offer, now, "marketer@demo.example")


def ask_for_a_demo(settings: Settings, turn: int) -> str:
    """One lead of the tables fills in two forms of the site, as every two hours another one; gives the address.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    query = "select email from scores.dim_leads where email is not null order by person_id limit 1 offset ?"
    found = Workspace(settings).rows(query, [turn * EVERY])
    for form in FORMS if found else ():
        body = {"email": found[0]["email"], "message": "We would like to see it."}
        httpx.post(f"{settings.resolved_public_url}/api/forms/{form}", json=body, timeout=60).raise_for_status()
    return str(found[0]["email"]) if found else ""


def work_leads(settings: Settings) -> None:
    """The reps' last two hours: most leads are taken on and contacted within the hour, some given back, some not."""
    store, view, now = open_store(settings), Workspace(settings), settings.clock.now()
    query = sa.select(*ASSIGNMENT_COLUMNS).where(lead_assignments.c.ended_at.is_(None), lead_assignments.c.place == REP)
    with store.read() as connection:
        found = [Assignment(**row) for row in rows_of(connection, query.order_by(lead_assignments.c.assignment_id))]
    for assignment in found:
        if assignment.rep_key != USER_REP or assignment.assigned_at < now - timedelta(hours=20):
            _answer(settings, store, view, assignment, now)
        elif not assignment.is_answered:
            accept(store, assignment.lead_id, now, BY)  # the reader is to contact it; silence would give it to another


def _answer(settings: Settings, store: Store, view: Workspace, given: Assignment, now: datetime) -> None:
    lead_id, mood = given.lead_id, given.assignment_id % 10
    answered = min(given.assigned_at + timedelta(minutes=4 + lead_id * 7 % 40), now)
    if mood == 0 and not given.is_answered:
        reject(settings, store, view, lead_id, "territory" if lead_id % 2 else "no_time", answered, BY)
    elif mood == 1 or given.rep_key is None:
        return  # somebody is busy; the clock gives the lead to another
    elif not given.is_answered:
        accept(store, lead_id, answered, BY)
    elif given.contacted_at is None:
        _say(store, lead_id, "contacted", min(answered + timedelta(minutes=lead_id % 35), now))
    elif mood in {2, 3}:
        _say(store, lead_id, "qualified", now)
    elif mood in {4, 5}:
        _say(store, lead_id, "won" if mood == 4 else "lost", now)


def use_offers(settings: Settings) -> None:
    """Members with a birthday this month get that offer; some take a mug for points, every second one from the till."""
    store, view, now = open_store(settings), Workspace(settings), settings.clock.now()
    born = view.rows("select person_id from people.dim_people where month(birthday) = ?", [now.month])
    table = loyalty_members.c
    valued = sa.select(table.person_id).where(table.tier.in_(("gold", "platinum"))).order_by(table.person_id)
    with store.write() as connection:
        grant_codes(connection, "birthday", [int(row["person_id"]) for row in born], f"{now:%Y}", now)
        takers: list[int] = list(connection.execute(valued.limit(MUGS)).scalars())
    for person in takers:
        _take_a_mug(store, person, now)


def _take_a_mug(store: Store, person: int, now: datetime) -> None:
    try:
        grant = grant_offer(store, "mug", person, "first", now, BY)
    except ConflictError:
        return  # too few points
    if grant.grant_id % 2:
        redeem(store, grant.code, f"till-{grant.grant_id}", now)


def _say(store: Store, lead_id: int, status: str, now: datetime) -> None:
    try:
        set_status(store, lead_id, status, now, BY)
    except ConflictError:
        return  # it went further meanwhile


def sales_checks(settings: Settings) -> list[Check]:
    """Who is ready for sales is with somebody or waits, nobody has more than they take, points are in balance."""
    store, now = open_store(settings), settings.clock.now()
    had = sa.select(lead_assignments.c.lead_id).where(lead_assignments.c.lead_id == leads.c.lead_id)
    forgotten = (
        sa.select(sa.func.count()).select_from(leads.join(score_states, score_states.c.lead_id == leads.c.lead_id))
        .where(score_states.c.is_above, leads.c.status == "new", sa.not_(had.exists()))
    )  # fmt: skip
    with store.read() as connection:
        lost = int(connection.execute(forgotten).scalar_one())
        reps = read_reps(connection)
        loads = read_loads(connection, reps, now)
    too_many = [rep for rep in reps if rep.role == "rep" and loads[rep.rep_key].open_count > rep.capacity]
    return [
        Check("leads over the threshold that nobody was given", lost),
        Check("reps with more leads than they take", len(too_many)),
        Check("transactions of loyalty points out of balance", len(out_of_balance(store))),
    ]  # fmt: skip
