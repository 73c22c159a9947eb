"""Submissions of forms at our own door, on their way to the warehouse.

Belongs here: reading those that wait, and marking them once they are there. Stays out: taking them in
(`apps/api/forms.py`) and what becomes of them (`dbt/models/staging/forms`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dmat.store.engine import Store, chunks, rows_of
from dmat.store.tables import form_submissions


@dataclass(frozen=True)
class FormSubmission:
    """A form as it was filled in."""

    submission_id: str
    form: str
    fields: dict[str, Any]
    page_url: str
    client_id: str
    submitted_at: datetime


_COLUMNS = [form_submissions.c[name] for name in FormSubmission.__dataclass_fields__]


def unlanded_forms(store: Store, limit: int = 5000) -> list[FormSubmission]:
    """Submissions that the warehouse has not got yet, oldest first."""
    query = sa.select(*_COLUMNS).where(form_submissions.c.landed_at.is_(None))
    ordered = query.order_by(form_submissions.c.submitted_at, form_submissions.c.submission_id).limit(limit)
    with store.read() as connection:
        return [FormSubmission(**row) for row in rows_of(connection, ordered)]


def mark_forms_landed(store: Store, submission_ids: Sequence[str], now: datetime) -> None:
    """Say that the warehouse has these submissions; call it after they are committed there."""
    with store.write() as connection:
        for batch in chunks(submission_ids):
            is_meant = form_submissions.c.submission_id.in_(batch) & form_submissions.c.landed_at.is_(None)
            connection.execute(sa.update(form_submissions).where(is_meant).values(landed_at=now))
