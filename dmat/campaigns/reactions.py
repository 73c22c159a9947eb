"""Who reacted to an earlier step of a campaign and how: the audience of a step such as "did not open the first mail".

Belongs here: from the ledger and its marks to sorted numbers of people, at the moment at which a step is frozen; which
reactions a channel can tell. Stays out: segments (`audience.py`), writing the audience down (`freezing.py`).

Only people who got the step (its message was accepted or delivered) can have reacted or not reacted: whoever was held
out, suppressed or failed is in neither group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.audience import Ids
from dmat.campaigns.plan import CampaignPlan, Reaction, Step
from dmat.campaigns.schedule import due_at
from dmat.ledger.entries import SENT
from dmat.store.tables import ledger_entries, message_marks

GOT, ANYTHING = "got", "anything"
MARKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "opened": ("opened_human",),
        "read": ("read",),
        "clicked": ("clicked_human",),
        "replied": ("replied",),
        ANYTHING: ("opened_human", "read", "clicked_human", "replied"),
    }
)
"""Reaction -> kinds of marks, any of which is enough."""
TELLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "email": (GOT, "opened", "clicked", "replied", ANYTHING),
        "sms": (GOT, "clicked", "replied", ANYTHING),
        "whatsapp": (GOT, "read", "clicked", "replied", ANYTHING),
        "push": (GOT, "clicked", ANYTHING),
        "in_app": (GOT, "clicked", ANYTHING),
        "webhook": (GOT,),
    }
)
"""Channel -> the reactions of which it can tell."""


def keep_reacting(connection: Connection, programme: str, reactions: Sequence[Reaction], people: Ids) -> Ids:
    """Of these people those for whom every reaction holds now, in ascending order."""
    for reaction in reactions:
        if not len(people):
            break
        got = _people(connection, programme, reaction.step)
        if reaction.did == GOT:
            chosen = np.setdiff1d(people, got, assume_unique=True) if reaction.is_not else got
        else:
            did = _people(connection, programme, reaction.step, MARKS[reaction.did])
            chosen = np.setdiff1d(got, did, assume_unique=True) if reaction.is_not else did
        people = np.intersect1d(people, chosen, assume_unique=True)
    return people


def _people(connection: Connection, programme: str, step: str, kinds: Sequence[str] = ()) -> Ids:
    """Who got a step, or (with `kinds`) has one of these marks on its message, in ascending order."""
    table = ledger_entries.c
    query = sa.select(table.person_id).distinct().where(
        table.programme == programme, table.step == step, table.state.in_(SENT)
    )  # fmt: skip
    if kinds:
        query = query.join(message_marks, message_marks.c.message_id == table.message_id)
        query = query.where(message_marks.c.kind.in_(kinds))
    return np.sort(np.fromiter(connection.execute(query).scalars(), np.int64))


class Fault(NamedTuple):
    """A reaction (by its number in the plan) that cannot be asked for: why, and what can."""

    number: int
    what: str
    allowed: str


def reaction_faults(plan: CampaignPlan, step: Step, workspace_zone: str, now: datetime) -> Iterator[Fault]:
    """What is wrong with the reactions that a step asks for."""
    started = plan.starts_at or now
    for number, reaction in enumerate(step.audience.reactions if step.audience else ()):
        other = plan.step(reaction.step)
        if other is None or other.key == step.key or not other.plans_messages:
            others = [each.key for each in plan.steps if each.plans_messages and each.key != step.key]
            yield Fault(number, f"there is no other step {reaction.step!r} that writes to people", ", ".join(others))
        elif reaction.did not in TELLS.get(other.channel, ()):
            yield Fault(number, f"{other.channel} does not tell who {reaction.did}", ", ".join(TELLS[other.channel]))
        elif due_at(plan, other, workspace_zone, started) >= due_at(plan, step, workspace_zone, started):
            yield Fault(number, f"step {reaction.step!r} does not go out before this one", "an earlier step")
