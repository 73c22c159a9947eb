"""Under test: double opt-in. Nobody is written to because somebody typed their address, and consent has its proof."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sending_fixtures import NOON, FakeProvider, grant, make_settings, plan_messages

from apps.api.app import create_app
from dmat.consent.double_opt_in import LIMITS, Asking, ask
from dmat.consent.permission import find_permissions, record_decisions
from dmat.consent.preferences import read_proofs
from dmat.consent.suppression import Suppression, find_suppressed, suppress
from dmat.ledger.entries import list_entries
from dmat.messages.compose import template_values
from dmat.messages.links import Links
from dmat.messages.rendering import Renderer
from dmat.store.tables import form_submissions
from dmat.store.tokens import create_token
from dmat_pipelines.deliver.sender import drain

PERSON = {"User-Agent": "Mozilla/5.0 Firefox/140.0"}
FORM = {"email": "Person1@example.com", "consent_email": "on", "first_name": "Ann"}


@pytest.fixture
def settings(home):
    return make_settings(home, double_opt_in=True)


@pytest.fixture
def client(settings, store):
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url, headers=PERSON) as found:
        yield found


def asked(store):
    return list_entries(store, programme="double_opt_in")


def link(settings, entry):
    return Links(settings).opt_in_url(entry.context["opt_in_id"])


def forms(store):
    with store.read() as connection:
        query = sa.select(form_submissions).order_by(form_submissions.c.submitted_at)
        return [dict(row) for row in connection.execute(query).mappings()]


def may_send(store, person=1):
    with store.read() as connection:
        return find_permissions(connection, [person], "email")[person].is_granted


def test_a_form_grants_nothing_and_plans_a_mail_that_asks(client, store):
    assert client.post("/api/forms/newsletter", json=FORM).status_code == 202
    [entry] = asked(store)
    assert (entry.address, entry.state, entry.person_id) == ("person1@example.com", "planned", 0)
    [form] = forms(store)
    assert "consent_email" not in form["fields"]
    assert form["fields"]["consent_email_asked"] is True
    assert form["fields"]["first_name"] == "Ann"


def test_a_form_without_consent_asks_nothing(client, store):
    client.post("/api/forms/contact", json={"email": "a@example.com", "consent_email": "no"})
    assert asked(store) == []
    assert forms(store)[0]["fields"]["consent_email"] == "no"


def test_without_the_setting_a_form_counts_at_once(home, store):
    settings = make_settings(home)
    with TestClient(create_app(settings, store)) as client:
        client.post("/api/forms/newsletter", json=FORM)
    assert asked(store) == []
    assert forms(store)[0]["fields"]["consent_email"] == "on"


def test_the_mail_says_what_was_asked_and_carries_the_link(client, settings, store):
    client.post("/api/forms/newsletter", json=FORM)
    [entry] = asked(store)
    template, values = template_values(settings, Links(settings), entry, wraps_links=True)
    with Renderer() as renderer:
        mail = renderer.render(template, values)
    assert "Offers and recommendations" in mail.subject
    assert link(settings, entry) in mail.html
    assert link(settings, entry) in mail.text
    assert "2026-03-07 12:00 (UTC)" in mail.text


def test_looking_at_the_link_confirms_nothing(client, settings, store):
    client.post("/api/forms/newsletter", json=FORM)
    page = client.get(link(settings, asked(store)[0]))
    assert '<form method="post">' in page.text
    client.head(link(settings, asked(store)[0]))
    assert len(forms(store)) == 1


def test_the_button_grants_consent_with_its_proof_once(client, settings, store):
    plan_messages(store)  # so the address is one of a person whom we know
    with store.write() as connection:
        record_decisions(connection, [grant(1, False, NOON - timedelta(days=1))], NOON)
        suppress(connection, [Suppression("person1@example.com", "email", "unsubscribed")], NOON)
    client.post("/api/forms/newsletter", json=FORM, headers={"Referer": "https://shop.example/news"})
    url = link(settings, asked(store)[0])
    settings.clock.advance(timedelta(hours=1))
    for _ in range(2):
        assert "confirmed" in client.post(url).text
    assert may_send(store)
    with store.read() as connection:
        assert find_suppressed(connection, ["person1@example.com"], "email") == {}
    [proof] = read_proofs(store, 1)
    assert (proof["source"], proof["what"]) == ("double opt-in", "granted")
    for part in ("form newsletter", "2026-03-04 12:00:00", "2026-03-04 13:00:00", "Firefox/140.0"):
        assert part in proof["evidence"]
    [_, confirmed] = forms(store)
    assert confirmed["fields"]["consent_email"] is True
    assert (confirmed["fields"]["first_name"], confirmed["page_url"]) == ("Ann", "https://shop.example/news")


def test_a_link_that_is_too_old_grants_nothing(client, settings, store):
    client.post("/api/forms/newsletter", json=FORM)
    settings.clock.advance(timedelta(hours=settings.double_opt_in_hours))
    url = link(settings, asked(store)[0])
    assert (client.get(url).status_code, client.post(url).status_code) == (410, 410)
    assert len(forms(store)) == 1


def test_a_link_that_we_did_not_make_confirms_nothing(client, settings, store):
    client.post("/api/forms/newsletter", json=FORM)
    token = link(settings, asked(store)[0]).rsplit("/", 1)[1]
    for wrong in (token[:-2], Links(settings).opt_in_url("nothing").rsplit("/", 1)[1], "x"):
        assert client.post(f"/confirm/{wrong}").status_code == 404
    assert len(forms(store)) == 1


@pytest.mark.parametrize(("window", "most"), LIMITS)
def test_asking_again_and_again_sends_no_more_mails(settings, store, window, most):
    sent = 0
    for number in range(most * 3):
        at = NOON + number * window / (most * 3)
        sent += ask(store, settings, Asking("a@example.com", "marketing", "a form", {}), at) is not None
    assert sent <= most
    assert ask(store, settings, Asking("a@example.com", "marketing", "a form", {}), NOON + 2 * LIMITS[-1][0])


def test_the_api_asks_for_a_scope_and_says_the_same_however_often(client, store):
    body = {"email": "b@example.com", "purpose": "events", "source": "till 4"}
    assert client.post("/api/opt-ins", json=body).status_code == 401
    secret = create_token(store, "till", ["consent:write"], "ann@shop.example")
    answers = [client.post("/api/opt-ins", json=body, headers={"Authorization": f"Bearer {secret}"}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert len(asked(store)) == 1


@pytest.mark.parametrize("body", [
    {"email": "not an address"}, {"email": "a@example.com", "purpose": "spam"}, {}, {"email": "a@example.com", "x": 1},
])  # fmt: skip
def test_a_bad_asking_names_the_field(client, store, body):
    secret = create_token(store, "till", ["consent:write"], "ann@shop.example")
    answer = client.post("/api/opt-ins", json=body, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"] in {"email", "purpose", "x"}
    assert asked(store) == []


def test_the_mail_leaves_through_the_gate_for_somebody_whom_we_do_not_know(client, settings, store):
    with store.write() as connection:
        suppress(connection, [Suppression("person1@example.com", "email", "unsubscribed")], NOON)
    settings.clock.set(NOON.replace(hour=23))  # in the middle of quiet hours: whoever asked waits for it
    client.post("/api/forms/newsletter", json=FORM)
    provider = FakeProvider()
    drain(settings, store, provider, now=settings.clock.now())
    [mail] = provider.mails
    [entry] = asked(store)
    assert (mail.to_email, entry.state) == ("person1@example.com", "accepted")
    assert link(settings, entry) in mail.text


@pytest.mark.parametrize("reason", ["bounced", "complained"])
def test_no_mail_asks_an_address_that_bounced_or_complained(client, settings, store, reason):
    with store.write() as connection:
        suppress(connection, [Suppression("person1@example.com", "email", reason)], NOON)
    client.post("/api/forms/newsletter", json=FORM)
    provider = FakeProvider()
    drain(settings, store, provider, now=NOON)
    assert provider.mails == []
    assert asked(store)[0].state == "suppressed"
