"""Under test: the doors of rules: counting, checking and comparing without keeping, and what a rule may be made of."""

from __future__ import annotations

from segment_world import PEOPLE

from apps.api.segment_bodies import BRACKETS_RULE, FLAT_RULES

GERMANS = {"version": 1, "where": {"field": "country_code", "op": "one_of", "value": ["DE"]}}


def make(client, key, rule):
    answer = client.post("/api/segments", json={"name": key.title(), "key": key, "rule": rule})
    assert answer.status_code == 201, answer.text


def test_a_preview_counts_everybody_and_each_part(marketer):
    answer = marketer.post("/api/segments/preview", json={"rule": BRACKETS_RULE, "sample": 3})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    consenting = [n for n in range(1, PEOPLE + 1) if n % 4]
    assert (found["count"], found["everybody"]) == (len(consenting), PEOPLE)
    assert found["share"] == round(len(consenting) / PEOPLE, 4)
    assert found["by_country"] == {"DE": sum(n % 2 for n in consenting), "AT": sum(1 - n % 2 for n in consenting)}
    assert sum(found["by_lifecycle"].values()) == found["count"]
    assert found["reachable"]["email"] == found["count"]
    counts = {part["path"]: part["count"] for part in found["conditions"]}
    assert counts["where"] == found["count"]
    assert counts["where.all[1].any[1]"] == 3
    assert len(found["sample"]) == 3
    assert {"person_id", "email", "full_name"} <= set(found["sample"][0])
    assert found["sentence"]


def test_a_preview_takes_the_flat_format(marketer):
    found = marketer.post("/api/segments/preview", json={"rules": FLAT_RULES}).json()
    assert found["count"] == 1


def test_a_rule_is_checked_without_being_kept(marketer):
    good = marketer.post("/api/segments/rules/validate", json={"rules": FLAT_RULES}).json()
    assert (good["valid"], good["faults"]) == (True, [])
    assert good["rule"]["where"]["all"][0]["event"] == "ordered"
    assert good["sentence"]
    bad = marketer.post("/api/segments/rules/validate", json={"rule": {"where": {"all": [{"segment": "nothing"}]}}})
    assert bad.status_code == 200
    assert (bad.json()["valid"], bad.json()["faults"][0]["path"]) == (False, "where.all[0].segment")


def test_operators_fields_events_and_values_say_what_a_rule_may_be_made_of(marketer):
    operators = marketer.get("/api/segments/rules/operators").json()
    assert {"key": "greater_than", "label": "is more than", "value": "number", "value_words": "a number",
            "is_negative_of": None} in operators["types"]["money"]  # fmt: skip
    assert operators["regions"] == [{"key": "dach", "label": "DACH", "countries": ["AT", "DE"]}]
    fields = {field["key"]: field for field in marketer.get("/api/segments/rules/fields").json()["fields"]}
    assert fields["email"]["is_personal"]
    assert "one_of" in fields["country_code"]["operators"]
    events = {event["key"]: event for event in marketer.get("/api/segments/rules/events").json()["events"]}
    assert [found["key"] for found in events["bought"]["properties"]] == ["product", "category"]
    assert events["visited"]["newest_at"] == "2026-03-03T12:00:00"
    values = marketer.get("/api/segments/rules/values", params={"key": "product", "event": "bought"}).json()["values"]
    assert values == [{"value": "Boots", "count": 6}, {"value": "Tent", "count": 6}]
    assert "Attribute" in str(marketer.get("/api/segments/rules/schema").json())


def test_segments_are_compared_by_who_is_in_exactly_these(marketer):
    make(marketer, "germans", rule=GERMANS)
    make(
        marketer, "rich", rule={"version": 1, "where": {"field": "revenue_cents", "op": "greater_than", "value": 1000}}
    )
    found = marketer.post("/api/segments/overlap", json={"segments": ["germans", "rich"]}).json()
    assert (found["sizes"], found["union"]) == ({"germans": 6, "rich": 2}, 7)
    combinations = {tuple(c["segments"]): c["count"] for c in found["combinations"]}
    assert combinations == {("germans",): 5, ("rich",): 1, ("germans", "rich"): 1}
    assert marketer.post("/api/segments/overlap", json={"segments": ["germans", "gone"]}).status_code == 404
    assert marketer.post("/api/segments/overlap", json={"segments": ["germans"]}).status_code == 422
