"""Do the numbers agree? The ledger with the warehouse, live counters with tables, recoveries with orders.

Belongs here: comparing what two places say of the same thing. Stays out: Dagster (`assets.py`), and repairing.
A finding lists both numbers of everything that was compared, so that a difference can be looked into.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from dmat.ledger.counters import read_counters, unexported_hours
from dmat.ledger.entries import counts_by_state
from dmat.store import Store
from dmat.store.inbox import waiting_counts
from dmat.store.tables import ledger_entries
from dmat.warehouse import Workspace

REASONS = ("late", "machine", "test", "erased", "unexplained")
BY_EVENT = {
    "opened_human": ("opened", False),
    "opened_machine": ("opened", True),
    "clicked_human": ("clicked", False),
    "clicked_machine": ("clicked", True),
    "bounced": ("bounced", None),
    "dropped": ("dropped", None),
    "complained": ("complained", None),
    "unsubscribed": ("unsubscribed", None),
    "read": ("read", None),
    "replied": ("replied", None),
}


@dataclass(frozen=True)
class Finding:
    """Whether two places agree; `numbers` are (here, there) for each thing, `waiting_count` is still under way."""

    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)
    waiting_count: int = 0

    @property
    def differences(self) -> dict[str, tuple[int, int]]:
        """What does not agree."""
        return {name: pair for name, pair in self.numbers.items() if pair[0] != pair[1]}

    @property
    def is_equal(self) -> bool:
        """Whether everything agrees."""
        return not self.differences

    @property
    def words(self) -> str:
        """The finding in a sentence."""
        if self.is_equal:
            return f"{len(self.numbers)} numbers agree"
        parts = [f"{name}: {here:,} here, {there:,} there" for name, (here, there) in self.differences.items()]
        return "; ".join(parts) + (f" ({self.waiting_count:,} still on their way)" if self.waiting_count else "")


def compare_states(store: Store, view: Workspace) -> Finding:
    """Ledger against `deliveries.fct_messages`: the same messages in the same states, adding up to the audience."""
    ledger = {state: count for state, count in counts_by_state(store).items() if count}
    rows = view.rows("select state, count(*) as messages_count from deliveries.fct_messages group by state")
    tables = {str(row["state"]): int(row["messages_count"]) for row in rows}
    numbers = {state: (ledger.get(state, 0), tables.get(state, 0)) for state in sorted(ledger | tables)}
    numbers["audience"] = (sum(ledger.values()), _number(view, "select count(*) from deliveries.fct_messages"))
    return Finding(numbers, waiting_count(store))


def compare_counters(store: Store, view: Workspace) -> Finding:
    """Live counters of the store against the warehouse: each message counted once per kind."""
    live: dict[str, int] = {}
    for row in read_counters(store):
        live[str(row["kind"])] = live.get(str(row["kind"]), 0) + int(row["count"])
    numbers = {kind: (live.get(kind, 0), count) for kind, count in _warehouse_counts(view).items()}
    return Finding(numbers, waiting_count(store))


def _warehouse_counts(view: Workspace) -> dict[str, int]:
    messages = view.rows(
        "select count(accepted_at) as accepted, count(delivered_at) as delivered from deliveries.fct_messages"
    )[0]
    events = view.rows(
        "select e.event_type, e.is_machine, count(distinct e.message_id) as messages_count"
        " from engagement.fct_message_events as e"
        " inner join deliveries.fct_messages as m on e.message_id = m.message_id group by 1, 2"
    )
    counts = {"accepted": int(messages["accepted"]), "delivered": int(messages["delivered"])}
    for kind, (event_type, is_machine) in BY_EVENT.items():
        counts[kind] = sum(
            int(row["messages_count"])
            for row in events
            if row["event_type"] == event_type and is_machine in (None, bool(row["is_machine"]))
        )
    return counts


def explain_gaps(store: Store, view: Workspace) -> Finding:
    """Live counters against the warehouse by programme, step, variant, channel, kind and hour: each gap has a reason.

    The numbers are, for each kind, what is left unexplained in its hours (without sign, so that nothing evens out)
    beside 0, and the sums of each reason beside themselves.
    """
    unexplained = "select kind, sum(abs(unexplained_count)) as unexplained_count"
    rows = view.rows(f"{unexplained} from reconciliation.counters_by_hour group by kind")
    numbers = {f"{row['kind']}, unexplained": (int(row["unexplained_count"]), 0) for row in rows}
    sums = ", ".join(f"coalesce(sum({reason}_count), 0) as {reason}_count" for reason in REASONS[:-1])
    totals = view.rows(f"select {sums} from reconciliation.counters_by_hour")[0]
    numbers |= {reason: (int(totals[f"{reason}_count"]),) * 2 for reason in REASONS[:-1]}
    return Finding(numbers, waiting_count(store) + len(unexported_hours(store, 1)))


def compare_with_providers(store: Store, view: Workspace) -> Finding:
    """Providers' own counts against live counters: of each provider, programme and kind what is left unexplained.

    Sums over time, since a message at the border of two days may be counted on either by the provider; where it is
    told by the hour also what is left in the hours, without sign, beside 0. What the provider had not finished counting
    when it was asked is left out.
    """
    query = (
        "select provider, programme, kind, sum(live_count + late_count) as live_count,"
        " sum(provider_count) as provider_count from reconciliation.provider_counts group by 1, 2, 3 order by 1, 2, 3"
    )
    numbers = {
        f"{row['provider']}, {row['programme']}, {row['kind']}": (int(row["live_count"]), int(row["provider_count"]))
        for row in view.rows(query)
    }
    hours = view.rows(
        "select provider, kind, sum(abs(unexplained_count)) as left_over from reconciliation.provider_counts"
        " where grain = 'hour' group by 1, 2 order by 1, 2"
    )
    numbers |= {f"{row['provider']}, {row['kind']} by the hour": (int(row["left_over"]), 0) for row in hours}
    return Finding(numbers, waiting_count(store))


def compare_recoveries(view: Workspace) -> Finding:
    """Recovered carts against their summary and against orders: each order counts once and carries its revenue."""
    carts = "from evaluation.cart_recoveries"
    summary = "from evaluation.cart_recovery_summary"
    orders = f"{carts} as r inner join commerce.fct_orders as o on r.recovered_order_id = o.order_id"
    return Finding(
        {
            "carts": (
                _number(view, f"select count(*) {carts}"),
                _number(view, f"select coalesce(sum(carts_count), 0) {summary}"),
            ),
            "held-out carts": (
                _number(view, f"select count(*) {carts} where is_holdout and messaged_at is not null"),
                _number(view, f"select coalesce(sum(held_out_count), 0) {summary}"),
            ),
            "recovered carts and their orders": (
                _number(view, f"select count(*) {carts} where is_recovered"),
                _number(view, f"select count(distinct recovered_order_id) {carts}"),
            ),
            "recovered carts of the same person's orders": (
                _number(view, f"select count(*) {carts} where is_recovered"),
                _number(view, f"select count(*) {orders} where r.person_id = o.person_id"),
            ),
        }
    )


def waiting_count(store: Store) -> int:
    """What has happened and is not in the tables yet: events, and messages that changed since their last export.

    While there is something, a difference is no fault.
    """
    query = sa.select(sa.func.count()).select_from(ledger_entries)
    with store.read() as connection:
        changed = connection.execute(query.where(ledger_entries.c.exported_revision < ledger_entries.c.revision))
        return int(changed.scalar_one()) + sum(waiting_counts(store).values())


def _number(view: Workspace, query: str) -> int:
    row = view.cursor().execute(query).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])
