"""Read a connected source and land it, page by page.

The writer lock is held only while a batch of pages is landed, never while a vendor is asked. The cursor moves in the
same transaction as the pages, so a capture that dies goes on from the last landed page. Resources that bring little
share a batch: opening the core file costs more than landing a few records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import duckdb

from dmat.connectors.catalogue import open_connector, raw_table
from dmat.connectors.contract import Connector, Cursor, Page, Window
from dmat.errors import DmatError, InvalidInputError, VendorRefusedError
from dmat.landing import Outcome, land, last_cursor, move_cursor, write_outcome, write_refusals
from dmat.settings import Settings
from dmat.warehouse import writer

BATCH_RECORDS = 5_000


def capture_source(
    settings: Settings,
    source: str,
    run_id: str,
    resources: Sequence[str] | None = None,
    full: bool = False,
    window: Window | None = None,
    connector: Connector | None = None,
) -> list[Outcome]:
    """Capture the resources of one source and write an outcome for each.

    Args:
        settings: the workspace.
        source: a name of `dmat.connectors.catalogue.CONNECTORS`.
        run_id: goes to every row that is landed.
        resources: which of them; None means all.
        full: read everything again, in place of what changed since the last capture.
        window: read these days again (only dated resources); the cursor stays where it is.
        connector: one that is open already (the stream keeps its connections); else one is opened and closed.

    Returns:
        One outcome a resource; `error` tells why one stopped. What it had read until then is landed.

    Raises:
        InvalidInputError: the source is unknown or not connected, or has no such resource.
    """
    opened = connector or open_connector(settings, source)
    chosen = tuple(resources) if resources is not None else opened.resources
    unknown = sorted(set(chosen) - set(opened.resources))
    if unknown:
        raise InvalidInputError("resources", f"{source} has no {', '.join(unknown)}", ", ".join(opened.resources))
    cursors = {} if full or window else _last_cursors(settings, opened.vendor, chosen)
    batch = _Batch(settings, moves_cursor=window is None)
    try:
        return [_capture_resource(batch, opened, resource, run_id, cursors, window) for resource in chosen]
    finally:  # also when a defect of ours stops it halfway: what came is kept
        batch.land()
        if connector is None:
            opened.close()


def _last_cursors(settings: Settings, source: str, resources: Sequence[str]) -> dict[str, str]:
    with writer(settings) as connection:
        return {resource: last_cursor(connection, source, resource) for resource in resources}


def _capture_resource(
    batch: _Batch,
    connector: Connector,
    resource: str,
    run_id: str,
    cursors: Mapping[str, str],
    window: Window | None,
) -> Outcome:
    outcome = Outcome(connector.vendor, resource, run_id, batch.settings.clock.now())
    outcome.cursor = cursors.get(resource, "")
    try:
        for page in _pages(connector, resource, Cursor.parse(outcome.cursor), window):
            batch.add(outcome, page)
    except DmatError as error:  # the boundary: one resource that fails does not keep the others from being read
        outcome.error = f"{type(error).__name__}: {error}"
    batch.finish(outcome)
    return outcome


def _pages(connector: Connector, resource: str, cursor: Cursor, window: Window | None) -> Iterator[Page]:
    """Pages from `cursor` on; a vendor that no longer knows its page token is asked from the cursor's start."""
    pages = connector.read(resource, cursor, window)
    if not cursor.page:
        return pages
    try:
        first = next(pages)
    except StopIteration:
        return iter(())
    except VendorRefusedError as error:
        if error.status in (401, 403):
            raise
        return connector.read(resource, Cursor(since=cursor.since), window)
    return chain([first], pages)


class _Batch:
    """Pages and finished outcomes that wait to be landed together, in one transaction for each resource."""

    def __init__(self, settings: Settings, moves_cursor: bool) -> None:
        self.settings, self.moves_cursor = settings, moves_cursor
        self._pages: list[tuple[Outcome, list[Page]]] = []
        self._finished: list[Outcome] = []
        self._records_count = 0

    def add(self, outcome: Outcome, page: Page) -> None:
        """Take one page; lands the batch when it is full."""
        if not self._pages or self._pages[-1][0] is not outcome:
            self._pages.append((outcome, []))
        self._pages[-1][1].append(page)
        self._records_count += len(page.records)
        if self._records_count >= BATCH_RECORDS:
            self.land()

    def finish(self, outcome: Outcome) -> None:
        """The resource is read as far as it could be: its outcome is written after its pages."""
        self._finished.append(outcome)

    def land(self) -> None:
        """Land what waits; nothing waits afterwards, also when it could not be landed."""
        pages, self._pages, self._records_count = self._pages, [], 0
        finished, self._finished = self._finished, []
        if not (pages or finished):
            return
        with writer(self.settings) as connection:
            for outcome, its_pages in pages:
                self._land_pages(connection, outcome, its_pages)
            for outcome in finished:
                write_outcome(connection, outcome, self.settings.clock.now())

    def _land_pages(self, connection: duckdb.DuckDBPyConnection, outcome: Outcome, pages: list[Page]) -> None:
        records = [record for page in pages for record in page.records]
        refusals = [refusal for page in pages for refusal in page.refusals]
        now = self.settings.clock.now()
        connection.begin()
        kept, unchanged = land(connection, raw_table(outcome.source, outcome.resource), records, outcome.run_id, now)
        outcome.refusals.extend(refusals)
        write_refusals(connection, outcome, now)
        if self.moves_cursor:
            outcome.cursor = pages[-1].cursor.text
            move_cursor(connection, outcome.source, outcome.resource, outcome.cursor, outcome.run_id, now)
        connection.commit()
        outcome.fetched_count += len(records) + len(refusals)
        outcome.kept_count += kept
        outcome.unchanged_count += unchanged
