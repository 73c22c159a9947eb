"""Workspaces for benchmarks: a company loaded straight into raw tables, built and published, kept between runs.

Belongs here: making a workspace of a given size. Stays out: measuring.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from dmat.processes import free_ports
from dmat.settings import Settings, load_settings
from dmat.simulate.company import generate, load_raw
from dmat.warehouse import writer

END = datetime(2026, 11, 1, 9)
FOLDER = Path(__file__).resolve().parent.parent / "var" / "bench"


def fresh_settings(name: str, memory: str = "3GB") -> Settings:
    """Settings of an empty workspace `var/bench/<name>` on free ports, its clock standing at the company's end."""
    home = FOLDER / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    settings = load_settings(home=home, duckdb_memory_limit=memory, **free_ports("127.0.0.1"))
    settings.clock.set(END)
    return settings


def loaded(name: str, people: int, months: int = 18) -> tuple[Settings, int]:
    """A workspace whose raw tables hold a company of `people`; gives it with the number of raw rows.

    The company is made once per size and copied from then on; delete `var/bench` after changing how it is made.
    """
    settings = fresh_settings(name)
    kept = FOLDER / f"raw-{people}-{months}.duckdb"
    settings.warehouse_dir.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        company = generate(people, seed=7, end=END, months=months)
        with writer(settings) as connection:
            load_raw(company, connection, "bench", END)
        shutil.copyfile(settings.core_path, kept)
    shutil.copyfile(kept, settings.core_path)
    with writer(settings) as connection:
        sizes = connection.execute(
            "select sum(estimated_size) from duckdb_tables() where schema_name = 'raw'"
        ).fetchone()
    return settings, int(sizes[0]) if sizes else 0


def keep_built(settings: Settings, people: int) -> None:
    """Keep a workspace that was built and published, for the groups that start from one."""
    kept = FOLDER / f"built-{people}"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(settings.home, kept, copy_function=_copy)


def _copy(source: str, target: str) -> None:
    """Copy a file; a published version is given a second name instead, because nobody writes to it any more."""
    if Path(source).parent.name == "serving" and source.endswith(".duckdb"):
        Path(target).hardlink_to(source)
    else:
        shutil.copy2(source, target)


def built(name: str, people: int) -> Settings:
    """A workspace of `people`, built and published; built once per size and copied from then on."""
    kept = FOLDER / f"built-{people}"
    if not kept.exists():
        settings, _ = loaded(name, people)
        assert run_build(settings, "--without-tests", "--publish").wait() == 0, "the build failed"
        keep_built(settings, people)
    settings = fresh_settings(name)
    shutil.rmtree(settings.home)
    shutil.copytree(kept, settings.home, copy_function=_copy)
    return settings


def run_build(settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a build in a process of its own, so that its memory can be measured apart."""
    command = [sys.executable, "-m", "dmat_pipelines.conform.runner", "--home", str(settings.home), *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)
