"""`make bench`: runs the groups asked for and prints their figures beside the goals.

Belongs here: choosing and printing. Each group is a module with `run(people, size) -> list[Row]`.
"""

from __future__ import annotations

import argparse
import importlib

from rich.console import Console
from rich.table import Table

from benchmarks.measure import SIZES, Row, write_results

GROUPS = (
    "capture",
    "build",
    "freshness",
    "start",
    "screens",
    "overview",
    "reports",
    "segments",
    "flips",
    "sending",
    "webhooks",
    "clicks",
    "experiments",
    "attribution",
    "lifetime",
    "journeys",
    "leads",
)


def show(rows: list[Row]) -> Table:
    """The figures as a table."""
    table = Table(box=None, padding=(0, 2))
    for column in ("figure", "size", "value", "goal", "against", "CPU s", "peak MB"):
        table.add_column(column, justify="left" if column in {"figure", "size", "against"} else "right")
    for row in rows:
        against = f"{row.baseline}: {row.ratio:,.2f}x" if row.baseline and row.ratio is not None else ""
        table.add_row(
            row.name,
            row.size,
            f"{row.value:,.2f} {row.unit}",
            "" if row.goal is None else f"{row.goal:,g} {row.unit}",
            against,
            "" if row.cpu_s is None else f"{row.cpu_s:,.1f}",
            "" if row.peak_rss_mb is None else f"{row.peak_rss_mb:,.0f}",
        )
    return table


def main() -> None:
    """Run the chosen groups at the chosen size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="5k", choices=list(SIZES))
    parser.add_argument("--only", default=",".join(GROUPS), help="groups, separated by commas")
    options = parser.parse_args()
    console = Console()
    for group in options.only.split(","):
        if group not in GROUPS:
            parser.error(f"--only: {group!r} is no group (allowed: {', '.join(GROUPS)})")
        rows = importlib.import_module(f"benchmarks.{group}").run(SIZES[options.size], options.size)
        file = write_results(group, options.size, rows)
        console.print(show(rows))
        console.print(f"written to {file.name}\n", style="dim")


if __name__ == "__main__":
    main()
