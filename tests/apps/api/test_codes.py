"""Under test: the doors of discount codes, of links' parameters and of coordination rules."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from campaign_world import document_of
from doors import signed_in
from fastapi.testclient import TestClient
from segment_world import NOW

from apps.api.app import create_app
from dmat.campaigns.running import Runner
from dmat.messages.codes import return_codes, take_codes
from dmat.messages.tracking import parameters_of, utm_rule_of
from dmat.store.tables import counters

WEAK = {
    "key": "weak",
    "when": {"measure": "open_rate", "channel": "email", "comparison": "below", "value": 0.2, "min_sample": 50},
    "then": {"do": "pause_channel", "channel": "email"},
}


@pytest.fixture
def doors(campaign_world):
    app = create_app(campaign_world.settings, campaign_world.store)
    with TestClient(app, base_url=campaign_world.settings.resolved_public_url) as client:
        yield client


def test_a_pool_is_made_filled_and_says_how_many_are_left(doors, campaign_world):
    client = signed_in(doors)
    made = client.post("/api/code-pools", json={"key": "spring", "name": "Spring"})
    assert (made.status_code, made.headers["location"]) == (201, "/api/code-pools/spring")
    added = client.post("/api/code-pools/spring/codes", json={"csv": "code,note\nA1,x\nB2,y\nA1,z\n"}).json()
    assert (added["added"], added["known"], added["pool"]["left"]) == (2, 1, 2)
    with campaign_world.store.write() as connection:
        assert set(take_codes(connection, "spring", [1, 2], "campaign:1/mail/")) == {1, 2}
        return_codes(connection, "campaign:1/mail/", [1], NOW)
    pool = client.get("/api/code-pools/spring").json()
    assert (pool["free"], pool["taken"], pool["returned"], pool["left"]) == (0, 1, 1, 0)
    assert client.post("/api/code-pools/spring/release-returned").json()["released"] == 1
    assert [each["free"] for each in client.get("/api/code-pools").json()["pools"]] == [1]


def test_a_pattern_says_how_many_codes_it_can_give(doors):
    client = signed_in(doors)
    made = client.post("/api/code-pools", json={"key": "auto", "name": "Auto", "pattern": "SALE-#####"}).json()
    assert (made["free"], made["left"]) == (0, 31**4 // 2)


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("", {"key": "Spring Sale", "name": "x"}, 422, "key"),
        ("", {"key": "spring", "name": "x", "pattern": "sale-#"}, 422, "pattern"),
        ("", {"key": "taken", "name": "x"}, 409, None),
        ("/taken/codes", {}, 422, "codes"),
        ("/taken/codes", {"codes": ["fine", "line\nbreak"]}, 422, "code"),
        ("/taken/codes", {"csv": "a,b\n1,2\n"}, 422, "file"),
        ("/nothing/codes", {"codes": ["A1"]}, 404, None),
        ("/nothing/release-returned", {}, 404, None),
    ],
)
def test_what_is_wrong_with_a_pool_is_named(doors, path, body, status, field):
    client = signed_in(doors)
    client.post("/api/code-pools", json={"key": "taken", "name": "Taken"})
    answer = client.post(f"/api/code-pools{path}", json=body)
    assert answer.status_code == status, answer.text
    assert [fault["path"] for fault in answer.json()["faults"]] == ([field] if field else [])


def test_an_analyst_sees_pools_and_makes_none(doors):
    client = signed_in(doors, "analyst")
    assert client.get("/api/code-pools").json() == {"pools": []}
    assert client.post("/api/code-pools", json={"key": "spring", "name": "Spring"}).status_code == 403


def test_the_rule_of_links_is_changed_and_a_campaign_may_say_something_else(doors, campaign_world):
    client = signed_in(doors)
    changed = client.put("/api/link-rules", json={"utm": {"source": "news", "campaign": "{campaign}"}}).json()
    assert changed["example"] == {"utm_source": "news", "utm_campaign": "spring_sale"}
    plan = document_of(utm={"source": "partner-{channel}"})
    number = client.post("/api/campaigns", json={"name": "Sale", "plan": plan}).json()["id"]
    rule = utm_rule_of(campaign_world.store, number)
    words = {"channel": "email", "campaign": "Sale"}
    assert parameters_of(rule, words) == {"utm_source": "partner-email", "utm_campaign": "sale"}
    assert utm_rule_of(campaign_world.store, None)["source"] == "news"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"utm": {"source": "{first_name}"}}, "utm.source"),
        ({"utm": {"color": "red"}}, "utm.color"),
        ({"own_domains": ["https://shop.example"]}, "own_domains"),
    ],
)
def test_a_rule_that_cannot_be_filled_in_is_refused(doors, body, field):
    answer = signed_in(doors).put("/api/link-rules", json=body)
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, field)


def test_a_plan_with_parameters_that_cannot_be_filled_in_does_not_start(doors):
    client = signed_in(doors)
    plan = document_of(utm={"content": "{person}"})
    number = client.post("/api/campaigns", json={"name": "Sale", "plan": plan}).json()["id"]
    answer = client.post(f"/api/campaigns/{number}/start")
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "utm.content")


def test_rules_are_tried_before_they_are_kept(doors, campaign_world):
    client = signed_in(doors)
    number = campaign_world.start(document_of())
    place = {"programme": f"campaign:{number}", "step": "mail", "variant": "", "channel": "email", "updated_at": NOW}
    with campaign_world.store.write() as connection:
        counts = {"delivered": 100, "opened_human": 10}
        connection.execute(sa.insert(counters), [place | {"kind": k, "count": n} for k, n in counts.items()])
    [tried] = client.post(f"/api/campaigns/{number}/rules/try", json={"rules": [WEAK]}).json()["rules"]
    assert (tried["measured"], tried["is_crossed"], tried["would"]) == (0.1, True, "pause email")
    assert client.get(f"/api/campaigns/{number}/rules/log").json() == {"log": []}
    bad = client.post(f"/api/campaigns/{number}/rules/try", json={"rules": [WEAK | {"then": {"do": "shout"}}]})
    assert (bad.status_code, bad.json()["faults"][0]["path"]) == (422, "rules[0].then")


def test_a_post_that_a_person_published_is_noted_once(doors, campaign_world):
    world, client = campaign_world, signed_in(doors)
    says = {"network": "linkedin", "text": "Our sale begins"}
    number = world.start(document_of(steps=[{"key": "post", "channel": "social", "social": says}]))
    Runner(world.settings, world.store, world.desk, world.library).look()
    path = f"/api/campaigns/{number}/steps/post"
    assert client.post(f"{path}/posted", json={"url": "here"}).json()["faults"][0]["path"] == "url"
    assert client.post(f"{path}/post-again").json() == {"state": "waiting"}
    Runner(world.settings, world.store, world.desk, world.library).look()
    assert client.post(f"{path}/posted", json={"url": "https://linkedin.example/1"}).status_code == 204
    assert client.post(f"{path}/posted", json={"url": "https://linkedin.example/1"}).status_code == 409
    assert client.post(f"/api/campaigns/{number}/steps/other/post-again").status_code == 404
