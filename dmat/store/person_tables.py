"""The table of what colleagues write about a person: notes and tasks.

Belongs here: names, types and keys. Stays out: who may write them (`dmat/people/notes.py`), tags and values of people
(`journey_tables.py`).
"""

from __future__ import annotations

from sqlalchemy import Column, Date, DateTime, String, Table, Text

from dmat.store.schema import Big, metadata

person_notes = Table(
    "person_notes",
    metadata,
    Column("note_id", Big, primary_key=True, autoincrement=True),
    Column("person_id", Big, nullable=False, index=True),
    Column("words", Text, nullable=False),
    Column("due_on", Date),
    Column("assigned_to", String(320), nullable=False, default="", index=True),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("done_at", DateTime),
    Column("done_by", String(320), nullable=False, default=""),
)

ALL = (person_notes,)
