"""Under test: numbers, money and times as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from apps.parts.words import ago, moment, money, number, percent, plural, refusal, source_name, stage_name
from dmat.errors import ConflictError, InvalidInputError

NOW = datetime(2026, 11, 20, 14, 5)


@pytest.mark.parametrize(
    ("cents", "currency", "told"),
    [(123_450, "EUR", "€1,234.50"), (1_234_500, "EUR", "€12,345"), (-50, "USD", "−$0.50"), (0, "GBP", "£0.00"),
     (9900, "CHF", "CHF 99.00"), (150_000, "JPY", "¥1,500"), (None, "EUR", "–"), (500, None, "5.00")],
)  # fmt: skip
def test_money_carries_its_currency_and_separators(cents, currency, told):
    assert money(cents, currency) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "just now"), (12, "12 s ago"), (59.9, "59 s ago"), (60, "1 min ago"), (3600, "1 h ago"),
     (47 * 3600, "47 h ago"), (49 * 3600, "2 days ago"), (-300, "in 5 min")],
)  # fmt: skip
def test_a_time_is_told_relative_to_the_workspaces_now(seconds, told):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == told


def test_a_moment_is_told_on_the_clocks_of_the_workspace():
    assert moment(NOW, "UTC") == "Fri 20 Nov 2026, 14:05"
    assert moment(NOW, "Europe/Berlin") == "Fri 20 Nov 2026, 15:05"
    assert moment(None, "UTC") == "–"


def test_small_words():
    assert number(1234567) == "1,234,567"
    assert number(1.25) == "1.2"
    assert percent(0.1234) == "12.3%"
    assert plural(1, "cart") == "1 cart"
    assert plural(1204, "cart") == "1,204 carts"
    assert source_name("ga4") == "Google Analytics"
    assert source_name("some_vendor") == "Some vendor"


def test_stages_of_the_crm_have_their_names():
    assert stage_name("qualifiedtobuy") == "Qualified to buy"
    assert stage_name("demo_given") == "Demo given"
    assert stage_name(None) == "–"


def test_a_refusal_names_the_field_as_people_say_it_and_what_is_allowed():
    assert refusal(InvalidInputError("time_zone", "is not one", "UTC")) == "Time zone: is not one. Allowed: UTC."
    assert refusal(InvalidInputError("name", "is missing")) == "Name: is missing."
    assert refusal(ConflictError("it is in use")) == "It is in use."
