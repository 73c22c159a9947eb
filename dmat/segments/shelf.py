"""A shelf of arrays with a limit in bytes: what was not used for longest goes first.

Belongs here: keeping and forgetting. Stays out: what is kept, and when it is out of date.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, Protocol, TypeVar


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=_Sized)


class Shelf(Generic[K, V]):
    """Keys and things of some size; not safe between threads by itself."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._things: OrderedDict[K, V] = OrderedDict()

    def __iter__(self) -> Iterator[K]:
        return iter(list(self._things))

    def __len__(self) -> int:
        return len(self._things)

    def __contains__(self, key: K) -> bool:
        return key in self._things

    def get(self, key: K) -> V | None:
        """What is kept under a key, now the most recently used."""
        found = self._things.get(key)
        if found is not None:
            self._things.move_to_end(key)
        return found

    def put(self, key: K, thing: V) -> V:
        """Keep a thing; others go when the limit is passed, but never this one."""
        self.drop(key)
        self._things[key] = thing
        self.used_bytes += thing.nbytes
        while self.used_bytes > self.limit_bytes and len(self._things) > 1:
            self.drop(next(iter(self._things)))
        return thing

    def drop(self, key: K) -> None:
        """Forget a key, if it is there."""
        gone = self._things.pop(key, None)
        if gone is not None:
            self.used_bytes -= gone.nbytes

    def make_room(self, wanted_bytes: int) -> None:
        """Forget things until so much more fits, before it is read."""
        while self._things and self.used_bytes + wanted_bytes > self.limit_bytes:
            self.drop(next(iter(self._things)))

    def clear(self) -> None:
        """Forget everything."""
        self._things.clear()
        self.used_bytes = 0
