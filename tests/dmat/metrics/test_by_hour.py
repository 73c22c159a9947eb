"""Figures by the hour: which hours there are, what they hold, and what is known by the day only.

Under test: the hour as a grain, the hour of the day as a dimension, and that one hour's figure opens to itself.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from dmat.errors import InvalidInputError
from dmat.metrics.asking import Answer, ask
from dmat.metrics.opening import opens, within
from dmat.metrics.periods import buckets
from dmat.metrics.question import Question, read_address
from dmat.settings import Settings
from dmat.warehouse import Workspace

SECOND = {"since": date(2026, 3, 2), "until": date(2026, 3, 3)}


@pytest.fixture
def asked(metric_world: Workspace, metric_settings: Settings) -> Any:
    def ask_of(zone: str = "UTC", **question: Any) -> Answer:
        settings = metric_settings.model_copy(update={"workspace_time_zone": zone})
        return ask(metric_world, settings, Question(**(SECOND | question)))

    return ask_of


def test_each_hour_of_a_day_is_there_and_they_add_up_to_it(asked: Any) -> None:
    found = asked(metrics=("sent", "orders"), grain="hour")
    assert [row["hour"] for row in found.rows] == [datetime(2026, 3, 2, hour) for hour in range(24)]
    assert {row["hour"].hour: row["sent"] for row in found.rows if row["sent"]} == {9: 1, 23: 1}
    assert {row["hour"].hour: row["orders"] for row in found.rows if row["orders"]} == {10: 1}
    assert found.totals == {"sent": 2, "orders": 1}


def test_hours_are_those_of_the_marketers(asked: Any) -> None:
    found = asked("Asia/Kolkata", metrics=("orders",), grain="hour")
    assert [row["hour"] for row in found.rows if row["orders"]] == [datetime(2026, 3, 2, 15)]


def test_hours_after_the_data_are_not_made_up(asked: Any) -> None:
    found = asked(metrics=("orders",), grain="hour", since=date(2026, 3, 10), until=date(2026, 3, 11))
    assert [row["hour"].hour for row in found.rows] == list(range(13))


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Berlin", 23),
        (date(2026, 10, 25), "Europe/Berlin", 24),
        (date(2026, 10, 4), "Australia/Lord_Howe", 24),
        (date(2026, 3, 2), "Asia/Kathmandu", 24),
    ],
)
def test_a_day_on_which_clocks_are_set_has_the_hours_that_clocks_show(day: date, zone: str, hours: int) -> None:
    found = list(buckets(day, date.fromordinal(day.toordinal() + 1), "hour", zone))
    assert len({bucket for bucket, _ in found}) == len(found) == hours
    assert all(bucket.minute == 0 for bucket, _ in found if isinstance(bucket, datetime))


def test_a_state_by_the_hour_is_that_at_the_end_of_each(asked: Any) -> None:
    found = asked(metrics=("open_deals",), grain="hour")
    open_at = {row["hour"].hour: row["open_deals"] for row in found.rows}
    assert (open_at[9], open_at[10]) == (open_at[10] + 1, found.totals["open_deals"])


def test_what_is_known_by_the_day_has_a_total_and_no_hours(asked: Any) -> None:
    found = asked(metrics=("orders", "spend", "roi"), grain="hour")
    assert {row["spend"] for row in found.rows} == {None}
    assert found.totals["spend"] == asked(metrics=("spend",)).totals["spend"] > 0


def test_only_days_are_refused_by_the_hour(asked: Any) -> None:
    with pytest.raises(InvalidInputError, match="known by the day only") as refused:
        asked(metrics=("spend",), grain="hour")
    assert refused.value.field == "grain"


def test_more_hours_than_can_be_read_are_refused(asked: Any) -> None:
    with pytest.raises(InvalidInputError, match="points"):
        asked(metrics=("sent",), grain="hour", until=date(2026, 6, 1))


def test_hours_of_the_day_tell_all_days_apart(asked: Any) -> None:
    found = asked(metrics=("sent",), dimensions=("hour_of_day",), since=date(2026, 3, 1), until=date(2026, 3, 4))
    assert {row["hour_of_day"]: row["sent"] for row in found.rows} == {"09": 4, "23": 1}


def test_the_figure_of_an_hour_opens_to_itself(asked: Any, metric_world: Workspace, metric_settings: Settings) -> None:
    found = asked("Asia/Kolkata", metrics=("orders", "average_order"), grain="hour")
    in_india = metric_settings.model_copy(update={"workspace_time_zone": "Asia/Kolkata"})
    for row in found.rows:
        for key in ("orders", "average_order"):
            address = opens(key, within(found.question, row["hour"]))
            pairs = [tuple(pair.split("=")) for pair in address.replace("%3A", ":").split("&")]
            alone = ask(metric_world, in_india, read_address(pairs))
            assert alone.totals[key] == row[key], row


def test_what_is_there_at_the_end_of_an_hour_opens_nothing(asked: Any) -> None:
    found = asked(metrics=("open_deals",), grain="hour")
    assert opens("open_deals", within(found.question, found.rows[0]["hour"])) == ""
