"""A report by mail: its key figures, what moved, and where the rest is; through the ledger, once each.

Belongs here: planning those mails. Stays out: when (`running.py`), files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.programmes import ensure_programme
from dmat.ledger.post import NewEntry, plan_entries
from dmat.outgoing.outbox import emit
from dmat.reports.making import Made, change_words, days_words, metric_columns, value_words
from dmat.reports.sharing import pdf_url
from dmat.settings import Settings
from dmat.store.alert_tables import report_runs

PROGRAMME, VERSION, STEP = "report", 1, "mail"
GOOD_FOR = timedelta(days=2)
MOST_FIGURES = 8


def send_report(connection: Connection, settings: Settings, made: Made, to: Sequence[str], now: datetime) -> list[str]:
    """Plan the mails of a report inside the caller's transaction; gives to whom one was planned.

    The same report to the same address is one mail, however often it is asked for.
    """
    ensure_programme(connection, PROGRAMME, VERSION, now)
    context = _context(settings, made, now)
    entries = [
        NewEntry(
            person_id=0, programme=PROGRAMME, programme_version=VERSION, step=STEP, channel="email",
            occurrence=f"{made.report_run_id}:{address}"[:200], address=address, context=context,
            expires_at=now + GOOD_FOR, purpose="transactional",
        )
        for address in dict.fromkeys(to)
    ]  # fmt: skip
    plan_entries(connection, entries, now)
    told = sorted({*made.told, *(entry.address for entry in entries)})
    is_it = report_runs.c.report_run_id == made.report_run_id
    connection.execute(sa.update(report_runs).where(is_it).values(told=told))
    data = {"report": made.report_key, "number": made.report_run_id, "title": made.title, "run_ids": list(made.run_ids),
            "since": made.since.isoformat(), "until": made.until.isoformat(), "url": context["url"]}  # fmt: skip
    emit(connection, "report.made", f"report:{made.report_run_id}", data, now)
    return [entry.address for entry in entries]


def _context(settings: Settings, made: Made, now: datetime) -> dict[str, Any]:
    base = settings.resolved_screens_url
    figures = [
        [column["name"], value_words(section["totals"][column["key"]], column, section),
         change_words(section["changes"].get(column["key"]))]
        for section in made.figures["sections"] if section["is_key_figures"] for column in metric_columns(section)
    ][:MOST_FIGURES]  # fmt: skip
    return {
        "title": made.title, "days": days_words(made.since, made.until), "figures": figures,
        "insights": made.figures["insights"], "url": f"{base}/reports?made={made.report_run_id}",
        "pdf_url": pdf_url(settings, made.report_run_id, now),
        "origin": f"Data as of {made.as_of:%d %B %Y, %H:%M} UTC, version {made.data_version} of the tables"
        + (f", runs {', '.join(made.run_ids[:3])}" if made.run_ids else ""),
    }  # fmt: skip
