"""Under test: arms by a salted hash are what the shares say, independent between tests, and stay where they were."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dmat.errors import InvalidInputError
from dmat.experiments.assign import (
    arm_of,
    arm_of_text,
    chosen_few,
    free_part,
    in_part,
    in_test,
    pack_codes,
    unit_of,
    unpack_codes,
    wave_of,
)

PEOPLE = np.arange(1, 200_001, dtype=np.int64)
HALVES = {"a": 0.5, "b": 0.5}


def test_numbers_are_spread_evenly():
    assert stats.kstest(unit_of("experiment:1", PEOPLE), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("shares", [HALVES, {"a": 0.9, "b": 0.1}, {"a": 0.2, "b": 0.3, "c": 0.5}])
def test_arms_have_their_shares(shares):
    counts = np.bincount(arm_of("experiment:7", PEOPLE, shares))
    expected = np.array(list(shares.values())) * len(PEOPLE)
    assert stats.chisquare(counts, expected).pvalue > 1e-4


def test_tests_with_different_salts_are_independent():
    one, other = arm_of("experiment:1", PEOPLE, HALVES), arm_of("experiment:2", PEOPLE, HALVES)
    table = np.histogram2d(one, other, bins=2)[0]
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_being_in_the_test_says_nothing_about_the_arm():
    inside, codes = in_test("experiment:1", PEOPLE, 0.2), arm_of("experiment:1", PEOPLE, HALVES)
    assert stats.chi2_contingency(np.histogram2d(inside, codes, bins=2)[0]).pvalue > 1e-4


def test_the_answer_is_the_same_for_ever():
    assert arm_of("experiment:1", PEOPLE[:12], HALVES).tolist() == [1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1]
    assert arm_of_text("experiment:1", "visitor-1", HALVES) == "a"


def test_who_stands_beside_whom_changes_nothing():
    some = PEOPLE[::7]
    assert (arm_of("experiment:3", some, HALVES) == arm_of("experiment:3", PEOPLE, HALVES)[::7]).all()


def test_when_shares_change_people_move_only_to_arms_that_gain_against_theirs():
    before, after = arm_of("t", PEOPLE, {"a": 0.5, "b": 0.5}), arm_of("t", PEOPLE, {"a": 0.4, "b": 0.4, "c": 0.2})
    assert set(after[before != after]) == {2}
    grown = arm_of("t", PEOPLE, {"a": 0.7, "b": 0.3})
    assert set(before[before != grown]) == {1}


def test_an_arm_without_a_share_gets_nobody():
    assert 1 not in arm_of("t", PEOPLE, {"a": 1.0, "b": 0.0})


@pytest.mark.parametrize("shares", [{}, {"a": -1.0, "b": 1.0}, {"a": 0.0}])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(InvalidInputError, match="shares"):
        arm_of("t", PEOPLE[:1], shares)


@given(st.lists(st.floats(0.01, 0.5), min_size=1, max_size=12))
def test_parts_of_a_group_never_overlap(wanted):
    taken = []
    for share in wanted:
        found = free_part(taken, share)
        if found is not None:
            taken.append(found)
    ordered = sorted(taken)
    assert all(end <= begin + 1e-9 for (_, end), (begin, _) in pairwise(ordered))
    assert all(low >= 0 and high <= 1 + 1e-9 for low, high in taken)


def test_people_of_two_parts_of_a_group_are_disjoint_and_as_many_as_wanted():
    one, other = in_part("spring", PEOPLE, 0.0, 0.3), in_part("spring", PEOPLE, 0.3, 0.7)
    assert not (one & other).any()
    assert one.mean() == pytest.approx(0.3, abs=0.005)


def test_exactly_so_many_are_chosen():
    assert chosen_few("t", PEOPLE, 137).sum() == 137
    assert chosen_few("t", PEOPLE[:5], 137).all()


def test_waves_part_the_people_evenly():
    assert stats.chisquare(np.bincount(wave_of("t", PEOPLE, 5))).pvalue > 1e-4


@given(st.lists(st.integers(0, 255), max_size=200))
def test_packed_arms_come_back(codes):
    given_codes = np.array(codes, np.uint8)
    assert (unpack_codes(pack_codes(given_codes)) == given_codes).all()
