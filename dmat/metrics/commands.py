"""`dmat metric list | show | ask | people`: figures at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: figures. Heavy modules are imported by the command that
needs them, so that `dmat --help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from dmat.scoring.commands import Home, console, opened, print_plain

if TYPE_CHECKING:
    from dmat.metrics.asking import Answer
    from dmat.metrics.question import Question

app = typer.Typer(no_args_is_help=True, help="Metrics: what there is, where a figure comes from, any question.")

Keys = Annotated[list[str], typer.Argument(help="keys of metrics")]
Key = Annotated[str, typer.Argument(help="key of a metric")]
Since = Annotated[str, typer.Option(help="first day, e.g. 2026-03-01")]
Until = Annotated[str, typer.Option(help="the first day that is no longer in it")]
Period = Annotated[str, typer.Option(help="e.g. last_30_days, when no days are given")]
By = Annotated[list[str] | None, typer.Option(help="dimension; may be repeated")]
Where = Annotated[list[str] | None, typer.Option(help="dimension:value; may be repeated")]
Segment = Annotated[str, typer.Option(help="key of a segment")]


@app.command("list")
def list_all(
    search: Annotated[str, typer.Argument(help="words in the key, name or description")] = "",
) -> None:
    """The metrics that there are."""
    from dmat.metrics.catalogue import load

    table = Table("key", "name", "unit", "what it tells", box=None)
    for each in load().metrics.values():
        if all(word in f"{each.key} {each.name} {each.words}".lower() for word in search.lower().split()):
            table.add_row(each.key, each.name, each.unit, each.words)
    console.print(table)


@app.command()
def show(
    key: Key, since: Since = "", until: Until = "", period: Period = "last_30_days", where: Where = None,
    segment: Segment = "", sql: Annotated[bool, typer.Option("--sql", help="print the SQL too")] = False,
    home: Home = None,
) -> None:  # fmt: skip
    """A metric: its definition, its value, the tables and inputs that it is made of."""
    from dmat.metrics import lineage

    with opened(home) as (settings, _store, view):
        found = lineage.of(view, settings, _question([key], since, until, period, None, where, segment), key)
    metric, (first, last) = found.metric, found.question.days
    print_plain(f"{metric.name}: {metric.words}")
    print_plain(f"Counted as: {metric.formula}. Unit: {metric.unit}. Told apart by: {', '.join(metric.dimensions)}.")
    print_plain(f"From {first} until {last} (without it): {found.value}")
    for origin in found.origins:
        built = f", built {origin.built_at:%Y-%m-%d %H:%M} by {origin.run_id}" if origin.built_at else ""
        print_plain(f"  {origin.table} <- {origin.model.file}{built}")
    for source in found.inputs:
        fresh = f"{source.fresh_at:%Y-%m-%d %H:%M}" if source.fresh_at else "never"
        print_plain(f"  {source.table}: {source.rows_count:,} rows, fresh as of {fresh}, run {source.run_id}")
    print_plain(f"Code at {found.commit}, data of {found.as_of:%Y-%m-%d %H:%M} UTC.")
    for name, statement in found.statements.items() if sql else ():
        print_plain(f"\n-- {name}\n{statement};")


@app.command("ask")
def ask_for(
    metrics: Keys, since: Since = "", until: Until = "", period: Period = "last_30_days", by: By = None,
    where: Where = None, segment: Segment = "",
    grain: Annotated[str, typer.Option(help="hour, day, week or month")] = "",
    output: Annotated[Path | None, typer.Option("--output", help="a .csv or .xlsx file to write")] = None,
    home: Home = None,
) -> None:  # fmt: skip
    """Ask for metrics, told apart by dimensions and by hour, day, week or month; as CSV unless a file is named."""
    from dmat.metrics.asking import ask

    with opened(home) as (settings, _store, view):
        question = _question(metrics, since, until, period, by, where, segment, grain)
        _hand_out(ask(view, settings, question), output)


@app.command()
def people(
    key: Key, since: Since = "", until: Until = "", period: Period = "last_30_days", where: Where = None,
    segment: Segment = "", limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, home: Home = None,
) -> None:  # fmt: skip
    """The people behind a figure."""
    from dmat.metrics.people import behind

    with opened(home) as (settings, _store, view):
        question = _question([key], since, until, period, None, where, segment)
        total, rows = behind(view, settings, question, key, limit)
    table = Table("person", "name", "address", "rows", "last", box=None)
    for row in rows:
        table.add_row(*(str(row[name]) for name in ("person_id", "name", "email", "rows_count", "last_at")))
    console.print(table)
    console.print(f"{total:,} people")


def _question(
    metrics: list[str], since: str, until: str, period: str, by: list[str] | None, where: list[str] | None,
    segment: str, grain: str = "",
) -> Question:  # fmt: skip
    from dmat.metrics.question import read_address

    days = [("since", since), ("until", until)] if since or until else [("period", period)]
    pairs = [("metrics", ",".join(metrics)), ("by", ",".join(by or [])), *days]
    pairs += [("filter", each) for each in where or []] + [("segment", segment), ("grain", grain)]
    return read_address([(name, value) for name, value in pairs if value])


def _hand_out(answer: Answer, output: Path | None) -> None:
    from dmat.errors import InvalidInputError
    from dmat.metrics.exporting import as_csv, as_xlsx

    if output is None:
        sys.stdout.write(as_csv(answer).removeprefix("\ufeff"))
        return
    if output.suffix not in (".csv", ".xlsx"):
        raise InvalidInputError("output", f"{output.name} is neither", "a name that ends in .csv or .xlsx")
    output.write_bytes(as_xlsx(answer) if output.suffix == ".xlsx" else as_csv(answer).encode())
    console.print(f"Wrote {output}.")
