"""Under test: what happens behind the links of a message: openings, clicks, the message in the browser."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sending_fixtures import NOON, plan_messages

from apps.api.app import create_app
from dmat.ledger.counters import read_counters
from dmat.ledger.post import keep_rendered
from dmat.messages.links import Links
from dmat.store.inbox import unapplied

PERSON = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/140.0"}


@pytest.fixture
def client(settings, store):
    with TestClient(
        create_app(settings, store), base_url=settings.resolved_public_url, follow_redirects=False
    ) as found:
        yield found


@pytest.fixture
def links(settings):
    return Links(settings)


def counts(store):
    return {row["kind"]: row["count"] for row in read_counters(store)}


def keep(store, message_id, **changes):
    row = {
        "message_id": message_id, "from_address": "The Shop <hello@shop.example>", "to_address": "ann@example.com",
        "subject": "Hello", "html": "<html><body><h1>Hello Ann</h1><script>alert(1)</script></body></html>",
        "text": "Hello Ann", "headers": {}, "rendered_at": NOON,
    }  # fmt: skip
    with store.write() as connection:
        keep_rendered(connection, [row | changes])


def test_the_pixel_is_a_gif_of_43_bytes_that_nobody_may_keep(client, store, links):
    [message_id] = plan_messages(store)
    answer = client.get(links.open_url(message_id), headers=PERSON)
    assert (answer.status_code, answer.headers["content-type"], len(answer.content)) == (200, "image/gif", 43)
    assert answer.content.startswith(b"GIF89a")
    assert "no-store" in answer.headers["cache-control"]
    assert counts(store)["opened_human"] == 1


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "YahooMailProxy; https://help.yahoo.com", "curl/8.1"])
def test_an_opening_by_a_machine_is_kept_and_told_apart(client, store, links, agent):
    [message_id] = plan_messages(store)
    client.get(links.open_url(message_id), headers={"User-Agent": agent})
    assert counts(store)["opened_machine"] == 1
    assert "opened_human" not in counts(store)


def test_a_pixel_that_we_did_not_make_counts_nothing(client, store, links):
    url = links.open_url("m")
    for wrong in (url.replace("/o/m.", "/o/n."), url.replace(".gif", "x.gif"), "/o/.gif", "/o/x", links.view_url("m")):
        path = wrong.replace("/v/", "/o/")
        assert client.get(path, headers=PERSON).status_code == 404
    assert unapplied(store) == []


def test_a_click_leads_to_the_very_address_with_its_parameters(client, links):
    target = "https://shop.example/a%20b?utm_source=dmat&utm_campaign=spring%20sale&x=1&x=2#top"
    answer = client.get(links.click_url("m", target), headers=PERSON)
    assert (answer.status_code, answer.headers["location"]) == (302, target)


def test_what_is_added_behind_a_link_leads_nowhere_else(client, links):
    answer = client.get(links.click_url("m", "https://shop.example/") + "?next=https://evil.example", headers=PERSON)
    assert answer.headers["location"] == "https://shop.example/"


def test_a_head_request_is_led_on_and_counts_as_a_machine(client, store, links):
    [message_id] = plan_messages(store)
    assert client.head(links.click_url(message_id, "https://shop.example/"), headers=PERSON).status_code == 302
    assert counts(store)["clicked_machine"] == 1
    assert "clicked_human" not in counts(store)


def test_a_click_can_neither_be_posted_nor_split_the_answer(client, links):
    assert client.post(links.click_url("m", "https://shop.example/")).status_code == 405
    answer = client.get(links.click_url("m", "https://shop.example/\r\nSet-Cookie: a=b"), headers=PERSON)
    assert "set-cookie" not in answer.headers


def test_a_message_is_shown_in_the_browser_as_it_was_sent_without_scripts(client, store, links):
    [message_id] = plan_messages(store)
    keep(store, message_id)
    answer = client.get(links.view_url(message_id))
    assert "Hello Ann" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert "noindex" in answer.headers["x-robots-tag"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_message_of_words_only_is_shown_as_words(client, store, links):
    [message_id] = plan_messages(store)
    keep(store, message_id, html="", text="Hello <b>Ann</b>")
    assert "Hello &lt;b&gt;Ann&lt;/b&gt;" in client.get(links.view_url(message_id)).text


@pytest.mark.parametrize("method", ["view_url", "preferences_url", "open_url"])
def test_a_message_that_was_not_sent_or_another_kind_of_link_shows_nothing(client, store, links, method):
    [message_id] = plan_messages(store)
    if method != "view_url":
        keep(store, message_id)
    token = getattr(links, method)(message_id).rsplit("/", 1)[1]
    assert client.get(f"/v/{token}").status_code == 404


def test_our_own_pages_run_no_script_and_are_never_framed_or_kept(client, links):
    answer = client.get(links.unsubscribe_url("m", "ann@example.com"))
    assert "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in policy
    assert answer.headers["cache-control"] == "no-store"
