"""What the tests of the make-believe company share: one small company, its vendors, and a place for webhooks."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from dmat.settings import Settings
from dmat.simulate.company import generate, write_world
from dmat.simulate.vendors.running import RunningVendors, run_vendors

END = datetime(2026, 10, 1, 9)


@dataclass
class Received:
    """One POST that came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Letterbox:
    """A place to which webhooks are posted; `status` is what it answers."""

    url: str = ""
    status: int = 200
    received: list[Received] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)

    def of(self, hook: str) -> list[Received]:
        """What came in for one vendor."""
        return [one for one in self.received if one.path.startswith(f"/webhooks/{hook}")]


@pytest.fixture
def letterbox() -> Iterator[Letterbox]:
    """A running letterbox."""
    box = Letterbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            box.received.append(Received(self.path, headers, body))
            self.send_response(box.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            box.followed.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"https://shop.example/sale?utm_source=sms&from={self.path[1:]}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        box.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield box
        server.shutdown()


@pytest.fixture(scope="session")
def company_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of 400 people, written once."""
    path = tmp_path_factory.mktemp("company") / "company.duckdb"
    write_world(generate(400, 3, END), path)
    return path


def make_home(home: Path, company_file: Path, public_url: str = "http://127.0.0.1:9") -> Settings:
    """A workspace of the small company whose clock stands still at the end of its history."""
    (home / "simulation").mkdir(parents=True, exist_ok=True)
    shutil.copy(company_file, home / "simulation" / "company.duckdb")
    settings = Settings(home=home, public_url=public_url, _env_file=None)
    settings.clock.set(END)
    return settings


@pytest.fixture
def start(tmp_path: Path, company_file: Path, letterbox: Letterbox) -> Iterator[Callable[[], RunningVendors]]:
    """Starts the vendors of one workspace; called twice it stops and starts them again."""
    settings = make_home(tmp_path / "home", company_file, letterbox.url)
    with ExitStack() as stack:

        def begin() -> RunningVendors:
            stack.pop_all().close()
            return stack.enter_context(run_vendors(settings))

        yield begin


@pytest.fixture(scope="session")
def shared_vendors(tmp_path_factory: pytest.TempPathFactory, company_file: Path) -> Iterator[RunningVendors]:
    """Vendors for tests that only read."""
    with run_vendors(make_home(tmp_path_factory.mktemp("reading") / "home", company_file)) as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """A plain HTTP client."""
    with httpx.Client(timeout=20, trust_env=False) as opened:
        yield opened
