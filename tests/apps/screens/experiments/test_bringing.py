"""Under test: what the winner brings to everybody else, in a sentence."""

from __future__ import annotations

import pytest

from apps.screens.experiments.bringing import gain_words
from dmat.experiments.gain import Gain
from dmat.experiments.results import Arm, Design

DESIGN = Design((Arm("a", "Friendly"), Arm("b", "Saving")), "a", "click")


def told(metric="click", value=66.7, low=12.2, high=121.4, people=998, is_of_rest=True, is_decided=False):
    gain = Gain("b", "a", metric, people, value, low, high, low > 0, is_of_rest)
    return gain_words(gain, DESIGN, "USD", is_decided=is_decided)


@pytest.mark.parametrize(("given", "words"), [
    ({}, "Among the 998 people who wait, Saving in place of Friendly would mean about 67 more people who click,"
         " between 12 and 121 more."),
    ({"low": -40.0, "high": 174.0, "is_decided": True},
     "Among the 998 others, Saving in place of Friendly is estimated to mean about 67 more people who click, but"
     " anything between 40 fewer and 174 more fits."),
    ({"metric": "unsubscribe", "value": -30.0, "low": -45.0, "high": -15.0},
     "Among the 998 people who wait, Saving in place of Friendly would mean about 30 fewer unsubscribes, between 15 and"
     " 45 fewer."),
    ({"metric": "revenue", "value": -123_400, "low": -200_000, "high": 50_000, "is_of_rest": False, "people": 1_000},
     "Of 1,000 people, Saving in place of Friendly means about $1,234.00 less revenue, but anything between $2,000.00"
     " less and $500.00 more fits."),
])  # fmt: skip
def test_the_sentence_says_how_many_and_between_what(given, words):
    assert told(**given) == words


def test_without_a_gain_there_is_no_sentence():
    assert gain_words(None, DESIGN) == ""
