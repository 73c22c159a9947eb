"""Where a table comes from: the file of its dbt model and its SQL, compiled when a build left it.

Belongs here: finding and reading model files. Stays out: everything about carts; other screens may use it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dmat.settings import ROOT, Settings


@dataclass(frozen=True)
class Origin:
    """A table, in words what it is, the file that makes it (empty for raw tables), and whether SQL can be shown."""

    table: str
    path: str
    has_sql: bool


@cache
def _models() -> dict[str, str]:
    """Name of each model -> path of its file in the project."""
    found = (ROOT / "dbt" / "models").rglob("*.sql")
    return {file.stem: file.relative_to(ROOT).as_posix() for file in found}


def origin_of(table: str, settings: Settings) -> Origin:
    """Where `schema.table` comes from."""
    if table.startswith("raw."):
        return Origin(table, "", False)
    path = _models().get(table.split(".", 1)[-1], "")
    return Origin(table, path, bool(path))


def sql_of(table: str, settings: Settings) -> tuple[str, bool]:
    """The SQL of a table and whether it is the compiled one; empty when there is no such model.

    Compiled SQL is looked for below `<home>/dbt`, where builds of the workspace leave it; else the model's file is
    given.
    """
    path = _models().get(table.split(".", 1)[-1], "")
    if not path:
        return "", False
    compiled = settings.home / "dbt" / "compiled" / "dmat" / path.removeprefix("dbt/")
    if compiled.is_file():
        return _read(compiled), True
    return _read(ROOT / path), False


def _read(file: Path) -> str:
    return "\n".join(line for line in file.read_text().splitlines() if line.strip()).strip()
