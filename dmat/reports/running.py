"""Reports by their schedule: what is due is made and mailed, once for each of its moments.

Belongs here: one look. Stays out: making (`making.py`), mailing (`mailing.py`).

A moment that was missed, since nothing ran, is made up for once, not for each one missed. A process that dies between
making and mailing makes the report again under the same moment, and whoever has the mail already gets none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from dmat.errors import InvalidInputError
from dmat.metrics.asking import Warehouse
from dmat.reports.library import due_reports, find_report, next_due
from dmat.reports.mailing import send_report
from dmat.reports.making import Made, make_report, read_made
from dmat.settings import Settings
from dmat.store.alert_tables import reports
from dmat.store.engine import Store


@dataclass(frozen=True)
class ReportLook:
    """What one look did: what was made, how many mails were planned, which reports cannot be made and why."""

    made: tuple[str, ...] = ()
    mails: int = 0
    faulty: dict[str, str] = field(default_factory=dict)


def make_due_reports(settings: Settings, store: Store, warehouse: Warehouse) -> ReportLook:
    """Make and mail what is due.

    Raises:
        NotPublishedError: nothing has been published yet.
    """
    now = settings.clock.now()
    made, mails, faulty = [], 0, {}
    for key, moment in due_reports(store, now):
        report = find_report(store, key)
        try:
            found = _of_moment(settings, store, warehouse, key, moment)
        except InvalidInputError as error:  # a metric is gone: the others are made all the same
            faulty[key] = str(error)
            found = None
        due = next_due(report.schedule, now, settings.workspace_time_zone)
        with store.write() as connection:
            if found is not None:
                mails += len(send_report(connection, settings, found, report.recipients, now))
                made.append(key)
            is_it = sa.and_(reports.c.report_key == key, reports.c.next_due_at == moment)
            connection.execute(sa.update(reports).where(is_it).values(next_due_at=due))
    return ReportLook(tuple(made), mails, faulty)


def _of_moment(settings: Settings, store: Store, warehouse: Warehouse, key: str, moment: datetime) -> Made:
    occurrence = moment.isoformat(timespec="minutes")
    before = next((each for each in read_made(store, key) if each.occurrence == occurrence), None)
    return before or make_report(settings, store, warehouse, find_report(store, key), "schedule", occurrence)
