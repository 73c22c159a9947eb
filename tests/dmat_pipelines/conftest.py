"""Shared by the tests of the pipelines: the definitions, loaded once, and one small workspace built from raw tables."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from dmat.settings import Settings, load_settings
from dmat.simulate.company import generate, load_raw
from dmat.warehouse import writer
from dmat_pipelines.resources import WorkspaceResource

END = datetime(2026, 6, 1, 12)


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace whose raw tables hold a make-believe company; no vendor is connected."""
    home = tmp_path_factory.mktemp("pipelines") / "home"
    settings = load_settings(home=home)
    settings.clock.set(END)
    with writer(settings) as connection:
        load_raw(generate(1000, seed=3, end=END, months=2), connection, "test", END)
    return home


@pytest.fixture(scope="session")
def defs(built_home: Path) -> dg.Definitions:
    """The definitions of that workspace; dbt's project is parsed here, once."""
    from dmat_pipelines.definitions import build_defs

    return build_defs({"workspace": WorkspaceResource(home=str(built_home))})


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory):
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture(scope="session")
def built(defs: dg.Definitions, instance: dg.DagsterInstance, built_home: Path) -> Settings:
    """The workspace after its tables were built and due carts were planned, through the jobs."""
    for name in ("build_and_plan", "count_results"):
        result = defs.resolve_job_def(name).execute_in_process(instance=instance)
        assert result.success
    return load_settings(home=built_home)
