"""A message is due: drain the ledger.

Belongs here: noticing messages that wait although they are due, and the small job that sends them. Stays out: whether
a message may leave (`dmat/campaigns/gate.py`). Where the resident sender runs it sends, and the sensor waits.
(Dagster reads annotations as they stand: this file does without `from __future__ import annotations`.)
"""

import dagster as dg

from dmat_pipelines.deliver.assets import SENT_MESSAGES, drain_metadata
from dmat_pipelines.deliver.lanes import due_channels
from dmat_pipelines.deliver.sender import drain
from dmat_pipelines.resources import WorkspaceResource
from sensors.under_way import somebody_at_it


@dg.op
def send_due_messages(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
    """Send what is due, and tell the graph."""
    report = drain(workspace.settings(), workspace.store())
    context.log_event(dg.AssetMaterialization(SENT_MESSAGES, metadata=drain_metadata(workspace, report)))


@dg.job(executor_def=dg.in_process_executor, description="Send what is due, through the gate.")
def drain_ledger() -> None:
    """One op; a second sender of the same folder would find the lock taken and send nothing."""
    send_due_messages()


@dg.sensor(
    job=drain_ledger,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Messages that are due while no sender is at work.",
)
def deliveries_waiting(
    context: dg.SensorEvaluationContext, workspace: WorkspaceResource
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when messages are due and nobody is sending."""
    settings = workspace.settings()
    if (busy := somebody_at_it(context, settings, "sender", drain_ledger, "messages")) is not None:
        return busy
    if not due_channels(workspace.store(), settings.clock.now()):
        return dg.SkipReason("no message is due")
    return dg.RunRequest()
