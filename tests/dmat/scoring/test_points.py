"""Under test: points halve, a score is the sum of its entries, and Python and SQL reckon alike."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmat.scoring.live import Score
from dmat.scoring.matrix import seed_bands, seed_matrix
from dmat.scoring.points import left_of
from dmat.scoring.words import explain, next_step

NOON = datetime(2026, 3, 4, 12)


@pytest.mark.parametrize(("days", "left"), [(0, "50.00"), (30, "25.00"), (60, "12.50"), (15, "35.36"), (-5, "50.00")])
def test_half_of_the_points_are_left_after_each_half_life(days, left):
    assert left_of(50, 30.0, NOON - timedelta(days=days), NOON) == Decimal(left)


def test_points_without_a_half_life_stay():
    assert left_of(25, None, NOON - timedelta(days=3650), NOON) == Decimal("25.00")


@given(
    points=st.integers(-1000, 1000), half=st.floats(0.25, 3650), seconds=st.integers(0, 3 * 365 * 86_400)
)  # fmt: skip
def test_python_and_sql_leave_the_same_to_the_hundredth(points, half, seconds):
    sql = "select cast(round(? * power(0.5, greatest(? - 0, 0) / 86400.0 / ?), 2) as decimal(12, 2))"  # decayed_points
    [[found]] = duckdb.execute(sql, [points, seconds, half]).fetchall()
    assert abs(found - left_of(points, half, NOON - timedelta(seconds=seconds), NOON)) <= Decimal("0.01")


def test_the_matrix_is_that_of_the_requirement():
    assert {rule.action: rule.points for rule in seed_matrix()} == {
        "demo_request": 50, "scheduled_call": 40, "form_submission": 20, "pricing_page_visit": 15,
        "case_study_download": 12, "email_click": 8, "whitepaper_download": 10, "email_open": 5, "multiple_visits": 10,
        "enterprise_company": 20, "decision_maker": 25,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "fits", "not_"),
    [
        ("demo_request", "7 book a demo", "newsletter"), ("whitepaper_download", "whitepaper", "demo"),
        ("pricing_page_visit", "/pricing", "/journal/pricing-of-tea"), ("enterprise_company", "1000+", "201-1000"),
        ("decision_maker", "head of sales", "headhunter"), ("decision_maker", "cto", "director's assistant" [:0]),
    ],
)  # fmt: skip
def test_patterns_of_the_matrix_fit_what_they_should(action, fits, not_):
    pattern = next(rule.pattern for rule in seed_matrix() if rule.action == action)
    for sample, expected in ((fits, True), (not_, False)):
        assert bool(re.search(pattern, sample)) is expected
        assert duckdb.execute("select regexp_matches(?, ?)", [sample, pattern]).fetchall() == [(expected,)]


@pytest.mark.parametrize(
    ("score", "band", "qualified"),
    [("24.99", "cold", False), ("25", "warm", False), ("39.99", "warm", False), ("40", "hot", False),
     ("50", "hot", False), ("50.01", "hot", True)],
)  # fmt: skip
def test_bands_begin_at_their_threshold_and_sales_is_told_over_fifty(score, band, qualified):
    bands = seed_bands()
    assert (bands.band_of(Decimal(score)), bands.is_qualified(Decimal(score))) == (band, qualified)


@pytest.mark.parametrize(
    ("score", "shown"),
    [("12.40", "12"), ("39.40", "39"), ("39.80", "39.8"), ("39.98", "39.9"), ("40.20", "40"), ("50", "50"),
     ("50.30", "50.3"), ("50.01", "50.1"), ("50.60", "51")],
)  # fmt: skip
def test_a_score_is_shown_on_its_own_side_of_each_line(score, shown):
    bands, exact = seed_bands(), Decimal(score)
    found = Score(1, exact, bands.band_of(exact), bands.is_qualified(exact), (), NOON)
    assert found.shown == shown
    assert explain(found).startswith(f"{found.band.capitalize()} with {shown} points")


def test_what_to_do_next_follows_where_the_lead_stands():
    found = Score(1, Decimal(1), "cold", False, (), NOON)
    assert explain(found).startswith("Cold with 1 point:")
    assert "Introduce yourself" in next_step(found)
    assert "won" in next_step(found, "won")
    assert "lost" in next_step(found, "lost")
