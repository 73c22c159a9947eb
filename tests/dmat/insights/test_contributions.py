"""Under test: contributions add up to the change, whatever the parts do; the dimension that explains it is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmat.insights.contributions import explain, of_quotients, of_sums

AMOUNT = st.floats(0, 1e6, allow_nan=False)
SUMS = st.dictionaries(st.sampled_from("abcdef"), AMOUNT, max_size=6)
QUOTIENTS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(AMOUNT, st.floats(1, 1e6)), min_size=1, max_size=6)


@given(SUMS, SUMS)
def test_contributions_to_a_sum_add_up(before, after):
    change = sum(after.values()) - sum(before.values())
    assert sum(part.contribution for part in of_sums(before, after)) == pytest.approx(change, abs=1e-3)


@given(QUOTIENTS, QUOTIENTS)
def test_contributions_to_a_quotient_add_up(before, after):
    def rate(side):
        return sum(above for above, _ in side.values()) / sum(below for _, below in side.values())

    change = rate(after) - rate(before)
    scale = max(above / below for side in (before, after) for above, below in side.values()) + 1
    assert sum(part.contribution for part in of_quotients(before, after)) == pytest.approx(change, abs=1e-9 * scale)


def test_a_rate_that_fell_only_because_weights_shifted_is_all_mix():
    parts = of_quotients({"mail": (50, 100), "sms": (10, 100)}, {"mail": (25, 50), "sms": (15, 150)})
    assert [part.contribution for part in parts] == pytest.approx([part.mix for part in parts])
    assert sum(part.contribution for part in parts) == pytest.approx(-0.1)


def test_the_part_that_moved_is_named_and_the_spread_is_not():
    found = explain("source", of_sums({"a": 100, "b": 100, "c": 100}, {"a": 20, "b": 98, "c": 101}))
    assert [part.value for part in found.parts] == ["a"]
    assert found.change == -81
    assert found.share == pytest.approx(80 / 81)
    even = {key: 100.0 for key in "abcdefgh"}
    assert explain("source", of_sums(even, {key: 90.0 for key in even})) is None


def test_a_dimension_that_explains_everything_by_itself_says_nothing():
    assert explain("one", of_sums({"all": 10}, {"all": 5})) is None
    assert explain("both", of_sums({"a": 10, "b": 10}, {"a": 5, "b": 5})) is None


def test_a_shift_surprises_more_than_an_even_move():
    shifted = explain("source", of_sums({"a": 100, "b": 100, "c": 100}, {"a": 10, "b": 100, "c": 100}))
    tilted = explain("country", of_sums({"d": 200, "e": 50, "f": 50}, {"d": 115, "e": 47, "f": 48}))
    assert shifted.surprise > tilted.surprise > 0


def test_nothing_moved_is_no_explanation():
    assert explain("source", of_sums({"a": 1, "b": 2}, {"a": 1, "b": 2})) is None
    assert of_quotients({"a": (1, 0)}, {"a": (1, 2)}) == []
