"""Notes on days: what happened that figures do not know - a sale, an outage, a change of prices.

Belongs here: keeping them and those of a range of days. Stays out: drawing them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from dmat.errors import InvalidInputError, NotFoundError, NotPermittedError
from dmat.store.engine import Store
from dmat.store.question_tables import day_notes
from dmat.store.workspace_values import write_audit

LONGEST = 300


@dataclass(frozen=True)
class Annotation:
    """A note on one day or several.

    Attributes:
        last_day: the last day that it speaks of, `day` itself for one day.
        subject: what it is about, e.g. `campaign:7` or the key of a metric; empty for everything.
    """

    annotation_id: int
    day: date
    last_day: date
    words: str
    subject: str
    created_at: datetime
    created_by: str


def annotate(
    store: Store, day: date, words: str, by: str, now: datetime, last_day: date | None = None, subject: str = ""
) -> Annotation:
    """Keep a note.

    Raises:
        InvalidInputError: no words, too many, or days the wrong way round.
    """
    words, last_day = " ".join(words.split()), last_day or day
    if not 0 < len(words) <= LONGEST:
        raise InvalidInputError("words", "is empty or too long", f"1 to {LONGEST} signs")
    if last_day < day:
        raise InvalidInputError("last_day", f"{last_day} is before {day}", "that day or a later one")
    if len(subject) > 80:
        raise InvalidInputError("subject", "is too long", "up to 80 signs")
    row = {"day": day, "last_day": last_day, "words": words, "subject": subject, "created_at": now, "created_by": by}
    with store.write() as connection:
        number = connection.execute(sa.insert(day_notes).values(row)).inserted_primary_key
        assert number is not None  # noqa: S101  (the table numbers its rows)
        write_audit(connection, now, by, "annotate", f"{day}", words=words)
    return Annotation(int(number[0]), day, last_day, words, subject, now, by)


def annotations_of(store: Store, since: date, until: date, subjects: tuple[str, ...] = ()) -> list[Annotation]:
    """Notes on days from `since` on and before `until`, about everything or one of the subjects, by day."""
    table = day_notes.c
    query = (
        sa.select(day_notes)
        .where(table.last_day >= since, table.day < until, table.subject.in_(["", *subjects]))
        .order_by(table.day, table.annotation_id)
    )
    with store.read() as connection:
        return [Annotation(**row) for row in connection.execute(query).mappings()]


def take_back(store: Store, annotation_id: int, by: str, now: datetime, is_admin: bool = False) -> Annotation:
    """Delete a note of one's own; gives it, so that it can be written again.

    Raises:
        NotFoundError: there is none. NotPermittedError: somebody else wrote it.
    """
    where = day_notes.c.annotation_id == annotation_id
    with store.write() as connection:
        row = connection.execute(sa.select(day_notes).where(where)).mappings().first()
        if row is None:
            raise NotFoundError(f"there is no note {annotation_id}")
        found = Annotation(**row)
        if found.created_by != by and not is_admin:
            raise NotPermittedError(f"{found.created_by} wrote this note")
        connection.execute(sa.delete(day_notes).where(where))
        write_audit(connection, now, by, "take a note back", f"{found.day}", words=found.words)
    return found
