"""Under test: webhooks out. Signed, at least once with one id, again until taken, never into our own network."""

from __future__ import annotations

import itertools
import json
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sending_fixtures import NOON, make_settings, plan_messages

from dmat.channels.webhook import is_signed
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.ledger.receive import receive
from dmat.outgoing.delivering import (
    LEASE,
    OF_ONE_ENDPOINT,
    TRIED_FOR,
    Courier,
    forget_old,
    read_log,
    replay,
    replay_failed,
)
from dmat.outgoing.endpoints import Endpoints
from dmat.outgoing.kinds import KINDS, is_wanted
from dmat.outgoing.outbox import Happening, emit, emit_all, emit_inbound, emit_moves, emit_test
from dmat.outgoing.signing import check_address
from dmat.store.inbox import InboundEvent
from dmat.store.web_tables import webhook_endpoints
from dmat.store.workspace_values import read_audit

URL = "https://hooks.example/dmat"


@pytest.fixture
def settings(both_settings):
    return both_settings


@pytest.fixture
def store(both_stores):
    return both_stores


class Receiver:
    """Keeps what is posted; answers from `answers`, then 200."""

    def __init__(self, *answers):
        self.answers, self.got, self.lock = list(answers), [], threading.Lock()

    def __call__(self, url, body, headers):
        with self.lock:
            self.got.append((url, body, dict(headers)))
            answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ids(self):
        return [json.loads(body)["id"] for _, body, _ in self.got]


def add(settings, store, events=("*",), name="crm", url=URL):
    return Endpoints(settings, store).create(name, url, events, "ann@shop.example")


def tell(store, kind="campaign.finished", key="1", now=NOON, **data):
    with store.write() as connection:
        emit(connection, kind, key, data or {"campaign_id": 1}, now)


def test_what_happened_is_posted_once_with_a_signature_that_the_receiver_can_check(settings, store):
    _, secret = add(settings, store)
    tell(store)
    tell(store)
    receiver = Receiver()
    courier = Courier(settings, store, receiver)
    assert [courier.deliver(NOON), courier.deliver(NOON)] == [1, 0]
    [(url, body, headers)] = receiver.got
    assert url == URL
    told = json.loads(body)
    assert (told["type"], told["timestamp"], told["data"]) == (
        "campaign.finished", "2026-03-04T12:00:00Z", {"campaign_id": 1},
    )  # fmt: skip
    assert headers["webhook-id"] == told["id"]
    now = int(time.time())
    assert is_signed(secret, headers, body, now)
    assert not is_signed(secret, headers, body + b" ", now)
    assert not is_signed(secret, headers, body, now + 301)
    assert not is_signed(secret[:-2] + "A=", headers, body, now)


def test_nobody_is_told_what_they_did_not_ask_for(settings, store):
    add(settings, store, ("message.*", "campaign.finished"))
    tell(store, "segment.entered")
    tell(store, "campaign.started")
    tell(store, "campaign.finished")
    tell(store, "message.bounced")
    receiver = Receiver()
    Courier(settings, store, receiver).deliver(NOON)
    assert sorted(json.loads(body)["type"] for _, body, _ in receiver.got) == ["campaign.finished", "message.bounced"]


def test_without_endpoints_nothing_is_written(settings, store):
    tell(store)
    add(settings, store)
    assert Courier(settings, store, Receiver()).deliver(NOON) == 0


def test_what_is_not_taken_comes_again_with_the_same_id_and_growing_pauses_for_a_day(settings, store):
    endpoint, _ = add(settings, store)
    tell(store)
    receiver = Receiver(*[500, 302, ConnectionResetError("cut"), 429] + [503] * 500)
    courier, now, times = Courier(settings, store, receiver, seed=1), NOON, []
    while now < NOON + timedelta(hours=30):
        if courier.deliver(now):
            times.append(now)
        now += timedelta(seconds=15)
    assert len(set(receiver.ids())) == 1
    pauses = [(after - before).total_seconds() for before, after in itertools.pairwise(times)]
    assert 20 <= pauses[0] <= 55
    assert max(pauses) <= 3 * 3600 * 1.25 + 15
    assert pauses[5] > pauses[0] * 5
    assert times[-1] <= NOON + TRIED_FOR
    assert 15 <= len(times) <= 25
    [row] = read_log(store, endpoint.endpoint_id)
    assert (row["state"], row["last_status"], row["last_error"]) == ("failed", 503, "answered 503")
    receiver.answers.clear()
    assert replay_failed(store, endpoint.endpoint_id) == 1
    assert courier.deliver(now) == 1
    [row] = read_log(store, endpoint.endpoint_id)
    assert (row["state"], row["attempts"]) == ("delivered", 1)
    assert len(set(receiver.ids())) == 1


def test_after_a_success_an_endpoint_is_well_again(settings, store):
    endpoint, _ = add(settings, store)
    tell(store)
    courier = Courier(settings, store, Receiver(500))
    courier.deliver(NOON)
    assert Endpoints(settings, store).get(endpoint.endpoint_id).failing_since == NOON
    courier.deliver(NOON + timedelta(minutes=2))
    assert Endpoints(settings, store).get(endpoint.endpoint_id).failing_since is None


def test_an_endpoint_that_takes_nothing_for_three_days_is_switched_off_and_somebody_can_read_why(settings, store):
    endpoint, _ = add(settings, store)
    courier, endpoints = Courier(settings, store, Receiver(*[500] * 99)), Endpoints(settings, store)
    for day in range(4):
        tell(store, key=str(day))
        courier.deliver(NOON + timedelta(days=day, minutes=1))
    found = endpoints.get("crm")
    assert not found.is_active
    assert "three days" in found.disabled_because
    assert any(row["action"] == "webhook endpoint switched off" for row in read_audit(store))
    assert courier.deliver(NOON + timedelta(days=5)) == 0
    again = endpoints.change(endpoint.endpoint_id, "ann@shop.example", is_active=True)
    assert (again.is_active, again.disabled_because, again.failing_since) == (True, "", None)


def test_an_address_that_says_it_is_gone_is_believed(settings, store):
    add(settings, store)
    tell(store)
    Courier(settings, store, Receiver(410)).deliver(NOON)
    assert "gone" in Endpoints(settings, store).get("crm").disabled_because


def test_a_secret_can_be_replaced_while_the_receiver_still_has_the_old_one(settings, store):
    endpoint, old = add(settings, store)
    new = Endpoints(settings, store).rotate(endpoint.endpoint_id, "ann@shop.example")
    tell(store)
    receiver = Receiver()
    Courier(settings, store, receiver).deliver(NOON)
    [(_, body, headers)] = receiver.got
    assert [is_signed(secret, headers, body, int(time.time())) for secret in (old, new)] == [True, True]
    settings.clock.advance(timedelta(days=2))
    tell(store, key="2")
    Courier(settings, store, receiver).deliver(NOON)
    _, body, headers = receiver.got[-1]
    assert [is_signed(secret, headers, body, int(time.time())) for secret in (old, new)] == [False, True]


def test_a_secret_is_kept_so_that_nobody_can_read_it(settings, store):
    _, secret = add(settings, store)
    with store.read() as connection:
        row = connection.execute(webhook_endpoints.select()).mappings().one()
    assert secret not in str(dict(row))
    assert secret not in str(read_audit(store))


def test_two_couriers_never_try_one_delivery_at_the_same_time(settings, store):
    add(settings, store)
    for number in range(12):
        tell(store, key=str(number))
    receiver = Receiver()
    couriers = [Courier(settings, store, receiver) for _ in range(3)]
    threads = [threading.Thread(target=courier.deliver, args=(NOON,)) for courier in couriers]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(receiver.ids()) == sorted(set(receiver.ids()))
    assert len(receiver.ids()) == 12


def test_what_a_courier_left_behind_when_it_died_is_taken_up_again(settings, store):
    add(settings, store)
    tell(store)
    dead = Courier(settings, store, Receiver())
    assert len(dead._claim(NOON)) == 1
    other = Courier(settings, store, Receiver())
    assert other.deliver(NOON + LEASE / 2) == 0
    assert other.deliver(NOON + LEASE) == 1


def test_a_busy_endpoint_does_not_take_the_places_of_the_others(settings, store):
    add(settings, store, ("message.*",), "busy", "https://busy.example")
    add(settings, store, ("campaign.*",), "quiet", "https://quiet.example")
    with store.write() as connection:
        emit_all(connection, [Happening("message.opened", str(n), {}, NOON) for n in range(200)], NOON)
    tell(store)
    receiver = Receiver()
    Courier(settings, store, receiver).deliver(NOON)
    called = [url for url, *_ in receiver.got]
    assert (called.count("https://busy.example"), called.count("https://quiet.example")) == (OF_ONE_ENDPOINT, 1)


def test_events_of_providers_are_told_in_the_transaction_that_takes_them_in(settings, store):
    add(settings, store, ("message.delivered", "person.unsubscribed"))
    [message_id] = plan_messages(store)
    events = [
        InboundEvent("sendgrid", f"e{n}", kind, NOON, {}, message_id, "person1@example.com")
        for n, kind in enumerate(("delivered", "opened", "unsubscribed"))
    ]
    for _ in range(2):
        receive(store, events, NOON)
    receiver = Receiver()
    Courier(settings, store, receiver).deliver(NOON)
    told = {json.loads(body)["type"]: json.loads(body)["data"] for _, body, _ in receiver.got}
    assert set(told) == {"message.delivered", "person.unsubscribed"}
    assert told["message.delivered"] == {
        "message_id": message_id, "channel": "email", "provider": "sendgrid", "address": "person1@example.com",
        "is_machine": False,
    }  # fmt: skip


def test_the_same_inbound_events_told_twice_are_told_once(settings, store):
    add(settings, store)
    event = InboundEvent("sendgrid", "e1", "delivered", NOON, {}, "m", "a@example.com")
    with store.write() as connection:
        assert emit_inbound(connection, [event, InboundEvent("x", "y", "changed", NOON, {})], NOON) == 1
        assert emit_inbound(connection, [event], NOON) == 0


def test_people_who_enter_a_segment_are_told_some_hundred_an_event(settings, store):
    add(settings, store, ("segment.entered",))
    with store.write() as connection:
        assert emit_moves(connection, "vip", "segment.entered", range(1, 1202), NOON, NOON) == 3
        assert emit_moves(connection, "vip", "segment.left", [1], NOON, NOON) == 0
        assert emit_moves(connection, "vip", "segment.entered", [], NOON, NOON) == 0
    receiver = Receiver()
    Courier(settings, store, receiver).deliver(NOON)
    people = [person for _, body, _ in receiver.got for person in json.loads(body)["data"]["person_ids"]]
    assert sorted(people) == list(range(1, 1202))


def test_a_test_event_goes_to_its_endpoint_only(settings, store):
    endpoint, _ = add(settings, store, ("campaign.finished",))
    add(settings, store, ("*",), "other", "https://other.example")
    emit_test(store, endpoint.endpoint_id)
    receiver = Receiver()
    Courier(settings, store, receiver).deliver()
    assert [url for url, *_ in receiver.got] == [URL]


def test_one_delivery_can_be_sent_again_and_an_unknown_one_cannot(settings, store):
    endpoint, _ = add(settings, store)
    tell(store)
    receiver = Receiver()
    courier = Courier(settings, store, receiver)
    courier.deliver(NOON)
    replay(store, read_log(store, endpoint.endpoint_id, "delivered")[0]["delivery_id"])
    courier.deliver(NOON)
    assert len(receiver.ids()) == 2
    assert len(set(receiver.ids())) == 1
    with pytest.raises(NotFoundError):
        replay(store, 999)


def test_old_events_are_forgotten_but_never_what_waits(settings, store):
    endpoint, _ = add(settings, store)
    tell(store, key="1")
    Courier(settings, store, Receiver()).deliver(NOON)
    tell(store, key="2")
    assert forget_old(store, NOON + timedelta(days=29)) == 0
    assert forget_old(store, NOON + timedelta(days=31)) == 1
    assert [row["state"] for row in read_log(store, endpoint.endpoint_id)] == ["waiting"]


def test_an_endpoint_goes_with_what_waits_for_it(settings, store):
    add(settings, store)
    tell(store)
    Endpoints(settings, store).remove("crm", "ann@shop.example")
    assert Courier(settings, store, Receiver()).deliver(NOON) == 0


@pytest.mark.parametrize("url", [
    "http://hooks.example", "https://localhost/x", "https://127.0.0.1", "https://[::1]/", "https://10.0.0.8/",
    "https://169.254.169.254/latest", "https://user:pass@hooks.example", "ftp://hooks.example", "hooks.example",
    "https://a.local/", "https://metadata.internal", "https://[::ffff:10.0.0.1]/", "https://hooks.example/a b",
])  # fmt: skip
def test_addresses_inside_our_own_network_cannot_be_set_up(url):
    with pytest.raises(InvalidInputError):
        check_address(url)


def test_an_address_that_turns_out_to_lead_inside_is_not_called(home):
    hit = []

    class Inside(BaseHTTPRequestHandler):
        def do_POST(self):
            hit.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Inside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    from dmat.store import open_store

    opened = make_settings(home, outgoing_webhook_allows_private=True)
    store = open_store(opened)
    endpoint, _ = add(opened, store, url=f"http://127.0.0.1:{server.server_port}/x")
    tell(store)
    guarded = Courier(make_settings(home), store)
    guarded.deliver(NOON)
    assert hit == []
    assert "private" in read_log(store, endpoint.endpoint_id)[0]["last_error"]
    guarded.close()
    allowed = Courier(opened, store)
    allowed.deliver(NOON + timedelta(hours=1))
    assert hit == ["/x"]
    allowed.close()
    server.shutdown()
    server.server_close()
    store.close()


def test_what_cannot_be_an_endpoint_is_refused_with_its_field(settings, store):
    endpoints = Endpoints(settings, store)
    add(settings, store)
    with pytest.raises(ConflictError):
        add(settings, store)
    for name, url, events, field in (
        ("", URL, ["*"], "name"), ("x", "http://x.example", ["*"], "url"), ("x", URL, [], "events"),
        ("x", URL, ["message.eaten"], "events"),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError) as refused:
            endpoints.create(name, url, events, "ann@shop.example")
        assert refused.value.field == field
    with pytest.raises(NotFoundError):
        endpoints.get("nobody")


def test_kinds_are_wanted_by_name_group_or_all():
    assert all(is_wanted(["*"], kind) for kind in KINDS)
    assert is_wanted(["message.*"], "message.opened")
    assert not is_wanted(["message.*"], "campaign.started")
    assert not is_wanted(["message.opened"], "message.clicked")
