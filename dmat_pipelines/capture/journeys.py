"""What the store knows of journeys, landed: `raw.journey_plans`, `raw.journey_members`, `raw.journey_actions`,
`raw.person_properties`.

Belongs here: carrying rows, committed in the warehouse first and marked here after, so that a crash between the two
lands them again (twice gives once). Stays out: which rows these are (`dmat/journeys/exporting.py`).
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dagster as dg

from dmat.journeys.exporting import (
    mark_actions_exported,
    mark_journeys_exported,
    mark_members_exported,
    mark_properties_exported,
    unexported_actions,
    unexported_journeys,
    unexported_members,
    unexported_properties,
)
from dmat.landing import Outcome, Record
from dmat.settings import Settings
from dmat.store import Store
from dmat_pipelines.capture.deliveries import BATCH_ROWS, carry
from dmat_pipelines.resources import WorkspaceResource

Row = Mapping[str, Any]


def export_journeys(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every journey that changed since it was last exported."""
    return carry(
        settings, Outcome("journey", "plans", run_id, settings.clock.now()), "journey_plans",
        lambda: unexported_journeys(store, BATCH_ROWS),
        lambda rows: [Record(str(row["journey_id"]), row["updated_at"], dict(row)) for row in rows],
        lambda rows: mark_journeys_exported(store, rows),
    )  # fmt: skip


def export_members(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every member that entered or moved since it was last exported."""
    return carry(
        settings, Outcome("journey", "members", run_id, settings.clock.now()), "journey_members",
        lambda: unexported_members(store, BATCH_ROWS), member_records,
        lambda rows: mark_members_exported(store, rows),
    )  # fmt: skip


def member_records(rows: Iterable[Row]) -> list[Record]:
    """Members as records: of one moment, the higher revision is newer."""
    return [Record(str(row["member_id"]), max(row["seen_at"], row["at"]), dict(row)) for row in rows]


def export_actions(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land everything that journeys asked of others and whose state changed since it was last exported."""
    return carry(
        settings, Outcome("journey", "actions", run_id, settings.clock.now()), "journey_actions",
        lambda: unexported_actions(store, BATCH_ROWS),
        lambda rows: [Record(str(row["action_id"]), row["done_at"] or row["at"], dict(row)) for row in rows],
        lambda rows: mark_actions_exported(store, rows),
    )  # fmt: skip


def export_properties(settings: Settings, store: Store, run_id: str) -> Outcome:
    """Land every tag and value of a person that changed since it was last exported."""
    return carry(
        settings, Outcome("journey", "properties", run_id, settings.clock.now()), "person_properties",
        lambda: unexported_properties(store, BATCH_ROWS),
        lambda rows: [
            Record(f"{row['person_id']}:{row['kind']}:{row['name']}", row["changed_at"], dict(row)) for row in rows
        ],
        lambda rows: mark_properties_exported(store, rows),
    )  # fmt: skip


Export = Callable[[Settings, Store, str], Outcome]
EXPORTS: Mapping[str, tuple[Export, str]] = {
    "journey_plans": (export_journeys, "Journeys with the steps of every version, as the store has them."),
    "journey_members": (export_members, "Members of journeys: where they stand and which steps they passed."),
    "journey_actions": (export_actions, "What journeys asked of others: leads, tasks, points, tags, audiences."),
    "person_properties": (export_properties, "Tags and values that journeys and people gave to people."),
}


def build_export_asset(table: str) -> dg.AssetsDefinition:
    """The raw table as an asset."""
    export, words = EXPORTS[table]

    @dg.asset(key=dg.AssetKey(["raw", table]), name=None, group_name="capture", kinds={"duckdb"}, description=words)
    def landed(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        outcome = export(workspace.settings(), workspace.store(), context.run_id)
        return dg.MaterializeResult(metadata={"fetched": outcome.fetched_count, "kept": outcome.kept_count})

    return landed


ASSETS = tuple(build_export_asset(table) for table in EXPORTS)
