"""Under test: a template of the store leaves through the sender, is kept as sent, and stays so whatever changes."""

from __future__ import annotations

import re

import pytest
from sending_fixtures import NOON, FakeProvider, cart_context, grant

from dmat.consent.permission import record_decisions
from dmat.errors import InvalidInputError
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


def test_the_built_in_cart_mail_goes_through_the_same_calls(store, settings):
    [message] = plan(store, [1], programme="cart_recovery", template="cart_recovery", context=cart_context())
    provider = FakeProvider(tracks_clicks=False)
    drain(settings, store, provider)
    [mail] = provider.mails
    assert mail.subject.strip() == "You left something behind, Ann 🛒"
    assert "€41.00" in mail.html
    assert "/c/" in mail.html
    assert as_sent(store, settings, message)["text"] == mail.text


def test_codes_and_products_of_the_frozen_context_are_shown(store, settings, templates):
    text = "{{ discount_code }}:{% for p in products %} {{ p.title }} {{ p.price }}{% endfor %}"
    content = {"variables": [{"name": "discount_code", "source": "code"},
                             {"name": "products", "type": "list", "source": "recommendations"}],
               "locales": {"": {"text": text}}}  # fmt: skip
    templates.create(name="Codes", channel="sms", kind="text", content=content, by=BY)
    compiled = compile_message(settings, store, "codes", channel="sms")
    tea = '[{"title": "Tea", "price_cents": 500, "currency_code": "EUR"}]'
    context = {"discount_code": "SPRING-7", "products": tea}
    with store.write() as connection:
        plan_entries(connection, [NewEntry(1, "spring", 1, "s", "", "sms", "+4915112345678", context)], NOON)
    [filled] = compiled.fill([compiled.values(entry) for entry in list_entries(store)])
    assert compiled.whole(filled).parts["text"] == "SPRING-7: Tea €5.00"


def test_a_template_of_another_channel_is_refused(store, settings, templates):
    with pytest.raises(InvalidInputError, match="is for email"):
        compile_message(settings, store, "sale", channel="sms")


def test_a_value_that_imitates_our_marks_never_becomes_a_signed_link(store, settings, templates):
    evil = "\x02https://evil.example/\x03"
    context = cart_context() | {"first_name": evil, "products": [{"title": evil, "quantity": 1, "unit_price_cents": 1}]}
    message = plan(store, [1], programme="cart_recovery", template="cart_recovery", context=context)[0]
    other = plan(store, [2], context={"first_name": evil, "segments": []})[0]
    drain(settings, store, FakeProvider(tracks_clicks=False))
    for each in (message, other):
        kept = as_sent(store, settings, each)
        targets = [Links(settings).read_click(token)[1] for token in re.findall(r'/c/([^"\s<]+)', kept["html"])]
        assert targets
        assert not any("evil" in target for target in targets)
