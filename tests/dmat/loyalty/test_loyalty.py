"""Under test: loyalty. Orders earn once, the ledger adds to nothing, tiers follow, offers are used once."""

from __future__ import annotations

import zlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from lead_world import LEAD_NOON

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.loyalty.earning import earn_from_orders, follow_merges
from dmat.loyalty.ledger import (
    EARN,
    Posting,
    adjust,
    balances,
    expire_points,
    out_of_balance,
    post,
    spend,
    statement_of,
)
from dmat.loyalty.members import member_of
from dmat.loyalty.offers import grant_offer, grants_of, put_offer, redeem, redeem_from_orders
from dmat.loyalty.rules import keep_rules, parse_loyalty
from dmat.loyalty.tiers import update_tiers
from dmat.warehouse import publish, writer, writer_lock

TABLES = """
    create schema if not exists raw;
    create table if not exists raw.workspace_clock (build_number bigint, now_at timestamp);
    drop schema if exists commerce cascade; drop schema if exists people cascade;
    create schema commerce; create schema people;
    create table commerce.fct_orders (
        order_id varchar, person_id bigint, ordered_at timestamp, status varchar, net_cents bigint,
        discount_code varchar, _build bigint
    );
    create table people.dim_people (person_id bigint, has_email_consent boolean);
    create table people.person_merges (merged_person_id bigint, surviving_person_id bigint, merged_at timestamp);
"""


@pytest.fixture
def programme(lead_world):
    keep_rules(lead_world.store, {}, LEAD_NOON, "ann")
    return lead_world


def shop(world, orders, people=((1, True), (2, False)), merges=()):
    with writer(world.settings) as connection:
        connection.execute(TABLES)
        for table, rows in (("commerce.fct_orders", orders), ("people.dim_people", people),
                            ("people.person_merges", merges)):  # fmt: skip
            if rows:
                marks = ", ".join("?" for _ in rows[0])
                connection.executemany(f"insert into {table} values ({marks})", [list(row) for row in rows])
    with writer_lock(world.settings):
        publish(world.settings)
    return earn_from_orders(world.store, world.view, world.settings.clock.now())


def order(number, person, euros, build=1, status="paid", code=None, at=LEAD_NOON):
    return (f"o{number}", person, at, status, euros * 100, code, build)


def balance(world, person=1):
    with world.store.read() as connection:
        return balances(connection, [person]).get(person, 0)


def give(world, person, points, key="k", at=LEAD_NOON, days=365):
    with world.store.write() as connection:
        post(connection, [Posting(key, person, EARN, points, at, "test", at + timedelta(days=days))], at, "test")


def test_an_order_earns_once_and_only_for_members(programme):
    orders = [order(1, 1, 105), order(2, 2, 900)]
    first = shop(programme, orders)
    assert (first.joined_count, first.points, shop(programme, orders).posted_count) == (1, 10, 0)
    assert (balance(programme), balance(programme, 2)) == (10, 0)


def test_a_refund_takes_back_what_the_order_had_earned(programme):
    shop(programme, [order(1, 1, 100), order(2, 1, 50)])
    shop(
        programme, [order(1, 1, 40, build=2, status="partially_refunded"), order(2, 1, 50, build=2, status="cancelled")]
    )
    assert balance(programme) == 4
    shop(programme, [order(1, 1, 70, build=3, status="partially_refunded")])
    assert balance(programme) == 7
    assert out_of_balance(programme.store) == []


def test_no_programme_and_a_programme_that_is_off_earn_nothing(lead_world):
    assert shop(lead_world, [order(1, 1, 100)]).points == 0
    keep_rules(lead_world.store, {"is_active": False}, LEAD_NOON, "ann")
    assert shop(lead_world, [order(1, 1, 100)]).points == 0
    keep_rules(lead_world.store, {"starts_at": "2026-03-05T00:00:00"}, LEAD_NOON, "ann")
    assert shop(lead_world, [order(1, 1, 100)]).points == 0


@pytest.mark.parametrize(
    ("points", "tier"), [(0, "silver"), (99, "silver"), (100, "gold"), (499, "gold"), (500, "platinum"), (-3, "silver")]
)
def test_tiers_begin_at_their_points(points, tier):
    assert parse_loyalty({}).tier_of(points).key == tier


def test_a_tier_is_reached_at_once_kept_a_year_and_then_what_was_earned_decides(programme):
    shop(programme, [order(1, 1, 1000)])
    assert [(each.from_tier, each.to_tier) for each in update_tiers(programme.store, LEAD_NOON)] == [("silver", "gold")]
    assert update_tiers(programme.store, LEAD_NOON) == []
    member = member_of(programme.store, 1)
    assert (member.tier, member.tier_until) == ("gold", LEAD_NOON + timedelta(days=365))
    with programme.store.write() as connection:
        spend(connection, 1, 90, "s", "a mug", LEAD_NOON, "shop")
    assert update_tiers(programme.store, LEAD_NOON + timedelta(days=364)) == []
    later = update_tiers(programme.store, LEAD_NOON + timedelta(days=366))
    assert [(each.from_tier, each.to_tier) for each in later] == [("gold", "silver")]


def test_points_are_spent_once_a_key_and_never_more_than_there_are(programme):
    shop(programme, [order(1, 1, 1000)])
    with programme.store.write() as connection:
        assert spend(connection, 1, 60, "a", "", LEAD_NOON, "shop") == 40
        assert spend(connection, 1, 60, "a", "", LEAD_NOON, "shop") == 40
        with pytest.raises(ConflictError, match="40 points"):
            spend(connection, 1, 41, "b", "", LEAD_NOON, "shop")
        with pytest.raises(InvalidInputError):
            spend(connection, 1, 0, "c", "", LEAD_NOON, "shop")


def test_points_expire_oldest_first_and_once(programme):
    give(programme, 1, 30, "old", LEAD_NOON, 10)
    give(programme, 1, 20, "new", LEAD_NOON, 100)
    with programme.store.write() as connection:
        spend(connection, 1, 25, "s", "", LEAD_NOON, "shop")
    late = LEAD_NOON + timedelta(days=11)
    assert [each.points for each in expire_points(programme.store, late)] == [-5]
    assert expire_points(programme.store, late) == []
    assert balance(programme) == 20
    expire_points(programme.store, LEAD_NOON + timedelta(days=101))
    assert balance(programme) == 0
    assert statement_of(programme.store, 1)[0]["kind"] == "expire"


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["earn", "spend", "expire"]), st.integers(1, 60)), max_size=12))
def test_whatever_happens_the_ledger_adds_to_nothing_and_nobody_has_less_than_nothing(lead_world, steps):
    person, now = zlib.crc32(str(steps).encode()) + 10, LEAD_NOON
    for number, (step, points) in enumerate(steps):
        now += timedelta(days=20)
        if step == "earn":
            give(lead_world, person, points, f"{person}:{number}", now, 90)
        elif step == "spend" and balance(lead_world, person) >= points:
            with lead_world.store.write() as connection:
                spend(connection, person, points, f"{person}:s{number}", "", now, "shop")
        else:
            expire_points(lead_world.store, now)
        assert balance(lead_world, person) >= 0
    expire_points(lead_world.store, now + timedelta(days=91))
    assert balance(lead_world, person) == 0
    assert out_of_balance(lead_world.store) == []


def test_points_by_hand_need_a_reason_and_count_once(programme):
    assert adjust(programme.store, 1, 20, "a", "sorry", LEAD_NOON, "ann") == 20
    assert adjust(programme.store, 1, 20, "a", "sorry", LEAD_NOON, "ann") == 20
    for points, reason, error in (
        (5, " ", InvalidInputError),
        (0, "why", InvalidInputError),
        (-21, "x", ConflictError),
    ):
        with pytest.raises(error):
            adjust(programme.store, 1, points, "b", reason, LEAD_NOON, "ann")


def offer(world, **more):
    document = {"offer_key": "birthday", "name": "15 % and a gift", "kind": "percent", "value": 15}
    return put_offer(world.store, document | more, LEAD_NOON, "ann")


def test_an_offer_is_granted_once_an_occurrence_with_a_code_of_ones_own(programme):
    shop(programme, [order(1, 1, 1000), order(2, 3, 1000)], people=[(1, True), (3, True)])
    offer(programme)
    mine = grant_offer(programme.store, "birthday", 1, "2026", LEAD_NOON, "journey")
    assert grant_offer(programme.store, "birthday", 1, "2026", LEAD_NOON, "journey") == mine
    other = grant_offer(programme.store, "birthday", 3, "2026", LEAD_NOON, "journey")
    assert mine.code != other.code
    assert mine.valid_until == LEAD_NOON + timedelta(days=30)
    assert len(grants_of(programme.store, 1)) == 1


def test_a_code_is_used_once_by_its_owner_and_in_time(programme):
    shop(programme, [order(1, 1, 1000)])
    offer(programme)
    grant = grant_offer(programme.store, "birthday", 1, "2026", LEAD_NOON, "journey")
    with pytest.raises(ConflictError, match="somebody else"):
        redeem(programme.store, grant.code, "o9", LEAD_NOON, by_person=2)
    with pytest.raises(ConflictError, match="valid until"):
        redeem(programme.store, grant.code, "o9", LEAD_NOON + timedelta(days=31))
    assert redeem(programme.store, grant.code.lower(), "o9", LEAD_NOON, by_person=1).order_id == "o9"
    assert redeem(programme.store, grant.code, "o9", LEAD_NOON).order_id == "o9"
    with pytest.raises(ConflictError, match="was used"):
        redeem(programme.store, grant.code, "o10", LEAD_NOON)
    with pytest.raises(NotFoundError):
        redeem(programme.store, "NONSENSE", "o9", LEAD_NOON)


def test_a_code_in_an_order_is_entered_by_itself(programme):
    shop(programme, [order(1, 1, 1000)])
    offer(programme)
    grant = grant_offer(programme.store, "birthday", 1, "2026", LEAD_NOON, "journey")
    later = LEAD_NOON + timedelta(days=1)
    shop(
        programme, [order(2, 1, 50, build=2, code=grant.code, at=later), order(3, 1, 50, 2, code=grant.code, at=later)]
    )
    assert redeem_from_orders(programme.store, programme.view, later) == 1
    assert redeem_from_orders(programme.store, programme.view, later) == 0
    assert grants_of(programme.store, 1)[0].order_id == "o2"


def test_an_offer_that_costs_points_spends_them_and_is_only_for_its_tiers(programme):
    shop(programme, [order(1, 1, 1000)])
    offer(programme, tiers=["gold"], points_cost=80)
    with pytest.raises(ConflictError, match="is for gold"):
        grant_offer(programme.store, "birthday", 1, "a", LEAD_NOON, "shop")
    update_tiers(programme.store, LEAD_NOON)
    grant_offer(programme.store, "birthday", 1, "a", LEAD_NOON, "shop")
    assert balance(programme) == 20
    with pytest.raises(ConflictError, match="20 points"):
        grant_offer(programme.store, "birthday", 1, "b", LEAD_NOON, "shop")
    assert len(grants_of(programme.store, 1)) == 1
    with pytest.raises(NotFoundError, match="no member"):
        grant_offer(programme.store, "birthday", 77, "a", LEAD_NOON, "shop")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"kind": "percent", "value": 0}, "value"), ({"kind": "joy"}, "kind"), ({"tiers": ["tin"]}, "tiers"),
     ({"valid_days": 0}, "valid_days"), ({"colour": "red"}, "colour")],
)  # fmt: skip
def test_a_wrong_offer_is_refused_by_name(programme, change, field):
    with pytest.raises(InvalidInputError) as refused:
        offer(programme, **change)
    assert refused.value.field == field


def test_wrong_rules_are_refused_by_name():
    for change, field in (
        ({"tiers": []}, "tiers"), ({"cents_per_point": 0}, "cents_per_point"), ({"colour": "red"}, "colour"),
        ({"tiers": [{"key": "a", "name": "A", "from_points": 5}]}, "tiers"),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError) as refused:
            parse_loyalty(change)
        assert refused.value.field == field


def test_two_people_who_are_one_have_one_account(programme):
    shop(programme, [order(1, 1, 1000), order(2, 3, 500)], people=[(1, True), (3, True)])
    shop(programme, [], people=[(1, True)], merges=[(3, 1, LEAD_NOON)])
    assert follow_merges(programme.store, programme.view, LEAD_NOON) == 1
    assert follow_merges(programme.store, programme.view, LEAD_NOON) == 0
    assert (balance(programme, 1), balance(programme, 3)) == (150, 0)
    assert out_of_balance(programme.store) == []
