"""Makes the file of a new version from the core file; a program of its own: `python -I -S copying.py`, job on stdin.

Belongs here: the ways to make an equal file, cheapest first. Stays out: which version lacks what (`core_file.py`).
It imports the standard library only and runs apart, because closing a handle on a DuckDB file in the process that has
it open drops that process's lock.

1. Where the file system can share blocks between files (btrfs, xfs, ...), a clone.
2. A version that nobody reads any more is brought up to date: only the blocks it lacks are copied into it. DuckDB's
   readers hold a read lock on their file, so a write lock is refused while anybody reads it.
3. Otherwise a whole copy.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterable
from typing import Any

HEAD_BYTES = 3 * 4096  # DuckDB's file headers; they are always copied
BLOCK_BYTES = 256 * 1024  # DuckDB's default; other sizes only make the bookkeeping coarser or finer
CHUNK_BYTES = 8 * 1024 * 1024
FICLONE = 0x40049409


def make_version(core: str, partial: str, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """Write `partial`, equal to `core`.

    Args:
        core: the core file, checkpointed, that nobody writes now.
        partial: the file to make.
        candidates: old versions, oldest first: `file`, and `ranges` of blocks it lacks (None: not known).

    Returns:
        how (cloned, recycled, copied), the bytes written, and the names of the candidates that are still read.
    """
    is_made = clone(core, partial)
    how, count = ("cloned", 0) if is_made else ("copied", 0)
    held = []
    for candidate in candidates:
        handle = os.open(candidate["file"], os.O_RDWR)
        try:
            if not lock(handle):
                held.append(candidate["file"])
            elif not is_made and candidate["ranges"] is not None and os.fstat(handle).st_nlink == 1:
                os.rename(candidate["file"], partial)
                how, count, is_made = "recycled", bring_over(core, handle, candidate["ranges"]), True
            else:
                os.unlink(candidate["file"])
        finally:
            os.close(handle)
    if not is_made:
        shutil.copyfile(core, partial)
        count = os.path.getsize(partial)
    return {"how": how, "bytes": count, "held": held}


def clone(core: str, partial: str) -> bool:
    """Share the blocks of `core`, where the file system can."""
    with open(core, "rb") as source, open(partial, "wb") as target:
        try:
            fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
            return True
        except OSError:
            pass
    os.unlink(partial)
    return False


def lock(handle: int) -> bool:
    """Take the lock that says that nobody reads the file; held until the handle closes."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def bring_over(core: str, target: int, ranges: Iterable[list[int]]) -> int:
    """Copy the head and the ranges of blocks from `core` and give the file its size; gives the bytes copied."""
    source = os.open(core, os.O_RDONLY)
    try:
        size = os.fstat(source).st_size
        count = _copy(source, target, 0, min(HEAD_BYTES, size))
        for first, last in ranges:
            begin = HEAD_BYTES + first * BLOCK_BYTES
            end = min(HEAD_BYTES + (last + 1) * BLOCK_BYTES, size)
            count += _copy(source, target, begin, end)
        os.ftruncate(target, size)
    finally:
        os.close(source)
    return count


def _copy(source: int, target: int, begin: int, end: int) -> int:
    at = begin
    while at < end:
        length = min(CHUNK_BYTES, end - at)
        at += _in_kernel(source, target, at, length) or os.pwrite(target, os.pread(source, length, at), at)
    return max(0, end - begin)


def _in_kernel(source: int, target: int, at: int, length: int) -> int:
    """Bytes copied without passing through this process; 0 where that cannot be done."""
    if not hasattr(os, "copy_file_range"):
        return 0
    try:
        return os.copy_file_range(source, target, length, at, at)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF):
            return 0
        raise


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make_version(**json.load(sys.stdin))))
