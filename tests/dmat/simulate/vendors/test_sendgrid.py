"""The simulated SendGrid: which mails it takes, what it refuses, how a mail is found again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from dmat.channels.contract import MailBatch, Recipient, Sought
from dmat.connectors.sendgrid import SendGrid
from dmat.simulate.vendors.running import RunningVendors


def body(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "personalizations": [{"to": [{"email": "A@mail.example"}], "custom_args": {"dmat_message_id": "one"}}],
        "from": {"email": "hello@shop.example", "name": "The Shop"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello"}],
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def call(running: RunningVendors, client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    key = running.settings.sendgrid_token.get_secret_value()
    return client.request(method, f"{running.url}/sendgrid{path}", headers={"Authorization": f"Bearer {key}"}, **more)


def test_a_mail_is_taken_and_found_again_by_our_id(start: Callable[[], RunningVendors], client: httpx.Client) -> None:
    running = start()
    taken = call(running, client, "POST", "/v3/mail/send", json=body())
    assert (taken.status_code, taken.content) == (202, b"")
    query = """(unique_args['dmat_message_id']="one")"""
    found = call(running, client, "GET", "/v3/messages", params={"query": query}).json()["messages"]
    assert [one["to_email"] for one in found] == ["a@mail.example"]
    assert found[0]["msg_id"].startswith(taken.headers["x-message-id"] + ".")
    assert call(running, client, "GET", f"/v3/messages/{found[0]['msg_id']}").json()["subject"] == "Hello"
    nothing = {"query": """unique_args['dmat_message_id']="two" AND to_email="a@mail.example" """.strip()}
    assert call(running, client, "GET", "/v3/messages", params=nothing).json() == {"messages": []}


def test_the_same_mail_twice_is_two_mails_since_there_is_no_idempotency(
    start: Callable[[], RunningVendors], client: httpx.Client
) -> None:
    running = start()
    ids = {call(running, client, "POST", "/v3/mail/send", json=body()).headers["x-message-id"] for _ in range(2)}
    assert len(ids) == client.get(f"{running.url}/control/sent").json()["count"] == 2


def test_each_person_of_a_batch_gets_a_mail_with_their_own_words(
    start: Callable[[], RunningVendors], client: httpx.Client
) -> None:
    running = start()
    people = [
        Recipient(
            name, f"{name}@mail.example", name.title(), {"-dm0-": name.title()}, {"List-Unsubscribe": f"<{name}>"}
        )
        for name in ("ann", "bo")
    ]
    batch = MailBatch("hello@shop.example", "The Shop", "For -dm0-", "<p>-dm0-</p>", "Hi -dm0-", people)
    vendor = SendGrid(running.settings)
    assert vendor.send_batch(batch)
    mails = client.get(f"{running.url}/control/sent").json()["mails"]
    assert [(mail["dmat_message_id"], mail["subject"]) for mail in mails] == [("ann", "For Ann"), ("bo", "For Bo")]
    assert vendor.find_message(Sought("bo"))
    vendor.close()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"personalizations": None}, "personalizations"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "nobody"}]}]}, "personalizations.0.to.0.email"),
        ({"from": {"email": "shop"}}, "from.email"),
        ({"from": None}, "from.email"),
        ({"subject": ""}, "subject"),
        ({"content": None}, "content"),
        ({"content": [{"type": "text/html", "value": ""}]}, "content.0.value"),
        (
            {"personalizations": [{"to": [{"email": "a@mail.example"}], "substitutions": {"-dm0-": "x" * 10_000}}]},
            "personalizations.0.substitutions",
        ),
        ({"categories": [str(number) for number in range(11)]}, "categories"),
    ],
)
def test_a_bad_body_is_refused_with_the_field_that_is_wrong(
    shared_vendors: RunningVendors, client: httpx.Client, changes: dict[str, Any], field: str
) -> None:
    answer = call(shared_vendors, client, "POST", "/v3/mail/send", json=body(**changes))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"mail"'])
def test_what_is_no_mail_at_all_is_a_bad_request(
    shared_vendors: RunningVendors, client: httpx.Client, content: bytes
) -> None:
    assert call(shared_vendors, client, "POST", "/v3/mail/send", content=content).status_code == 400


@pytest.mark.parametrize("query", ["", 'colour="red"', "to_email", 'unique_args="x"', 'to_email="a" OR status="b"'])
def test_a_search_that_cannot_be_read_is_refused(
    shared_vendors: RunningVendors, client: httpx.Client, query: str
) -> None:
    answer = call(shared_vendors, client, "GET", "/v3/messages", params={"query": query})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith("invalid syntax")


def test_what_it_counted_itself_is_told_by_category_and_day(
    start: Callable[[], RunningVendors], client: httpx.Client
) -> None:
    running = start()
    vendor = SendGrid(running.settings)
    people = [Recipient(f"m{number}", f"person{number}@mail.example", "", {}) for number in range(12)]
    content = ("hello@shop.example", "The Shop", "Hi", "<p>Hi</p>", "Hi")
    vendor.send_batch(MailBatch(*content, people[:9], categories=("campaign:1", "mail")))
    vendor.send_batch(MailBatch(*content, people[9:], categories=("journey:a", "mail")))
    running.settings.clock.advance(timedelta(hours=2))
    client.post(f"{running.url}/control/step").raise_for_status()
    records = [record for page in vendor.read("category_days") for record in page.records]
    vendor.close()

    def counted(category: str, metric: str) -> int:
        return sum(each.payload["metrics"][metric] for each in records if each.payload["name"] == category)

    assert {each.payload["name"] for each in records} == {"campaign:1", "journey:a", "mail"}
    assert [counted(name, "requests") for name in ("campaign:1", "journey:a", "mail")] == [9, 3, 12]
    arrived = counted("mail", "delivered") + counted("mail", "bounces") + counted("mail", "deferred")
    assert arrived >= counted("mail", "processed") == 12
    assert all(each.record_id == f"{each.payload['name']}:{each.payload['date']}" for each in records)


@pytest.mark.parametrize(
    "params",
    [
        {"start_date": "2026-01-01"},
        {"start_date": "2026-01-01", "categories": [str(number) for number in range(11)]},
        {"start_date": "yesterday", "categories": ["a"]},
        {"start_date": "2026-01-01", "categories": ["a"], "aggregated_by": "hour"},
    ],
)
def test_counts_that_cannot_be_asked_for_are_refused(
    shared_vendors: RunningVendors, client: httpx.Client, params: dict[str, Any]
) -> None:
    assert call(shared_vendors, client, "GET", "/v3/categories/stats", params=params).status_code == 400
