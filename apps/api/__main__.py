"""`python -m apps.api --home var --port 8010`: the API as a process, on loopback unless the settings say otherwise."""

from __future__ import annotations

import argparse

import uvicorn

from apps.api.app import create_app
from dmat.settings import load_settings


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", help="the workspace folder")
    parser.add_argument("--port", type=int, help="the port; the setting api_port by default")
    arguments = parser.parse_args()
    overrides = {"api_port": arguments.port} if arguments.port else {}
    settings = load_settings(home=arguments.home, **overrides)
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.api_port, log_level="warning", access_log=False,
        server_header=False, timeout_graceful_shutdown=5,
    )  # fmt: skip


if __name__ == "__main__":
    main()
