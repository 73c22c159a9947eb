"""What the store took in or promised, landed: the inbox into `raw.delivery_events`, the ledger into
`raw.ledger_entries`, live counters by the hour into `raw.ledger_counters`, forms at our own door into
`raw.form_submissions`, devices into `raw.device_registrations`, decisions at our own doors into
`raw.preference_decisions`, campaigns and tests with the plans that run into `raw.campaign_plans` and
`raw.experiment_plans`, visitors of tested pages into `raw.experiment_visitors`.

Belongs here: carrying rows from the store to the warehouse, in that order: committed there first, then marked here, so
that a crash between the two lands them again (twice gives once). Stays out: what events change (`dmat/ledger`).
Nothing to carry writes no outcome: the stream looks every other second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeVar

from dmat.campaigns.exporting import mark_campaigns_exported, unexported_campaigns
from dmat.channels.devices import mark_devices_landed, unlanded_devices
from dmat.consent.preferences import mark_proofs_landed, unlanded_proofs
from dmat.experiments.exporting import (
    mark_experiments_exported,
    mark_visitors_exported,
    unexported_experiments,
    unexported_visitors,
)
from dmat.landing import Outcome, Record, land, write_outcome
from dmat.ledger.counters import mark_hours_exported, unexported_hours
from dmat.ledger.entries import unexported
from dmat.ledger.post import mark_exported
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.forms import FormSubmission, mark_forms_landed, unlanded_forms
from dmat.store.inbox import InboxRow, mark_landed, unlanded
from dmat.warehouse import writer

T = TypeVar("T")
BATCH_ROWS = 5_000
OURS = "dmat"
NOT_DELIVERY = "changed"  # a shop or CRM tells that a record changed: it is captured from there, not kept as an event


def land_inbox(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every event of the inbox that the warehouse has not got yet."""

    def mark(rows: list[InboxRow]) -> None:
        mark_landed(store, [row.inbox_id for row in rows], settings.clock.now())

    outcome = Outcome("delivery", "events", run_id, settings.clock.now())
    return carry(settings, outcome, "delivery_events", lambda: unlanded(store, BATCH_ROWS), event_records, mark)


def export_ledger(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every entry of the ledger that changed since it was last exported."""

    def mark(rows: list[dict[str, Any]]) -> None:
        mark_exported(store, rows)

    outcome = Outcome("ledger", "entries", run_id, settings.clock.now())
    return carry(settings, outcome, "ledger_entries", lambda: unexported(store, BATCH_ROWS), ledger_records, mark)


def export_counters(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every hour of the live counters that changed since it was last exported; after events and the ledger."""

    def mark(rows: list[dict[str, Any]]) -> None:
        mark_hours_exported(store, rows)

    def waiting() -> list[dict[str, Any]]:
        return unexported_hours(store, BATCH_ROWS)

    outcome = Outcome("ledger", "counters", run_id, settings.clock.now())
    return carry(settings, outcome, "ledger_counters", waiting, counter_records, mark)


def export_campaigns(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every campaign that changed since it was last exported."""

    def mark(rows: list[dict[str, Any]]) -> None:
        mark_campaigns_exported(store, rows)

    def waiting() -> list[dict[str, Any]]:
        return unexported_campaigns(settings, store, BATCH_ROWS)

    outcome = Outcome("campaign", "plans", run_id, settings.clock.now())
    return carry(settings, outcome, "campaign_plans", waiting, campaign_records, mark)


def export_experiments(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every test that started and changed since it was last exported."""

    def mark(rows: list[dict[str, Any]]) -> None:
        mark_experiments_exported(store, rows)

    def waiting() -> list[dict[str, Any]]:
        return unexported_experiments(store, BATCH_ROWS)

    outcome = Outcome("experiment", "plans", run_id, settings.clock.now())
    return carry(settings, outcome, "experiment_plans", waiting, experiment_records, mark)


def export_visitors(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every visitor of a tested page who came or did something since the last export."""

    def mark(rows: list[dict[str, Any]]) -> None:
        mark_visitors_exported(store, rows)

    def waiting() -> list[dict[str, Any]]:
        return unexported_visitors(store, BATCH_ROWS)

    outcome = Outcome("experiment", "visitors", run_id, settings.clock.now())
    return carry(settings, outcome, "experiment_visitors", waiting, visitor_records, mark)


def land_forms(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every form at our own door that the warehouse has not got yet."""

    def mark(rows: list[FormSubmission]) -> None:
        mark_forms_landed(store, [row.submission_id for row in rows], settings.clock.now())

    outcome = Outcome("form", "submissions", run_id, settings.clock.now())
    return carry(settings, outcome, "form_submissions", lambda: unlanded_forms(store, BATCH_ROWS), form_records, mark)


def land_devices(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every device that registered, changed or ended since it was last landed."""

    def mark(rows: list[dict[str, Any]]) -> None:
        mark_devices_landed(store, rows)

    outcome = Outcome("device", "registrations", run_id, settings.clock.now())
    return carry(
        settings, outcome, "device_registrations", lambda: unlanded_devices(store, BATCH_ROWS), device_records, mark
    )


def land_preferences(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every decision of the preference centre, of double opt-in and of devices that the warehouse has not got."""

    def mark(rows: list[dict[str, Any]]) -> None:
        mark_proofs_landed(store, [row["log_id"] for row in rows], settings.clock.now())

    outcome = Outcome("preference", "decisions", run_id, settings.clock.now())
    return carry(
        settings, outcome, "preference_decisions", lambda: unlanded_proofs(store, BATCH_ROWS), preference_records, mark
    )


def preference_records(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Lines of the log of proofs as records."""
    kept = [{str(name): value for name, value in row.items() if name != "landed_at"} for row in rows]
    return [Record(str(row["decision_id"]), _moment(row["decided_at"]), row) for row in kept]


def device_records(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Devices as records, without the column that only counts landings; of one moment, the later change is newer."""
    kept = [{str(name): value for name, value in row.items() if name != "landed_revision"} for row in rows]
    return [
        Record(str(row["token_hash"]), _moment(row["updated_at"]) + timedelta(microseconds=row["revision"]), row)
        for row in kept
    ]


def campaign_records(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Campaigns as records."""
    return [Record(str(row["campaign_id"]), _moment(row["updated_at"]), dict(row)) for row in rows]


def experiment_records(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Tests as records."""
    return [Record(str(row["experiment_id"]), _moment(row["updated_at"]), dict(row)) for row in rows]


def visitor_records(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Visitors as records: each once a test, its newest state with the highest revision."""
    kept = [{str(name): value for name, value in row.items()} for row in rows]
    return [
        Record(f"{row['experiment_id']}:{row['visitor']}", max(_moment(row[name]) for name in _DID if row[name]), row)
        for row in kept
    ]


_DID = ("seen_at", "clicked_at", "completed_at")


def form_records(rows: Iterable[FormSubmission]) -> list[Record]:
    """Submissions as records: what was filled in, and on which page."""
    return [Record(row.submission_id, row.submitted_at, asdict(row)) for row in rows]


def event_records(rows: Iterable[InboxRow]) -> list[Record]:
    """Rows of the inbox as records: `<provider>:<event id>`, the event as the provider sent it, and what we read in it.

    What we read stands under `dmat`, so that the tables need not know the words of each provider.
    """
    return [
        Record(row.record_id, row.occurred_at, row.payload | {OURS: _as_read(row)})
        for row in rows
        if row.kind != NOT_DELIVERY
    ]


def _as_read(row: InboxRow) -> dict[str, Any]:
    names = ("kind", "message_id", "address", "channel", "is_machine")
    return {name: getattr(row, name) for name in names}


def counter_records(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Hours of the live counters as records."""
    keys = ("programme", "step", "variant", "channel", "kind")
    records = []
    for row in rows:
        identity = "|".join((*(str(row[key]) for key in keys), f"{row['hour']:%Y-%m-%dT%H}"))
        payload = {key: row[key] for key in (*keys, "hour", "count", "updated_at")}
        records.append(Record(identity, _moment(row["updated_at"]), payload))
    return records


def ledger_records(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Rows of the ledger as records, without the column that only counts exports."""
    kept = [{str(name): value for name, value in row.items() if name != "exported_revision"} for row in rows]
    return [Record(str(row["message_id"]), _moment(row["updated_at"]), row) for row in kept]


def carry(
    settings: Settings,
    outcome: Outcome,
    table: str,
    waiting: Callable[[], list[T]],
    records_of: Callable[[list[T]], list[Record]],
    mark: Callable[[list[T]], None],
) -> Outcome:
    """Land what waits, batch by batch, in one opening of the core file; nothing waiting opens nothing."""
    rows = waiting()
    if rows:
        with writer(settings) as connection:
            while rows:
                records = records_of(rows)
                kept, unchanged = land(connection, table, records, outcome.run_id, settings.clock.now())
                mark(rows)
                outcome.fetched_count += len(records)
                outcome.kept_count += kept
                outcome.unchanged_count += unchanged
                rows = waiting()
            if outcome.fetched_count:
                write_outcome(connection, outcome, settings.clock.now())
    outcome.finished_at = settings.clock.now()
    return outcome


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is not a time")
    return value
