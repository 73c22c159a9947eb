"""`dmat routing reps | rep | rules | change | assign | figures`: routing at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work. Heavy modules are imported by the command that
needs them.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from dmat.scoring.commands import Home, Number, console, opened, print_plain

app = typer.Typer(no_args_is_help=True, help="Routing: sales reps, rules, handing leads over.")
File = Annotated[Path, typer.Argument(help="YAML or JSON", exists=True, dir_okay=False)]


@app.command()
def reps(home: Home = None) -> None:
    """Sales reps with what they have now."""
    from dmat.routing.reps import read_loads, read_reps

    with opened(home) as (settings, store, _view), store.read() as connection:
        found = read_reps(connection)
        loads = read_loads(connection, found, settings.clock.now())
    if not found:
        console.print("There are no sales reps yet: `dmat routing rep FILE` or the screen Leads, Team adds them.")
    for rep in found:
        load = loads[rep.rep_key]
        shown = f"{load.open_count} of {rep.capacity} open, {load.today_count} of {rep.most_per_day} today"
        print_plain(f"{rep.rep_key:20} {rep.role:8} {shown:40} {rep.name}{'' if rep.is_active else '  (off)'}")


@app.command()
def rep(file: File, home: Home = None) -> None:
    """Make or change sales reps from a file: one, or a list of them."""
    from dmat.routing.reps import put_rep

    document = read_file(file)
    with opened(home) as (settings, store, _view):
        for each in document if isinstance(document, list) else [document]:
            kept = put_rep(store, each, settings.clock.now(), getpass.getuser())
            console.print(f"{kept.rep_key} is kept.")


@app.command()
def rules(home: Home = None) -> None:
    """The rules that apply, as YAML."""
    import yaml

    from dmat.routing.plan import read_plan

    with opened(home) as (_settings, store, _view), store.read() as connection:
        version, plan = read_plan(connection)
    print_plain(f"# version {version}\n{yaml.safe_dump(plan.model_dump(mode='json'), sort_keys=False)}")


@app.command()
def change(file: File, note: Annotated[str, typer.Option()] = "", home: Home = None) -> None:
    """Keep a new version of the rules from a file."""
    from dmat.routing.plan import keep_plan

    document = read_file(file)
    with opened(home) as (settings, store, _view):
        version, _ = keep_plan(store, document, settings.clock.now(), getpass.getuser(), note)
    console.print(f"Version {version} applies from now on.")


@app.command()
def assign(
    lead_id: Number, to: Annotated[str, typer.Option(help="key of a rep; without, the rules decide")] = "",
    home: Home = None,
) -> None:  # fmt: skip
    """Hand a lead over now, and say why it goes where."""
    from dmat.routing.assigning import assign_lead, give_to

    with opened(home) as (settings, store, view):
        now, by = settings.clock.now(), getpass.getuser()
        if to:
            found = give_to(settings, store, view, lead_id, to, now, by)
        else:
            found = assign_lead(settings, store, view, lead_id, now, by)
    print_plain(f"{found.place}{f' {found.rep_key}' if found.rep_key else ''}: {' '.join(found.explanation)}")


@app.command()
def figures(days: Annotated[int, typer.Option(min=1, max=366)] = 30, home: Home = None) -> None:
    """Load and answers of each rep."""
    from dmat.routing.figures import rep_figures

    with opened(home) as (settings, store, _view):
        found = rep_figures(store, settings.clock.now(), days)
    for each in found:
        minutes = "-" if each.median_response_minutes is None else f"{each.median_response_minutes:.0f} min"
        share = "-" if each.answered_in_time_share is None else f"{each.answered_in_time_share:.0%}"
        print_plain(
            f"{each.rep_key:20} open {each.open_count:4}  given {each.given_count:4}  answer {minutes:>8}"
            f"  in time {share:>5}  taken away {each.lost_to_silence_count:3}"
        )


def read_file(file: Path) -> Any:
    """What a YAML or JSON file says.

    Raises:
        InvalidInputError: it cannot be read.
    """
    import yaml

    from dmat.errors import InvalidInputError

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError("file", f"it cannot be read: {error}", "YAML or JSON") from None
