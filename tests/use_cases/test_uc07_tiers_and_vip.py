"""Under test: use case 7 as playbooks, with sends: whoever reaches Gold is congratulated with what Gold gives; Platinum
members hear of a sale 24 hours before it begins, and nobody else does.
"""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from types import SimpleNamespace

from journey_worlds import TIERS, change_quickly, in_segment, ordered
from segment_world import NOW, number_of

from dmat.channels.sandbox import MailSandbox
from dmat.journeys.definition import parse_definition
from dmat.journeys.playbook import install
from dmat.ledger.entries import list_entries
from dmat.loyalty.earning import earn_from_orders
from dmat.loyalty.offers import grants_of, put_offer, redeem_from_orders
from dmat.loyalty.rules import keep_rules
from dmat.loyalty.tiers import update_tiers
from dmat_pipelines.deliver.sender import drain

ANN, MINUTE, HOUR, DAY = "ann@shop.example", timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOBODY_HELD_OUT = {"share": 0, "reason": "a test"}


def begin(world, key, **trigger):
    """Install a playbook, let nobody be held out, and switch it on."""
    install(world.library, key, ANN)
    document = world.library.version(key).definition.model_dump(mode="json", by_alias=True, exclude_none=True)
    document |= {"holdout": NOBODY_HELD_OUT, "trigger": document["trigger"] | trigger}
    world.library.change(key, parse_definition(document), ANN)
    world.library.start(key, ANN)


def sent(world, key):
    """What left: person -> entry, with the mail as it was sent."""
    drain(world.settings, world.store, max_seconds=60, settle_seconds=0.0)
    sandbox = MailSandbox(world.settings.home / "sandbox" / "email")
    entries = [each for each in list_entries(world.store, programme=f"journey:{key}", limit=99) if each.accepted_at]
    return {
        each.person_id % 1000: (each, message_from_bytes(sandbox.read_mail(each.message_id), policy=default))
        for each in entries
    }


def test_whoever_reaches_gold_is_congratulated_with_what_gold_gives(journey_world):
    begin(journey_world, "tier-reached")
    keep_rules(journey_world.store, {"members": "everybody"}, NOW, ANN)
    spent = {1: 100_000, 2: 99_900}  # cents; Gold is reached with 100 points, a point for ten
    orders = [
        {"order_id": f"o{n}", "person_id": number_of(n), "ordered_at": NOW, "build": 1, "net_cents": cents}
        for n, cents in spent.items()
    ]
    earn_from_orders(journey_world.store, SimpleNamespace(rows=lambda *_: orders), NOW + MINUTE)
    update_tiers(journey_world.store, NOW + MINUTE)
    journey_world.look(NOW + 2 * MINUTE)
    found = sent(journey_world, "tier-reached")
    assert list(found) == [1]
    mail = found[1][1]
    assert mail["Subject"] == "Congratulations! You've reached Gold tier"
    text = mail.get_body(("html",)).get_content()
    assert "you are Gold now. Your benefits: free shipping, early access to sales." in text


def test_whoever_reaches_gold_is_mailed_an_offer_with_a_code_of_their_own_that_is_used_once(journey_world):
    store = journey_world.store
    keep_rules(store, {"members": "everybody"}, NOW, ANN)
    gift = {"offer_key": "birthday", "name": "15 % and a gift", "kind": "percent", "value": 15, "tiers": ["gold"]}
    put_offer(store, gift, NOW, ANN)
    install(journey_world.library, "birthday", ANN)
    document = journey_world.library.version("birthday").definition.model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    document |= {"holdout": NOBODY_HELD_OUT, "trigger": {"kind": "tier_reached"}}
    document["steps"][0]["code_pool"] = "offer:birthday"
    journey_world.library.change("birthday", parse_definition(document), ANN)
    journey_world.library.start("birthday", ANN)
    order = {"order_id": "o1", "person_id": number_of(1), "ordered_at": NOW, "build": 1, "net_cents": 100_000}
    earn_from_orders(store, SimpleNamespace(rows=lambda *_: [order]), NOW + MINUTE)
    update_tiers(store, NOW + MINUTE)
    journey_world.look(NOW + 2 * MINUTE)
    [grant] = grants_of(store, number_of(1))
    mail = sent(journey_world, "birthday")[1][1].get_body(("html",)).get_content()
    assert f"{grant.code}</strong> gives you 15% off and a free gift" in mail
    bought = {"code": grant.code, "order_id": "o2", "person_id": number_of(1), "ordered_at": NOW + DAY}
    shop = SimpleNamespace(rows=lambda *_: [bought])
    assert [redeem_from_orders(store, shop, NOW + DAY) for _ in range(2)] == [1, 0]
    assert grants_of(store, number_of(1))[0].order_id == "o2"


def test_platinum_members_hear_24_hours_before_the_sale_and_nobody_else_does(journey_world):
    sale = NOW + 2 * DAY
    change_quickly(journey_world.settings, TIERS)
    begin(journey_world, "vip-early-access", moment=(sale - DAY).isoformat())
    vips = [in_segment("platinum-members", n, NOW - DAY, number=n) for n in (1, 3, 4)]
    journey_world.look(sale - DAY - MINUTE, *vips)
    assert sent(journey_world, "vip-early-access") == {}
    journey_world.look(sale - DAY + MINUTE)
    found = sent(journey_world, "vip-early-access")
    assert set(found) == {1, 3}  # person 4 did not agree to mails
    assert {entry.accepted_at for entry, _ in found.values()} == {sale - DAY + MINUTE}
    assert found[1][1]["Subject"] == "VIP access: Early-bird sale starts tomorrow"
    journey_world.look(sale - 20 * HOUR, ordered(1, sale - 21 * HOUR))
    left = {member.person_id % 1000: member.why for member in journey_world.members() if member.ended_at}
    assert left == {1: "they bought"}  # no reminder for who bought
