"""Ids of messages: they follow from what a message is, and those of one step stand in the order of its people.

Belongs here: making them. Stays out: who is planned (`dmat/ledger/bulk.py`, `dmat/ledger/post.py`).

An id is a UUID of version 8 (RFC 9562, the version for layouts of one's own):

    32 bits of the step | 40 bits of the person, moved by a secret of the workspace | 48 bits that nobody can guess

The first part is the same for all occurrences of a step. So the messages of one step, read in the order of their
people, are neighbours in every index that begins with either, and a store that was put back plans the same ids again.
How many people a workspace knows cannot be read off an id.
"""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache

_PERSON_BITS = 40
_PEOPLE = (1 << _PERSON_BITS) - 1


class MessageIds:
    """Ids of the messages of one step.

    Args:
        workspace: the id of the workspace.
        programme, version, step, occurrence: which step.

    Attributes:
        step: columns of the ledger -> which step it is.
    """

    def __init__(self, workspace: uuid.UUID, programme: str, version: int, step: str, occurrence: str) -> None:
        self.step = {"programme": programme, "programme_version": version, "step": step, "occurrence": occurrence}
        self._workspace = workspace.bytes
        self._begin = "\x1f".join(("", programme, str(version), step, "")).encode()
        self._rest = self._begin + occurrence.encode()
        self._step_part = _digest(self._workspace + b"step" + self._begin)[:8]
        self._moved_by = _moved_by(self._workspace)

    def __call__(self, person_id: int) -> str:
        """The id of a person's message."""
        return self._id(person_id, self._rest)

    def of_occurrence(self, person_id: int, occurrence: str) -> str:
        """The id of a person's message of another occurrence of the step."""
        return self._id(person_id, self._begin + occurrence.encode())

    def _id(self, person_id: int, rest_of_step: bytes) -> str:
        person = "%010x" % ((person_id + self._moved_by) & _PEOPLE)
        rest = hashlib.sha1(b"%s%d%s" % (self._workspace, person_id, rest_of_step), usedforsecurity=False).hexdigest()
        return f"{self._step_part}-{person[:4]}-8{person[4:7]}-8{person[7:]}-{rest[:12]}"

    @property
    def order(self) -> str:
        """An expression of DuckDB on the column `person_id` that sorts people as their ids are sorted.

        Rows that come so are written, claimed and handed over side by side in every index, which is several times as
        fast at a million people.
        """
        return f"(person_id + {self._moved_by}) & {_PEOPLE}"


@lru_cache(maxsize=8)
def _moved_by(workspace: bytes) -> int:
    """By how much the numbers of people are moved: the secret of the workspace."""
    return int(_digest(workspace + b"people")[:10], 16)


def _digest(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
