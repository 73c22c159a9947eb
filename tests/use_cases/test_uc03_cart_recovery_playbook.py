"""Under test: use case 3 as a playbook, live for two days of the simulated company: an hour, a day, two days; whoever
buys hears no more. What came of it is compared with the company's own tables.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from lived_past import DAY, HOUR

SENT = {"first-mail", "text", "last-mail"}


@pytest.fixture(scope="module")
def carts(past):
    """The carts that were left while the playbook was live, and what it did."""
    [row] = past.rows("select max(last_touched_at) as newest from commerce.fct_carts where person_id is not null")
    since = (row["newest"] - 4 * DAY).replace(minute=0, second=0, microsecond=0)
    journey = past.live("cart-recovery", since, since + 4 * DAY, HOUR)
    left = past.rows(
        "select cart_id, person_id, last_touched_at, completed_at from commerce.fct_carts where person_id is not null"
        " and last_touched_at > ? and last_touched_at <= ?"
        " and (completed_at is null or completed_at > last_touched_at + interval 1 hour)",
        since - HOUR, since + 4 * DAY - HOUR,
    )  # fmt: skip
    return past, journey, {row["cart_id"]: row for row in left}


def test_every_cart_left_for_an_hour_is_an_entry_unless_its_person_was_in_it_already(carts):
    past, journey, left = carts
    entered = {member.entry_key for member in past.members(journey)}
    assert 5 < len(entered) <= len(left)
    assert entered <= set(left)
    missing = {left[key]["person_id"] for key in set(left) - entered}
    assert missing <= {left[key]["person_id"] for key in entered}


def test_the_messages_come_after_an_hour_a_day_and_two_days_since_it_began(carts):
    past, journey, _ = carts
    began = {row["occurrence"]: row["not_before"] for row in past.messages(journey) if row["step"] == "first-mail"}
    late = {"text": 23 * HOUR, "last-mail": 47 * HOUR}
    others = [row for row in past.messages(journey) if row["step"] in late]
    assert others
    for row in others:
        waited = row["not_before"] - began[row["occurrence"]] - late[row["step"]]
        assert timedelta(0) <= waited <= 3 * HOUR  # nobody looks more often than every hour here


def test_texts_go_only_to_people_who_agreed_to_texts(carts):
    past, journey, _ = carts
    agreed = past.rows(
        "select person_id from consent.person_channel_consent where channel = 'sms' and is_granted"
        " and purpose = 'marketing'"
    )
    texted = {row["person_id"] for row in past.messages(journey) if row["step"] == "text"}
    assert texted <= {row["person_id"] for row in agreed}


def test_whoever_bought_hears_no_more_and_leaves_the_audience(carts):
    past, journey, _ = carts
    members = {member.entry_key: member for member in past.members(journey)}
    left_early = {key for key, member in members.items() if member.status == "exited"}
    for key in left_early:
        [row] = past.rows(
            "select count(*) as n from commerce.fct_orders where person_id = ? and ordered_at > ?"
            " and ordered_at <= ?", members[key].person_id, members[key].entered_at, members[key].at + HOUR,
        )  # fmt: skip
        [cart] = past.rows("select completed_at from commerce.fct_carts where cart_id = ?", key)
        assert row["n"] or cart["completed_at"]
        later = [each for each in past.messages(journey) if each["occurrence"] == key
                 and each["not_before"] > members[key].at]  # fmt: skip
        assert later == []
    waiting = [row for row in past.messages(journey) if row["occurrence"] in left_early and row["state"] == "planned"]
    assert waiting == []


def test_who_did_not_buy_after_two_days_is_on_the_list_of_advertisers(carts):
    past, journey, _ = carts
    listed = {action.person_id for action in past.actions(journey, "audience")}
    members = past.members(journey)
    passed = {each.person_id for each in members if "last-mail@" in each.path and not each.is_holdout}
    assert listed == passed
    assert passed


def test_living_it_again_gives_the_same_rows(carts):
    past, journey, _ = carts
    assert {row["step"] for row in past.messages(journey)} <= SENT
    assert past.replayed(journey) == []
