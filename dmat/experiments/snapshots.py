"""Snapshots: what was known of a test at one moment, kept for ever under an id, so that any result can be made again.

Belongs here: turning design and observation into a document and back, keeping it, checking that it was not changed.
Stays out: counting (`observed.py`), inference (`analysis.py`), deciding (`decide.py`).

>>> snapshot = take(store, workspace, experiment, because="decided", by="dmat")
>>> analyse(snapshot.design, snapshot.observed)  # the same figures for ever
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import InvalidInputError, NotFoundError
from dmat.experiments.metrics import Metric
from dmat.experiments.moments import Moments
from dmat.experiments.observed import observe, running_plan
from dmat.experiments.plan import TestPlan
from dmat.experiments.published import published_at
from dmat.experiments.records import Experiment
from dmat.experiments.results import Arm, Design, Observed
from dmat.store.engine import Store, rows_of
from dmat.store.experiment_tables import experiment_snapshots
from dmat.warehouse import Workspace

FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """What was known of a test at one moment.

    Attributes:
        version: of the plan that ran.
        because: why it was taken, as "decided".
        data_version: the published version that orders come from; None when nothing was published.
    """

    snapshot_id: str
    experiment_id: int
    version: int
    taken_at: datetime
    taken_by: str
    because: str
    data_version: int | None
    design: Design
    observed: Observed


def design_of(plan: TestPlan) -> Design:
    """The plan as far as the statistics need it."""
    return Design(
        arms=tuple(Arm(arm.key, arm.shown_name, arm.share) for arm in plan.arms),
        control=plan.control_key,
        primary=plan.primary,
        guardrails=plan.guardrails,
        inference=plan.inference,
        alpha=plan.alpha,
        power=plan.power,
        mde=plan.mde,
        planned_n_per_arm=plan.sample_per_arm,
    )


def take(
    store: Store,
    workspace: Workspace,
    experiment: Experiment,
    because: str = "",
    by: str = "",
    observed: Observed | None = None,
    design: Design | None = None,
) -> Snapshot:
    """Keep what is known of a test now.

    Args:
        store: the store.
        workspace: the published tables.
        experiment: the test.
        because: why.
        by: who, or what.
        observed: what a decision was made from, when the caller has it; else it is counted now.
        design: the same; else that of the plan.

    Raises:
        NotFoundError: the plan is gone.
    """
    found = observed if observed is not None else observe(store, workspace, experiment)
    data_version, _ = published_at(workspace)
    planned = design or design_of(running_plan(store, experiment))
    snapshot = Snapshot(
        snapshot_id=str(uuid.uuid4()), experiment_id=experiment.experiment_id,
        version=experiment.running_version or experiment.version, taken_at=workspace.settings.clock.now(), taken_by=by,
        because=because, data_version=data_version, design=planned, observed=found,
    )  # fmt: skip
    with store.write() as connection:
        write_snapshot(connection, snapshot)
    return snapshot


def write_snapshot(connection: Connection, snapshot: Snapshot) -> None:
    """Keep a snapshot in the caller's transaction."""
    document = as_document(snapshot.design, snapshot.observed)
    names = ("snapshot_id", "experiment_id", "version", "taken_at", "taken_by", "because", "data_version")
    row = {name: getattr(snapshot, name) for name in names}
    connection.execute(
        sa.insert(experiment_snapshots).values(row | {"document": document, "document_hash": hash_of(document)})
    )


def read(store: Store, snapshot_id: str) -> Snapshot:
    """A snapshot by its id.

    Raises:
        NotFoundError: there is none.
        InvalidInputError: its document is not the one that was kept.
    """
    with store.read() as connection:
        found = rows_of(
            connection, sa.select(experiment_snapshots).where(experiment_snapshots.c.snapshot_id == snapshot_id)
        )
    if not found:
        raise NotFoundError(f"there is no snapshot {snapshot_id}")
    row = found[0]
    document, kept = row.pop("document"), row.pop("document_hash")
    if hash_of(document) != kept:
        raise InvalidInputError("snapshot", f"{snapshot_id} was changed after it was taken", "one that is as it was")
    design, observed = from_document(document)
    return Snapshot(**row, design=design, observed=observed)


def list_snapshots(store: Store, experiment_id: int) -> list[dict[str, Any]]:
    """Snapshots of a test without their figures, the newest first: id, version, when, by whom and why."""
    table = experiment_snapshots.c
    names = ("snapshot_id", "version", "taken_at", "taken_by", "because", "data_version")
    query = sa.select(*(table[name] for name in names)).where(table.experiment_id == experiment_id)
    with store.read() as connection:
        return rows_of(connection, query.order_by(table.taken_at.desc(), table.snapshot_id))


def as_document(design: Design, observed: Observed) -> dict[str, Any]:
    """Design and observation as JSON holds them; every number comes back as it was."""
    return {
        "format": FORMAT,
        "design": _plain(asdict(design)),
        "observed": _plain(asdict(observed)),
    }


def from_document(document: Mapping[str, Any]) -> tuple[Design, Observed]:
    """Design and observation from a document.

    Raises:
        InvalidInputError: it has a format of a later release.
    """
    if document.get("format") != FORMAT:
        raise InvalidInputError("snapshot", f"its format is {document.get('format')}", str(FORMAT))
    design, observed = dict(document["design"]), dict(document["observed"])
    design["arms"] = tuple(Arm(**arm) for arm in design["arms"])
    design["extra_metrics"] = tuple(Metric(**metric) for metric in design["extra_metrics"])
    design["guardrails"], design["look_fractions"] = tuple(design["guardrails"]), tuple(design["look_fractions"])
    observed["look_fractions"] = tuple(observed["look_fractions"])
    observed["moments"] = {
        arm: {metric: Moments(**sums) for metric, sums in metrics.items()}
        for arm, metrics in observed["moments"].items()
    }
    return Design(**design), Observed(**observed)


def hash_of(document: Mapping[str, Any]) -> str:
    """The same for the same document, whatever the order of its keys."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))
