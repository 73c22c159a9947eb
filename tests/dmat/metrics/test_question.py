"""A question reads the same from JSON and from an address, and one that cannot be answered is refused by name."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest

from dmat.errors import InvalidInputError
from dmat.metrics.question import Filter, Question, read_address, read_question

DAYS = {"since": "2026-03-01", "until": "2026-04-01"}


def test_a_question_survives_its_address() -> None:
    asked = Question(
        metrics=("sent", "open_rate"), since=date(2026, 3, 1), until=date(2026, 4, 1), grain="week",
        dimensions=("channel",), compare="year", currency="EUR", order="-sent", limit=5, segment="vip & more",
        filters=(Filter(dimension="country", values=("DE", "", "a:b,c&d")),),
    )  # fmt: skip
    assert read_address(parse_qsl(asked.address(), keep_blank_values=True)) == asked


def test_a_question_survives_json() -> None:
    asked = Question(metrics=("sent",), period="last_30_days", filters=(Filter(dimension="channel", values=("sms",)),))
    assert Question.model_validate_json(asked.model_dump_json()) == asked


def test_parameters_of_other_things_in_an_address_are_passed_over() -> None:
    assert read_address([("view", "funnel"), ("metrics", "sent"), ("period", "today")]).metrics == ("sent",)


@pytest.mark.parametrize(
    ("change", "field", "allowed"),
    [
        ({"metrics": ["opn_rate"]}, "metrics", "open_rate"),
        ({"metrics": []}, "metrics", ""),
        ({"metrics": ["sent", "sent"]}, "metrics", "each once"),
        ({"until": "2026-03-01"}, "until", "later day"),
        ({"until": None}, "since", "both"),
        ({"period": "last_fortnight"}, "period", "last_30_days"),
        ({"grain": "minute"}, "grain", ""),
        ({"since": "2020-01-01", "grain": "day"}, "grain", "at most"),
        ({"since": "1990-01-01"}, "until", "at most"),
        ({"dimensions": ["moon"]}, "dimensions", "channel"),
        ({"dimensions": ["device"]}, "dimensions", "channel"),
        ({"metrics": ["ad_spend"], "segment": "vip"}, "segment", "platform"),
        ({"filters": [{"dimension": "channel", "values": ["a\x00b"]}]}, "filters", "500"),
        ({"filters": [{"dimension": "segment", "values": ["vip"]}]}, "filters", "segment"),
        ({"filters": [{"dimension": "channel", "values": []}]}, "filters", ""),
        ({"currency": "eur'; drop"}, "currency", ""),
        ({"order": "revenue"}, "order", "sent"),
        ({"limit": 0}, "limit", ""),
        ({"colour": "red"}, "colour", ""),
    ],
)
def test_what_cannot_be_answered_is_refused_by_field(change: dict[str, object], field: str, allowed: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_question({"metrics": ["sent"], **DAYS, **change})
    assert refused.value.field.partition("[")[0] == field
    assert allowed in refused.value.allowed


def test_a_refusal_tells_the_form_of_a_currency_in_words() -> None:
    with pytest.raises(InvalidInputError, match=r"'euro' has another form \(allowed: three capital letters, as EUR"):
        read_question({"metrics": ["orders"], "period": "last_7_days", "currency": "euro"})


def test_a_filter_without_a_colon_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no colon"):
        read_address([("metrics", "sent"), ("period", "today"), ("filter", "channel")])


def test_a_period_moves_with_today() -> None:
    asked = Question(metrics=("sent",), period="last_month")
    assert asked.dated(date(2026, 3, 9)).days == (date(2026, 2, 1), date(2026, 3, 1))
    assert asked.dated(date(2026, 1, 1)).days == (date(2025, 12, 1), date(2026, 1, 1))


def test_the_period_before_is_as_long_and_the_year_before_knows_leap_days() -> None:
    asked = Question(metrics=("sent",), since=date(2024, 2, 29), until=date(2024, 3, 7), compare="previous")
    earlier = asked.compared()
    assert earlier is not None
    assert earlier.days == (date(2024, 2, 22), date(2024, 2, 29))
    year = asked.model_copy(update={"compare": "year"}).compared()
    assert year is not None
    assert year.days == (date(2023, 2, 28), date(2023, 3, 7))
