"""The vendors' server in a thread of this process: for tests, notebooks and proofs.

Belongs here: starting on a free port and stopping cleanly. Stays out: serving as a process of its own (`__main__.py`).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from dmat.settings import Settings, load_settings
from dmat.simulate.connection import write_connection
from dmat.simulate.vendors.server import VendorServer


@dataclass(frozen=True)
class RunningVendors:
    """A server that runs: `settings` are those of a workspace connected to it."""

    settings: Settings
    server: VendorServer
    url: str


@contextmanager
def run_vendors(settings: Settings) -> Iterator[RunningVendors]:
    """Serve the vendors of a workspace on a free loopback port, and connect the workspace to them.

    The company is that of `<home>/simulation/company.duckdb`; without the file it is an empty one.

    Raises:
        TimeoutError: the server did not start within 30 s.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
        connected = settings.model_copy(update={"vendors_port": port})
        write_connection(connected)
        loaded = load_settings(settings.home, vendors_port=port, public_url=settings.resolved_public_url)
        vendors = VendorServer(loaded)
        server = uvicorn.Server(uvicorn.Config(vendors, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            _wait_until_started(server)
            yield RunningVendors(loaded, vendors, f"http://127.0.0.1:{port}")
        finally:
            server.should_exit = True
            thread.join(10)


def _wait_until_started(server: uvicorn.Server) -> None:
    deadline = time.monotonic() + 30
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the simulated vendors did not start")
        time.sleep(0.02)
