"""What a figure can be narrowed to: the values that a dimension has, so that nobody types keys.

Belongs here: finding them. Stays out: the forms in which they are chosen (`reports.py`, `apps/screens/alerts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.screens.analytics.desk import AnalyticsDesk, Named
from dmat.metrics.catalogue import load
from dmat.metrics.naming import value_words
from dmat.metrics.question import MOST_DIMENSIONS, Filter, Question

MOST_VALUES = 200
Pair = tuple[str, str]


def filters_of(pairs: Iterable[Pair]) -> tuple[Filter, ...]:
    """Pairs of a dimension and a value as filters; several values of one dimension are alternatives."""
    values: dict[str, list[str]] = {}
    for dimension, value in pairs:
        values.setdefault(dimension, []).append(value)
    return tuple(Filter(dimension=key, values=tuple(found)) for key, found in values.items())


def values_offered(
    desk: AnalyticsDesk, question: Question, dimension: str, chosen: Sequence[Pair]
) -> tuple[Named, ...]:
    """Values of a dimension that can be chosen next, the largest first.

    Args:
        desk: answers.
        question: one metric and its days.
        dimension: whose values are asked for.
        chosen: dimensions and values that the figure is narrowed to already.

    Returns:
        Named values; each key begins with `=`, so that `not known` is one too.
    """
    others = tuple(pair for pair in chosen if pair[0] != dimension)
    single = {pair[0] for pair in others if sum(pair[0] == each[0] for each in others) == 1}
    needs = (each for each in load().metrics[question.metrics[0]].needs if each not in single)
    dimensions = tuple(dict.fromkeys((dimension, *needs)))
    if desk.context.version() is None or len(dimensions) > MOST_DIMENSIONS:
        return ()
    asked = question.model_copy(
        update={"dimensions": dimensions, "filters": filters_of(others), "limit": MOST_VALUES, "compare": ""}
    )
    answer = desk.answer(asked)
    labels = desk.labels() | answer.labels
    found = dict.fromkeys("" if row[dimension] is None else str(row[dimension]) for row in answer.rows)
    left = (value for value in found if (dimension, value) not in chosen)
    return tuple(Named(f"={value}", value_words(dimension, value, labels)) for value in left)
