"""The child process of rendering, seen from outside: started when needed, stopped when it takes too long.

Belongs here: the process, its limits, one question and one answer at a time. Stays out: what runs in it
(`render_child.py`) and what is asked (`rendering.py`, `filling.py`).
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

_CHILD = Path(__file__).parent / "render_child.py"
STOPPED = (TimeoutError, BrokenPipeError, EOFError)  # what `ask` raises when the child gave no answer


@dataclass(frozen=True)
class Limits:
    """What one rendering may take: processor seconds, memory of the process, characters a part; and wall time."""

    seconds: float = 2.0
    bytes: int = 512 * 1024 * 1024
    characters: int = 500_000
    patience_seconds: float = 30.0


class Child:
    """One child process; hold `lock` while asking. Use it as a context manager, or call `close`.

    Args:
        templates: files that may be rendered by name.
        limits: what one job may take.
        on_start: asked for jobs that every new process is given first.
    """

    def __init__(
        self,
        templates: Mapping[str, str],
        limits: Limits,
        on_start: Callable[[], list[dict[str, Any]]] = list,
    ) -> None:
        self.templates, self.limits, self.on_start = dict(templates), limits, on_start
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.Lock()
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with self.lock:
            self.stop()

    def ask(self, job: Mapping[str, Any], patience_seconds: float = 0.0) -> dict[str, Any]:
        """One job and its answer; a child that gives none is stopped.

        Raises:
            TimeoutError, BrokenPipeError, EOFError: there was no answer.
        """
        try:
            return self._ask(self._running(), job, patience_seconds or self.limits.patience_seconds)
        except STOPPED:
            self.stop()
            raise

    def _ask(self, child: subprocess.Popen[bytes], job: Mapping[str, Any], patience_seconds: float) -> dict[str, Any]:
        if child.stdin is None:
            raise EOFError("the child has no input")
        child.stdin.write(orjson.dumps(job) + b"\n")
        child.stdin.flush()
        answer: dict[str, Any] = orjson.loads(self._read_line(child, time.monotonic() + patience_seconds))
        return answer

    def _read_line(self, child: subprocess.Popen[bytes], deadline: float) -> bytes:
        if child.stdout is None:
            raise EOFError("the child has no output")
        parts = [self._unread]
        while b"\n" not in parts[-1]:
            ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("it takes too long")
            part = child.stdout.read1(1 << 18)  # type: ignore[attr-defined]
            if not part:
                raise EOFError("the process ended, probably for want of memory")
            parts.append(part)
        line, _, self._unread = b"".join(parts).partition(b"\n")
        return line

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.process.poll() is None:
            return self.process
        self._unread = b""
        self.process = child = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0"},
            start_new_session=True,  # a Ctrl-C for the sender lets it finish its batch
        )
        if child.stdin is None:
            raise EOFError("the child has no input")
        start = {"templates": self.templates, "limits": asdict(self.limits)}
        child.stdin.write(json.dumps(start).encode() + b"\n")
        for job in self.on_start():
            self._ask(child, job, self.limits.patience_seconds)
        return child

    def stop(self) -> None:
        """Kill the process, if there is one; the next question starts another."""
        child, self.process = self.process, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
