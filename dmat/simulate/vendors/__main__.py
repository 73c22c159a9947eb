"""`python -m dmat.simulate.vendors --home HOME --port N`: serve all simulated vendors of one workspace.

Belongs here: the arguments and the start of the server. Stays out: everything else.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from dmat.settings import load_settings
from dmat.simulate.connection import connection_path, write_connection
from dmat.simulate.vendors.server import VendorServer


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m dmat.simulate.vendors", description=__doc__)
    parser.add_argument("--home", type=Path, default=None, help="folder of the workspace")
    parser.add_argument("--port", type=int, default=None, help="port on the loopback address")
    arguments = parser.parse_args()
    settings = load_settings(arguments.home)
    if arguments.port:
        settings.vendors_port = arguments.port
    if not connection_path(settings.home).exists() or arguments.port:
        write_connection(settings)
        settings = load_settings(settings.home, vendors_port=settings.vendors_port)
    server = VendorServer(settings)
    uvicorn.run(
        server, host=settings.host, port=settings.vendors_port, log_level="warning", access_log=False,
        timeout_graceful_shutdown=5,
    )  # fmt: skip


if __name__ == "__main__":
    main()
