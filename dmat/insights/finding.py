"""What moved between two periods, in the order in which one would want to know, and what explains it.

Belongs here: asking for the figures of both periods, telling a move from noise, choosing dimensions. Stays out: the
arithmetic of contributions (`contributions.py`), sentences (`words.py`).

A sum has moved when its days of both periods differ by more than days differ anyway (Welch's t-test on daily values),
a share when both periods' shares do (two proportions, pooled). That is a reading aid, not an experiment: why
something moved is not known from figures alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from dmat.insights.contributions import Explanation, Part, explain, of_quotients, of_sums
from dmat.metrics.asking import Answer, Warehouse, ask
from dmat.metrics.catalogue import HOUR_OF_DAY, Catalogue, Metric, load
from dmat.metrics.question import Filter, Question
from dmat.settings import Settings

CLEAR = 0.05
LEAST_CHANGE = 0.02
MOST_EXPLAINED, MOST_DIMENSIONS, MOST_VALUES = 3, 8, 200
PASSED_OVER = frozenset({"currency", "segment", "company", "email_domain", "city", "ad_campaign", "purpose", "locale",
                         HOUR_OF_DAY})  # fmt: skip


@dataclass(frozen=True)
class Insight:
    """A metric that moved.

    Attributes:
        before, after: its values; `change` relative to before.
        p_value: how often chance alone moves it so far; None where it cannot be said.
        explanation: the dimension that explains most of it, if one does; `labels` are names of its values.
        question: to look at it oneself, told apart by that dimension.
    """

    metric: Metric
    before: float
    after: float
    change: float
    p_value: float | None
    currency: str
    question: Question
    explanation: Explanation | None = None
    labels: Mapping[str, str] | None = None

    @property
    def is_clear(self) -> bool:
        """Whether it is more than days differ anyway."""
        return self.p_value is not None and self.p_value < CLEAR

    @property
    def is_good(self) -> bool | None:
        """Whether the move is welcome; None for metrics that are neither."""
        return None if not self.metric.sign else (self.after - self.before) * self.metric.sign > 0


def find_insights(
    warehouse: Warehouse,
    settings: Settings,
    question: Question,
    catalogue: Catalogue | None = None,
    most: int = 5,
) -> list[Insight]:
    """What moved among the metrics of a question, the clearest first.

    Args:
        warehouse, settings: where the figures are.
        question: its metrics and period; without `compare` the period before is taken.
        most: so many at most.

    Raises:
        InvalidInputError: the question cannot be answered; names the field.
    """
    catalogue = catalogue or load()
    daily = {"grain": "day", "dimensions": (), "order": "", "limit": 10_000}
    asked = question.model_copy(update={"compare": question.compare or "previous", **daily})
    keys = _with_terms(catalogue, asked.metrics)
    answer = ask(warehouse, settings, asked.model_copy(update={"metrics": keys}), catalogue)
    moves = [move for key in asked.metrics if (move := _move(catalogue.metric(key), answer)) is not None]
    moves.sort(key=lambda move: (not move.is_clear, -abs(move.change), move.metric.key))
    chosen = [move for move in moves if move.is_clear or abs(move.change) >= LEAST_CHANGE][:most]
    return [*_explained(warehouse, settings, catalogue, chosen[:MOST_EXPLAINED]), *chosen[MOST_EXPLAINED:]]


def _with_terms(catalogue: Catalogue, keys: Sequence[str]) -> tuple[str, ...]:
    """The metrics, and what quotients among them are made of."""
    quotients = [each for key in keys if (each := catalogue.metric(key)).denominator]
    terms = (key for each in quotients for key, _ in (*each.numerator, *each.denominator))
    return tuple(dict.fromkeys((*keys, *terms)))


def _move(metric: Metric, answer: Answer) -> Insight | None:
    key, compared = metric.key, answer.compared
    after, before = answer.totals[key], compared.totals[key] if compared else None
    if compared is None or after is None or not before:
        return None
    is_share = metric.unit == "rate"
    p_value = _of_shares(metric, answer.totals, compared.totals) if is_share else _of_days(key, answer)
    question, change = answer.question.model_copy(update={"metrics": (key,)}), (after - before) / abs(before)
    return Insight(metric, float(before), float(after), change, p_value, answer.currency, question)


def _of_days(key: str, answer: Answer) -> float | None:
    sides = [[row[key] for row in rows if row[key] is not None] for rows in _rows(answer)]
    if min(len(side) for side in sides) < 4:
        return None
    if all(np.std(side) == 0 for side in sides):
        return 1.0 if sides[0][0] == sides[1][0] else 0.0
    return float(stats.ttest_ind(*sides, equal_var=False).pvalue)


def _rows(answer: Answer) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return answer.rows, answer.compared.rows if answer.compared else []


def _of_shares(metric: Metric, after: Mapping[str, Any], before: Mapping[str, Any]) -> float | None:
    sides = [(_sum(metric.numerator, side), _sum(metric.denominator, side)) for side in (after, before)]
    if any(below <= 0 for _, below in sides):
        return None
    pooled = sum(above for above, _ in sides) / sum(below for _, below in sides)
    error = math.sqrt(max(pooled * (1 - pooled), 0.0) * sum(1 / below for _, below in sides))
    distance = sides[0][0] / sides[0][1] - sides[1][0] / sides[1][1]
    return float(2 * stats.norm.sf(abs(distance) / error)) if error else 1.0


def _sum(terms: Sequence[tuple[str, bool]], row: Mapping[str, Any]) -> float:
    return float(sum((-1 if is_less else 1) * (row.get(key) or 0) for key, is_less in terms))


def _explained(
    warehouse: Warehouse, settings: Settings, catalogue: Catalogue, moves: Sequence[Insight]
) -> list[Insight]:
    """The moves, each with the dimension that explains most of it; a dimension is asked for once for all of them."""
    by_dimension: dict[str, list[int]] = {}
    for place, move in enumerate(moves):
        for dimension in _candidates(catalogue, move.metric, move.question.filters):
            by_dimension.setdefault(dimension, []).append(place)
    found = list(moves)
    for dimension, places in by_dimension.items():
        keys = _with_terms(catalogue, [moves[place].metric.key for place in places])
        asked = moves[places[0]].question.model_copy(update={"metrics": keys, "grain": "", "dimensions": (dimension,)})
        answer = ask(warehouse, settings, asked, catalogue)
        for place in places:
            found[place] = _clearer(found[place], dimension, answer)
    return found


def _clearer(move: Insight, dimension: str, answer: Answer) -> Insight:
    """The move with the explanation that this dimension gives, where it is a better one."""
    parts = _parts(move.metric, dimension, answer)
    one = explain(dimension, parts) if len(parts) <= MOST_VALUES else None
    best = move.explanation
    if one is None or (best is not None and (one.surprise, one.share) <= (best.surprise, best.share)):
        return move
    told_apart = move.question.model_copy(update={"grain": "", "dimensions": (dimension,), "limit": 50})
    return replace(move, question=told_apart, explanation=one, labels=answer.labels.get(dimension, {}))


def _candidates(catalogue: Catalogue, metric: Metric, filters: Sequence[Filter]) -> list[str]:
    fixed = {each.dimension for each in filters if len(each.values) == 1}
    fitting = catalogue.shared_dimensions((metric.key, *(part.key for part in catalogue.parts(metric))))
    found = [key for key in fitting if key not in PASSED_OVER | fixed and not catalogue.dimensions[key].is_many]
    return found[:MOST_DIMENSIONS]


def _parts(metric: Metric, dimension: str, answer: Answer) -> list[Part]:
    """The parts in which something was, then or now."""
    after, before = _rows(answer)
    if metric.denominator:
        return of_quotients(*(
            {row[dimension]: sums for row in rows
             if any(sums := (_sum(metric.numerator, row), _sum(metric.denominator, row)))}
            for rows in (before, after)
        ))  # fmt: skip
    return of_sums(*({row[dimension]: float(row[metric.key]) for row in rows if row[metric.key]}
                     for rows in (before, after)))  # fmt: skip
