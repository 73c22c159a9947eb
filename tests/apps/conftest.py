"""What the tests of the screens share: a small published company, and a server on it in a process of its own."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load(name: str, file: Path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


serving_fixture = _load("serving_fixture", ROOT / "tests" / "apps" / "serving_fixture.py")
segments_fixture = _load("segments_fixture", ROOT / "tests" / "apps" / "segments_fixture.py")


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    """Settings of a workspace with a dozen carts whose stories are known; nobody may change it."""
    return serving_fixture.build_home(tmp_path_factory.mktemp("company"))


@pytest.fixture
def context(company):
    """What all pages share, on the company."""
    from apps.context import open_context

    made = open_context(company)
    yield made
    made.store.close()


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


class Served:
    """A server of the screens in a process of its own."""

    def __init__(self, settings) -> None:
        self.settings, self.port = settings, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = settings.home / "served.log"
        self.cookies: dict[str, list] = {}  # of whoever is signed in with a browser, by role
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "apps", "--home", str(self.settings.home), "--port", str(self.port)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            try:
                if httpx.get(f"{self.url}/alive").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the screens did not start: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def sign_in(self, role: str = "admin", password: str = serving_fixture.PASSWORD) -> httpx.Client:
        client = httpx.Client(base_url=self.url, timeout=30)
        client.post("/sign-in", data={"email": f"{role}@example.com", "password": password, "next": "/home"},
                    headers={"Origin": self.url})  # fmt: skip
        return client


@pytest.fixture(scope="session")
def served(company):
    """The screens of the company, served."""
    server = Served(company)
    yield server
    server.stop()
