"""The resident micro-batch: `python -m dmat_pipelines.stream --home HOME [--once]`.

Belongs here: wiring the verbs into passes, the loop around them, its log and its status file. Stays out: the order of
the parts (`micro_batch.py`) and the parts themselves.

It logs one JSON line for every pass that did something and for every part that starts to fail, and keeps
`<home>/run/stream.json` up to date. `--once` works until nothing is left to do and leaves with 1 if a part failed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.clock import utc
from dmat.connectors.catalogue import HOT_RESOURCES, open_connector
from dmat.connectors.contract import Connector
from dmat.errors import DmatError, NotPublishedError, VendorUnavailableError, WarehouseBusyError
from dmat.ledger import apply_waiting
from dmat.processes import NO_TELEMETRY
from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store
from dmat.store.tables import inbox
from dmat.warehouse import Workspace, current_version, writer_lock
from dmat_pipelines.capture.deliveries import (
    export_campaigns,
    export_counters,
    export_experiments,
    export_ledger,
    export_visitors,
    land_devices,
    land_forms,
    land_inbox,
    land_preferences,
)
from dmat_pipelines.capture.journeys import export_properties
from dmat_pipelines.capture.leads import export_all as export_leads
from dmat_pipelines.capture.sources import capture_source
from dmat_pipelines.conform.hot import Runner
from dmat_pipelines.conform.runner import build
from dmat_pipelines.decide.campaigns import count_active, open_runner
from dmat_pipelines.decide.carts import plan_due_carts
from dmat_pipelines.decide.conversions import EarnedOrders
from dmat_pipelines.decide.experiments import count_live_tests, open_test_runner
from dmat_pipelines.decide.journeys import count_live as count_live_journeys
from dmat_pipelines.decide.journeys import open_journeys
from dmat_pipelines.decide.leads import LeadDesk
from dmat_pipelines.decide.loyalty import LoyaltyDesk
from dmat_pipelines.decide.segments import open_pass
from dmat_pipelines.health import Health
from dmat_pipelines.micro_batch import Built, MicroBatch, Parts, Pass
from dmat_pipelines.telling import Teller

APPLY_ROWS = 5_000
LATENCY_ROWS = 5_000
PASSES_AT_ONCE = 5
log = logging.getLogger("dmat.stream")


class HotShop:
    """Looks at the connected shops for carts and orders; keeps its connections between looks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open: dict[str, Connector] = {}

    def capture(self, run_id: str) -> int:
        """How many records were new or had changed.

        Raises:
            VendorUnavailableError: a shop did not answer; what the others gave is landed.
        """
        kept, errors = 0, []
        for source, resources in HOT_RESOURCES.items():
            if not self.settings.is_connected(source):
                continue
            if source not in self._open:
                self._open[source] = open_connector(self.settings, source)
            connector = self._open[source]
            outcomes = capture_source(self.settings, source, run_id, resources, connector=connector)
            kept += sum(outcome.kept_count for outcome in outcomes)
            errors += [f"{source} {outcome.resource}: {outcome.error}" for outcome in outcomes if outcome.error]
        if errors and not kept:
            raise VendorUnavailableError("; ".join(errors))
        return kept


class HotTables:
    """Builds what is tagged `hot` and publishes it; in a new workspace, everything once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._runner = Runner(settings)

    def build(self) -> Built:
        """Refresh and publish.

        Raises:
            BuildFailedError: a table could not be built; nothing was published.
        """
        if self._is_new():
            report = build(self.settings, exclude_tests=True, publish_after=True).require_ok()
        else:
            report = self._runner.build_hot()
        keys = self._hot_keys()
        current: dict[tuple[str, str], int | None] = dict.fromkeys(keys.values())  # what had no news is current too
        current |= {keys[result.unique_id]: result.rows_count for result in report if result.unique_id in keys}
        version = report.version or current_version(self.settings)
        return Built(current, version.number, report.seconds)

    def _is_new(self) -> bool:
        try:
            current_version(self.settings)
        except NotPublishedError:
            return True
        return False

    def _hot_keys(self) -> dict[str, tuple[str, str]]:
        """Unique id of each hot model -> its schema and name, which is its asset key; each after those it reads."""
        return {uid: (node["schema"], node["alias"]) for uid, node in self._runner.graph.models.items()}


def make_parts(settings: Settings, store: Store) -> Parts:
    """The parts of a pass, for a real workspace."""
    view = Workspace(settings, is_resident=True)
    shop, tables, teller = HotShop(settings), HotTables(settings), Teller(settings)

    def apply_events() -> int:
        total = 0
        while count := apply_waiting(store, settings.clock.now(), APPLY_ROWS).events_count:
            total += count
        return total

    memberships, campaigns = open_pass(settings, store, view), open_runner(settings, store, view)
    earned, lead_desk = EarnedOrders(settings, store, view), LeadDesk(settings, store, view, rest=4.0)
    loyalty_desk = LoyaltyDesk(settings, store, view)

    def land_arrivals(run_id: str) -> int:
        arrived = (land_inbox, land_forms, land_devices, land_preferences)
        return sum(land_all(settings, store, run_id).kept_count for land_all in arrived)

    def plan() -> int:
        return plan_due_carts(settings, store, view).planned_count

    tests, journeys = open_test_runner(settings, store, view), open_journeys(settings, store, view)

    def run_campaigns() -> int:
        earned.count()
        decided = tests.look().count if count_live_tests(store) else 0  # what they release is planned right away
        moved = journeys.look().count if count_live_journeys(store) else 0
        return decided + moved + (campaigns.look().count if count_active(settings, store) else 0)

    return Parts(
        is_free=lambda: is_warehouse_free(settings),
        apply_events=apply_events,
        capture_shop=shop.capture,
        waiting_since=lambda: arrivals(store),
        land_events=land_arrivals,
        export_ledger=lambda run_id: (
            sum(
                export(settings, store, run_id).kept_count
                for export in (
                    export_experiments,
                    export_ledger,
                    export_counters,
                    export_campaigns,
                    export_visitors,
                    export_properties,
                )
            )
            + export_leads(settings, store, run_id)
        ),
        build_hot=tables.build,
        plan=plan,
        report=lambda built: teller.tell(built.tables, built.version),
        evaluate_segments=lambda run_id: memberships.run(run_id).moved_count,
        run_campaigns=run_campaigns,
        look_at_leads=lambda: lead_desk.look().count + loyalty_desk.look().count,
    )


def is_warehouse_free(settings: Settings) -> bool:
    """Whether nobody writes the warehouse now; while a long build does, events still reach the ledger."""
    try:
        with writer_lock(settings, timeout_seconds=0.0):
            return True
    except WarehouseBusyError:
        return False


def arrivals(store: Store) -> list[datetime]:
    """When the events arrived that are not in the warehouse yet."""
    query = sa.select(inbox.c.received_at).where(inbox.c.landed_at.is_(None)).limit(LATENCY_ROWS)
    with store.read() as connection:
        return list(connection.execute(query).scalars())


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, what, and the facts given as the record's only argument."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line: dict[str, Any] = {
            "at": utc(record.created).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "what": record.msg if isinstance(record.args, dict) else record.getMessage(),
        }
        if isinstance(record.args, dict):
            line |= record.args
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def note_failure(part: str, error: BaseException) -> None:
    """Log that a part fails; a defect of ours comes with its trace."""
    expected = isinstance(error, DmatError)
    facts = {"part": part, "error": f"{type(error).__name__}: {error}"[:2000]}
    log.warning("part failed", facts, exc_info=None if expected else error)


def open_batch(settings: Settings, store: Store, parts: Parts | None = None) -> MicroBatch:
    """The micro-batch of a workspace; tests give other parts."""
    health = Health(settings.home / "run" / "stream.json")
    chosen = parts or make_parts(settings, store)
    return MicroBatch(settings.clock, chosen, health, settings.hot_capture_seconds, note_failure)


def run_pass(batch: MicroBatch) -> Pass:
    """One pass, logged and written to the status file."""
    done = batch.run()
    if done.did_anything:
        batch.health.last_pass = done.facts()
        log.info("pass", {**done.facts(), **batch.health.figures()})
    batch.health.state = "running"
    batch.health.write()
    return done


def run_once(batch: MicroBatch) -> int:
    """Work until nothing is left to do; gives 1 when a part failed."""
    for _ in range(PASSES_AT_ONCE):
        if not run_pass(batch).did_anything:
            break
    return 1 if batch.health.failures else 0


def run_until(stop: threading.Event, batch: MicroBatch, pause_seconds: float) -> None:
    """Pass after pass until `stop` is set."""
    while not stop.is_set():
        began = time.monotonic()
        run_pass(batch)
        stop.wait(max(0.05, pause_seconds - (time.monotonic() - began)))
    batch.health.state = "stopped"
    batch.health.write()


def main() -> int:
    """The command line of this process; gives its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", help="the workspace folder")
    parser.add_argument("--once", action="store_true", help="stop when nothing is left to do")
    options = parser.parse_args()
    os.environ.update(NO_TELEMETRY)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    log.setLevel(logging.INFO)
    settings = load_settings(home=options.home)
    batch = open_batch(settings, open_store(settings))
    if options.once:
        return run_once(batch)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("started", {"home": str(settings.home), "pid": os.getpid()})
    run_until(stop, batch, settings.stream_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
