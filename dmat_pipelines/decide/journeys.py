"""Journeys that are live are looked at: who enters, who is due, what happened to whom.

Belongs here: one look, for the stream, for the asset and for the sensor; whether any journey is live (cheap, for
sensors); the asset. Stays out: the rules (`dmat/journeys`).
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg
import sqlalchemy as sa

from dmat.journeys.carrying import carry_out
from dmat.journeys.entries import Source
from dmat.journeys.records import LIVE
from dmat.journeys.runner import JourneyRunner, Look
from dmat.journeys.watchdog import find_stuck
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import Store
from dmat.store.journey_tables import journeys
from dmat.warehouse import Workspace
from dmat_pipelines.resources import WorkspaceResource

JOURNEY_STEPS = dg.AssetKey(["store", "journey_steps"])
READ = (["store", "consents"], ["raw", "segment_changes"], ["people", "dim_people"], ["commerce", "fct_carts"])


class Journeys:
    """Runs the journeys of a workspace and carries out what they ask for; a resident process keeps it."""

    def __init__(self, source: Source) -> None:
        self._source, self._runner = source, JourneyRunner(source)

    def look(self) -> Look:
        """Do what is due, then what journeys asked of sales, scores and loyalty; twice does nothing twice.

        Raises:
            NotPublishedError: there are no tables yet.
        """
        look = self._runner.look()
        look.carried = carry_out(self._source)
        return look


def open_journeys(settings: Settings, store: Store, view: Workspace) -> Journeys:
    """What runs the journeys of a workspace; a resident process keeps it."""
    return Journeys(Source(settings, store, Desk(settings, store, view)))


def run_due_journeys(settings: Settings, store: Store, view: Workspace) -> Look:
    """Do what is due now; twice does nothing twice.

    Raises:
        NotPublishedError: there are no tables yet.
    """
    return open_journeys(settings, store, view).look()


def count_live(store: Store) -> int:
    """How many journeys are live: only these need looking at."""
    with store.read() as connection:
        query = sa.select(sa.func.count()).select_from(journeys).where(journeys.c.status == LIVE)
        return int(connection.execute(query).scalar_one())


def journeys_metadata(look: Look) -> dict[str, dg.MetadataValue]:  # type: ignore[type-arg]
    """What a look at the journeys did."""
    counts = {name: getattr(look, name) for name in ("entered", "moved", "planned", "ended", "withdrawn", "carried")}
    told = {"refused": dict(look.refused), "failed": look.failed}
    return {
        **{name: dg.MetadataValue.int(count) for name, count in counts.items()},
        **{name: dg.MetadataValue.json(value) for name, value in told.items()},
    }


@dg.asset(
    key=JOURNEY_STEPS,
    group_name="decide",
    kinds={"python"},
    deps=READ,
    description="Journeys: who enters, who is due; their messages planned in the ledger.",
)
def journey_steps(workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Do what is due; what was done already is not done again."""
    look = run_due_journeys(workspace.settings(), workspace.store(), workspace.view())
    return dg.MaterializeResult(metadata=journeys_metadata(look))


@dg.asset_check(asset=JOURNEY_STEPS, description="Nobody in a live journey was due long ago and still stands there.")
def nobody_is_stuck(workspace: WorkspaceResource) -> dg.AssetCheckResult:
    """Ask the watchdog."""
    stuck = find_stuck(workspace.store(), workspace.settings().clock.now())
    words = "; ".join(f"{each.journey}: {each.count} at {each.step or 'the entry'}" for each in stuck)
    return dg.AssetCheckResult(passed=not stuck, description=words[:2000] or "Nobody is stuck.")


ASSETS = (journey_steps,)
CHECKS = (nobody_is_stuck,)
