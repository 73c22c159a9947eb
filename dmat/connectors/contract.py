"""What every connector gives: pages of records, what it refused, and where to go on.

Belongs here: `Cursor`, `Window`, `Page`, the base class `Connector`, and the reading of vendors' times.
Stays out: HTTP (`dmat/connectors/http.py`) and vendors (one file each).

Two ways to miss nothing:
- A vendor that lists by time of change: the cursor moves with every page (`Cursor.reached`).
- A vendor that lists in another order: the cursor keeps its start until the list has ended, and the vendor's page
  token meanwhile (`Cursor.turned`, then `Cursor.ended`).
Either way the next capture starts `overlap` before the cursor; what comes twice is landed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import httpx
import orjson

from dmat.captured import Record, Refusal
from dmat.clock import as_utc
from dmat.connectors.http import VendorHttp
from dmat.errors import InvalidInputError, VendorRefusedError
from dmat.settings import Settings

Payload = dict[str, Any]


def parse_time(text: object) -> datetime:
    """An ISO 8601 time -> UTC without zone; a time without zone is taken as UTC.

    Raises:
        ValueError: it is not a time.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a time")
    return as_utc(datetime.fromisoformat(text))


def parse_mail_time(text: object) -> datetime:
    """An RFC 2822 time (`Mon, 01 Jun 2026 08:00:00 +0000`) -> UTC without zone.

    Raises:
        ValueError: it is not a time.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a time")
    return as_utc(parsedate_to_datetime(text))


def zulu(moment: datetime) -> str:
    """A UTC time as vendors write it: `2026-06-01T08:00:00Z`."""
    return moment.isoformat(timespec="seconds") + "Z"


@dataclass(frozen=True)
class Cursor:
    """Where to go on: everything that changed before `since` is landed; the rest tells of a capture under way."""

    since: datetime | None = None
    page: str = ""
    newest: datetime | None = None
    began: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read what `text` wrote; an empty text is the very beginning."""
        if not text:
            return cls()
        stored = orjson.loads(text)
        moments = {k: parse_time(stored[k]) for k in ("since", "newest", "began") if stored.get(k)}
        return cls(page=str(stored.get("page", "")), **moments)

    @property
    def text(self) -> str:
        """The cursor as it is kept in `raw.capture_cursors`."""
        moments = {"since": self.since, "newest": self.newest, "began": self.began}
        kept = {k: v.isoformat() for k, v in moments.items() if v is not None}
        return orjson.dumps({**kept, **({"page": self.page} if self.page else {})}).decode()

    def start(self, overlap: timedelta) -> datetime | None:
        """From when to ask the vendor; None means everything."""
        return None if self.since is None else self.since - overlap

    def reached(self, records: Iterable[Record]) -> Cursor:
        """After a page of a list ordered by time of change."""
        return Cursor(since=max([r.updated_at for r in records] + ([self.since] if self.since else []), default=None))

    def turned(self, page: str, records: Iterable[Record]) -> Cursor:
        """After a page of a list in another order; `page` is the vendor's token of the next one."""
        times = [r.updated_at for r in records] + ([self.newest] if self.newest else [])
        return replace(self, page=page, newest=max(times, default=None))

    def ended(self) -> Cursor:
        """After the last page of such a list: what changed after the capture began is left to the next one."""
        ends = [moment for moment in (self.newest, self.began) if moment is not None]
        since = min(ends) if self.newest else None
        return Cursor(since=max([m for m in (since, self.since) if m], default=None))


@dataclass(frozen=True)
class Window:
    """Days to read again: from `start` up to and without `end`."""

    start: date
    end: date


@dataclass(frozen=True)
class Page:
    """Some records, what was refused among them, and where to go on once they have landed."""

    records: list[Record]
    cursor: Cursor
    refusals: list[Refusal] = field(default_factory=list)


class Connector:
    """Reads one vendor. Subclasses name `vendor` and `resources` and have a `_read_<resource>` for each.

    Args:
        settings: addresses and keys.
        client: an httpx client to use in place of our own (tests).

    Raises:
        InvalidInputError: the vendor is not connected (no address set).
    """

    vendor: ClassVar[str]
    resources: ClassVar[tuple[str, ...]]
    dated: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: Settings, client: httpx.Client | None = None) -> None:
        if not settings.is_connected(self.vendor):
            raise InvalidInputError(f"DMAT_{self.vendor.upper()}_URL", "is not set: the vendor is not connected")
        self.settings = settings
        self.http = self._open_http(settings, client)

    def _open_http(self, settings: Settings, client: httpx.Client | None) -> VendorHttp:
        raise NotImplementedError

    def read(self, resource: str, cursor: Cursor | None = None, window: Window | None = None) -> Iterator[Page]:
        """Pages of `resource` from `cursor` on, or of the days of `window` (only resources in `dated`).

        Raises:
            InvalidInputError: no such resource, or it has no days.
            VendorRefusedError, VendorUnavailableError, RateLimitedError: after the retries that made sense.
        """
        if resource not in self.resources:
            raise InvalidInputError("resource", f"{self.vendor} has no {resource!r}", ", ".join(self.resources))
        if window is not None and resource not in self.dated:
            raise InvalidInputError("window", f"{self.vendor} {resource} is not read by day", ", ".join(self.dated))
        pages: Iterator[Page] = getattr(self, f"_read_{resource}")(cursor or Cursor(), window)
        yield from pages

    def now(self) -> datetime:
        """The workspace's time."""
        return self.settings.clock.now()

    def spans(
        self, cursor: Cursor, window: Window | None, overlap: timedelta, oldest: timedelta, days: int
    ) -> Iterator[tuple[Window, Cursor]]:
        """Spans of at most `days` days to read one after the other, each with the cursor once it has landed.

        Without a window they go from `overlap` before the cursor (or `oldest` ago) to today.
        """
        now = self.now()
        if window is None:
            window = Window((cursor.start(overlap) or now - oldest).date(), now.date() + timedelta(days=1))
        start = window.start
        while start < window.end:
            end = min(start + timedelta(days=days), window.end)
            yield Window(start, end), Cursor(since=min(datetime.combine(end, datetime.min.time()), now))
            start = end

    def refused(self, status: int, detail: str) -> VendorRefusedError:
        """The error of an answer that we cannot use."""
        return VendorRefusedError(self.vendor, status, detail)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


def sort_records(
    items: Iterable[Any], to_record: Callable[[Payload], Record], id_key: str = "id"
) -> tuple[list[Record], list[Refusal]]:
    """What can be kept and what cannot: an item without its id or time of change is refused with the reason."""
    records: list[Record] = []
    refusals: list[Refusal] = []
    for item in items:
        try:
            if not isinstance(item, dict):
                raise ValueError(f"a {type(item).__name__} where an object was expected")
            record = to_record(item)
            if not record.record_id or record.record_id == "None":
                raise ValueError(f"{id_key} is empty")
            records.append(record)
        except KeyError as error:
            refusals.append(_refuse(item, id_key, f"{error.args[0]} is missing"))
        except (TypeError, ValueError) as error:
            refusals.append(_refuse(item, id_key, str(error)))
    return records, refusals


def _refuse(item: Any, id_key: str, reason: str) -> Refusal:
    known = item.get(id_key) if isinstance(item, dict) else None
    return Refusal(
        "" if known is None else str(known), reason, orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode()
    )


def list_of(body: Any, key: str, vendor: str) -> list[Any]:
    """The list under `key` of an answer.

    Raises:
        VendorRefusedError: the answer has another shape; a plausible empty list would hide it.
    """
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise VendorRefusedError(vendor, 200, f"the answer has no list {key!r}")
    return found
