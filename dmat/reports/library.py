"""The reports of a workspace: the fifty that all have, as it changed them, and its own; when each is due.

Belongs here: keeping them and their due moments. Stays out: making one (`making.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from dmat.errors import ConflictError, NotFoundError
from dmat.metrics.periods import zone_of
from dmat.reports.plan import Report, Schedule, read_report
from dmat.settings import Settings
from dmat.store.alert_tables import reports
from dmat.store.engine import Store, rows_of, upsert
from dmat.store.workspace_values import write_audit

SHIPPED = Path(__file__).parent / "reports.yml"
DAY = timedelta(days=1)


@cache
def shipped_reports() -> tuple[Report, ...]:
    """The reports that every workspace has until it changes them; none of them is made by itself."""
    return tuple(read_report(each, is_kept=True) for each in yaml.safe_load(SHIPPED.read_text()))


def read_reports(store: Store) -> tuple[Report, ...]:
    """All reports, by topic and name."""
    with store.read() as connection:
        rows = rows_of(connection, sa.select(reports))
    removed = {row["report_key"] for row in rows if row["is_removed"]}
    found = {report.key: report for report in shipped_reports()}
    found |= {row["report_key"]: read_report(row["document"], is_kept=True) for row in rows if not row["is_removed"]}
    kept = [report for key, report in found.items() if key not in removed]
    return tuple(sorted(kept, key=lambda report: (report.topic, report.name)))


def find_report(store: Store, key: str) -> Report:
    """One report.

    Raises:
        NotFoundError: there is none of this key.
    """
    found = next((report for report in read_reports(store) if report.key == key), None)
    if found is None:
        raise NotFoundError(f"no report is called {key!r}")
    return found


def version_of(store: Store, key: str) -> int:
    """How often a report was changed; 0 for one as it was shipped."""
    with store.read() as connection:
        return int(connection.execute(sa.select(reports.c.version).where(reports.c.report_key == key)).scalar() or 0)


def save_report(store: Store, settings: Settings, document: Mapping[str, Any], by: str, is_new: bool = False) -> Report:
    """Keep a report, a new one or a changed one; its next due moment follows from its schedule.

    Raises:
        InvalidInputError: names the field and what is allowed.
        ConflictError: it is said to be new, and another has its key.
    """
    report, now = read_report(document), settings.clock.now()
    if is_new and any(each.key == report.key for each in read_reports(store)):
        raise ConflictError(f"another report is called {report.key!r}")
    values = {
        "document": report.model_dump(mode="json"), "is_removed": False, "updated_at": now, "updated_by": by,
        "next_due_at": next_due(report.schedule, now, settings.workspace_time_zone),
    }  # fmt: skip
    _write(store, report.key, values, by, "report saved")
    return report


def remove_report(store: Store, settings: Settings, key: str, by: str) -> None:
    """Take a report away; what was made of it stays.

    Raises:
        NotFoundError: there is none of this key.
    """
    document = find_report(store, key).model_dump(mode="json")
    values = {
        "document": document, "is_removed": True, "next_due_at": None, "updated_at": settings.clock.now(),
        "updated_by": by,
    }  # fmt: skip
    _write(store, key, values, by, "report removed")


def _write(store: Store, key: str, values: Mapping[str, Any], by: str, action: str) -> None:
    with store.write() as connection:
        statement = upsert(connection, reports).values(report_key=key, version=1, **values)
        more = {**values, "version": reports.c.version + 1}
        connection.execute(statement.on_conflict_do_update(index_elements=["report_key"], set_=more))
        write_audit(connection, values["updated_at"], by, action, key)


def next_due(schedule: Schedule, after: datetime, zone: str) -> datetime | None:
    """The first moment after `after` (UTC) at which a schedule wants its report; None for one without schedule.

    An hour that a change of the clocks leaves out is taken as the one after it.
    """
    if not schedule.every:
        return None
    day = after.replace(tzinfo=UTC).astimezone(zone_of(zone)).date()
    for _ in range(40):
        fits = {
            "day": True, "week": day.isoweekday() == schedule.weekday, "month": day.day == schedule.monthday,
        }[schedule.every]  # fmt: skip
        if fits:
            local = datetime(day.year, day.month, day.day, schedule.hour, tzinfo=zone_of(zone))
            moment = local.astimezone(UTC).replace(tzinfo=None)
            if moment > after:
                return moment
        day += DAY
    raise ValueError("a schedule without a day in 40 days")


def due_reports(store: Store, now: datetime) -> list[tuple[str, datetime]]:
    """Reports whose moment has come: key and moment, the earliest first."""
    table = reports.c
    query = sa.select(table.report_key, table.next_due_at).where(table.next_due_at <= now, table.is_removed.is_(False))
    with store.read() as connection:
        return [(row.report_key, row.next_due_at) for row in connection.execute(query.order_by(table.next_due_at))]


def next_moments(store: Store) -> dict[str, datetime]:
    """Key -> when the report is made by itself next, for those with a schedule."""
    table = reports.c
    query = sa.select(table.report_key, table.next_due_at)
    with store.read() as connection:
        rows = connection.execute(query.where(table.next_due_at.is_not(None), table.is_removed.is_(False)))
        return {row.report_key: row.next_due_at for row in rows}
