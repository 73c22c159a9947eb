"""`dmat reports list | make | keep | due`: reports at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from dmat.routing.commands import File, read_file
from dmat.scoring.commands import Home, console, opened

app = typer.Typer(no_args_is_help=True, help="Reports: made now or by their schedule.")


@app.command("list")
def list_reports(home: Home = None) -> None:
    """All reports."""
    from dmat.reports.library import next_moments, read_reports

    table = Table(box=None, padding=(0, 2))
    for column in ("key", "name", "next"):
        table.add_column(column)
    with opened(home) as (_settings, store, _view):
        due = next_moments(store)
        for each in read_reports(store):
            at = due.get(each.key)
            table.add_row(each.key, each.name, f"{at:%Y-%m-%d %H:%M} UTC" if at else "")
    console.print(table)


@app.command("make")
def make(
    key: Annotated[str, typer.Argument(help="the report's key")],
    out: Annotated[Path | None, typer.Option(help="file to write: .pdf, .xlsx or .csv")] = None,
    home: Home = None,
) -> None:
    """Make a report now; its figures are kept."""
    from dmat.reports.files import file_name, file_of
    from dmat.reports.library import find_report
    from dmat.reports.making import make_report

    with opened(home) as (settings, store, view):
        made = make_report(settings, store, view, find_report(store, key), getpass.getuser())
        file = out or Path(file_name(made, "pdf"))
        file.write_bytes(file_of(settings, made, file.suffix.lstrip(".").lower()))
    console.print(f"Number {made.report_run_id}, {made.since} until before {made.until}: {file}")


@app.command("keep")
def keep(file: File, home: Home = None) -> None:
    """Keep the report of a file, a new one or a changed one."""
    from dmat.reports.library import save_report

    with opened(home) as (settings, store, _view):
        report = save_report(store, settings, read_file(file) or {}, getpass.getuser())
    console.print(f"{report.name} is kept as {report.key}.")


@app.command("due")
def due(home: Home = None) -> None:
    """Make and mail what is due."""
    from dmat.reports.running import make_due_reports

    with opened(home) as (settings, store, view):
        found = make_due_reports(settings, store, view)
    for key, words in found.faulty.items():
        console.print(f"[yellow]{key}[/]: {words}")
    console.print(f"{len(found.made)} made, {found.mails} mails planned.")
