"""Under test: many messages in one request. Its answer holds for all of them; what is bad in a batch is found."""

from __future__ import annotations

import json
import threading

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON, FakeProvider, grant

from dmat.consent.permission import record_decisions
from dmat.errors import (
    AmbiguousError,
    DeadAddressError,
    PartlyTakenError,
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
)
from dmat.ledger.bulk import PlannedPerson, StepFacts, plan_many
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import audience_report, counts_by_state, get_entry, list_entries, transitions_of, unresolved
from dmat.messages.archive import as_sent
from dmat.messages.library import Templates
from dmat.store.ledger_tables import fences, ledger_entries
from dmat_pipelines.deliver.sender import drain

PROGRAMME = "campaign:1"
BODY = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ first_name }}, "
    '<a href="{{ unsubscribe_url }}">out</a></mj-text></mj-column></mj-section></mj-body></mjml>'
)
CONTENT = {
    "variables": [{"name": "first_name", "type": "text"}],
    "locales": {"": {"subject": "For {{ first_name }}", "preheader": "", "body": BODY, "text": ""}},
}


@pytest.fixture
def provider():
    return FakeProvider(batch=10)


def plan(settings, store, count=25, context=None, content=None):
    """Messages of one step to people who agreed; ids in the order of people."""
    card = Templates(store, settings.clock).create(
        name="Spring", channel="email", kind="mjml", content=content or CONTENT, by="ann@shop.example"
    )
    facts = StepFacts("email", template=card.key, template_version=card.version, variant="A")
    with store.write() as connection:
        record_decisions(connection, (grant(n) for n in range(1, count + 1)), NOON)
        people = [
            PlannedPerson(n, f"person{n}@example.com", NOON,
                          json.dumps({"first_name": f"Ann{n}"} if context is None else context))
            for n in range(1, count + 1)
        ]  # fmt: skip
        plan_many(connection, PROGRAMME, 1, "first", "", people, facts, NOON)
    return [entry.message_id for entry in sorted(list_entries(store), key=lambda entry: entry.person_id)]


def run(settings, store, provider, **more):
    return drain(settings, store, provider, **({"now": NOON, "settle_seconds": 0.0, "max_seconds": 60} | more))


def raising(error):
    def act(_message):
        raise error

    return act


def test_a_campaign_leaves_in_full_requests_and_everybody_gets_their_own_words(both_settings, both_stores, provider):
    ids = plan(both_settings, both_stores)
    report = run(both_settings, both_stores, provider)
    assert (report.accepted_count, report.stopped_because) == (25, "")
    assert sorted(len(batch.recipients) for batch in provider.batches) == [5, 10, 10]
    assert sorted(provider.taken) == sorted(ids)
    mail = next(mail for mail in provider.mails if mail.message_id == ids[2])
    assert (mail.subject, mail.to_email) == ("For Ann3", "person3@example.com")
    assert "Hello Ann3," in mail.html
    assert "/u/" in mail.headers["List-Unsubscribe"]
    [counted] = [row for row in read_counters(both_stores) if row["kind"] == "accepted"]
    assert (counted["count"], counted["variant"]) == (25, "A")


def test_a_round_leaves_while_the_one_before_is_under_way_and_no_third_one_does(settings, store):
    provider = FakeProvider(batch=10)  # rounds of two requests
    plan(settings, store, 60)
    seen, second_round, without_answer, waited = [], threading.Event(), [], []

    def take(batch):
        with provider.lock:
            seen.append(batch)
            number = len(seen)
        if number == 3:
            second_round.set()
        if number == 1:
            waited.append(second_round.wait(60))
        without_answer.append(counts_by_state(store)["handed_over"])
        return provider.take_batch(batch)

    provider.script["*"] = take
    assert run(settings, store, provider).accepted_count == 60
    assert waited == [True], "the second round left before the first was answered"
    assert max(without_answer) == 40


def test_what_leaves_is_counted_beside_the_store_before_it_leaves(settings, store):
    provider, behind = FakeProvider(batch=10), []
    plan(settings, store, 60)

    def take(batch):
        with store.read() as connection:
            [named] = connection.execute(
                sa.select(sa.func.count()).where(ledger_entries.c.batch_id == batch.batch_id)
            ).scalars()
            in_store = connection.execute(sa.select(fences.c.handed_over_count)).scalar_one()
        beside = json.loads((settings.home / "instance.json").read_text())["handed_over_count"]
        behind.append((named == 10, in_store - beside))
        return provider.take_batch(batch)

    provider.script["*"] = take
    assert run(settings, store, provider).accepted_count == 60
    assert all(is_named for is_named, _ in behind)
    assert max(count for _, count in behind) <= 1, "only the round that is being written now is not counted yet"
    assert json.loads((settings.home / "instance.json").read_text())["handed_over_count"] == 3


def test_each_message_names_its_request_and_is_kept_as_it_was_sent(settings, store, provider):
    ids = plan(settings, store, 3)
    run(settings, store, provider)
    [batch] = provider.batches
    entry = get_entry(store, ids[0])
    assert (entry.state, entry.batch_id, entry.provider_message_id) == ("accepted", batch.batch_id,
                                                                        f"fake-{batch.batch_id}")  # fmt: skip
    mail = next(mail for mail in provider.mails if mail.message_id == ids[0])
    kept = as_sent(store, settings, ids[0])
    assert (kept["subject"], kept["html"]) == (mail.subject, mail.html)
    states = [step["to_state"] for step in transitions_of(store, ids[0])]
    assert states == ["planned", "claimed", "handed_over", "accepted"]


@pytest.mark.parametrize("error", [VendorUnavailableError("503"), RateLimitedError("fake", 0.0)])
def test_a_batch_that_was_not_taken_is_sent_again(settings, store, provider, error):
    ids = plan(settings, store, 10)
    provider.script["next"] = raising(error)
    report = run(settings, store, provider)
    assert (report.retried_count, report.accepted_count) == (10, 10)
    assert sorted(provider.taken) == sorted(ids)


def test_the_bad_recipients_of_a_refused_batch_are_found_and_the_others_get_their_mail(settings, store):
    provider = FakeProvider(batch=32)
    ids = plan(settings, store, 32)
    for bad in (ids[3], ids[20]):
        provider.script[bad] = raising(VendorRefusedError("fake", 400, "bad address"))

    def refuse_alone(message):
        raise VendorRefusedError("fake", 400, "bad address")

    report = run(settings, store, provider)
    assert (report.accepted_count, report.rejected_count) == (30, 2)
    assert sorted(provider.taken) == sorted(set(ids) - {ids[3], ids[20]})
    assert "bad address" in get_entry(store, ids[3]).reason
    accepted = [get_entry(store, message_id) for message_id in provider.taken]
    batches = {person.message_id: batch.batch_id for batch in provider.batches for person in batch.recipients}
    assert all(entry.batch_id == batches[entry.message_id] for entry in accepted)


def test_what_is_refused_in_every_part_pauses_the_programme_and_gives_up_nobody_but_the_proof(settings, store):
    provider = FakeProvider(batch=100)
    plan(settings, store, 100)
    provider.script["*"] = raising(VendorRefusedError("fake", 400, "the content is not allowed"))
    report = run(settings, store, provider)
    assert "the content is not allowed" in report.stopped_because
    assert counts_by_state(store)["rejected"] <= 2
    del provider.script["*"]
    assert run(settings, store, provider).examined_count == 0, "it waits for a person"


def test_a_wrong_key_stops_the_sender_and_gives_nobody_up(settings, store, provider):
    plan(settings, store)
    provider.script["*"] = raising(VendorRefusedError("fake", 401, "no such key"))
    assert "no such key" in run(settings, store, provider).stopped_because
    assert counts_by_state(store)["planned"] == 25


def test_a_batch_without_an_answer_is_ambiguous_as_a_whole_and_resolved_by_looking_up(settings, store, provider):
    ids = plan(settings, store, 10)

    def take_then_raise(batch):
        provider.take_batch(batch)
        raise AmbiguousError("time-out")

    provider.script["next"] = take_then_raise
    provider.can_look_up = False
    assert run(settings, store, provider).ambiguous_count == 10
    assert {entry.message_id for entry in unresolved(store)} == set(ids)
    assert run(settings, store, provider).accepted_count == 0
    provider.can_look_up = True
    with store.write() as connection:
        connection.exec_driver_sql("update ledger_entries set settles_at_epoch = 0")
    run(settings, store, provider)
    assert sorted(provider.taken) == sorted(ids)
    assert audience_report(store, PROGRAMME).sent == 10


def test_an_unexpected_error_leaves_the_whole_batch_ambiguous_never_sent_again(settings, store, provider):
    plan(settings, store, 10)
    provider.can_look_up = False
    provider.script["next"] = raising(ZeroDivisionError("a mistake of ours"))
    assert run(settings, store, provider).ambiguous_count == 10
    assert run(settings, store, provider).accepted_count == 0


def test_a_batch_that_was_taken_but_for_some_is_written_down_so(settings, store, provider):
    ids = plan(settings, store, 10)
    provider.script["next"] = raising(PartlyTakenError("fake", "r-1", {ids[4]: "no such mailbox"}))
    report = run(settings, store, provider)
    assert report.accepted_count == 9
    assert (get_entry(store, ids[4]).state, get_entry(store, ids[4]).reason) == ("rejected", "no such mailbox")
    assert get_entry(store, ids[0]).provider_message_id == "r-1"


def test_an_address_that_the_provider_calls_dead_is_suppressed(settings, store):
    provider = FakeProvider(batch=1)
    [message_id] = plan(settings, store, 1)
    provider.script["next"] = raising(DeadAddressError("fake", 400, "gone"))
    run(settings, store, provider)
    assert get_entry(store, message_id).state == "rejected"
    with store.read() as connection:
        found = connection.exec_driver_sql("select address, reason from suppressions").all()
    assert [tuple(row) for row in found] == [("person1@example.com", "bounced")]


def test_a_template_that_nobody_can_be_written_with_pauses_its_programme(settings, store, provider):
    plan(settings, store, 5, context={})
    assert run(settings, store, provider).rejected_count == 0
    assert {entry.state for entry in list_entries(store)} == {"planned"}
    assert run(settings, store, provider).examined_count == 0


def test_a_paused_campaign_waits_without_a_trace_and_others_go_on(settings, store, provider):
    from sending_fixtures import plan_messages

    from dmat.ledger.control import pause, resume

    ids = plan(settings, store, 10)
    pause(store, PROGRAMME, "look again", NOON)
    plan_messages(store, 3, first=100)
    assert run(settings, store, provider).accepted_count == 3
    assert len(transitions_of(store, ids[0])) == 1
    resume(store, PROGRAMME, NOON)
    assert run(settings, store, provider).accepted_count == 10


def test_what_leaves_alone_is_claimed_in_the_number_of_requests_also_beside_batches(settings, store):
    from sending_fixtures import plan_messages

    provider, seen = FakeProvider(batch=1000), []
    plan_messages(store, 20)

    def look(mail):
        seen.append(counts_by_state(store)["handed_over"])
        return provider.take(mail)

    provider.script["*"] = look
    run(settings, store, provider)
    assert max(seen) <= provider.abilities.in_flight
