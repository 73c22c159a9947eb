"""Under test: documents stay true. What they name exists, what follows from code equals the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
FOLDERS = r"(?:dmat|dmat_pipelines|sensors|dbt|models|apps|notebooks|benchmarks|docs|tests)"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_only_files_that_exist(page):
    named = set(re.findall(rf"`({FOLDERS}/[\w./-]+)`", page.read_text()))
    missing = sorted(name for name in named if not (ROOT / name).exists())
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_links_only_to_files_that_exist(page):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_generated_pages_equal_the_code():
    result = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, f"run `make docs`; out of date: {result.stdout}"


def test_every_make_target_and_dmat_command_that_the_readme_names_exists():
    text = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"`?make ([a-z]+)", text)) <= targets
    from typer.main import get_command

    from dmat.cli import app

    commands = set(get_command(app).commands)
    assert set(re.findall(r"`dmat ([a-z-]+)", text)) <= commands
