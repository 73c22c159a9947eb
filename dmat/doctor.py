"""What is well and what is not in a workspace, part by part, each with what to do about it.

Belongs here: quick looks that change nothing. Stays out: repairing, and anything that sends.
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import httpx

from dmat.channels.providers import SANDBOX
from dmat.channels.readiness import channels_with_providers, readiness
from dmat.channels.retargeting import provider_names_of
from dmat.errors import DmatError, InvalidInputError, NotPublishedError
from dmat.processes import read_processes
from dmat.settings import OTHER_VENDORS, ROOT, VENDORS, Settings
from dmat.warehouse import current_version

FREE_DISK_BYTES = 2 * 1024**3
STALE_HOURS = 26
CHANNELS_GUIDE = "see docs/guide/channels.md"
SMTP_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


@dataclass(frozen=True)
class Finding:
    """One part: `ok`, `note` (works, but look at it) or `wrong`, in words, with advice."""

    part: str
    state: Literal["ok", "note", "wrong"]
    what: str
    advice: str = ""


def _python(settings: Settings) -> Finding:
    version = ".".join(str(number) for number in sys.version_info[:3])
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", "wrong", version, "use Python 3.11 to 3.13")
    return Finding("Python", "ok", version)


def _packages(settings: Settings) -> Finding:
    wrong = []
    for name, wanted in (("duckdb", "1.5.5"), ("dagster", "1.13.27"), ("dagster-webserver", "1.13.27")):
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "missing"
        if found != wanted:
            wrong.append(f"{name} {found} (wants {wanted})")
    if wrong:
        return Finding("packages", "wrong", ", ".join(wrong), "run `make setup`")
    return Finding("packages", "ok", f"duckdb {metadata.version('duckdb')}, dbt {metadata.version('dbt-core')}")


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else settings.home.parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:,.1f} GB free at {settings.home}"
    if free < FREE_DISK_BYTES:
        return Finding("disk", "wrong", words, "make room: each publish copies the warehouse")
    return Finding("disk", "ok", words)


def _store(settings: Settings) -> Finding:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from dmat.store import open_store

    try:
        store = open_store(settings)
        with store.engine.connect() as connection:
            users = int(connection.execute(text("select count(*) from users")).scalar_one())
    except (SQLAlchemyError, DmatError, OSError) as error:
        return Finding("store", "wrong", str(error).splitlines()[0], "check DMAT_STORE_URL and that the database runs")
    kind = store.engine.dialect.name
    if not users:
        return Finding("store", "note", f"{kind}, nobody can sign in yet", "run `dmat user add`")
    return Finding("store", "ok", f"{kind}, {users} users")


def _sending(settings: Settings) -> Finding:
    from sqlalchemy.exc import SQLAlchemyError

    from dmat.ledger.fence import fence_status
    from dmat.store import open_store

    try:
        status = fence_status(settings, open_store(settings), settings.clock.now())
    except (SQLAlchemyError, DmatError, OSError) as error:
        return Finding("sending", "wrong", str(error).splitlines()[0], "see the line of the store")
    if status.may_send:
        return Finding("sending", "ok", "this folder may send")
    late = f", {status.overdue_count:,} messages are late by two hours" if status.overdue_count else ""
    return Finding("sending", "wrong", f"{status.why}{late}", "run `dmat confirm-sending` if no other copy sends")


def _warehouse(settings: Settings) -> Finding:
    try:
        version = current_version(settings)
    except NotPublishedError:
        return Finding("warehouse", "note", "nothing published yet", "run `dmat refresh`")
    if not version.path.exists():
        return Finding("warehouse", "wrong", f"{version.path.name} is missing", "run `dmat refresh`")
    hours = (settings.clock.now() - version.data_as_of).total_seconds() / 3600
    words = f"version {version.number}, data as of {version.data_as_of:%d %b %Y %H:%M} UTC"
    if hours > STALE_HOURS:
        return Finding("warehouse", "note", f"{words}: {hours:,.0f} hours old", "run `dmat refresh`, or `dmat up`")
    return Finding("warehouse", "ok", words)


def _vendors(settings: Settings) -> Finding:
    connected = [vendor for vendor in (*VENDORS, *OTHER_VENDORS) if settings.is_connected(vendor)]
    if not connected:
        return Finding("vendors", "note", "none connected", "set DMAT_<VENDOR>_URL in .env, or run `dmat simulate`")
    unreachable = [vendor for vendor in connected if not _is_reachable(str(getattr(settings, f"{vendor}_url")))]
    kind = "simulated" if settings.is_simulated else "connected"
    if unreachable:
        advice = (
            "run `dmat up`: it serves the simulated vendors" if settings.is_simulated else "check address and network"
        )
        state: Literal["note", "wrong"] = "note" if settings.is_simulated else "wrong"
        return Finding("vendors", state, f"{len(connected)} {kind}, no answer from {', '.join(unreachable)}", advice)
    return Finding("vendors", "ok", f"{len(connected)} {kind}, all answer")


def _email(settings: Settings) -> Finding:
    try:
        found = readiness(settings, "email")
    except InvalidInputError as error:
        return Finding("e-mail", "wrong", str(error), "correct DMAT_EMAIL_PROVIDER, or leave it empty")
    if found.is_sandbox:
        return Finding("e-mail", "note", "sandbox: nothing leaves", "connect a provider: docs/guide/email-providers.md")
    if found.missing_to_send:
        return Finding("e-mail", "wrong", f"{found.provider} cannot send", f"set {', '.join(found.missing_to_send)}")
    if found.missing_to_hear:
        advice = f"set {', '.join(found.missing_to_hear)}; see docs/guide/email-providers.md"
        return Finding("e-mail", "note", f"{found.provider}: its events are refused", advice)
    return Finding("e-mail", "ok", found.provider)


def _webhooks_out(settings: Settings) -> Finding:
    """Who is told what happens here; one that was switched off hears nothing any more."""
    from sqlalchemy.exc import SQLAlchemyError

    from dmat.outgoing.endpoints import Endpoints
    from dmat.store import open_store

    try:
        endpoints = Endpoints(settings, open_store(settings))
        every, troubled = endpoints.all(), endpoints.troubled()
    except (SQLAlchemyError, DmatError, OSError):
        return Finding("webhooks out", "note", "not known: the store does not answer")
    off = [f"{each.name} ({each.disabled_because})" for each in troubled if not each.is_active]
    if off:
        advice = "mend it over there, then `dmat webhooks change <name> --on`"
        return Finding("webhooks out", "wrong", f"switched off: {'; '.join(off)}", advice)
    if troubled:
        since = min(each.failing_since for each in troubled if each.failing_since)
        names = ", ".join(each.name for each in troubled)
        return Finding(
            "webhooks out", "note", f"{names}: nothing taken since {since:%d %b %H:%M} UTC", "look over there"
        )
    return Finding("webhooks out", "ok", f"{len(every)} endpoints" if every else "nobody is told")


def _is_reachable(url: str) -> bool:
    parsed = urlsplit(url)
    if parsed.scheme.startswith("smtp"):
        return _is_taken(parsed.hostname or "", parsed.port or SMTP_PORTS.get(parsed.scheme, 25))
    try:
        httpx.get(url, timeout=3.0)
    except httpx.HTTPError:
        return False
    return True


def _channels(settings: Settings) -> Finding:
    """The channels beside e-mail; a named provider that cannot send is wrong, not a sandbox."""
    try:
        found = [readiness(settings, channel) for channel in channels_with_providers() if channel != "email"]
        advertisers = provider_names_of(settings)
    except InvalidInputError as error:
        return Finding("channels", "wrong", str(error), CHANNELS_GUIDE)
    if missing := [name for one in found for name in one.missing_to_send]:
        return Finding("channels", "wrong", "not everything is set to send", f"set {', '.join(missing)}")
    taken = {one.channel: one.provider for one in found} | {"retargeting": " and ".join(advertisers)}
    kept = [channel for channel, name in taken.items() if name == SANDBOX]
    words = ", ".join(f"{channel} by {name}" for channel, name in taken.items() if name != SANDBOX)
    words = "; ".join(part for part in (words, f"sandbox: {', '.join(kept)}" if kept else "") if part)
    if unheard := [name for one in found for name in one.missing_to_hear]:
        return Finding("channels", "note", f"{words}; some events are refused", f"set {', '.join(unheard)}")
    return Finding("channels", "note" if kept else "ok", words, CHANNELS_GUIDE if kept else "")


def _public_address(settings: Settings) -> Finding:
    """Links, sign-in cookies and webhooks travel over this address: in the clear only on this machine."""
    url = settings.resolved_public_url
    parsed = urlsplit(url)
    if parsed.scheme != "https" and not _is_loopback(parsed.hostname or ""):
        advice = "put TLS before the API and set DMAT_PUBLIC_URL to its https:// address"
        return Finding("public address", "note", f"{url} is not encrypted: keys and sign-ins can be read", advice)
    return Finding("public address", "ok", url)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _ports(settings: Settings) -> Finding:
    ours = _running(settings)
    taken = [
        f"{name} {port}"
        for name, port in (("api", settings.api_port), ("apps", settings.apps_port), ("dagster", settings.dagster_port))
        if not ours and _is_taken(settings.host, port)
    ]
    if taken:
        return Finding("ports", "wrong", f"taken by another program: {', '.join(taken)}", "set DMAT_<NAME>_PORT")
    return Finding("ports", "ok", "in use by this workspace" if ours else "free")


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _running(settings: Settings) -> list[str]:
    return [str(row["name"]) for row in read_processes(settings) if row.get("pid")]


def _processes(settings: Settings) -> Finding:
    running = _running(settings)
    if not running:
        return Finding("processes", "note", "not running", "run `dmat up`")
    return Finding("processes", "ok", ", ".join(running))


def _assets(settings: Settings) -> Finding:
    if not (ROOT / "apps" / "assets" / "build").exists():
        return Finding(
            "screens", "note", "font not built; a system font is shown", "run `make setup` with Node.js there"
        )
    return Finding("screens", "ok", "fonts and scripts are built and served from here")


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _python, _packages, _disk, _store, _sending, _warehouse, _vendors, _email, _channels, _webhooks_out,
    _public_address, _ports, _processes, _assets,
)  # fmt: skip


def examine(settings: Settings) -> list[Finding]:
    """Look at every part, in the order in which to mend them."""
    return [check(settings) for check in CHECKS]
