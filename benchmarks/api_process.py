"""The API as a process of its own on a fresh workspace, for benchmarks that ask it things.

Belongs here: starting, waiting until it answers, stopping. Stays out: what it is asked.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dmat.processes import child_environment
from dmat.servers import wait_for_answer
from dmat.settings import Settings, load_settings


@contextmanager
def workspace() -> Iterator[Settings]:
    """A fresh workspace in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dmat-bench-") as folder:
        yield load_settings(Path(folder), api_port=_free_port())


@contextmanager
def api(settings: Settings, **secrets: str) -> Iterator[int]:
    """Run `python -m apps.api` until the block ends; gives its process id. `secrets` are settings by name."""
    arguments = [sys.executable, "-m", "apps.api", "--home", str(settings.home), "--port", str(settings.api_port)]
    environment = child_environment(settings) | {f"DMAT_{name.upper()}": value for name, value in secrets.items()}
    with (settings.home / "api.log").open("ab") as log:
        process = subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)
    try:
        wait_for_answer(f"http://127.0.0.1:{settings.api_port}/health", 60, process, str(settings.home / "api.log"))
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
