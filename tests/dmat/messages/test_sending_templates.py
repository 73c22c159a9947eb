"""Under test: a template of the store leaves through the sender, is kept as sent, and stays so whatever changes."""

from __future__ import annotations

import re

import pytest
from sending_fixtures import NOON, FakeProvider, grant

from dmat.consent.permission import record_decisions
from dmat.ledger.entries import list_entries
from dmat.ledger.post import NewEntry, plan_entries
from dmat.messages.archive import as_sent
from dmat.messages.compiled import compile_message
from dmat.messages.library import Templates
from dmat.messages.links import Links
from dmat.messages.tracking import get_utm_rule, set_own_domains, set_utm_rule
from dmat.messages.trial import send_test
from dmat.store.users import create_user
from dmat_pipelines.deliver.sender import drain

BY = "ann@shop.example"
BODY = """<p>Hi {{ first_name }}, {% if in_segment("vip") %}dear VIP{% else %}hello{% endif %}</p>
<a href="https://shop.example/sale?x=1">Sale</a> <a href="https://other.example/">Other</a>
<a href="{{ unsubscribe_url }}">Leave</a> <a href="{{ view_url }}">View</a> {{ shop.postal_address }}
{{ campaign.name }}"""


@pytest.fixture
def templates(store, settings):
    found = Templates(store, settings.clock)
    content = {"variables": [{"name": "first_name", "fallback": "there"}],
               "locales": {"": {"subject": "Sale for {{ first_name }}", "body": BODY},
                           "de": {"subject": "Angebote", "body": BODY}}}  # fmt: skip
    found.create(name="Sale", channel="email", kind="html", content=content, by=BY)
    return found


def plan(store, people, **changes):
    values = {"programme": "spring", "programme_version": 1, "step": "first", "occurrence": "", "channel": "email",
              "template": "sale", "template_version": 1,
              "context": {"first_name": "Ann", "segments": ["vip"]}}  # fmt: skip
    entries = [NewEntry(person_id=n, address=f"p{n}@example.com", **(values | changes)) for n in people]
    with store.write() as connection:
        record_decisions(connection, (grant(n) for n in people), NOON)
        return plan_entries(connection, entries, NOON)


@pytest.mark.parametrize("batch", [1, 100])
def test_a_template_of_the_store_leaves_and_is_kept_as_sent(store, settings, templates, batch):
    ids = plan(store, [1, 2, 3])
    drain(settings, store, FakeProvider(batch=batch))
    kept = as_sent(store, settings, ids[0])
    assert kept["subject"] == "Sale for Ann"
    assert "dear VIP" in kept["html"]
    assert settings.postal_address in kept["text"]
    assert "-dm" not in kept["html"] + kept["subject"] + kept["text"]
    templates.update("sale", by=BY, content={"locales": {"": {"subject": "Other", "body": "other"}}})
    assert as_sent(store, settings, ids[0])["html"] == kept["html"]


def test_each_person_has_links_of_their_own_and_clicks_are_followed_by_us_when_the_provider_does_not(
    store, settings, templates
):
    ids = plan(store, [1, 2])
    drain(settings, store, FakeProvider(tracks_clicks=False))
    links, kept = Links(settings), as_sent(store, settings, ids[0])
    clicks = re.findall(r'href="[^"]*/c/([^"]+)"', kept["html"])
    assert len(clicks) == 2
    read = [links.read_click(token) for token in clicks]
    assert [target for _, target in read] == [
        "https://shop.example/sale?x=1&utm_source=dmat&utm_medium=email&utm_campaign=spring&utm_content=first",
        "https://other.example/",
    ]
    assert {message for message, _ in read} == {ids[0]}
    left = re.search(r'href="[^"]*/u/([^"]+)"', kept["html"])
    assert links.read_unsubscribe(left[1]).address == "p1@example.com"


def test_a_required_value_that_is_missing_stops_that_person_only(store, settings, templates):
    content = {"variables": [{"name": "first_name"}], "locales": {"": {"subject": "{{ first_name }}", "body": BODY}}}
    templates.create(name="Strict", channel="email", kind="html", content=content, by=BY)
    plan(store, [1, 2], template="strict")
    plan(store, [3], template="strict", context={"segments": []})
    drain(settings, store, FakeProvider())
    states = {entry.person_id: (entry.state, entry.reason) for entry in list_entries(store)}
    assert states[1][0] == states[2][0] == "accepted"
    assert states[3][0] == "rejected"
    assert "first_name: it is missing" in states[3][1]


def test_the_language_of_the_person_chooses_the_variant(store, settings, templates):
    [german] = plan(store, [1], locale="de-AT")
    drain(settings, store, FakeProvider())
    assert as_sent(store, settings, german)["subject"] == "Angebote"


def test_the_rule_for_parameters_is_data(store, settings, templates):
    set_utm_rule(store, {"source": "shop", "campaign": "{campaign} {step}"}, NOON, BY)
    set_own_domains(store, ["other.example"], NOON, BY)
    compiled = compile_message(settings, store, "sale", programme="Spring & Co", step="first")
    assert 'href="https://other.example/?utm_source=shop&amp;utm_campaign=spring_co_first"' in compiled.html
    assert get_utm_rule(store)["source"] == "shop"


def test_a_step_of_a_campaign_may_have_its_own_subject(store, settings, templates):
    compiled = compile_message(settings, store, "sale", campaign={"subject": "Only today, {{ first_name }}"})
    assert compiled.subject == "Only today, -dm0-"


def test_a_test_reaches_its_user_marked_and_the_audience_is_untouched(store, settings, templates):
    create_user(store, "ann@shop.example", "a long enough secret")
    content = {
        "variables": [{"name": "first_name", "fallback": "there"}],
        "locales": {"": {"subject": "Hi", "body": BODY}},
    }
    provider = FakeProvider()
    message_id = send_test(
        settings, store, None, channel="email", kind="html", content=content, to="ann@shop.example", by=BY
    )
    drain(settings, store, provider)
    [entry] = list_entries(store)
    assert (entry.programme, entry.state) == ("test", "accepted")
    [mail] = provider.mails
    assert mail.subject == "[Test] Hi"
    assert "Hi there, hello" in mail.html
    assert as_sent(store, settings, message_id)["html"] == mail.html
