"""The company as a whole: make it from a seed, write it as a world, or load it straight into raw tables.

Belongs here: the order of the steps and the doors that others call.
Stays out: how each part comes about (`people.py`, `traffic.py`, `commerce.py` ...) and payload shapes (`payloads.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Company:
    """A make-believe company: the recipe (sizes, seed, dates) from which every row follows."""

    people: int
    seed: int
    end: datetime
    months: int = 18


def generate(people: int, seed: int, end: datetime, months: int = 18) -> Company:
    """The company of `people` humans whose history ends at `end`; rows are made when they are asked for."""
    return Company(people, seed, end, months)


def write_world(company: Company, path: Path, progress: Progress | None = None) -> None:
    """Write the world file: typed tables, schema `truth` and `records` (one row per vendor payload)."""
    raise NotImplementedError


def write_email_archive(company: Company, path: Path) -> int:
    """Write the past SendGrid events as Parquet, one column per key of the vendor's event; gives the row count."""
    raise NotImplementedError


def load_raw(
    company: Company,
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    now: datetime,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Insert every payload straight into `raw.*`, chunk by chunk; gives the row count of each table."""
    raise NotImplementedError
