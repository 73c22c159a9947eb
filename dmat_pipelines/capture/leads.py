"""What the store knows of leads and loyalty, landed: `raw.leads`, `raw.lead_assignments`, `raw.lead_activities`,
`raw.score_rules`, `raw.loyalty_members`, `raw.loyalty_entries`, `raw.loyalty_grants`, `raw.loyalty_held_out`.

Belongs here: carrying rows, committed in the warehouse first and marked here after, so that a crash between the two
lands them again (twice gives once). Stays out: scores (`dbt`) and the rules of leads (`dmat/scoring`).
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from dmat.landing import Outcome, Record
from dmat.loyalty.exporting import (
    mark_entries_landed,
    mark_grants_exported,
    mark_held_out_landed,
    mark_members_exported,
    unexported_grants,
    unexported_members,
    unlanded_entries,
    unlanded_held_out,
)
from dmat.routing.exporting import mark_assignments_exported, unexported_assignments
from dmat.scoring.exporting import (
    mark_activities_landed,
    mark_leads_exported,
    mark_rules_exported,
    unexported_leads,
    unexported_rules,
    unlanded_activities,
)
from dmat.settings import Settings
from dmat.store import Store
from dmat_pipelines.capture.deliveries import BATCH_ROWS, carry
from dmat_pipelines.resources import WorkspaceResource

Row = Mapping[str, Any]


def records_by(key: str, moment: str, rows: Iterable[Row]) -> list[Record]:
    """Rows of the store as records: the column that names them, and the one that says when they changed."""
    return [Record(str(row[key]), row[moment], {str(name): row[name] for name in row}) for row in rows]


def export_leads(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every lead that changed since it was last exported."""
    return carry(
        settings, Outcome("lead", "leads", run_id, settings.clock.now()), "leads",
        lambda: unexported_leads(store, BATCH_ROWS), lambda rows: records_by("lead_id", "updated_at", rows),
        lambda rows: mark_leads_exported(store, rows),
    )  # fmt: skip


def export_assignments(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every assignment of a lead that changed since it was last exported."""
    return carry(
        settings, Outcome("lead", "assignments", run_id, settings.clock.now()), "lead_assignments",
        lambda: unexported_assignments(store, BATCH_ROWS),
        lambda rows: records_by("assignment_id", "changed_at", rows),
        lambda rows: mark_assignments_exported(store, rows),
    )  # fmt: skip


def export_activities(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every activity of a lead that the warehouse has not got yet."""
    return carry(
        settings, Outcome("lead", "activities", run_id, settings.clock.now()), "lead_activities",
        lambda: unlanded_activities(store, BATCH_ROWS),
        lambda rows: records_by("activity_id", "recorded_at", rows),
        lambda rows: mark_activities_landed(store, [row["activity_id"] for row in rows], settings.clock.now()),
    )  # fmt: skip


def export_score_rules(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every line of the score matrix that was changed in the workspace."""
    return carry(
        settings, Outcome("lead", "score_rules", run_id, settings.clock.now()), "score_rules",
        lambda: unexported_rules(store, BATCH_ROWS), lambda rows: records_by("action", "updated_at", rows),
        lambda rows: mark_rules_exported(store, rows),
    )  # fmt: skip


def export_members(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every member of the loyalty programme that changed since it was last exported."""
    return carry(
        settings, Outcome("loyalty", "members", run_id, settings.clock.now()), "loyalty_members",
        lambda: unexported_members(store, BATCH_ROWS), lambda rows: records_by("person_id", "updated_at", rows),
        lambda rows: mark_members_exported(store, rows),
    )  # fmt: skip


def export_loyalty_entries(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every line of the ledger of loyalty points that the warehouse has not got yet."""
    now = settings.clock.now()
    return carry(
        settings, Outcome("loyalty", "entries", run_id, now), "loyalty_entries",
        lambda: unlanded_entries(store, BATCH_ROWS), lambda rows: _entry_records(rows, settings.clock.now()),
        lambda rows: mark_entries_landed(store, [row["entry_id"] for row in rows], settings.clock.now()),
    )  # fmt: skip


def _entry_records(rows: Iterable[Row], now: Any) -> list[Record]:
    """A line that comes again belongs to somebody else since: the later landing counts."""
    return [Record(str(row["entry_id"]), now, {str(name): row[name] for name in row}) for row in rows]


def export_grants(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every offer that was granted or used since it was last exported."""
    return carry(
        settings, Outcome("loyalty", "grants", run_id, settings.clock.now()), "loyalty_grants",
        lambda: unexported_grants(store, BATCH_ROWS), lambda rows: records_by("grant_id", "changed_at", rows),
        lambda rows: mark_grants_exported(store, rows),
    )  # fmt: skip


def export_held_out(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land everybody who is held out of the loyalty programme and whom the warehouse has not got yet."""
    now = settings.clock.now()
    return carry(
        settings, Outcome("loyalty", "held_out", run_id, now), "loyalty_held_out",
        lambda: unlanded_held_out(store, BATCH_ROWS), lambda rows: records_by("person_id", "held_out_at", rows),
        lambda rows: mark_held_out_landed(store, [row["person_id"] for row in rows], settings.clock.now()),
    )  # fmt: skip


EXPORTS = {
    "leads": export_leads,
    "lead_assignments": export_assignments,
    "lead_activities": export_activities,
    "score_rules": export_score_rules,
    "loyalty_members": export_members,
    "loyalty_entries": export_loyalty_entries,
    "loyalty_grants": export_grants,
    "loyalty_held_out": export_held_out,
}
WORDS = {
    "leads": "Leads of the store.",
    "lead_assignments": "Assignments of leads to reps, queue and pool, with their reasons.",
    "lead_activities": "What leads did as our own API was told, and points given by hand.",
    "score_rules": "Lines of the score matrix that were changed in the workspace.",
    "loyalty_members": "Members of the loyalty programme.",
    "loyalty_entries": "The ledger of loyalty points, in double entry.",
    "loyalty_grants": "Offers of the loyalty programme that members hold or used.",
    "loyalty_held_out": "People who are held out of the loyalty programme.",
}


def export_all(settings: Settings, store: Store, run_id: str) -> int:
    """Land all of it; gives how many records were new or had changed."""
    return sum(export(settings, store, run_id).kept_count for export in EXPORTS.values())


def build_export_asset(table: str) -> dg.AssetsDefinition:
    """The raw table as an asset."""
    key = dg.AssetKey(["raw", table])

    @dg.asset(key=key, name=None, group_name="capture", kinds={"duckdb"}, description=WORDS[table])
    def export(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        outcome = EXPORTS[table](workspace.settings(), workspace.store(), context.run_id)
        return dg.MaterializeResult(metadata={"fetched": outcome.fetched_count, "kept": outcome.kept_count})

    return export


ASSETS = tuple(build_export_asset(table) for table in EXPORTS)
