"""The child process that renders templates: sandboxed, and with limits that the sandbox alone does not give.

Belongs here: only what runs in the child; it is started as a file, isolated, and imports nothing of ours.
Stays out: starting and watching it (`dmat/messages/rendering.py`).
Jinja2's sandbox stops templates from reaching Python, but neither endless loops nor huge strings: so the process has
a limit of memory and writes no files, each job a limit of processor time and of output.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, select_autoescape
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

LARGEST_POWER, LONGEST_REPEAT = 10_000, 100_000


class LimitReachedError(Exception):
    """A job took too long or wrote too much."""


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's immutable sandbox that also refuses huge powers and repetitions."""

    intercepted_binops = frozenset({"**", "*"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse what would take for ever inside one operation, where no timer can reach it."""
        sizes = [len(value) if isinstance(value, (str, list, tuple)) else value for value in (left, right)]
        if operator == "**" and any(abs(size) > LARGEST_POWER for size in sizes):
            raise SecurityError("the power is too large")
        has_sequence = any(isinstance(value, (str, list, tuple)) for value in (left, right))
        if operator == "*" and has_sequence and sizes[0] * sizes[1] > LONGEST_REPEAT:
            raise SecurityError("the repetition is too long")
        return super().call_binop(context, operator, left, right)


def build_environment(templates: dict[str, str]) -> Sandbox:
    """The environment: HTML is escaped, an unknown name is an error, templates come from memory only."""
    environment = Sandbox(
        loader=DictLoader(templates),
        autoescape=select_autoescape(enabled_extensions=("html",), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=200,
    )
    for name in ("lipsum", "cycler", "joiner", "namespace"):
        environment.globals.pop(name, None)
    return environment


def render(environment: Sandbox, name: str, values: dict[str, Any], largest: int) -> str:
    """Render one template, stopping when it has written more than `largest` characters."""
    written: list[str] = []
    size = 0
    for part in environment.get_template(name).generate(values):
        size += len(part)
        if size > largest:
            raise LimitReachedError(f"the text is longer than {largest} characters")
        written.append(part)
    return "".join(written)


def answer(environment: Sandbox, job: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    """Render all parts of one job, or say what is wrong with it."""
    signal.setitimer(signal.ITIMER_PROF, limits["seconds"])
    try:
        parts = {
            part: render(environment, name, job["values"], limits["characters"]) for part, name in job["parts"].items()
        }
        return {"parts": parts}
    except (TemplateError, LimitReachedError, MemoryError, RecursionError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:500]}  # a mistake inside the template's own expressions
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_slow(_signal: int, _frame: Any) -> None:
    raise LimitReachedError("it takes too long")


def main() -> None:
    """Read the limits and templates, then jobs, one JSON line each; answer each with one line."""
    start = json.loads(sys.stdin.readline())
    limits = start["limits"]
    resource.setrlimit(resource.RLIMIT_AS, (limits["bytes"], limits["bytes"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _too_slow)
    environment = build_environment(start["templates"])
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(environment, json.loads(line), limits)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
