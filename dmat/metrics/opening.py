"""What opens one number of an answer: the question of exactly this number, as an address.

Belongs here: narrowing the question of an answer to one of its cells. Stays out: what opens then (`lineage.py`,
screens).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from dmat.metrics.catalogue import HOUR_OF_DAY, SEGMENT, metric
from dmat.metrics.periods import DAY, next_bucket
from dmat.metrics.question import UNKNOWN, Filter, Question


def opens(key: str, question: Question, filters: Sequence[Filter] = ()) -> str:
    """The address of one number: a measure over all days of a question, told apart by nothing, of one row only.

    Args:
        key: the measure.
        question: the answer's, with its days.
        filters: what makes the row; they replace those of the question on the same dimension.

    Returns:
        What `read_address` reads back; empty for a sum that means nothing, such as credits of all models together, and
        for what is there at the end of an hour, which no question is about.
    """
    known = {each.dimension for each in (*question.filters, *filters)}
    if any(need not in known for need in metric(key).needs):
        return ""  # all its rows together would count things several times
    if HOUR_OF_DAY in known - set(metric(key).dimensions):
        return ""
    narrow = question.model_copy(update={
        "metrics": (key,), "grain": "", "dimensions": (), "order": "", "limit": 1000,
        "filters": (*(each for each in question.filters if each.dimension not in {f.dimension for f in filters}),
                    *filters),
    })  # fmt: skip
    return narrow.address()


def of_row(question: Question, row: Mapping[str, Any]) -> tuple[Question, tuple[Filter, ...]]:
    """The question of an answer about one of its rows, and the filters that make the row.

    A segment is no filter, since people are in many: it becomes that of the question.
    """
    values = {key: row[key] for key in question.dimensions}
    segment = values.pop(SEGMENT, None)
    if segment:
        question = question.model_copy(update={"segment": str(segment)})
    return question, tuple(Filter(dimension=key, values=(str(value) if value is not None else UNKNOWN,))
                           for key, value in values.items())  # fmt: skip


def within(question: Question, bucket: date) -> Question:
    """The question about one hour, day, week or month of its days."""
    since, until = question.days
    if isinstance(bucket, datetime):
        others = tuple(each for each in question.filters if each.dimension != HOUR_OF_DAY)
        hour, day = Filter(dimension=HOUR_OF_DAY, values=(f"{bucket:%H}",)), bucket.date()
        return question.model_copy(
            update={"period": "", "since": day, "until": day + DAY, "filters": (*others, hour), "grain": ""}
        )
    last = min(next_bucket(bucket, question.grain), until)
    return question.model_copy(update={"period": "", "since": max(bucket, since), "until": last})
