"""Backups: store, warehouse, keys and clock of a workspace in one archive, taken while everything runs.

Belongs here: what goes into an archive and how it is put back.
Stays out: the fence. It is deliberately left out of the archive, so a restored store sends nothing before a yes.
A store on PostgreSQL is backed up with PostgreSQL's own tools; the archive then holds the rest and says so.
"""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dmat.errors import InvalidInputError, NotFoundError
from dmat.settings import Settings
from dmat.warehouse import publish, writer_lock

PARTS = ("store", "warehouse", "keys", "simulation", "clock.json")


@dataclass(frozen=True)
class BackupReport:
    """What was written or put back."""

    file: Path
    home: Path
    parts: list[str]
    bytes_count: int


def _copy_store(settings: Settings, target: Path) -> bool:
    source = settings.home / "store" / "dmat.sqlite"
    if not settings.resolved_store_url.startswith("sqlite") or not source.exists():
        return False
    target.mkdir(parents=True)
    with sqlite3.connect(source) as live, sqlite3.connect(target / "dmat.sqlite") as copy:
        live.backup(copy)
    live.close()
    copy.close()
    return True


def _copy_warehouse(settings: Settings, target: Path) -> bool:
    if not settings.core_path.exists():
        return False
    target.mkdir(parents=True)
    with writer_lock(settings):  # no build runs, so the file and its log belong together
        for name in ("core.duckdb", "core.duckdb.wal"):
            if (settings.warehouse_dir / name).exists():
                shutil.copyfile(settings.warehouse_dir / name, target / name)
    return True


def write_backup(settings: Settings, file: Path) -> BackupReport:
    """Write an archive of the workspace.

    Raises:
        InvalidInputError: the file exists already, or its folder does not.
        NotFoundError: there is nothing in the workspace folder to back up.
    """
    if file.exists():
        raise InvalidInputError("file", f"{file} exists already", "a name that is not taken")
    if not file.absolute().parent.is_dir():
        raise InvalidInputError("file", f"the folder of {file} does not exist", "a file in a folder that exists")
    with tempfile.TemporaryDirectory(prefix="dmat-backup-") as scratch:
        staging = Path(scratch)
        parts = []
        if _copy_store(settings, staging / "store"):
            parts.append("store")
        if _copy_warehouse(settings, staging / "warehouse"):
            parts.append("warehouse")
        for name in ("keys", "simulation", "clock.json"):
            source = settings.home / name
            if source.exists():
                (shutil.copytree if source.is_dir() else shutil.copyfile)(source, staging / name)
                parts.append(name)
        if not parts:
            raise NotFoundError(f"there is nothing to back up in {settings.home}")
        with tarfile.open(file, "w:gz", compresslevel=3) as archive:
            for name in parts:
                archive.add(staging / name, arcname=name)
    file.chmod(0o600)  # it holds keys and people's addresses
    return BackupReport(file, settings.home, parts, file.stat().st_size)


def _unpack(archive: tarfile.TarFile, into: Path) -> None:
    """Unpack plain files and folders that stay inside a folder; Python before 3.11.4 has no filter for that.

    Raises:
        tarfile.TarError: the archive holds something else.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(into, filter="data")
        return
    root = into.resolve()
    for member in archive.getmembers():
        is_inside = (root / member.name).resolve().is_relative_to(root)
        if not is_inside or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name} is no file inside the archive")
    archive.extractall(into)


def read_backup(settings: Settings, file: Path, force: bool = False) -> BackupReport:
    """Put an archive back into the workspace folder.

    Raises:
        InvalidInputError: the file is not such an archive, or the folder holds a workspace and `force` is not set.
    """
    taken = [name for name in PARTS if (settings.home / name).exists()]
    if taken and not force:
        raise InvalidInputError(
            "home", f"{settings.home} already holds {', '.join(taken)}", "an empty folder, or --force"
        )
    with tempfile.TemporaryDirectory(prefix="dmat-restore-") as scratch:
        try:
            with tarfile.open(file, "r:gz") as archive:
                _unpack(archive, Path(scratch))
        except (tarfile.TarError, OSError, EOFError) as error:
            raise InvalidInputError(
                "file", f"{file} cannot be read ({error})", "an archive of `dmat backup`"
            ) from error
        found = [name for name in PARTS if (Path(scratch) / name).exists()]
        if not found:
            raise InvalidInputError("file", f"{file} holds no workspace", "an archive of `dmat backup`")
        settings.home.mkdir(parents=True, exist_ok=True)
        for name in (*taken, "instance.json"):
            target = settings.home / name
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        for name in found:
            shutil.move(str(Path(scratch) / name), settings.home / name)
    if "warehouse" in found:
        with writer_lock(settings):
            publish(settings)
    return BackupReport(file, settings.home, found, file.stat().st_size)
