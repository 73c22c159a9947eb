"""`dmat segments export | apply | test | diff`: segments as files, at a terminal and in a pipeline.

Belongs here: options, what is printed, exit codes. Stays out: the work (`as_code.py`, `fixtures.py`). Heavy modules are
imported by the command that needs them, so that `dmat --help` answers at once.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dmat.errors import DmatError

if TYPE_CHECKING:
    from dmat.segments.as_code import SegmentFile, Step
    from dmat.segments.catalogue import Catalogue
    from dmat.segments.library import Library
    from dmat.segments.rules import Rule
    from dmat.warehouse import Workspace

app = typer.Typer(no_args_is_help=True, help="Segments as files: write, compare, test, apply.")
console = Console(highlight=False, soft_wrap=True)

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the workspace (default: DMAT_HOME, else ./var).")]
Place = Annotated[Path, typer.Argument(help="a folder of YAML files, or one file")]


def _open(home: Path | None) -> tuple[Library, Workspace]:
    from dmat.segments.catalogue import read_catalogue
    from dmat.segments.library import Library
    from dmat.settings import load_settings
    from dmat.store import open_store
    from dmat.warehouse import Workspace

    settings = load_settings(home=home)
    workspace = Workspace(settings)
    return Library(open_store(settings), settings.clock, lambda: read_catalogue(workspace)), workspace


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="where to write the files")],
    keys: Annotated[list[str] | None, typer.Argument(help="which segments; all active ones by default")] = None,
    home: Home = None,
) -> None:
    """Write segments as YAML files, one a segment; tests in files that are there stay."""
    from dmat.segments.as_code import write_files

    library, _ = _open(home)
    written = write_files(library, folder, keys or ())
    console.print(f"Wrote {len(written)} files into {folder}.")


@app.command("diff")
def diff(place: Place, home: Home = None) -> None:
    """Say what files would change in the store; leaves with 1 when they would change anything."""
    from dmat.segments.as_code import compare, read_folder

    library, _ = _open(home)
    comparison = compare(library, read_folder(place))
    for step in comparison.steps:
        _say(step)
    for key in comparison.only_in_store if place.is_dir() else ():
        console.print(f"{key}: only in the store", style="dim")
    raise typer.Exit(any(step.action != "same" for step in comparison.steps))


@app.command("apply")
def apply(
    place: Place,
    yes: Annotated[bool, typer.Option("--yes", help="Save without asking.")] = False,
    by: Annotated[str, typer.Option(help="Who changes it, for the audit trail.")] = "",
    note: Annotated[str, typer.Option(help="Why, kept with the new versions.")] = "",
    home: Home = None,
) -> None:
    """Save files as segments; says first who would be gained and lost. What has no file is left alone."""
    from dmat.segments import as_code

    library, workspace = _open(home)
    steps = [step for step in as_code.compare(library, as_code.read_folder(place)).steps if step.action != "same"]
    if not steps:
        console.print("Nothing would change.")
        return
    for step in steps:
        _say(step)
    for line in _gained_and_lost(library, workspace, steps):
        console.print(line)
    if not yes and not typer.confirm(f"Save {len(steps)} segments?"):
        raise typer.Exit(1)
    saved = as_code.apply(library, steps, by or getpass.getuser(), note)
    console.print(f"Saved {', '.join(f'{segment.key} (version {segment.version})' for segment in saved)}.")


@app.command("test")
def check_people(place: Place, home: Home = None) -> None:
    """Ask the rules about the people of their tests; leaves with 1 when one is not where they should be."""
    from dmat.segments.as_code import read_folder

    library, workspace = _open(home)
    files = read_folder(place)
    rules = {**library.rules(), **{file.key: file.rule for file in files}}
    catalogue = library.catalogue()
    zone = workspace.settings.workspace_time_zone
    outcomes = [_test(file, catalogue, rules, zone) for file in files]
    failed = sum(count for _, count in outcomes)
    console.print(
        f"{sum(count for count, _ in outcomes)} people in {len(files)} segments, {failed} not as they should."
    )
    raise typer.Exit(failed > 0)


def _test(file: SegmentFile, catalogue: Catalogue, rules: Mapping[str, Rule], zone: str) -> tuple[int, int]:
    """How many people were asked about, and how many of them are wrong (an error counts as one)."""
    from dmat.segments.fixtures import run_tests

    if not file.tests:
        console.print(f"{file.key}: no tests", style="dim")
        return 0, 0
    try:
        outcomes = run_tests(file.tests, file.rule, catalogue, rules, zone)
    except DmatError as error:
        console.print(f"{file.file.name}: {error}", style="red", markup=False)
        return 0, 1
    wrong = [outcome for outcome in outcomes if not outcome.holds]
    for outcome in wrong:
        words = "is in and should be out" if outcome.is_in else "is out and should be in"
        console.print(f"{file.file.name}: {outcome.name}: {words}", style="red", markup=False)
    if not wrong:
        console.print(f"{file.key}: {len(outcomes)} people as they should")
    return len(outcomes), len(wrong)


def _say(step: Step) -> None:
    colour = {"new": "green", "changed": "yellow"}.get(step.action, "dim")
    console.print(f"[{colour}]{step.wanted.key}: {step.action}[/]")
    for line in step.lines:
        console.print(f"  {line}", markup=False)


def _gained_and_lost(library: Library, workspace: Workspace, steps: list[Step]) -> list[str]:
    """A line a segment: how many people it would gain and lose now.

    Raises:
        InvalidRuleError: a rule does not fit the catalogue.
    """
    from dmat.errors import InvalidRuleError, NotPublishedError
    from dmat.segments.answers import SqlAnswers
    from dmat.segments.as_code import in_file
    from dmat.segments.bitmaps import Bits

    answers = SqlAnswers(workspace, workspace.settings.workspace_time_zone)
    try:
        answers.refresh(library.clock.now())
    except NotPublishedError:
        return ["Nothing is published yet: who would be gained and lost cannot be said."]
    before = library.rules()
    after = {**before, **{step.wanted.key: step.wanted.rule for step in steps}}
    lines = []
    for step in steps:
        size = len(answers.index)
        old = answers.bits(step.before.rule, before) if step.before else Bits.none(size)
        try:
            new = answers.bits(step.wanted.rule, after)
        except InvalidRuleError as error:
            raise in_file(step.wanted.file, error) from None
        gained, lost = len(new.without(old)), len(old.without(new))
        lines.append(f"  {step.wanted.key}: {len(old):,} -> {len(new):,} people ({gained:,} gained, {lost:,} lost)")
    return lines
