"""Under test: the doors of tests, under the names of the requirement; who may come in; refusals name a field."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from functools import partial

import pytest
from campaign_world import ANN
from doors import signed_in
from fastapi.testclient import TestClient
from tested_campaigns import MORE_PEOPLE, plan_of_test

from apps.api.app import create_app
from dmat.campaigns.plan import parse_plan
from dmat.experiments.moments import Moments
from dmat.experiments.results import Observed
from dmat.experiments.running import TestRunner as Runner
from dmat.store.tokens import create_token

BODY = {
    "campaignId": 1, "name": "Holiday Sale Test", "testPercentage": 20, "durationHours": 4, "successMetric": "ctr",
    "autoSendWinner": True,
    "variations": [
        {"name": "Variation A", "content": "Holiday Sale!", "trafficPercentage": 50},
        {"name": "Variation B", "content": "Limited Time Offer!", "trafficPercentage": 50},
    ],
}  # fmt: skip


@pytest.fixture
def doors(tested):
    tested.draft()
    app = create_app(tested.world.settings, tested.world.store)
    with TestClient(app, base_url=tested.world.settings.resolved_public_url) as client:
        yield client


def make(client, **more):
    answer = client.post("/api/ab-tests/create", json=BODY | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_test_is_made_as_the_requirements_say(marketer):
    made = make(marketer)
    assert {name: made[name] for name in ("id", "status", "testPercentage", "durationHours", "successMetric")} == {
        "id": 1, "status": "draft", "testPercentage": 20.0, "durationHours": 4.0, "successMetric": "click",
    }  # fmt: skip
    assert [(each["id"], each["content"], each["trafficPercentage"]) for each in made["variations"]] == [
        ("a", {"subject": "Holiday Sale!"}, 50.0), ("b", {"subject": "Limited Time Offer!"}, 50.0),
    ]  # fmt: skip
    assert (made["kind"], made["step"], made["autoSendWinner"]) == ("subject", "mail", True)
    assert marketer.get("/api/ab-tests/1").json() == made
    assert marketer.get("/api/ab-tests", params={"q": "holiday", "campaignId": 1}).json()["total"] == 1


def test_names_with_underscores_and_a_whole_plan_do_as_well(marketer):
    snake = {"campaign_id": 1, "name": "T", "test_percentage": 50, "duration_hours": 2, "success_metric": "reply_rate",
             "variations": BODY["variations"]}  # fmt: skip
    assert marketer.post("/api/ab-tests/create", json=snake).json()["successMetric"] == "reply"
    whole = plan_of_test(name="Whole").model_dump(mode="json")
    assert marketer.post("/api/ab-tests/create", json={"plan": whole}).json()["plan"]["name"] == "Whole"


def test_the_same_key_makes_one_test(marketer):
    headers = {"Idempotency-Key": "abc"}
    first = marketer.post("/api/ab-tests/create", json=BODY, headers=headers)
    assert marketer.post("/api/ab-tests/create", json=BODY, headers=headers).json() == first.json()
    assert marketer.get("/api/ab-tests").json()["total"] == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"testPercentage": 120}, "testPercentage"),
        ({"successMetric": "beauty"}, "successMetric"),
        ({"successMetric": "open_rate"}, "plan"),
        ({"durationHours": 0}, "durationHours"),
        ({"variations": BODY["variations"][:1]}, "variations"),
        ({"variations": [{"trafficPercentage": 50}, {"trafficPercentage": 20}]}, "plan"),
        ({"variations": [{"trafficPercentage": 50}, {}]}, "variations"),
        ({"step": "nowhere", "variations": [{"content": {"parts": {"body": "x"}}}, {}]}, "step"),
        ({"colour": "red"}, "colour"),
        ({"name": ""}, "name"),
    ],
)
def test_a_bad_field_is_named(marketer, change, path):
    answer = marketer.post("/api/ab-tests/create", json=BODY | change)
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, path)


def test_from_the_start_to_the_winner_by_hand(marketer, tested):
    make(marketer)
    assert marketer.post("/api/ab-tests/1/start").json()["status"] == "running"
    tested.start(1)
    found = marketer.get("/api/ab-tests/1/results").json()
    assert found["waiting"] == "the rest waits for the winner"
    assert found["secondsRemaining"] == 4 * 3600
    assert [each["name"] for each in found["variations"]] == ["Variation A", "Variation B"]
    assert sum(each["assigned"] for each in found["variations"]) == tested.variants().total()
    assert found["verdict"]["kind"] == "wait"
    declared = marketer.post("/api/ab-tests/1/declare-winner", json={"variation": "b", "reason": "the brand"})
    assert (declared.json()["status"], declared.json()["winner"]) == ("decided", "b")
    tested.look()
    decision = marketer.get("/api/ab-tests/1/results").json()
    assert decision["decision"]["decidedBy"] == "marketer@shop.example"
    assert decision["rolledOut"] == MORE_PEOPLE - sum(tested.variants()[arm] for arm in "ab")
    words = [line["words"] for line in marketer.get("/api/ab-tests/1/log").json()["log"]]
    assert words[0] == "b wins by hand: the brand"


def test_before_its_planned_end_a_test_of_a_fixed_horizon_says_nothing_of_significance(marketer, tested, monkeypatch):
    monkeypatch.setattr("apps.api.ab_tests.TestRunner", partial(Runner, observe=seen_by_all))
    make(marketer, inference="fixed")
    marketer.post("/api/ab-tests/1/start")
    tested.start(1)
    found = marketer.get("/api/ab-tests/1/results").json()
    [compared] = [each for each in found["comparisons"] if each["metric"] == "click"]
    assert compared["difference"] == pytest.approx(0.04)
    assert (compared["is_significant"], compared["held_back"]) == (None, found["heldBack"])
    assert "more than chance" not in found["sentence"]
    assert found["expectedGains"] == []
    tested.clock.advance(timedelta(hours=4))
    marketer.post("/api/ab-tests/1/declare-winner", json={"variation": "b", "reason": "its time is over"})
    over = marketer.get("/api/ab-tests/1/results").json()
    assert over["heldBack"] is None
    [gain] = over["expectedGains"]
    rest = MORE_PEOPLE - sum(tested.variants()[arm] for arm in "ab")
    assert (gain["variation"], gain["insteadOf"], gain["people"], gain["isProven"]) == ("b", "a", rest, True)
    assert gain["value"] == pytest.approx(0.04 * rest)
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert next(each["is_significant"] for each in over["comparisons"] if each["metric"] == "click") is True


def seen_by_all(_store, _workspace, experiment):
    clicks = {arm: Moments.of_proportion(5_000, hits) for arm, hits in (("a", 200), ("b", 400))}
    none = Moments.of_proportion(5_000, 0)
    moments = {arm: {"click": found, "unsubscribe": none, "complaint": none} for arm, found in clicks.items()}
    return Observed(dict.fromkeys(clicks, 5_000), moments, experiment.looks + 1, 1.0)


def test_declaring_twice_with_one_key_answers_the_same_and_without_it_is_refused(marketer, tested):
    make(marketer)
    marketer.post("/api/ab-tests/1/start")
    body, headers = {"variation": "a", "reason": "so"}, {"Idempotency-Key": "k"}
    first = marketer.post("/api/ab-tests/1/declare-winner", json=body, headers=headers)
    assert marketer.post("/api/ab-tests/1/declare-winner", json=body, headers=headers).json() == first.json()
    again = marketer.post("/api/ab-tests/1/declare-winner", json=body)
    assert again.status_code == 409
    assert "decided: manual a, so" in again.json()["detail"]


def test_a_decision_is_changed_by_a_door_of_its_own_as_long_as_somebody_waits(marketer, tested):
    make(marketer)
    marketer.post("/api/ab-tests/1/start")
    tested.start(1)
    body = {"variation": "a", "reason": "the offer of b is over"}
    early = marketer.post("/api/ab-tests/1/override-winner", json=body)
    assert (early.status_code, "only a decided one" in early.json()["detail"]) == (409, True)
    marketer.post("/api/ab-tests/1/declare-winner", json={"variation": "b", "reason": "so"})
    tested.look()
    assert marketer.post("/api/ab-tests/1/override-winner", json=body).json()["winner"] == "a"
    assert (tested.variants()["b-rest"], tested.variants()["a-rest"] > 0) == (0, True)
    decision = marketer.get("/api/ab-tests/1/results").json()["decision"]
    assert (decision["variation"], decision["reason"], bool(decision["snapshotId"])) == ("a", body["reason"], True)


def test_a_winner_needs_a_reason_a_test_that_runs_and_must_be_a_variation(marketer):
    make(marketer)
    early = marketer.post("/api/ab-tests/1/declare-winner", json={"variation": "a", "reason": "so"})
    assert (early.status_code, "start it first" in early.json()["detail"]) == (409, True)
    marketer.post("/api/ab-tests/1/start")
    no_reason = marketer.post("/api/ab-tests/1/declare-winner", json={"variation": "a"})
    assert (no_reason.status_code, no_reason.json()["faults"][0]["path"]) == (422, "reason")
    unknown = marketer.post("/api/ab-tests/1/declare-winner", json={"variation": "z", "reason": "so"})
    [fault] = unknown.json()["faults"]
    assert (unknown.status_code, fault["path"], fault["allowed"]) == (422, "variation", "a, b")
    unknown = marketer.post("/api/ab-tests/1/stop", json={"rest": "z", "reason": "so"})
    assert (unknown.status_code, unknown.json()["faults"][0]["path"]) == (422, "rest")


def test_the_config_changes_a_draft_and_of_a_running_test_only_some(marketer):
    make(marketer)
    changed = marketer.put("/api/ab-tests/1/config", json={"testPercentage": 40, "durationHours": 8}).json()
    assert (changed["testPercentage"], changed["durationHours"], changed["version"]) == (40.0, 8.0, 2)
    marketer.post("/api/ab-tests/1/start")
    assert marketer.put("/api/ab-tests/1/config", json={"autoSendWinner": False}).json()["autoSendWinner"] is False
    refused = marketer.put("/api/ab-tests/1/config", json={"testPercentage": 10})
    assert (refused.status_code, "test_share is fixed" in refused.json()["detail"]) == (409, True)
    assert marketer.put("/api/ab-tests/1/config", json={"version": 1, "durationHours": 9}).status_code == 409


def test_pause_resume_and_stop(marketer, tested):
    make(marketer)
    assert marketer.post("/api/ab-tests/1/pause").status_code == 409
    marketer.post("/api/ab-tests/1/start")
    assert marketer.post("/api/ab-tests/1/pause", json={"reason": "link"}).json()["status"] == "paused"
    assert marketer.post("/api/ab-tests/1/resume").json()["status"] == "running"
    assert marketer.post("/api/ab-tests/1/stop", json={"reason": "enough", "rest": "a"}).json()["status"] == "stopped"


def test_a_text_of_an_sms_becomes_a_template_of_its_own(marketer, tested):
    from dmat.messages.library import Templates

    templates = Templates(tested.world.store, tested.clock)
    templates.create_from_starter("spring-sale-sms", ANN, key="sms_sale")
    step = {"key": "text", "channel": "sms", "template": "sms_sale"}
    plan = {"audience": {"segments": ["readers"]}, "steps": [step], "holdout": {"share": 0, "reason": "a test"}}
    number = tested.world.library.create(name="Texts", by=ANN, plan=parse_plan(plan)).campaign_id
    variations = [{"name": "A"}, {"name": "B", "content": "Only today: 30 % off {{ short_url }}"}]
    made = make(marketer, campaignId=number, variations=variations)
    key = made["variations"][1]["content"]["template"]
    assert templates.get(key).content.parts("")["text"].startswith("Only today")
    assert made["kind"] == "content"


def test_analysts_look_and_decide_nothing(doors, tested):
    make(signed_in(doors, "marketer"))
    signed_in(doors, "analyst")
    assert doors.get("/api/ab-tests/1/results").status_code == 200
    assert doors.post("/api/ab-tests/create", json=BODY).status_code == 403
    assert doors.post("/api/ab-tests/1/start").status_code == 403
    doors.cookies.clear()
    token = create_token(tested.world.store, "shop", ["tests:write"], by="admin@shop.example")
    headers = {"Authorization": f"Bearer {token}"}
    assert doors.post("/api/ab-tests/create", json=BODY, headers=headers).status_code == 201
    refused = doors.post("/api/ab-tests/1/declare-winner", json={"variation": "a", "reason": "so"}, headers=headers)
    assert refused.status_code == 403
    assert doors.get("/api/ab-tests").status_code == 401


def test_what_is_not_there_is_404(marketer):
    assert marketer.get("/api/ab-tests/99/results").status_code == 404
    assert marketer.post("/api/ab-tests/create", json=BODY | {"campaignId": 99}).status_code == 404


def test_the_result_is_a_file_as_well(marketer, tested):
    make(marketer)
    marketer.post("/api/ab-tests/1/start")
    tested.start(1)
    found = marketer.get("/api/ab-tests/1/results", params={"format": "csv"})
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert found.headers["content-disposition"].startswith('attachment; filename="test-1-')
    lines = list(csv.DictReader(io.StringIO(found.content.decode("utf-8-sig"))))
    assert [line["name"] for line in lines[:2]] == ["Variation A", "Variation B"]
    book = marketer.get("/api/ab-tests/1/results", params={"format": "xlsx"})
    assert book.content[:2] == b"PK"
    assert marketer.get("/api/ab-tests/1/results", params={"format": "pdf"}).status_code == 422
    assert marketer.get("/api/ab-tests/9/results", params={"format": "csv"}).status_code == 404


def test_two_things_at_once_have_effects_and_other_tests_none(marketer, tested):
    make(marketer)
    assert marketer.get("/api/ab-tests/1/results").json()["factors"] == []
    variations = [
        {"name": f"{subject} {picture}", "content": {"subject": f"{subject} {picture}"}, "trafficPercentage": 25,
         "levels": {"Subject": subject, "Picture": picture}}
        for subject in ("News", "Sale") for picture in ("Sea", "Hills")
    ]  # fmt: skip
    made = make(marketer, name="Both", variations=variations)
    assert made["kind"] == "factorial"
    factors = marketer.get(f"/api/ab-tests/{made['id']}/results").json()["factors"]
    assert (factors[0]["metric"], factors[0]["effects"]) == ("click", [])
    assert factors[0]["sentence"] == "There is not enough yet to tell the two apart."
