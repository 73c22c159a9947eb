"""Under test: the sender over the real providers, against a real relay and real HTTP; each mail leaves once."""

from __future__ import annotations

import pytest
from faulty_server import Answer, faulty_server
from mail_relay import mail_relay
from sending_fixtures import NOON, make_settings, plan_messages

from dmat.consent.suppression import find_suppressed
from dmat.ledger.entries import get_entry
from dmat.store import open_store
from dmat_pipelines.deliver.sender import drain

KEYS = {"brevo_token": "t", "ses_access_key": "a", "ses_secret_key": "a-long-secret", "ses_region": "eu-central-1",
        "postmark_token": "t", "resend_token": "t", "sendgrid_token": "t"}  # fmt: skip
ONE_BY_ONE = {"brevo": "messageId", "ses": "MessageId"}


@pytest.fixture
def workspace(home):
    """`workspace(name, url)` -> settings and store of a workspace whose mails leave by that provider."""
    opened = []

    def make(name, url, **more):
        settings = make_settings(home, **KEYS, **more).model_copy(update={f"{name}_url": url, "email_provider": name})
        opened.append(open_store(settings))
        return settings, opened[-1]

    yield make
    for store in opened:
        store.close()


def states(store, ids):
    return [get_entry(store, message_id).state for message_id in ids]


def run(settings, store, seconds=60):
    return drain(settings, store, now=NOON, settle_seconds=0.0, max_seconds=seconds)


def test_a_relay_gets_each_mail_once_and_each_answer_has_its_consequence(workspace):
    with mail_relay() as relay:
        settings, store = workspace("smtp", f"smtp+plain://127.0.0.1:{relay.port}", smtp_connections=1)
        ids = plan_messages(store, 6)
        dead, unwanted = (get_entry(store, message_id).address for message_id in ids[:2])
        relay.replies[f"rcpt {dead}"] = "550 5.1.1 no such user"
        relay.replies[f"rcpt {unwanted}"] = "550 5.7.1 not from you"
        report = run(settings, store)
        assert run(settings, store).examined_count == 0
    assert states(store, ids) == ["rejected", "rejected", *["accepted"] * 4]
    assert (report.accepted_count, report.rejected_count) == (4, 2)
    assert len({recipients[0] for _, recipients, _ in relay.mails}) == len(relay.mails) == 4
    with store.read() as connection:
        assert set(find_suppressed(connection, [dead, unwanted], "email")) == {dead}


def test_a_full_mailbox_holds_nobody_else_up(workspace):
    with mail_relay() as relay:
        settings, store = workspace("smtp", f"smtp+plain://127.0.0.1:{relay.port}")
        ids = plan_messages(store, 4)
        relay.replies[f"rcpt {get_entry(store, ids[0]).address}"] = "452 4.2.2 mailbox full"
        run(settings, store, seconds=3)
        assert states(store, ids) == ["planned", *["accepted"] * 3]
    assert len(relay.mails) == 3


def test_a_mail_whose_acknowledgement_was_lost_is_never_sent_again_and_stays_listed(workspace):
    with mail_relay() as relay:
        settings, store = workspace("smtp", f"smtp+plain://127.0.0.1:{relay.port}")
        [message_id] = plan_messages(store)
        relay.replies["taken"] = "cut"
        assert run(settings, store).unresolved == [message_id]
        relay.replies.clear()
        assert run(settings, store).unresolved == [message_id]
    assert len(relay.mails) == 1
    assert states(store, [message_id]) == ["ambiguous"]


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_vendors_without_batches_get_each_mail_once(workspace, name):
    with faulty_server(Answer(200, {ONE_BY_ONE[name]: "v-1"})) as server:
        settings, store = workspace(name, server.url)
        ids = plan_messages(store, 5, template="cart_recovery")
        assert run(settings, store).accepted_count == 5
    assert states(store, ids) == ["accepted"] * 5
    assert len(server.taken) == 5
    assert all(sum(message_id in str(taken.json) for taken in server.taken) == 1 for message_id in ids)


def postmark_answer(taken, refused=""):
    """One result a mail, in their order."""
    mails = taken.json if taken.path.endswith("/batch") else [taken.json]
    results = [
        {
            "ErrorCode": 300 if refused and refused in str(mail["Metadata"]) else 0,
            "Message": "no",
            "MessageID": f"v-{n}",
        }
        for n, mail in enumerate(mails)
    ]
    return results if taken.path.endswith("/batch") else results[0]


@pytest.mark.parametrize(("name", "answer"), [
    ("sendgrid", Answer(202, b"", {"X-Message-Id": "v-1"})),
    ("postmark", Answer(200, postmark_answer)),
    ("resend", Answer(200, {"id": "v-1", "data": [{"id": "v-1"}]})),
])  # fmt: skip
def test_vendors_with_batches_get_many_mails_in_one_request(workspace, name, answer):
    """One whose words could run into a placeholder leaves alone, so there may be a second request."""
    with faulty_server(answer) as server:
        settings, store = workspace(name, server.url)
        ids = plan_messages(store, 12, template="cart_recovery")
        assert run(settings, store).accepted_count == 12
    bodies = [taken.body.decode() for taken in server.taken]
    assert states(store, ids) == ["accepted"] * 12
    assert len(bodies) < 6
    assert all(sum(message_id in body for body in bodies) == 1 for message_id in ids)
    assert sum(body.count("List-Unsubscribe-Post") for body in bodies) == 12
    assert all("List-ID" in body for body in bodies)


def test_of_a_batch_that_was_taken_in_part_only_the_refused_are_given_up(workspace):
    asked = []

    def answer(taken):
        asked.append(taken)
        return postmark_answer(taken, ids[2])

    with faulty_server(Answer(200, answer)) as server:
        settings, store = workspace("postmark", server.url)
        ids = plan_messages(store, 12, template="cart_recovery")
        run(settings, store)
        assert run(settings, store).examined_count == 0
    assert states(store, ids) == ["rejected" if message_id == ids[2] else "accepted" for message_id in ids]
    assert all(sum(message_id in taken.body.decode() for taken in asked) == 1 for message_id in ids)


def test_an_account_that_may_not_send_costs_nobody_a_mail(workspace):
    answer = Answer(400, {"message": "no"}, {"x-amzn-ErrorType": "SendingPausedException"})
    with faulty_server(answer) as server:
        settings, store = workspace("ses", server.url)
        ids = plan_messages(store, 3)
        report = run(settings, store)
    assert states(store, ids) == ["planned"] * 3
    assert "SendingPaused" in report.stopped_because
