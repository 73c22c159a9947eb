"""Under test: who sends a field that there is not, or leaves one out, reads what is allowed at this place."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(("method", "path", "body", "place", "allowed"), [
    ("post", "/api/ab-tests/create", {"colour": 1}, "colour", ("campaignId", "testPercentage", "variations")),
    ("post", "/api/ab-tests/create", {"variations": [{"key": "a"}, {"colour": 1}]}, "variations[1].colour",
     ("content", "key", "trafficPercentage")),
    ("post", "/api/campaigns", {"nam": "x"}, "nam", ("name", "plan")),
    ("post", "/api/templates", {"colour": 1}, "colour", ("channel", "content", "kind")),
    ("post", "/api/campaigns", {"name": "x", "budget": "lots"}, "budget", ("a number",)),
    ("post", "/api/campaigns", {"name": 5}, "name", ("a text",)),
    ("post", "/api/campaigns", {"name": "x", "plan": []}, "plan", ("an object",)),
    ("post", "/api/campaigns", {"name": "x", "budget": -1}, "budget", ("at least 0",)),
    ("post", "/api/campaigns", {"name": "x", "plan": {"holdout": {"share": 2}}}, "holdout.share", ("0 to 0.5",)),
    ("post", "/api/campaigns", {"name": "x", "plan": {"steps": [{"key": "a", "channel": "sms", "time": "25:00"}]}},
     "steps[0].time", ("a time of day",)),
    ("get", "/api/analytics/campaigns/compare", None, "ids", ("3,7",)),
    ("get", "/api/analytics/campaigns/compare?ids=x", None, "ids", ("3,7",)),
])  # fmt: skip
def test_what_is_allowed_is_named(marketer, method, path, body, place, allowed):
    answer = marketer.request(method.upper(), path, json=body) if body else marketer.get(path)
    assert answer.status_code == 422
    fault = next(each for each in answer.json()["faults"] if each["path"] == place)
    assert all(word in fault["allowed"] for word in allowed), fault
    assert "^" not in fault["allowed"] + fault["what"]
    assert "documentation" not in fault["allowed"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "soon"])
def test_a_moment_outside_of_the_calendar_is_a_fault_of_its_field(marketer, moment):
    answer = marketer.post("/api/campaigns", json={"name": "x", "start_date": moment})
    [fault] = answer.json()["faults"]
    assert (answer.status_code, fault["path"]) == (422, "start_date")
    assert fault["what"].startswith("this ")
    inside = marketer.post("/api/campaigns", json={"name": "x", "plan": {"starts_at": moment}})
    assert (inside.status_code, inside.json()["faults"][0]["path"]) == (422, "starts_at")


@pytest.mark.parametrize("body", [{"name": "a\x00b"}, {"name": "x", "tags": ["\x00"]}, {"\x00": 1}])
def test_the_sign_that_no_database_takes_is_refused(marketer, body):
    answer = marketer.post("/api/campaigns", json=body)
    assert answer.status_code == 422
    assert "U+0000" in answer.json()["detail"]
    assert marketer.post("/api/campaigns", json={"name": "x", "objective": "\\u0000 in words"}).status_code == 201


@pytest.mark.parametrize("body", [[], "x", 5])
def test_json_of_another_shape_is_told_which_one(marketer, body):
    answer = marketer.post("/api/campaigns", json=body)
    assert (answer.status_code, answer.json()["faults"][0]["allowed"]) == (422, "an object")
    plain = marketer.post("/api/campaigns", content=b"name=x", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415


def test_a_body_that_is_no_json_says_where_it_could_not_be_read_on(marketer):
    answer = marketer.post("/api/campaigns", content=b'{"name": "x",', headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    [fault] = answer.json()["faults"]
    assert fault["path"] == ""
    assert fault["what"].startswith("it is not JSON: ")
    assert "at character 13" in fault["what"]
