"""Under test: the house itself. Where things live, what they say of themselves, and what may not be there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("dmat", "dmat_pipelines", "sensors", "apps", "models", "benchmarks")
ALLOWED_AT_TOP = {
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "pyproject.toml", "requirements.lock",
    "workspace.yaml", ".env.example", ".gitignore", ".pre-commit-config.yaml", ".ci", "dmat", "dmat_pipelines",
    "sensors", "dbt", "models", "apps", "notebooks", "benchmarks", "docs", "tests",
}  # fmt: skip


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def python_files() -> list[Path]:
    return [file for top in OURS for file in sorted((ROOT / top).rglob("*.py")) if "node_modules" not in file.parts]


def test_the_top_level_holds_only_what_the_house_plan_names():
    tops = {file.relative_to(ROOT).parts[0] for file in committed()}
    assert tops <= ALLOWED_AT_TOP


def test_no_init_file_lies_in_dbt_or_under_tests():
    found = [file for folder in ("dbt", "tests") for file in (ROOT / folder).rglob("__init__.py")]
    assert found == []


@pytest.mark.parametrize("file", python_files(), ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_module_opens_with_a_charter(file):
    tree = ast.parse(file.read_text())
    if not tree.body:
        assert file.name == "__init__.py"
        return
    assert ast.get_docstring(tree), "say in the first lines what belongs here and what stays out"


def test_no_file_has_a_name_that_says_nothing():
    banned = {"utils", "helpers", "common", "lib", "misc", "v2", "new", "util", "helper"}
    assert [file for file in python_files() if file.stem in banned] == []


def test_the_import_contracts_hold():
    tool = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([str(tool)], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-3000:]


def test_importing_dmat_and_its_command_line_loads_neither_dagster_nor_panel():
    code = "import dmat, dmat.cli, sys; print([m for m in ('dagster', 'panel', 'dbt', 'pandas') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_nothing_but_the_ledger_writes_sends():
    """Only `ledger/post.py` and `ledger/sets.py` insert or change ledger entries; the tables module may define them."""
    called = r"(insert|update|delete|upsert)\((connection,\s*)?(tables\.)?ledger_entries"
    written = r"(insert into|update|delete from)\s+ledger_entries"
    writing = re.compile(f"{called}|{written}", re.I)
    allowed = {ROOT / "dmat" / "ledger" / name for name in ("post.py", "sets.py", "occurrences.py")}
    guilty = [
        file.relative_to(ROOT).as_posix()
        for file in python_files()
        if file not in allowed and "migrations" not in file.parts and writing.search(file.read_text())
    ]
    assert guilty == []


def test_no_broad_except_outside_the_named_boundaries():
    """A boundary carries `# boundary:` with its reason on the line of the except."""
    guilty = []
    for file in python_files():
        lines = file.read_text().splitlines()
        for node in ast.walk(ast.parse(file.read_text())):
            broad = isinstance(node, ast.ExceptHandler) and (
                node.type is None
                or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
            )
            if broad and "boundary:" not in lines[node.lineno - 1]:
                guilty.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert guilty == []


def test_no_committed_file_names_a_package_registry_or_a_machine_path():
    hosts = re.compile(
        r"pypi\.org|files\.pythonhosted|registry\.npmjs|deb\.debian\.org|/root/|/work/|(?<!\w)/home/\w+/", re.I
    )
    own = Path(__file__)
    guilty = []
    for file in committed():
        if file == own or file.suffix in {".png", ".woff2", ".parquet"}:
            continue
        found = hosts.search(file.read_text(errors="ignore"))
        if found:
            guilty.append(f"{file.relative_to(ROOT)}: {found.group(0)}")
    assert guilty == []


def test_no_colour_is_named_outside_the_one_file_of_tokens():
    colour = re.compile(r"#[0-9a-fA-F]{6}\b")
    allowed = {"theme.py", "tokens.py"}
    guilty = [
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "apps").rglob("*.py")
        if file.name not in allowed and "node_modules" not in file.parts and colour.search(file.read_text())
    ]
    assert guilty == []
