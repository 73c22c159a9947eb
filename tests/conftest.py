"""What many tests share: one small demo company, lived through once a session; stores and messages to send.

Fixtures that belong to one subject are in `tests/fixtures`, modules that any test may import from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

pytest_plugins = ["new_stores", "sending_fixtures", "segment_world", "campaign_world", "tested_campaigns", "lead_world",
                  "journey_worlds", "lived_past", "metric_world", "quarter_world"]  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]
TOGETHER = {"notebooks": "demo", "use_cases": "demo", "dbt": "dbt", "dmat_pipelines": "dmat_pipelines",
            "browser": "browser", "apps": "apps"}  # fmt: skip
LONGEST = ("browser", "demo", "apps", "dbt", "dmat_pipelines")
IN_MEMORY, GIB = Path("/dev/shm"), 1024**3
MEMORY_OF_FILES, MEMORY_OF_PROCESS = 6 * GIB, 3 * GIB


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders are in memory where there is plenty of it: stores wait for the disk at each commit."""
    has_room = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free >= MEMORY_OF_FILES
    if has_room and psutil.virtual_memory().available >= 2 * MEMORY_OF_FILES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than processors: tests wait for browsers and servers."""
    room = psutil.virtual_memory().available // MEMORY_OF_PROCESS
    return max(1, min((os.cpu_count() or 1) + 1, int(room)))


def scope_of(nodeid: str) -> str:
    """What runs in one process: the tests of a file, or those of folders that share what takes long to make."""
    file = nodeid.split("::")[0]
    return TOGETHER.get(Path(file).parts[1], file)


class Together(LoadScopeScheduling):
    """Shares out scopes in the order in which tests were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together:
    """How tests are shared out when there are several processes."""
    config.option.loadscopereorder = False  # by the number of tests, which says little of how long they take
    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The scopes that take longest come first, so that no process works at one of them alone in the end."""
    if hasattr(config, "workerinput"):
        rank = {scope: number for number, scope in enumerate(LONGEST)}
        items.sort(key=lambda item: (rank.get(scope_of(item.nodeid), len(LONGEST)), "chaos" not in item.nodeid))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with real data and vendors' contracts beside the repository; tests without it skip, saying so."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder ../shared with real data and contracts is not there")
    return folder


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which `dmat demo --once` has run with 600 people; its output is in `demo.log` there."""
    home = tmp_path_factory.mktemp("demo") / "home"
    command = [sys.executable, "-m", "dmat.cli", "demo", "--once", "--people", "600", "--home", str(home)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DMAT_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    home.mkdir(parents=True, exist_ok=True)
    (home / "demo.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        pytest.fail(f"the demo failed:\n{(done.stdout + done.stderr)[-6000:]}")
    return home
