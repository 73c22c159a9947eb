"""Answers to the questions of branches, for thousands of members at once, each as of its own moment.

Belongs here: asking warehouse and store. Stays out: which questions there are (`conditions.py`).

What is asked is what was so at the moment, as far as it was known then: segments by their log; reactions and events by
when they happened; consent by the newest decision until then (a later decision says that it was the other way before).
Fields and scores of the person have no past here: they are as they are now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from dmat.consent.permission import MARKETING
from dmat.errors import NotFoundError
from dmat.journeys.conditions import Did, HasConsent, HasScore, InSegment, PersonIs, Question, Reacted
from dmat.journeys.entries import Source, event_of, event_sql, segment_members
from dmat.journeys.machine import Asked
from dmat.store.sets import among
from dmat.store.tables import consents, ledger_entries, message_marks

SCORES = "scores.lead_scores"
IN_LEDGER = {"sent": "accepted_at", "delivered": "delivered_at"}
MARKS = {"opened": "opened_human", "clicked": "clicked_human"}  # the others are called as their marks


class Asking(NamedTuple):
    """One member that asks: who it is, when it entered, and what it asks."""

    number: int
    person_id: int
    entry_key: str
    entered_at: datetime
    asked: Asked


def find_answers(source: Source, programme: str, asking: Sequence[Asking]) -> dict[int, bool]:
    """The answer to each, by number; every question is asked once for all who ask it.

    Raises:
        NotFoundError: a segment, event or field is gone.
    """
    groups: dict[Question, list[Asking]] = defaultdict(list)
    for each in asking:
        groups[each.asked.question].append(each)
    found: dict[int, bool] = {}
    for question, group in groups.items():
        yes = _yes(source, programme, question, group)
        found |= {each.number: each.number in yes for each in group}
    return found


def _yes(source: Source, programme: str, question: Question, group: Sequence[Asking]) -> set[int]:
    if isinstance(question, InSegment):
        return _in_segment(source, question, group)
    if isinstance(question, HasConsent):
        return _agreed(source, question, group)
    if isinstance(question, Reacted):
        return _reacted(source, programme, question, group)
    if isinstance(question, Did):
        return _did(source, question, group)
    if isinstance(question, HasScore):
        return _has_score(source, question, group)
    assert isinstance(question, PersonIs)  # noqa: S101 - values of the trigger are answered by the machine
    return _person_is(source, question, group)


def _table(group: Iterable[Asking]) -> pa.Table:
    rows = [(each.number, each.person_id, each.asked.at, each.entered_at) for each in group]
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    types = (pa.int64(), pa.int64(), pa.timestamp("us"), pa.timestamp("us"))
    names = ("number", "person_id", "at", "entered_at")
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


_MEMBERS = """
    select asking.number from asking inner join segments.segment_memberships as stays
        on asking.person_id = stays.person_id and stays.segment_key = ?
        and stays.entered_at <= asking.at and stays.recorded_at <= asking.at
        and (stays.left_at is null or stays.left_at > asking.at or stays.left_recorded_at > asking.at)
"""


def _in_segment(source: Source, question: InSegment, group: Sequence[Asking]) -> set[int]:
    cursor = source.desk.workspace.cursor()
    known = "select 1 from segments.segment_memberships where segment_key = ? limit 1"
    if cursor.execute(known, [question.segment]).fetchone() is None:
        members = set(segment_members(source.desk, question.segment, group[0].asked.at))
        return {each.number for each in group if each.person_id in members}
    cursor.register("asking", _table(group))
    return {int(row[0]) for row in cursor.execute(_MEMBERS, [question.segment]).fetchall()}


def _agreed(source: Source, question: HasConsent, group: Sequence[Asking]) -> set[int]:
    """The store's decisions, and those of the warehouse that it lacks."""
    decided: dict[int, tuple[bool, datetime]] = {}
    people = {each.person_id for each in group}
    table = consents.c
    query = sa.select(table.person_id, table.is_granted, table.decided_at).where(
        table.channel == question.channel, table.purpose == MARKETING
    )
    with source.store.read() as connection:
        for row in connection.execute(query.where(among(connection, table.person_id, people))):
            decided[row.person_id] = (row.is_granted, row.decided_at)
    cursor = source.desk.workspace.cursor()
    cursor.register("asking", _table(group))
    newer = """
        select distinct found.person_id, found.is_granted, found.decided_at
        from consent.person_channel_consent as found inner join asking on found.person_id = asking.person_id
        where found.channel = ? and found.purpose = ? and found.decided_at is not null
    """
    for person, is_granted, decided_at in cursor.execute(newer, [question.channel, MARKETING]).fetchall():
        if person not in decided or decided[person][1] < decided_at:
            decided[person] = (is_granted, decided_at)
    found = ((each, decided.get(each.person_id)) for each in group)
    return {each.number for each, known in found if known and known[0] == (known[1] <= each.asked.at)}


def _reacted(source: Source, programme: str, question: Reacted, group: Sequence[Asking]) -> set[int]:
    """By the occurrence, which stays when people are merged."""
    entries, marks = ledger_entries.c, message_marks.c
    keys: dict[str, list[Asking]] = defaultdict(list)
    for each in group:
        keys[each.entry_key].append(each)
    found: set[int] = set()
    with source.store.read() as connection:
        own = IN_LEDGER.get(question.how)
        at = entries[own] if own else marks.first_at
        query = sa.select(entries.occurrence, at.label("at")).where(
            entries.programme == programme, entries.step == question.step, at.is_not(None),
            among(connection, entries.occurrence, list(keys)),
        )  # fmt: skip
        if own is None:
            kind = MARKS.get(question.how, question.how)
            on = sa.and_(marks.message_id == entries.message_id, marks.kind == kind)
            query = query.join(message_marks, on)
        for row in connection.execute(query):
            found |= {each.number for each in keys[row.occurrence] if row.at <= each.asked.at}
    return found


def _did(source: Source, question: Did, group: Sequence[Asking]) -> set[int]:
    cursor = source.desk.workspace.cursor()
    cursor.register("asking", _table(group))
    events = event_sql(event_of(source.desk, question.event), question.where)
    since = "asking.entered_at" if question.within is None else "asking.at - to_microseconds(?)"
    parameters = [] if question.within is None else [int(question.within.total_seconds() * 1_000_000)]
    query = f"""
        select asking.number, events.* from asking inner join ({events}) as events
            on asking.person_id = events.person_id and events.happened_at <= asking.at and events.happened_at > {since}
    """
    answer = cursor.execute(query, parameters)
    names = [column[0] for column in answer.description or []]
    found: set[int] = set()
    for row in answer.fetchall():
        values: dict[str, Any] = dict(zip(names, row, strict=True))
        if all(where.holds(values.get(where.name)) for where in question.where):
            found.add(int(row[0]))
    return found


def _has_score(source: Source, question: HasScore, group: Sequence[Asking]) -> set[int]:
    if SCORES not in source.desk.workspace.tables():
        return {each.number for each in group} if question.holds(0) else set()
    cursor = source.desk.workspace.cursor()
    cursor.register("asking", _table(group))
    query = f"""
        select asking.number, coalesce(max(scores.score), 0) as score
        from asking left join {SCORES} as scores on asking.person_id = scores.person_id group by asking.number
    """
    return {int(number) for number, score in cursor.execute(query).fetchall() if question.holds(float(score))}


def _person_is(source: Source, question: PersonIs, group: Sequence[Asking]) -> set[int]:
    try:
        field = source.desk.catalogue().fields[question.is_.name]
    except KeyError:
        raise NotFoundError(f"there is no field {question.is_.name!r} in the catalogue") from None
    cursor = source.desk.workspace.cursor()
    cursor.register("asking", _table(group))
    query = f"""
        select asking.number, found."{field.column}" from asking
        inner join {field.table} as found on asking.person_id = found."{field.person_column}"
    """
    return {int(number) for number, value in cursor.execute(query).fetchall() if question.is_.holds(value)}
