"""`dmat campaigns list | show | pause | resume | cancel | finish-report`: campaigns at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work (`library.py`, `monitor.py`). Heavy modules are
imported by the command that needs them, so that `dmat --help` answers at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from dmat.terminal import Home, console, opened, who

if TYPE_CHECKING:
    from dmat.campaigns.library import CampaignLibrary

app = typer.Typer(no_args_is_help=True, help="Campaigns: list, look at, pause, resume, cancel.")

Number = Annotated[int, typer.Argument(help="the campaign's number")]
Reason = Annotated[str, typer.Option(help="why; kept in the audit trail")]


@contextmanager
def _library(home: Path | None) -> Iterator[CampaignLibrary]:
    """The library of a workspace; an error of ours is one red line and exit code 1."""
    from dmat.campaigns.library import open_library
    from dmat.segments.desk import Desk

    with opened(home) as (settings, store):
        yield open_library(settings, store, Desk(settings, store))


@app.command("list")
def list_all(
    status: Annotated[str, typer.Option(help="only these, as running or finished")] = "", home: Home = None
) -> None:
    """Campaigns with their status and how far they have come."""
    from dmat.campaigns.library import Wanted
    from dmat.campaigns.progress import progress

    with _library(home) as library:
        found = library.list(Wanted(statuses=(status,) if status else ()))
        stands = progress(library.store, [campaign.campaign_id for campaign in found])
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("number", "status", "name", "channels", "people", "sent", "waiting"):
        table.add_column(name, justify="right" if name in {"number", "people", "sent", "waiting"} else "left")
    for campaign in found:
        report = stands[campaign.campaign_id].report
        numbers = (f"{number:,}" for number in (report.audience, report.sent, report.waiting))
        channels = ", ".join(campaign.plan.channels)
        table.add_row(str(campaign.campaign_id), campaign.status, campaign.name, channels, *numbers)
    console.print(table)


@app.command("show")
def show(number: Number, home: Home = None) -> None:
    """One campaign: its steps, what became of them, and every "no" with its reason."""
    from dmat.campaigns.monitor import monitor

    with _library(home) as library:
        found = monitor(library.settings, library.store, None, number)
    campaign = found.campaign
    console.print(f"{campaign.campaign_id}  {campaign.name}: {campaign.status} {campaign.status_reason}".rstrip())
    for step in found.steps:
        figures = step.figures
        state = step.run.state if step.run else "waiting"
        console.print(
            f"  {step.step} ({step.channel}, {state}): {figures.planned:,} planned, {figures.sent:,} sent,"
            f" {figures.delivered:,} delivered, {figures.opened:,} opened, {figures.clicked:,} clicked"
        )
    for reason in found.reasons:
        console.print(f"  {reason.count:,} {reason.state}: {reason.reason}")


@app.command("pause")
def pause(number: Number, reason: Reason = "", home: Home = None) -> None:
    """Let nothing more leave, within seconds."""
    with _library(home) as library:
        console.print(f"{library.pause(number, who(), reason).name} is paused.")


@app.command("resume")
def resume(number: Number, home: Home = None) -> None:
    """Let a paused or incomplete campaign go on."""
    with _library(home) as library:
        console.print(f"{library.resume(number, who()).name} runs.")


@app.command("cancel")
def cancel(number: Number, reason: Reason = "", home: Home = None) -> None:
    """End a campaign; what has not left never will."""
    with _library(home) as library:
        console.print(f"{library.cancel(number, who(), reason).name} is cancelled.")


@app.command("finish-report")
def finish_report(number: Number, home: Home = None) -> None:
    """Prove that all people of a campaign are accounted for; exit code 1 when they are not."""
    from dmat.campaigns.finishing import incomplete_because
    from dmat.campaigns.progress import progress
    from dmat.campaigns.step_runs import read_runs

    with _library(home) as library:
        campaign = library.get(number)
        with library.store.read() as connection:
            runs = read_runs(connection, number)
        reasons = incomplete_because(library.store, campaign, runs)
        stands = progress(library.store, [number])[number]
    report = stands.report
    parts = {name: getattr(report, name) for name in ("sent", "failed", "suppressed", "held_out", "expired")}
    words = " + ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in parts.items())
    console.print(f"{words} = {sum(parts.values()):,} of {stands.frozen:,} frozen people")
    for reason in reasons:
        console.print(f"[red]{reason}[/]")
    if reasons or sum(parts.values()) != stands.frozen:
        raise typer.Exit(1)
