"""Under test: the doors of segments. What each answers, who may come in, and that every refusal names its field."""

from __future__ import annotations

import pytest
import segment_world
from fastapi.testclient import TestClient
from segment_world import PEOPLE, number_of

from apps.api.app import create_app
from apps.api.segment_bodies import FLAT_RULES, VIP_RULE
from dmat.segments.library import Library
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.store.tokens import create_token
from dmat.store.workspace_values import read_audit

GERMANS = {"version": 1, "where": {"field": "country_code", "op": "one_of", "value": ["DE"]}}


def make(client, key="vip", rule=None, **more):
    body = {"name": key.title(), "key": key, "rule": rule or VIP_RULE} | more
    answer = client.post("/api/segments", json=body)
    assert answer.status_code == 201, answer.text
    return answer


# -- make, look at, change ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/segments", "/api/segments/create"])
def test_a_segment_is_made_and_can_be_read_again(marketer, path):
    answer = marketer.post(path, json={"name": "VIP, last 60 days", "rule": VIP_RULE, "tags": ["vip"], "note": "first"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["id"], made["version"], made["kind"], made["owner"]) == (
        "vip-last-60-days", 1, "dynamic", "marketer@shop.example",
    )  # fmt: skip
    assert made["rule"] == VIP_RULE
    assert "500" in made["sentence"]
    assert answer.headers["location"] == "/api/segments/vip-last-60-days"
    again = marketer.get(answer.headers["location"])
    assert again.json() == made
    assert again.headers["etag"] == answer.headers["etag"]


def test_the_flat_format_of_the_prd_is_taken_too(marketer):
    made = make(marketer, "flat", rule=FLAT_RULES).json()
    assert made["rule"]["where"]["all"][0]["measure"] == "sum"
    body = {"name": "Old", "is_dynamic": False, "rules": FLAT_RULES}
    assert marketer.post("/api/segments/create", json=body).json()["kind"] == "static"


@pytest.mark.parametrize(("change", "path", "allowed"), [
    ({"rule": {"version": 1, "where": {"field": "shoe_size", "op": "equals", "value": 1}}}, "where.field", ""),
    ({"rule": {"version": 1, "where": {"field": "city", "op": "like", "value": "x"}}}, "where.op", "equals"),
    ({"rule": {"version": 1, "where": {"all": [GERMANS["where"], {"field": "orders_count", "op": "equals",
                                                                  "value": "x"}]}}}, "where.all[1].value", "number"),
    ({"rule": {"where": {"sql": "1=1"}}}, "where", "field"), ({"rule": {}}, "where", ""),
    ({"rule": {"groups": [{"rules": [{"attribute": "x", "operator": "=", "value": 1}]}]}},
     "groups[0].rules[0].attribute", "total_spend"),
    ({"rule": None}, "", ""), ({"name": ""}, "name", ""), ({"name": None}, "name", ""), ({"name": 7}, "name", ""),
    ({"kind": "magic"}, "kind", "dynamic"), ({"key": "Not A Key"}, "key", "a-z"), ({"owner": "x"}, "owner", ""),
    ({"tags": "vip"}, "tags", ""), ({"tags": ["x"] * 31}, "tags", ""), ({"rules": VIP_RULE}, "", ""),
    ({"rule": "select 1"}, "rule", ""), ({"rule": []}, "rule", ""),
])  # fmt: skip
def test_what_cannot_be_made_is_refused_by_field_with_what_is_allowed(marketer, change, path, allowed):
    answer = marketer.post("/api/segments", json={"name": "X", "rule": VIP_RULE} | change)
    assert answer.status_code == 422, answer.text
    [fault] = answer.json()["faults"]
    assert fault["path"] == path
    assert allowed in fault["allowed"]
    assert fault["what"]
    assert marketer.get("/api/segments").json()["total"] == 0


def test_a_taken_key_is_a_conflict(marketer):
    make(marketer)
    answer = marketer.post("/api/segments", json={"name": "Vip", "key": "vip", "rule": VIP_RULE})
    assert answer.status_code == 409
    assert "vip" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/segments/vip", "/api/segments/vip/update"])
def test_a_changed_rule_is_a_new_version_and_a_changed_name_is_not(marketer, path):
    make(marketer)
    renamed = marketer.put(path, json={"version": 1, "name": "Very important"})
    assert (renamed.status_code, renamed.json()["version"], renamed.json()["name"]) == (200, 1, "Very important")
    body = {"rule": GERMANS, "note": "only Germany"}
    changed = marketer.put(path, json=body, headers={"If-Match": renamed.headers["etag"]})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    versions = marketer.get("/api/segments/vip/versions").json()["versions"]
    assert [(version["version"], version["note"]) for version in versions] == [(2, "only Germany"), (1, "")]
    assert versions[1]["rule"] == VIP_RULE


def test_a_change_on_an_older_state_is_a_conflict_and_changes_nothing(marketer):
    old = make(marketer).headers["etag"]
    marketer.put("/api/segments/vip", json={"version": 1, "name": "Second"})
    for headers, body in (({"If-Match": old}, {}), ({"If-Match": '"7"'}, {}), ({}, {"version": 7}),
                          ({"If-Match": "*"}, {"version": 7})):  # fmt: skip
        answer = marketer.put("/api/segments/vip", json={"name": "Lost"} | body, headers=headers)
        assert answer.status_code == 409, (headers, body)
        assert "marketer@shop.example" in answer.json()["detail"]
    assert marketer.get("/api/segments/vip").json()["name"] == "Second"


def test_of_two_changes_on_the_same_state_one_is_refused_even_when_both_were_let_in(marketer, monkeypatch):
    tag = make(marketer).headers["etag"]
    update = Library.update

    def overtake(library, key, **values):
        monkeypatch.setattr(Library, "update", update)
        library.rename(key, "First", "ann@shop.example")
        return update(library, key, **values)

    monkeypatch.setattr(Library, "update", overtake)
    answer = marketer.put("/api/segments/vip", json={"name": "Lost"}, headers={"If-Match": tag})
    assert answer.status_code == 409
    assert "ann@shop.example" in answer.json()["detail"]
    assert marketer.get("/api/segments/vip").json()["name"] == "First"


def test_a_change_must_say_which_version_it_was_made_on(marketer):
    make(marketer)
    answer = marketer.put("/api/segments/vip", json={"name": "X"})
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (428, "version")
    assert marketer.put("/api/segments/vip", json={"name": "X"}, headers={"If-Match": '"1"'}).status_code == 200


def test_a_request_that_comes_twice_with_one_key_makes_one_segment(marketer):
    body = {"name": "Twice", "rule": VIP_RULE}
    answers = [marketer.post("/api/segments/create", json=body, headers={"Idempotency-Key": "abc"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["etag"] == answers[1].headers["etag"]
    assert marketer.get("/api/segments").json()["total"] == 1
    other = marketer.post("/api/segments/create", json=body | {"name": "X"}, headers={"Idempotency-Key": "abc"})
    assert (other.status_code, other.json()["faults"][0]["path"]) == (422, "Idempotency-Key")


def test_a_refused_request_may_be_corrected_under_the_same_key(marketer):
    headers = {"Idempotency-Key": "abc"}
    bad = {"name": "X", "rule": {"version": 1, "where": {"field": "x", "op": "equals"}}}
    assert marketer.post("/api/segments", json=bad, headers=headers).status_code == 422
    assert marketer.post("/api/segments", json=bad | {"rule": VIP_RULE}, headers=headers).status_code == 201


def test_the_list_is_paged_by_key_and_filtered(marketer):
    for key in ("c", "a", "b"):
        make(marketer, key, tags=["vip"] if key != "b" else [], folder="Shop" if key == "a" else "")
    first = marketer.get("/api/segments", params={"limit": 2}).json()
    assert ([s["key"] for s in first["segments"]], first["total"], first["next_after"]) == (["a", "b"], 3, "b")
    second = marketer.get("/api/segments", params={"limit": 2, "after": "b"}).json()
    assert ([s["key"] for s in second["segments"]], second["next_after"]) == (["c"], None)
    for params, keys in (({"tag": "vip"}, ["a", "c"]), ({"folder": "Shop"}, ["a"]), ({"q": "B"}, ["b"]),
                         ({"kind": "static"}, [])):  # fmt: skip
        assert [s["key"] for s in marketer.get("/api/segments", params=params).json()["segments"]] == keys


def test_what_others_use_is_not_deleted_and_says_who_uses_it(marketer):
    make(marketer)
    make(marketer, "germans", rule={"version": 1, "where": {"all": [GERMANS["where"], {"segment": "vip"}]}})
    refused = marketer.delete("/api/segments/vip")
    assert refused.status_code == 409
    assert "germans" in refused.json()["detail"]
    assert marketer.get("/api/segments/vip").json()["used_by"][0]["key"] == "germans"
    assert marketer.delete("/api/segments/germans").status_code == 204
    assert marketer.delete("/api/segments/vip").status_code == 204
    assert marketer.get("/api/segments/vip").status_code == 404


def test_a_segment_may_not_lead_back_to_itself(marketer):
    make(marketer)
    make(marketer, "second", rule={"version": 1, "where": {"segment": "vip"}})
    body = {"version": 1, "rule": {"version": 1, "where": {"segment": "second"}}}
    answer = marketer.put("/api/segments/vip", json=body)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"].startswith("where")


def test_an_archived_segment_comes_back(marketer):
    make(marketer)
    assert marketer.post("/api/segments/vip/archive").json()["state"] == "archived"
    assert marketer.get("/api/segments").json()["total"] == 0
    assert marketer.get("/api/segments", params={"state": "archived"}).json()["total"] == 1
    assert marketer.post("/api/segments/vip/restore").json()["state"] == "active"


# -- people -----------------------------------------------------------------------------------------------------------


def test_members_are_paged_so_that_everybody_comes_once(marketer):
    make(marketer, "germans", rule=GERMANS)
    seen, after = [], ""
    while after is not None:
        page = marketer.get("/api/segments/germans/contacts", params={"limit": 4, "after": after}).json()
        seen += [person["person_id"] for person in page["contacts"]]
        after = page["next_after"]
    assert seen == [str(number_of(n)) for n in range(1, PEOPLE + 1, 2)]


def test_who_joins_between_two_pages_moves_nobody(marketer, world):
    make(marketer, "germans", rule=GERMANS)
    first = marketer.get("/api/segments/germans/contacts", params={"limit": 3}).json()
    segment_world.change_world(
        world,
        "update people.dim_people set country_code = 'DE', _build = 2"
        f" where person_id in ({number_of(2)}, {number_of(8)})",
        f"update people.dim_people set country_code = 'AT', _build = 2 where person_id = {number_of(1)}",
    )
    second = marketer.get("/api/segments/germans/contacts", params={"limit": 9, "after": first["next_after"]}).json()
    assert [person["person_id"] for person in first["contacts"]] == [str(number_of(n)) for n in (1, 3, 5)]
    assert [person["person_id"] for person in second["contacts"]] == [str(number_of(n)) for n in (7, 8, 9, 11)]


def test_fields_are_chosen_and_consent_always_comes_along(marketer):
    make(marketer, "germans", rule=GERMANS)
    params = {"fields": "email, revenue_cents,last_order_at", "limit": 1}
    [person] = marketer.get("/api/segments/germans/contacts", params=params).json()["contacts"]
    assert person == {
        "person_id": str(number_of(1)), "email": "person1@example.com",
        "revenue_cents": {"cents": 10_000, "currency_code": "EUR"}, "last_order_at": "2026-02-23T00:00:00",
        "has_email_consent": True, "has_sms_consent": False,
    }  # fmt: skip


@pytest.mark.parametrize(("params", "field"), [
    ({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"limit": "x"}, "limit"), ({"after": "-1"}, "after"),
    ({"after": "1 or 1=1"}, "after"), ({"after": "9" * 19}, "after"), ({"fields": "password"}, "fields"),
    ({"fields": 'email" from people.dim_people --'}, "fields"), ({"fields": "email," * 1000}, "fields"),
])  # fmt: skip
def test_paging_has_bounds(marketer, params, field):
    make(marketer, "germans", rule=GERMANS)
    answer = marketer.get("/api/segments/germans/contacts", params=params)
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, field)


def test_why_somebody_is_in_or_not(marketer):
    make(marketer, "vip")
    assert marketer.get(f"/api/segments/vip/people/{number_of(6)}").json()["is_member"] is True
    answer = marketer.get(f"/api/segments/vip/people/{number_of(1)}").json()
    assert answer["is_member"] is False
    assert (answer["clause"]["path"], answer["clause"]["holds"], answer["clause"]["found"]) == (
        "where",
        False,
        "100.00",
    )
    assert marketer.get("/api/segments/vip/people/1").status_code == 404


def test_a_file_of_members_carries_consent_and_is_written_down(marketer, world):
    make(marketer, "germans", rule=GERMANS)
    answer = marketer.get("/api/segments/germans/export", params={"fields": "full_name,email,revenue_cents"})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="germans.csv"'
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0] == (
        "person_id,full_name,email,revenue_cents,revenue_cents_currency,has_email_consent,has_sms_consent"
    )
    assert len(lines) == 7
    assert f"{number_of(1)},Person1 Test,person1@example.com,100.0,EUR,yes,no" in lines
    [line] = [line for line in read_audit(open_store(world)) if line["action"] == "segment exported"]
    assert (line["actor"], line["subject"], line["detail"]["people_count"]) == ("marketer@shop.example", "germans", 6)
    assert line["detail"]["format"] == "csv"


def test_a_workbook_is_made_and_thrown_away(marketer, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    make(marketer, "germans", rule=GERMANS)
    answer = marketer.get("/api/segments/germans/export", params={"format": "xlsx"})
    assert answer.content.startswith(b"PK")
    assert list(tmp_path.glob("dmat-export-*")) == []
    assert marketer.get("/api/segments/germans/export", params={"format": "pdf"}).status_code == 422


# -- machines ---------------------------------------------------------------------------------------------------------


def test_a_machine_comes_in_with_a_token_and_does_what_its_scopes_say(doors, world):
    store = open_store(world)
    reader = {"Authorization": f"Bearer {create_token(store, 'reader', ['segments:read'], 'ann@shop.example')}"}
    writer = {"Authorization": f"Bearer {create_token(store, 'writer', ['segments:write'], 'ann@shop.example')}"}
    body = {"name": "X", "key": "x", "rule": VIP_RULE}
    assert doors.post("/api/segments", json=body, headers=reader).status_code == 403
    made = doors.post("/api/segments", json=body, headers=writer)
    assert (made.status_code, made.json()["created_by"]) == (201, "token:writer")
    assert doors.get("/api/segments/x", headers=reader).status_code == 200
    assert doors.get("/api/segments/x/export", headers=reader).status_code == 403


def test_the_documentation_has_an_example_for_every_door(doors):
    document = doors.get("/openapi.json").json()
    missing = []
    for path, methods in document["paths"].items():
        if not path.startswith("/api/segments"):
            continue
        for method, operation in methods.items():
            ok = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
            contents = ok.get("content", {}).values()
            if operation.get("summary") == "JSON Schema of a rule" or method == "delete":
                continue
            if not any(content.get("example") for content in contents):
                missing.append(f"{method} {path}")
    assert missing == []
    bodies = document["components"]["schemas"]
    assert all(bodies[name]["examples"] for name in ("SegmentToMake", "SegmentToChange", "RuleToAnswer"))


def test_without_a_published_version_the_doors_say_so(home):
    settings = load_settings(home)
    settings.clock.set(segment_world.NOW)
    store = open_store(settings)
    token = create_token(store, "x", ["segments:read"], "ann@shop.example")
    with TestClient(create_app(settings, store)) as client:
        answer = client.get("/api/segments/rules/fields", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503
    assert "published" in answer.json()["detail"]
