"""Under test: the screen of the loyalty programme: how it stands, its effect in words, rules and offers from forms."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lead_world import LEAD_NOON

from apps.context import Context
from apps.parts.render import render
from apps.screens.loyalty.screen import KINDS, in_words_of_form, offer_of, rules_of
from apps.screens.loyalty.standing import JourneyRow, effect_words, read_standing
from dmat.errors import InvalidInputError
from dmat.journeys.lift import Group, Lift
from dmat.loyalty.earning import earn_from_orders
from dmat.loyalty.offers import grant_offer, put_offer, redeem
from dmat.loyalty.rules import keep_rules
from dmat.warehouse import writer

MARTS = """
    create schema loyalty;
    create table loyalty.loyalty_results as select * from (values
        ('gold', 'EUR', 2, 5, 90000, 45000, 0.5, 1.0, 1, 2, 1, 2, 61000, 16000, 0.8),
        ('no_member', 'EUR', 4, 4, 20000, 5000, 0.0, null, 0, 0, 0, 0, null, null, null)
    ) as rows (tier, currency_code, customers_count, orders_count, revenue_cents, value_per_customer_cents, repeat_rate,
        retention_rate, bought_before_count, offers_granted_count, offers_redeemed_count, clv_customers_count,
        clv_per_customer_cents, predicted_per_customer_cents, alive_rate);
    create table loyalty.loyalty_effect as select * from (values
        (0.1, 'EUR', 'members', 9000, 3600, 10800000, 15210000000.0),
        (0.1, 'EUR', 'held_out', 1000, 300, 1000000, 1250000000.0)
    ) as rows (holdout_share, currency_code, arm, people_count, bought_again_count, revenue_cents, revenue_squares);
"""


class Orders:
    """A workspace in which seven people ordered once."""

    def rows(self, query, values=()):
        return [{"order_id": f"o{n}", "person_id": n, "ordered_at": LEAD_NOON, "build": 1, "net_cents": 120_000}
                for n in range(1, 8)]  # fmt: skip


@pytest.fixture
def context(lead_world):
    with writer(lead_world.settings) as connection:
        connection.execute(MARTS)
    lead_world.publish()
    return Context(lead_world.settings, lead_world.view, lead_world.store)


def html_of(context):
    return render("screens/loyalty/standing.jinja", LEAD_NOON, "UTC", may=lambda scope: True, told="", problem="",
                  found=read_standing(context), effect_words=effect_words, kinds=KINDS)  # fmt: skip


def test_without_a_programme_the_screen_says_how_to_begin(context):
    assert read_standing(context).rules is None
    assert "There is no programme yet" in html_of(context)


def test_members_tiers_offers_and_the_effect_are_told(context):
    store = context.store
    keep_rules(store, {"members": "everybody"}, LEAD_NOON, "ann")
    earn_from_orders(store, Orders(), LEAD_NOON)
    put_offer(store, {"offer_key": "mug", "name": "<b>A mug</b>", "kind": "gift"}, LEAD_NOON, "ann")
    grant = grant_offer(store, "mug", 1, "2026", LEAD_NOON, "ann")
    redeem(store, grant.code, "o9", LEAD_NOON)
    found = read_standing(context)
    assert (found.members_count, found.points_open, found.currency, found.customers_count) == (7, 840, "EUR", 6)
    assert [(tier.key, tier.members_count) for tier in found.tiers] == [
        ("silver", 7), ("gold", 0), ("platinum", 0), ("no_member", 0),
    ]  # fmt: skip
    assert [(row.granted_count, row.redeemed_count) for row in found.offers] == [(1, 1)]
    assert effect_words(found.effects[0]) == "Members spend more than they would without the programme."
    html = html_of(context)
    assert "€2.00 a member" in html
    assert "&lt;b&gt;A mug" in html
    assert "Not switched on" in html
    assert found.won_back is None
    assert "nobody entered the journey Win-back yet" in html
    assert "€610.00" in html
    assert "€160.00 in the next year" in html


def test_the_conversion_of_win_back_is_told_once_somebody_entered_it(context):
    store = context.store
    keep_rules(store, {"members": "everybody"}, LEAD_NOON, "ann")
    lift = Lift(Group(40, 10), Group(4, 0), None, None, None, None, ())
    journeys = (JourneyRow("win-back", "Win-back", True, lift),)
    found = replace(read_standing(context), journeys=journeys)
    assert found.won_back == lift
    html = render("screens/loyalty/standing.jinja", LEAD_NOON, "UTC", may=lambda scope: True, told="", problem="",
                  found=found, effect_words=effect_words, kinds=KINDS)  # fmt: skip
    assert "10 of 40 lapsed customers" in html
    assert replace(found, journeys=(replace(journeys[0], lift=None),)).won_back is None


def test_rules_and_offers_come_from_their_forms_and_faults_are_named(context):
    form = {"cents_per_point": "500", "holdout_percent": "10", "members": "everybody", "is_active": "on"}
    rules = keep_rules(context.store, rules_of(form), LEAD_NOON, "ann")
    assert (rules.cents_per_point, rules.holdout_share, rules.is_active) == (500, 0.1, True)
    offer = put_offer(context.store, offer_of({"name": "A mug", "kind": "gift", "valid_days": "30", "tier_gold": "on"}),
                      LEAD_NOON, "ann")  # fmt: skip
    assert (offer.offer_key, offer.tiers, offer.valid_days) == ("a-mug", ["gold"], 30)
    changed = offer_of({"offer_key": "a-mug", "name": "A cup", "kind": "gift", "valid_days": "7"}, [offer])
    assert [changed[name] for name in ("offer_key", "name", "tiers", "is_active")] == ["a-mug", "A cup", [], True]
    with pytest.raises(InvalidInputError, match="a-mug"):
        offer_of({"name": "A  mug!", "kind": "gift", "valid_days": "7"}, [offer])
    with pytest.raises(InvalidInputError, match="holdout"):
        rules_of({"holdout_percent": "some"})
    with pytest.raises(InvalidInputError, match="holdout_share"):
        keep_rules(context.store, rules_of({"holdout_percent": "80"}), LEAD_NOON, "ann")


def test_tiers_come_from_their_rows_of_the_form(context):
    row = {"name": "Silver", "key": "silver", "from_points": "0", "early_access_hours": "0", "benefits": ""}
    gold = {"name": "Top club", "key": "", "from_points": "250", "early_access_hours": "12", "benefits": "tea, cake,"}
    form = {f"tier{number}_{part}": text for number, tier in enumerate((gold, row)) for part, text in tier.items()}
    form |= {"tier2_name": "", "tier2_from_points": ""}
    rules = keep_rules(context.store, rules_of(form | {"is_active": "on"}), LEAD_NOON, "ann")
    assert [(tier.key, tier.from_points, tier.early_access_hours, tier.benefits) for tier in rules.tiers] == [
        ("silver", 0, 0, []), ("top_club", 250, 12, ["tea", "cake"]),
    ]  # fmt: skip
    with pytest.raises(InvalidInputError, match="Top club, from points: 'many' is not a whole number"):
        rules_of(form | {"tier0_from_points": "many"})


def test_names_without_latin_letters_make_tiers_and_offers(context):
    form = {"tier0_name": "银", "tier1_name": "1st class", "tier1_from_points": "100"}
    rules = keep_rules(context.store, rules_of(form | {"is_active": "on"}), LEAD_NOON, "ann")
    assert [(tier.key, tier.name) for tier in rules.tiers] == [("tier_1", "银"), ("tier_2", "1st class")]
    offer = put_offer(context.store, offer_of({"name": "礼物", "kind": "gift", "valid_days": "7"}), LEAD_NOON, "ann")
    assert (offer.offer_key, offer.name) == ("offer-1", "礼物")


def test_what_is_left_empty_is_refused_by_the_words_of_the_form(context):
    with pytest.raises(InvalidInputError, match="Points last, days: it is empty"), in_words_of_form():
        keep_rules(context.store, rules_of({"points_days": " "}), LEAD_NOON, "ann")
    tiers = {"tier0_name": "Silver", "tier1_name": "Gold", "tier1_from_points": "9", "tier1_early_access_hours": "999"}
    rules = rules_of(tiers)
    with (
        pytest.raises(InvalidInputError, match="Gold, early access, hours: 999 is too large"),
        in_words_of_form([tier["name"] for tier in rules["tiers"]]),
    ):
        keep_rules(context.store, rules, LEAD_NOON, "ann")
