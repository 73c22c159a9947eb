"""Set up a make-believe company in a workspace: the world, the archive of past mails, the way to the vendors.

Belongs here: what `dmat simulate` does. Stays out: the clock (the demo sets it) and starting the vendors' server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dmat.settings import Settings
from dmat.simulate.company import Progress, generate, write_email_archive, write_world
from dmat.simulate.order_lines import OrdersReport
from dmat.simulate.real_orders import company_from_orders

REPORT, LEFT_OVER = "orders_report.json", "orders_left_over.csv"


@dataclass(frozen=True)
class Simulation:
    """Where a simulation lies, how many past e-mail events its archive holds, and what became of real orders."""

    world: Path
    email_archive: Path
    connection: Path
    email_events_count: int
    orders: OrdersReport | None = None


def simulate(
    settings: Settings,
    people: int = 5000,
    seed: int = 7,
    end: datetime | None = None,
    months: int = 18,
    progress: Progress | None = None,
    orders: Path | None = None,
) -> Simulation:
    """Write `company.duckdb`, `email_events.parquet` and `connection.env` into `<home>/simulation`.

    Args:
        settings: the workspace.
        people: number of humans, 1,000 to 10 million.
        seed: the same seed gives the same company.
        end: where its history ends and its future begins (UTC without zone); None means the workspace's
            present.
        months: length of the history.
        progress: told what is being made and the share done (0-1).
        orders: a file of real orders that are the shop's history; `people` and `months` then follow from it, and
            `orders_report.json` and `orders_left_over.csv` say where every line went.

    Raises:
        InvalidInputError: a size that makes no company, or a file without orders.
    """
    from dmat.simulate.connection import write_connection  # only here: it makes keys

    folder = settings.home / "simulation"
    world, archive = folder / "company.duckdb", folder / "email_events.parquet"
    for name in (REPORT, LEFT_OVER):
        (folder / name).unlink(missing_ok=True)
    report = None
    if orders is None:
        write_world(generate(people, seed, end or settings.clock.now(), months), world, progress)
    else:
        company = company_from_orders(orders, seed, end or settings.clock.now())
        write_world(company, world, progress)
        report = company.report
        report.write(folder / REPORT)
        company.placed.write_left_over(folder / LEFT_OVER)
    count = write_email_archive(world, archive)
    return Simulation(world, archive, write_connection(settings), count, report)


def read_orders_report(settings: Settings) -> OrdersReport | None:
    """What became of the real orders that this workspace's shop was made of; None when they were invented."""
    path = settings.home / "simulation" / REPORT
    return OrdersReport.read(path) if path.exists() else None
