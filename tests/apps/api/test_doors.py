"""Under test: links, forms, sign-in and what the signed-in may read."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sending_fixtures import NOON, FakeProvider, plan_messages

from apps.api.app import create_app
from dmat.consent.suppression import find_suppressed
from dmat.ledger.counters import read_counters
from dmat.messages.links import Links
from dmat.store.inbox import unapplied
from dmat.store.tables import form_submissions
from dmat.store.users import COOKIE_NAME, create_user
from dmat_pipelines.deliver.sender import drain

PASSWORD = "a long enough secret"
MACHINE = {"User-Agent": "Mozilla/5.0 (compatible; LinkProtect/4.2)"}
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


def sign_in(client, store, role):
    create_user(store, f"{role}@shop.example", PASSWORD, role)
    client.post("/sign-in", json={"email": f"{role}@shop.example", "password": PASSWORD})


def is_suppressed(store):
    with store.read() as connection:
        return bool(find_suppressed(connection, ["person1@example.com"], "email"))


def test_looking_at_an_unsubscribe_link_never_unsubscribes(client, store, links):
    [message_id] = plan_messages(store)
    url = links.unsubscribe_url(message_id, "person1@example.com")
    page = client.get(url)
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    client.head(url)
    assert not is_suppressed(store)
    assert unapplied(store) == []


@pytest.mark.parametrize("body", [b"List-Unsubscribe=One-Click", b"", b"anything"])
def test_posting_to_it_unsubscribes_at_once_without_a_cookie(client, store, links, body):
    [message_id] = plan_messages(store)
    url = links.unsubscribe_url(message_id, "person1@example.com")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://mail.example"}
    for _ in range(2):
        assert client.post(url, content=body, headers=headers).status_code == 200
    assert is_suppressed(store)
    [row] = unapplied(store)
    assert (row.provider, row.kind, row.payload["email"]) == ("dmat", "unsubscribed", "person1@example.com")
    assert row.payload["event"] == "unsubscribe"
    assert {r["kind"]: r["count"] for r in read_counters(store)} == {"accepted": 1, "unsubscribed": 1}


def test_it_works_when_the_store_has_forgotten_the_message(client, store, links):
    client.post(links.unsubscribe_url("gone", "person1@example.com"))
    assert is_suppressed(store)


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_altered_unsubscribe_link_does_nothing(client, store, links, method):
    token = links.unsubscribe_url("m", "person1@example.com").rsplit("/", 1)[1]
    for wrong in (token[:-2] + "AA", token[1:], "x", token.upper()):
        assert getattr(client, method)(f"/u/{wrong}").status_code == 404
    assert not is_suppressed(store)


def test_a_click_is_noted_and_led_on(client, store, links):
    [message_id] = plan_messages(store)
    url = links.click_url(message_id, "https://shop.example/cart?discount=X")
    answer = client.get(url, headers=PERSON)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://shop.example/cart?discount=X")
    client.get(url, headers=MACHINE)
    counts = {row["kind"]: row["count"] for row in read_counters(store)}
    assert (counts["clicked_human"], counts["clicked_machine"]) == (1, 1)


def test_an_altered_click_link_leads_nowhere(client, store, links):
    url = links.click_url("m", "https://shop.example/")
    other = Links.click_url(links, "m", "https://evil.example/").rsplit("/", 1)[1]
    token = url.rsplit("/", 1)[1]
    mixed = other.split(".")[0] + "." + token.split(".")[1]
    for wrong in (token[:-1], token + "x", mixed, "https://evil.example", "..%2f..", ""):
        answer = client.get(f"/c/{wrong}", headers=PERSON)
        assert answer.status_code == 404
        assert "location" not in answer.headers
    assert unapplied(store) == []


def test_a_link_to_something_that_is_no_web_address_leads_nowhere(client, links):
    for target in ("javascript:alert(1)", "data:text/html,x", "//evil.example"):
        assert client.get(links.click_url("m", target)).status_code == 404


def test_the_right_password_gives_a_cookie_that_scripts_cannot_read(client, store):
    create_user(store, "ann@shop.example", PASSWORD, "marketer", "Ann")
    answer = client.post("/sign-in", json={"email": "ann@shop.example", "password": PASSWORD})
    assert answer.json()["user"] == {"user_id": 1, "email": "ann@shop.example", "name": "Ann", "role": "marketer"}
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE_NAME}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get("/api/me").json()["email"] == "ann@shop.example"
    client.post("/sign-out")
    assert client.get("/api/me").status_code == 401


@pytest.mark.parametrize("body", [
    {"email": "ann@shop.example", "password": "wrong"}, {"email": "x@shop.example", "password": PASSWORD}, {},
    {"email": 7},
])  # fmt: skip
def test_the_wrong_password_gives_none_and_does_not_say_why(client, store, body):
    create_user(store, "ann@shop.example", PASSWORD)
    answer = client.post("/sign-in", json=body)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert answer.json() == {"detail": "address or password is wrong, or there were too many attempts"}


@pytest.mark.parametrize(("wanted", "led_to"), [
    ("/campaigns?id=3", "/campaigns?id=3"), ("https://evil.example", "/"), ("//evil.example", "/"), ("/\\evil", "/"),
    ("", "/"), ("/a\nb", "/"),
])  # fmt: skip
def test_a_form_leads_on_but_never_to_another_site(client, store, wanted, led_to):
    create_user(store, "ann@shop.example", PASSWORD)
    answer = client.post("/sign-in", data={"email": "ann@shop.example", "password": PASSWORD, "next": wanted})
    assert (answer.status_code, answer.headers["location"]) == (303, led_to)


def test_another_sites_page_cannot_sign_anybody_in_or_out(client, store):
    create_user(store, "ann@shop.example", PASSWORD)
    headers = {"Origin": "https://evil.example"}
    body = {"email": "ann@shop.example", "password": PASSWORD}
    assert client.post("/sign-in", json=body, headers=headers).status_code == 403
    assert client.post("/sign-out", headers=headers).status_code == 403


@pytest.mark.parametrize(("content", "status"), [(b"{", 400), (b"[]", 400), (b"x" * 20_000, 413)])
def test_a_sign_in_that_cannot_be_read_is_an_error(client, content, status):
    assert client.post("/sign-in", content=content).status_code == status


def test_a_form_is_kept_as_it_was_filled_in(client, store):
    answer = client.post("/api/forms/newsletter", json={"email": "a@example.com", "agrees": True})
    assert answer.status_code == 202
    client.post("/api/forms/newsletter", data={"email": "b@example.com"}, headers={"Referer": "https://shop.example/x"})
    with store.read() as connection:
        rows = connection.execute(sa.select(form_submissions)).mappings().all()
    assert [row["fields"] for row in rows] == [{"email": "a@example.com", "agrees": True}, {"email": "b@example.com"}]
    assert (rows[1]["page_url"], rows[1]["submitted_at"]) == ("https://shop.example/x", NOON)


def test_a_robot_that_fills_in_the_hidden_field_is_thanked_and_forgotten(client, store):
    assert client.post("/api/forms/newsletter", json={"email": "a@b.example", "_website": "spam"}).status_code == 202
    with store.read() as connection:
        assert connection.execute(sa.select(form_submissions)).all() == []


@pytest.mark.parametrize(("form", "content", "status"), [
    ("Bad Name", b"{}", 404), ("x", b"{", 400), ("x", b"[]", 400), ("x", b'{"a": {"b": 1}}', 422),
    ("x", b"x" * 200_000, 413),
    ("x", b'{"a": "' + b"y" * 6000 + b'"}', 422), ("x", b'{"a": "\\u0000"}', 422),
])  # fmt: skip
def test_a_form_has_limits(client, form, content, status):
    assert client.post(f"/api/forms/{form}", content=content).status_code == status


def test_a_message_is_shown_as_it_was_sent_to_those_who_may_see_people(client, settings, store):
    [message_id] = plan_messages(store)
    drain(settings, store, FakeProvider(), now=NOON)
    assert client.get(f"/api/messages/{message_id}").status_code == 401
    sign_in(client, store, "marketer")
    found = client.get(f"/api/messages/{message_id}").json()
    assert found["entry"]["address"] == "person1@example.com"
    assert "COMEBACK10" in found["sent"]["html"]
    assert [step["to_state"] for step in found["steps"]] == ["planned", "claimed", "handed_over", "accepted"]
    assert client.get("/api/messages/nothing").status_code == 404


def test_an_analyst_sees_the_steps_but_not_the_person(client, settings, store):
    [message_id] = plan_messages(store)
    drain(settings, store, FakeProvider(), now=NOON)
    sign_in(client, store, "analyst")
    answer = client.get(f"/api/messages/{message_id}")
    assert answer.json()["entry"]["state"] == "accepted"
    for personal in ("person1@example.com", "Ann", "shop.example/checkouts"):
        assert personal not in answer.text


def test_counters_and_quarantine_ask_who_is_there(client, store):
    assert client.get("/api/counters").status_code == 401
    assert client.get("/api/quarantine").status_code == 401
    sign_in(client, store, "sales")
    assert client.get("/api/counters").json() == []
    assert client.get("/api/quarantine").status_code == 403


def test_the_process_says_that_it_is_well_and_no_page_comes_from_elsewhere(client):
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready", "unapplied": 0, "unlanded": 0}
    assert client.get("/openapi.json").json()["info"]["title"] == "DMAT"
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404
