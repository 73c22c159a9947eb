"""`dmat leads list | show | add | note | status | matrix | change-rule`: leads and scores at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work. Heavy modules are imported by the command that
needs them, so that `dmat --help` answers at once.
"""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from dmat.errors import DmatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmat.settings import Settings
    from dmat.store import Store
    from dmat.warehouse import Workspace

app = typer.Typer(no_args_is_help=True, help="Leads: list, look at, note what they did, the score matrix.")
console = Console(highlight=False, soft_wrap=True)

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the workspace (default: DMAT_HOME, else ./var).")]
Number = Annotated[int, typer.Argument(help="the lead's number")]


@contextmanager
def opened(home: Path | None) -> Iterator[tuple[Settings, Store, Workspace]]:
    """Settings, store and view of a workspace; an error of ours is one red line and exit code 1."""
    from dmat.settings import load_settings
    from dmat.store import open_store
    from dmat.warehouse import Workspace

    settings = load_settings(home=home)
    store = open_store(settings)
    try:
        yield settings, store, Workspace(settings)
    except DmatError as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(str(error), style="red")
        raise typer.Exit(1) from None
    finally:
        store.close()


@app.command("list")
def list_all(
    status: Annotated[str, typer.Option(help="new, contacted, qualified, won or lost")] = "",
    rep: Annotated[str, typer.Option(help="key of the sales rep who has them")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    home: Home = None,
) -> None:
    """Leads, the hottest first."""
    from dmat.routing.lists import all_leads

    with opened(home) as (settings, store, view):
        found = all_leads(store, view, settings.clock.now(), "", status, rep, limit)
    table = Table(box=None, padding=(0, 2))
    for column in ("lead", "score", "band", "status", "with", "name", "address", "company"):
        table.add_column(column, justify="right" if column in ("lead", "score") else "left")
    for each in found:
        lead, score, who = each.lead, each.score, each.lead.assigned_to or ""
        cells = (lead.lead_id, score.shown, score.band, lead.status, who, lead.name, lead.email, lead.company_name)
        table.add_row(*map(str, cells))
    console.print(table)


@app.command()
def show(lead_id: Number, home: Home = None) -> None:
    """One lead: its score in words, its points, what happened to it."""
    from dmat.scoring.leads import get_lead, history_of
    from dmat.scoring.live import score_of
    from dmat.scoring.words import explain

    with opened(home) as (settings, store, view):
        score = score_of(store, view, lead_id, settings.clock.now())
        with store.read() as connection:
            lead = get_lead(connection, lead_id)
        history = history_of(store, lead_id, 20)
    print_plain(f"{lead.name or lead.email} <{lead.email}>, {lead.status}, with {lead.assigned_to or 'nobody'}")
    print_plain(explain(score))
    for entry in score.entries:
        print_plain(f"  {entry.points_now:>7} of {entry.points:>3}  {entry.occurred_at:%Y-%m-%d %H:%M}  {entry.label}")
    for line in history:
        print_plain(f"{line['happened_at']:%Y-%m-%d %H:%M}  {line['words']}")


@app.command()
def add(
    email: str,
    name: Annotated[str, typer.Option()] = "",
    company: Annotated[str, typer.Option(help="name of the company")] = "",
    size: Annotated[str, typer.Option(help="1-10, 11-50, 51-200, 201-1000 or 1000+")] = "",
    source: Annotated[str, typer.Option(help="landing_page, social, email, webinar, referral or import")] = "referral",
    home: Home = None,
) -> None:
    """Take a lead in."""
    from dmat.scoring.leads import take_in

    given = {"email": email, "name": name, "company_name": company, "company_size": size, "source": source}
    with opened(home) as (settings, store, _view):
        lead, is_new = take_in(store, given, settings.clock.now(), getpass.getuser())
    console.print(f"Lead {lead.lead_id} {'is new' if is_new else 'was there already'}.")


@app.command("note")
def note_what_it_did(
    lead_id: Number,
    activity: Annotated[str, typer.Argument(help="an action of the matrix, e.g. demo_request, or adjustment")],
    reason: Annotated[str, typer.Option()] = "",
    points: Annotated[int | None, typer.Option(help="only with adjustment")] = None,
    home: Home = None,
) -> None:
    """Note that a lead did something; says the score before and after."""
    from dmat.scoring.alerts import note_scores
    from dmat.scoring.live import note_activity

    with opened(home) as (settings, store, view):
        now = settings.clock.now()
        noted = note_activity(store, view, lead_id, activity, now, getpass.getuser(), reason=reason, points=points)
        crossed = note_scores(settings, store, [noted.before, noted.after], now)
    console.print(f"{noted.before.score} to {noted.after.score}, {noted.after.band}.")
    for crossing in crossed:
        console.print(f"It crossed the line; told: {', '.join(crossing.told) or 'nobody'}.")


@app.command()
def status(lead_id: Number, to: str, reason: Annotated[str, typer.Option()] = "", home: Home = None) -> None:
    """Lead a lead to contacted, qualified, won or lost."""
    from dmat.scoring.leads import set_status

    with opened(home) as (settings, store, _view):
        lead = set_status(store, lead_id, to, settings.clock.now(), getpass.getuser(), reason)
    console.print(f"Lead {lead.lead_id} is {lead.status}.")


@app.command()
def matrix(home: Home = None) -> None:
    """The score matrix as it applies here."""
    from dmat.scoring.matrix import read_matrix

    with opened(home) as (_settings, store, _view), store.read() as connection:
        rules = read_matrix(connection)
    for rule in rules.values():
        half = f"half after {rule.half_life_days:g} days" if rule.half_life_days else "stays"
        marks = f"{'' if rule.is_active else '  (off)'}{'  (changed here)' if rule.is_changed else ''}"
        print_plain(f"{rule.points:>5}  {rule.action:22} {half:22} {rule.label}{marks}")


@app.command("change-rule")
def change_line(
    action: str,
    points: Annotated[int | None, typer.Option()] = None,
    half_life_days: Annotated[float | None, typer.Option()] = None,
    off: Annotated[bool, typer.Option("--off", help="Let it earn nothing.")] = False,
    on: Annotated[bool, typer.Option("--on", help="Let it earn again.")] = False,
    home: Home = None,
) -> None:
    """Change a line of the matrix; scores follow with the next build."""
    from dmat.scoring.matrix import change_rule

    active = False if off else True if on else None
    with opened(home) as (settings, store, _view):
        rule = change_rule(
            store, action, settings.clock.now(), getpass.getuser(), points=points, half_life_days=half_life_days,
            is_active=active,
        )  # fmt: skip
    console.print(f"{rule.action} earns {rule.points} points{'' if rule.is_active else ', and is off'}.")


def print_plain(text: str) -> None:
    """Print text that people typed as it stands: its brackets are no marks."""
    console.print(text, markup=False)
