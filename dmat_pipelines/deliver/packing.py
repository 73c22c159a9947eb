"""What was prepared, as it crosses from one process to another: in columns, which takes a tenth of what objects take.

Of what is personal, the sender is told only what its gate asks about; the rest is in the requests already.

Belongs here: packing and unpacking. Stays out: the process (`preparing_beside.py`), what is prepared (`preparing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

from dmat.campaigns.gate import ASKED_OF_CONTEXT
from dmat.channels.contract import MailBatch, Recipient
from dmat.ledger.entries import Entry
from dmat.ledger.kept import Request
from dmat_pipelines.deliver.parcels import Parcel
from dmat_pipelines.deliver.preparing import Prepared


@dataclass(frozen=True)
class PackedEntries:
    """Entries by column: what all have in common once, the others as lists; of contexts what the gate asks about.

    Attributes:
        contexts: the different ones; `context_of` says by its place which of them each entry has.
    """

    count: int
    common: Mapping[str, Any]
    columns: Mapping[str, Sequence[Any]]
    contexts: Sequence[Mapping[str, str]]
    context_of: Sequence[int]


@dataclass(frozen=True)
class PackedParcel:
    """A parcel whose entries are named by their places.

    Attributes:
        people: what a provider has made of each recipient; empty when `message` says it all.
        request: id, what all have in common, and the kept line of each message.
    """

    places: Sequence[int]
    message: Any
    people: Sequence[bytes]
    row: Mapping[str, Any] | None
    request: tuple[str, Mapping[str, Any], Sequence[bytes]] | None
    size: int


@dataclass(frozen=True)
class PackedPrepared:
    """`Prepared`, with places in the list of entries for entries."""

    entries: PackedEntries
    parcels: Sequence[PackedParcel]
    failures: Sequence[tuple[int, str]]
    broken: Mapping[str, Sequence[tuple[int, str]]]
    last: str


def pack(prepared: Prepared) -> PackedPrepared:
    """Ready to cross."""
    places = {entry.message_id: place for place, entry in enumerate(prepared.entries)}
    return PackedPrepared(
        entries=_pack_entries(prepared.entries),
        parcels=[_pack_parcel(parcel, places) for parcel in prepared.parcels],
        failures=[(places[entry.message_id], why) for entry, why in prepared.failures],
        broken={
            programme: [(places[entry.message_id], why) for entry, why in failures]
            for programme, failures in prepared.broken.items()
        },
        last=prepared.last,
    )


def unpack(packed: PackedPrepared) -> Prepared:
    """What `pack` was given."""
    entries = _unpack_entries(packed.entries)
    return Prepared(
        entries=entries,
        parcels=[_unpack_parcel(parcel, entries) for parcel in packed.parcels],
        failures=[(entries[place], why) for place, why in packed.failures],
        broken={
            programme: [(entries[place], why) for place, why in failures]
            for programme, failures in packed.broken.items()
        },
        last=packed.last,
    )


def _pack_entries(entries: Sequence[Entry]) -> PackedEntries:
    columns: dict[str, Any] = dict(zip(Entry._fields, zip(*entries, strict=True), strict=False))
    different: dict[tuple[str, ...], int] = {}
    context_of = [
        different.setdefault(tuple(str(each.get(name) or "") for name in ASKED_OF_CONTEXT), len(different))
        for each in columns.pop("context", ())
    ]
    contexts = [dict(zip(ASKED_OF_CONTEXT, each, strict=True)) for each in different]
    common = {name: column[0] for name, column in columns.items() if column.count(column[0]) == len(column)}
    rest = {name: column for name, column in columns.items() if name not in common}
    return PackedEntries(len(entries), common, rest, contexts, context_of)


def _unpack_entries(packed: PackedEntries) -> list[Entry]:
    if not packed.count:
        return []
    columns: dict[str, Any] = {name: repeat(value, packed.count) for name, value in packed.common.items()}
    columns |= packed.columns
    columns["context"] = map(packed.contexts.__getitem__, packed.context_of)
    return list(map(Entry._make, zip(*(columns[name] for name in Entry._fields), strict=True)))


def _pack_parcel(parcel: Parcel, places: Mapping[str, int]) -> PackedParcel:
    message, people, request = parcel.message, [], None
    if isinstance(message, MailBatch) and all(person.packed for person in message.recipients):
        people = [person.packed or b"" for person in message.recipients]
        message = replace(message, recipients=())
    if parcel.request is not None:
        kept = parcel.request
        request = (kept.batch_id, kept.common, [kept.kept[message_id] for message_id in parcel.ids])
    mine = [places[message_id] for message_id in parcel.ids]
    return PackedParcel(mine, message, people, parcel.row, request, parcel.size)


def _unpack_parcel(packed: PackedParcel, all_entries: Sequence[Entry]) -> Parcel:
    entries, message, request = [all_entries[place] for place in packed.places], packed.message, None
    if packed.people:
        recipients = [
            Recipient(entry.message_id, entry.address, "", {}, packed=person)
            for entry, person in zip(entries, packed.people, strict=True)
        ]
        message = replace(message, recipients=recipients)
    if packed.request is not None:
        batch_id, common, lines = packed.request
        request = Request(batch_id, dict(zip((entry.message_id for entry in entries), lines, strict=True)), common)
    return Parcel(entries, message, row=packed.row, request=request, size=packed.size)
