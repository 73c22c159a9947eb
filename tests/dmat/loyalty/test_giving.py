"""Under test: an offer named where a step names its codes: each member of its tiers gets one code an occasion."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from lead_world import LEAD_NOON

from dmat.errors import InvalidInputError, NotFoundError
from dmat.loyalty.earning import earn_from_orders
from dmat.loyalty.giving import code_sources, take_codes
from dmat.loyalty.offers import grant_offer, grants_of, put_offer, redeem
from dmat.loyalty.rules import keep_rules
from dmat.loyalty.tiers import update_tiers
from dmat.messages.codes import CodesExhaustedError, add_codes, create_pool

SPENT = {1: 50_000, 2: 100_000, 3: 500_000}  # cents: silver, gold, platinum
LONG = "journey:" + "a-long-name-" * 8 + "/mail/2026-03-"


@pytest.fixture
def store(lead_world):
    keep_rules(lead_world.store, {"members": "everybody"}, LEAD_NOON, "ann")
    orders = [{"order_id": f"o{n}", "person_id": n, "ordered_at": LEAD_NOON, "build": 1, "net_cents": cents}
              for n, cents in SPENT.items()]  # fmt: skip
    earn_from_orders(lead_world.store, SimpleNamespace(rows=lambda *_: orders), LEAD_NOON)
    update_tiers(lead_world.store, LEAD_NOON)
    return lead_world.store


def offer(store, key="birthday", **more):
    put_offer(store, {"offer_key": key, "name": key, "kind": "percent", "value": 15} | more, LEAD_NOON, "ann")


def take(store, source, people, occasion="journey:birthday/offer/2026-03-01", now=LEAD_NOON):
    with store.write() as connection:
        return take_codes(connection, source, people, occasion, now)


def test_each_member_gets_one_code_an_occasion_and_nobody_else_does(store):
    offer(store)
    first = take(store, "offer:birthday", [1, 2, 3, 99])
    assert sorted(first) == [1, 2, 3]
    assert len(set(first.values())) == 3
    assert take(store, "offer:birthday", [3, 2, 1]) == first
    assert not set(take(store, "offer:birthday", [1, 2, 3], "another").values()) & set(first.values())
    assert [grant.code for grant in grants_of(store, 1)][-1] == first[1]
    assert redeem(store, first[1].lower(), "o9", LEAD_NOON).redeemed_at == LEAD_NOON


def test_an_offer_for_some_tiers_is_given_to_these_only(store):
    offer(store, tiers=["gold", "platinum"])
    assert sorted(take(store, "offer:birthday", [1, 2, 3])) == [2, 3]


def test_what_is_not_offered_any_more_stays_with_who_has_it(store):
    offer(store)
    first = take(store, "offer:birthday", [1])
    offer(store, is_active=False)
    assert take(store, "offer:birthday", [1, 2]) == first
    offer(store, "mug", points_cost=5)
    assert take(store, "offer:mug", [3]) == {}  # points are spent by members themselves
    grant_offer(store, "mug", 3, "2026", LEAD_NOON, "ann")
    with store.read() as connection:
        assert code_sources(connection, LEAD_NOON) == {}


def test_codes_come_from_the_pool_that_the_shop_knows(store):
    with pytest.raises(InvalidInputError, match="code_pool"):
        offer(store, code_pool="shop")
    with store.write() as connection:
        create_pool(connection, "shop", "Made by the shop", "ann", LEAD_NOON)
        add_codes(connection, "shop", ["Rose-1", "Rose-2"], "ann", LEAD_NOON)
    offer(store, code_pool="shop")
    first = take(store, "offer:birthday", [1, 2])
    assert sorted(first.values()) == ["ROSE-1", "ROSE-2"]
    with pytest.raises(CodesExhaustedError, match="add 1 codes"):
        take(store, "offer:birthday", [1, 2, 3])
    assert grants_of(store, 3) == []
    with store.read() as connection:
        assert code_sources(connection, LEAD_NOON) == {"shop": "Made by the shop", "offer:birthday": "Offer: birthday"}


def test_long_occasions_do_not_fall_together(store):
    offer(store)
    codes = [take(store, "offer:birthday", [1], f"{LONG}{day:02d}")[1] for day in (1, 2, 1)]
    assert (codes[0] == codes[2], codes[0] == codes[1]) == (True, False)


def test_a_source_that_is_not_there_is_named(store):
    for source in ("offer:nothing", "nothing"):
        with pytest.raises(NotFoundError, match="nothing"):
            take(store, source, [1])


def test_an_offer_is_given_within_its_days_only(store):
    offer(store, starts_at="2026-03-05T14:00:00+02:00")  # noon in UTC, a day later
    assert take(store, "offer:birthday", [1]) == {}
    assert sorted(take(store, "offer:birthday", [1], now=LEAD_NOON + timedelta(days=1))) == [1]
