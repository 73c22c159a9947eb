"""The whole loop once: `python -m dmat_pipelines.refresh --home HOME [--full] [--send] [--quiet]`.

Belongs here: running the jobs of the loop one after the other in this process, with progress, into the Dagster instance
of the workspace, so that the run is in the graph. Stays out: what the jobs do (`definitions.py`).

Leaves with 0 when everything worked, 1 when tables could not be built or a check failed, 2 when only a source could
not be read: tables are then built from what there is.
"""

from __future__ import annotations

import argparse
import os
import sys
import uuid
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from dmat.processes import NO_TELEMETRY, prepare_dagster_home
from dmat.settings import Settings, load_settings

if TYPE_CHECKING:
    import dagster as dg

Tell = Callable[[str, int, int], None]


@dataclass
class RefreshReport:
    """What a refresh did: steps that failed (and why), checks that failed, tables that were refreshed."""

    failed_captures: dict[str, str] = field(default_factory=dict)
    failed_steps: dict[str, str] = field(default_factory=dict)
    failed_checks: list[str] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)

    @property
    def exit_code(self) -> int:
        """0, 1 or 2; see the head of this file."""
        if self.failed_steps or self.failed_checks:
            return 1
        return 2 if self.failed_captures else 0


def refresh(settings: Settings, *, full: bool = False, sends: bool = False, tell: Tell | None = None) -> RefreshReport:
    """Read the sources, build the tables, plan what is due, publish; once.

    Args:
        settings: the workspace.
        full: read and build everything from scratch.
        sends: also send what is due (the resident sender does it otherwise).
        tell: called with a step's name, how many steps are done, and how many there are.
    """
    os.environ.update(NO_TELEMETRY, DAGSTER_HOME=str(prepare_dagster_home(settings)), DMAT_HOME=str(settings.home))
    from dagster import DagsterInstance

    from dmat_pipelines.definitions import build_defs
    from dmat_pipelines.resources import WorkspaceResource

    defs = build_defs({"workspace": WorkspaceResource(home=str(settings.home))})
    names = ["build_and_plan", *(["send_messages"] if sends else []), "count_results"]
    with DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as instance:
        report = RefreshReport(failed_captures=_failures(_run(defs, instance, "capture_sources", full, tell)))
        for name in names:
            result = _run(defs, instance, name, full, tell)
            report.failed_steps |= _failures(result)
            report.failed_checks += _failed_checks(result)
            report.tables |= {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
            if report.failed_steps:
                break
    return report


def _run(
    defs: dg.Definitions, instance: dg.DagsterInstance, name: str, full: bool, tell: Tell | None
) -> dg.ExecuteInProcessResult:
    job = defs.resolve_job_def(name)
    steps = [node.name for node in job.nodes]
    run_id = str(uuid.uuid4())
    ended: set[str] = set()

    def listen(entry: Any) -> None:
        event = entry.dagster_event
        if event is None or not event.step_key or tell is None:
            return
        if event.is_step_success or event.is_step_failure or event.is_step_skipped:
            ended.add(event.step_key)
        elif not event.is_step_start:
            return
        tell(event.step_key, len(ended), len(steps))

    instance.add_event_listener(run_id, listen)
    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if full:
        config["ops"] = {step: {"config": {"full": True}} for step in steps if _builds_from_scratch(step)}
    return job.execute_in_process(run_config=config, instance=instance, run_id=run_id, raise_on_error=False)


def _builds_from_scratch(step: str) -> bool:
    return step.startswith("capture_") or step.endswith("_tables")


def _failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Step -> why it failed, in the words of the error at the root; the run in the graph has the whole trace."""
    found = {}
    for event in result.get_step_failure_events():
        data = event.step_failure_data
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        said = data.user_failure_data.description if data.user_failure_data else None
        found[str(event.step_key)] = (said or (error.message if error else "") or "no reason given").strip()
    return found


def _failed_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    return [
        f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description or 'failed'}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity.value == "ERROR"
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", help="the workspace folder")
    parser.add_argument("--full", action="store_true", help="read and build everything from scratch")
    parser.add_argument("--send", action="store_true", help="also send what is due")
    parser.add_argument("--quiet", action="store_true", help="print nothing but failures")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    console = Console(highlight=False, quiet=options.quiet)
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task("reading definitions", total=None)
        report = refresh(
            load_settings(home=options.home),
            full=options.full,
            sends=options.send,
            tell=lambda step, done, total: progress.update(
                task, description=step.replace("_", " "), completed=done, total=total
            ),
        )
    say(report, console)
    return report.exit_code


def say(report: RefreshReport, console: Console) -> None:
    """Print the outcome: one line when all is well, one line a failure otherwise."""
    loud = Console(highlight=False, stderr=True, markup=False)
    for name, why in {**report.failed_captures, **report.failed_steps}.items():
        loud.print(f"{name}: {why[:2000]}", style="red")
    for words in report.failed_checks:
        loud.print(f"check failed: {words[:500]}", style="red")
    if not report.failed_steps:
        console.print(f"{len(report.tables)} tables refreshed and published.")


if __name__ == "__main__":
    sys.exit(main())
