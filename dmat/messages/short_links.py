"""Short addresses for texts, where each sign is paid: `<base>/s/<id><proof>` instead of a signed link of 200 signs.

Belongs here: making them (the same message and target give the same one) and reading them. Stays out: long links
(`links.py`), answering (`apps/api/clicks.py`).

The id is the row's number in base 62; the proof are 4 bytes of an HMAC over it, so that nobody walks through others'
links by counting: one guess in four thousand million is right.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import UnverifiedError
from dmat.messages.links import link_key
from dmat.settings import Settings
from dmat.store.arrival_tables import short_links
from dmat.store.engine import Store, chunks, upsert
from dmat.store.sets import among

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PROOF_SIGNS = 6  # 62^6 > 2^32
LONGEST = 30
Pair = tuple[str, str]
"""message id, target."""


class ShortLinks:
    """Makes and reads the short addresses of one workspace."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._base = settings.resolved_public_url.rstrip("/")
        self._key = hmac.new(link_key(settings), b"short", hashlib.sha256).digest()

    def make(
        self, connection: Connection, wanted: Sequence[tuple[str, str]], now: datetime
    ) -> Mapping[tuple[str, str], str]:
        """A short address for each (message id, target), inside the caller's transaction."""
        keyed = {(message_id, _hash(target)): target for message_id, target in wanted}
        for batch in chunks(sorted(keyed)):
            rows = [
                {"message_id": message_id, "target_hash": digest, "target": keyed[(message_id, digest)], "made_at": now}
                for message_id, digest in batch
            ]
            connection.execute(upsert(connection, short_links).on_conflict_do_nothing(), rows)
        table = short_links.c
        query = sa.select(table.short_id, table.message_id, table.target).where(
            among(connection, table.message_id, {message_id for message_id, _ in wanted})
        )
        found = {(row.message_id, row.target): self.url(row.short_id) for row in connection.execute(query)}
        return {pair: found[pair] for pair in wanted}

    def url(self, short_id: int) -> str:
        """The address of a row."""
        number = in_base_62(short_id)
        return f"{self._base}/s/{number}{self._proof(number)}"

    async def read(self, token: str) -> tuple[str, str]:
        """(message id, target) of a token.

        Raises:
            UnverifiedError: we did not make it, or somebody altered it.
        """
        return await asyncio.to_thread(self.find, token)

    def find(self, token: str) -> tuple[str, str]:
        """The same, for callers that may wait; raises `UnverifiedError`."""
        number, proof = token[:-PROOF_SIGNS], token[-PROOF_SIGNS:]
        is_ours = hmac.compare_digest(proof.encode("utf-8", "replace"), self._proof(number).encode())
        if not is_ours or not number or len(token) > LONGEST:
            raise UnverifiedError("this link is not one of ours")
        table = short_links.c
        query = sa.select(table.message_id, table.target).where(table.short_id == from_base_62(number))
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise UnverifiedError("this link is not one of ours")
        return str(row.message_id), str(row.target)

    def _proof(self, number: str) -> str:
        digest = hmac.digest(self._key, number.encode("utf-8", "replace"), hashlib.sha256)
        return in_base_62(int.from_bytes(digest[:4], "big")).rjust(PROOF_SIGNS, DIGITS[0])


def _hash(target: str) -> str:
    return hashlib.sha256(target.encode()).hexdigest()


def in_base_62(number: int) -> str:
    """A whole number from 0 on in 62 digits."""
    signs = ""
    while number or not signs:
        number, place = divmod(number, 62)
        signs = DIGITS[place] + signs
    return signs


def from_base_62(text: str) -> int:
    """The number again.

    Raises:
        UnverifiedError: a sign that is no digit.
    """
    number = 0
    for sign in text:
        place = DIGITS.find(sign)
        if place < 0:
            raise UnverifiedError("this link is not one of ours")
        number = number * 62 + place
    return number
