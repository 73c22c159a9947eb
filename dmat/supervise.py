"""The processes of `dmat up`: started together, watched, restarted when they die, stopped together.

Belongs here: one supervisor for the processes of a workspace.
Stays out: which processes there are (`dmat/processes.py`) and what they do.

A child dies with the supervisor (on Linux by the kernel's parent-death signal), a workspace has one supervisor
(a lock in `<home>/run`), and what runs is written to `<home>/run/processes.json`, replaced atomically.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Literal

from dmat.errors import InvalidInputError
from dmat.processes import Process, child_environment, default_processes, prepare_dagster_home
from dmat.servers import is_answering
from dmat.settings import ROOT, Settings

__all__ = ["Child", "Process", "Supervisor", "child_environment", "default_processes", "prepare_dagster_home"]

State = Literal["waiting", "starting", "running", "not answering", "restarting", "stopped"]
LOG_BYTES_KEPT = 10_000_000
HEALTHY_AFTER_SECONDS = 1.0  # a process without an address counts as running when it lived this long
LOOK_AGAIN_SECONDS = 10.0
HUNG_AFTER_SECONDS = 90.0
SIGN_OF_LIFE_SECONDS = 15.0  # the list is written again after that time, though nothing changed
SILENT_AFTER_SECONDS = 60.0  # a list that is older was left behind
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass
class Child:
    """What the supervisor knows of one process while it runs."""

    process: Process
    state: State = "waiting"
    popen: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started_at: datetime | None = None
    started: float = 0.0
    answered: float = 0.0
    looked: float = 0.0
    start_again_at: float = 0.0
    failures: int = 0
    exit_code: int | None = None

    def facts(self) -> dict[str, Any]:
        """The row of this process in `processes.json`."""
        return {
            "name": self.process.name,
            "pid": self.popen.pid if self.popen and self.popen.poll() is None else None,
            "state": self.state,
            "restarts": self.restarts,
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "url": self.process.url,
            "exit_code": self.exit_code,
        }


class Supervisor:
    """Keeps the processes of one workspace running until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        processes: Sequence[Process],
        *,
        grace_seconds: float = 15.0,
        first_backoff_seconds: float = 1.0,
        on_change: Callable[[Child], None] | None = None,
    ) -> None:
        self.settings = settings
        self.children = [Child(process) for process in processes]
        self.grace_seconds = grace_seconds
        self.first_backoff_seconds = first_backoff_seconds
        self.on_change = on_change
        self.started_at = datetime.now(UTC).replace(tzinfo=None)
        self._stop = threading.Event()
        self._written, self._written_at = "", 0.0

    @property
    def is_ready(self) -> bool:
        """True when every process runs and answers."""
        return all(child.state == "running" for child in self.children)

    def stop(self) -> None:
        """Ask `run` to stop all processes and return; safe from a signal handler or another thread."""
        self._stop.set()

    def run(self, on_ready: Callable[[], None] | None = None) -> int:
        """Start everything and watch it until SIGTERM, Ctrl-C or `stop()`.

        Args:
            on_ready: called once, when every process runs and answers.

        Returns:
            0 when everything could be stopped in the grace period, 1 when something had to be killed.

        Raises:
            InvalidInputError: the workspace is already served, or a port is taken.
        """
        with self._only_one(), self._signals():
            self._refuse_busy_ports()
            prepare_dagster_home(self.settings)
            is_told = False
            try:
                while not self._stop.is_set():
                    self._look_at_all()
                    if not is_told and self.is_ready:
                        is_told = True
                        if on_ready:
                            on_ready()
                    self._stop.wait(0.2)
            finally:
                killed = self._stop_all()
        return 1 if killed else 0

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        folder = self.settings.home / "run"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "supervisor.lock", "a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                pid = handle.read().strip() or "unknown"
                problem = f"{self.settings.home} is already served by process {pid}"
                raise InvalidInputError("home", problem, "stop that one, or another home") from None
            handle.seek(0)
            handle.truncate()
            handle.write(f"{os.getpid()}\n")
            handle.flush()
            yield

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        for number in before:
            signal.signal(number, lambda *_: self.stop())
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _refuse_busy_ports(self) -> None:
        for child in self.children:
            process = child.process
            if process.port and not _is_free(self.settings.host, process.port):
                problem = f"port {process.port} of {self.settings.host}, for {process.name}, is used by another program"
                hint = f"a free port in DMAT_{(process.port_setting or 'port').upper()}"
                raise InvalidInputError(process.port_setting or "port", problem, hint)

    def _look_at_all(self) -> None:
        for child in self.children:
            before = child.state
            self._look_at(child)
            if child.state != before and self.on_change:
                self.on_change(child)
        self._write()

    def _look_at(self, child: Child) -> None:
        now = time.monotonic()
        if child.popen is None:
            if now >= child.start_again_at and self._may_start(child):
                self._start(child)
        elif child.popen.poll() is not None:
            self._plan_restart(child, child.popen, now)
        elif child.state == "starting" or now - child.looked >= LOOK_AGAIN_SECONDS:
            self._ask(child, now)

    def _may_start(self, child: Child) -> bool:
        states = {other.process.name: other.state for other in self.children}
        return child.restarts > 0 or all(states.get(name) == "running" for name in child.process.after)

    def _start(self, child: Child) -> None:
        path = self.settings.home / "logs" / f"{child.process.name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_BYTES_KEPT:
            path.replace(path.with_suffix(".log.1"))
        environment = child_environment(self.settings) | dict(child.process.environment)
        with open(path, "ab") as log:
            child.popen = spawn(child.process.argv, environment, log)
        child.state = "starting"
        child.started = child.answered = time.monotonic()
        child.started_at = datetime.now(UTC).replace(tzinfo=None)

    def _plan_restart(self, child: Child, ended: subprocess.Popen[bytes], now: float) -> None:
        child.exit_code = ended.returncode
        _signal_group(ended.pid, signal.SIGKILL)  # what it may have left behind
        child.popen = None
        child.failures = 1 if now - child.started > 60 else child.failures + 1
        child.start_again_at = now + min(30.0, self.first_backoff_seconds * 2 ** min(child.failures - 1, 5))
        child.restarts += 1
        child.state = "restarting"

    def _ask(self, child: Child, now: float) -> None:
        child.looked = now
        if not child.process.health_url:
            if now - child.started >= HEALTHY_AFTER_SECONDS:
                child.state = "running"
        elif is_answering(child.process.health_url):
            child.state, child.answered = "running", now
        elif child.state != "starting":
            child.state = "not answering"
            if now - child.answered > HUNG_AFTER_SECONDS and child.popen is not None:
                child.popen.kill()

    def _stop_all(self) -> list[str]:
        """Stop everything, last started first asked; gives the names of what had to be killed."""
        running = [(child, child.popen) for child in reversed(self.children) if child.popen is not None]
        for _, popen in running:
            if popen.poll() is None:
                popen.terminate()
        deadline = time.monotonic() + self.grace_seconds
        killed = [child.process.name for child, popen in running if not _has_ended(popen, deadline)]
        for child, popen in running:
            child.exit_code = popen.returncode
        for child in self.children:
            child.state = "stopped"
        self._write()
        return killed

    def _write(self) -> None:
        rows = [child.facts() for child in self.children]
        content = {"pid": os.getpid(), "started_at": self.started_at.isoformat(), "processes": rows}
        text = json.dumps(content, indent=1)
        now = time.monotonic()
        if text == self._written and now - self._written_at < SIGN_OF_LIFE_SECONDS:
            return
        folder = self.settings.home / "run"
        temporary = folder / f".processes.{os.getpid()}.tmp"
        temporary.write_text(text)
        temporary.replace(folder / "processes.json")
        self._written, self._written_at = text, now


def _has_ended(popen: subprocess.Popen[bytes], deadline: float) -> bool:
    """Wait for a process until `deadline`; then kill it and whatever it started. True when it ended by itself."""
    try:
        popen.wait(max(0.0, deadline - time.monotonic()))
        return True
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()
        return False
    finally:
        _signal_group(popen.pid, signal.SIGKILL)


def spawn(argv: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a process that Ctrl-C does not reach and that ends when this one does, however that ends."""
    return subprocess.Popen(
        argv,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches the supervisor only, and the whole group can be killed
        preexec_fn=die_with_parent,
    )


def die_with_parent() -> None:
    """Called in a new process before its program: it ends when the one that started it does (on Linux)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
