"""The processes of a workspace: commands, addresses, environment, and Dagster's home.

Belongs here: what `dmat up` starts, in which order, and how a process finds its workspace.
Stays out: keeping them alive (`dmat/supervise.py`) and what they do. Nothing here imports Dagster; it is only
started, as a command.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil

from dmat.settings import ROOT, Settings

PORTS = ("api_port", "apps_port", "dagster_port", "vendors_port")
NO_TELEMETRY = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "ANONYMIZED_TELEMETRY": "false",
    "BOKEH_RESOURCES": "server",
}

DAGSTER_YAML = """\
# Written by `dmat up`; changes are overwritten.
telemetry:
  enabled: false
storage:
  custom:
    module: dmat_pipelines.run_history
    class: RunHistory
    config:
      base_dir: {home}
compute_logs:
  module: dagster._core.storage.local_compute_log_manager
  class: LocalComputeLogManager
  config:
    base_dir: {home}/logs
concurrency:
  runs:
    max_concurrent_runs: 2
  pools:
    granularity: run
    default_limit: 1
run_retries:
  enabled: false
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
freshness:
  enabled: true
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 1
      failure: 30
      success: 90
nux:
  enabled: false
"""


@dataclass(frozen=True)
class Process:
    """One process of a workspace.

    Args:
        name: also the name of its log.
        argv: the command.
        url: the address that people open; empty when it has none.
        health_url: asked until it answers; empty: living for a second is enough.
        port_setting: the setting that names its port, so that a busy port can be named.
        port: its port, 0 when it has none.
        after: names of processes that must answer before this one starts.
    """

    name: str
    argv: tuple[str, ...]
    url: str = ""
    health_url: str = ""
    port_setting: str = ""
    port: int = 0
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def free_ports(host: str) -> dict[str, int]:
    """A port nobody uses for each server, as settings."""
    sockets = [socket.socket() for _ in PORTS]
    for one in sockets:
        one.bind((host, 0))
    ports = dict(zip(PORTS, (one.getsockname()[1] for one in sockets), strict=True))
    for one in sockets:
        one.close()
    return ports


def prepare_dagster_home(settings: Settings) -> Path:
    """Write `<home>/dagster/dagster.yaml` (no telemetry, SQLite, no run retries) and give its folder."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    text = DAGSTER_YAML.format(home=home)
    target = home / "dagster.yaml"
    if not target.exists() or target.read_text() != text:
        temporary = home / f".dagster.{os.getpid()}.tmp"
        temporary.write_text(text)
        temporary.replace(target)
    return home


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of every process of the workspace: ours, its home and ports, and no telemetry."""
    environment = dict(os.environ) | NO_TELEMETRY
    environment["DMAT_HOME"] = str(settings.home)
    environment["DMAT_HOST"] = settings.host
    for name in PORTS:
        environment[f"DMAT_{name.upper()}"] = str(getattr(settings, name))
    environment["DAGSTER_HOME"] = str(settings.home / "dagster")
    environment["PYTHONUNBUFFERED"] = "1"
    paths = [str(ROOT), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    return environment


def default_processes(settings: Settings, with_dagster: bool = True, without: Sequence[str] = ()) -> list[Process]:
    """The processes of a workspace, in the order they start.

    Args:
        settings: the workspace.
        with_dagster: also start Dagster's webserver and daemon.
        without: names to leave out.
    """
    found = [_server(settings, "api", "apps.api", "/health"), _server(settings, "apps", "apps", "/alive")]
    if settings.is_simulated:
        found.insert(0, _server(settings, "vendors", "dmat.simulate.vendors", "/control/health"))
    found += [
        Process("sender", _python("dmat_pipelines.deliver.sender", "--home", str(settings.home)), after=("api",)),
        Process("stream", _python("dmat_pipelines.stream", "--home", str(settings.home)), after=("api",)),
    ]
    if with_dagster:
        found.append(_dagster(settings))
    kept = [process for process in found if process.name not in without]
    return [_wait_only_for(process, {other.name for other in kept}) for process in kept]


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _server(settings: Settings, name: str, module: str, health: str) -> Process:
    port = int(getattr(settings, f"{name}_port"))
    url = f"http://{settings.host}:{port}"
    argv = _python(module, "--home", str(settings.home), "--port", str(port))
    return Process(name, argv, url, url + health, f"{name}_port", port)


def _dagster(settings: Settings) -> Process:
    """`dagster dev` is the webserver and the daemon on shared code servers (half the memory of two of each)."""
    url = f"http://{settings.host}:{settings.dagster_port}"
    argv = _python("dagster", "dev", "-w", str(ROOT / "workspace.yaml"), "-h", settings.host)
    argv += ("-p", str(settings.dagster_port))
    after = ("vendors", "api", "apps", "sender", "stream")
    return Process("dagster", argv, url, url + "/server_info", "dagster_port", settings.dagster_port, after)


def _wait_only_for(process: Process, names: set[str]) -> Process:
    after = tuple(name for name in process.after if name in names)
    return replace(process, after=after)


def read_processes(settings: Settings) -> list[dict[str, Any]]:
    """What the supervisor last wrote; a process whose supervisor is gone is shown as stopped."""
    try:
        written = json.loads((settings.home / "run" / "processes.json").read_text())
    except FileNotFoundError:
        return []
    rows: list[dict[str, Any]] = written["processes"]
    if not psutil.pid_exists(int(written["pid"])):
        rows = [row | {"state": "stopped", "pid": None} for row in rows]
    return rows


def end_with_parent() -> None:
    """In a process of `multiprocessing`: end when the process that started it ends, however that comes about.

    Such a process waits for work on a pipe that it holds open itself, so that it would wait for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_after, args=(parent,), daemon=True).start()


def _leave_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
