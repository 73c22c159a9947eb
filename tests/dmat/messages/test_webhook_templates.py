"""Under test: templates that are JSON - values cannot leave their place, faults are found before, calls are signed."""

from __future__ import annotations

import httpx
import orjson
import pytest
from scripted_vendor import KEY, scripted
from sending_fixtures import NOON, make_settings

from dmat.channels.webhook import is_signed
from dmat.connectors.outgoing_webhook import OutgoingWebhook
from dmat.errors import InvalidInputError
from dmat.ledger.entries import list_entries
from dmat.ledger.post import NewEntry, plan_entries
from dmat.messages.archive import as_sent
from dmat.messages.checks import check_content
from dmat.messages.contents import checked_kind
from dmat.messages.findings import ERROR
from dmat.messages.library import Templates
from dmat.messages.preview import preview
from dmat.messages.starters import starter
from dmat.messages.trial import send_test
from dmat_pipelines.deliver.sender import drain

BY = "ann@shop.example"
NASTY = 'Ann "The\\Axe"\n{{ 7 * 7 }} <b>-dm0-\x02'
VARIABLES = [
    {"name": "first_name", "fallback": "there"}, {"name": "orders", "type": "number", "fallback": 0},
    {"name": "products", "type": "list", "source": "recommendations", "fallback": []},
]  # fmt: skip
BODY = """{
  "id": "{{ message_id }}",
  "name": "{{ first_name }}", "same": {{ first_name | tojson }}, "loud": "{{ first_name | upper }}",
  "orders": {{ orders }}, "many": {{ "true" | tojson if orders > 2 else "no" | tojson }},
  "all": {{ products }},
  "titles": [{% for product in products %}"{{ product.title }}"{{ "" if loop.last else "," }}{% endfor %}],
  "link": "https://shop.example/?a=1&b={{ first_name | urlencode }}"
}"""


def content(body, variables=VARIABLES):
    return {"variables": list(variables), "locales": {"": {"body": body}}}


def faults(settings, body, variables=()):
    found = check_content(settings, "webhook", "json", content(body, variables))
    return [check.what for check in found if check.level == ERROR]


@pytest.fixture
def settings(home):
    return make_settings(home, outgoing_webhook_url="https://partner.example/in", outgoing_webhook_secret=KEY)


@pytest.fixture
def template(store, settings):
    return Templates(store, settings.clock).create(
        name="Hook", channel="webhook", kind="json", content=content(BODY), by=BY
    )  # fmt: skip


def plan(store, people, **context):
    facts = {"first_name": NASTY, "orders": 3, "products": '[{"title": "Tea \\"Gold\\""}, {"title": "Mug"}]'} | context
    entries = [
        NewEntry(n, "spring", 1, "call", "", "webhook", f"person:{n}", facts, template="hook", template_version=1)
        for n in people
    ]
    with store.write() as connection:
        return plan_entries(connection, entries, NOON)


def test_a_call_is_signed_says_just_what_the_template_says_and_no_value_leaves_its_place(store, settings, template):
    [message_id] = plan(store, [7])
    vendor = scripted([httpx.Response(202)])
    drain(settings, store, OutgoingWebhook(settings, vendor.client))
    [request] = vendor.requests
    said = orjson.loads(request.content)
    name = 'Ann "The\\Axe"\n{{ 7 * 7 }} <b>-dm0-'  # control signs are no text
    assert said == {
        "id": message_id, "name": name, "same": name, "loud": name.upper(), "orders": 3, "many": "true",
        "all": [{"title": 'Tea "Gold"'}, {"title": "Mug"}], "titles": ['Tea "Gold"', "Mug"],
        "link": "https://shop.example/?a=1&b=Ann%20%22The%5CAxe%22%0A%7B%7B%207%20%2A%207%20%7D%7D%20%3Cb%3E-dm0-",
    }  # fmt: skip
    assert str(request.url) == "https://partner.example/in"
    assert is_signed(KEY, dict(request.headers), request.content, int(request.headers["webhook-timestamp"]))
    [entry] = list_entries(store)
    assert entry.state == "accepted"
    assert orjson.loads(as_sent(store, settings, message_id)["parts"]["body"]) == said


def test_a_call_whose_answer_is_lost_or_an_error_is_made_again_under_the_same_id(store, settings, template):
    [message_id] = plan(store, [7])
    vendor = scripted([httpx.Response(500), httpx.ReadTimeout("slow"), httpx.Response(200)])
    provider = OutgoingWebhook(settings, vendor.client)
    for _ in range(2):  # the second one settles what the first one left open
        drain(settings, store, provider, settle_seconds=0.0)
    assert {request.headers["webhook-id"] for request in vendor.requests} == {message_id}
    assert len(vendor.requests) == 3
    assert [entry.state for entry in list_entries(store)] == ["accepted"]


def test_who_has_a_value_that_breaks_the_json_is_named_and_the_others_are_called(store, settings):
    bare = '{"name": {{ first_name }} }'
    Templates(store, settings.clock).create(name="Hook", channel="webhook", kind="json", content=content(bare), by=BY)
    plan(store, [1])
    plan(store, [2], first_name="17")
    vendor = scripted([httpx.Response(200)])
    drain(settings, store, OutgoingWebhook(settings, vendor.client))
    states = {entry.person_id: (entry.state, entry.reason) for entry in list_entries(store)}
    assert states[1][0] == "rejected"
    assert "body: is not JSON" in states[1][1]
    assert states[2][0] == "accepted"


@pytest.mark.parametrize(("body", "words"), [
    ("", "it is not JSON"), ("{", "it is not JSON"), ("[1, 2]", "it is JSON, but not an object"),
    ('{"name": {{ first_name }} }', "it is not JSON"),
    ('{"name": {{ age }} }', "a text stands outside of quotation marks"),
    ('{"name": "{{ nobody }}"}', "nobody is used but not declared"), ('{"name": "{% if %}"}', "Expected an expression"),
])  # fmt: skip
def test_a_body_that_is_no_json_or_would_not_stay_json_is_found_before_use(settings, body, words):
    variables = [{"name": "first_name", "fallback": "there"}, {"name": "age", "fallback": "17"}]
    assert any(words in fault for fault in faults(settings, body, variables)), faults(settings, body, variables)


def test_a_sound_body_has_no_faults(settings):
    assert faults(settings, BODY, VARIABLES) == []
    assert faults(settings, '{"x": "{{ unsubscribe_url }} {{ campaign.name }}"}') == []


def test_a_template_of_a_webhook_is_json_and_of_nothing_else():
    checked_kind("webhook", "json")
    for channel, kind in (("webhook", "text"), ("email", "json"), ("sms", "json")):
        with pytest.raises(InvalidInputError, match="kind"):
            checked_kind(channel, kind)


def test_a_test_says_that_it_is_one_and_goes_to_the_address_of_the_workspace(store, settings):
    message_id = send_test(
        settings, store, None, channel="webhook", kind="json", content=content('{"name": "{{ first_name }}"}'),
        to="https://evil.example/", by=BY,
    )  # fmt: skip
    vendor = scripted([httpx.Response(200)])
    drain(settings, store, OutgoingWebhook(settings, vendor.client))
    assert [str(request.url) for request in vendor.requests] == ["https://partner.example/in"]
    assert vendor.body() == {"name": "there", "is_test": True}
    assert as_sent(store, settings, message_id)["parts"]["body"] == '{"name":"there","is_test":true}'


def test_the_starter_is_an_object_with_the_person_and_three_products(store, settings):
    made = starter("call-another-system")
    shown = preview(settings, store, None, channel="webhook", kind="json", content=made.content)
    said = orjson.loads(shown.parts["body"])
    assert (said["event"], said["person"], said["products"]) == (
        "campaign.message", {"id": "0", "name": " ", "country": ""}, []
    )  # fmt: skip
