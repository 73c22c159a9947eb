"""Runs the dbt project in this process, warm: `build`, and `python -m dmat_pipelines.conform.runner --home HOME`.

Belongs here: calling dbt under the writer lock, what each node did, letting go of the file afterwards, the parsed
manifest. Stays out: SQL (`dbt/`) and Dagster (it reads the manifest and the report from here).

A first call parses the project (seconds; `parsed.py` keeps what came of it). Later calls in the same process use the
parsed manifest and take tenths of a second plus the queries. Nothing is written into the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmat.core_file import close_core, put_note, take_note
from dmat.errors import BuildFailedError
from dmat.settings import ROOT, Settings, load_settings
from dmat.warehouse import Version, publish, writer_lock
from dmat_pipelines.conform.built import count_rows, note_builds
from dmat_pipelines.conform.parsed import project_files, shared_parse, write_whole

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PROJECT = ROOT / "dbt"
Listen = Callable[[Any], None]  # told of each event of dbt
OK = ("success", "pass", "warn")
dbt_lock = threading.RLock()  # dbt keeps its adapter and its flags in module state: one call at a time


@dataclass(frozen=True)
class Parsed:
    """The project, the same for any workspace: when it last changed, as dbt's object, and as dbt writes it."""

    fingerprint: tuple[float, int]
    manifest: Manifest
    document: bytes


_parsed: dict[Path, Parsed] = {}


@dataclass(frozen=True)
class NodeResult:
    """What one model, seed or test did; `rows_count` is the size of its table afterwards (None for tests, views)."""

    unique_id: str
    schema: str
    name: str
    resource_type: str
    status: str
    seconds: float
    rows_count: int | None = None
    failures_count: int | None = None
    message: str = ""

    @property
    def is_ok(self) -> bool:
        """Done, or passed, or passed with a warning."""
        return self.status in OK

    @property
    def is_failed(self) -> bool:
        """An error or a failed test; a node that was skipped because of another is neither ok nor failed."""
        return not self.is_ok and self.status != "skipped"


@dataclass
class BuildReport:
    """What a build did, node by node; iterating gives the results."""

    results: list[NodeResult] = field(default_factory=list)
    seconds: float = 0.0
    version: Version | None = None

    def __iter__(self) -> Iterator[NodeResult]:
        return iter(self.results)

    @property
    def failures(self) -> list[NodeResult]:
        """The nodes that failed."""
        return [result for result in self.results if result.is_failed]

    @property
    def is_ok(self) -> bool:
        """Whether nothing failed and nothing was skipped."""
        return all(result.is_ok for result in self.results)

    def require_ok(self) -> BuildReport:
        """This report, if all went well.

        Raises:
            BuildFailedError: names every node that failed, with dbt's words.
        """
        if not self.is_ok:
            words = [f"{result.name}: {result.message or result.status}" for result in self.failures]
            raise BuildFailedError("; ".join(words) or "some nodes were skipped")
        return self

    def tables(self) -> dict[tuple[str, str], int | None]:
        """(schema, table) -> rows, of every table and view that was built."""
        return {
            (result.schema, result.name): result.rows_count
            for result in self.results
            if result.is_ok and result.resource_type in ("model", "seed")
        }


def build(
    settings: Settings,
    select: str | Sequence[str] | None = None,
    full_refresh: bool = False,
    exclude_tests: bool = False,
    include_unit_tests: bool = False,
    publish_after: bool = False,
    timeout_seconds: float = 900.0,
    run_id: str = "",
) -> BuildReport:
    """Build tables and run their tests.

    Args:
        settings: the workspace.
        select: dbt selectors (`tag:hot`, `fct_orders+`); nothing means everything.
        full_refresh: build incremental tables from scratch. Identities are remembered all the same.
        exclude_tests: only build.
        include_unit_tests: also run all tests of rules; they prove code, not data, so builds leave them out.
        publish_after: publish a version for readers when nothing failed to build (a failed test does not hold it
            back from readers when the table it tests was built).
        timeout_seconds: how long to wait for the writer lock.
        run_id: of the run that builds; it is written down with each table (without one, an id is made).

    Raises:
        BuildFailedError: dbt could not start, or the project does not compile.
        WarehouseBusyError: another process kept writing.
    """
    arguments = _build_arguments([select] if isinstance(select, str) else select or [], exclude_tests)
    if full_refresh:
        arguments.append("--full-refresh")
    with dbt_lock, writer_lock(settings, timeout_seconds):
        report = _build_locked(settings, arguments, publish_after, run_id or f"build-{uuid.uuid4().hex[:12]}")
        if include_unit_tests and report.is_ok:  # they read the columns of tables, so the tables come first
            report.results += _run(settings, ["test", "--select", "test_type:unit"])
        return report


def _build_locked(
    settings: Settings, arguments: Sequence[str], publish_after: bool, run_id: str, listen: Listen | None = None
) -> BuildReport:
    began = time.monotonic()
    report = BuildReport(_run(settings, arguments, run_id, listen))
    if publish_after and not any(result.is_failed and result.resource_type == "model" for result in report):
        report.version = publish(settings)
    report.seconds = time.monotonic() - began
    return report


def _build_arguments(select: Sequence[str], exclude_tests: bool) -> list[str]:
    # a test that reads several tables runs when the last of them is built, never before it exists
    indirect = "empty" if exclude_tests else "buildable"  # looking for such tests takes longer than small builds
    arguments = ["build", "--no-write-json", "--indirect-selection", indirect]
    arguments += ["--exclude-resource-type", "unit_test"]
    if exclude_tests:
        arguments += ["--exclude-resource-type", "test"]
    return [*arguments, "--select", *select] if select else arguments


def run_models(settings: Settings, names: Sequence[str], full_refresh: bool = False, run_id: str = "") -> BuildReport:
    """Build the named models with their tests, and publish."""
    return build(settings, select=list(names), full_refresh=full_refresh, publish_after=True, run_id=run_id)


def build_hot_models(settings: Settings, selectors: Sequence[str], run_id: str, listen: Listen) -> BuildReport:
    """Build what selectors name, without tests, and publish; inside `dbt_lock` and the writer lock.

    Args:
        settings: the workspace.
        selectors: of dbt.
        run_id: of the run that builds.
        listen: called with each event of dbt, from the threads in which it builds.
    """
    arguments = [*_build_arguments(selectors, exclude_tests=True), "--cache-selected-only"]
    return _build_locked(settings, arguments, True, run_id, listen)


def manifest_path(settings: Settings) -> Path:
    """Where the parsed project of a workspace is written, as JSON."""
    return settings.home / "dbt" / "manifest.json"


def ensure_manifest(settings: Settings) -> Path:
    """Parse the project if it was not parsed since it last changed; gives the path of the manifest."""
    path = manifest_path(settings)
    with dbt_lock:
        if not _is_fresh(path, project_fingerprint()):
            _manifest(settings)
    return path


def load_manifest(settings: Settings) -> dict[str, Any]:
    """The parsed project of a workspace, as dbt writes it."""
    manifest: dict[str, Any] = json.loads(ensure_manifest(settings).read_text())
    return manifest


def project_fingerprint() -> tuple[float, int]:
    """When the project last changed, and how many files it has."""
    times = [file.stat().st_mtime for file in project_files(PROJECT)]
    return max(times), len(times)


def _manifest(settings: Settings) -> Manifest:
    """The parsed project, also as a file of the workspace; parses it when it changed since this process last did."""
    fingerprint, path = project_fingerprint(), manifest_path(settings)
    known = _parsed.get(PROJECT)
    if known is None or known.fingerprint != fingerprint:
        with shared_parse(PROJECT, path.parent) as own:
            manifest = _invoke(settings, ["parse"], None, target=own).result
        known = _parsed[PROJECT] = Parsed(fingerprint, manifest, path.read_bytes())
    elif not _is_fresh(path, fingerprint):
        write_whole(known.document, path)
    return known.manifest


def _is_fresh(manifest: Path, fingerprint: tuple[float, int]) -> bool:
    return manifest.exists() and manifest.stat().st_mtime >= fingerprint[0]


def _run(
    settings: Settings, arguments: Sequence[str], run_id: str = "", listen: Listen | None = None
) -> list[NodeResult]:
    manifest = _manifest(settings)
    with _core_open_for_dbt(settings):
        outcome = _invoke(settings, [*arguments, "--no-write-json"], manifest, listen)  # the parse has written it
        with _core_cursor() as cursor:
            rows = count_rows(cursor) if cursor else {}
            results = [_node_result(result, rows) for result in outcome.result or ()]
            if run_id and cursor:
                note_builds(cursor, results, run_id, settings.clock.now())
    return results


def _invoke(
    settings: Settings,
    arguments: Sequence[str],
    manifest: Manifest | None,
    listen: Listen | None = None,
    target: Path | None = None,
) -> Any:
    from dbt.cli.main import dbtRunner  # takes two seconds to import

    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    flags = [
        "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
        "--target-path", str(target or manifest_path(settings).parent),
        "--log-path", str(settings.home / "logs" / "dbt"),
        "--no-send-anonymous-usage-stats", "--no-version-check", "--no-use-colors", "--quiet",
        "--log-level", "none", "--log-level-file", "none",
    ]  # fmt: skip
    with _environment(_variables(settings) if manifest else dict.fromkeys(_variables(settings))):
        outcome = dbtRunner(manifest, [listen] if listen else None).invoke([*arguments, *flags])
    if outcome.exception is not None:
        raise BuildFailedError(f"dbt {arguments[0]}: {outcome.exception}") from outcome.exception
    return outcome


def _variables(settings: Settings) -> dict[str, str]:
    """The variables that `dbt/profiles.yml` and the macros read; a parse goes without, so that all can share it."""
    return {
        "DMAT_CORE_PATH": str(settings.core_path),
        "DMAT_DBT_NOW": settings.clock.now().isoformat(sep=" "),
        "DMAT_DBT_MEMORY_LIMIT": settings.duckdb_memory_limit,
        "DMAT_DBT_DUCKDB_THREADS": str(settings.duckdb_threads),
        "DMAT_DBT_THREADS": str(settings.duckdb_threads),
        "DMAT_DBT_LOOK_BACK_DAYS": str(settings.attribution_look_back_days),
        "DMAT_DBT_HALF_LIFE_DAYS": str(settings.attribution_half_life_days),
        "DMAT_DBT_ENDS_SHARE": str(settings.attribution_ends_share),
    }


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables, or take them away (None), for the time of one call."""
    wanted = {**variables, "DO_NOT_TRACK": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    _put_environment(wanted)
    try:
        yield
    finally:
        _put_environment(before)


def _put_environment(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _core_open_for_dbt(settings: Settings) -> Iterator[None]:
    """Keep the note of what was written while dbt has the core file open; close it afterwards."""
    lacking = take_note(settings)
    try:
        yield
    finally:
        environment = _let_go()
        if environment is None or environment.conn is None:
            put_note(settings, lacking)
        else:
            connection, environment.conn = environment.conn, None
            close_core(settings, connection, lacking)


def _let_go() -> Any:
    """Take away the environment in which dbt's adapter keeps the core file open, if there is one."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    with DuckDBConnectionManager._LOCK:
        environment = DuckDBConnectionManager._ENV
        DuckDBConnectionManager._ENV = None
    return environment


@contextmanager
def _core_cursor() -> Iterator[Any]:
    """A cursor of the core file as dbt has it open; None when dbt has not opened it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is None:
        yield None
        return
    handle = DuckDBConnectionManager.env().handle()
    try:
        yield handle.cursor()
    finally:
        handle.close()


def _node_result(result: Any, rows: Mapping[tuple[str, str], int]) -> NodeResult:
    node = result.node
    return NodeResult(
        unique_id=node.unique_id,
        schema=str(getattr(node, "schema", "")),
        name=node.name,
        resource_type=str(node.resource_type),
        status=str(result.status),
        seconds=float(result.execution_time or 0.0),
        rows_count=rows.get((node.schema, getattr(node, "alias", node.name))),
        failures_count=result.failures,
        message=str(result.message or "") if str(result.status) not in ("success", "pass") else "",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(description="Build the tables of a workspace.")
    parser.add_argument("--home", help="the workspace folder")
    parser.add_argument("--select", nargs="+", help="dbt selectors, such as tag:hot")
    parser.add_argument("--full", action="store_true", help="build incremental tables from scratch")
    parser.add_argument("--without-tests", action="store_true", help="only build")
    parser.add_argument("--unit-tests", action="store_true", help="also run the tests of rules")
    parser.add_argument("--publish", action="store_true", help="publish a version for readers afterwards")
    options = parser.parse_args(arguments)
    report = build(
        load_settings(home=options.home), options.select, options.full, options.without_tests, options.unit_tests,
        options.publish,
    )  # fmt: skip
    sys.stdout.writelines(line + "\n" for line in _lines(report))
    return 0 if report.is_ok else 1


def _lines(report: BuildReport) -> Iterator[str]:
    for result in report:
        if not result.is_ok or result.resource_type in ("model", "seed"):
            rows = "" if result.rows_count is None else f"{result.rows_count:>12,} rows"
            yield f"{result.status:>8} {result.seconds:7.2f} s {result.name:<44}{rows} {result.message}".rstrip()
    tests = [result for result in report if "test" in result.resource_type]
    tables = len(report.results) - len(tests)
    yield f"{tables} tables, {len(tests)} tests, {len(report.failures)} failures, {report.seconds:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
