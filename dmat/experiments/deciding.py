"""Decisions of a person: which arm wins, that a test ends without one, and another winner afterwards.

Belongs here: these three, each with its reason and a snapshot of what was known at that moment. Stays out: what a rule
decides (`running.py`), the transaction of the first decision (`settling.py`).

A decision can be changed as long as somebody waits: who has not been sent to gets the new winner, who has been sent to
gets nothing more. A look of the stream goes on where a process died in between.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from dmat.campaigns.records import CANCELLED, FINISHED, find_campaign
from dmat.errors import ConflictError, InvalidInputError
from dmat.experiments.carrying_over import OVERRIDDEN, carry_over, planned_ids
from dmat.experiments.records import (
    DECIDED,
    MANUAL,
    REST,
    ROLLED_OUT,
    Experiment,
    Wave,
    find_experiment,
    lock_experiment,
    read_decision,
    running_plan_of,
    waves_of,
)
from dmat.experiments.rows import move_to, replace_decision, write_log, write_wave
from dmat.experiments.running import Judged, TestRunner
from dmat.experiments.settling import settle
from dmat.experiments.snapshots import Snapshot, write_snapshot
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.warehouse import Workspace

LONGEST_WORDS = 2000


def end_by_hand(
    settings: Settings, store: Store, experiment_id: int, kind: str, arm: str, by: str, reason: str
) -> Experiment:
    """Decide or stop a test that is under way; see `ExperimentLibrary.declare_winner` and `.stop`."""
    judged, snapshot = _known_now(settings, store, experiment_id, by, reason)
    with store.write() as connection:
        found = lock_experiment(connection, experiment_id)
        _refuse_unknown(found, arm)
        if snapshot is not None:
            write_snapshot(connection, snapshot)
        return settle(
            connection, found, kind, arm, reason.strip(), by, settings.clock.now(), figures=judged.figures,
            snapshot_id=snapshot.snapshot_id if snapshot else "",
        )  # fmt: skip


def _known_now(
    settings: Settings, store: Store, experiment_id: int, by: str, reason: str
) -> tuple[Judged, Snapshot | None]:
    """What is known of a test at this moment; without a snapshot when nobody is in it yet.

    Raises:
        InvalidInputError: there is no reason. NotFoundError: there is no such test.
    """
    if not reason.strip() or len(reason) > LONGEST_WORDS:
        raise InvalidInputError("reason", "say why", f"1 to {LONGEST_WORDS:,} signs")
    with store.read() as connection:
        found = find_experiment(connection, experiment_id)
        plan = running_plan_of(connection, found)
    runner, now = TestRunner(settings, store, Workspace(settings)), settings.clock.now()
    judged = runner.judge(found, plan, now)
    is_known = any(judged.observed.assigned.values())
    return judged, runner.snapshot(found, judged, now, by) if is_known else None


def _refuse_unknown(found: Experiment, arm: str) -> None:
    if arm and found.plan.arm(arm) is None:
        raise InvalidInputError("arm", f"there is no arm {arm!r}", ", ".join(found.plan.arm_keys))


# -- another winner afterwards ---------------------------------------------------------------------------------------


def override(settings: Settings, store: Store, experiment_id: int, arm: str, by: str, reason: str) -> Experiment:
    """Give another arm to all who have not been sent to; see `ExperimentLibrary.override`."""
    judged, snapshot = _known_now(settings, store, experiment_id, by, reason)
    with store.write() as connection:
        found, now = lock_experiment(connection, experiment_id), settings.clock.now()
        _refuse_unfit(connection, found, arm)
        if snapshot is not None:
            write_snapshot(connection, snapshot)
        before = read_decision(connection, experiment_id)
        new_id = snapshot.snapshot_id if snapshot else ""
        replace_decision(connection, found, MANUAL, arm, reason.strip(), by, now, judged.figures, new_id)
        waiting = _turn_waves(connection, found, arm)
        detail = {"before": found.winner, "after": arm, "not_planned": waiting}
        if before is not None:
            detail |= {"decided_by": before.decided_by, "reason": before.reason, "snapshot_id": before.snapshot_id}
        words = f"{arm} instead of {found.winner}: {reason.strip()}"
        write_log(connection, experiment_id, OVERRIDDEN, words, by, now, **detail)
        move_to(connection, found, DECIDED, by, now, f"{arm} wins by hand: {reason.strip()}", winner=arm, ended_at=None)
    carry_over(store, experiment_id, settings.clock.now())
    with store.read() as connection:
        return find_experiment(connection, experiment_id)


def may_decide_otherwise(found: Experiment) -> bool:
    """Whether there is a winner that can be changed, as far as the test itself tells."""
    return found.status in (DECIDED, ROLLED_OUT) and bool(found.winner) and found.plan.kind != "frequency"


def _refuse_unfit(connection: Connection, found: Experiment, arm: str) -> None:
    number = found.experiment_id
    if found.status not in (DECIDED, ROLLED_OUT) or not found.winner:
        raise ConflictError(f"test {number} is {found.status}: only a decided one with a winner can be decided anew")
    if not arm:
        raise InvalidInputError("arm", "say which arm wins", "the key of an arm")
    _refuse_unknown(found, arm)
    if arm == found.winner:
        raise ConflictError(f"test {number}: {arm} is the winner already")
    if found.plan.kind == "frequency":
        raise ConflictError(f"test {number} is one of frequency: what was decided about its steps stays")
    if found.campaign_id is not None:
        _refuse_sent(connection, found)


def _refuse_sent(connection: Connection, found: Experiment) -> None:
    """Stop a change that would reach nobody."""
    number, campaign = found.experiment_id, find_campaign(connection, found.campaign_id or 0)
    if campaign.status in (CANCELLED, FINISHED):
        raise ConflictError(f"test {number}: its campaign is {campaign.status}, nobody waits any more")
    rests = [wave for wave in waves_of(connection, number) if wave.kind == REST]
    is_open = not rests or any(wave.planned_at is None for wave in rests)
    if not is_open and not planned_ids(connection, found, 1, _old_variants(rests)):
        raise ConflictError(f"test {number}: everybody has been sent to, nobody waits any more")


def _turn_waves(connection: Connection, found: Experiment, arm: str) -> int:
    """Give the rest another arm; gives how many of them were not planned yet."""
    waiting = 0
    for wave in waves_of(connection, found.experiment_id):
        if wave.kind == REST and wave.arm:
            write_wave(connection, wave, arm=arm)
            waiting += wave.people_count - wave.planned_position
    return waiting


def _old_variants(rests: list[Wave]) -> list[str]:
    return sorted({wave.variant for wave in rests if wave.arm})
