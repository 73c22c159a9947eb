"""Under test: what the site's script asks and tells. Only our sites, each view once, a person's message once."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sending_fixtures import NOON, grant, make_settings

from apps.api.app import create_app
from apps.api.site import LARGEST_PACKED, make_script
from dmat.channels.banner import Placement, put_placement
from dmat.channels.contract import Sought
from dmat.channels.in_app import InAppProvider, remember_visitors, sweep
from dmat.consent.permission import Decision, record_decisions
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import get_entry
from dmat.ledger.events import apply_waiting
from dmat.ledger.post import NewEntry, plan_entries
from dmat.store.inbox import unapplied
from dmat.store.tokens import create_token

SITE = "https://shop.example"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "Origin": SITE}
ANN, BOB = "111.222", "333.444"


@pytest.fixture
def settings(home):
    return make_settings(home, web_origins=f"{SITE} https://www.shop.example")


@pytest.fixture
def client(settings, store):
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url, headers=BROWSER) as found:
        yield found


def put(store, channel="banner", **changes):
    values = {
        "channel": channel, "programme": "campaign:1", "programme_version": 1, "step": channel, "variant": "a",
        "content": {"title": "Hello {{ first_name | default('you') }}", "url": "https://shop.example/sale"},
        "position": "top" if channel == "banner" else "modal",
    }  # fmt: skip
    with store.write() as connection:
        return put_placement(connection, Placement(**(values | changes)), NOON)


def plan_in_app(store, person=1, **changes):
    values = {
        "person_id": person, "programme": "campaign:1", "programme_version": 1, "step": "in_app", "occurrence": "",
        "channel": "in_app", "address": f"person:{person}", "context": {"first_name": "Ann"}, "variant": "a",
        "expires_at": NOON + timedelta(days=2),
    }  # fmt: skip
    with store.write() as connection:
        remember_visitors(connection, [(ANN, 1)], "warehouse", NOON)
        [message_id] = plan_entries(connection, [NewEntry(**(values | changes))], NOON)
    return message_id


def ask(client, client_id=ANN, page="/", **more):
    answer = client.get("/api/web/messages", params={"client_id": client_id, "page": page, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["messages"]


def tell(client, view, kind, client_id=ANN, **headers):
    body = json.dumps({"view": view, "kind": kind, "client_id": client_id, "page": "/x?secret=1"})
    return client.post("/api/web/events", content=body, headers={"Content-Type": "text/plain", **headers}).status_code


def counts(store):
    return {(row["channel"], row["kind"]): row["count"] for row in read_counters(store)}


def test_the_script_is_small_cached_and_needs_nothing_else(client):
    answer = client.get("/site/dmat.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(make_script(False).packed) <= LARGEST_PACKED
    assert gzip.decompress(make_script(False).packed) == make_script(False).text
    assert "max-age" in answer.headers["cache-control"]
    tag = answer.headers["etag"]
    assert client.get("/site/dmat.js", headers={"If-None-Match": f'"other", W/{tag}'}).status_code == 304
    for never in ("eval(", "innerHTML", "insertAdjacentHTML", "document.write", "new Function", "__"):
        assert never not in answer.text
    assert client.get("/site/dmat.js", headers={"Accept-Encoding": "identity"}).text == answer.text


def test_a_change_of_the_settings_changes_the_tag():
    assert make_script(True).tag != make_script(False).tag


def test_a_visitor_gets_a_banner_and_its_view_counts_once(client, store):
    put(store)
    [banner] = ask(client)
    assert (banner["channel"], banner["position"]) == ("banner", "top")
    assert banner["content"]["url"] == "https://shop.example/sale"
    for _ in range(3):
        assert tell(client, banner["view"], "shown") == 204
    assert counts(store) == {("banner", "shown"): 1}
    [event] = unapplied(store)
    assert (event.provider, event.kind, event.message_id) == ("dmat", "shown", "")
    assert event.payload["step"] == "banner"
    assert event.payload["client_id"] == ANN
    assert event.payload["page"] == "/x"


def test_a_click_proves_that_it_was_shown(client, store):
    put(store)
    [banner] = ask(client)
    tell(client, banner["view"], "clicked")
    tell(client, banner["view"], "clicked")
    assert counts(store) == {("banner", "shown"): 1, ("banner", "clicked_human"): 1}


def test_a_visitor_sees_it_as_often_as_the_cap_allows_and_not_after_closing_it(client, store):
    put(store, cap_count=2)
    for _ in range(2):
        [banner] = ask(client)
        tell(client, banner["view"], "shown")
    assert ask(client) == []
    [banner] = ask(client, BOB)
    tell(client, banner["view"], "closed", BOB)
    assert ask(client, BOB) == []


def test_pages_are_kept_whatever_stands_behind_the_path(client, store):
    put(store, include=("/sale*",))
    assert ask(client, page="/") == []
    assert ask(client, page="/?x=/sale") == []
    assert len(ask(client, page="https://shop.example/sale/shoes?x=/")) == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null", ""])
def test_other_sites_learn_and_change_nothing(client, store, origin):
    put(store)
    [banner] = ask(client)
    answer = client.get("/api/web/messages", params={"client_id": ANN}, headers={"Origin": origin})
    assert answer.json()["messages"] == []
    assert "access-control-allow-origin" not in answer.headers
    assert tell(client, banner["view"], "shown", Origin=origin) == 403
    assert unapplied(store) == []


def test_our_sites_may_read_the_answer_and_nobody_keeps_it(client):
    answer = client.get("/api/web/messages", params={"client_id": ANN})
    assert answer.headers["access-control-allow-origin"] == SITE
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-credentials" not in answer.headers


def test_programs_get_nothing(client, store):
    put(store)
    for agent in ("Googlebot/2.1", "Mozilla/5.0 HeadlessChrome/140"):
        answer = client.get("/api/web/messages", params={"client_id": ANN}, headers={"User-Agent": agent})
        assert answer.json()["messages"] == []


@pytest.mark.parametrize("body", [
    b"{", b"[]", b"x" * 5000, b'{"view": "x.y", "kind": "shown", "client_id": "1.2"}', b'{"kind": "bought"}',
    b'{"view": 7, "kind": "shown", "client_id": "1.2"}',
])  # fmt: skip
def test_what_we_did_not_give_is_not_believed(client, store, body):
    assert client.post("/api/web/events", content=body).status_code == 400
    assert unapplied(store) == []


def test_a_view_is_over_after_a_day(client, settings, store):
    put(store)
    [banner] = ask(client)
    settings.clock.advance(timedelta(hours=25))
    assert tell(client, banner["view"], "shown") == 400


@pytest.mark.parametrize("client_id", ["", "a b", "x" * 101, "<script>"])
def test_an_id_that_cannot_be_is_refused(client, client_id):
    assert client.get("/api/web/messages", params={"client_id": client_id}).status_code == 422


def test_a_person_gets_their_message_through_the_gate_and_it_ends_delivered(client, store):
    message_id = plan_in_app(store)
    put(store, "in_app")
    [message] = ask(client)
    assert (message["id"], message["position"]) == (message_id, "modal")
    assert message["content"]["title"] == "Hello Ann"
    assert get_entry(store, message_id).state == "handed_over"
    tell(client, message["view"], "shown")
    apply_waiting(store, NOON)
    entry = get_entry(store, message_id)
    assert (entry.state, entry.subject, entry.provider) == ("delivered", "Hello Ann", "dmat")
    assert counts(store)["in_app", "shown"] == 1
    assert ask(client) == []


def test_until_it_is_seen_the_same_person_is_given_the_same_message(client, store):
    message_id = plan_in_app(store)
    put(store, "in_app")
    assert [message["id"] for _ in range(3) for message in ask(client)] == [message_id] * 3
    assert ask(client, BOB) == []


def test_the_gate_decides_also_here(client, store):
    message_id = plan_in_app(store)
    put(store, "in_app")
    with store.write() as connection:
        record_decisions(connection, [Decision(1, "in_app", "marketing", False, NOON, "a page")], NOON)
    assert ask(client) == []
    assert get_entry(store, message_id).state == "suppressed"


def test_a_held_out_person_sees_nothing_and_the_ledger_says_so(client, store):
    message_id = plan_in_app(store, is_holdout=True)
    put(store, "in_app")
    assert ask(client) == []
    assert get_entry(store, message_id).state == "held_out"


def test_what_nobody_saw_is_planned_again_and_ends_when_its_time_is_over(client, settings, store):
    message_id = plan_in_app(store)
    put(store, "in_app")
    ask(client)
    assert sweep(store, NOON + timedelta(minutes=30)) == 0
    assert InAppProvider(store).find_message(Sought(message_id)) is None
    assert sweep(store, NOON + timedelta(minutes=61)) == 1
    assert get_entry(store, message_id).state == "planned"
    assert sweep(store, NOON + timedelta(days=3)) == 1
    assert get_entry(store, message_id).state == "expired"


def test_what_was_seen_is_never_taken_back(client, store):
    message_id = plan_in_app(store)
    put(store, "in_app")
    tell(client, ask(client)[0]["view"], "shown")
    assert InAppProvider(store).find_message(Sought(message_id)) == message_id
    assert sweep(store, NOON + timedelta(hours=5)) == 0


def test_a_message_that_cannot_be_shown_is_rejected_with_its_reason(client, store):
    message_id = plan_in_app(store, template="no_such_template", template_version=1)
    put(store, "in_app", content={})
    assert ask(client) == []
    entry = get_entry(store, message_id)
    assert entry.state == "rejected"
    assert "no_such_template" in entry.reason


def test_somebody_who_signed_in_is_known_by_a_token_of_the_sites_server(client, store):
    plan_in_app(store, person=7)
    put(store, "in_app")
    assert client.post("/api/web/identify-tokens", json={"person_id": 7}).status_code == 401
    secret = create_token(store, "site", ["web:write"], "ann@shop.example")
    bearer = {"Authorization": f"Bearer {secret}"}
    token = client.post("/api/web/identify-tokens", json={"person_id": 7}, headers=bearer).json()["token"]
    assert ask(client, BOB) == []
    for wrong in (token[:-1], "7:9999999999.x", "x"):
        assert ask(client, BOB, token=wrong) == []
    assert len(ask(client, BOB, token=token)) == 1
    assert len(ask(client, BOB)) == 1  # the browser is remembered


def test_a_token_ends(client, settings, store):
    plan_in_app(store, person=7)
    put(store, "in_app")
    secret = create_token(store, "site", ["web:write"], "ann@shop.example")
    bearer = {"Authorization": f"Bearer {secret}"}
    body = {"person_id": 7, "minutes": 5}
    token = client.post("/api/web/identify-tokens", json=body, headers=bearer).json()["token"]
    settings.clock.advance(timedelta(minutes=6))
    assert ask(client, BOB, token=token) == []


def test_what_the_warehouse_worked_out_never_replaces_a_sign_in(store):
    from dmat.channels.in_app import find_person

    with store.write() as connection:
        remember_visitors(connection, [(ANN, 7)], "identify", NOON)
        remember_visitors(connection, [(ANN, 1)], "warehouse", NOON)
        assert find_person(connection, ANN) == 7


def test_no_consent_record_is_needed_on_our_own_site(store):
    with store.write() as connection:
        record_decisions(connection, [grant(5, False)], NOON)  # a no to e-mail says nothing about the site
    assert plan_in_app(store, person=5)
