"""Under test: which lines a chart over time has, and what stands where a line has no value."""

from __future__ import annotations

from dmat.reports.courses import drawn_lines


def test_counts_are_ranked_by_their_sum_and_are_0_where_nothing_happened():
    lines = {"a": {1: 5}, "b": {1: 2, 2: 2}, "c": {2: 9}, "d": {1: 1}, "e": {2: 3}}
    assert drawn_lines(lines, (1, 2, 3), "count") == {"c": (0, 9, 0), "a": (5, 0, 0), "b": (2, 2, 0), "e": (0, 3, 0)}


def test_quotients_are_ranked_by_how_often_there_is_one_and_stay_unknown():
    lines = {"rare": {1: 1.0}, "steady": {1: 0.02, 2: 0.03}, "unknown": {1: None, 2: None}}
    assert drawn_lines(lines, (1, 2), "rate") == {
        "steady": (0.02, 0.03),
        "rare": (1.0, None),
        "unknown": (None, None),
    }
