"""`dmat tests list | show | create | start | pause | resume | stop | winner | override | look`: tests at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work (`library.py`, `running.py`). Heavy modules are
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
    from dmat.experiments.library import ExperimentLibrary

app = typer.Typer(no_args_is_help=True, help="Tests (A/B): list, look at, make, start, pause, stop, name the winner.")

Number = Annotated[int, typer.Argument(help="the test's number")]
Reason = Annotated[str, typer.Option(help="why; kept in the log")]


@contextmanager
def _library(home: Path | None) -> Iterator[ExperimentLibrary]:
    """The library of a workspace; an error of ours is one red line and exit code 1."""
    from dmat.experiments.library import open_library

    with opened(home) as (settings, store):
        yield open_library(settings, store)


@app.command("list")
def list_all(
    status: Annotated[str, typer.Option(help="only these, as running or decided")] = "",
    search: Annotated[str, typer.Option(help="words in the name, the step or what was learnt")] = "",
    home: Home = None,
) -> None:
    """Tests with their status, their winner and what the last look concluded."""
    from dmat.experiments.library import WantedTests

    with _library(home) as library:
        found = library.list(WantedTests(statuses=(status,) if status else (), text=search))
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("number", "status", "name", "kind", "campaign", "winner", "last look"):
        table.add_column(name, justify="right" if name in {"number", "campaign"} else "left")
    for each in found:
        table.add_row(
            str(each.experiment_id), each.status, each.name, each.kind, str(each.campaign_id or each.journey),
            each.winner, str((each.verdict or {}).get("sentence", "")),
        )  # fmt: skip
    console.print(table)


@app.command("show")
def show(number: Number, home: Home = None) -> None:
    """One test: its arms and figures, what would be concluded now, and its log."""
    from dmat.experiments.records import running_plan_of
    from dmat.experiments.running import TestRunner
    from dmat.warehouse import Workspace

    with _library(home) as library:
        found, settings, store = library.get(number), library.settings, library.store
        with store.read() as connection:
            plan = running_plan_of(connection, found)
        judged = TestRunner(settings, store, Workspace(settings)).judge(found, plan, settings.clock.now())
        log = library.log(number)
    console.print(f"{number}  {found.name}: {found.status} {found.status_reason}".rstrip())
    for arm in plan.arms:
        result = judged.analysis.arm(arm.key)
        rate = "no figures yet" if result.rate is None else f"{result.rate:.4g} {plan.primary}"
        assigned = judged.observed.assigned.get(arm.key, 0)
        console.print(f"  {arm.key} ({arm.shown_name}): {assigned:,} assigned, {result.people:,} counted, {rate}")
    console.print(f"  {' '.join(judged.sentences)}")
    console.print(f"  {judged.verdict.kind}: {judged.verdict.reason}")
    for line in log:
        console.print(f"  {line.happened_at:%Y-%m-%d %H:%M} {line.actor}: {line.kind}, {line.words}")


@app.command("create")
def create(
    file: Annotated[Path, typer.Argument(help="a plan as JSON or YAML", exists=True, dir_okay=False)],
    home: Home = None,
) -> None:
    """Keep a new test as a draft."""
    import yaml

    from dmat.errors import InvalidInputError
    from dmat.experiments.plan import parse_test_plan

    with _library(home) as library:
        try:
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InvalidInputError("file", f"is no JSON or YAML: {error}", "a plan") from None
        made = library.create(parse_test_plan(document), who())
        console.print(f"Test {made.experiment_id} ({made.key}) is a draft.")


@app.command("start")
def start(number: Number, home: Home = None) -> None:
    """Fix the plan and let it run."""
    with _library(home) as library:
        console.print(f"{library.start(number, who()).name} runs.")


@app.command("pause")
def pause(number: Number, reason: Reason = "", home: Home = None) -> None:
    """Let nothing more of its steps leave, and decide nothing."""
    with _library(home) as library:
        console.print(f"{library.pause(number, who(), reason).name} is paused.")


@app.command("resume")
def resume(number: Number, home: Home = None) -> None:
    """Let a paused test go on."""
    with _library(home) as library:
        console.print(f"{library.resume(number, who()).name} runs.")


@app.command("stop")
def stop(
    number: Number,
    reason: Annotated[str, typer.Option(help="why; needed")],
    rest: Annotated[str, typer.Option(help="the arm that all others get; empty: nobody else gets anything")] = "",
    home: Home = None,
) -> None:
    """End a test without a winner."""
    with _library(home) as library:
        console.print(f"{library.stop(number, who(), reason, rest).name} is stopped.")


@app.command("winner")
def winner(
    number: Number,
    arm: Annotated[str, typer.Argument(help="the key of the arm")],
    reason: Annotated[str, typer.Option(help="why; needed")],
    home: Home = None,
) -> None:
    """Say by hand which arm all others get."""
    with _library(home) as library:
        library.declare_winner(number, arm, who(), reason)
        console.print(f"Arm {arm} goes to all others.")


@app.command("override")
def override(
    number: Number,
    arm: Annotated[str, typer.Argument(help="the key of the arm")],
    reason: Annotated[str, typer.Option(help="why; needed")],
    home: Home = None,
) -> None:
    """After a decision: who has not been sent to gets another arm."""
    with _library(home) as library:
        library.override(number, arm, who(), reason)
        console.print(f"Arm {arm} goes to all who have not been sent to.")


@app.command("look")
def look(home: Home = None) -> None:
    """Look at all tests once, as the stream does; exit code 1 when one failed."""
    from dmat.experiments.running import TestRunner
    from dmat.warehouse import Workspace

    with _library(home) as library:
        done = TestRunner(library.settings, library.store, Workspace(library.settings)).look()
    for number, arm in done.decided.items():
        console.print(f"test {number}: {arm}")
    for number, words in done.asked.items():
        console.print(f"test {number} waits for you: {words}")
    for name, words in done.failed.items():
        console.print(f"[red]{name}: {words}[/]")
    if not done.count and not done.failed:
        console.print("Nothing was due.")
    if done.failed:
        raise typer.Exit(1)
