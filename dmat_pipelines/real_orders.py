"""What became of a file of real orders: the account for a terminal, and the checks against the warehouse.

Belongs here: comparing the warehouse with what the simulated shop was made of. Stays out: making the shop
(`dmat/simulate/real_orders.py`) and the rest of the proof (`proof.py`).
"""

from __future__ import annotations

from rich.table import Table

from dmat.settings import Settings
from dmat.simulate import OrdersReport, read_orders_report
from dmat.warehouse import Workspace
from dmat_pipelines.proof import Check


def order_checks(settings: Settings) -> list[Check]:
    """Orders and revenue of the warehouse up to the end of the file = those of the file; empty for invented orders."""
    report = read_orders_report(settings)
    if report is None:
        return []
    row = Workspace(settings).rows(
        "select count(*) as orders, coalesce(sum(net_cents), 0) as cents,"
        f" count(*) filter (where currency_code <> '{report.currency_code}') as foreign_orders"
        f" from commerce.fct_orders where ordered_at < timestamp '{report.end}'"
    )[0]
    accounted = report.count() + report.refused_count + report.repeated_count
    return [
        Check("lines of the order file that are accounted for", accounted, report.lines_count),
        Check("orders of the file in the warehouse", int(row["orders"]), report.orders_count),
        Check(f"their revenue after refunds in {report.currency_code} cents", int(row["cents"]), report.shop_cents),
        Check("orders of the file in another currency", int(row["foreign_orders"])),
    ]


def show_orders(report: OrdersReport) -> Table:
    """Where every line of the file went, for a terminal."""
    title = f"\nReal orders: {report.lines_count:,} lines of {report.file}, {report.shift_days:,} days later"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in ("place", "kind", "lines", f"amount ({report.currency_code})", "why"):
        table.add_column(name, justify="right" if name == "lines" or name.startswith("amount") else "left")
    for one in report.sums:
        kind = one.kind.replace("_", " ")
        table.add_row(one.place, kind, f"{one.lines_count:,}", f"{one.amount:,.2f}", one.reason)
    if report.refused_count or report.repeated_count:
        table.add_row("unread", "", f"{report.refused_count + report.repeated_count:,}", "", "see `dmat import orders`")
    table.add_row("all", "", f"{report.lines_count:,}", f"{report.amount():,.2f}", "")
    table.caption = (
        f"{report.orders_count:,} orders ({report.guest_orders_count:,} of guests) of {report.customers_count:,}"
        f" customers, {report.products_count:,} products, {report.refunds_count:,} refunds;"
        f" invented: {report.left_carts_count:,} left carts, {report.open_carts_count:,} of them in the last 48 hours."
    )
    table.caption_justify = "left"
    return table
