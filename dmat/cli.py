"""The `dmat` command: the door for people at a terminal.

Belongs here: what each command is called, its options, and what it prints.
Stays out: the work itself. Rules are in `dmat/`; verbs (capture, build, send ...) run as processes of their own,
so that this module imports neither Dagster nor Panel and `dmat --help` answers at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from dmat.alerts.commands import app as alert_commands
from dmat.campaigns.commands import app as campaign_commands
from dmat.errors import DmatError
from dmat.experiments.commands import app as test_commands
from dmat.journeys.commands import app as journey_commands
from dmat.journeys.commands import replay_command
from dmat.loyalty.commands import app as loyalty_commands
from dmat.messages.commands import app as message_commands
from dmat.metrics.commands import app as metric_commands
from dmat.outgoing.commands import app as webhook_commands
from dmat.reports.commands import app as report_commands
from dmat.routing.commands import app as routing_commands
from dmat.scoring.commands import app as lead_commands
from dmat.segments.commands import app as segment_commands
from dmat.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
console = Console()

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the workspace (default: DMAT_HOME, else ./var).")]


Orders = Annotated[
    Path | None,
    typer.Option("--orders", help="A file of real orders to be the shop's history.", exists=True, dir_okay=False),
]


def run_verb(module: str, *arguments: str, settings: Settings) -> None:
    """Run `python -m module --home HOME arguments`; leave with its exit code when it fails.

    Ctrl-C reaches both processes: the other one ends in its own way, and this one waits for it.
    """
    from dmat.supervise import die_with_parent

    command = [sys.executable, "-m", module, "--home", str(settings.home), *arguments]
    environment = {**os.environ, "DAGSTER_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    verb = subprocess.Popen(command, env=environment, preexec_fn=die_with_parent)
    before = signal.signal(signal.SIGTERM, lambda *_: verb.terminate())
    try:
        code = _wait_for(verb)
    finally:
        signal.signal(signal.SIGTERM, before)
    if code:
        raise typer.Exit(code if code > 0 else 128 - code)


def _wait_for(verb: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return verb.wait()
        except KeyboardInterrupt:
            continue


@app.command()
def demo(
    home: Home = None,
    people: Annotated[int, typer.Option(help="People of the make-believe company.", min=100)] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 7,
    once: Annotated[bool, typer.Option("--once", help="Run the loop once, print a summary, stop.")] = False,
    orders: Orders = None,
) -> None:
    """Run the whole loop on a make-believe company, or on real orders, then serve the screens."""
    settings = load_settings(home=home or load_settings().home / ("demo-orders" if orders else "demo"))
    options = ["--people", str(people), "--seed", str(seed), *(["--once"] if once else [])]
    options += ["--orders", str(orders.resolve())] if orders else []
    run_verb("dmat_pipelines.demo", *options, settings=settings)


@app.command()
def up(
    home: Home = None,
    without_dagster: Annotated[bool, typer.Option(help="Leave the Dagster UI and daemon out.")] = False,
) -> None:
    """Start all processes of the workspace; restart what dies; Ctrl-C stops them all."""
    from dmat.processes import default_processes
    from dmat.supervise import Supervisor

    settings = load_settings(home=home)
    processes = default_processes(settings, with_dagster=not without_dagster)
    supervisor = Supervisor(settings, processes, on_change=lambda child: say_state(child.process.name, child.state))
    raise typer.Exit(supervisor.run(on_ready=lambda: say_addresses(settings, with_dagster=not without_dagster)))


def say_state(name: str, state: str) -> None:
    """One line when a process comes, goes, or is in trouble."""
    colour = {"running": "green", "restarting": "red", "not answering": "red"}.get(state, "dim")
    console.print(f"  {name:10} [{colour}]{state}[/]")


def say_addresses(settings: Settings, with_dagster: bool) -> None:
    """Where to look, once everything runs."""
    console.print(f"\nScreens  http://{settings.host}:{settings.apps_port}", highlight=False)
    console.print(f"API      http://{settings.host}:{settings.api_port}", highlight=False)
    if with_dagster:
        console.print(f"Dagster  http://{settings.host}:{settings.dagster_port}", highlight=False)
    console.print(f"Logs     {settings.home / 'logs'}\nCtrl-C stops them all.\n", highlight=False)


@app.command()
def doctor(home: Home = None) -> None:
    """Look at each part of the workspace: ok, or what is wrong and what to do."""
    from dmat.doctor import examine

    table = Table(box=None, padding=(0, 2))
    for column in ("part", "state", "what to do"):
        table.add_column(column)
    findings = examine(load_settings(home=home))
    for finding in findings:
        colour = {"ok": "green", "note": "yellow"}.get(finding.state, "red")
        table.add_row(finding.part, f"[{colour}]{finding.state}[/]: {finding.what}", finding.advice)
    console.print(table)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


@app.command("import")
def import_file(
    kind: Annotated[str, typer.Argument(help="people, orders or events")],
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or XLSX", exists=True, dir_okay=False)],
    mapping: Annotated[list[str] | None, typer.Option("--map", help="column=field; may be repeated")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the guessed mapping without asking.")] = False,
    home: Home = None,
) -> None:
    """Import a file; bad rows are listed with line and reason, importing twice changes nothing."""
    options = [option for pair in mapping or [] for option in ("--map", pair)]
    run_verb(
        "dmat_pipelines.capture.imports",
        kind,
        str(file),
        *options,
        *(["--yes"] if yes else []),
        settings=load_settings(home=home),
    )


@app.command()
def simulate(
    home: Home = None,
    people: Annotated[int, typer.Option(help="People of the make-believe company.", min=100)] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 7,
    months: Annotated[int, typer.Option(help="Months of history.", min=1, max=60)] = 18,
    orders: Orders = None,
) -> None:
    """Make a make-believe company with known truth, and connect this workspace to its vendors."""
    from rich.progress import Progress

    from dmat.simulate import simulate as make_company

    settings = load_settings(home=home)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Making a company", total=1.0)
        made = make_company(
            settings,
            people=people,
            seed=seed,
            months=months,
            progress=lambda what, share: progress.update(task, completed=share, description=what),
            orders=orders,
        )
    if made.orders is None:
        console.print(f"A company of {people:,} people and {months} months is in {settings.home / 'simulation'}.")
        return
    placed, left = made.orders.lines_count - made.orders.count(place="left over"), made.orders.count(place="left over")
    console.print(
        f"A shop with {made.orders.orders_count:,} orders from {placed:,} lines is in {settings.home / 'simulation'};"
        f" {left:,} lines are no orders: see orders_left_over.csv and orders_report.json there."
    )


@app.command()
def refresh(
    home: Home = None,
    full: Annotated[bool, typer.Option("--full", help="Build every table from scratch.")] = False,
) -> None:
    """Read the sources, build the tables, plan what is due, publish; once."""
    run_verb("dmat_pipelines.refresh", *(["--full"] if full else []), settings=load_settings(home=home))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="the archive to write, e.g. monday.tar.gz")],
    home: Home = None,
) -> None:
    """Write store, warehouse and keys into one archive while everything keeps running."""
    from dmat.backup import write_backup

    report = write_backup(load_settings(home=home), file)
    console.print(f"Wrote {report.file} ({report.bytes_count / 1e6:,.1f} MB): {', '.join(report.parts)}.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="an archive that `dmat backup` wrote", exists=True, dir_okay=False)],
    home: Home = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is in the workspace folder.")] = False,
) -> None:
    """Put an archive back. Nothing is sent from a restored store until somebody confirms it."""
    from dmat.backup import read_backup

    report = read_backup(load_settings(home=home), file, force=force)
    console.print(f"Restored {', '.join(report.parts)} into {report.home}.")
    console.print("Sending waits for a yes: look at Health, then run `dmat confirm-sending`.")


@app.command("confirm-sending")
def confirm_sending(
    home: Home = None,
    drop_overdue: Annotated[
        bool, typer.Option(help="End what is late by more than two hours; it never leaves.")
    ] = False,
) -> None:
    """Allow this workspace to send after its store was restored or copied."""
    from dmat.ledger.fence import confirm
    from dmat.store import open_store

    settings = load_settings(home=home)
    confirm(settings, open_store(settings), drop_overdue=drop_overdue)
    console.print("This workspace may send.")


app.add_typer(segment_commands, name="segments")
app.add_typer(campaign_commands, name="campaigns")
app.add_typer(test_commands, name="tests")
app.add_typer(lead_commands, name="leads")
app.add_typer(routing_commands, name="routing")
app.add_typer(loyalty_commands, name="loyalty")
app.add_typer(journey_commands, name="journeys")
app.add_typer(metric_commands, name="metric")
app.add_typer(alert_commands, name="alerts")
app.add_typer(report_commands, name="reports")
app.command("replay")(replay_command)
app.add_typer(message_commands, name="messages")
app.add_typer(webhook_commands, name="webhooks")
users = typer.Typer(no_args_is_help=True, help="People who may sign in.")
app.add_typer(users, name="user")


@users.command("add")
def add_user(
    email: str,
    name: Annotated[str, typer.Option(help="Name shown in the screens.")] = "",
    role: Annotated[str, typer.Option(help="admin, marketer, analyst or sales")] = "marketer",
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
    home: Home = None,
) -> None:
    """Let somebody sign in."""
    from dmat.store import open_store
    from dmat.store.users import create_user

    user = create_user(open_store(load_settings(home=home)), email, password, role=role, name=name)
    console.print(f"{user.email} may sign in as {user.role}.")


@users.command("list")
def list_all_users(home: Home = None) -> None:
    """Everybody who may sign in."""
    from dmat.store import open_store
    from dmat.store.users import list_users

    found = list_users(open_store(load_settings(home=home)))
    if not found:
        console.print("Nobody may sign in yet: `dmat user add ADDRESS` lets somebody in.")
    for user in found:
        console.print(f"{user.email}  {user.role}  {user.name}{'' if user.is_active else '  (switched off)'}")


@users.command("password")
def change_password(
    email: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
    home: Home = None,
) -> None:
    """Give somebody a new password."""
    from dmat.store import open_store
    from dmat.store.users import set_password

    set_password(open_store(load_settings(home=home)), email, password)
    console.print(f"{email} has a new password.")


tokens = typer.Typer(no_args_is_help=True, help="Tokens of machines that call the API.")
app.add_typer(tokens, name="token")


@tokens.command("create")
def add_token(
    name: str,
    scope: Annotated[list[str], typer.Option(help="e.g. segments:read; may be repeated")],
    days: Annotated[int | None, typer.Option(help="Days until it ends; without, it does not.")] = None,
    home: Home = None,
) -> None:
    """Make a token and print it, once."""
    from dmat.store import open_store
    from dmat.store.tokens import create_token

    token = create_token(open_store(load_settings(home=home)), name, scope, "command line", days=days)
    console.print(token, soft_wrap=True, markup=False, highlight=False)


@tokens.command("list")
def list_all_tokens(home: Home = None) -> None:
    """All tokens with their scopes, never the secrets."""
    from dmat.store import open_store
    from dmat.store.tokens import list_tokens

    found = list_tokens(open_store(load_settings(home=home)))
    if not found:
        console.print("There is no token yet: `dmat token create NAME --scope SCOPE` makes one.")
    for token in found:
        used = f"last used {token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never used"
        end = f", until {token.expires_at:%Y-%m-%d %H:%M}" if token.expires_at else ""
        gone = "  (revoked)" if token.revoked_at else ""
        console.print(f"{token.name}  {', '.join(token.scopes)}  {used}{end}{gone}")


@tokens.command("revoke")
def end_token(name: str, home: Home = None) -> None:
    """End a token at once."""
    from dmat.store import open_store
    from dmat.store.tokens import revoke_token

    revoke_token(open_store(load_settings(home=home)), name, "command line")
    console.print(f"{name} opens nothing any more.")


@app.command()
def lab(home: Home = None) -> None:
    """Open the notebooks in JupyterLab (install it with `pip install dmat[lab]`)."""
    settings = load_settings(home=home)
    environment = {**os.environ, "DMAT_HOME": str(settings.home)}
    code = subprocess.run([sys.executable, "-m", "jupyterlab", "notebooks"], env=environment, check=False).returncode
    raise typer.Exit(code)


def main() -> None:
    """Run the command line; an error of ours is one line, not a traceback."""
    try:
        app()
    except DmatError as error:
        told = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        told.print(f"{type(error).__name__}: {error}", style="red")
        sys.exit(1)


if __name__ == "__main__":
    main()
