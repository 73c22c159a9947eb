"""Retargeting: lists of people at advertisers, kept equal to an audience of ours.

Belongs here: who may be on a list, what changed since the last time, and that nobody is forgotten on one. Stays out:
vendors (`dmat/connectors/meta_audiences.py`, `dmat/connectors/google_ads.py`), how people are hashed
(`dmat/channels/identities.py`).

Only people with consent for the channel `retargeting` are handed over. That somebody is about to be put on a list is
written down before it happens, so that whoever may be on it can be taken off, also after a lost answer. Adding and
removing are idempotent by identity, so what is not known to be done is simply done again the next time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
import sqlalchemy as sa

from dmat.channels import audience_members as members
from dmat.channels.identities import Identity
from dmat.consent.permission import find_permissions
from dmat.consent.suppression import find_suppressed
from dmat.errors import AmbiguousError, InvalidInputError, VendorUnavailableError
from dmat.settings import Settings
from dmat.store.audience_tables import audience_members
from dmat.store.engine import Store

CHANNEL = "retargeting"
TRIES = 3
Rows = Sequence[Any]


@dataclass(frozen=True)
class Session:
    """One upload in several requests: a number of its own, which request this is, whether it is the last."""

    number: int
    request: int
    is_last: bool
    total: int


class AudienceProvider(Protocol):
    """An advertiser that keeps lists of people, or its sandbox."""

    name: str
    batch: int

    def identify(self, identity: Identity) -> Any | None:
        """A person as this vendor knows people, hashed; None when it could not."""
        ...

    def ensure_list(self, key: str, title: str) -> str:
        """The vendor's id of the list of this key: looked for first, made when it is not there."""
        ...

    def add(self, vendor_id: str, rows: Rows, session: Session) -> None:
        """Put people on the list; doing it twice does it once."""
        ...

    def remove(self, vendor_id: str, rows: Rows, session: Session) -> None:
        """Take people off the list; doing it twice does it once."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True)
class SyncReport:
    """What one upload to one vendor did."""

    provider: str
    audience_key: str
    asked_count: int
    without_consent_count: int
    unknowable_count: int
    added_count: int
    removed_count: int
    members_count: int


def provider_names_of(settings: Settings) -> tuple[str, ...]:
    """The advertisers that get our audiences: the named one, else each connected one, else the sandbox.

    Raises:
        InvalidInputError: the setting names none, or one that is not connected.
    """
    names = ("meta_audiences", "google_ads")
    named = settings.retargeting_provider
    if named and named not in (*names, "sandbox"):
        problem = f"{named!r} is not a provider of retargeting"
        raise InvalidInputError("DMAT_RETARGETING_PROVIDER", problem, ", ".join((*names, "sandbox")))
    if named in names and not settings.is_connected(named):
        raise InvalidInputError("DMAT_RETARGETING_PROVIDER", f"{named} is not connected", f"DMAT_{named.upper()}_URL")
    return (named,) if named else tuple(n for n in names if settings.is_connected(n)) or ("sandbox",)


@contextmanager
def open_audiences(settings: Settings, name: str) -> Iterator[AudienceProvider]:
    """Open one advertiser, and close it after use."""
    provider: AudienceProvider
    if name == "meta_audiences":
        from dmat.connectors.meta_audiences import MetaAudiences

        provider = MetaAudiences(settings)
    elif name == "google_ads":
        from dmat.connectors.google_ads import GoogleAds

        provider = GoogleAds(settings)
    else:
        from dmat.channels.audience_sandbox import AudienceSandbox

        provider = AudienceSandbox(settings.home / "sandbox" / CHANNEL)
    try:
        yield provider
    finally:
        provider.close()


def sync_audience(
    settings: Settings, store: Store, audience_key: str, people: Iterable[Identity], title: str = ""
) -> list[SyncReport]:
    """Make the list at each advertiser hold just those of `people` who agreed to it.

    Args:
        settings: the workspace.
        store: its store; keeps who is on which list.
        audience_key: names the list; the same key is the same list.
        people: the whole audience as it should be now.
        title: name of the list at the advertiser; the key when empty.

    Raises:
        VendorRefusedError: key, list or people were not taken; what was done is kept.
        TransientError: still so after three tries; calling again goes on where it ended.
    """
    if not audience_key or len(audience_key) > 100:
        raise InvalidInputError("audience_key", "is empty or too long", "1 to 100 signs")
    everybody = {person.person_id: person for person in people}
    agreed = agreeing(store, everybody.values())
    reports = []
    for name in provider_names_of(settings):
        with open_audiences(settings, name) as provider:
            upload = Upload(settings, store, provider, audience_key)
            reports.append(upload.run(agreed, title or audience_key, len(everybody)))
    return reports


def agreeing(store: Store, people: Iterable[Identity]) -> list[Identity]:
    """Those who agreed to retargeting and whose address was not erased."""
    listed = list(people)
    with store.read() as connection:
        permissions = find_permissions(connection, [person.person_id for person in listed], CHANNEL)
        agreed = [person for person in listed if permissions[person.person_id].is_granted]
        addresses = [address for person in agreed for address in (person.email, person.phone) if address]
        gone = find_suppressed(connection, addresses, CHANNEL)
    return [p for p in agreed if p.email.strip().lower() not in gone and p.phone not in gone]


@dataclass(frozen=True)
class Upload:
    """One list at one advertiser."""

    settings: Settings
    store: Store
    provider: AudienceProvider
    audience_key: str

    def run(self, agreed: Sequence[Identity], title: str, asked_count: int) -> SyncReport:
        """Take off who should not be there, then put on who should."""
        wanted = {p.person_id: rows for p in agreed if (rows := self.provider.identify(p)) is not None}
        vendor_id = self._ensure(title)
        known = members.read_members(self.store, self.provider.name, self.audience_key)
        digests = {person_id: _digest(rows) for person_id, rows in wanted.items()}
        off = [m for m in known.values() if m.digest != digests.get(m.person_id) or m.state == members.REMOVING]
        removed = self._take_off(vendor_id, off)
        kept = {m.person_id for m in known.values() if m.state == members.IN} - {m.person_id for m in off}
        missing = [person_id for person_id in wanted if person_id not in kept]
        self._put_on(vendor_id, {i: (digests[i], wanted[i]) for i in missing})
        count = members.note_synced(self.store, self.provider.name, self.audience_key, self._now())
        return SyncReport(
            provider=self.provider.name,
            audience_key=self.audience_key,
            asked_count=asked_count,
            without_consent_count=asked_count - len(agreed),
            unknowable_count=len(agreed) - len(wanted),
            added_count=len(missing),
            removed_count=removed,
            members_count=count,
        )

    def take_off(self, person_ids: Iterable[int]) -> int:
        """Take these people off, wherever they are on this list; gives how many were."""
        known = members.read_members(self.store, self.provider.name, self.audience_key)
        off = [known[i] for i in set(person_ids) if i in known]
        if not off:
            return 0
        removed = self._take_off(members.vendor_id_of(self.store, self.provider.name, self.audience_key), off)
        members.note_synced(self.store, self.provider.name, self.audience_key, self._now())
        return removed

    def _now(self) -> datetime:
        return self.settings.clock.now()

    def _ensure(self, title: str) -> str:
        known = members.vendor_id_of(self.store, self.provider.name, self.audience_key)
        if known:
            return known
        made = str(_tried(lambda: self.provider.ensure_list(self.audience_key, title)))
        members.keep_list(self.store, self.provider.name, self.audience_key, title, made, self._now())
        return made

    def _take_off(self, vendor_id: str, off: Sequence[members.Member]) -> int:
        place = (self.provider.name, self.audience_key)
        members.mark(self.store, *place, [m.person_id for m in off], members.REMOVING, self._now())
        for session, part in self._sessions(list(off)):
            rows = [m.identifiers for m in part]
            _tried(lambda rows=rows, session=session: self.provider.remove(vendor_id, rows, session))  # type: ignore[misc]
            members.drop(self.store, *place, [m.person_id for m in part])
        return len(off)

    def _put_on(self, vendor_id: str, on: dict[int, tuple[str, Any]]) -> None:
        place = (self.provider.name, self.audience_key)
        members.keep_members(self.store, *place, on, self._now())
        for session, part in self._sessions(list(on)):
            rows = [on[person_id][1] for person_id in part]
            _tried(lambda rows=rows, session=session: self.provider.add(vendor_id, rows, session))  # type: ignore[misc]
            members.mark(self.store, *place, part, members.IN, self._now())

    def _sessions(self, items: list[Any]) -> Iterator[tuple[Session, list[Any]]]:
        size = self.provider.batch
        parts = [items[start : start + size] for start in range(0, len(items), size)]
        seed = f"{self.audience_key}:{self._now().isoformat()}:{len(items)}"
        number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7], "big")
        for place, part in enumerate(parts, 1):
            yield Session(number, place, place == len(parts), len(items)), part


def take_off_lists(settings: Settings, store: Store, person_ids: Iterable[int]) -> int:
    """Take people off every list, because they withdrew or were erased; gives from how many places.

    Lists at an advertiser that is not connected any more stay as they are until it is connected again.

    Raises: as `sync_audience`; whoever is not off yet is taken off by the next call or upload.
    """
    listed = members.lists_of(store, person_ids)
    removed = 0
    for (name, key), people in listed.items():
        if name != "sandbox" and not settings.is_connected(name):
            continue
        with open_audiences(settings, name) as provider:
            removed += Upload(settings, store, provider, key).take_off(people)
    return removed


def take_off_withdrawn(settings: Settings, store: Store) -> int:
    """Take everybody off the lists who has no consent for it any more; gives from how many places."""
    with store.read() as connection:
        on_lists = {row[0] for row in connection.execute(sa.select(audience_members.c.person_id).distinct())}
        permissions = find_permissions(connection, on_lists, CHANNEL)
    return take_off_lists(settings, store, [i for i, permission in permissions.items() if not permission.is_granted])


def _digest(rows: Any) -> str:
    return hashlib.sha256(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _tried(do: Callable[[], Any]) -> Any:
    """Do it, and again when the answer was lost or the vendor was away for a moment: twice is as once."""
    for attempt in range(1, TRIES + 1):
        try:
            return do()
        except (AmbiguousError, VendorUnavailableError):
            if attempt == TRIES:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")
