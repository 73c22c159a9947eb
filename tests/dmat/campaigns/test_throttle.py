"""Under test: the dynamic throttle, on a clock of its own."""

from __future__ import annotations

from dmat.campaigns.throttle import LIMITED, TOOK, UNAVAILABLE, Throttle


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_it_starts_with_what_the_provider_allows_and_never_goes_beyond():
    throttle = Throttle(8, Clock())
    for _ in range(100):
        throttle.answered(TOOK, 0.1)
    assert throttle.allowance() == 8


def test_it_halves_and_waits_as_long_as_the_provider_says_and_grows_again_by_one_a_round():
    clock = Clock()
    throttle = Throttle(16, clock)
    throttle.answered(LIMITED, 0.1, retry_after_seconds=5)
    assert (throttle.allowance(), throttle.wait_seconds()) == (0, 5.0)
    clock.now += 5
    assert throttle.allowance() == 8
    for _ in range(8):
        throttle.answered(TOOK, 0.1)
    assert throttle.allowance() in {8, 9}
    for _ in range(9):
        throttle.answered(TOOK, 0.1)
    assert throttle.allowance() in {9, 10}


def test_refusals_of_one_round_cut_only_once():
    clock = Clock()
    throttle = Throttle(16, clock)
    for _ in range(16):
        throttle.answered(LIMITED, 0.2, retry_after_seconds=1)
    clock.now += 1
    assert throttle.allowance() == 8


def test_a_provider_that_does_not_answer_is_asked_ever_more_rarely_but_at_least_every_minute():
    clock = Clock()
    throttle = Throttle(4, clock)
    waits = []
    for _ in range(12):
        throttle.answered(UNAVAILABLE, 0.1)
        waits.append(throttle.wait_seconds())
        clock.now += waits[-1]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == 60.0
    assert throttle.allowance() == 1
    throttle.answered(TOOK, 0.1)
    throttle.answered(UNAVAILABLE, 0.1)
    assert throttle.wait_seconds() == 0.5


def test_answers_that_take_much_longer_than_usual_slow_it_down():
    clock = Clock()
    throttle = Throttle(10, clock)
    for _ in range(20):
        throttle.answered(TOOK, 0.2)
    throttle.answered(TOOK, 3.0)
    assert throttle.allowance() == 8
