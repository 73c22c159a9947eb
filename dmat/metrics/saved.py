"""Saved questions: kept under a name, for oneself or shared with everybody.

Belongs here: keeping, listing, changing them, who may. Stays out: asking them (`asking.py`), reports that are sent
(`dmat/reports`).

A question is kept as it was asked, with its period rather than its days, so that it moves with today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from dmat.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError
from dmat.metrics.question import Question, read_question
from dmat.store.engine import Store
from dmat.store.question_tables import saved_questions
from dmat.store.workspace_values import write_audit

CHARTS = ("table", "number", "line", "bar")
LONGEST_NAME, LONGEST_WORDS = 200, 2000


@dataclass(frozen=True)
class Saved:
    """A saved question.

    Attributes:
        chart: how it is shown; one of `CHARTS`.
        is_shared: everybody sees it, only its owner changes it.
        revision: changes with each change; who changes it says which one was seen.
    """

    question_id: int
    name: str
    words: str
    chart: str
    question: Question
    is_shared: bool
    owner: str
    created_at: datetime
    updated_at: datetime
    updated_by: str
    revision: int


def save(
    store: Store, question: Question | Mapping[str, Any], name: str, by: str, now: datetime, *, words: str = "",
    chart: str = "table", is_shared: bool = False,
) -> Saved:  # fmt: skip
    """Keep a question.

    Raises:
        InvalidInputError: a bad name, chart or question. ConflictError: one of oneself has that name.
    """
    row = _row(question, name, words, chart, is_shared)
    row |= {"owner": by, "created_at": now, "updated_at": now, "updated_by": by, "revision": 1}
    with store.write() as connection:
        _refuse_same_name(connection, str(row["name"]), by, 0)
        number = connection.execute(sa.insert(saved_questions).values(row)).inserted_primary_key
        assert number is not None  # noqa: S101  (the table numbers its rows)
        write_audit(connection, now, by, "save a question", f"question {number[0]}", name=row["name"])
        return _find(connection, int(number[0]))


def change(
    store: Store, question_id: int, by: str, now: datetime, revision: int, *, question: Question | Mapping[str, Any],
    name: str, words: str = "", chart: str = "table", is_shared: bool = False, is_admin: bool = False,
) -> Saved:  # fmt: skip
    """Change a saved question.

    Raises:
        NotFoundError: there is none that one can see. NotPermittedError: it is somebody else's.
        ConflictError: it was changed since `revision`, or the name is taken. InvalidInputError: as `save`.
    """
    row = _row(question, name, words, chart, is_shared)
    with store.write() as connection:
        found = _own(connection, question_id, by, is_admin)
        if found.revision != revision:
            raise ConflictError(f"{found.name} was changed by {found.updated_by} in the meantime")
        _refuse_same_name(connection, str(row["name"]), found.owner, question_id)
        row |= {"updated_at": now, "updated_by": by, "revision": revision + 1}
        where = saved_questions.c.question_id == question_id
        connection.execute(sa.update(saved_questions).where(where).values(row))
        write_audit(connection, now, by, "change a question", f"question {question_id}", name=row["name"])
        return _find(connection, question_id)


def delete(store: Store, question_id: int, by: str, now: datetime, is_admin: bool = False) -> Saved:
    """Delete a saved question; gives it, so that it can be saved again.

    Raises:
        NotFoundError: there is none that one can see. NotPermittedError: it is somebody else's.
    """
    with store.write() as connection:
        found = _own(connection, question_id, by, is_admin)
        connection.execute(sa.delete(saved_questions).where(saved_questions.c.question_id == question_id))
        write_audit(connection, now, by, "delete a question", f"question {question_id}", name=found.name)
        return found


def get(store: Store, question_id: int, by: str) -> Saved:
    """A saved question of one's own, or a shared one.

    Raises:
        NotFoundError: there is none that one can see.
    """
    with store.read() as connection:
        return _visible(connection, question_id, by)


def listed(store: Store, by: str) -> list[Saved]:
    """One's own questions and those that are shared, by name."""
    table = saved_questions.c
    query = sa.select(saved_questions).where(sa.or_(table.owner == by, table.is_shared))
    with store.read() as connection:
        found = [_saved(row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda each: (each.name.lower(), each.question_id))


def _row(
    question: Question | Mapping[str, Any], name: str, words: str, chart: str, is_shared: bool
) -> dict[str, object]:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInputError("name", "is empty or too long", f"1 to {LONGEST_NAME} signs")
    if len(words) > LONGEST_WORDS:
        raise InvalidInputError("words", "is too long", f"up to {LONGEST_WORDS} signs")
    if chart not in CHARTS:
        raise InvalidInputError("chart", f"{chart[:20]!r} is not known", ", ".join(CHARTS))
    checked = read_question(question.model_dump(mode="json") if isinstance(question, Question) else question)
    document = checked.model_dump(mode="json", exclude_defaults=True)
    return {"name": name, "words": words, "chart": chart, "question": document, "is_shared": is_shared}


def _refuse_same_name(connection: Connection, name: str, owner: str, but: int) -> None:
    table = saved_questions.c
    query = sa.select(table.question_id).where(
        sa.func.lower(table.name) == name.lower(), table.owner == owner, table.question_id != but
    )
    if connection.execute(query).first():
        raise ConflictError(f"there is a question with the name {name} already")


def _find(connection: Connection, question_id: int) -> Saved:
    query = sa.select(saved_questions).where(saved_questions.c.question_id == question_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no saved question {question_id}")
    return _saved(row)


def _visible(connection: Connection, question_id: int, by: str) -> Saved:
    found = _find(connection, question_id)
    if found.owner != by and not found.is_shared:
        raise NotFoundError(f"there is no saved question {question_id}")
    return found


def _own(connection: Connection, question_id: int, by: str, is_admin: bool) -> Saved:
    found = _find(connection, question_id) if is_admin else _visible(connection, question_id, by)
    if found.owner != by and not is_admin:
        raise NotPermittedError(f"{found.name} belongs to {found.owner}: save a copy of your own")
    return found


def _saved(row: RowMapping) -> Saved:
    values = dict(row)
    return Saved(**values | {"question": Question.model_validate(values["question"])})
