"""Under test: the loop once, its exit code, and that a source that is down does not keep tables from being built."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pytest
from rich.console import Console

from dmat.settings import load_settings
from dmat.warehouse import current_version
from dmat_pipelines.refresh import RefreshReport, refresh, say


@contextmanager
def refusing_server() -> Iterator[str]:
    """A vendor that knows nobody."""

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def refreshed(built):
    told: list[tuple[str, int, int]] = []
    before = current_version(built).number
    with refusing_server() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DMAT_WORDPRESS_URL", url)
        report = refresh(load_settings(home=built.home), tell=lambda *step: told.append(step))
    return report, told, before


def test_a_source_that_refuses_is_named_and_the_tables_are_built_all_the_same(built, refreshed):
    report, _, before = refreshed
    assert report.exit_code == 2
    assert "wordpress" in report.failed_captures["capture_wordpress"]
    assert report.failed_steps == {}
    assert report.failed_checks == []
    assert {"people/dim_people", "evaluation/cart_recovery_summary", "store/cart_recovery_intents"} <= report.tables
    assert current_version(built).number > before


def test_progress_tells_each_step_and_how_many_are_done(defs, refreshed):
    _, told, _ = refreshed
    steps = {node.name for node in defs.resolve_job_def("build_and_plan").nodes}
    assert ("conform_tables", 0, len(steps)) in told
    assert {step for step, done, total in told if done == total == len(steps)} & steps
    assert all(done <= total for _, done, total in told)


def test_the_runs_are_in_the_graph(built, refreshed):
    with dg.DagsterInstance.from_config(str(built.home / "dagster")) as instance:
        jobs = [record.dagster_run.job_name for record in instance.get_run_records(limit=3)]
    assert jobs == ["count_results", "build_and_plan", "capture_sources"]


def test_nothing_is_sent_unless_asked_for(refreshed):
    assert "store/sent_messages" not in refreshed[0].tables


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (RefreshReport(), 0),
        (RefreshReport(failed_captures={"capture_meta": "down"}), 2),
        (RefreshReport(failed_steps={"conform_tables": "bad"}, failed_captures={"capture_meta": "down"}), 1),
        (RefreshReport(failed_checks=["people/dim_people: unique"]), 1),
    ],
)
def test_the_exit_code_says_what_kind_of_failure_it_was(report, code):
    assert report.exit_code == code


def test_what_failed_is_printed_with_its_reason(capsys):
    say(RefreshReport(failed_captures={"capture_meta": "[red]down[/]"}), Console())
    assert "capture_meta: [red]down[/]" in capsys.readouterr().err
