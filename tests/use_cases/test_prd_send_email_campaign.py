"""Under test: "Send Email Campaign" of the requirements, end to end: asked for at the API, sent into the sandbox, read.

Nothing leaves: the workspace has no keys, so its e-mail provider is the sandbox that keeps what it would have sent.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default

import pytest
from campaign_world import document_of
from fastapi.testclient import TestClient
from segment_world import NOW, PASSWORD

from apps.api.app import create_app
from dmat.campaigns.running import Runner
from dmat.channels.sandbox import MailSandbox
from dmat.ledger import apply_waiting
from dmat.ledger.entries import list_entries
from dmat_pipelines.deliver.sender import drain

SALE_AT = NOW.replace(day=15, hour=9)
BODY = {
    "subject_line": "🌸 Spring Sale: Save 50%", "from_name": "Marketing Team", "from_email": "marketing@shop.example",
    "content_html": '<h1>Sale for {{ first_name }}</h1><a href="https://shop.example/sale">Shop now</a>',
    "segment_id": "germans", "scheduled_at": "2026-03-15T09:00:00Z",
}  # fmt: skip
PERSON = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
}


@pytest.fixture
def doors(campaign_world):
    app = create_app(campaign_world.settings, campaign_world.store)
    with TestClient(app, base_url=campaign_world.settings.resolved_public_url, follow_redirects=False) as client:
        client.post("/sign-in", json={"email": "marketer@shop.example", "password": PASSWORD})
        yield client


@pytest.fixture
def sent(doors, campaign_world):
    """The answer of the send door, after the campaign's time came and everything was sent."""
    holdout = {"share": 0, "reason": "everybody gets it"}
    made = doors.post("/api/campaigns", json={"name": "Spring Sale", "plan": {"holdout": holdout}}).json()
    answer = doors.post(f"/api/email-campaigns/{made['id']}/send", json=BODY)
    assert answer.status_code == 202, answer.text
    world = campaign_world
    world.settings.clock.set(SALE_AT)
    Runner(world.settings, world.store, world.desk, world.library).look()
    drain(world.settings, world.store)
    return answer.json()


def mails(world):
    sandbox = MailSandbox(world.settings.home / "sandbox" / "email")
    accepted = [e for e in list_entries(world.store, programme="campaign:1") if e.accepted_at is not None]
    return {entry.address: read(sandbox.read_mail(entry.message_id)) for entry in accepted}


def read(mail):
    return message_from_bytes(mail, policy=default)


def html_of(mail):
    return mail.get_body(("html",)).get_content()


def test_it_is_scheduled_with_the_recipients_that_then_get_it(sent, campaign_world):
    assert (sent["status"], sent["scheduled_at"]) == ("scheduled", "2026-03-15T09:00:00Z")
    assert sent["estimated_recipients"] == len(mails(campaign_world)) == 6


def test_each_mail_is_personal_and_can_be_left_by_one_click(sent, campaign_world):
    mail = mails(campaign_world)["person1@example.com"]
    assert mail["Subject"] == "🌸 Spring Sale: Save 50%"
    assert mail["From"] == "Marketing Team <marketing@shop.example>"
    assert "Sale for Person1" in html_of(mail)
    assert "Unsubscribe" in html_of(mail)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_markup_in_a_name_is_text_in_the_mail(sent, campaign_world):
    html = html_of(mails(campaign_world)["person3@example.com"])
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_a_click_of_a_person_is_in_the_analytics_at_once(sent, doors, campaign_world):
    link = re.search(r'href="([^"]*/c/[^"]*)"', html_of(mails(campaign_world)["person1@example.com"]))
    assert link
    assert doors.get(link.group(1), headers=PERSON).headers["location"].startswith("https://shop.example/sale")
    apply_waiting(campaign_world.store, campaign_world.settings.clock.now())
    found = doors.get(f"/api/email-campaigns/{sent['id']}/analytics").json()
    assert (found["total_sent"], found["total_clicked"], found["click_rate"]) == (6, 1, 0.1667)
    campaign = doors.get("/api/campaigns/1/analytics").json()
    assert campaign["total_leads"] == 1
    assert campaign["channels"]["email"]["sends"] == 6


def test_what_was_sent_adds_up_to_the_audience(sent, doors):
    found = doors.get("/api/campaigns/1/standing").json()
    assert found["sent"] == found["audience"] == found["frozen"] == 6
    assert found["is_finished"] is True


def test_a_campaign_that_is_paused_sends_nothing_until_it_goes_on(doors, campaign_world):
    world = campaign_world
    number = doors.post("/api/campaigns", json={"name": "Sale", "plan": document_of()}).json()["id"]
    doors.post(f"/api/campaigns/{number}/start")
    Runner(world.settings, world.store, world.desk, world.library).look()
    doors.post(f"/api/campaigns/{number}/pause", json={"comment": "wrong price"})
    drain(world.settings, world.store)
    assert mails(world) == {}
    assert doors.get(f"/api/campaigns/{number}").json()["status_reason"] == "wrong price"
