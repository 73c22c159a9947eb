"""Under test: a saved report becomes one that is made by a schedule and sent."""

from __future__ import annotations

import pytest

from apps.screens.analytics.keeping import save_report, schedule_report, sections_of
from apps.screens.analytics.looks import Look
from dmat.errors import ConflictError, InvalidInputError
from dmat.metrics.question import Question
from dmat.reports.library import find_report, remove_report
from dmat.reports.making import answer_report
from dmat.reports.plan import read_report


def test_a_saved_report_is_made_by_a_schedule_with_the_same_figures(desk, marketer):
    context = desk.context
    look = Look(view="reports", period="last_30_days", asked="metrics=orders,revenue&by=source&filter=country:DE")
    look, _ = save_report(desk, look, {"name": "Shops in Germany"}, marketer)
    _, told = schedule_report(desk, look, None, marketer)
    assert told.startswith("Shops in Germany is among the reports now.")
    report = find_report(context.store, "shops-in-germany")
    answers, figures = answer_report(context.workspace, context.settings, report, context.now())
    assert answers[1].rows == desk.answer(look.question(
        ("orders", "revenue"), by=("source",), filters=answers[1].question.filters)).rows  # fmt: skip
    assert [section["title"] for section in figures["sections"]] == ["Key figures", "Shops in Germany"]
    with pytest.raises(ConflictError):
        schedule_report(desk, look, None, marketer)
    remove_report(context.store, context.settings, "shops-in-germany", marketer.email)


def test_days_that_do_not_move_are_not_reported_again_and_again(desk, marketer):
    look = Look(view="reports", period="custom", asked="metrics=orders").but(
        since=desk.today.replace(day=1), until=desk.today)  # fmt: skip
    look, _ = save_report(desk, look, {"name": "Orders of some days"}, marketer)
    with pytest.raises(InvalidInputError, match="last week"):
        schedule_report(desk, look, None, marketer)


@pytest.mark.parametrize(
    ("asked", "titles"),
    [({"metrics": ("orders",)}, ["Key figures"]), ({"metrics": ("orders",), "grain": "week"}, ["Key figures", "T"]),
     ({"metrics": ("stage_entered",), "dimensions": ("funnel_stage",)}, ["T"])],
)  # fmt: skip
def test_sums_that_mean_nothing_are_no_key_figures(asked, titles):
    sections = sections_of(Question(period="last_week", **asked), "T")
    assert [each["title"] for each in sections] == titles
    assert read_report({"key": "t", "name": "T", "sections": sections}).sections
