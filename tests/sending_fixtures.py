"""Fixtures for store, ledger and sending: workspaces on SQLite and PostgreSQL, planned messages, a provider.

PostgreSQL is started by the tests themselves, once a session, in a folder of its own on a free port; where its
programs are not installed, the tests on it skip and say so.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from dmat.channels.contract import OutgoingMail
from dmat.consent.permission import Decision, record_decisions
from dmat.ledger.post import NewEntry, plan_entries
from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store

NOON = datetime(2026, 3, 4, 12, 0)


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs: in PATH, where pg_config says, or where Debian puts them."""
    found = shutil.which("initdb")
    candidates = [Path(found).parent] if found else []
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        candidates.append(Path(said))
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_other_user() -> dict:
    """PostgreSQL refuses root: run it as somebody else then."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL refuses root, and there is no user postgres or nobody")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the session."""
    programs = find_postgres()
    if programs is None:
        pytest.skip("PostgreSQL's programs (initdb, postgres) are not installed")
    identity, port = as_other_user(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="dmat-pg-", dir="/tmp"))
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    options = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **identity}
    initdb = [programs / "initdb", "-D", folder / "data", "-U", "dmat", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*initdb, "--locale=C"], check=True, **options)
    settings = ["-c", "fsync=off", "-c", f"unix_socket_directories={folder}", "-c", "listen_addresses=127.0.0.1"]
    server = subprocess.Popen([programs / "postgres", "-D", folder / "data", "-p", str(port), *settings], **options)
    try:
        wait_for_postgres(port, server)
        yield f"postgresql+psycopg://dmat@127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_postgres(port: int, server: subprocess.Popen) -> None:
    for _ in range(600):
        if server.poll() is not None:
            pytest.fail("PostgreSQL ended at once")
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=dmat dbname=postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    pytest.fail("PostgreSQL does not answer")


def create_database(server: str) -> str:
    name = f"t{uuid.uuid4().hex}"
    address = server.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return f"{server}/{name}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DMAT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(home: Path) -> Settings:
    """A workspace on SQLite; its clock stands at noon of an ordinary day."""
    return make_settings(home)


def make_settings(home: Path, **overrides: object) -> Settings:
    found = load_settings(home, holdout_share=0.0, sendgrid_url="", **overrides)
    found.clock.set(NOON)
    return found


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def both_settings(request: pytest.FixtureRequest, home: Path) -> Settings:
    """A workspace, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return make_settings(home)
    return make_settings(home, store_url=create_database(request.getfixturevalue("postgres_server")))


@pytest.fixture
def both_stores(both_settings: Settings) -> Iterator[Store]:
    opened = open_store(both_settings)
    yield opened
    opened.close()


def new_entry(number: int = 1, **changes: object) -> NewEntry:
    """A cart recovery message that could be planned."""
    values: dict = {
        "person_id": number,
        "programme": "cart_recovery",
        "programme_version": 1,
        "step": "first_mail",
        "occurrence": f"cart-{number}",
        "channel": "email",
        "address": f"person{number}@example.com",
        "context": cart_context(number),
        "expires_at": NOON + timedelta(hours=40),
    }
    return NewEntry(**(values | changes))


def cart_context(number: int = 1) -> dict:
    return {
        "cart_id": f"cart-{number}",
        "cart_url": f"https://shop.example/checkouts/ac/cart-{number}/recover?key=k",
        "total_cents": 4100,
        "currency_code": "EUR",
        "products": [
            {"title": "Mug", "quantity": 2, "unit_price_cents": 1250, "image_url": "https://shop.example/mug.png"},
            {"title": "Tea", "quantity": 1, "unit_price_cents": 1600, "image_url": None},
        ],
        "first_name": "Ann",
        "time_zone": "Europe/Berlin",
        "country_code": "DE",
    }


def plan_messages(store: Store, count: int = 1, now: datetime = NOON, first: int = 1, **changes: object) -> list[str]:
    """Plan messages to people who agreed; their message ids."""
    numbers = range(first, first + count)
    with store.write() as connection:
        record_decisions(connection, (grant(number) for number in numbers), now)
        return plan_entries(connection, [new_entry(number, **changes) for number in numbers], now)


def grant(person_id: int, is_granted: bool = True, at: datetime = NOON - timedelta(days=30)) -> Decision:
    return Decision(person_id, "email", "marketing", is_granted, at, "a form", "ticked")


@dataclass
class FakeProvider:
    """A provider in memory; `script` maps a message id to what it does instead of taking the mail."""

    name: str = "fake"
    tracks_clicks: bool = True
    mails: list[OutgoingMail] = field(default_factory=list)
    script: dict[str, Callable[[OutgoingMail], str]] = field(default_factory=dict)
    can_look_up: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, mail: OutgoingMail) -> str:
        with self.lock:
            self.mails.append(mail)
        return f"fake-{mail.message_id}"

    def send_mail(self, mail: OutgoingMail) -> str:
        with self.lock:
            act = self.script.pop(mail.message_id, None) or self.script.pop("next", None) or self.script.get("*")
        return act(mail) if act else self.take(mail)

    def find_message(self, message_id: str) -> str | None:
        from dmat.errors import VendorRefusedError

        if not self.can_look_up:
            raise VendorRefusedError(self.name, 403, "message search is not part of this plan")
        return next((f"fake-{mail.message_id}" for mail in self.mails if mail.message_id == message_id), None)

    @property
    def taken(self) -> list[str]:
        return [mail.message_id for mail in self.mails]


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()
