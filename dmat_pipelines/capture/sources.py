"""Read a connected source and land it, page by page.

The writer lock is held only while a batch of pages is landed, never while a vendor is asked. The cursor moves in the
same transaction as the pages, so a capture that dies goes on from the last landed page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

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
    try:
        return [_capture_resource(settings, opened, resource, run_id, full, window) for resource in chosen]
    finally:
        if connector is None:
            opened.close()


def _capture_resource(
    settings: Settings, connector: Connector, resource: str, run_id: str, full: bool, window: Window | None
) -> Outcome:
    outcome = Outcome(connector.vendor, resource, run_id, settings.clock.now())
    if not (full or window):
        with writer(settings) as connection:
            outcome.cursor = last_cursor(connection, connector.vendor, resource)
    try:
        pages = _pages(connector, resource, Cursor.parse(outcome.cursor), window)
        _land_pages(settings, outcome, pages, moves_cursor=window is None)
    except DmatError as error:  # the boundary: one resource that fails does not keep the others from being read
        outcome.error = f"{type(error).__name__}: {error}"
    with writer(settings) as connection:
        write_outcome(connection, outcome, settings.clock.now())
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


def _land_pages(settings: Settings, outcome: Outcome, pages: Iterator[Page], moves_cursor: bool) -> None:
    batch: list[Page] = []
    waiting = 0
    try:
        for page in pages:
            batch.append(page)
            waiting += len(page.records)
            if waiting >= BATCH_RECORDS:
                full, batch, waiting = batch, [], 0
                _land_batch(settings, outcome, full, moves_cursor)
    finally:  # also when the vendor fails halfway: what came is kept, and the next capture goes on from there
        if batch:
            _land_batch(settings, outcome, batch, moves_cursor)


def _land_batch(settings: Settings, outcome: Outcome, batch: list[Page], moves_cursor: bool) -> None:
    records = [record for page in batch for record in page.records]
    refusals = [refusal for page in batch for refusal in page.refusals]
    with writer(settings) as connection:
        now = settings.clock.now()
        connection.begin()
        kept, unchanged = land(connection, raw_table(outcome.source, outcome.resource), records, outcome.run_id, now)
        outcome.refusals.extend(refusals)
        write_refusals(connection, outcome, now)
        if moves_cursor:
            outcome.cursor = batch[-1].cursor.text
            move_cursor(connection, outcome.source, outcome.resource, outcome.cursor, outcome.run_id, now)
        connection.commit()
    outcome.fetched_count += len(records) + len(refusals)
    outcome.kept_count += kept
    outcome.unchanged_count += unchanged
