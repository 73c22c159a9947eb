"""The proof: what a workspace on simulated vendors did, and whether it all adds up.

Belongs here: comparing what we say (ledger, counters, warehouse) with what the other side says (the vendors' own list
of accepted mails). Stays out: living through it (`dmat_pipelines/demo.py`). Nothing is changed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import sqlalchemy as sa
from rich.console import Group, RenderableType
from rich.table import Table

from dmat.ledger.control import plain_reason
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import STATES
from dmat.settings import Settings
from dmat.store import Store, open_store
from dmat.store.tables import ledger_entries, quarantine, suppressions
from dmat.warehouse import Workspace

UNFINISHED = ("claimed", "handed_over", "ambiguous")


@dataclass(frozen=True)
class Check:
    """Two numbers that must be equal, and what they are."""

    what: str
    found: int
    expected: int = 0

    @property
    def holds(self) -> bool:
        """Whether they are equal."""
        return self.found == self.expected


@dataclass
class Proof:
    """What came in, what went out, what it earned, and the checks."""

    came_in: list[dict[str, Any]] = field(default_factory=list)
    states: list[tuple[str, str, int]] = field(default_factory=list)
    heard_back: dict[str, int] = field(default_factory=dict)
    earned: list[dict[str, Any]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every check holds, and there was something to check."""
        return bool(self.checks) and all(check.holds for check in self.checks)


def prove(settings: Settings) -> Proof:
    """Compare ledger, vendors, counters and warehouse of a simulated workspace; its vendors must be running."""
    store, workspace = open_store(settings), Workspace(settings)
    sent = httpx.get(f"http://{settings.host}:{settings.vendors_port}/control/sent", timeout=60).json()["mails"]
    proof = Proof(
        came_in=workspace.rows(
            "select source, sum(fetched_count) as fetched, sum(kept_count) as kept, sum(refused_count) as refused,"
            " count(*) filter (where error <> '') as failed from raw.capture_outcomes group by 1 order by 1"
        ),
        states=_states(store),
        heard_back=_heard_back(store),
        earned=workspace.rows("select * from evaluation.cart_recovery_summary order by currency_code"),
    )
    proof.checks = [
        *_delivery_checks(store, sent),
        *_counter_checks(proof.heard_back, workspace),
        *_money_checks(workspace, store),
        Check("captures that failed", sum(int(row["failed"]) for row in proof.came_in)),
        Check("webhooks in quarantine", _count(store, quarantine)),
    ]
    return proof


def _heard_back(store: Store) -> dict[str, int]:
    """Kind -> count, of all programmes."""
    total: Counter[str] = Counter()
    for row in read_counters(store):
        total[row["kind"]] += int(row["count"])
    return dict(total)


def _states(store: Store) -> list[tuple[str, str, int]]:
    entry = ledger_entries.c
    query = sa.select(entry.state, entry.reason, sa.func.count()).group_by(entry.state, entry.reason)
    counts: Counter[tuple[str, str]] = Counter()
    with store.read() as connection:
        for state, reason, number in connection.execute(query):
            counts[(str(state), plain_reason(str(reason)))] += int(number)
    rows = [(state, reason, number) for (state, reason), number in counts.items()]
    return sorted(rows, key=lambda row: (STATES.index(row[0]), -row[2]))


def _count(store: Store, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    with store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one())


def _delivery_checks(store: Store, sent: list[dict[str, Any]]) -> list[Check]:
    """Lost, duplicated, unknown, and suppressed people written to: by the vendors' own list."""
    entry = ledger_entries.c
    with store.read() as connection:
        mails = sa.select(entry.message_id).where(entry.accepted_at.is_not(None), entry.channel == "email")
        accepted = set(connection.execute(mails).scalars())
        rows = connection.execute(sa.select(suppressions.c.address, suppressions.c.suppressed_at))
        suppressed = {str(address).lower(): at for address, at in rows}
    times = Counter(str(mail["dmat_message_id"]) for mail in sent)
    forbidden = [
        mail
        for mail in sent
        if (since := suppressed.get(str(mail["to"]).lower())) and since < datetime.fromisoformat(mail["accepted_at"])
    ]
    return [
        Check("messages lost (in the ledger as accepted, unknown to the vendor)", len(accepted - times.keys())),
        Check("messages duplicated at the vendor", sum(times.values()) - len(times)),
        Check("messages at the vendor that the ledger does not count", len(times.keys() - accepted)),
        Check("messages to suppressed people", len(forbidden)),
        Check("messages whose fate is open", _count(store, ledger_entries, entry.state.in_(UNFINISHED))),
    ]


def _counter_checks(live: dict[str, int], workspace: Workspace) -> list[Check]:
    """Live counters of the store against the warehouse, kind by kind."""
    row = workspace.rows(
        "select count(distinct message_id) filter (where event_type = 'delivered') as delivered,"
        " count(distinct message_id) filter (where event_type = 'opened' and not is_machine) as opened_human,"
        " count(distinct message_id) filter (where event_type = 'clicked' and not is_machine) as clicked_human,"
        " count(distinct message_id) filter (where event_type = 'unsubscribed') as unsubscribed"
        " from engagement.fct_message_events where message_id is not null"
    )[0]
    return [
        Check(f"live counter of {kind.replace('_', ' by ')} = warehouse", live.get(kind, 0), int(number))
        for kind, number in row.items()
    ]


def _money_checks(workspace: Workspace, store: Store) -> list[Check]:
    by_cart = workspace.rows(
        "select coalesce(sum(recovered_cents) filter (where is_recovered and not is_holdout), 0) as cents,"
        " count(*) as carts from evaluation.cart_recoveries"
    )[0]
    total = workspace.rows("select coalesce(sum(recovered_cents), 0) as cents from evaluation.cart_recovery_summary")[0]
    exported = workspace.rows("select count(*) as n from deliveries.fct_messages")[0]
    return [
        Check("recovered cents in the summary = sum over carts", int(total["cents"]), int(by_cart["cents"])),
        Check("messages in the warehouse = entries in the ledger", int(exported["n"]), _count(store, ledger_entries)),
    ]


def show(proof: Proof) -> RenderableType:
    """The proof for a terminal."""
    return Group(_came_in(proof), _went_out(proof), _earned(proof), _checked(proof))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="left" if name in {"source", "state", "why", "check", "currency"} else "right")
    return table


def _came_in(proof: Proof) -> Table:
    table = _table("What came in", "source", "fetched", "kept", "refused")
    for row in proof.came_in:
        table.add_row(row["source"], *(f"{int(row[name]):,}" for name in ("fetched", "kept", "refused")))
    return table


def _went_out(proof: Proof) -> Table:
    table = _table("What went out: every message accounted for", "state", "messages", "why")
    for state, reason, number in proof.states:
        table.add_row(state, f"{number:,}", reason)
    table.add_row("all", f"{sum(row[2] for row in proof.states):,}", "")
    heard = ", ".join(f"{number:,} {kind.replace('_', ' by ')}" for kind, number in sorted(proof.heard_back.items()))
    table.caption = f"Heard back: {heard}" if heard else "Nothing heard back."
    table.caption_justify = "left"
    return table


def _earned(proof: Proof) -> Table:
    table = _table(
        "What it earned", "currency", "carts", "recovered", "revenue", "of it brought by the mail (95 % interval)"
    )
    for row in proof.earned:
        table.add_row(
            row["currency_code"],
            f"{row['treated_count']:,}",
            f"{row['treated_recovered_count']:,}",
            f"{row['recovered_cents'] / 100:,.2f}",
            _brought(row),
        )
    return table


def _brought(row: Mapping[str, Any]) -> str:
    """What the mail brought beyond what came back by itself, with the 95 % interval of it."""
    if row["incremental_recovered_cents"] is None:
        return str(row["no_estimate_reason"])
    brought, low, high = (row[f"incremental_{name}_cents"] / 100 for name in ("recovered", "low", "high"))
    words = f"{brought:,.2f} ({low:,.2f} to {high:,.2f})"
    return words if low > 0 or high < 0 else f"{words}: not proven yet"


def _checked(proof: Proof) -> Table:
    table = _table("Does it add up?", "check", "found", "expected", "")
    for check in proof.checks:
        table.add_row(
            check.what, f"{check.found:,}", f"{check.expected:,}", "[green]yes[/]" if check.holds else "[red]NO[/]"
        )
    return table
