"""Under test: draining. Each answer of a provider has its consequence; nothing is lost, nothing is sent twice."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON, FakeProvider, cart_context, plan_messages

from dmat.channels.contract import Sought
from dmat.channels.sandbox import MailSandbox
from dmat.consent.suppression import Suppression, suppress
from dmat.errors import AmbiguousError, RateLimitedError, VendorRefusedError, VendorUnavailableError
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import audience_report, counts_by_state, get_entry, list_entries, message_as_sent
from dmat.ledger.events import apply_waiting
from dmat.ledger.fence import sending_lock, take_fence
from dmat.ledger.receive import receive
from dmat.messages.links import Links
from dmat.store.inbox import InboundEvent
from dmat.store.tables import ledger_entries
from dmat_pipelines.deliver.sender import drain


def run(settings, store, provider, **more):
    return drain(settings, store, provider, **({"now": NOON, "settle_seconds": 0.0, "max_seconds": 60} | more))


def raising(error):
    def act(_mail):
        raise error

    return act


def take_then_raise(provider, error):
    def act(mail):
        provider.take(mail)
        raise error

    return act


def test_everything_due_is_sent_once(settings, store, provider):
    ids = plan_messages(store, 40)
    report = run(settings, store, provider)
    assert sorted(provider.taken) == sorted(ids)
    assert (report.accepted_count, report.stopped_because, report.unresolved) == (40, "", [])
    assert run(settings, store, provider).examined_count == 0
    assert len(provider.taken) == 40
    assert audience_report(store, "cart_recovery").is_finished


def test_both_databases_take_a_message_from_plan_to_delivery(both_settings, both_stores, provider):
    ids = plan_messages(both_stores, 20)
    assert run(both_settings, both_stores, provider).accepted_count == 20
    events = [InboundEvent("fake", i, "delivered", NOON, {}, i, f"{i}@example.com") for i in ids]
    receive(both_stores, [*events, InboundEvent("fake", "u", "unsubscribed", NOON, {}, ids[0], "a@b.example")], NOON)
    apply_waiting(both_stores, NOON)
    assert counts_by_state(both_stores)["delivered"] == 20
    assert {row["kind"]: row["count"] for row in read_counters(both_stores)} == {
        "accepted": 20, "delivered": 20, "unsubscribed": 1,
    }  # fmt: skip


def test_a_mail_carries_our_id_and_is_kept_as_it_was_sent(settings, store, provider):
    [message_id] = plan_messages(store)
    run(settings, store, provider)
    [mail] = provider.mails
    kept = message_as_sent(store, message_id)
    assert mail.custom_args["dmat_message_id"] == message_id
    assert (kept["html"], kept["subject"], kept["headers"]) == (mail.html, mail.subject, mail.headers)
    entry = get_entry(store, message_id)
    assert (entry.state, entry.provider_message_id, entry.provider) == ("accepted", f"fake-{message_id}", "fake")
    assert entry.accepted_at == NOON


def test_the_unsubscribe_link_of_a_mail_is_its_recipients(settings, store, provider):
    [message_id] = plan_messages(store)
    run(settings, store, provider)
    token = provider.mails[0].headers["List-Unsubscribe"].strip("<>").rsplit("/", 1)[1]
    found = Links(settings).read_unsubscribe(token)
    assert (found.message_id, found.address) == (message_id, "person1@example.com")


def test_clicks_lead_over_our_door_only_when_the_provider_does_not_follow_them(settings, store, provider):
    plan_messages(store, 1)
    run(settings, store, provider)
    assert "/c/" not in provider.mails[0].html
    plan_messages(store, 1, first=2)
    other = FakeProvider(tracks_clicks=False)
    run(settings, store, other)
    assert f"{settings.resolved_public_url}/c/" in other.mails[0].html
    assert "https://shop.example/checkouts" not in other.mails[0].html


def test_without_a_provider_the_sandbox_takes_the_mails(settings, store):
    ids = plan_messages(store, 3)
    assert run(settings, store, None).accepted_count == 3
    assert all(MailSandbox(settings.home / "sandbox" / "email").find_message(Sought(i)) for i in ids)


def test_a_suppressed_person_is_never_handed_over(settings, store, provider):
    plan_messages(store, 20)
    with store.write() as connection:
        suppress(connection, [Suppression(f"person{n}@example.com", "email", "complained") for n in range(1, 6)], NOON)
    report = run(settings, store, provider)
    assert (report.accepted_count, report.suppressed_count) == (15, 5)
    assert not {mail.to_email for mail in provider.mails} & {f"person{n}@example.com" for n in range(1, 6)}


@pytest.mark.parametrize("error", [VendorUnavailableError("503"), RateLimitedError("fake", 0.0)])
def test_what_the_provider_did_not_take_is_sent_again(settings, store, provider, error):
    [message_id] = plan_messages(store)
    provider.script["next"] = raising(error)
    report = run(settings, store, provider)
    assert (report.retried_count, report.accepted_count) == (1, 1)
    assert provider.taken == [message_id]


def test_a_refused_message_is_not_sent_again(settings, store, provider):
    ids = plan_messages(store, 3)
    provider.script[ids[0]] = raising(VendorRefusedError("fake", 400, "bad address"))
    report = run(settings, store, provider)
    assert (report.rejected_count, report.accepted_count) == (1, 2)
    assert "bad address" in get_entry(store, ids[0]).reason


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_stops_the_sender_and_gives_nobody_up(settings, store, provider, status):
    plan_messages(store, 40)
    provider.script["*"] = raising(VendorRefusedError("fake", status, "no such key"))
    report = run(settings, store, provider)
    assert "no such key" in report.stopped_because
    assert counts_by_state(store)["planned"] == 40
    del provider.script["*"]
    assert run(settings, store, provider).accepted_count == 40


def test_a_lost_acknowledgement_is_found_and_not_sent_twice(settings, store, provider):
    ids = plan_messages(store, 10)
    for message_id in ids[:4]:
        provider.script[message_id] = take_then_raise(provider, AmbiguousError("time-out"))
    assert run(settings, store, provider).ambiguous_count == 4
    run(settings, store, provider)
    assert sorted(provider.taken) == sorted(ids)
    assert counts_by_state(store)["accepted"] == 10


def test_a_request_that_never_arrived_is_sent_after_looking_it_up(settings, store, provider):
    ids = plan_messages(store, 3)
    provider.script[ids[0]] = raising(AmbiguousError("cut"))
    run(settings, store, provider)
    run(settings, store, provider)
    assert sorted(provider.taken) == sorted(ids)


def test_what_is_due_does_not_wait_for_what_is_looked_up(settings, store, provider):
    [lost] = plan_messages(store)
    provider.script[lost] = raising(AmbiguousError("cut"))
    assert run(settings, store, provider, settle_seconds=3600.0).ambiguous_count == 1
    with store.write() as connection:
        connection.execute(sa.update(ledger_entries).values(settles_at_epoch=0.0))
    plan_messages(store, first=2)
    left, waited = threading.Event(), []

    def take(message):
        left.set()
        return provider.take(message)

    class Slow(FakeProvider):
        def find_message(self, sought):
            waited.append(left.wait(60))
            return None

    slow = Slow(script={"*": take})
    report = run(settings, store, slow)
    assert waited == [True], "the other message left while this one was looked up"
    assert report.accepted_count == 2


def test_without_a_look_up_an_ambiguous_message_is_named_and_left(settings, store, provider):
    ids = plan_messages(store, 3)
    provider.can_look_up = False
    provider.script[ids[0]] = raising(AmbiguousError("cut"))
    for _ in range(3):
        report = run(settings, store, provider)
    assert report.unresolved == [ids[0]]
    assert sorted(provider.taken) == sorted(ids[1:])
    assert not audience_report(store, "cart_recovery").is_finished


def test_an_unexpected_error_counts_as_ambiguous_never_as_not_sent(settings, store, provider):
    [message_id] = plan_messages(store)
    provider.script[message_id] = take_then_raise(provider, ZeroDivisionError("a mistake of ours"))
    assert run(settings, store, provider).ambiguous_count == 1
    run(settings, store, provider)
    assert provider.taken == [message_id]


def test_a_provider_that_asks_to_wait_longer_than_there_is_time_ends_the_drain(settings, store, provider):
    plan_messages(store, 5)
    provider.script["*"] = raising(RateLimitedError("fake", 3600))
    report = run(settings, store, provider)
    assert report.stopped_because == "the provider asks to wait"
    assert counts_by_state(store)["planned"] == 5


def test_one_message_that_cannot_be_rendered_is_given_up_with_its_reason(settings, store, provider):
    plan_messages(store, 3)
    [bad] = plan_messages(store, 1, first=9, context=cart_context(9) | {"cart_url": None})
    report = run(settings, store, provider)
    assert (report.accepted_count, report.rejected_count) == (3, 1)
    assert get_entry(store, bad).reason == "not rendered: cart_url: it is missing and has no fallback (allowed: str)"


def test_a_broken_template_pauses_its_programme_and_gives_nobody_up(settings, store, provider):
    plan_messages(store, 5, context={})
    report = run(settings, store, provider)
    assert report.rejected_count == 0
    assert {entry.state for entry in list_entries(store)} == {"planned"}
    assert all("cannot be rendered" in entry.reason for entry in list_entries(store))


def test_a_second_sender_of_the_same_folder_waits(settings, store, provider):
    plan_messages(store, 1)
    with sending_lock(settings):
        assert run(settings, store, provider).stopped_because == "another sender is at work"
    assert provider.taken == []


def test_a_store_that_waits_for_a_yes_sends_nothing(settings, store, provider):
    plan_messages(store, 1)
    take_fence(settings, store, NOON)
    (settings.home / "instance.json").unlink()
    assert "confirm" in run(settings, store, provider).stopped_because
    assert provider.taken == []


def test_drains_that_run_at_the_same_time_send_everything_once(settings, store, provider):
    ids = plan_messages(store, 60)
    threads = [threading.Thread(target=run, args=(settings, store, provider)) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    run(settings, store, provider)
    assert sorted(provider.taken) == sorted(ids)


def test_what_waits_for_the_morning_is_sent_in_the_morning(settings, store, provider):
    plan_messages(store, 2)
    assert run(settings, store, provider, now=NOON + timedelta(hours=10)).later_count == 2
    assert run(settings, store, provider, now=lambda: NOON + timedelta(hours=20)).accepted_count == 2
