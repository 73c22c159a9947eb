"""Sums by the hour in place of single rows: the same figures, at a cost that does not grow with the rows.

Belongs here: when sums answer a question exactly as rows do, and what is then read. Stays out: making the sums
(`dbt/models/marts`), SQL (`compiling.py`).

Sums do where every metric has one, nothing narrower than their dimensions is asked for, nobody is told from anybody
(segments, different people), rows are dated by the usual moment, and days begin on whole hours of UTC.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from dmat.metrics.catalogue import HOUR_OF_DAY, Base, Metric
from dmat.metrics.periods import begins_on_hours
from dmat.metrics.question import Question

AT = "base.hour_at"


def by_the_hour(
    base: Base, metrics: Sequence[Metric], question: Question, zone: str, there: Container[str]
) -> tuple[Base, tuple[Metric, ...]] | None:
    """The base of sums and the metrics over it; None when single rows must be read.

    Args:
        base: of single rows.
        metrics: simple ones of this base, dated alike.
        question: has days.
        zone: time zone of the days.
        there: tables that are published.
    """
    hourly, usual = base.hourly, next(iter(base.times))
    if hourly is None or hourly.table not in there or question.segment:
        return None
    wanted = {*question.dimensions, *(each.dimension for each in question.filters)} - {HOUR_OF_DAY}
    if not wanted <= set(hourly.dimensions) or not all(each.hourly and each.time == usual for each in metrics):
        return None
    if not begins_on_hours(*question.days, zone):
        return None
    dimensions = {key: base.dimensions[key] for key in hourly.dimensions}
    summed = replace(base, table=hourly.table, where=hourly.where, times={usual: AT}, dimensions=dimensions, person="")
    return summed, tuple(replace(each, kind="sum", value=each.hourly, where="") for each in metrics)
