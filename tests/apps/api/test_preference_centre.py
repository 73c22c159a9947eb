"""Under test: the preference centre. Looking changes nothing, leaving is one button, coming back is two."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sending_fixtures import NOON, grant, plan_messages

from apps.api.app import create_app
from dmat.consent.permission import Decision, find_permissions, record_decisions
from dmat.consent.preferences import PersonalCap, Purpose, find_personal_caps, read_proofs, save_purpose
from dmat.consent.suppression import Suppression, find_suppressed, suppress
from dmat.messages.links import Links
from dmat.store.tables import consents
from dmat.store.tokens import create_token

EVERYTHING = ["email:marketing", "email:product_news", "email:events"]
PERSON = {"User-Agent": "Mozilla/5.0 Firefox/140.0"}


@pytest.fixture
def client(settings, store):
    with TestClient(
        create_app(settings, store), base_url=settings.resolved_public_url, follow_redirects=False, headers=PERSON
    ) as found:
        yield found


@pytest.fixture
def url(settings, store):
    [message_id] = plan_messages(store)
    return Links(settings).preferences_url(message_id)


def checked(page):
    return re.findall(r'value="([\w:]+)" ?checked', page.text)


def save(client, url, choices=(), frequency="any", action="save"):
    return client.post(url, data={"choice": list(choices), "frequency": frequency, "action": action})


def may_send(store, purpose="marketing", channel="email"):
    with store.read() as connection:
        return find_permissions(connection, [1], channel, purpose)[1].is_granted


def suppressed(store):
    with store.read() as connection:
        return find_suppressed(connection, ["person1@example.com"], "email")


def all_consents(store):
    with store.read() as connection:
        return connection.execute(sa.select(consents)).all()


def test_it_shows_what_is_so_and_hides_the_address_from_passers_by(client, url):
    page = client.get(url)
    assert page.status_code == 200
    assert checked(page) == [*EVERYTHING, "any"]
    assert "p***@example.com" in page.text
    assert "person1@example.com" not in page.text


def test_looking_changes_nothing_whatever_the_address_says(client, store, url):
    before = all_consents(store)
    client.get(url + "?action=nothing&choice=email:events")
    client.head(url)
    assert all_consents(store) == before
    assert suppressed(store) == {}


def test_one_purpose_can_go_while_the_others_stay(client, store, url):
    page = save(client, url, ["email:product_news", "email:events"])
    assert "Saved" in page.text
    assert checked(page) == ["email:product_news", "email:events", "any"]
    assert [may_send(store, one) for one in ("marketing", "product_news", "events")] == [False, True, True]
    assert suppressed(store) == {}


def test_each_change_leaves_a_proof(client, store, url):
    save(client, url, ["email:marketing"], "weekly")
    save(client, url, ["email:marketing"], "weekly")
    proofs = read_proofs(store, 1)
    assert {(row["what"], row["purpose"], row["value"]) for row in proofs} == {
        ("withdrawn", "product_news", ""), ("withdrawn", "events", ""), ("frequency", "", "weekly"),
    }  # fmt: skip
    assert len(proofs) == 3
    assert {row["source"] for row in proofs} == {"preference centre"}
    assert all("link of message" in row["evidence"] and row["decided_at"] == NOON for row in proofs)


def test_at_most_once_a_week_is_kept_as_a_cap_and_can_be_dropped(client, store, url):
    def cap():
        with store.read() as connection:
            return find_personal_caps(connection, [1, 2])

    save(client, url, EVERYTHING, "weekly")
    assert cap() == {1: PersonalCap(1, 7)}
    assert checked(client.get(url))[-1] == "weekly"
    save(client, url, EVERYTHING, "any")
    assert cap() == {}


def test_leaving_everything_takes_one_button_and_effect_at_once(client, store, url):
    page = client.post(url, data={"action": "nothing"})
    assert "unsubscribed from everything" in page.text
    assert checked(page) == ["any"]
    assert not any(may_send(store, one) for one in ("marketing", "product_news", "events"))
    assert suppressed(store) == {"person1@example.com": "unsubscribed"}


def test_coming_back_asks_first_and_then_counts(client, settings, store, url):
    client.post(url, data={"action": "nothing"})
    settings.clock.advance(timedelta(minutes=1))
    asked = save(client, url, ["email:events"])
    assert "Is this right?" in asked.text
    assert "Events, by E-mail" in asked.text
    assert not may_send(store, "events")
    assert "Saved" in save(client, url, ["email:events"], action="confirm").text
    assert may_send(store, "events")
    assert not may_send(store, "marketing")
    assert suppressed(store) == {}


def test_who_came_back_can_leave_again_by_the_same_links(client, settings, store, url):
    [message_id] = plan_messages(store, first=1, occurrence="other")
    one_click = Links(settings).unsubscribe_url(message_id, "person1@example.com")
    for leave in (lambda: client.post(url, data={"action": "nothing"}), lambda: client.post(one_click)):
        for _ in range(2):
            leave()
            assert suppressed(store)
            save(client, url, ["email:events"], action="confirm")
            assert not suppressed(store)


@pytest.mark.parametrize("reason", ["bounced", "complained", "stopped"])
def test_coming_back_lifts_no_other_suppression(client, store, url, reason):
    with store.write() as connection:
        suppress(connection, [Suppression("person1@example.com", "email", reason)], NOON)
    assert checked(client.get(url)) == ["any"]
    save(client, url, ["email:marketing"], action="confirm")
    assert suppressed(store) == {"person1@example.com": reason}


def test_another_channel_of_the_person_is_offered_and_kept_apart(client, store, url):
    with store.write() as connection:
        record_decisions(connection, [Decision(1, "sms", "marketing", True, NOON, "a form")], NOON)
    assert "sms:marketing" in checked(client.get(url))
    save(client, url, [choice.replace("email", "sms") for choice in EVERYTHING])
    assert may_send(store, "marketing", "sms")
    assert not may_send(store, "marketing", "email")


def test_a_purpose_is_data(client, store, url):
    save_purpose(store, Purpose("recipes", "Recipes", "One a <week>.", ("email",), 5), NOON, "ann@shop.example")
    save_purpose(store, Purpose("events", "Events", "", ("email",), is_shown=False), NOON, "ann@shop.example")
    page = client.get(url)
    assert "One a &lt;week&gt;." in page.text
    assert checked(page) == ["email:marketing", "email:product_news", "email:recipes", "any"]


@pytest.mark.parametrize(("choices", "frequency"), [
    (["push:marketing"], "any"), (["email:nothing"], "any"), (["email"], "any"), ([], "hourly"),
])  # fmt: skip
def test_what_is_not_offered_cannot_be_chosen(client, store, url, choices, frequency):
    assert save(client, url, choices, frequency, "confirm").status_code == 422
    assert may_send(store)


def test_a_form_that_is_too_large_changes_nothing(client, store, url):
    assert client.post(url, content=b"x" * 20_000).status_code == 422
    assert client.post(url, content=b"&".join(b"a=1" for _ in range(500))).status_code == 422
    assert may_send(store)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_that_we_did_not_make_or_of_another_kind_shows_nobody(client, settings, store, url, method):
    token = url.rsplit("/", 1)[1]
    other = Links(settings).view_url(token.split(".")[0]).rsplit("/", 1)[1]
    unknown = Links(settings).preferences_url("no-such-message").rsplit("/", 1)[1]
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), other, unknown, "x"):
        assert getattr(client, method)(f"/p/{wrong}").status_code == 404
    assert may_send(store)


def test_a_later_unsubscription_ends_all_purposes_but_a_purpose_may_be_wanted_alone(store):
    with store.write() as connection:
        record_decisions(connection, [grant(1), Decision(1, "email", "events", True, NOON, "page")], NOON)
    assert may_send(store, "events")
    with store.write() as connection:
        record_decisions(connection, [grant(1, False, NOON.replace(hour=13))], NOON)
    assert not may_send(store, "events")


def test_purposes_are_read_and_changed_over_the_api(client, store, url):
    secret = create_token(store, "ops", ["consent:write"], "ann@shop.example")
    bearer = {"Authorization": f"Bearer {secret}"}
    body = {"name": "Recipes", "description": "One a week.", "channels": ["email"], "position": 5}
    assert client.put("/api/purposes/recipes", json=body).status_code == 401
    assert client.put("/api/purposes/recipes", json=body, headers=bearer).status_code == 200
    keys = [each["purpose"] for each in client.get("/api/purposes", headers=bearer).json()]
    assert keys == ["marketing", "product_news", "events", "recipes"]
    assert "Recipes" in client.get(url).text
    bad = (("Bad Key", {}, "purpose"), ("x", {"channels": ["fax"]}, "channels"), ("x", {"name": " "}, "name"))
    for key, changes, field in bad:
        answer = client.put(f"/api/purposes/{key}", json=body | changes, headers=bearer)
        assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, field)
