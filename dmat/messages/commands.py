"""`dmat messages export | diff | apply | check | codes`: templates as files and pools of codes, at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work (`as_code.py`, `checks.py`, `codes.py`). Heavy
modules are imported by the command that needs them, so that `dmat --help` answers at once.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dmat.errors import DmatError

if TYPE_CHECKING:
    from dmat.messages.as_code import Step
    from dmat.messages.library import Templates
    from dmat.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Templates of messages as files; pools of discount codes.")
console = Console(highlight=False, soft_wrap=True, markup=False)

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the workspace (default: DMAT_HOME, else ./var).")]
Place = Annotated[Path, typer.Argument(help="a folder of YAML files, or one file")]


def _open(home: Path | None) -> tuple[Settings, Templates]:
    from dmat.messages.library import Templates
    from dmat.settings import load_settings
    from dmat.store import open_store

    settings = load_settings(home=home)
    return settings, Templates(open_store(settings), settings.clock)


def _fail(error: DmatError) -> typer.Exit:
    console.print(str(error), style="red")
    return typer.Exit(2)


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="where to write the files")],
    keys: Annotated[list[str] | None, typer.Argument(help="which templates; all active ones by default")] = None,
    home: Home = None,
) -> None:
    """Write templates as YAML files, one a template."""
    from dmat.messages.as_code import write_files

    _, templates = _open(home)
    try:
        written = write_files(templates, folder, keys or ())
    except DmatError as error:
        raise _fail(error) from None
    console.print(f"Wrote {len(written)} files into {folder}.")


@app.command("diff")
def diff(place: Place, home: Home = None) -> None:
    """Say what files would change in the store; leaves with 1 when they would change anything."""
    raise typer.Exit(any(step.action != "same" for step in _compare(_open(home)[1], place)))


@app.command("apply")
def apply(
    place: Place,
    yes: Annotated[bool, typer.Option("--yes", help="Save without asking.")] = False,
    by: Annotated[str, typer.Option(help="Who changes it, for the audit trail.")] = "",
    note: Annotated[str, typer.Option(help="Why, kept with the new versions.")] = "",
    home: Home = None,
) -> None:
    """Save what the files say; doing it twice changes nothing the second time."""
    from dmat.messages import as_code

    _, templates = _open(home)
    steps = _compare(templates, place)
    if all(step.action == "same" for step in steps):
        return
    if not yes and not typer.confirm("Save this?"):
        raise typer.Exit(1)
    try:
        saved = as_code.apply(templates, steps, by or getpass.getuser(), note)
    except DmatError as error:
        raise _fail(error) from None
    console.print(f"Saved {len(saved)} templates.")


@app.command("check")
def check(place: Place, home: Home = None) -> None:
    """Look at files as a message would leave; leaves with 1 when something keeps one from being sent."""
    from dmat.messages.as_code import read_files
    from dmat.messages.checks import check_template, has_errors

    settings, _ = _open(home)
    failed = False
    try:
        for template in read_files(place):
            found = check_template(settings, template)
            failed = failed or has_errors(found)
            for finding in found:
                line = f" line {finding.line}" if finding.line else ""
                console.print(f"{template.key} {finding.place}{line}: {finding.level}: {finding.what}. {finding.todo}")
    except DmatError as error:
        raise _fail(error) from None
    raise typer.Exit(failed)


@app.command("codes")
def codes(
    pool: Annotated[str, typer.Argument(help="key of the pool; it is made when it is not there")],
    file: Annotated[Path | None, typer.Option("--file", help="CSV of codes to add", exists=True)] = None,
    pattern: Annotated[str, typer.Option("--pattern", help="for a new pool, e.g. SPRING-######")] = "",
    by: Annotated[str, typer.Option(help="Who does it, for the audit trail.")] = "",
    home: Home = None,
) -> None:
    """Make a pool of discount codes, add codes to it, say how many are free, taken and returned."""
    from dmat.messages.codes import add_codes, codes_in_csv, create_pool, get_pool, list_pools

    settings, templates = _open(home)
    now, who = settings.clock.now(), by or getpass.getuser()
    try:
        with templates.store.write() as connection:
            if pool not in {known.key for known in list_pools(connection)}:
                create_pool(connection, pool, pool, who, now, pattern)
            if file is not None:
                added, known_count = add_codes(connection, pool, codes_in_csv(file.read_text()), who, now)
                console.print(f"Added {added} codes; {known_count} were there already.")
            found = get_pool(connection, pool)
    except DmatError as error:
        raise _fail(error) from None
    more = f", makes more by {found.pattern}" if found.pattern else ""
    console.print(f"{pool}: {found.free} free, {found.taken} taken, {found.returned} returned{more}.")


def _compare(templates: Templates, place: Path) -> list[Step]:
    from dmat.messages.as_code import compare, read_files

    try:
        steps = compare(templates, read_files(place))
    except DmatError as error:
        raise _fail(error) from None
    for step in steps:
        console.print(f"{step.wanted.key}: {step.action}")
        for line in step.lines:
            console.print(f"  {line}")
    return steps
