"""Under test: what must reach Slack or the CRM is tried until it is taken, once a key; a lost line is not repeated."""

from __future__ import annotations

from datetime import timedelta

import httpx
import jsonschema_rs
import orjson
import pytest
from lead_world import LEAD_NOON

from dmat.connectors.hubspot import HubSpot, upsert_body
from dmat.connectors.slack import Slack
from dmat.errors import AmbiguousError, RateLimitedError, VendorRefusedError, VendorUnavailableError
from dmat.scoring.leads import take_in
from dmat.scoring.notices import escape
from dmat.scoring.pushing import HUBSPOT, SLACK, plan_push, push_due, pushes_of
from dmat.settings import load_settings


@pytest.fixture
def lead_id(lead_world):
    return take_in(lead_world.store, {"email": "john@example.com"}, LEAD_NOON, "ann")[0].lead_id


def plan(world, lead_id, kind, key="k"):
    with world.store.write() as connection:
        plan_push(connection, key, kind, lead_id, {"channel": "C1", "text": "hello"}, LEAD_NOON)


def raising(error):
    def way(_payload):
        raise error

    return way


def test_a_push_is_made_once_a_key(lead_world, lead_id):
    made = []
    for _ in range(2):
        plan(lead_world, lead_id, SLACK)
        push_due(lead_world.store, {SLACK: lambda payload: made.append(payload) or "17.1"}, LEAD_NOON)
    assert made == [{"channel": "C1", "text": "hello"}]
    assert [(each["state"], each["vendor_id"]) for each in pushes_of(lead_world.store, lead_id)] == [("done", "17.1")]


def test_what_is_refused_for_now_is_tried_again_later_and_what_is_refused_for_good_is_not(lead_world, lead_id):
    plan(lead_world, lead_id, HUBSPOT)
    push_due(lead_world.store, {HUBSPOT: raising(VendorUnavailableError("down"))}, LEAD_NOON)
    at_once = push_due(lead_world.store, {HUBSPOT: lambda _: "1"}, LEAD_NOON)
    assert at_once.done_count == 0
    later = push_due(lead_world.store, {HUBSPOT: lambda _: "1"}, LEAD_NOON + timedelta(minutes=1))
    assert later.done_count == 1
    plan(lead_world, lead_id, HUBSPOT, "other")
    push_due(lead_world.store, {HUBSPOT: raising(VendorRefusedError("hubspot", 400, "no such owner"))}, LEAD_NOON)
    assert [each["state"] for each in pushes_of(lead_world.store, lead_id)] == ["done", "failed"]


def test_a_lost_answer_repeats_the_record_and_not_the_line(lead_world, lead_id):
    for kind in (SLACK, HUBSPOT):
        plan(lead_world, lead_id, kind, kind)
    lost = raising(AmbiguousError("no answer"))
    push_due(lead_world.store, {SLACK: lost, HUBSPOT: lost}, LEAD_NOON)
    states = {each["kind"]: each["state"] for each in pushes_of(lead_world.store, lead_id)}
    assert states == {SLACK: "failed", HUBSPOT: "waiting"}


def answering(body, status=200, headers=None):
    asked = []

    def respond(request):
        asked.append(request)
        return httpx.Response(status, json=body, headers=headers or {})

    return asked, httpx.Client(transport=httpx.MockTransport(respond), base_url="https://vendor.example")


@pytest.fixture
def connected(tmp_path):
    return load_settings(
        tmp_path, slack_url="https://slack.example/api", slack_token="xoxb-1", hubspot_url="https://hubspot.example"
    )  # fmt: skip


def test_slack_says_in_the_body_whether_it_took_a_line(connected):
    asked, client = answering({"ok": True, "ts": "17.1"})
    assert Slack(connected, client=client).post({"channel": "C1", "text": "hello"}) == "17.1"
    assert orjson.loads(asked[0].content)["channel"] == "C1"
    with pytest.raises(VendorRefusedError, match="channel_not_found"):
        Slack(connected, client=answering({"ok": False, "error": "channel_not_found"})[1]).post(
            {"channel": "C1", "text": "hello"}
        )
    with pytest.raises(RateLimitedError):
        Slack(connected, client=answering({"ok": False, "error": "ratelimited"})[1]).post({"channel": "C", "text": "h"})


def test_a_contact_is_made_or_changed_by_its_address(connected):
    asked, client = answering({"status": "COMPLETE", "results": [{"id": "77"}]})
    payload = {"email": "john@example.com", "properties": {"firstname": "John", "jobtitle": ""}}
    assert HubSpot(connected, client=client).put_contact(payload) == "77"
    assert orjson.loads(asked[0].content) == upsert_body("john@example.com", {"firstname": "John"})


@pytest.mark.shared
def test_what_we_ask_hubspot_agrees_with_its_models(shared_dir):
    document = orjson.loads((shared_dir / "contracts" / "hubspot" / "crm_models_from_sdk.json").read_bytes())
    definitions = document["modules"]["contacts"]
    schema = {"$ref": "#/$defs/BatchInputSimplePublicObjectBatchInputUpsert", "$defs": definitions}
    jsonschema_rs.validator_for(schema).validate(upsert_body("john@example.com", {"firstname": "John"}))


def test_what_people_typed_can_neither_ping_nor_link_in_slack():
    assert escape("<!channel> & <https://evil.example|here>") == (
        "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;"
    )
