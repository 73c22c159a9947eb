"""Which model makes a table, and what it is made of, down to raw tables: from the dbt project and its last parse.

Belongs here: reading dbt's manifest and files, the commit of the code. Stays out: figures (`lineage.py`).

The manifest is what the last build left in `<home>/dbt`. Without one only the file of a model is known, not what it is
made of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dmat.settings import ROOT, Settings

RAW = "raw."


@dataclass(frozen=True)
class Model:
    """What makes a table.

    Attributes:
        file: below the project's folder; empty for raw tables, which capture and the stream fill.
        sql: compiled when a build left it, else as it stands in the file.
        made_of: tables that it reads.
    """

    table: str
    file: str
    sql: str
    is_compiled: bool
    description: str
    made_of: tuple[str, ...]


def model_of(settings: Settings, table: str) -> Model:
    """The model of `schema.table`; one without file and SQL when it is raw or not known."""
    node = _nodes(settings).get(table)
    if node is None:
        file = "" if table.startswith(RAW) else _files().get(table.split(".", 1)[-1], "")
        sql = (ROOT / file).read_text().strip() if file else ""
        return Model(table, file, sql, False, "", ())
    file = f"dbt/{node['original_file_path']}"
    compiled = settings.home / "dbt" / "compiled" / "dmat" / node["original_file_path"]
    is_compiled = compiled.is_file() and compiled.suffix == ".sql"
    sql = compiled.read_text() if is_compiled else str(node.get("raw_code") or "")
    return Model(table, file, tidy(sql), is_compiled, str(node.get("description") or ""), node["made_of"])


def upstream(settings: Settings, tables: Iterable[str]) -> tuple[str, ...]:
    """These tables and all that they are made of, the nearest first, raw tables last."""
    nodes = _nodes(settings)
    found: dict[str, None] = {}
    waiting = list(dict.fromkeys(tables))
    while waiting:
        nearer = [table for table in waiting if table not in found]
        found |= dict.fromkeys(nearer)
        waiting = [made for table in nearer for made in (nodes.get(table) or {"made_of": ()})["made_of"]]
    return (*(t for t in found if not t.startswith(RAW)), *(t for t in found if t.startswith(RAW)))


def tidy(sql: str) -> str:
    """SQL without the empty lines that templates leave."""
    return "\n".join(line.rstrip() for line in sql.splitlines() if line.strip())


def commit(root: Path = ROOT) -> str:
    """The git commit of the code, or the version of the package where there is no repository."""
    git = root / ".git"
    if git.is_file():  # a worktree
        git = Path(git.read_text().partition("gitdir:")[2].strip())
    try:
        head = (git / "HEAD").read_text().strip()
    except OSError:
        return _release()
    if not head.startswith("ref: "):
        return head
    return _ref(git, head.removeprefix("ref: ")) or _release()


def _ref(git: Path, name: str) -> str:
    shared = git / (git / "commondir").read_text().strip() if (git / "commondir").is_file() else git
    for folder in (git, shared):
        if (folder / name).is_file():
            return (folder / name).read_text().strip()
    packed = shared / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")


def _release() -> str:
    try:
        return f"release {version('dmat')}"
    except PackageNotFoundError:
        return "not known"


@cache
def _files() -> dict[str, str]:
    """Name of each model -> path of its file in the project."""
    return {file.stem: file.relative_to(ROOT).as_posix() for file in (ROOT / "dbt" / "models").rglob("*.sql")}


def _nodes(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    file = settings.home / "dbt" / "manifest.json"
    try:
        return _read(file, file.stat().st_mtime_ns)
    except FileNotFoundError:
        return {}


@lru_cache(4)
def _read(file: Path, _changed: int) -> dict[str, dict[str, Any]]:
    """Table -> its model, seed or source, with the tables that it is made of."""
    manifest = json.loads(file.read_text())
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    names = {key: f"{node['schema']}.{node.get('alias') or node['name']}" for key, node in nodes.items()}
    names |= {key: f"{source['schema']}.{source['identifier']}" for key, source in manifest["sources"].items()}
    return {
        names[key]: {
            "original_file_path": node["original_file_path"],
            "raw_code": node.get("raw_code"),
            "description": node.get("description"),
            "made_of": tuple(names[each] for each in node.get("depends_on", {}).get("nodes", ()) if each in names),
        }
        for key, node in nodes.items()
    }
