"""Under test: what the winner brings to the people who wait: the difference that was seen, times them."""

from __future__ import annotations

import math

import pytest

from dmat.experiments.analysis import Arm, Design, Observed, analyse
from dmat.experiments.gain import count_rest, gain_of, gains_of
from dmat.experiments.moments import Moments

ARMS = (Arm("a", share=0.5), Arm("b", share=0.5))


def seen(people, hits, primary="click", arms=ARMS):
    moments = {arm.key: {primary: Moments.of_proportion(n, y)} for arm, n, y in zip(arms, people, hits, strict=True)}
    design = Design(arms, "a", primary, inference="fixed")
    return analyse(design, Observed({arm.key: n for arm, n in zip(arms, people, strict=True)}, moments))


def test_the_gain_is_the_difference_and_its_limits_times_the_people():
    analysis = seen((1000, 1000), (100, 150))
    gain, compared = gain_of(analysis, "b", 8_000, is_of_rest=True), analysis.comparison("b")
    assert (gain.arm, gain.other, gain.metric, gain.people, gain.is_proven) == ("b", "a", "click", 8_000, True)
    assert gain.value == pytest.approx(8_000 * 0.05)
    assert (gain.low, gain.high) == pytest.approx((8_000 * compared.low, 8_000 * compared.high))
    assert 0 < gain.low < gain.value < gain.high


def test_the_control_is_told_in_place_of_the_best_of_the_others_with_the_limits_turned_around():
    arms = (*ARMS, Arm("c"))
    analysis = seen((1000, 1000, 1000), (150, 100, 130), arms=arms)
    gain, compared = gain_of(analysis, "a", 100, is_of_rest=False), analysis.comparison("c")
    assert (gain.other, gain.value) == ("c", pytest.approx(2.0))
    assert (gain.low, gain.high) == pytest.approx((-100 * compared.high, -100 * compared.low))


def test_where_less_is_better_a_gain_is_fewer():
    gain = gain_of(seen((2000, 2000), (100, 40), "unsubscribe"), "b", 1_000, is_of_rest=True)
    assert (gain.value, gain.is_proven) == (pytest.approx(-30.0), True)
    control = gain_of(seen((2000, 2000, 2000), (40, 90, 100), "unsubscribe", (*ARMS, Arm("c"))), "a", 1_000,
                      is_of_rest=True)  # fmt: skip
    assert (control.other, control.value) == ("b", pytest.approx(-25.0))


@pytest.mark.parametrize(("people", "hits", "rest"), [
    ((1000, 1000), (100, 150), 0),  # nobody waits
    ((0, 0), (0, 0), 100),  # nothing is known
    ((1000, 1400), (100, 150), 100),  # people are not split as planned
])  # fmt: skip
def test_nothing_is_said_where_nothing_can_be_said(people, hits, rest):
    analysis = seen(people, hits)
    assert gain_of(analysis, "b", rest, is_of_rest=True) is None
    assert gains_of(analysis, rest) == []


def test_a_ratio_is_no_sum_over_people():
    moments = {arm: {"order_value": Moments.of_values([5.0, 7.0, 9.0 + at] * 50, [1.0, 2.0, 3.0] * 50)}
               for at, arm in enumerate("ab")}  # fmt: skip
    design = Design(ARMS, "a", "order_value", inference="fixed")
    analysis = analyse(design, Observed({"a": 150, "b": 150}, moments))
    assert math.isfinite(analysis.comparison("b").low)
    assert gain_of(analysis, "b", 100, is_of_rest=True) is None


def test_who_waits_is_counted_before_and_after_the_decision(tested):
    tested.draft()
    number = tested.add_test(1)

    def waiting():
        with tested.world.store.read() as connection:
            return count_rest(connection, tested.tests.get(number))

    assert waiting() == 0  # nobody is chosen yet
    tested.start(1)
    in_test = len(tested.ledger())
    assert waiting() == tested.run().audience_count - in_test > 0
    tested.tests.declare_winner(number, "b", "bob@shop.example", "better")
    assert waiting() == tested.run().audience_count - in_test
