"""Set up a make-believe company in a workspace: the world, the archive of past mails, the way to the vendors.

Belongs here: what `dmat simulate` does. Stays out: the clock (the demo sets it) and starting the vendors' server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dmat.settings import Settings
from dmat.simulate.company import Progress, generate, write_email_archive, write_world


@dataclass(frozen=True)
class Simulation:
    """Where a simulation lies, and how many past e-mail events its archive holds."""

    world: Path
    email_archive: Path
    connection: Path
    email_events_count: int


def simulate(
    settings: Settings,
    people: int = 5000,
    seed: int = 7,
    end: datetime | None = None,
    months: int = 18,
    progress: Progress | None = None,
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

    Raises:
        InvalidInputError: a size that makes no company.
    """
    from dmat.simulate.connection import write_connection  # only here: it makes keys

    folder = settings.home / "simulation"
    world, archive = folder / "company.duckdb", folder / "email_events.parquet"
    write_world(generate(people, seed, end or settings.clock.now(), months), world, progress)
    count = write_email_archive(world, archive)
    return Simulation(world, archive, write_connection(settings), count)
