"""Refreshing the hot tables from a resident process, often: only what new raw rows can have changed, and without dbt.

Belongs here: which hot models follow what grew, saying again what dbt said to the database when it built them.
Stays out: SQL (`dbt/`), calling dbt (`runner.py`).

For each model dbt spends far more computing on finding out what to say than DuckDB on doing it, and from the second
time on it says the same: the tables are there, and what is new the SQL itself finds out. So dbt builds each hot model
once in a process, which is written down (`Script`); after that its statements are said again, in the order of the
graph, each model in its own transaction as with dbt. Views are left as they are. When the project changes, a model was
never built by this process, or a statement fails, dbt builds.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from graphlib import TopologicalSorter
from typing import Any

import duckdb

from dmat.core_file import NAME, CoreFile, open_core
from dmat.settings import Settings
from dmat.warehouse import publish, writer_lock
from dmat_pipelines.conform.built import count_rows, note_builds
from dmat_pipelines.conform.functions import register_functions
from dmat_pipelines.conform.runner import (
    BuildReport,
    NodeResult,
    build_hot_models,
    dbt_lock,
    load_manifest,
    project_fingerprint,
)

NOT_COUNTED = ("workspace_clock", "table_builds", "capture_outcomes", "capture_refusals")
CHANGES = re.compile(
    r"(\s|/\*.*?\*/|--[^\n]*\n)*(begin|commit|create|alter|drop|insert|update|delete|copy)\b", re.I | re.S
)
log = logging.getLogger("dmat.stream")


class Script:
    """What dbt said to the database for each node when it built it; `listen` is told of all that dbt does."""

    def __init__(self) -> None:
        self._said: dict[str, list[str]] = {}

    def listen(self, event: Any) -> None:
        """Write a statement down; those that only read are of no use later."""
        if event.info.name == "SQLQuery" and CHANGES.match(event.data.sql):
            self._said.setdefault(event.data.node_info.unique_id, []).append(event.data.sql)

    def take_over(self, newer: Script) -> None:
        """Keep what was said in a later build instead of what was said before."""
        self._said |= newer._said

    def forget(self) -> None:
        """Forget everything."""
        self._said.clear()

    def knows(self, nodes: Iterable[str]) -> bool:
        """Whether all of these nodes were built."""
        return all(node in self._said for node in nodes)

    def say(self, node: str, core: CoreFile) -> float:
        """Say it again, on a connection of its own, as dbt does; gives the seconds it took.

        Raises:
            duckdb.Error: the database refuses; what this node's open transaction did is undone.
        """
        began = time.monotonic()
        with closing(core.connection.cursor()) as cursor:
            cursor.execute(f"use {NAME}")
            for statement in self._said[node]:
                cursor.execute(statement)
        return time.monotonic() - began


class HotGraph:
    """The hot models of a project: what they are, and which of them come after a raw table."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._children: Mapping[str, Sequence[str]] = manifest["child_map"]
        nodes = manifest["nodes"]
        in_order = TopologicalSorter(manifest["parent_map"]).static_order()
        self.models = {uid: nodes[uid] for uid in in_order if uid.startswith("model.") and "hot" in nodes[uid]["tags"]}
        self._sources = {
            source["name"]: uid for uid, source in manifest["sources"].items() if source["source_name"] == "raw"
        }

    def tables_after(self, grown: Iterable[str]) -> list[str]:
        """The hot tables (not views) that come after any of these raw tables, each after those it reads."""
        found: set[str] = set()
        waiting = [self._sources[table] for table in grown if table in self._sources]
        while waiting:
            following = set(self._children.get(waiting.pop(), ())) - found
            found |= following
            waiting += following
        return [uid for uid, node in self.models.items() if uid in found and node["config"]["materialized"] != "view"]


class Runner:
    """Hot builds of one workspace, for a resident process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._built: dict[str, int] | None = None
        self._script = Script()
        self._graph: HotGraph | None = None
        self._project: tuple[float, int] | None = None

    @property
    def graph(self) -> HotGraph:
        """The hot models as the project has them now."""
        self._look_at_project()
        self._graph = self._graph or HotGraph(load_manifest(self.settings))
        return self._graph

    def build_hot(self, timeout_seconds: float = 900.0) -> BuildReport:
        """Build the tables tagged `hot` that come after raw tables with new rows, without tests, and publish.

        The first call builds all of them. Nothing new: nothing is built, and nothing published.

        Raises:
            BuildFailedError: a table could not be built; nothing was published.
            WarehouseBusyError: another process kept writing.
        """
        with dbt_lock, writer_lock(self.settings, timeout_seconds):
            rows = _count_raw_rows(self.settings)
            grown = None if self._built is None else _grown(rows, self._built)
            if grown == []:
                return BuildReport()
            run_id = f"stream-build-{uuid.uuid4().hex[:12]}"
            report = self._say_again(grown, run_id) or self._build_by_dbt(grown, run_id)
        self._built = rows
        return report

    def _look_at_project(self) -> None:
        fingerprint = project_fingerprint()
        if fingerprint != self._project:
            self._script.forget()
            self._graph, self._project = None, fingerprint

    def _build_by_dbt(self, grown: Sequence[str] | None, run_id: str) -> BuildReport:
        selectors = ["tag:hot"] if grown is None else [f"source:raw.{table}+,tag:hot" for table in grown]
        heard = Script()
        report = build_hot_models(self.settings, selectors, run_id, heard.listen).require_ok()
        self._script.take_over(heard)
        return report

    def _say_again(self, grown: Sequence[str] | None, run_id: str) -> BuildReport | None:
        """Build without dbt; None when that cannot be done."""
        graph = self.graph
        nodes = graph.tables_after(grown or ())
        if grown is None or not self._script.knows(nodes):
            return None
        try:
            return self._build_and_publish(graph, nodes, run_id)
        except duckdb.Error as error:
            log.warning("dbt builds, since what it said before fails", {"error": str(error)[:500]})
            self._script.forget()
            return None

    def _build_and_publish(self, graph: HotGraph, nodes: Sequence[str], run_id: str) -> BuildReport:
        began, now = time.monotonic(), self.settings.clock.now()
        with open_core(self.settings) as core:
            core.connection.execute("set preserve_insertion_order = false")
            register_functions(core.connection)
            core.connection.execute("update raw.workspace_clock set build_number = build_number + 1, now_at = ?", [now])
            seconds = {node: self._script.say(node, core) for node in nodes}
            rows = count_rows(core.connection)
            results = [_result(graph.models[node], rows, seconds[node]) for node in nodes]
            note_builds(core.connection, results, run_id, now)
            version = publish(self.settings)
        return BuildReport(results, time.monotonic() - began, version)


def _result(node: Mapping[str, Any], rows: Mapping[tuple[str, str], int], seconds: float) -> NodeResult:
    table = (node["schema"], node["alias"])
    return NodeResult(node["unique_id"], node["schema"], node["name"], "model", "success", seconds, rows.get(table))


def _grown(rows: Mapping[str, int], before: Mapping[str, int]) -> list[str]:
    return sorted(table for table, count in rows.items() if count != before.get(table, 0))


def _count_raw_rows(settings: Settings) -> dict[str, int]:
    with open_core(settings) as core:
        found = core.connection.execute(
            "select table_name, estimated_size from duckdb_tables() where schema_name = 'raw'"
        ).fetchall()
    return {str(name): int(count) for name, count in found if name not in NOT_COUNTED}
