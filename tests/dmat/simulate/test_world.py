"""The living world: what people do follows the hidden truth, happens once, and is told to the workspace signed."""

from __future__ import annotations

import base64
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dmat.simulate.diary import Diary
from dmat.simulate.records import Records
from dmat.simulate.vendors.running import RunningVendors
from dmat.simulate.world import World

END = datetime(2026, 10, 1, 9)
Start = Callable[[], RunningVendors]


def advance(running: RunningVendors, client: httpx.Client, **by: float) -> dict[str, Any]:
    running.settings.clock.advance(timedelta(**by))
    answer: dict[str, Any] = client.post(f"{running.url}/control/step", timeout=120).json()
    return answer


def rows(running: RunningVendors, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return running.server.records.cursor().execute(sql, list(values)).fetchall()


def send(running: RunningVendors, client: httpx.Client, email: str, message_id: str, html: str = "<p>Hello</p>",
         headers: dict[str, str] | None = None) -> None:  # fmt: skip
    body = {
        "personalizations": [{"to": [{"email": email}], "custom_args": {"dmat_message_id": message_id}}],
        "from": {"email": "hello@shop.example"}, "subject": "Hello", "categories": ["cart_recovery"],
        "content": [{"type": "text/html", "value": html}], "headers": headers or {},
    }  # fmt: skip
    token = running.settings.sendgrid_token.get_secret_value()
    answer = client.post(
        f"{running.url}/sendgrid/v3/mail/send", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 202, answer.text


def events(letterbox: Any) -> list[dict[str, Any]]:
    """The events that came in, each once, in order of time."""
    found = {event["sg_event_id"]: event for one in letterbox.of("sendgrid") for event in orjson.loads(one.body)}
    return sorted(found.values(), key=lambda event: (event["timestamp"], event["sg_event_id"]))


def kinds(letterbox: Any, message_id: str) -> list[str]:
    return [event["event"] for event in events(letterbox) if event["dmat_message_id"] == message_id]


def recovery_mail(token: str) -> str:
    url = f"https://shop.example/70010/checkouts/ac/{token}/recover?key=k&amp;discount=COMEBACK10&amp;utm_source=dmat"
    return f'<a href="{url}">Back to your cart</a> <a href="https://shop.example/unsubscribe?u=1">Unsubscribe</a>'


def set_truth(running: RunningVendors, email: str, **values: Any) -> None:
    """Plant a truth, so that a test need not wait for chance."""
    for name, value in values.items():
        running.server.records.cursor().execute(
            f"update truth.people set {name} = ? where person_id in (select person_id from people where email = ?)",
            [value, email],
        )


def somebody(running: RunningVendors) -> str:
    sql = "select email from people where email is not null and company_id is null order by person_id limit 1"
    return str(rows(running, sql)[0][0])


def calm(running: RunningVendors, email: str) -> None:
    """Nothing by chance: no opens, no clicks, no bounces."""
    set_truth(running, email, open_rate=0.0, click_rate=0.0, unsubscribe_rate=0.0, complaint_rate=0.0,
              recovery_effect=0.0, discount_effect=0.0, is_machine_opener=False, is_bouncing=False)  # fmt: skip


def open_cart(running: RunningVendors, email: str) -> str:
    """The token of a cart that this person left open just now."""
    connection = running.server.records.cursor()
    connection.execute(
        "insert into carts by name select 9000000000001 as cart_id, 'tok9' as token, 'k' as recovery_key, person_id,"
        " customer_id, client_id, ?::timestamp as created_at, ?::timestamp as updated_at, 'EUR' as currency_code,"
        " 5000 as total_cents from people where email = ?",
        [END, END, email],
    )
    connection.execute("insert into cart_lines values (9000000000001, 1, 1, 2, 2500)")
    return "tok9"


def test_time_brings_visits_carts_orders_and_forms_into_the_vendors_records(start: Start, client: httpx.Client) -> None:
    running = start()
    before = dict(rows(running, "select resource, count(*) from records group by 1"))
    report = advance(running, client, days=20)
    after = dict(rows(running, "select resource, count(*) from records group by 1"))
    grown = {name for name in after if after[name] > before.get(name, 0)}
    assert {"ga4_sessions", "shopify_abandoned_checkouts", "shopify_orders", "wordpress_form_submissions"} <= grown
    assert report["world"]["visits_count"] == after["ga4_sessions"] - before["ga4_sessions"]
    assert rows(running, "select count(*) from records where updated_at > ?", END + timedelta(days=20)) == [(0,)]
    assert rows(running, "select count(*), count(distinct (resource, record_id)) from records")[0][0] == sum(
        after.values()
    )


def test_every_living_order_completes_its_cart(start: Start, client: httpx.Client) -> None:
    running = start()
    advance(running, client, days=20)
    open_with_order = """
        select count(*) from records as o join records as c
        on c.resource = 'shopify_abandoned_checkouts' and o.resource = 'shopify_orders'
        and contains(c.payload->>'$.abandonedCheckoutUrl', o.payload->>'$.checkoutToken')
        where o.created_at > ? and (c.payload->>'$.completedAt') is {}"""
    assert rows(running, open_with_order.format("null"), END) == [(0,)]
    assert rows(running, open_with_order.format("not null"), END)[0][0] > 0


def test_a_bouncing_address_bounces_and_is_dropped_the_next_time(
    start: Start, client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    email = somebody(running)
    calm(running, email)
    set_truth(running, email, is_bouncing=True)
    send(running, client, email, "first")
    advance(running, client, minutes=5)
    send(running, client, email, "second")
    advance(running, client, minutes=5)
    assert kinds(letterbox, "first") == ["processed", "bounce"]
    assert kinds(letterbox, "second") == ["dropped"]


def test_machine_openers_open_by_machine_and_others_do_not(start: Start, client: httpx.Client, letterbox: Any) -> None:
    running = start()
    email = somebody(running)
    calm(running, email)
    set_truth(running, email, is_machine_opener=True)
    for number in range(20):
        send(running, client, email, f"m{number}")
    advance(running, client, hours=30)
    opens = [event for event in events(letterbox) if event["event"] == "open"]
    assert 15 <= len(opens) <= 20
    assert all(event["sg_machine_open"] and event["useragent"] == "Mozilla/5.0" for event in opens)


def test_a_recovery_mail_that_works_is_opened_clicked_and_the_cart_ordered_with_its_code(
    start: Start, client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    email = somebody(running)
    calm(running, email)
    set_truth(running, email, recovery_effect=1.0, return_rate=0.0)
    token = open_cart(running, email)
    send(running, client, email, "works", recovery_mail(token))
    advance(running, client, hours=40)
    assert kinds(letterbox, "works") == ["processed", "delivered", "open", "click"]
    click = next(event for event in events(letterbox) if event["event"] == "click")
    assert "discount=COMEBACK10" in click["url"]
    orders = rows(running, "select payload from records where resource = 'shopify_orders' and created_at > ?"
                           " and (payload->>'$.checkoutToken') = 'tok9'", END)  # fmt: skip
    order = orjson.loads(orders[0][0])
    assert order["discountCodes"] == ["COMEBACK10"]
    assert order["totalPriceSet"]["shopMoney"]["amount"] == "45.00"
    checkout = rows(
        running, "select payload from records where record_id = 'gid://shopify/AbandonedCheckout/9000000000001'"
    )
    assert orjson.loads(checkout[0][0])["completedAt"] == order["createdAt"]
    assert [one.headers["x-shopify-topic"] for one in letterbox.of("shopify")].count("orders/create") >= 1


def test_without_an_effect_a_mail_brings_no_order(start: Start, client: httpx.Client) -> None:
    running = start()
    email = somebody(running)
    calm(running, email)
    token = open_cart(running, email)
    send(running, client, email, "idle", recovery_mail(token))
    advance(running, client, hours=40)
    assert rows(running, "select completed_at from carts where token = ?", token) == [(None,)]


def test_people_open_at_once_or_around_their_best_hour(start: Start, client: httpx.Client, letterbox: Any) -> None:
    running = start()
    email = somebody(running)
    calm(running, email)
    set_truth(running, email, open_rate=1.0, best_hour=20)
    running.server.records.cursor().execute("update people set time_zone = 'UTC' where email = ?", [email])
    for number in range(60):
        send(running, client, email, f"o{number}")
    advance(running, client, hours=30)
    opens = [event for event in events(letterbox) if event["event"] == "open"]
    hours = Counter(datetime.fromtimestamp(event["timestamp"]).astimezone().hour for event in opens)
    near = sum(count for hour, count in hours.items() if hour in (18, 19, 20, 21, 22))
    assert len(opens) == 60
    assert 0.4 * 60 < near < 0.8 * 60


def test_a_reader_who_leaves_uses_the_button_of_the_mail_program_where_there_is_one(
    start: Start, client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    email = somebody(running)
    calm(running, email)
    set_truth(running, email, unsubscribe_rate=1.0)
    url = f"{letterbox.url}/webhooks/leave?t=1"
    headers = {
        "List-Unsubscribe": f"<mailto:a@b.example>, <{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    send(running, client, email, "with", headers=headers)
    send(running, client, "other." + email, "without")
    advance(running, client, hours=40)
    assert [one.body for one in letterbox.of("leave")] == [b"List-Unsubscribe=One-Click"]
    assert "unsubscribe" not in kinds(letterbox, "with")


def test_a_one_click_address_elsewhere_is_never_called(start: Start, client: httpx.Client) -> None:
    running = start()
    email = somebody(running)
    calm(running, email)
    set_truth(running, email, unsubscribe_rate=1.0)
    headers = {"List-Unsubscribe": "<https://192.0.2.1/leave>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    send(running, client, email, "with", headers=headers)
    advance(running, client, hours=40)
    assert running.server.diary.counts()["not_loopback_one_click"] == 1


def test_a_complaint_is_told_and_blocks_the_address(start: Start, client: httpx.Client, letterbox: Any) -> None:
    running = start()
    email = somebody(running)
    calm(running, email)
    set_truth(running, email, complaint_rate=1.0)
    send(running, client, email, "spam")
    advance(running, client, hours=40)
    assert kinds(letterbox, "spam")[-1] == "spamreport"
    assert running.server.diary.blocked_reason(email) == "Spam Reporting Address"


def test_batches_are_signed_and_an_altered_one_does_not_verify(
    start: Start, client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    send(running, client, "stranger@mail.example", "signed")
    advance(running, client, minutes=5)
    key = load_der_public_key(base64.b64decode(running.settings.sendgrid_webhook_public_key))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    for one in letterbox.of("sendgrid"):
        timestamp = one.headers["x-twilio-email-event-webhook-timestamp"].encode()
        signature = base64.b64decode(one.headers["x-twilio-email-event-webhook-signature"])
        key.verify(signature, timestamp + one.body, ec.ECDSA(hashes.SHA256()))
    assert kinds(letterbox, "signed")[:2] == ["processed", "delivered"]


def test_events_wait_while_the_api_is_down_and_arrive_when_it_is_back(
    start: Start, client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    letterbox.status = 503
    send(running, client, "stranger@mail.example", "patient")
    report = advance(running, client, minutes=5)
    assert "sendgrid" in report["webhooks"]["problems"]
    assert report["webhooks"]["waiting_count"] >= 2
    letterbox.status, letterbox.received = 200, []
    assert advance(running, client, seconds=1)["webhooks"]["problems"] == {}
    assert kinds(letterbox, "patient")[:2] == ["processed", "delivered"]


def test_some_events_come_twice_and_out_of_order_as_in_reality(
    start: Start, client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    for number in range(1500):
        send(running, client, f"reader{number}@mail.example", f"n{number}")
    advance(running, client, hours=30)
    batches = [orjson.loads(one.body) for one in letterbox.of("sendgrid")]
    ids = [event["sg_event_id"] for batch in batches for event in batch]
    assert len(ids) > len(set(ids))
    assert any([e["timestamp"] for e in batch] != sorted(e["timestamp"] for e in batch) for batch in batches)
    assert max(len(batch) for batch in batches) <= 101
    for number in range(1500):
        assert kinds_of(batches, f"n{number}") & {"delivered", "bounce"}


def kinds_of(batches: list[list[dict[str, Any]]], message_id: str) -> set[str]:
    return {event["event"] for batch in batches for event in batch if event["dmat_message_id"] == message_id}


def test_a_restart_keeps_mails_happenings_and_what_was_not_yet_posted(
    start: Start, client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    letterbox.status = 500
    send(running, client, "stranger@mail.example", "kept")
    advance(running, client, minutes=5)
    before, visits = client.get(f"{running.url}/control/state").json(), rows(running, "select count(*) from visits")
    letterbox.status = 200
    letterbox.received.clear()
    running = start()
    after = client.get(f"{running.url}/control/state").json()
    assert after["waiting"] == before["waiting"]
    assert after["stepped_to"] == before["stepped_to"]
    assert rows(running, "select count(*) from visits") == visits
    assert client.get(f"{running.url}/control/sent").json()["mails"][0]["dmat_message_id"] == "kept"
    advance(running, client, seconds=1)
    assert kinds(letterbox, "kept")[:2] == ["processed", "delivered"]


def test_the_same_steps_give_the_same_world(tmp_path: Path, company_file: Path) -> None:
    def live(name: str) -> list[tuple[Any, ...]]:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(company_file, folder / "company.duckdb")
        records, diary = Records.open(folder / "company.duckdb"), Diary(folder / "world.sqlite")
        world = World(records, diary, lambda: END)
        for hours in (1, 30, 200):
            world.step(END + timedelta(hours=hours))
        found = records.cursor().execute(
            "select resource, record_id, payload::varchar from records where updated_at > ? order by all", [END]
        ).fetchall()  # fmt: skip
        records.close()
        diary.close()
        return found

    first = live("first")
    assert first == live("second")
    assert len(first) > 50


def test_a_step_back_in_time_changes_nothing(start: Start, client: httpx.Client) -> None:
    running = start()
    advance(running, client, hours=5)
    before = rows(running, "select count(*) from records")
    running.settings.clock.set(END - timedelta(days=3))
    report = client.post(f"{running.url}/control/step").json()
    assert report["world"]["visits_count"] == 0
    assert rows(running, "select count(*) from records") == before


def test_a_text_message_is_delivered_told_and_listed(start: Start, client: httpx.Client, letterbox: Any) -> None:
    running = start()
    settings = running.settings
    auth = (settings.twilio_account, settings.twilio_token.get_secret_value())
    url = f"{running.url}/twilio/2010-04-01/Accounts/{settings.twilio_account}/Messages"
    callback = f"{letterbox.url}/webhooks/twilio?dmat_message_id=t1"
    form = {"To": "+4915112345678", "From": "+4915700000000", "Body": "Hello", "StatusCallback": callback}
    made = client.post(f"{url}.json", data=form, auth=auth)
    assert (made.status_code, made.json()["status"]) == (201, "queued")
    advance(running, client, minutes=1)
    assert client.get(f"{url}/{made.json()['sid']}.json", auth=auth).json()["status"] == "delivered"
    bodies = [one.body.decode() for one in letterbox.of("twilio")]
    assert any("MessageStatus=sent" in body for body in bodies)
    assert any("MessageStatus=delivered" in body for body in bodies)
    bad = client.post(f"{url}.json", data={**form, "To": "12"}, auth=auth)
    assert (bad.status_code, bad.json()["code"]) == (400, 21211)


def test_a_whatsapp_message_comes_back_with_our_own_data(start: Start, client: httpx.Client, letterbox: Any) -> None:
    running = start()
    settings = running.settings
    body = {"messaging_product": "whatsapp", "to": "+4915112345678", "type": "template",
            "template": {"name": "cart", "language": {"code": "de"}}, "biz_opaque_callback_data": "w1"}  # fmt: skip
    url = f"{running.url}/whatsapp/v23.0/{settings.whatsapp_phone_id}/messages"
    headers = {"Authorization": f"Bearer {settings.whatsapp_token.get_secret_value()}"}
    assert client.post(url, json=body, headers=headers).json()["contacts"][0]["wa_id"] == "4915112345678"
    advance(running, client, hours=6)
    values = [orjson.loads(one.body)["entry"][0]["changes"][0]["value"] for one in letterbox.of("whatsapp")]
    statuses = [value["statuses"][0] for value in values if "statuses" in value]
    assert [one["status"] for one in statuses][:2] == ["sent", "delivered"]
    assert {one["biz_opaque_callback_data"] for one in statuses} == {"w1"}
    assert client.post(url, json={"to": "1"}, headers=headers).status_code == 400
