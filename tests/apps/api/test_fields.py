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


def test_a_body_that_is_no_json_says_where_it_could_not_be_read_on(marketer):
    answer = marketer.post("/api/campaigns", content=b'{"name": "x",', headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    [fault] = answer.json()["faults"]
    assert fault["path"] == ""
    assert fault["what"].startswith("it is not JSON: ")
    assert "at character 13" in fault["what"]
