"""Messages of a person on the timeline: planned, sent, held back, opened and clicked, as the store knows this second.

Belongs here: entries of the ledger and marks of events as moments. Stays out: messages of other systems
(`timeline.py` reads them from the warehouse).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

import sqlalchemy as sa

from apps.context import Context
from apps.parts.channels import channel_icon, channel_name
from apps.parts.words import sentence_case
from apps.screens.campaigns.journeys import MARKS
from apps.screens.people.moment import Moment
from dmat.campaigns.records import campaign_of
from dmat.ledger.entries import (
    AMBIGUOUS,
    EXPIRED,
    HELD_OUT,
    OPEN,
    REJECTED,
    SENT,
    SUPPRESSED,
    WENT_OUT,
    Entry,
    list_entries,
)
from dmat.store import Store
from dmat.store.campaign_tables import campaigns
from dmat.store.journey_tables import journeys
from dmat.store.tables import message_marks

MOST = 400
JOURNEY = "journey:"
_BECAME = {HELD_OUT: "held out", SUPPRESSED: "not sent", EXPIRED: "not sent any more", REJECTED: "refused",
           AMBIGUOUS: "perhaps sent"}  # fmt: skip
_TONES = {HELD_OUT: "", SUPPRESSED: "warning", EXPIRED: "warning", REJECTED: "danger", AMBIGUOUS: "danger"}
_DID = {"converted": "led to an order", "unsubscribed": "led to unsubscribing", "complained": "was reported as spam"}
_LOUD = {"converted": "success", "unsubscribed": "warning", "bounced": "danger", "complained": "danger"}


def message_moments(context: Context, ids: Sequence[int]) -> Iterable[Moment]:
    """A moment for each message that left or was held back, and for each thing that the person did with it."""
    entries = [entry for each in ids for entry in list_entries(context.store, person_id=each, limit=MOST)]
    names = programme_names(context.store, {entry.programme for entry in entries})
    marks = _marks(context.store, [entry.message_id for entry in entries if entry.state in WENT_OUT])
    for entry in entries:
        if entry.state in OPEN and entry.state != AMBIGUOUS:
            continue  # it is still to come
        told = told_of(entry, names)
        yield told
        for kind, at in marks.get(entry.message_id, ()):
            yield _marked(entry, told, kind, at)


def told_of(entry: Entry, names: Mapping[str, str]) -> Moment:
    """What became of a message."""
    of = names.get(entry.programme, sentence_case(entry.programme))
    link, words = link_of(entry)
    subject = f": “{entry.subject}”" if entry.subject else ""
    title = f"{channel_name(entry.channel)} {_BECAME.get(entry.state, 'sent')}{subject}"
    if entry.state in SENT or entry.state == AMBIGUOUS:
        at = entry.handed_over_at or entry.accepted_at or entry.planned_at
        message_id, detail = entry.message_id, f"{of}, {sentence_case(entry.state).lower()}"
    else:
        at, message_id, detail = entry.updated_at, "", f"{of}: {entry.reason}" if entry.reason else of
    tone = _TONES.get(entry.state, "info")
    return Moment(at, "message", channel_icon(entry.channel), tone, title, detail, link, words, message_id)


def link_of(entry: Entry) -> tuple[str, str]:
    """Where the message's programme is told, with words for the link."""
    number = campaign_of(entry.programme)
    if number is not None:
        return f"/campaigns?id={number}&person={entry.person_id}", "In the campaign"
    if entry.programme.startswith(JOURNEY):
        return f"/journeys?id={quote(entry.programme.removeprefix(JOURNEY))}", "See the journey"
    if entry.programme == "cart_recovery":
        return f"/follow?id={quote(entry.occurrence)}", "Follow the cart"
    return "", ""


def programme_names(store: Store, programmes: Iterable[str]) -> dict[str, str]:
    """Programme -> its name as people gave it, for campaigns and journeys."""
    wanted = {programme: campaign_of(programme) for programme in programmes}
    numbers = [number for number in wanted.values() if number is not None]
    with store.read() as connection:
        query = sa.select(campaigns.c.campaign_id, campaigns.c.name).where(campaigns.c.campaign_id.in_(numbers))
        named = {int(row.campaign_id): str(row.name) for row in connection.execute(query)}
        keys = [each.removeprefix(JOURNEY) for each in wanted if each.startswith(JOURNEY)]
        found = connection.execute(sa.select(journeys.c.key, journeys.c.name).where(journeys.c.key.in_(keys)))
        told = {f"{JOURNEY}{row.key}": str(row.name) for row in found}
    return told | {each: named[number] for each, number in wanted.items() if number in named}


def _marks(store: Store, message_ids: Sequence[str]) -> dict[str, list[tuple[str, datetime]]]:
    table, found = message_marks.c, defaultdict[str, list[tuple[str, datetime]]](list)
    with store.read() as connection:
        query = sa.select(table.message_id, table.kind, table.first_at).where(table.message_id.in_(message_ids))
        for message_id, kind, at in connection.execute(query):
            if kind in MARKS and kind != "delivered":
                found[message_id].append((kind, at))
    return found


def _marked(entry: Entry, told: Moment, kind: str, at: datetime) -> Moment:
    subject = f": “{entry.subject}”" if entry.subject else ""
    title = f"{channel_name(entry.channel)} {_DID.get(kind, MARKS[kind])}{subject}"
    return Moment(at, "message", told.icon, _LOUD.get(kind, ""), title, told.detail.rsplit(",", 1)[0], told.link,
                  told.link_words)  # fmt: skip
