"""Who can be reached on which channel: consent, an address, and no suppression of that address.

Belongs here: sets of people by channel, kept in step with the warehouse and the store. Stays out: the gate that decides
again when something is sent (`dmat/consent`, `dmat/campaigns/gate.py`). Push has no address in the warehouse: consent
alone decides there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import sqlalchemy as sa

from dmat.consent.permission import MARKETING
from dmat.segments.bitmaps import Bits, Places
from dmat.segments.catalogue import PEOPLE_TABLE, PERSON_COLUMN
from dmat.segments.person_columns import BUILD, PersonColumns
from dmat.segments.snapshot import Snapshot, quoted
from dmat.store import Store
from dmat.store.tables import suppressions

CONSENT_TABLE = "consent.person_channel_consent"
ADDRESSES: Mapping[str, str] = {"email": "email", "sms": "phone", "whatsapp": "phone"}
_OF = f" and {PERSON_COLUMN} in (select unnest(?::bigint[]))"


class Reach:
    """Sets of people by channel."""

    def __init__(self, columns: PersonColumns, store: Store | None) -> None:
        self.columns, self.store = columns, store
        self._granted: dict[str, Bits] = {}
        self._addressed: dict[str, Bits] = {}
        self._suppressed: dict[str, Bits] = {}
        self._known_suppressions: object = None
        self._build = -1
        self._is_read = False

    def channels(self) -> dict[str, Bits]:
        """Channel -> who can be reached."""
        if not self._is_read:
            self._read_granted()
            self._read_addressed(None)
            self._is_read = True
        self._look_at_suppressions()
        size = self.columns.size
        return {channel: self._reached(channel, granted.grown(size)) for channel, granted in self._granted.items()}

    def _reached(self, channel: str, granted: Bits) -> Bits:
        column = ADDRESSES.get(channel)
        if column is None or column not in self._addressed:
            return granted
        found = granted & self._addressed[column].grown(granted.size)
        suppressed = self._suppressed.get(channel)
        return found if suppressed is None else found.without(suppressed.grown(granted.size))

    def step(self, changed: Places | None) -> None:
        """The warehouse moved to a newer version, in which these people changed (None: anybody)."""
        if not self._is_read:
            return
        if changed is None or not self._follow_consent():
            self._is_read = False
            self._known_suppressions = None
            return
        if len(changed):
            self._read_addressed(changed)
            self._known_suppressions = None

    @property
    def _snapshot(self) -> Snapshot:
        return self.columns.snapshot

    def _read_granted(self) -> None:
        self._granted = {}
        types = self._snapshot.types(CONSENT_TABLE)
        if not types:
            return
        self._build = self._snapshot.number(f"select max({BUILD}) from {CONSENT_TABLE}") if BUILD in types else -1
        for channel, ids in self._consents("is_granted", []).items():
            places = self.columns.index.add(ids)
            self._granted[channel] = Bits.at(places, self.columns.size)

    def _consents(self, where: str, parameters: list[object]) -> dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]:
        sql = f"select {PERSON_COLUMN}, channel from {CONSENT_TABLE} where purpose = ? and {where}"
        found = self._snapshot.arrow(sql, [MARKETING, *parameters])
        ids = np.ascontiguousarray(found.column(0).to_numpy(), np.int64)
        coded = found.column(1).combine_chunks().dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        return {str(name): ids[codes == code] for code, name in enumerate(coded.dictionary.to_pylist())}

    def _follow_consent(self) -> bool:
        """Take the rows of newer builds; False when everything has to be read again."""
        types = self._snapshot.types(CONSENT_TABLE)
        if BUILD not in types:
            return not types
        newest = self._snapshot.number(f"select max({BUILD}) from {CONSENT_TABLE}")
        if newest < self._build:
            return False
        if newest == self._build:
            return True
        changed = self._consents(f"{BUILD} > ?", [self._build])
        granted = self._consents(f"is_granted and {BUILD} > ?", [self._build])
        places = np.unique(self.columns.index.add(np.concatenate([*changed.values(), np.empty(0, np.int64)])))
        for channel in self._granted.keys() | granted.keys():
            yes = self.columns.index.find(granted.get(channel, np.empty(0, np.int64)))
            bits = self._granted.get(channel, Bits.none(0)).grown(self.columns.size)
            self._granted[channel] = bits.patched(places, np.isin(places, yes), self.columns.size)
        self._build = newest
        return True

    def _read_addressed(self, changed: Places | None) -> None:
        types = self._snapshot.types(PEOPLE_TABLE)
        for column in sorted({*ADDRESSES.values()} & types.keys()):
            where = f"{quoted(column)} is not null and {quoted(column)} <> ''"
            ids = self._people(where, [], changed)
            self._addressed[column] = self._replaced(self._addressed.get(column), ids, changed)

    def _people(
        self, where: str, parameters: list[object], changed: Places | None
    ) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        sql = f"select {PERSON_COLUMN} from {PEOPLE_TABLE} where {where}"
        if changed is None:
            return self._snapshot.ids(sql, parameters)
        return self._snapshot.ids(sql + _OF, [*parameters, self.columns.index.ids[changed].tolist()])

    def _replaced(
        self, known: Bits | None, ids: np.ndarray[tuple[int], np.dtype[np.int64]], changed: Places | None
    ) -> Bits:
        places = self.columns.index.add(ids)
        if known is None or changed is None:
            return Bits.at(places, self.columns.size)
        return known.patched(changed, np.isin(changed, places), self.columns.size)

    def _look_at_suppressions(self) -> None:
        """Suppressed addresses are read again when one was added or lifted, or when people changed."""
        if self.store is None:
            return
        newest = sa.select(
            sa.func.count(), sa.func.max(suppressions.c.suppressed_at), sa.func.max(suppressions.c.lifted_at)
        )
        with self.store.read() as connection:
            fingerprint = tuple(connection.execute(newest).one())
            if fingerprint == self._known_suppressions:
                return
            columns = [suppressions.c[name] for name in ("channel", "address", "address_hash")]
            rows = connection.execute(sa.select(*columns).where(suppressions.c.lifted_at.is_(None))).all()
        for channel, column in ADDRESSES.items():
            addresses = [row.address for row in rows if row.channel == channel and row.address]
            hashes = [row.address_hash for row in rows if row.channel == channel and not row.address]
            self._suppressed[channel] = self._holders(column, addresses, hashes)
        self._known_suppressions = fingerprint

    def _holders(self, column: str, addresses: list[str], hashes: list[str]) -> Bits:
        """Whose address is one of these; of erased ones only the hash is kept."""
        if column not in self._snapshot.types(PEOPLE_TABLE) or not (addresses or hashes):
            return Bits.none(self.columns.size)
        clean = f"lower(trim({quoted(column)}))"
        parts = [(f"{clean} in (select unnest(?::varchar[]))", addresses)]
        parts += [(f"sha256({clean}) in (select unnest(?::varchar[]))", hashes)] if hashes else []
        ids = np.concatenate([self._people(where, [values], None) for where, values in parts])
        return Bits.at(self.columns.index.add(ids), self.columns.size)
