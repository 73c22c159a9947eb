"""Tests on people of the make-believe company: split as the product splits, what they did or are inclined to do as the
company has it. Nothing is found where nothing is; what is planted is found as often as the plan of the test says.

`DMAT_TRUTH=full` runs the full size.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pytest
from promised_shares import FULL, assert_at_most, assert_share

from dmat.experiments.analysis import Arm, Design, Observed, analyse
from dmat.experiments.assign import arm_of, chosen_few
from dmat.experiments.comparing import Found, Look, compare_proportions
from dmat.experiments.moments import NAMES, Moments, Table
from dmat.experiments.power import detectable, power_of, sample_size
from dmat.experiments.records import salt_of
from dmat.simulate import company as made

END = datetime(2026, 3, 1, 10)
PEOPLE = 4_000
TESTS = 6_000 if FULL else 200
DAYS = 14
ARMS, SHARES = (Arm("a"), Arm("b")), {"a": 0.5, "b": 0.5}


@dataclass(frozen=True)
class Company:
    """Its people in columns: what they did in the last 90 days and in the 90 before, and what they are inclined to do.

    `spent` and `spent_before` are cents; `clicked_on` is the day of the last two weeks of the first click, else DAYS.
    """

    person_id: np.ndarray
    has_clicked: np.ndarray
    spent: np.ndarray
    spent_before: np.ndarray
    clicked_on: np.ndarray
    click_chance: np.ndarray
    return_chance: np.ndarray
    mailed_return_chance: np.ndarray


@pytest.fixture(scope="module")
def company() -> Company:
    with duckdb.connect() as connection:
        made.make_tables(made.generate(PEOPLE, 11, END), connection)
        found = connection.execute(
            """with clicks as (
                select
                    person_id, min(day_number) filter (day_number >= 0) as first_day,
                    bool_or("timestamp" > epoch($end) - 90 * 86400) as has_clicked
                from (
                    select *, cast(floor(("timestamp" - epoch($end)) / 86400) as integer) + $days as day_number
                    from email_events where event = 'click'
                ) group by person_id
            ),
            spending as (
                select
                    person_id,
                    sum(total_cents) filter (ordered_at > $end - interval 90 day) as now,
                    sum(total_cents) filter (ordered_at <= $end - interval 90 day) as before
                from orders where cancelled_at is null and ordered_at > $end - interval 180 day group by person_id
            )
            select
                t.person_id, coalesce(c.has_clicked, false) as has_clicked,
                coalesce(s.now, 0)::double as spent, coalesce(s.before, 0)::double as spent_before,
                coalesce(c.first_day, $days) as clicked_on,
                case when t.is_bouncing then 0 else t.open_rate * t.click_rate end as click_chance,
                t.return_rate as return_chance,
                t.return_rate + case when t.is_bouncing then 0 else t.recovery_effect end as mailed_return_chance
            from truth.people as t
            left join clicks as c on t.person_id = c.person_id
            left join spending as s on t.person_id = s.person_id
            order by t.person_id""",
            {"end": END, "days": DAYS},
        ).fetchnumpy()
    return Company(**{name: np.asarray(values) for name, values in found.items()})


def split(number: int, people: np.ndarray) -> np.ndarray:
    """The arm of each of these people in the test with that number, as the product gives it."""
    return arm_of(salt_of(number), people, SHARES)


def analysed(arms: np.ndarray, design: Design, **columns: tuple[np.ndarray, np.ndarray | None]):
    """The analysis of these arms: metric -> outcome and covariate of each person."""
    assigned = {arm.key: int((arms == code).sum()) for code, arm in enumerate(ARMS)}
    moments = {
        arm.key: {
            metric: Moments.of_values(
                outcome[arms == code].astype(float), c=None if before is None else before[arms == code].astype(float)
            )
            for metric, (outcome, before) in columns.items()
        }
        for code, arm in enumerate(ARMS)
    }
    return analyse(design, Observed(assigned, moments))


def test_the_company_split_by_chance_alone_shows_a_difference_in_five_percent(company: Company) -> None:
    """Of what people did: a rate, a rate and a mean that are adjusted by the past; and the ratio of the arms."""
    design = Design(ARMS, "a", "click", inference="fixed")
    found, lopsided = dict.fromkeys(("click", "conversion", "revenue"), 0), 0
    for number in range(TESTS):
        seen = analysed(
            split(number, company.person_id), design, click=(company.has_clicked, None),
            conversion=(company.spent > 0, company.spent_before > 0), revenue=(company.spent, company.spent_before),
        )  # fmt: skip
        lopsided += next(one.level for one in seen.health if one.check == "sample_ratio") != "ok"
        for metric in found:
            found[metric] += seen.comparison("b", metric).is_significant
    assert {seen.comparison("b", metric).method for metric in found} == {"score", "cuped"}
    for times in found.values():
        assert_share(times / TESTS, 0.05, TESTS)
    assert_share(lopsided / TESTS, 0.01, TESTS)


def compared(people: np.ndarray, hits: np.ndarray, inference: str = "fixed", planned: int = PEOPLE // 2) -> Found:
    """Tests x arms of people and of those who did it, each row a test of its own."""
    sums = {name: np.zeros_like(people, float) for name in NAMES} | {"n": people, "y": hits, "yy": hits}
    between = 2 / (1 / people[:, :1] + 1 / people[:, 1:]) / planned
    return compare_proportions(Table(sums), 0, Look(inference, 0.05, people / planned, between), ["holm"] * len(people))


def count(arms: np.ndarray, chosen: np.ndarray) -> tuple[int, int]:
    """Of those who are chosen, how many are in each arm."""
    in_b = int(arms[chosen].sum())
    return int(chosen.sum()) - in_b, in_b


def test_watched_every_day_the_company_split_by_chance_errs_in_at_most_five_percent(company: Company) -> None:
    """Clicks come in as they came; who stops at the first p < 0.05 is fooled, always-valid inference is not."""
    erred = {"always_valid": np.zeros(TESTS, bool), "fixed": np.zeros(TESTS, bool)}
    arms = np.array([split(number, company.person_id) for number in range(TESTS)])
    people = np.array([count(each, np.ones(PEOPLE, bool)) for each in arms], float)
    for day in range(DAYS):
        hits = np.array([count(each, company.clicked_on <= day) for each in arms], float)
        for inference, found in erred.items():
            found |= compared(people, hits, inference).is_significant[:, 0]
    assert_at_most(erred["always_valid"].mean(), 0.05, TESTS)
    assert erred["fixed"].mean() > 0.08


@pytest.mark.parametrize("inference", ["fixed", "always_valid"])
def test_a_lift_planted_in_clicks_is_found_with_the_power_that_was_stated(company: Company, inference: str) -> None:
    rng, chance = np.random.default_rng(20260302), company.click_chance
    base, planned = float(chance.mean()), PEOPLE // 2
    difference = detectable(base, planned, inference=inference)
    people, hits = np.zeros((TESTS, 2)), np.zeros((TESTS, 2))
    for number in range(TESTS):
        arms = split(number, company.person_id)
        people[number] = count(arms, np.ones(PEOPLE, bool))
        hits[number] = count(arms, rng.random(PEOPLE) < chance * np.where(arms == 1, 1 + difference / base, 1))
    seen = compared(people, hits, inference)
    is_up = seen.difference > 0
    power = power_of(base, difference, planned, inference=inference)
    assert_share((seen.is_significant & is_up).mean(), power, TESTS, 0.01)
    assert_at_most((seen.is_significant & ~is_up).mean(), 0.001, TESTS)


def test_the_planted_effect_of_a_mail_about_the_cart_is_found_in_as_many_people_as_planned(company: Company) -> None:
    """Against a holdout: who is mailed comes back more often by what is planted in each person."""
    rng = np.random.default_rng(20260303)
    base = float(company.return_chance.mean())
    effect = float(company.mailed_return_chance.mean()) - base
    size = sample_size(base, effect, power=0.9)
    people, hits = np.zeros((TESTS, 2)), np.zeros((TESTS, 2))
    for number in range(TESTS):
        ids = np.flatnonzero(chosen_few(salt_of(number), company.person_id, 2 * size))
        arms = split(number, company.person_id[ids])
        chance = np.where(arms == 1, company.mailed_return_chance[ids], company.return_chance[ids])
        people[number] = count(arms, np.ones(ids.size, bool))
        hits[number] = count(arms, rng.random(ids.size) < chance)
    seen = compared(people, hits, planned=size)
    found = (seen.is_significant & (seen.difference > 0)).mean()
    assert_share(found, power_of(base, effect, size), TESTS, 0.02)
