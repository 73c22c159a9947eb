"""Parsing the dbt project once on this machine: what dbt keeps of a parse is shared by all workspaces.

Belongs here: handing dbt's own `partial_parse.msgpack` to a workspace that has none, keeping it afterwards, and putting
what a parse gives where it is read, whole.
Stays out: parsing (dbt does it, and checks that what it is given fits its version and its settings).

A parse takes seconds of computing, and every new workspace (each test, each `make demo ONCE=1`) would begin with one.
It is kept in the user's cache folder under the digest of everything in the project, so it is never used for another
state of the project; deleting it costs one parse.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDERS = ("macros", "models", "seeds", "tests")
STATES_KEPT = 5
PARTIAL, MANIFEST = "partial_parse.msgpack", "manifest.json"


def project_files(project: Path) -> list[Path]:
    """All files of a project that a parse reads."""
    found = [file for file in project.glob("*") if file.is_file()]
    for folder in FOLDERS:
        found += [file for file in (project / folder).glob("**/*") if file.is_file()]
    return sorted(found)


@contextmanager
def shared_parse(project: Path, target: Path) -> Iterator[Path]:
    """Around a parse: gives the folder to parse into, with what is known of this state of the project in it.

    The folder is the parse's own, since processes parse at the same time and dbt writes in place; what came of it is
    moved to `target` as whole files, and kept for other workspaces.
    """
    kept = cache_folder() / f"{_digest(project)}.msgpack"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".parse-") as made:
        own = Path(made)
        for known in (kept, target / PARTIAL):  # without either everything works, more slowly
            with suppress(OSError):
                shutil.copyfile(known, own / PARTIAL)
                break
        yield own
        with suppress(OSError):
            if not kept.exists():
                write_whole((own / PARTIAL).read_bytes(), kept)
                _forget_old(kept.parent)
        for name in (PARTIAL, MANIFEST):
            if (own / name).exists():
                (own / name).replace(target / name)


def cache_folder() -> Path:
    """Where parses are kept: `dmat/dbt` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dmat" / "dbt"


def write_whole(document: bytes, target: Path) -> None:
    """Write so that another process sees all of it or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    partial.write_bytes(document)
    partial.replace(target)


def _digest(project: Path) -> str:
    digest = hashlib.sha256(str(project).encode())
    for file in project_files(project):
        digest.update(f"\0{file.relative_to(project)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


def _forget_old(folder: Path) -> None:
    by_age = sorted(folder.glob("*.msgpack"), key=lambda file: file.stat().st_mtime)
    for file in by_age[:-STATES_KEPT]:
        file.unlink(missing_ok=True)
