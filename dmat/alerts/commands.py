"""`dmat alerts list | rules | keep | preview | look`: alerts at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work.
"""

from __future__ import annotations

import getpass
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from dmat.routing.commands import File, read_file
from dmat.scoring.commands import Home, console, opened, print_plain

app = typer.Typer(no_args_is_help=True, help="Alerts: what stands open, and the rules.")
Key = Annotated[str, typer.Argument(help="the rule's key")]


@app.command("list")
def list_alerts(home: Home = None) -> None:
    """What stands open."""
    from dmat.alerts.records import open_alerts

    table = Table(box=None, padding=(0, 2))
    for column in ("number", "since", "state", "alert"):
        table.add_column(column)
    with opened(home) as (settings, store, _view):
        for each in open_alerts(store):
            state = each.state(settings.clock.now())
            table.add_row(str(each.alert_id), f"{each.opened_at:%Y-%m-%d %H:%M}", state, f"{each.title}\n{each.words}")
    console.print(table if table.row_count else "Nothing stands open.")


@app.command("rules")
def rules(home: Home = None) -> None:
    """All rules, as YAML; what is printed can be kept again one by one."""
    import yaml

    from dmat.alerts.rules import read_rules

    with opened(home) as (_settings, store, _view):
        found = [rule.model_dump(mode="json", exclude_defaults=True) for rule in read_rules(store)]
    print_plain(yaml.safe_dump(found, sort_keys=False, allow_unicode=True))


@app.command("keep")
def keep(file: File, home: Home = None) -> None:
    """Keep the rule of a file, a new one or a changed one."""
    from dmat.alerts.rules import save_rule

    with opened(home) as (settings, store, _view):
        rule = save_rule(store, settings.clock, read_file(file) or {}, getpass.getuser())
    console.print(f"{rule.name} is kept as {rule.key}.")


@app.command("preview")
def preview_rule(
    key: Key, days: Annotated[int, typer.Option(min=1, max=180, help="how far to look back")] = 90, home: Home = None
) -> None:
    """What a rule would have told over the past."""
    from dmat.alerts.judging import last_whole_day, preview
    from dmat.alerts.rules import find_rule

    with opened(home) as (settings, store, view):
        until = last_whole_day(view, settings) + timedelta(days=1)
        found = preview(view, settings, find_rule(store, key), until - timedelta(days=days), until)
    told = [each for each in found if each.finding]
    for each in told:
        console.print(f"{each.day}  {each.finding.words if each.finding else ''}")
    console.print(f"{len(told)} told on {sum(each.is_said for each in found)} days that can be judged.")


@app.command("look")
def look(home: Home = None) -> None:
    """Judge every rule now, and tell what is new."""
    from dmat.alerts.desk import AlertDesk

    with opened(home) as (settings, store, view):
        found = AlertDesk(settings, store, view).look()
    for key, words in found.faulty.items():
        console.print(f"[yellow]{key}[/]: {words}")
    console.print(f"{found.judged} rules judged, {found.standing} alerts open, {found.told} told now.")
