"""Under test: use case 9 from end to end: a subject line is tested on part of the list, mails leave, people click, the
winner goes to the rest by itself or by hand, and everybody has one mail. Offers are tested with codes of their own.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from campaign_world import ANN, BOB
from segment_world import NOW
from tested_campaigns import MORE_PEOPLE

from dmat.channels.sandbox import MailSandbox
from dmat.experiments.running import TestRunner as Runner
from dmat.experiments.snapshots import read as read_snapshot
from dmat.ledger.counters import Mark, count_events
from dmat.ledger.entries import list_entries
from dmat.messages.codes import create_pool
from dmat.messages.library import Templates
from dmat_pipelines.deliver.sender import drain

BODY = '<p>Hi {{ first_name }}: {{ code }}</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>'
VARIABLES = [
    {"name": "first_name", "type": "text", "source": "first_name", "fallback": "there"},
    {"name": "code", "type": "text", "source": "code", "fallback": ""},
]
SUBJECTS = ("Limited time offer: Save 20%", "Exclusive deal for you - Today only")
SUBJECT_ARMS = [
    {"key": key, "name": words, "share": 0.5, "overrides": {"subject": words}}
    for key, words in zip("ab", SUBJECTS, strict=True)
]


@pytest.fixture
def shop(tested):
    """A newsletter of one mail, its template and two pools of codes."""
    world = tested.world
    content = {"variables": VARIABLES, "locales": {"": {"subject": "Spring Sale", "body": BODY}}}
    Templates(world.store, tested.clock).create(
        name="Offer", key="offer", channel="email", kind="html", content=content, by=ANN
    )
    with world.store.write() as connection:
        for pool, pattern in (("euros", "EURO-######"), ("percent", "PCT-######")):
            create_pool(connection, pool, pool, ANN, NOW, pattern=pattern)
    step = {"key": "mail", "channel": "email", "template": "offer", "code_pool": "euros"}
    tested.draft(steps=[step])
    return tested


def send(shop):
    shop.look()
    drain(shop.world.settings, shop.world.store)


def look(shop):
    return Runner(shop.world.settings, shop.world.store, shop.world.desk.workspace).look()


def click(shop, **shares):
    """So large a share of the people of each arm click, by the number of their message."""
    marks = []
    for variant, share in shares.items():
        of_arm = sorted(each.message_id for each in entries(shop) if each.variant == variant)
        marks += [Mark(message, "clicked_human", shop.clock.now()) for message in of_arm[: round(len(of_arm) * share)]]
    with shop.world.store.write() as connection:
        count_events(connection, marks, shop.clock.now())


def entries(shop):
    return list_entries(shop.world.store, programme="campaign:1", limit=1_000)


def mails(shop):
    """(variant, subject, text) of each mail that is in the sandbox, with the address that it went to."""
    sandbox = MailSandbox(shop.world.settings.home / "sandbox" / "email")
    found = []
    for entry in entries(shop):
        if entry.accepted_at is not None:
            mail = message_from_bytes(sandbox.read_mail(entry.message_id), policy=default)
            found.append((entry.variant, mail["subject"], mail.get_body(("html",)).get_content(), mail["to"]))
    return found


def test_the_better_subject_is_found_and_sent_to_the_rest(shop):
    number = shop.add_test(1, arms=SUBJECT_ARMS, test_share=0.5, rule={"min_per_arm": 50})
    shop.start(1)
    send(shop)
    in_test = Counter(variant for variant, *_ in mails(shop))
    assert set(in_test) == {"a", "b"}
    click(shop, a=0.1, b=0.5)
    assert look(shop).decided == {number: "b"}
    send(shop)
    sent = mails(shop)
    assert len(sent) == len({to for *_, to in sent}) == MORE_PEOPLE
    assert Counter((variant, subject) for variant, subject, *_ in sent) == {
        ("a", SUBJECTS[0]): in_test["a"], ("b", SUBJECTS[1]): in_test["b"],
        ("b-rest", SUBJECTS[1]): MORE_PEOPLE - in_test.total(),
    }  # fmt: skip
    look(shop)
    decision = shop.tests.decision(number)
    assert (shop.tests.get(number).status, decision.kind) == ("rolled_out", "winner")
    kept = read_snapshot(shop.world.store, decision.snapshot_id)
    assert kept.observed.moments["b"]["click"].y == round(in_test["b"] * 0.5)


def test_clicks_of_the_roll_out_do_not_touch_the_figures_of_the_test(shop):
    number = shop.add_test(1, arms=SUBJECT_ARMS, test_share=0.5)
    shop.start(1)
    send(shop)
    click(shop, a=0.1, b=0.5)
    look(shop)
    send(shop)
    found = shop.tests.get(number)
    runner = Runner(shop.world.settings, shop.world.store, shop.world.desk.workspace)
    before = runner.judge(found, found.plan, shop.clock.now()).observed
    click(shop, **{"b-rest": 0.9})
    after = runner.judge(found, found.plan, shop.clock.now()).observed
    assert after.moments == before.moments


def test_a_small_difference_is_chosen_at_the_end_and_said_to_be_no_proof(shop):
    number = shop.add_test(1, arms=SUBJECT_ARMS, test_share=0.5, duration_hours=24)
    shop.start(1)
    send(shop)
    click(shop, a=0.28, b=0.31)
    assert look(shop).count == 0
    assert "chance" in shop.tests.get(number).verdict["sentence"]
    shop.clock.advance(timedelta(hours=24))
    look(shop)
    assert "chosen, not proven" in shop.tests.decision(number).reason


def test_business_judgment_overrides_the_figures(shop):
    number = shop.add_test(1, arms=SUBJECT_ARMS, test_share=0.5)
    shop.start(1)
    send(shop)
    shop.tests.declare_winner(number, "a", BOB, "the offer of B is sold out")
    send(shop)
    assert {subject for variant, subject, *_ in mails(shop) if variant == "a-rest"} == {SUBJECTS[0]}
    assert shop.tests.decision(number).decided_by == BOB


def test_offers_take_their_codes_from_their_own_pools_and_nobody_gets_two(shop):
    arms = [
        {"key": "a", "name": "$20 off", "share": 0.5},
        {"key": "b", "name": "20% off", "share": 0.5, "overrides": {"code_pool": "percent"}},
    ]
    number = shop.add_test(1, kind="offer", arms=arms, test_share=0.5, primary="conversion")
    shop.start(1)
    send(shop)
    shop.tests.declare_winner(number, "b", BOB, "percentages convert better")
    send(shop)
    codes = {variant: {text.split(": ")[1].split("-")[0] for v, _, text, _ in mails(shop) if v == variant}
             for variant in ("a", "b", "b-rest")}  # fmt: skip
    assert codes == {"a": {"EURO"}, "b": {"PCT"}, "b-rest": {"PCT"}}
    texts = [text for _, _, text, _ in mails(shop)]
    assert len({text.split(": ")[1] for text in texts}) == MORE_PEOPLE


def test_two_factors_are_tested_at_once(shop):
    templates = Templates(shop.world.store, shop.clock)
    templates.duplicate("offer", ANN, "Other")
    other = next(each.key for each in templates.list() if each.name == "Other")
    arms = [
        {"key": key, "share": 0.25, "levels": {"layout": layout, "subject": subject},
         "overrides": {"template": "" if layout == "left" else other, "subject": subject}}
        for key, layout, subject in (("a", "left", "One"), ("b", "left", "Two"), ("c", "right", "One"),
                                     ("d", "right", "Two"))
    ]  # fmt: skip
    shop.add_test(1, kind="factorial", arms=arms, test_share=1)
    shop.start(1)
    send(shop)
    assert {(variant, subject) for variant, subject, *_ in mails(shop)} == {
        ("a", "One"), ("b", "Two"), ("c", "One"), ("d", "Two"),
    }  # fmt: skip
    assert {(row.variant, row.template) for row in shop.ledger()} == {
        ("a", "offer"), ("b", "offer"), ("c", other), ("d", other),
    }  # fmt: skip


def test_the_winner_is_rolled_out_as_it_was_tested_though_its_template_was_changed_meanwhile(shop):
    templates = Templates(shop.world.store, shop.clock)
    templates.duplicate("offer", ANN, "Other")
    other = next(each.key for each in templates.list() if each.name == "Other")
    arms = [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5, "overrides": {"template": other}}]
    number = shop.add_test(1, kind="content", arms=arms, test_share=0.5)
    shop.start(1)
    changed = {"variables": VARIABLES, "locales": {"": {"subject": "Spring Sale", "body": BODY.replace("Hi", "Bye")}}}
    templates.update(other, by=ANN, content=changed)
    shop.tests.declare_winner(number, "b", BOB, "better")
    shop.look()
    versions = {row.template_version for row in shop.ledger() if row.variant in ("b", "b-rest")}
    assert versions == {1}
