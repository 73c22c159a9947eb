"""Under test: use case 4 at the API, line by line of the requirement: points, thresholds, and the alert to sales.

What the tables find of a whole company is in `test_uc04_lead_scoring.py`.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from scripted_vendor import scripted

from apps.api.app import create_app
from dmat.connectors.slack import Slack
from dmat.scoring.pushing import SLACK, push_due
from dmat.store.tables import ledger_entries
from dmat.store.tokens import create_token

MATRIX = {
    "demo_request": 50, "scheduled_call": 40, "form_submit": 20, "page_visit": 15, "case_study_download": 12,
    "link_click": 8, "whitepaper_download": 10, "email_open": 5, "multiple_visits": 10,
}  # fmt: skip


@pytest.fixture
def slack():
    return scripted([{"ok": True, "ts": "17.1"}])


@pytest.fixture
def doors(lead_world):
    lead_world.settings.slack_url = "https://slack.example/api"
    lead_world.settings.lead_alert_slack_channel = "C0SALES"
    token = create_token(lead_world.store, "crm", ["leads:read", "leads:write"], "ann")
    app = create_app(lead_world.settings, lead_world.store)
    with TestClient(app, base_url=lead_world.settings.resolved_public_url) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def new_lead(doors, name, **more):
    return doors.post("/api/leads", json={"email": f"{name}@corp.example", "name": name.title(), **more}).json()["id"]


def does(doors, lead_id, activity):
    return doors.post(f"/api/leads/{lead_id}/score", json={"activity_type": activity}).json()["score"]


def alerts(world):
    """Titles of the mails that sales got, oldest first."""
    query = sa.select(ledger_entries.c.address, ledger_entries.c.context).order_by(ledger_entries.c.planned_at)
    with world.store.read() as connection:
        return [(address, context["title"]) for address, context in connection.execute(query)]


def test_every_line_of_the_matrix_gives_its_points_at_once(doors):
    given = {activity: does(doors, new_lead(doors, f"p{n}"), activity) for n, activity in enumerate(MATRIX)}
    assert given == MATRIX
    big = new_lead(doors, "big", company_size="1000+", job_title="VP of Sales")
    assert doors.get(f"/api/leads/{big}").json()["lead_score"] == 20 + 25


@pytest.mark.parametrize(
    ("activities", "score", "band"),
    [
        (("demo_request", "page_visit"), 65, "hot"),
        (("scheduled_call",), 40, "hot"),
        (("form_submit", "email_open"), 25, "warm"),
        (("page_visit", "link_click"), 23, "cold"),
    ],
)
def test_thresholds_make_leads_hot_warm_or_cold(doors, activities, score, band):
    lead_id = new_lead(doors, "ann")
    assert [does(doors, lead_id, each) for each in activities][-1] == score
    found = doors.get(f"/api/leads/{lead_id}").json()
    assert (found["lead_score"], found["band"]) == (score, band)


def test_leads_are_listed_by_their_score(doors):
    for name, activity in (("low", "email_open"), ("high", "demo_request"), ("middle", "form_submit")):
        does(doors, new_lead(doors, name), activity)
    listed = doors.get("/api/leads").json()["leads"]
    assert [each["email"].partition("@")[0] for each in listed] == ["high", "middle", "low"]


def test_sales_is_alerted_by_mail_and_slack_once_when_fifty_is_crossed(doors, lead_world, slack):
    world, lead_id = lead_world, new_lead(doors, "jo", company_name="Tech Corp")
    clock = world.settings.clock
    does(doors, lead_id, "demo_request")
    assert alerts(world) == []  # fifty is not over fifty
    for activity in ("page_visit", "form_submit", "email_open"):
        does(doors, lead_id, activity)
    assert alerts(world) == [("sales@shop.example", "Jo crossed 50 points")]
    ways = {SLACK: Slack(world.settings, client=slack.client).post}
    assert push_due(world.store, ways, clock.now()).done_count == 1
    told = slack.body()
    assert told["channel"] == "C0SALES"
    assert all(words in told["text"] for words in ("Jo crossed 50 points", "Tech Corp", "asked for a demo or a quote"))
    assert told["text"].endswith(f"<{world.settings.resolved_screens_url}/leads?id={lead_id}|Open the lead>")
    assert push_due(world.store, ways, clock.now()).done_count == 0
    clock.advance(timedelta(days=200))  # the points are worth little by now: the lead is under the line again
    assert doors.get(f"/api/leads/{lead_id}").json()["lead_score"] < 25
    does(doors, lead_id, "email_open")
    does(doors, lead_id, "demo_request")
    assert len(alerts(world)) == 2
    assert push_due(world.store, ways, clock.now()).done_count == 1
