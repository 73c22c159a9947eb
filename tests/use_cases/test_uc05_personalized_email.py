"""Under test: use case 5, what each person of a segment gets: their words, their language, their code, their hour."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest
from campaign_world import ANN, document_of
from segment_world import NOW, change_world, number_of

from dmat.campaigns.running import Runner
from dmat.channels.sandbox import MailSandbox
from dmat.ledger.entries import list_entries
from dmat.messages.codes import create_pool
from dmat.messages.library import Templates
from dmat_pipelines.deliver.sender import drain

BODY = """<p>Hi {{ first_name }}, your exclusive discount: {{ code }}</p>
<p>All products for {{ industry }}</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>"""
VARIABLES = [
    {"name": "first_name", "type": "text", "source": "first_name", "fallback": "there"},
    {"name": "industry", "type": "text", "source": "industry", "fallback": "your industry"},
    {"name": "code", "type": "text", "source": "code", "fallback": ""},
]
HOURS = """
    create table engagement.person_best_hours as select {person}::bigint as person_id, 19 as best_hour;
    create table engagement.country_best_hours as select 'DE' as country_code, 18 as best_hour
"""


@pytest.fixture
def mails(campaign_world):
    """Address -> the mail, after a campaign with two subject lines and codes went out."""
    world = campaign_world
    content = {
        "variables": VARIABLES,
        "locales": {"": {"subject": "Products", "body": BODY}, "de": {"subject": "Produkte", "body": "Hallo " + BODY}},
    }
    templates = Templates(world.store, world.settings.clock)
    templates.create(name="Offer", key="offer", channel="email", kind="html", content=content, by=ANN)
    with world.store.write() as connection:
        create_pool(connection, "tech", "Tech", ANN, NOW, pattern="TECH-######")
    variants = [
        {"key": "a", "share": 0.5, "subject": "{{ first_name }}, we have products for {{ industry }} professionals"},
        {"key": "b", "share": 0.5, "subject": "Exclusive recommendations for {{ first_name }}"},
    ]
    step = {"key": "offer", "channel": "email", "template": "offer", "code_pool": "tech", "variants": variants}
    world.start(document_of(audience={"is_everybody": True}, steps=[step]))
    Runner(world.settings, world.store, world.desk, world.library).look()
    drain(world.settings, world.store)
    sandbox = MailSandbox(world.settings.home / "sandbox" / "email")
    sent = [entry for entry in list_entries(world.store, programme="campaign:1") if entry.accepted_at is not None]
    return {entry.address: (entry, read(sandbox.read_mail(entry.message_id))) for entry in sent}


def read(mail):
    return message_from_bytes(mail, policy=default)


def test_everybody_who_agreed_gets_their_own_words_and_code(mails):
    assert len(mails) == 9  # people 4, 8 and 12 did not agree
    codes = {entry.context["code"] for entry, _ in mails.values()}
    assert len(codes) == 9
    entry, mail = mails["person1@example.com"]
    html = mail.get_body(("html",)).get_content()
    assert "Hallo" in html  # German, by the country
    assert "Hi Person1" in html
    assert entry.context["code"] in html
    assert "Finance" in html


def test_each_half_gets_its_subject_line_with_their_name_in_it(mails):
    wanted = {"a": "Person1, we have products for Finance professionals", "b": "Exclusive recommendations for Person1"}
    entry, mail = mails["person1@example.com"]
    assert mail["Subject"] == wanted[entry.variant]
    assert {entry.variant for entry, _ in mails.values()} == {"a", "b"}


def test_each_person_is_written_to_at_the_hour_at_which_they_read(campaign_world):
    world = campaign_world
    change_world(world.settings, *HOURS.format(person=number_of(1)).split(";"))
    step = {"key": "mail", "channel": "email", "template": "cart_recovery", "day": 1, "time": "16:00",
            "clock": "best_hour"}  # fmt: skip
    world.start(document_of(audience={"is_everybody": True}, steps=[step]))
    Runner(world.settings, world.store, world.desk, world.library).look()
    found = {entry.person_id: entry.not_before.hour for entry in list_entries(world.store, programme="campaign:1")}
    assert found[number_of(1)] == 18  # 19:00 in Berlin: their own
    assert found[number_of(3)] == 17  # 18:00 in Berlin: their country's
    assert found[number_of(2)] == 15  # 16:00 in Berlin: the step's
