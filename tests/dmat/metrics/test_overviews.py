"""The overview, one campaign and campaigns compared: the questions that screens, doors and reports share."""

from __future__ import annotations

from datetime import date

import pytest

from dmat.errors import InvalidInputError, NotFoundError
from dmat.metrics.catalogue import metric
from dmat.metrics.overviews import (
    KEY_FIGURES,
    campaign_figures,
    compare_campaigns,
    fit,
    overview,
    rate_of,
)
from dmat.metrics.question import Filter, Question
from dmat.settings import Settings
from dmat.warehouse import Workspace

MARCH = Question(metrics=("sent",), since=date(2026, 3, 1), until=date(2026, 3, 11), compare="previous")


def test_the_overview_has_key_figures_their_course_and_the_campaigns(
    metric_world: Workspace, metric_settings: Settings
) -> None:
    found = overview(metric_world, metric_settings, MARCH)
    totals = found.figures.totals
    assert set(totals) == set(KEY_FIGURES)
    assert (totals["sent"], totals["revenue"], totals["campaign_spend"], totals["roi"]) == (5, 9_000, 1_600, 5.0)
    assert found.figures.compared is not None
    assert [row["sent"] for row in found.trend.rows][:3] == [2, 2, 1]
    assert found.campaigns.rows[0]["campaign"] == "7"
    assert found.left_out == ()


def test_with_a_segment_only_figures_of_people_are_there(metric_world: Workspace, metric_settings: Settings) -> None:
    found = overview(metric_world, metric_settings, MARCH.model_copy(update={"segment": "vip"}))
    assert found.figures.totals["sent"] == 2
    assert "campaign_spend" in found.left_out
    assert "campaign_spend" not in found.figures.totals


def test_filters_that_no_figure_has_are_refused(metric_world: Workspace, metric_settings: Settings) -> None:
    filters = (Filter(dimension="ad_campaign", values=("x",)), Filter(dimension="template", values=("y",)))
    with pytest.raises(InvalidInputError, match="no key figure"):
        overview(metric_world, metric_settings, MARCH.model_copy(update={"filters": filters}))


def test_a_campaign_is_asked_from_its_start_on(metric_world: Workspace, metric_settings: Settings) -> None:
    found = campaign_figures(metric_world, metric_settings, 7)
    assert found.figures.question.days == (date(2026, 2, 20), date(2026, 3, 11))
    totals = found.figures.totals
    assert (totals["sent"], totals["delivered"], totals["clicked"], totals["conversions"]) == (5, 4, 1, 2)
    assert [(row["step"], row["channel"], row["sent"]) for row in found.steps.rows] == [("mail", "email", 5)]
    assert sum(row["sent"] for row in found.days.rows) == 5


def test_the_journey_of_a_campaign_goes_from_sent_to_converted(
    metric_world: Workspace, metric_settings: Settings
) -> None:
    found = campaign_figures(metric_world, metric_settings, 7).journey
    assert [(stage.key, stage.count, stage.of_sent) for stage in found] == [
        ("sent", 5, 1.0), ("delivered", 4, 0.8), ("read", 3, 0.6), ("clicked", 1, 0.2),
        ("conversions_of_sent", 2, 0.4),
    ]  # fmt: skip


def test_a_campaign_that_is_not_published_is_not_found(metric_world: Workspace, metric_settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="99"):
        campaign_figures(metric_world, metric_settings, 99)


def test_campaigns_are_compared_with_intervals(metric_world: Workspace, metric_settings: Settings) -> None:
    found = compare_campaigns(metric_world, metric_settings, [7, 8])
    rate = found.rates[7]["read_rate"]
    assert (rate.hits, rate.of, rate.value) == (3, 4, 0.75)
    assert (rate.low, rate.high) == (pytest.approx(0.3006418, abs=1e-6), pytest.approx(0.9544127, abs=1e-6))
    empty = found.rates[8]["read_rate"]
    assert (empty.value, empty.low, empty.is_different) == (None, None, False)


@pytest.mark.parametrize("ids", [[7], [7, 7], list(range(1, 14)), []])
def test_fewer_than_two_or_too_many_campaigns_are_refused(
    metric_world: Workspace, metric_settings: Settings, ids: list[int]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        compare_campaigns(metric_world, metric_settings, ids)
    assert refused.value.field == "ids"


def test_a_difference_counts_only_outside_its_interval_which_widens_with_each_campaign() -> None:
    click_rate = metric("click_rate")
    one, other = {"clicked": 56, "delivered": 70}, {"clicked": 48, "delivered": 80}
    alone = rate_of(click_rate, one, other)
    assert alone.difference == pytest.approx(0.2)
    # Newcombe 1998, table II, case (a), method 10: 0.0524 to 0.3339
    assert (alone.difference_low, alone.difference_high) == (
        pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5),
    )  # fmt: skip
    assert alone.is_different
    together = rate_of(click_rate, one, other, comparisons=11)
    assert together.difference_low is not None
    assert alone.difference_low is not None
    assert together.difference_low < alone.difference_low
    assert not together.is_different


@pytest.mark.parametrize(("days", "grain"), [(7, "day"), (62, "day"), (90, "week"), (730, "month")])
def test_the_grain_fits_the_days(days: int, grain: str) -> None:
    since = date(2024, 1, 1)
    assert fit(Question(metrics=("sent",), since=since, until=date.fromordinal(since.toordinal() + days))) == grain
