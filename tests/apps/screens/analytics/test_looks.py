"""Under test: the page's address keeps what is looked at, and nothing in it can break the page."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest

from apps.screens.analytics.looks import CUSTOM, VIEWS, Look, chosen_days, read_look
from dmat.errors import InvalidInputError
from dmat.metrics.periods import period_of
from dmat.metrics.question import Filter

TODAY = date(2026, 3, 10)


def read(address: str) -> Look:
    values = dict(parse_qsl(urlsplit(address).query))
    return read_look(lambda name: values.get(name, ""))


@pytest.mark.parametrize("look", [
    Look(), Look(view="campaigns", campaign="7", period="last_90_days", compare="year"),
    Look(view="compare", campaigns=("7", "8"), segment="vip & co", compare=""),
    Look(period=CUSTOM, since=date(2026, 2, 1), until=date(2026, 3, 1)),
    Look(view="reports", asked="metrics=sent&by=channel", saved="3"),
])  # fmt: skip
def test_an_address_gives_the_look_back(look):
    assert read(look.address) == look


@pytest.mark.parametrize("address", [
    "?view=secrets", "?period=aeons", "?period=custom&since=x&until=2026-03-01", "?campaign=1;drop",
    "?period=custom&since=2026-03-01&until=2026-02-01", "?campaigns=a,b,,", "?compare=everything",
])  # fmt: skip
def test_what_cannot_be_read_is_passed_over(address):
    look = read(address)
    assert look == Look(compare=look.compare)
    assert look.compare in {"", "previous"}
    assert look.view in VIEWS


def test_days_are_cut_finer_when_there_are_few():
    assert Look(period="last_30_days").grain(TODAY) == "day"
    assert Look(period="last_90_days").grain(TODAY) == "week"
    assert Look(period="last_12_months").grain(TODAY) == "month"


def test_the_last_day_that_is_chosen_is_within_the_days():
    look = chosen_days(Look(period="last_7_days"), "until", "2026-03-08", TODAY)
    assert look.days(TODAY) == (date(2026, 3, 4), date(2026, 3, 9))
    assert look.period == CUSTOM


@pytest.mark.parametrize(("name", "text"), [("since", "soon"), ("until", "2020-01-01"), ("since", "")])
def test_days_that_cannot_be_are_refused_with_the_field_named(name, text):
    with pytest.raises(InvalidInputError) as refused:
        chosen_days(Look(), name, text, TODAY)
    assert refused.value.field == name


def test_measures_that_know_no_people_are_left_out_of_a_segments_figures():
    question = Look(segment="germans").question(("sent", "ad_spend"))
    assert question.metrics == ("sent",)
    assert question.segment == "germans"


def test_a_question_carries_days_filters_and_comparison():
    only = (Filter(dimension="campaign", values=("7",)),)
    question = Look(compare="year").question(("sent",), by=("channel",), filters=only, order="-sent", limit=5)
    assert (question.period, question.compare, question.dimensions) == ("last_30_days", "year", ("channel",))
    assert (question.filters, question.order, question.limit) == (only, "-sent", 5)


def test_a_link_to_a_question_brings_its_own_days_until_others_are_chosen():
    asked = "metrics%3Dsent%26since%3D2026-02-01%26until%3D2026-02-08%26segment%3Dvip"
    look = read(f"?view=reports&asked={asked}")
    assert (look.since, look.until, look.segment) == (date(2026, 2, 1), date(2026, 2, 8), "vip")
    assert read(f"?view=reports&period=last_7_days&asked={asked}").period == "last_7_days"
    assert read("?view=reports&asked=metrics%3Dsent%26period%3Dlast_month").period == "last_month"


def test_cohorts_look_at_more_days_unless_some_were_chosen_and_say_so():
    cohorts = Look(view="cohorts")
    assert cohorts.days(TODAY) == period_of("last_12_months", TODAY)
    assert cohorts.but(by="signup-week").days(TODAY) == period_of("last_90_days", TODAY)
    assert cohorts.but(period="this_year").days(TODAY) == period_of("this_year", TODAY)
    assert cohorts.question(("cohort_people",)).period == "last_12_months"
    assert not cohorts.is_compared
    assert Look().is_compared
