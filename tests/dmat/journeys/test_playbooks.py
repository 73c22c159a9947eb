"""Under test: each playbook, as the requirement says it, from trigger to end; its messages can be put together."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from journey_worlds import CART_LEFT, MAIL, TIERS, cart, in_segment, listed, ordered
from segment_world import NOW, change_world, number_of

from dmat.journeys.acting import list_actions
from dmat.journeys.checking import check_definition
from dmat.journeys.definition import parse_definition
from dmat.journeys.playbook import install, list_playbooks
from dmat.ledger.entries import list_entries
from dmat.loyalty.earning import earn_from_orders
from dmat.loyalty.rules import keep_rules
from dmat.loyalty.tiers import update_tiers
from dmat.messages.compiled import compile_message
from dmat.messages.library import Templates
from dmat.messages.rendering import Failed

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
ANN = "ann@shop.example"


@pytest.fixture
def playbook_world(journey_world):
    """The world with a column and an event that playbooks ask for."""
    change_world(
        journey_world.settings,
        "alter table people.dim_people add column first_order_at timestamp",
        "create table engagement.fct_forms (person_id bigint, submitted_at timestamp)",
        listed(900, kind="event", key="form_submitted", label="Form", group_name="Site",
               table_name="engagement.fct_forms", at_column="submitted_at"),
        *TIERS, CART_LEFT,
        "create schema scores",
        "create table scores.lead_scores (person_id bigint, score double)",
    )  # fmt: skip
    return journey_world


def begin(world, key):
    install(world.library, key, ANN)
    world.library.start(key, ANN)


def sent(world, key):
    """(person, step, values that the message carries), in the order of time, of people who are not held out."""
    found = list_entries(world.store, programme=f"journey:{key}", limit=99)
    with world.store.read() as connection:
        due = dict(
            row._tuple() for row in connection.exec_driver_sql("select message_id, not_before from ledger_entries")
        )
    rows = sorted(found, key=lambda entry: (due[entry.message_id], entry.person_id))
    return [(entry.person_id % 1000, entry.step, entry.context.get("discount_code", "")) for entry in rows]


@pytest.mark.parametrize("playbook", list_playbooks(), ids=lambda playbook: playbook.key)
def test_a_playbook_is_installed_with_all_that_it_needs_and_its_messages_can_be_put_together(playbook_world, playbook):
    install(playbook_world.library, playbook.key, ANN)
    blocking = [each for each in check_definition(playbook_world.source, playbook.definition) if each.is_blocking]
    assert blocking == []
    for step in playbook.definition.sends:
        compiled = compile_message(playbook_world.settings, playbook_world.store, step.template, channel=step.channel)
        given = {name: "x" for name in compiled.used} | {"first_name": "Ann", "products": [], "segments": []}
        given |= {"total": "75.98 EUR", "cart_url": "https://shop.example/c", "unsubscribe_url": "https://x.example/u",
                  "preferences_url": "https://x.example/p", "view_url": "https://x.example/v"}  # fmt: skip
        [filled] = compiled.fill([given | {"message_id": "m"}])
        assert not isinstance(filled, Failed), filled


def test_a_playbook_can_be_read_and_says_what_it_does():
    for playbook in list_playbooks():
        assert len(playbook.about) > 80
        assert playbook.definition.description == playbook.about
        assert playbook.definition.holdout.share > 0


def test_cart_recovery_an_hour_a_day_two_days_and_the_audience(playbook_world):
    begin(playbook_world, "cart-recovery")
    carts = [cart("a", 5, NOW + MINUTE), cart("b", 1, NOW + MINUTE), cart("c", 10, NOW + MINUTE)]
    playbook_world.look(NOW + HOUR + MINUTE, *carts)
    playbook_world.look(NOW + 20 * HOUR, ordered(10, NOW + 20 * HOUR - MINUTE))
    playbook_world.look(NOW + DAY + MINUTE)
    playbook_world.look(NOW + 2 * DAY + MINUTE)
    assert sent(playbook_world, "cart-recovery") == [
        (1, "first-mail", "COMEBACK10"), (5, "first-mail", "COMEBACK10"), (10, "first-mail", "COMEBACK10"),
        (5, "text", "COMEBACK15"), (1, "last-mail", "COMEBACK20"), (5, "last-mail", "COMEBACK20"),
    ]  # fmt: skip
    listed = [action for action in list_actions(playbook_world.store) if action.kind == "audience"]
    assert {action.person_id % 1000 for action in listed} <= {1, 5}
    assert {action.state for action in listed} == {"in"}
    playbook_world.look(NOW + 3 * DAY, ordered(5, NOW + 3 * DAY - MINUTE))
    listed = {action.person_id % 1000: action.state for action in list_actions(playbook_world.store)}
    assert listed.get(5) == "done"  # they bought: off the list
    playbook_world.look(NOW + 17 * DAY)
    assert {action.state for action in list_actions(playbook_world.store)} == {"done"}


def test_lead_nurturing_welcomes_scores_and_hands_over_after_ten_days(playbook_world):
    begin(playbook_world, "lead-nurturing")
    forms = [f"insert into engagement.fct_forms values ({number_of(n)}, '{NOW + MINUTE}')" for n in (1, 2, 3, 4)]
    points = ((1, 50.25), (2, 30), (4, 50))  # more than fifty is a qualified lead
    scores = [f"insert into scores.lead_scores values ({number_of(n)}, {score})" for n, score in points]
    playbook_world.look(NOW + 2 * MINUTE, *forms, *scores)
    playbook_world.look(NOW + DAY)
    playbook_world.look(NOW + 11 * DAY)
    found = sent(playbook_world, "lead-nurturing")
    assert Counter(step for _, step, _ in found) == {
        "welcome": 4, "hot": 2, "warm": 1, "cold": 1, "stay-in-touch": 3,
    }  # fmt: skip
    assert [person for person, step, _ in found if step == "hot"] == [1, 4]
    leads = [action.person_id % 1000 for action in list_actions(playbook_world.store, "assign_lead")]
    held = {member.person_id % 1000 for member in playbook_world.members() if member.is_holdout}
    assert set(leads) == {1} - held
    reached = {member.person_id % 1000 for member in playbook_world.members() if member.reached_goal_at}
    assert reached == {1}


def test_win_back_on_days_one_seven_and_fourteen_until_they_buy(playbook_world):
    begin(playbook_world, "win-back")
    stays = [in_segment("win-back-90-days", n, NOW + MINUTE, number=n) for n in (1, 2)]
    playbook_world.look(NOW + 2 * MINUTE, *stays)
    playbook_world.look(NOW + 6 * DAY + 2 * MINUTE)
    playbook_world.look(NOW + 8 * DAY, ordered(2, NOW + 8 * DAY - MINUTE))
    playbook_world.look(NOW + 13 * DAY + 2 * MINUTE)
    assert sent(playbook_world, "win-back") == [
        (1, "day-1", "WELCOMEBACK15"), (2, "day-1", "WELCOMEBACK15"), (1, "day-7", "WELCOMEBACK15"),
        (2, "day-7", "WELCOMEBACK15"), (1, "day-14", "WELCOMEBACK25"),
    ]  # fmt: skip


def test_birthday_and_anniversary_come_once_a_year(playbook_world):
    templates = Templates(playbook_world.store, playbook_world.settings.clock)  # one of one's own is kept
    templates.create(name="Own", key="anniversary-offer", channel="email", kind="mjml", content=MAIL, by=ANN)
    for key in ("birthday", "anniversary"):
        begin(playbook_world, key)
    dates = f"set birthday = '1990-04-20', first_order_at = '2024-04-02 10:00:00' where person_id = {number_of(1)}"
    playbook_world.look(NOW + DAY, f"update people.dim_people {dates}")
    for days in range(20, 40):
        playbook_world.look(NOW + days * DAY)
    mine = [
        (member.person_id % 1000, member.entered_at)
        for member in playbook_world.members()
        if member.person_id % 1000 == 1
    ]
    assert sorted(at.strftime("%m-%d %H:%M") for _, at in mine) == ["04-01 07:00", "04-02 07:00"]


def test_a_tier_that_is_reached_is_told_with_its_benefits(playbook_world):
    begin(playbook_world, "tier-reached")
    playbook_world.settings.clock.set(NOW + MINUTE)
    keep_rules(playbook_world.store, {"members": "everybody"}, NOW, ANN)
    spent = ((1, 120_000), (2, 50_000))  # cents: Gold is reached with 100 points
    orders = [
        {"order_id": f"o{n}", "person_id": number_of(n), "ordered_at": NOW, "build": 1, "net_cents": cents}
        for n, cents in spent
    ]
    earn_from_orders(playbook_world.store, SimpleNamespace(rows=lambda *_: orders), NOW + MINUTE)
    update_tiers(playbook_world.store, NOW + MINUTE)
    for minutes in (2, 3):
        playbook_world.look(NOW + minutes * MINUTE)
    update_tiers(playbook_world.store, NOW + 366 * DAY)  # a year later they fall back, and nobody is congratulated
    playbook_world.look(NOW + 366 * DAY + MINUTE)
    [entry] = list_entries(playbook_world.store, limit=9)
    assert (entry.person_id, entry.context["tier"]) == (number_of(1), "Gold")
    assert entry.context["benefits"] == "free shipping, early access to sales"


def test_platinum_members_hear_a_day_before(playbook_world):
    install(playbook_world.library, "vip-early-access", ANN)
    draft = playbook_world.library.version("vip-early-access").definition
    moment = draft.model_dump(mode="json", by_alias=True, exclude_none=True)
    moment["trigger"]["moment"] = f"{NOW + DAY}"
    playbook_world.library.change("vip-early-access", parse_definition(moment), ANN)
    playbook_world.library.start("vip-early-access", ANN)
    playbook_world.look(NOW + DAY + MINUTE, in_segment("platinum-members", 1, NOW))
    assert [step for _, step, _ in sent(playbook_world, "vip-early-access")] == ["invite"]


def test_thanks_an_hour_after_an_order_and_a_question_a_week_later(playbook_world):
    begin(playbook_world, "thank-you")
    values = f"{number_of(1)}, 'push', 'marketing', true, '{NOW}', 1, '', ''"
    consent = f"insert into consent.person_channel_consent values ({values})"
    playbook_world.look(NOW + HOUR, ordered(1, NOW + HOUR), ordered(2, NOW + HOUR), consent)
    playbook_world.look(NOW + 2 * HOUR)
    playbook_world.look(NOW + 9 * DAY)
    assert [(person, step) for person, step, _ in sent(playbook_world, "thank-you")] == [
        (1, "thank"), (2, "thank"), (1, "ask-by-push"), (2, "ask-by-mail"),
    ]  # fmt: skip
