"""Under test: use case 7 D as a playbook on the simulated company: days 1, 7 and 14 for whoever has not bought for 90
days, until they buy; some are held out. What came of it is compared with the company's own tables.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from lived_past import DAY, HOUR

SEGMENT = "win-back-90-days"


@pytest.fixture(scope="module")
def won_back(past):
    """The playbook, live from before anybody was written down in its segment until two weeks later."""
    query = "select min(recorded_at) as first from segments.segment_memberships where segment_key = ?"
    [row] = past.rows(query, SEGMENT)
    since = row["first"] - HOUR
    return past, past.live("win-back", since, since + 15 * DAY, 12 * HOUR), since


def test_everybody_who_came_into_the_segment_entered_once(won_back):
    past, journey, _ = won_back
    stays = past.rows("select distinct person_id from segments.segment_memberships where segment_key = ?", SEGMENT)
    members = past.members(journey)
    assert len(members) > 20
    assert sorted(member.person_id for member in members) == sorted(row["person_id"] for row in stays)


def test_three_mails_on_days_one_seven_and_fourteen(won_back):
    past, journey, _ = won_back
    moments = defaultdict(dict)
    for row in past.messages(journey):
        moments[row["occurrence"]][row["step"]] = row["not_before"]
    whole = [each for each in moments.values() if len(each) == 3]
    assert len(whole) > 10
    for each in whole:
        assert timedelta(0) <= each["day-7"] - each["day-1"] - 6 * DAY <= DAY
        assert timedelta(0) <= each["day-14"] - each["day-7"] - 7 * DAY <= DAY


def test_it_stops_for_whoever_bought_again(won_back):
    past, journey, since = won_back
    bought = {
        row["person_id"]: row["first"]
        for row in past.rows(
            "select person_id, min(ordered_at) as first from commerce.fct_orders where ordered_at > ?"
            " and person_id is not null group by person_id", since,
        )
    }  # fmt: skip
    for member in past.members(journey):
        if member.status == "exited":
            assert member.person_id in bought
    for row in past.messages(journey):
        member_bought = bought.get(row["person_id"])
        entered = next(each.entered_at for each in past.members(journey) if each.entry_key == row["occurrence"])
        if member_bought is not None and member_bought > entered:
            assert row["not_before"] <= member_bought + DAY


def test_the_held_out_pass_the_same_steps_and_carry_the_mark(won_back):
    past, journey, _ = won_back
    held = {member.entry_key for member in past.members(journey) if member.is_holdout}
    marked = {row["occurrence"] for row in past.messages(journey) if row["is_holdout"]}
    assert marked == held
    codes = Counter(row["context"]["discount_code"] for row in past.messages(journey) if row["step"] == "day-14")
    assert set(codes) == {"WELCOMEBACK25"}


def test_living_it_again_gives_the_same_rows(won_back):
    past, journey, _ = won_back
    assert past.replayed(journey) == []


@pytest.mark.parametrize(
    ("playbook", "column", "days"), [("birthday", "birthday", 30), ("anniversary", "first_order_at", 20)]
)
def test_a_date_that_comes_round_is_written_to_once_a_year(past, playbook, column, days):
    [row] = past.rows("select max(ordered_at) as newest from commerce.fct_orders")
    since = row["newest"].replace(hour=0, minute=0, second=0, microsecond=0) - days * DAY
    journey = past.live(playbook, since, since + days * DAY, DAY)
    members, people = past.members(journey), past.rows(
        f"select person_id, {column} as day from people.dim_people where {column} is not null"
    )  # fmt: skip
    dates = {row["person_id"]: row["day"] for row in people}
    assert members
    assert max(Counter(member.person_id for member in members).values()) == 1
    for member in members:
        assert member.person_id in dates
    assert past.replayed(journey) == []
