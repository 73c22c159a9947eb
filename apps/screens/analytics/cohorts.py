"""Cohorts: who began when, and how many of them came back or bought, by week or month; RFM groups, lifetime value.

Belongs here: which pieces the section has. Stays out: what a cohort is (`dbt/models/marts/cohorts`), layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.funnel import Chooser
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Figure, Note, Side, figures_of, table_of
from apps.screens.analytics.wording import bucket_words, days_words, shown, unit_of
from dmat.metrics.asking import Answer
from dmat.metrics.catalogue import Metric, metric
from dmat.metrics.opening import opens
from dmat.metrics.question import Filter
from dmat.metrics.shares import largest, share_of

KINDS = {"signup": "First known", "first_order": "First order"}
GRAINS = {"month": "By month", "week": "By week"}
MEASURES = {"retention_rate": "Active again", "cohort_buyer_rate": "Buying", "cohort_revenue_per_person": "Revenue"}
MOST_AGES = 13
RFM = ("rfm_customers", "rfm_revenue")
WORTH = ("customers_with_value", "lifetime_revenue", "expected_revenue", "lifetime_value_per_customer",
         "customers_expected_back")  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One cohort at one age; `strength` from 0 to 100 is how dark it is."""

    figure: Figure | None
    strength: int = 0


@dataclass(frozen=True)
class Cohort:
    """One row of the heat map."""

    name: str
    people: Figure | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Heat:
    """Cohorts down, ages across."""

    title: str
    about: str
    ages: tuple[str, ...]
    rows: tuple[Cohort, ...]
    export: str
    note: str
    kind: str = "heat"


def cohorts(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the section."""
    kind, grain = _chosen(look.by)
    measure = look.pick if look.pick in MEASURES else "retention_rate"
    everybody = look.but(segment="")  # cohorts are counted by the build, not person by person
    only = (Filter(dimension="cohort_kind", values=(kind,)), Filter(dimension="cohort_grain", values=(grain,)))
    answer = desk.asked(everybody, ("cohort_people", measure), by=("cohort", "cohort_age"), filters=only,
                        order="cohort", limit=5000, is_compared=False)  # fmt: skip
    groups = desk.asked(look, RFM, by=("rfm_segment",), order="-rfm_customers", is_compared=False)
    worth = desk.asked(look, WORTH, is_compared=False)
    choosers = [
        Chooser("People by their", tuple((f"{key}-{grain}", words) for key, words in KINDS.items()), f"{kind}-{grain}"),
        Chooser("Cut", tuple((f"{kind}-{key}", words) for key, words in GRAINS.items()), f"{kind}-{grain}"),
        Chooser("Shown", tuple(MEASURES.items()), measure, "pick"),
    ]
    if answer is None or not answer.rows:
        heat: Any = Note("No cohort in these days", "Choose more days, or wait for the first build.", "table")
    else:
        heat = heat_of(answer, measure, kind, grain)
        if look.segment:
            heat = replace(heat, note=f"{heat.note} Everybody is counted here, whatever segment is chosen above.")
    table = table_of("Customers by RFM group", groups, "rfm_segment", RFM, "Group",
                     "How recently, how often and for how much they bought, as of now")  # fmt: skip
    found = [Side(tuple(choosers), layout="choosers"), heat, table if table and table.rows else None,
             figures_of("What customers are worth", worth, WORTH, "people")]  # fmt: skip
    return [piece for piece in found if piece is not None]


def _chosen(by: str) -> tuple[str, str]:
    kind, _, grain = by.partition("-")
    return kind if kind in KINDS else "signup", grain if grain in GRAINS else "month"


def heat_of(answer: Answer, measure: str, kind: str, grain: str) -> Heat:
    """The heat map of one measure; ages that are not over yet stay empty."""
    one = metric(measure)
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in answer.rows:
        found.setdefault(str(row["cohort"]), {})[int(row["cohort_age"])] = row
    ages = range(min(MOST_AGES, 1 + max(age for rows in found.values() for age in rows)))
    later = [row[measure] for rows in found.values() for age, row in rows.items() if 0 < age < MOST_AGES]
    top = largest(later)
    rows = tuple(_cohort(name, found[name], ages, one, top, answer, grain) for name in sorted(found))
    words = {"signup": "became known", "first_order": "ordered for the first time"}[kind]
    return Heat(
        one.name, f"People who {words} in {days_words(*answer.question.days)}, by {grain}",
        tuple(str(age) for age in ages), rows, answer.question.address(),
        f"Columns are {grain}s since then; 0 is the {grain} in which they began. What is not over is left empty.",
    )  # fmt: skip


def _cohort(
    name: str, rows: Mapping[int, Mapping[str, Any]], ages: range, one: Metric, top: float, answer: Answer, grain: str,
) -> Cohort:  # fmt: skip
    people = _figure(metric("cohort_people"), rows[0], answer, name, 0) if 0 in rows else None
    cells = tuple(_cell(rows[age], one, top, answer, name, age) if age in rows else Cell(None) for age in ages)
    return Cohort(bucket_words(date.fromisoformat(name[:10]), grain), people, cells)


def _cell(row: Mapping[str, Any], one: Metric, top: float, answer: Answer, name: str, age: int) -> Cell:
    strength = 0 if age == 0 and one.unit == "rate" else round(100 * (share_of(row[one.key], top) or 0.0))
    return Cell(_figure(one, row, answer, name, age), min(strength, 100))


def _figure(one: Metric, row: Mapping[str, Any], answer: Answer, name: str, age: int) -> Figure:
    only = (Filter(dimension="cohort", values=(name,)), Filter(dimension="cohort_age", values=(str(age),)))
    return Figure(one.key, one.name, shown(row[one.key], unit_of(one), answer.currency), row[one.key],
                  opens(one.key, answer.question, only))  # fmt: skip
