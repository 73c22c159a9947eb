"""Rendering: templates become messages in a child process with limits of time, memory and output.

Belongs here: finding templates, starting the child, waiting no longer than allowed. Stays out: what runs in the child
(`dmat/messages/render_child.py`) and the values (`dmat/messages/personalise.py`).
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from dmat.errors import InvalidInputError

TEMPLATES = Path(__file__).parent / "templates"
PARTS = {"subject": "subject.txt", "html": "body.html", "text": "body.txt"}
_CHILD = Path(__file__).parent / "render_child.py"


@dataclass(frozen=True)
class Limits:
    """What one rendering may take: processor seconds, memory of the process, characters a part; and wall time."""

    seconds: float = 2.0
    bytes: int = 512 * 1024 * 1024
    characters: int = 500_000
    patience_seconds: float = 30.0


@dataclass(frozen=True)
class Rendered:
    """A rendered message."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Failed:
    """Why a message could not be rendered."""

    reason: str


def load_templates(folder: Path = TEMPLATES) -> dict[str, str]:
    """Every template file below a folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in {".html", ".txt"})
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


class Renderer:
    """Renders in one child process, which is started when needed and again after it had to be killed.

    Use it as a context manager, or call `close`. Safe to share between threads; jobs run one after the other.
    """

    def __init__(self, templates: Mapping[str, str] | None = None, limits: Limits = Limits()) -> None:
        self.templates = dict(load_templates() if templates is None else templates)
        self.limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._unread = b""

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._stop()

    def render(self, template: str, values: Mapping[str, Any]) -> Rendered:
        """Render the three parts of a template's folder.

        Raises:
            InvalidInputError: the template is wrong, a value is missing, or a limit was reached.
        """
        found = self.render_many([(template, values)])[0]
        if isinstance(found, Failed):
            raise InvalidInputError(template, found.reason)
        return found

    def render_many(self, jobs: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Rendered | Failed]:
        """Render several messages; one that fails does not keep the others back."""
        with self._lock:
            return [self._render(template, values) for template, values in jobs]

    def _render(self, template: str, values: Mapping[str, Any]) -> Rendered | Failed:
        job = {"parts": {part: f"{template}/{name}" for part, name in PARTS.items()}, "values": values}
        try:
            answer = self._ask(json.dumps(job).encode() + b"\n")
        except (TimeoutError, BrokenPipeError, EOFError) as error:
            self._stop()
            return Failed(f"rendering was stopped: {error or type(error).__name__}")
        if "error" in answer:
            return Failed(str(answer["error"]))
        parts = answer["parts"]
        return Rendered(" ".join(parts["subject"].split()), parts["html"], parts["text"])

    def _ask(self, line: bytes) -> dict[str, Any]:
        child = self._running()
        if child.stdin is None:
            raise EOFError("the child has no input")
        child.stdin.write(line)
        child.stdin.flush()
        answer: dict[str, Any] = json.loads(self._read_line(child, time.monotonic() + self.limits.patience_seconds))
        return answer

    def _read_line(self, child: subprocess.Popen[bytes], deadline: float) -> bytes:
        if child.stdout is None:
            raise EOFError("the child has no output")
        while b"\n" not in self._unread:
            ready, _, _ = select.select([child.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("it takes too long")
            part = child.stdout.read1(1 << 16)  # type: ignore[attr-defined]
            if not part:
                raise EOFError("the process ended, probably for want of memory")
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._unread = b""
        self._child = child = subprocess.Popen(
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
        child.stdin.flush()
        return child

    def _stop(self) -> None:
        child, self._child = self._child, None
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
