"""The tables of analytics: questions that people keep and share, and notes on days.

Belongs here: names, types and keys. Stays out: what a question may say (`dmat/metrics`), reports and alerts.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, DateTime, Integer, String, Table, Text

from dmat.store.schema import Big, metadata

saved_questions = Table(
    "saved_questions",
    metadata,
    Column("question_id", Big, primary_key=True, autoincrement=True),
    Column("name", String(200), nullable=False),
    Column("words", Text, nullable=False, default=""),
    Column("chart", String(20), nullable=False),
    Column("question", sa.JSON, nullable=False),
    Column("is_shared", Boolean, nullable=False, default=False),
    Column("owner", String(320), nullable=False, index=True),
    Column("created_at", DateTime, nullable=False),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False),
    Column("revision", Integer, nullable=False, default=1),
)

day_notes = Table(
    "annotations",
    metadata,
    Column("annotation_id", Big, primary_key=True, autoincrement=True),
    Column("day", Date, nullable=False, index=True),
    Column("last_day", Date, nullable=False),
    Column("words", String(300), nullable=False),
    Column("subject", String(80), nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
)

ALL = (saved_questions, day_notes)
