"""Import a file of people, orders or events into `raw.import_*` (SendGrid's archive into `raw.delivery_events`).

Belongs here: showing how a file is read, asking, landing it, the file of refused rows, the outcome.
Stays out: what columns and values mean (`dmat/imports`).

`python -m dmat_pipelines.capture.imports KIND FILE --home HOME [--map column=field ...] [--yes]`
"""

from __future__ import annotations

import argparse
import csv
import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from dmat.errors import DmatError, InvalidInputError
from dmat.imports.convert import LEFT_OUT, REFUSED, REPEATED, Converted, Issue, convert, guess_map
from dmat.imports.fields import KINDS, ColumnMap, apply_choices, check_kind, signature
from dmat.imports.read_files import LINE, FileRows, read_rows
from dmat.imports.values import Style
from dmat.landing import Outcome, Refusal, land_table, write_outcome
from dmat.settings import Settings, load_settings
from dmat.store import open_store
from dmat.store.workspace_values import get_mapping, save_mapping
from dmat.warehouse import writer

LAND_ROWS = 100_000
console = Console(highlight=False)
Advance = Callable[[str, float], None]


@dataclass(frozen=True)
class Proposal:
    """How a file would be read: shown before anything is written."""

    kind: str
    path: Path
    how: str
    lines_count: int
    columns: list[str]
    mapping: ColumnMap
    is_saved: bool


@dataclass
class ImportReport:
    """What became of a file: lines = kept + unchanged + refused + repeated."""

    table: str
    lines_count: int
    kept_count: int
    unchanged_count: int
    refused_count: int
    repeated_count: int
    left_out_count: int
    refused_file: Path | None
    styles: dict[str, Style] = field(default_factory=dict)
    sums: list[dict[str, Any]] = field(default_factory=list)


def import_file(
    settings: Settings,
    kind: str,
    path: Path,
    choices: Sequence[str] = (),
    confirm: Callable[[Proposal], bool] = lambda proposal: True,
    advance: Advance = lambda what, share: None,
) -> ImportReport | None:
    """Import one file; importing it again changes nothing.

    Args:
        settings: the workspace.
        kind: people, orders or events.
        path: CSV, Parquet or XLSX.
        choices: `column=field` pairs that correct the guessed (or saved) mapping.
        confirm: is shown the mapping; False stops before anything is written.
        advance: is told what is being done and the share of the whole that is done.

    Returns:
        What became of the lines; None when it was not confirmed.

    Raises:
        InvalidInputError: the file or the mapping cannot be used.
    """
    check_kind(kind)
    advance("Reading the file", 0.0)
    rows = read_rows(path)
    store = open_store(settings)
    shape = signature(kind, rows.columns)
    saved = get_mapping(store, kind, shape)
    usable = saved is not None and all(c.startswith('"') or c in rows.columns for c in saved.values())
    mapping = apply_choices(kind, rows.columns, saved if saved and usable else guess_map(kind, rows), choices)
    if not confirm(Proposal(kind, path, rows.how, rows.lines_count, rows.columns, mapping, bool(saved and usable))):
        return None
    save_mapping(store, kind, shape, mapping.named, settings.clock.now())
    advance("Reading the values", 0.2)
    converted = convert(kind, rows, mapping)
    advance("Landing", 0.6)
    outcome = _land(settings, kind, path, converted, advance)
    refused = _write_issues(settings, kind, path, rows, converted.issues)
    advance("Done", 1.0)
    return ImportReport(
        converted.table, converted.lines_count, outcome.kept_count, outcome.unchanged_count,
        converted.count(REFUSED), converted.count(REPEATED), converted.count(LEFT_OUT), refused,
        converted.styles, converted.sums,
    )  # fmt: skip


def _land(settings: Settings, kind: str, path: Path, converted: Converted, advance: Advance) -> Outcome:
    outcome = Outcome("import", kind, f"import-{uuid.uuid4()}", settings.clock.now(), converted.lines_count)
    outcome.refusals = [_refusal(path, issue) for issue in converted.issues if issue.treatment == REFUSED]
    total = converted.batch.num_rows
    with writer(settings) as connection:
        now = settings.clock.now()
        connection.begin()
        for start in range(0, max(total, 1), LAND_ROWS):
            part = converted.batch.slice(start, LAND_ROWS)
            kept, unchanged = land_table(connection, converted.table, part, outcome.run_id, now)
            outcome.kept_count += kept
            outcome.unchanged_count += unchanged
            advance("Landing", 0.6 + 0.3 * min(1.0, (start + LAND_ROWS) / max(total, 1)))
        write_outcome(connection, outcome, now)
        connection.commit()
    return outcome


def _refusal(path: Path, issue: Issue) -> Refusal:
    said = {"field": issue.field, "value": issue.value, "allowed": issue.allowed}
    reason = f"{issue.field} {issue.reason}".strip()
    return Refusal(f"{path.name}, line {issue.line}", reason, orjson.dumps(said).decode())


def _write_issues(settings: Settings, kind: str, path: Path, rows: FileRows, issues: list[Issue]) -> Path | None:
    """Every line or value that was not taken, with the reason and the line as it was; None when all were."""
    target = settings.home / "imports" / f"{path.stem}.{kind}.refused.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not issues:
        target.unlink(missing_ok=True)
        return None
    wanted = {issue.line for issue in issues}
    numbers = rows.texts[LINE].to_pylist()
    places = [place for place, line in enumerate(numbers) if line in wanted]
    cells = {numbers[p]: row for p, row in zip(places, rows.texts.take(places).to_pylist(), strict=True)}
    with target.open("w", newline="", encoding="utf-8-sig") as handle:
        out = csv.writer(handle)
        out.writerow(["line", "treatment", "field", "value", "reason", "allowed", *rows.columns])
        for issue in issues:
            row = cells.get(issue.line, {})
            was = [row.get(column) for column in rows.columns]
            out.writerow([issue.line, issue.treatment, issue.field, issue.value, issue.reason, issue.allowed, *was])
    return target


# Command line --------------------------------------------------------------------------------------------------------


def show_proposal(proposal: Proposal) -> None:
    """Print how a file would be read."""
    console.print(f"{proposal.path.name}: {proposal.lines_count:,} lines; {proposal.how}")
    source = "saved for files of this shape" if proposal.is_saved else "guessed from names and values"
    table = Table("column", "field", title=f"Mapping ({source})", title_justify="left")
    fields = {column: name for name, column in proposal.mapping.columns.items()}
    for column in proposal.columns:
        table.add_row(column, fields.get(column, "[dim]kept in `original` only[/]"))
    for name, value in proposal.mapping.constants.items():
        table.add_row(f"[dim]always[/] {value}", name)
    console.print(table)


def ask(proposal: Proposal) -> bool:
    """Show the mapping and ask whether it is right.

    Raises:
        InvalidInputError: nobody is there to answer.
    """
    show_proposal(proposal)
    if not sys.stdin.isatty():
        raise InvalidInputError("--yes", "nobody is there to confirm the mapping", "--yes takes it as shown")
    return console.input("Import so? [y/N] ").strip().lower() in ("y", "yes", "j", "ja")


def take(proposal: Proposal) -> bool:
    """Show the mapping and take it."""
    show_proposal(proposal)
    return True


def show_report(report: ImportReport) -> None:
    """Print what became of a file."""
    for name, style in report.styles.items():
        mark = "decimal comma" if style.decimal_comma else "decimal point"
        order = "day/month/year" if style.day_first else "month/day/year"
        how = mark if name in ("quantity", "unit_price") else f"{order} where the year is not first"
        open_question = "" if style.is_decided else " (nothing in the file decides)"
        console.print(f"  {name}: {how}{open_question}")
    if report.sums:
        table = Table("kind", title="Lines by kind", title_justify="left")
        for heading in ("lines", "quantity", "amount"):
            table.add_column(heading, justify="right")
        for row in report.sums:
            table.add_row(row["kind"], f"{row['lines_count']:,}", f"{row['quantity']:,.0f}", f"{row['amount']:,.2f}")
        totals = [sum(row[name] for row in report.sums) for name in ("lines_count", "quantity", "amount")]
        table.add_section()
        table.add_row("all", f"{totals[0]:,}", f"{totals[1]:,.0f}", f"{totals[2]:,.2f}")
        console.print(table)
    console.print(
        f"{report.lines_count:,} lines = {report.kept_count:,} new or changed + {report.unchanged_count:,} known"
        f" + {report.refused_count:,} refused + {report.repeated_count:,} repeated; in raw.{report.table}"
    )
    if report.refused_file is not None:
        console.print(f"What was not taken, and why: {report.refused_file}")


def main() -> int:
    """Parse the options, import the file, give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--map", dest="choices", action="append", default=[], metavar="COLUMN=FIELD")
    parser.add_argument("--yes", action="store_true", help="take the mapping without asking")
    options = parser.parse_args()
    settings = load_settings(home=options.home)
    columns = (TextColumn("{task.description:24}"), BarColumn(bar_width=30), TimeElapsedColumn())
    with Progress(*columns, console=console) if options.yes else nullcontext() as progress:
        advance = _advance_of(progress)
        confirm = take if options.yes else ask
        try:
            report = import_file(settings, options.kind, options.file, options.choices, confirm, advance)
        except DmatError as error:
            console.print(f"[red]{type(error).__name__}[/]: {error}", markup=True)
            return 1
    if report is None:
        console.print("Nothing was imported.")
        return 1
    show_report(report)
    return 0


def _advance_of(progress: Progress | None) -> Advance:
    if progress is None:
        return lambda what, share: console.print(f"{what} ...")
    task: TaskID = progress.add_task("Reading the file", total=1.0)
    return lambda what, share: progress.update(task, description=what, completed=share)


if __name__ == "__main__":
    sys.exit(main())
