"""Two workspaces built once a session from the same raw records: one in two steps, one from scratch."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dmat.settings import Settings, load_settings
from dmat.warehouse import writer
from dmat_pipelines.conform.runner import BuildReport, build


def _sibling(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


raw = _sibling("raw_records")


@dataclass
class Built:
    """A workspace whose tables are built."""

    settings: Settings
    reports: list[BuildReport]
    ana: int

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the core file."""
        with writer(self.settings) as connection:
            return connection.execute(query).fetchall()

    def one(self, query: str) -> Any:
        """The one value of a query."""
        return self.rows(query)[0][0]


def new_home(folder: Path) -> Settings:
    settings = load_settings(folder, duckdb_memory_limit="1GB")
    settings.clock.set(raw.NOW)
    return settings


def person_of(settings: Settings, contact_key: str) -> int:
    with writer(settings) as connection:
        return int(connection.execute(
            "select person_id from people.person_contacts where contact_key = ?", [contact_key]
        ).fetchall()[0][0])  # fmt: skip


def land(settings: Settings, rows: Any, run_id: str) -> tuple[int, int]:
    with writer(settings) as connection:
        counts: tuple[int, int] = raw.land_all(connection, rows, run_id, settings.clock.now())
    return counts


@pytest.fixture(scope="session")
def step_by_step(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """First day, build; second day, build; nothing new, build."""
    settings = new_home(tmp_path_factory.mktemp("steps"))
    land(settings, raw.first_day(), "first")
    reports = [build(settings)]
    ana = person_of(settings, "shopify:1")
    settings.clock.advance(timedelta(days=1))
    land(settings, raw.second_day(ana), "second")
    reports += [build(settings), build(settings)]
    return Built(settings, reports, ana)


@pytest.fixture(scope="session")
def from_scratch(tmp_path_factory: pytest.TempPathFactory, step_by_step: Built) -> Built:
    """Both days at once, one build, with the tests of rules."""
    settings = new_home(tmp_path_factory.mktemp("scratch"))
    land(settings, raw.first_day(), "first")
    settings.clock.advance(timedelta(days=1))
    land(settings, raw.second_day(step_by_step.ana), "second")
    return Built(settings, [build(settings, include_unit_tests=True)], step_by_step.ana)


@pytest.fixture(name="new_home", scope="session")
def new_home_fixture() -> Any:
    """Makes the settings of a fresh workspace in a folder."""
    return new_home


@pytest.fixture(name="land")
def land_fixture() -> Any:
    """Lands rows in a workspace; gives (kept, unchanged)."""
    return land


@pytest.fixture(name="raw", scope="session")
def raw_fixture() -> ModuleType:
    """The module of raw records."""
    return raw
