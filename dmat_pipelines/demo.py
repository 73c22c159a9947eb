"""The demo: a make-believe company, its vendors, the whole loop, then the screens.

Belongs here: the order of the show. Stays out: any rule (all steps are the product's own) and the proof that it went
right (`dmat_pipelines/proof.py`).

`python -m dmat_pipelines.demo --home HOME [--people N] [--seed N] [--orders FILE] [--once]`
With `--orders` the shop's history is a file of real orders (see docs/guide/real-orders.md).
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dmat.clock import utc
from dmat.errors import BuildFailedError, DmatError
from dmat.processes import PORTS, Process, child_environment, default_processes, free_ports
from dmat.servers import wait_for_answer
from dmat.settings import Settings, load_settings
from dmat.simulate import simulate
from dmat.store import open_store
from dmat.store.users import create_user, list_users
from dmat.supervise import Supervisor, spawn
from dmat.warehouse import Workspace
from dmat_pipelines.demo_campaign import BY as MARKETER
from dmat_pipelines.demo_campaign import add_campaign, campaign_checks
from dmat_pipelines.demo_experiment import checks_of_tests, decide_by_hand
from dmat_pipelines.demo_journey import add_journey, journey_checks
from dmat_pipelines.demo_sales import add_sales, ask_for_a_demo, sales_checks, use_offers, work_leads
from dmat_pipelines.proof import Proof, prove, show
from dmat_pipelines.real_orders import order_checks, show_orders

STEP = timedelta(hours=2)
STEPS = 24
SPEED = 60.0
PASSWORD = "make-believe"  # printed on purpose: it opens make-believe data on this machine only
LOGINS = (
    ("admin@demo.example", "Admin", "admin"),
    ("marketer@demo.example", "Marketer", "marketer"),
    ("analyst@demo.example", "Analyst", "analyst"),
    ("sales@demo.example", "Sam Sales", "sales"),
    ("manager@demo.example", "Mara Manager", "manager"),
)
console = Console(highlight=False)


def main() -> int:
    """Parse the options, run the demo, give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--orders", type=Path, default=None)
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    try:
        settings = load_settings(home=options.home)
        if options.once:
            return run_once(settings, options.people, options.seed, options.orders)
        return serve(settings, options.people, options.seed, options.orders)
    except DmatError as error:
        console.print(f"[red]{type(error).__name__}[/]: {error}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130


def run_once(settings: Settings, people: int, seed: int, orders: Path | None = None) -> int:
    """Begin anew, live through two days, print what came of it; 0 when everything adds up."""
    started = time.monotonic()
    if settings.home.exists():
        shutil.rmtree(settings.home)
    settings = on_free_ports(settings)
    proof = live_through(prepare(settings, people, seed, orders))
    console.print(show(proof))
    console.print(f"\nThe loop took {time.monotonic() - started:,.0f} s. The workspace is in {settings.home}.")
    return 0 if proof.holds else 1


def serve(settings: Settings, people: int, seed: int, orders: Path | None = None) -> int:
    """Make the company when there is none, then run the workspace on fast time until Ctrl-C."""
    if not (settings.home / "warehouse" / "serving" / "CURRENT").exists():
        shutil.rmtree(settings.home, ignore_errors=True)
        ports = {name: getattr(settings, name) for name in PORTS}
        proof = live_through(prepare(on_free_ports(settings), people, seed, orders))
        console.print(show(proof))
        settings = reconnect(load_settings(home=settings.home, **ports))
    settings.clock.set(settings.clock.now(), speed=SPEED)
    console.print("\nStarting the screens and everything behind them (Dagster takes longest) ...")
    try:
        return Supervisor(settings, default_processes(settings)).run(on_ready=lambda: greet(settings))
    finally:
        settings.clock.set(settings.clock.now(), speed=0.0)


def greet(settings: Settings) -> None:
    """Say where to look and how to sign in."""
    console.print(f"\n[bold]Open http://{settings.host}:{settings.apps_port}[/]  and sign in:")
    for email, _, role in LOGINS:
        console.print(f"  {email:24} {PASSWORD:14} {role}")
    console.print(f"Dagster is at http://{settings.host}:{settings.dagster_port}. One real second is one minute here.")
    console.print("Ctrl-C stops everything; the next `make demo` goes on from there.\n")


def on_free_ports(settings: Settings) -> Settings:
    """The same settings on ports nobody uses, so that a second loop can run beside a served one."""
    return load_settings(home=settings.home, **free_ports(settings.host))


def reconnect(settings: Settings) -> Settings:
    """Let the workspace find its vendors at the address that these settings name."""
    from dmat.simulate.connection import write_connection

    write_connection(settings)
    return load_settings(home=settings.home, **{name: getattr(settings, name) for name in PORTS})


def prepare(settings: Settings, people: int, seed: int, orders: Path | None = None) -> Settings:
    """Make the company, stop its clock at the end of its history, open the store, let the demo's users in."""
    end = utc(time.time()).replace(hour=9, minute=0, second=0, microsecond=0)
    with progress_bar() as progress:
        what = f"company of {people:,} people" if orders is None else f"shop of the orders in {orders.name}"
        task = progress.add_task(f"Making a {what}", total=1.0)
        made = simulate(
            settings,
            people=people,
            seed=seed,
            end=end,
            progress=lambda _, share: progress.update(task, completed=share),
            orders=orders,
        )
        progress.update(task, completed=1.0)
    if made.orders is not None:
        console.print(show_orders(made.orders))
    settings = load_settings(home=settings.home, **{name: getattr(settings, name) for name in PORTS})
    settings.clock.set(end)
    add_users(settings)
    return settings


def add_users(settings: Settings) -> None:
    """The demo's users, those that are not there yet."""
    store = open_store(settings)
    there = {user.email for user in list_users(store)}
    for email, name, role in LOGINS:
        if email not in there:
            create_user(store, email, PASSWORD, role=role, name=name)


def progress_bar() -> Progress:
    """How all long work of the demo shows itself."""
    return Progress(
        TextColumn("{task.description:44}"), BarColumn(bar_width=30), TimeElapsedColumn(), console=console
    )  # fmt: skip


def live_through(settings: Settings) -> Proof:
    """Read everything once, then let two days pass in steps of two hours; prove that it adds up."""
    os.environ.update(child_environment(settings))
    wanted = [p for p in default_processes(settings, with_dagster=False) if p.name in {"vendors", "api"}]
    with running(settings, wanted) as wait_for_all:
        import_archive(settings)
        wait_for_all()
        read_everything(settings)
        add_segments(settings)
        add_campaign(settings)
        add_journey(settings, MARKETER)
        add_sales(settings)
        live_two_days(settings)
        read_everything(settings)
        proof = prove(settings)
        proof.checks += [*order_checks(settings), *campaign_checks(settings), *checks_of_tests(settings)]
        proof.checks += [*sales_checks(settings), *journey_checks(settings)]
        return proof


def read_everything(settings: Settings) -> None:
    """Every source, every table, every check, as `dmat refresh` does it.

    Raises:
        BuildFailedError: a source could not be read, or a table or a check failed.
    """
    from dmat_pipelines.refresh import refresh

    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with progress_bar() as progress:
        task = progress.add_task("Reading sources, building tables", total=None)

        def tell(step: str, done: int, total: int) -> None:
            progress.update(task, description=step.replace("_", " "), completed=done, total=total)

        report = refresh(settings, tell=tell)
        progress.update(task, description="Sources read, tables built", completed=1, total=1)
    if report.exit_code:
        problems = {**report.failed_captures, **report.failed_steps}
        words = [f"{name}: {why}" for name, why in problems.items()] + report.failed_checks
        raise BuildFailedError("\n".join(words))


def add_segments(settings: Settings) -> None:
    """A dozen segments made from templates; the passes that follow write who enters and leaves them."""
    from dmat.segments.catalogue import read_catalogue
    from dmat.segments.library import Library
    from dmat.segments.templates import FOR_THE_DEMO, apply_templates

    view = Workspace(settings)
    library = Library(open_store(settings), settings.clock, lambda: read_catalogue(view))
    apply_templates(library, FOR_THE_DEMO, by="marketer@demo.example")


def live_two_days(settings: Settings) -> None:
    """Two hours at a time: mails that are due leave, the world answers, the tables take it in.

    The micro-batch looks once in each step: what a look leaves (mails it has just planned) is the next one's.
    """
    from dmat_pipelines.deliver.sender import drain
    from dmat_pipelines.stream import open_batch, run_once, run_pass

    at_once = settings.model_copy(update={"hot_capture_seconds": 0.001})
    store = open_store(settings)
    batch = open_batch(at_once, store)
    vendors = httpx.Client(base_url=f"http://{settings.host}:{settings.vendors_port}", timeout=120, trust_env=False)
    with progress_bar() as progress, vendors:
        task = progress.add_task("Two days pass", total=STEPS)
        for step in range(1, STEPS + 1):
            drain(settings, store)
            settings.clock.advance(STEP)
            vendors.post("/control/step").raise_for_status()
            decide_by_hand(settings, MARKETER)
            ask_for_a_demo(settings, step)
            work_leads(settings)
            use_offers(settings)
            run_pass(batch) if step < STEPS else run_once(batch)
            if batch.health.failures:
                raise BuildFailedError(f"a part of the micro-batch failed: {batch.health.failures}")
            progress.advance(task)


def import_archive(settings: Settings) -> None:
    """Import the e-mail provider's archive of past events, as a user would."""
    from dmat_pipelines.capture.imports import import_file

    import_file(settings, "events", settings.home / "simulation" / "email_events.parquet")


@contextmanager
def running(settings: Settings, processes: list[Process]) -> Iterator[Callable[[], None]]:
    """Run some of the workspace's servers until the block ends; gives what waits until all of them answer.

    They die with this process, however it ends.
    """
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    started: list[subprocess.Popen[bytes]] = []

    def wait_for_all() -> None:
        for process, child in zip(processes, started, strict=True):
            wait_for_answer(process.health_url, process=child, hint=str(logs / f"{process.name}.log"))

    try:
        for process in processes:
            environment = {**child_environment(settings), **process.environment}
            with (logs / f"{process.name}.log").open("ab") as log:
                started.append(spawn(process.argv, environment, log))
        yield wait_for_all
    finally:
        for popen in started:
            popen.terminate()
        for popen in started:
            popen.wait(timeout=30)


if __name__ == "__main__":
    sys.exit(main())
