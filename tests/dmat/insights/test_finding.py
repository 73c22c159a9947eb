"""Under test: a planted collapse is found, in the part where it is, and a usual fortnight is called usual."""

from __future__ import annotations

from datetime import date, timedelta

from quarter_world import LAST_WHOLE_DAY

from dmat.insights.finding import find_insights
from dmat.insights.words import sentence
from dmat.metrics.question import Question

METRICS = ("orders", "revenue", "click_rate", "delivery_rate")
FORTNIGHT = Question(metrics=METRICS, since=date(2026, 2, 24), until=date(2026, 3, 10))


def test_a_usual_fortnight_has_nothing_clear(quarter):
    found = find_insights(quarter.view, quarter.settings, FORTNIGHT)
    assert [each for each in found if each.is_clear] == []
    assert all("may be chance" in sentence(each) for each in found)


def test_a_collapse_is_found_and_said(quarter):
    quarter.publish({LAST_WHOLE_DAY - timedelta(days=back): 8 + back % 3 for back in range(14)})
    found = {each.metric.key: each for each in find_insights(quarter.view, quarter.settings, FORTNIGHT)[:2]}
    assert set(found) == {"orders", "revenue"}
    assert found["orders"].is_clear
    assert found["orders"].is_good is False
    assert sentence(found["orders"]).startswith("Orders fell by 82% to 125 (before: 6")


def test_the_part_that_collapsed_is_named_with_what_it_cost(quarter):
    quarter.publish(shut=("woocommerce", date(2026, 2, 24)))
    [orders] = find_insights(quarter.view, quarter.settings, FORTNIGHT.model_copy(update={"metrics": ("orders",)}))
    assert orders.explanation.dimension == "source"
    [part] = orders.explanation.parts
    assert (part.value, part.after) == ("woocommerce", 0.0)
    assert f"By source, WooCommerce (\u2212{-part.contribution:.0f}) explains" in sentence(orders)
    assert orders.question.dimensions == ("source",)


def test_a_share_that_fell_is_judged_by_the_people_behind_it(quarter):
    quarter.publish(delivered=0.9)
    question = FORTNIGHT.model_copy(update={"metrics": ("delivery_rate",)})
    assert find_insights(quarter.view, quarter.settings, question) == []
