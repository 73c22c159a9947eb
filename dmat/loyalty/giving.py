"""Codes for messages: from a pool of codes, or of an offer that each member gets with a code of their own.

Belongs here: what a step may name (`spring` is a pool, `offer:birthday` an offer) and taking from it. Stays out: pools
(`dmat/messages/codes.py`), what an offer is and who may have it (`offers.py`), messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from dmat.loyalty.offers import grant_codes, offers_in
from dmat.messages.codes import list_pools
from dmat.messages.codes import take_codes as take_from_pool

OFFER = "offer:"


def take_codes(
    connection: Connection, source: str, person_ids: Sequence[int], occasion: str, now: datetime
) -> dict[int, str]:
    """Give each person a code, inside the caller's (write) transaction; the same occasion gives the same code.

    Args:
        connection: the transaction in which the messages are planned.
        source: the key of a pool, or `offer:` with the key of an offer.
        person_ids: who gets one; of an offer, who is a member of its tiers.
        occasion: what the code is for, e.g. `campaign:12/mail/2`.
        now: when.

    Raises:
        CodesExhaustedError: a pool has fewer codes than people. NotFoundError: there is no such pool or offer.
    """
    if source.startswith(OFFER):
        return grant_codes(connection, source.removeprefix(OFFER), person_ids, occasion, now)
    return take_from_pool(connection, source, person_ids, occasion, now)


def code_sources(connection: Connection, now: datetime) -> dict[str, str]:
    """What a step may name -> its name: pools, then offers that can be given now."""
    return {pool.key: pool.name for pool in list_pools(connection)} | offer_sources(connection, now)


def unknown_source(source: str, known: Mapping[str, str]) -> tuple[str, str]:
    """What is said of a pool or offer that is not in `known` (of `code_sources`), and what is allowed."""
    what = f"there is no pool of codes {source!r}, and no such offer that can be given now"
    return what, ", ".join(sorted(known)) or "make one first"


def offer_sources(connection: Connection, now: datetime) -> dict[str, str]:
    """Offers that can be given now, as a step names them -> name; one that costs points is taken by members only."""
    offers = [each for each in offers_in(connection) if each.is_open(now) and not each.points_cost]
    return {f"{OFFER}{each.offer_key}": f"Offer: {each.name}" for each in offers}
