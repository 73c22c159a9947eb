"""`dmat journeys list | show | check | install | import | start | pause | resume | archive | outlook | move | compare |
lift` and `dmat replay`.

Belongs here: options, what is printed, exit codes. Stays out: the work (`library.py`, `moving.py`, `replay.py`). Heavy
modules are imported by the command that needs them, so that `dmat --help` answers at once.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from dmat.terminal import Home, console, opened

if TYPE_CHECKING:
    from dmat.journeys.library import JourneyLibrary
    from dmat.journeys.records import Journey, JourneyVersion

app = typer.Typer(no_args_is_help=True, help="Journeys: list, look at, switch on and off, replay on the past.")

Key = Annotated[str, typer.Argument(help="the journey's key")]
Reason = Annotated[str, typer.Option(help="why; kept in the audit trail")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="UTC")]


@contextmanager
def _library(home: Path | None) -> Iterator[JourneyLibrary]:
    """The library of a workspace; an error of ours is one red line and exit code 1."""
    from dmat.journeys.entries import Source
    from dmat.journeys.library import JourneyLibrary
    from dmat.segments.desk import Desk

    with opened(home) as (settings, store):
        yield JourneyLibrary(Source(settings, store, Desk(settings, store)))


@app.command("list")
def list_all(home: Home = None) -> None:
    """Journeys with their status and how many are in them; and the playbooks to begin with."""
    from dmat.journeys.members import count_standing
    from dmat.journeys.playbook import list_playbooks

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("key", "status", "version", "waiting", "ended", "name"):
        table.add_column(name)
    with _library(home) as library:
        known = library.list()
        for journey in known:
            with library.store.read() as connection:
                standing = count_standing(connection, journey.journey_id)
            waiting = sum(count for (_, status, _), count in standing.items() if status == "waiting")
            ended = sum(count for (_, status, _), count in standing.items() if status in ("completed", "exited"))
            table.add_row(journey.key, journey.status, str(journey.version), f"{waiting:,}", f"{ended:,}", journey.name)
    console.print(table)
    for playbook in list_playbooks():
        if playbook.key not in {journey.key for journey in known}:
            console.print(f"playbook {playbook.key}: {playbook.about}")


@app.command()
def show(key: Key, home: Home = None) -> None:
    """One journey: what starts and ends it, its steps, and how many stand at each."""
    from dmat.journeys.members import count_standing

    with _library(home) as library:
        journey, definition = library.get(key), library.version(key).definition
        with library.store.read() as connection:
            standing = count_standing(connection, journey.journey_id)
    console.print(f"{journey.name}: {journey.status} {journey.status_reason}\nbegins when {definition.trigger.words}")
    for rule in definition.exit_when:
        console.print(f"ends when {rule.words}")
    for step in definition.steps:
        here = sum(count for (_, status, at), count in standing.items() if status == "waiting" and at == step.key)
        console.print(f"  {step.key:20} {step.words}" + (f"  ({here:,} are here)" if here else ""))


@app.command()
def schema() -> None:
    """The JSON Schema of a definition."""
    import json

    from dmat.journeys.definition import journey_schema

    console.print(json.dumps(journey_schema(), indent=2), markup=False)


@app.command()
def check(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], home: Home = None) -> None:
    """Read a definition from a file and say what is wrong with it; exit code 1 when it could not run."""
    from dmat.journeys.checking import check_definition
    from dmat.journeys.definition import read_definition

    with _library(home) as library:
        found = check_definition(library.source, read_definition(file.read_text()))
    for finding in found:
        console.print(f"{'[red]' if finding.is_blocking else '[yellow]'}{finding.place}: {finding.what}[/]")
    if any(finding.is_blocking for finding in found):
        raise typer.Exit(1)
    console.print("it could run")


@app.command("install")
def install_playbook(playbook: Annotated[str, typer.Argument()], home: Home = None) -> None:
    """Put a playbook into the workspace: a draft, its templates and segments."""
    from dmat.journeys.playbook import install

    with _library(home) as library:
        made = install(library, playbook, getpass.getuser())
    console.print(f"{made.name} is a draft; look at it with `dmat journeys show {made.key}`, then start it")


@app.command("import")
def import_file(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], home: Home = None) -> None:
    """Keep a definition from a file: a new journey, or a new version of one."""
    from dmat.errors import NotFoundError
    from dmat.journeys.definition import read_definition

    with _library(home) as library:
        definition = read_definition(file.read_text())
        try:
            library.get(definition.key)
        except NotFoundError:
            made = library.create(definition, getpass.getuser())
        else:
            made = library.change(definition.key, definition, getpass.getuser())
    console.print(f"{made.key} is at version {made.version}")


@app.command()
def start(key: Key, home: Home = None) -> None:
    """Switch the newest version on; says what is worth a second look."""
    from dmat.journeys.checking import check_definition

    with _library(home) as library:
        made = library.start(key, getpass.getuser())
        for finding in check_definition(library.source, library.version(key).definition):
            console.print(f"[yellow]{finding.place}: {finding.what}[/]")
        console.print(f"{key} is live with version {made.live_version}")


@app.command()
def pause(key: Key, reason: Reason = "", home: Home = None) -> None:
    """Let a journey stand still."""
    with _library(home) as library:
        library.pause(key, getpass.getuser(), reason)
    console.print(f"{key} stands still")


@app.command()
def resume(key: Key, home: Home = None) -> None:
    """Let a journey go on."""
    with _library(home) as library:
        library.resume(key, getpass.getuser())
    console.print(f"{key} goes on")


@app.command()
def archive(key: Key, home: Home = None) -> None:
    """End a journey for good."""
    with _library(home) as library:
        library.archive(key, getpass.getuser())
    console.print(f"{key} is archived")


@app.command()
def outlook(key: Key, home: Home = None) -> None:
    """What would be sent at once if a journey went on now; nothing is written."""
    from dmat.journeys.resuming import will_be_sent_on_resume

    with _library(home) as library:
        for line in will_be_sent_on_resume(library.source, key).lines():
            console.print(line)


@app.command()
def move(
    key: Key,
    place: Annotated[list[str] | None, typer.Option(help="STEP=STEP, STEP=end or STEP=stay; again for more")] = None,
    do: Annotated[
        bool, typer.Option("--do", help="move them; without it, only show what would become of whom")
    ] = False,
    reason: Reason = "",
    home: Home = None,
) -> None:
    """Move members of older versions to the one that people enter."""
    from dmat.journeys.moving import move as move_members
    from dmat.journeys.moving import preview_move

    places = dict(each.partition("=")[::2] for each in place or ())
    with _library(home) as library:
        preview = preview_move(library.source, key, places)
        for each in preview.places:
            console.print(f"{each.count:,} of version {each.version} at {each.words}")
        console.print(f"{preview.moving:,} would be moved, {preview.busy:,} of them are due now and go on first")
        if do:
            done = move_members(library.source, key, getpass.getuser(), places, reason=reason)
            console.print(f"{done.count:,} were moved, {done.left:,} left, {done.withdrawn:,} messages were taken back")


@app.command()
def compare(
    key: Key,
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="UTC")],
    until: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="UTC")],
    home: Home = None,
) -> None:
    """The newest version against the one that people enter: as written, and on the same past."""
    from dmat.journeys.comparing import changes, difference

    with _library(home) as library:
        journey, after = library.get(key), library.version(key)
        before = library.version(key, journey.live_version or 1)
        for change in changes(before.definition, after.definition):
            console.print(change.words)
        for line in difference(library.source, journey, before, after, since, until).lines():
            console.print(line)


@app.command()
def lift(key: Key, home: Home = None) -> None:
    """What a journey brings about, against who is held out."""
    from dmat.journeys.lift import read_lift

    with _library(home) as library:
        found = read_lift(library.source.desk.workspace, key)
    if found is None:
        console.print("nobody entered it as of the last build")
        return
    for name, group in (("for whom it was", found.treated), ("held out", found.held_out)):
        console.print(f"{group.people:,} {name}, {group.converted:,} reached the goal")
    console.print(found.words)
    for each in found.revenue:
        if each.extra_cents is not None and each.low_cents is not None and each.high_cents is not None:
            cents = [f"{value / 100:,.2f}" for value in (each.extra_cents, each.low_cents, each.high_cents)]
            console.print(f"{cents[0]} {each.currency_code} more ({cents[1]} to {cents[2]})")


def replay_command(
    key: Key,
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="UTC")],
    until: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="UTC")],
    version: Annotated[int, typer.Option(help="0: the newest")] = 0,
    as_lived: Annotated[bool, typer.Option(help="as it was lived, compared with the ledger")] = False,
    file: Annotated[Path | None, typer.Option(help="write who would have got what, as CSV")] = None,
    hours: Annotated[Path | None, typer.Option(help="write how many messages would have left per hour, as CSV")] = None,
    home: Home = None,
) -> None:
    """Live a journey (or a playbook) through the past: who would have entered, what would have been sent, and when; and
    what another version that is live would have done otherwise.
    """
    from dmat.journeys.known import NOTHING_KNOWN, read_known
    from dmat.journeys.replay import differences, replay
    from dmat.journeys.replay_report import Outcome, report_of

    with _library(home) as library:
        journey, chosen = _find_version(library, key, version)
        known = read_known(library.source, journey) if journey and as_lived else NOTHING_KNOWN
        if as_lived and journey and journey.started_at:
            since = max(since, journey.started_at)
            until = min(until, journey.looked_until or until)
            console.print(f"as it was lived from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC")
        found = replay(library.source, journey.journey_id if journey else 0, chosen, since, until, known)
        report = report_of(library.source, found)
        for line in [*report.lines(), *([] if as_lived else _beside_live(library, journey, chosen, since, until))]:
            console.print(line)
        if hours is not None:
            rows = [(f"{hour:%Y-%m-%d %H:00}", count) for hour, count in sorted(report.by_hour.items())]
            _write_csv(hours, ("hour_utc", "messages"), rows)
            console.print(f"messages per hour are written to {hours}")
        if file is not None:
            _write_csv(file, Outcome._fields, report.outcomes)
            console.print(f"{len(report.outcomes):,} messages are written to {file}")
        if as_lived:
            different = differences(library.source, found)
            console.print(f"{len(different)} rows differ from the ledger")
            if different:
                raise typer.Exit(1)


def _find_version(library: JourneyLibrary, key: str, version: int) -> tuple[Journey | None, JourneyVersion]:
    """A version of a journey, or the playbook of this key where there is no such journey."""
    from dmat.errors import NotFoundError
    from dmat.journeys.checking import check_definition
    from dmat.journeys.playbook import find_playbook
    from dmat.journeys.records import JourneyVersion

    try:
        journey = library.get(key)
    except NotFoundError:
        definition = find_playbook(key).definition
        for finding in check_definition(library.source, definition):
            if finding.place == "segments":
                console.print(f"[yellow]{finding.what}: `dmat journeys install {key}` makes it[/]")
        return None, JourneyVersion(0, 1, definition, {}, "", library.settings.clock.now(), "")
    return journey, library.version(key, version)


def _beside_live(
    library: JourneyLibrary, journey: Journey | None, chosen: JourneyVersion, since: datetime, until: datetime
) -> list[str]:
    """What the version that is live would have done otherwise; nothing when it is this one, or none is."""
    from dmat.journeys.comparing import difference

    if journey is None or journey.live_version in (None, chosen.version):
        return []
    live = library.version(journey.key, journey.live_version or 0)
    told = difference(library.source, journey, live, chosen, since, until).lines()
    return [f"beside version {live.version}, which is live:", *(f"  {line}" for line in told)]


def _write_csv(file: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows as CSV; what a spreadsheet would take for a formula is written as text."""
    from dmat.segments.export import csv_text

    file.write_text(csv_text(names, rows), encoding="utf-8", newline="")
