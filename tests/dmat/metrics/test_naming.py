"""Under test: what has no value, and what has a name, is called the same on screens, in PDFs and in sentences."""

from __future__ import annotations

import pytest

from apps.screens.reports.figures import _value
from dmat.insights.contributions import Explanation, Part
from dmat.insights.finding import Insight
from dmat.insights.words import because
from dmat.metrics.catalogue import metric
from dmat.metrics.naming import value_words
from dmat.metrics.question import Question
from dmat.reports.making import value_words as words_of_report

NAMED = [
    ("campaign", None, "Outside campaigns"), ("variant", None, "Without a test"), ("tier", None, "No member"),
    ("country", None, "Not known"), ("channel", "email", "E-mail"), ("channel", "paid_search", "Paid search"),
    ("stage", "qualifiedtobuy", "Qualified to buy"), ("source", "woocommerce", "WooCommerce"),
    ("campaign", "7", "Spring sale"), ("utm_campaign", "spring_sale", "spring_sale"), ("medium", "cpc", "cpc"),
]  # fmt: skip
LABELS = {"campaign": {"7": "Spring sale"}}


@pytest.mark.parametrize(("dimension", "value", "words"), NAMED)
def test_a_value_has_one_name_on_screens_and_in_reports(dimension, value, words):
    column = {"key": dimension, "role": "dimension", "unit": ""}
    section = {"labels": LABELS, "currency": "EUR"}
    assert value_words(dimension, value, LABELS) == words
    assert words_of_report(value, column, section) == words
    assert _value(value, column, section) == words


def test_a_sentence_about_what_moved_has_the_same_names():
    parts = (Part(None, 10.0, 40.0, 30.0), Part("7", 5.0, 10.0, 5.0))
    insight = Insight(
        metric=metric("sent"), before=15.0, after=50.0, change=2.33, p_value=0.001, currency="EUR",
        question=Question(metrics=("sent",), period="last_7_days"), labels={"7": "Spring sale"},
        explanation=Explanation("campaign", 35.0, parts, 1.0, 0.5),
    )  # fmt: skip
    assert because(insight) == "By campaign, Outside campaigns (+30), Spring sale (+5) explain 100% of it."
