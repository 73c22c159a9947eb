"""Under test: tests of pages as a visitor meets them. One version for ever, seen once, a form counts once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sending_fixtures import NOON, make_settings

from apps.api.app import create_app
from dmat.experiments.library import open_library
from dmat.experiments.observed import observe
from dmat.experiments.plan import parse_test_plan
from dmat.store.engine import rows_of
from dmat.store.experiment_tables import experiment_visitors
from dmat.store.tables import form_submissions
from dmat.warehouse import Workspace

SITE = "https://shop.example"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "Origin": SITE}
ANN = "111.222"
MARKETER = "ann@shop.example"


@pytest.fixture
def settings(home):
    return make_settings(home, web_origins=SITE)


@pytest.fixture
def library(settings, store):
    return open_library(settings, store)


@pytest.fixture
def client(settings, store):
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url, headers=BROWSER) as found:
        yield found


def start(library, **changes):
    document = {
        "name": "Headline of the offer", "key": "offer", "kind": "landing_page", "page": "/offer", "form": "trial",
        "primary": "form_completion", "guardrails": [], "duration_hours": 72, "conversion_days": 7,
        "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}],
    }  # fmt: skip
    made = library.create(parse_test_plan(document | changes), MARKETER)
    return library.start(made.experiment_id, MARKETER)


def ask(client, visitor=ANN, page="/offer", **headers):
    answer = client.get("/api/web/tests", params={"client_id": visitor, "page": page}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["tests"]


def tell(client, kind, visitor=ANN, key="offer", **headers):
    body = json.dumps({"test": key, "kind": kind, "client_id": visitor, "page": "/offer?secret=1"})
    return client.post("/api/web/tests/events", content=body, headers=headers).status_code


def send_form(client, visitor=ANN, form="trial", **fields):
    return client.post(f"/api/forms/{form}", json={"email": "x@y.example", "client_id": visitor, **fields}).status_code


def visitors(store):
    with store.read() as connection:
        return {row["visitor"]: row for row in rows_of(connection, experiment_visitors.select())}


def test_a_visitor_gets_the_same_version_each_time_and_nothing_is_kept_before_it_was_seen(client, library, store):
    start(library)
    first = ask(client)
    assert [(each["key"], each["counted"]) for each in first] == [("offer", True)]
    assert first == ask(client) == ask(client)
    assert visitors(store) == {}


def test_both_versions_are_given_in_their_shares(client, library):
    start(library, arms=[{"key": "a", "share": 0.25}, {"key": "b", "share": 0.75}])
    arms = [ask(client, f"{number}.1")[0]["arm"] for number in range(400)]
    assert 70 <= arms.count("a") <= 130


def test_seeing_it_is_kept_once_with_the_arm_that_we_work_out(client, library, store, settings):
    start(library)
    arm = ask(client)[0]["arm"]
    assert [tell(client, "seen") for _ in range(3)] == [204] * 3
    settings.clock.advance(timedelta(hours=1))
    tell(client, "seen")
    [row] = visitors(store).values()
    assert (row["arm"], row["page"], row["seen_at"], row["revision"]) == (arm, "/offer", NOON, 1)
    assert ask(client) == [{"key": "offer", "arm": arm, "url": "", "counted": False}]


def test_who_saw_a_version_keeps_it_when_the_share_of_visitors_shrinks(client, library, store):
    test = start(library)
    arm = ask(client)[0]["arm"]
    tell(client, "seen")
    with store.write() as connection:
        other = "a" if arm == "b" else "b"
        connection.execute(experiment_visitors.update().values(arm=other))  # as if shares had changed meanwhile
    assert ask(client)[0]["arm"] == other
    assert test.salt == f"experiment:{test.experiment_id}"


def test_a_form_counts_once_for_who_saw_the_page_and_only_that_form(client, library, store, settings):
    test = start(library)
    send_form(client)  # before the page was seen: it cannot be its outcome
    tell(client, "seen")
    send_form(client, form="newsletter")
    send_form(client, visitor="9.9")
    assert visitors(store)[ANN]["completed_at"] is None
    settings.clock.advance(timedelta(minutes=5))
    assert [send_form(client), send_form(client)] == [202, 202]
    row = visitors(store)[ANN]
    assert (row["completed_at"], row["form"], row["revision"]) == (NOON + timedelta(minutes=5), "trial", 2)
    seen = observe(store, Workspace(settings), test)
    arm = row["arm"]
    assert (seen.assigned[arm], seen.moments[arm]["form_completion"].y) == (1, 1)


def test_a_form_of_another_tool_counts_when_its_page_says_that_it_was_sent(client, library, store):
    start(library)
    sent = {"kind": "sent", "client_id": ANN, "page": "/offer"}

    def say(**more):
        return client.post("/api/web/tests/events", content=json.dumps(sent | more)).status_code

    assert say(form="trial") == 204  # before the page was seen
    tell(client, "seen")
    assert [say(form="newsletter"), visitors(store)[ANN]["completed_at"]] == [204, None]
    assert [say(form="trial"), say(form="trial")] == [204, 204]
    row = visitors(store)[ANN]
    assert (row["completed_at"], row["form"], row["revision"]) == (NOON, "trial", 2)


def test_the_webhook_of_typeform_counts_once_however_often_it_comes(client, library, store):
    start(library)
    tell(client, "seen")
    answers = [{"type": "email", "email": "x@y.example", "field": {"id": "q"}}]
    body = {
        "event_type": "form_response",
        "form_response": {
            "token": "abc",
            "hidden": {"client_id": ANN, "page_url": f"{SITE}/offer"},
            "answers": answers,
        },
    }
    first, again = (client.post("/api/forms/trial", json=body) for _ in range(2))
    assert (first.status_code, first.json()) == (202, again.json())
    with store.read() as connection:
        [kept] = rows_of(connection, form_submissions.select())
    assert (kept["client_id"], kept["fields"]["email"], kept["page_url"]) == (ANN, "x@y.example", f"{SITE}/offer")
    assert visitors(store)[ANN]["revision"] == 2
    assert client.post("/api/forms/trial", json={"form_response": {}}).status_code == 422


def test_a_form_that_a_robot_filled_in_is_no_outcome(client, library, store):
    start(library)
    tell(client, "seen")
    send_form(client, _website="spam")
    assert visitors(store)[ANN]["completed_at"] is None


def test_a_form_after_the_window_does_not_count(client, library, store, settings):
    start(library, duration_hours=24 * 60)
    tell(client, "seen")
    settings.clock.advance(timedelta(days=7, seconds=1))
    send_form(client)
    assert visitors(store)[ANN]["completed_at"] is None


def test_a_click_on_the_aim_counts_once(client, library, store, settings):
    test = start(library, primary="click")
    assert [tell(client, "clicked"), tell(client, "clicked")] == [204, 204]
    assert visitors(store)[ANN]["clicked_at"] == NOON
    seen = observe(store, Workspace(settings), test)
    assert sum(seen.moments[arm]["click"].y for arm in ("a", "b")) == 1


def test_other_pages_other_sites_and_programs_get_nothing(client, library, store):
    start(library)
    assert ask(client, page="/elsewhere") == []
    assert ask(client, Origin="https://evil.example") == []
    assert ask(client, **{"User-Agent": "curl/8.0"}) == []
    assert tell(client, "seen", Origin="https://evil.example") == 403
    tell(client, "seen", **{"User-Agent": "Googlebot/2.1"})
    tell(client, "seen", key="another")
    assert visitors(store) == {}


@pytest.mark.parametrize(
    "body", ["", "[]", "null", '{"test": "offer"}', '{"test":"offer","kind":"won","client_id":"1.1","page":"/"}',
             '{"test":"../x","kind":"seen","client_id":"1.1","page":"/"}',
             '{"test":"offer","kind":"seen","client_id":"<script>","page":"/"}',
             '{"kind":"sent","client_id":"<script>","form":"trial"}',
             '{"kind":"sent","client_id":"1.1","form":"<script>"}'],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(client, library, store, body):
    start(library)
    assert client.post("/api/web/tests/events", content=body).status_code == 400
    assert visitors(store) == {}


def test_no_cookie_is_set(client, library):
    start(library)
    answer = client.get("/api/web/tests", params={"client_id": ANN, "page": "/offer"})
    assert "set-cookie" not in answer.headers
    assert (answer.headers["cache-control"], answer.headers["access-control-allow-origin"]) == ("no-store", SITE)
    tell(client, "seen")
    assert client.cookies == {}


def test_an_arm_with_a_page_of_its_own_leads_there_and_stays_there(client, library):
    arms = [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5, "overrides": {"url": "/offer-b"}}]
    start(library, arms=arms)
    urls = {answer["arm"]: answer["url"] for answer in (ask(client, f"{number}.1")[0] for number in range(40))}
    assert urls == {"a": "", "b": "/offer-b"}
    assert {ask(client, f"{number}.1", "/offer-b")[0]["url"] for number in range(40)} == {""}


def test_outside_the_tested_share_the_page_stays_as_it_is_and_nobody_is_counted(client, library, store):
    start(library, test_share=0.3)
    answers = {number: ask(client, f"{number}.1")[0] for number in range(200)}
    outside = [number for number, answer in answers.items() if not answer["counted"]]
    assert 110 <= len(outside) <= 170
    assert {answers[number]["arm"] for number in outside} == {"a"}
    tell(client, "seen", visitor=f"{outside[0]}.1")
    assert visitors(store) == {}


def test_while_it_is_paused_nobody_new_comes_in_and_who_was_in_keeps_the_version(settings, store, library):
    test = start(library)
    with TestClient(create_app(settings, store), headers=BROWSER) as client:
        arm = ask(client)[0]["arm"]
        tell(client, "seen")
    library.pause(test.experiment_id, MARKETER, "a fault on the page")
    with TestClient(create_app(settings, store), headers=BROWSER) as client:
        assert ask(client)[0]["arm"] == arm
        newcomer = ask(client, "5.5")[0]
        assert (newcomer["arm"], newcomer["counted"]) == ("a", False)
        tell(client, "seen", visitor="5.5")
    assert set(visitors(store)) == {ANN}


def test_after_the_decision_everybody_sees_the_winner_and_is_counted_no_more(settings, store, library):
    test = start(library)
    library.declare_winner(test.experiment_id, "b", MARKETER, "the board likes it")
    with TestClient(create_app(settings, store), headers=BROWSER) as client:
        answers = [ask(client, f"{number}.1")[0] for number in range(30)]
        tell(client, "seen")
    assert {(answer["arm"], answer["counted"]) for answer in answers} == {("b", False)}
    assert visitors(store) == {}
