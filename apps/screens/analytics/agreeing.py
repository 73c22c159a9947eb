"""Do the numbers agree? What was counted live, in the warehouse and by providers, each gap with its reason.

Belongs here: which pieces the section has. Stays out: counting and comparing (`dbt/models/marts/reconciliation`),
layout.
"""

from __future__ import annotations

from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Note, table_of
from dmat.metrics.question import Filter

COUNTED = ("counted_live", "counted_in_warehouse", "gap_late", "gap_machine", "gap_test", "gap_erased",
           "gap_unexplained")  # fmt: skip
BESIDE = ("counted_live_beside_provider", "counted_by_provider", "provider_gap_late", "provider_gap_unexplained")
KIND = "counter_kind"
TAKEN = (Filter(dimension=KIND, values=("accepted",)),)


def agreeing(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the section."""
    pieces = [
        _table(desk, look, COUNTED, KIND, "Live and in the warehouse", "What happened",
               "By the hour in which it first happened; the gap is late, machines, tests, erased or unexplained"),
        _table(desk, look, BESIDE, KIND, "Live and by the provider", "What happened",
               "Days as SendGrid counts them, hours of Twilio; other providers publish no counts"),
        _table(desk, look, BESIDE, "campaign", "Messages that providers took", "Campaign", "", TAKEN),
    ]  # fmt: skip
    shown = [piece for piece in pieces if piece is not None]
    return shown or [Note("Nothing was counted in these days", "Choose other days.", "table")]


def _table(
    desk: AnalyticsDesk, look: Look, keys: tuple[str, ...], dimension: str, title: str, first: str, about: str,
    filters: tuple[Filter, ...] = (),
) -> Any:  # fmt: skip
    answer = desk.asked(look, keys, by=(dimension,), filters=filters, order=f"-{keys[0]}", limit=30, is_compared=False)
    return table_of(title, answer, dimension, keys, first, about) if answer and answer.rows else None
