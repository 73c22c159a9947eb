"""`dmat webhooks list | add | change | rotate | remove | log | replay`: webhooks out at a terminal.

Belongs here: options, what is printed, exit codes. Stays out: the work (`endpoints.py`, `delivering.py`).
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from dmat.errors import DmatError

if TYPE_CHECKING:
    from dmat.outgoing.endpoints import Endpoints
    from dmat.store import Store

app = typer.Typer(no_args_is_help=True, help="Webhooks out: who is told what happens here.")
console = Console(highlight=False, soft_wrap=True)

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the workspace (default: DMAT_HOME, else ./var).")]
Name = Annotated[str, typer.Argument(help="name or id of the endpoint")]


@contextmanager
def _opened(home: Path | None) -> Iterator[tuple[Endpoints, Store]]:
    """The endpoints of a workspace; an error of ours ends the command with its words."""
    from dmat.outgoing.endpoints import Endpoints
    from dmat.settings import load_settings
    from dmat.store import open_store

    settings = load_settings(home=home)
    store = open_store(settings)
    try:
        yield Endpoints(settings, store), store
    except DmatError as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    finally:
        store.close()


@app.command("list")
def list_endpoints(home: Home = None) -> None:
    """Every endpoint: what it gets, and whether it is well."""
    table = Table(box=None, padding=(0, 2))
    for column in ("name", "address", "events", "state"):
        table.add_column(column)
    with _opened(home) as (endpoints, _):
        for each in endpoints.all():
            off = f"[red]off[/]: {each.disabled_because}" if each.disabled_because else "[dim]off[/]"
            since = f"[yellow]failing since {each.failing_since:%Y-%m-%d %H:%M}[/]" if each.failing_since else "ok"
            table.add_row(each.name, each.url, " ".join(each.events), since if each.is_active else off)
    console.print(table)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="a name of your choice")],
    url: Annotated[str, typer.Argument(help="https://...")],
    events: Annotated[list[str], typer.Argument(help="kinds, e.g. message.bounced, campaign.* or *")],
    home: Home = None,
) -> None:
    """Add an endpoint; its secret is shown now and never again."""
    with _opened(home) as (endpoints, _):
        made, secret = endpoints.create(name, url, events, getpass.getuser())
        console.print(f"Added {made.name}. Secret, shown only now:\n{secret}")


@app.command("change")
def change(
    name: Name,
    url: Annotated[str | None, typer.Option(help="another address")] = None,
    events: Annotated[list[str] | None, typer.Option("--event", help="other kinds; may be repeated")] = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="switch it")] = None,
    home: Home = None,
) -> None:
    """Change an endpoint, or switch it on or off."""
    with _opened(home) as (endpoints, _):
        endpoints.change(name, getpass.getuser(), url=url, events=events or None, is_active=on)
        console.print(f"Changed {name}.")


@app.command("rotate")
def rotate(name: Name, home: Home = None) -> None:
    """Make a new secret; for a day the old one signs too."""
    with _opened(home) as (endpoints, _):
        console.print(f"New secret, shown only now:\n{endpoints.rotate(name, getpass.getuser())}")


@app.command("remove")
def remove(name: Name, home: Home = None) -> None:
    """Take an endpoint away, with what waits for it."""
    with _opened(home) as (endpoints, _):
        endpoints.remove(name, getpass.getuser())
        console.print(f"Removed {name}.")


@app.command("log")
def log(
    name: Name,
    state: Annotated[str, typer.Option(help="waiting, delivered or failed")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    home: Home = None,
) -> None:
    """What was sent to an endpoint or waits, newest first."""
    from dmat.outgoing.delivering import read_log

    table = Table(box=None, padding=(0, 2))
    for column in ("number", "kind", "state", "attempts", "answer", "event"):
        table.add_column(column)
    with _opened(home) as (endpoints, store):
        for row in read_log(store, endpoints.get(name).endpoint_id, state, limit):
            answer = row["last_error"] or str(row["last_status"] or "")
            table.add_row(
                str(row["delivery_id"]), row["kind"], row["state"], str(row["attempts"]), answer, row["event_id"]
            )
    console.print(table)


@app.command("replay")
def again(
    name: Name,
    delivery: Annotated[int | None, typer.Option(help="number of one delivery; else all that were given up")] = None,
    home: Home = None,
) -> None:
    """Send again, with the same event ids."""
    from dmat.outgoing.delivering import replay, replay_failed

    with _opened(home) as (endpoints, store):
        found = endpoints.get(name)
        if delivery is None:
            console.print(f"{replay_failed(store, found.endpoint_id)} wait to be sent again.")
            return
        replay(store, delivery)
        console.print("1 waits to be sent again.")
