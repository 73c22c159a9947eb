"""Under test: the effect of the programme: who is held out stays so and earns nothing; a planted effect is found."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from dmat.loyalty.earning import earn_from_orders, follow_merges
from dmat.loyalty.effect import read_effects
from dmat.loyalty.exporting import mark_held_out_landed, unlanded_held_out
from dmat.loyalty.rules import keep_rules
from dmat.store.loyalty_tables import loyalty_entries, loyalty_held_out, loyalty_members
from dmat.store.workspace_values import set_value

NOON = datetime(2026, 3, 4, 12)
PEOPLE = range(1, 401)


class Orders:
    """A workspace with an order of everybody, and merges; `rows` answers what the programme asks."""

    def __init__(self, merges=()):
        self.merges = list(merges)

    def rows(self, query, values=()):
        if "person_merges" in query:
            return [{"merged_person_id": old, "surviving_person_id": new} for old, new in self.merges]
        return [
            {"order_id": f"o{n}", "person_id": n, "ordered_at": NOON, "build": 1, "net_cents": 5_000} for n in PEOPLE
        ]


def ids(store, table):
    with store.read() as connection:
        return set(connection.execute(sa.select(table.c.person_id)).scalars())


@pytest.fixture
def joined(lead_world):
    store = lead_world.store
    keep_rules(store, {"holdout_share": 0.25, "members": "everybody"}, NOON, "ann")
    earn_from_orders(store, Orders(), NOON)
    return store


def test_a_share_is_held_out_for_good_and_earns_nothing(joined):
    members, held_out = ids(joined, loyalty_members), ids(joined, loyalty_held_out)
    assert members | held_out == set(PEOPLE)
    assert not members & held_out
    assert 60 <= len(held_out) <= 140
    assert not ids(joined, loyalty_entries) & held_out
    keep_rules(joined, {"holdout_share": 0.0, "members": "everybody"}, NOON, "ann")
    set_value(joined, "loyalty.orders_build", 0, NOON)
    earn_from_orders(joined, Orders(), NOON)
    assert ids(joined, loyalty_held_out) == held_out


def test_without_a_share_everybody_joins(lead_world):
    keep_rules(lead_world.store, {"members": "everybody"}, NOON, "ann")
    assert earn_from_orders(lead_world.store, Orders(), NOON).joined_count == len(PEOPLE)


def test_who_is_held_out_stays_so_under_the_number_that_stays(joined):
    held_out, members = sorted(ids(joined, loyalty_held_out)), sorted(ids(joined, loyalty_members))
    mark_held_out_landed(joined, held_out, NOON)
    follow_merges(joined, Orders([(held_out[0], 9_001), (held_out[1], members[0])]), NOON)
    after = ids(joined, loyalty_held_out)
    assert 9_001 in after
    assert not {held_out[0], held_out[1]} & after
    assert [row["person_id"] for row in unlanded_held_out(joined, 10)] == [9_001]


class Sums:
    """A workspace whose mart has these rows."""

    def __init__(self, *rows):
        self.found = rows

    def rows(self, query):
        return list(self.found)


def arm(name, people, revenue, squares, again):
    return {"holdout_share": 0.1, "currency_code": "EUR", "arm": name, "people_count": people,
            "bought_again_count": again, "revenue_cents": revenue, "revenue_squares": squares}  # fmt: skip


def test_a_planted_effect_is_found_with_its_interval_and_in_total():
    members = arm("members", 9_000, 9_000 * 1_200, 9_000 * (1_200**2 + 500**2), 3_600)
    [found] = read_effects(Sums(members, arm("held_out", 1_000, 1_000 * 1_000, 1_000 * (1_000**2 + 500**2), 300)))
    assert found.increment.per_person == pytest.approx(200)
    assert found.increment.low < 200 < found.increment.high
    assert found.increment.total == pytest.approx(200 * 9_000)
    assert (found.members_again_rate, found.held_out_again_rate, found.why_not) == (0.4, 0.3, "")


def test_few_people_are_not_enough_data():
    [found] = read_effects(Sums(arm("members", 500, 1, 1, 1)))
    assert found.increment is None
    assert found.why_not == "not enough data: 500 members and 0 held out, at least 30 of each"
