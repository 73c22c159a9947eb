"""Rendering: templates that are files become messages in a child process with limits of time, memory and output.

Belongs here: finding the files, asking for their parts. Stays out: the process (`child.py`), what runs in it
(`render_child.py`), the values (`personalise.py`), templates of the store (`compiled.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dmat.errors import InvalidInputError
from dmat.messages.child import STOPPED, Child, Limits

TEMPLATES = Path(__file__).parent / "templates"
PARTS = {"subject": "subject.txt", "html": "body.html", "text": "body.txt"}


@dataclass(frozen=True)
class Rendered:
    """A rendered message; `parts` are those of channels other than e-mail, by name."""

    subject: str
    html: str
    text: str
    parts: Mapping[str, str] = field(default_factory=dict)


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

    def __init__(self, templates: Mapping[str, str] | None = None, limits: Limits | None = None) -> None:
        self.child = Child(load_templates() if templates is None else templates, limits or Limits())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        self.child.close()

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
        with self.child.lock:
            return [self._render(template, values) for template, values in jobs]

    def _render(self, template: str, values: Mapping[str, Any]) -> Rendered | Failed:
        job = {"parts": {part: f"{template}/{name}" for part, name in PARTS.items()}, "values": values}
        try:
            answer = self.child.ask(job)
        except STOPPED as error:
            return Failed(f"rendering was stopped: {error or type(error).__name__}")
        if "error" in answer:
            return Failed(str(answer["error"]))
        parts = answer["parts"]
        return Rendered(" ".join(parts["subject"].split()), parts["html"], parts["text"])
