"""Under test: the people whom a campaign reached, and how far each of them came, as one counts them by hand."""

from __future__ import annotations

from datetime import date

import pytest

from dmat.errors import InvalidInputError
from dmat.metrics.question import Question
from dmat.metrics.reached import reached_people

MARCH = Question(metrics=("sent",), since=date(2026, 3, 1), until=date(2026, 3, 8))


def came(found):
    return [(each.email, each.stations) for each in found]


def test_who_came_furthest_stands_first(metric_world, metric_settings):
    count, found = reached_people(metric_world, metric_settings, MARCH, 7)
    assert count == 4
    assert came(found)[:2] == [
        ("ann@shop.example", ("delivered", "opened", "clicked", "ordered")),
        ("bob@shop.example", ("delivered", "opened", "ordered")),
    ]
    assert came(found)[2:] == [("eve@shop.example", ("delivered",)), ("dan@shop.example", ())]


def test_people_are_found_by_name_and_come_page_by_page(metric_world, metric_settings):
    count, found = reached_people(metric_world, metric_settings, MARCH, 7, "EVE")
    assert (count, came(found)) == (1, [("eve@shop.example", ("delivered",))])
    count, found = reached_people(metric_world, metric_settings, MARCH, 7, limit=1, offset=3)
    assert (count, [each.email for each in found]) == (4, ["dan@shop.example"])
    assert reached_people(metric_world, metric_settings, MARCH, 7, "%' or 1=1 --") == (0, [])


def test_another_campaign_reached_nobody_and_a_page_that_is_none_is_refused(metric_world, metric_settings):
    assert reached_people(metric_world, metric_settings, MARCH, 8) == (0, [])
    with pytest.raises(InvalidInputError) as refused:
        reached_people(metric_world, metric_settings, MARCH, 7, limit=0)
    assert refused.value.field == "limit"
