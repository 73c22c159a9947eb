"""Under test: the next round is put together by a process of its own, which may die at any moment."""

from __future__ import annotations

import json
import os
import signal

import orjson
import pytest
from pydantic import SecretStr
from sending_fixtures import NOON, FakeProvider, grant

from dmat.channels.contract import Packing
from dmat.connectors.sendgrid import SendGrid, batch_body
from dmat.consent.permission import record_decisions
from dmat.ledger.bulk import PlannedPerson, StepFacts, plan_many
from dmat.ledger.claim import Batched
from dmat.messages.library import Templates
from dmat_pipelines.deliver.composing import Composer
from dmat_pipelines.deliver.lanes import Lanes
from dmat_pipelines.deliver.packing import pack, unpack
from dmat_pipelines.deliver.preparing import Question, look_and_prepare
from dmat_pipelines.deliver.preparing_beside import Helper
from dmat_pipelines.deliver.sender import drain

CONTENT = {
    "variables": [{"name": "first_name", "type": "text"}],
    "locales": {"": {"subject": "For {{ first_name }}", "preheader": "", "text": "",
                     "body": "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ first_name }} "
                             "{{ unsubscribe_url }}</mj-text></mj-column></mj-section></mj-body></mjml>"}},
}  # fmt: skip


@pytest.fixture
def planned(settings, store):
    """Twelve messages to people who agreed; two of them have no first name, and so cannot be put together."""
    card = Templates(store, settings.clock).create(
        name="Spring", channel="email", kind="mjml", content=CONTENT, by="ann@shop.example"
    )
    with store.write() as connection:
        record_decisions(connection, (grant(n) for n in range(1, 13)), NOON)
        people = [
            PlannedPerson(
                n,
                f"p{n}@x.example",
                NOON,
                json.dumps({"first_name": f"Ann{n}", "time_zone": "Europe/Berlin"} if n > 2 else {}),
            )
            for n in range(1, 13)
        ]
        facts = StepFacts("email", template=card.key, template_version=card.version)
        plan_many(connection, "campaign:1", 1, "first", "", people, facts, NOON)
    return Question("email", NOON, 16, batched=Batched(100))


@pytest.fixture(params=["a provider that packs", "one that does not"])
def provider(request, settings):
    if request.param == "one that does not":
        return FakeProvider(batch=5)
    connected = {"sendgrid_token": SecretStr("SG.x"), "sendgrid_url": "http://127.0.0.1:9"}
    return SendGrid(settings.model_copy(update=connected))


def sent(batch):
    return orjson.dumps(batch_body(batch))


def asked_about(entries):
    """Entries with that of their context which the gate asks about: the rest stays with the helper."""
    told = ("time_zone", "country_code")
    return [
        entry._replace(context={name: str(entry.context.get(name) or "") for name in told}) for entry in entries
    ]  # fmt: skip


def facts_of(parcel):
    return (asked_about(parcel.entries), parcel.message, parcel.row, parcel.request, parcel.size)


def test_what_was_prepared_is_the_same_after_crossing_between_processes(settings, store, planned, provider):
    composer = Composer(settings, store)
    made = look_and_prepare(store, composer, provider, planned)
    composer.close()
    assert len(made.failures) == 2
    crossed = unpack(pack(made))
    assert crossed.entries == asked_about(made.entries)
    assert [(entry.message_id, why) for entry, why in crossed.failures] == [
        (entry.message_id, why) for entry, why in made.failures
    ]  # fmt: skip
    assert crossed.broken == made.broken == {}
    assert (crossed.last, crossed.is_claimed) == ("campaign:1", False)
    if isinstance(provider, Packing):  # what is sent is what counts: the words of each person are in it already
        pairs = list(zip(crossed.parcels, made.parcels, strict=True))
        assert [sent(there.message) for there, _ in pairs] == [sent(here.message) for _, here in pairs]
        assert [there.request for there, _ in pairs] == [here.request for _, here in pairs]
    else:
        assert list(map(facts_of, crossed.parcels)) == list(map(facts_of, made.parcels))


def test_nothing_due_crosses_too(settings, store, provider):
    composer = Composer(settings, store)
    crossed = unpack(pack(look_and_prepare(store, composer, provider, Question("email", NOON, 16))))
    assert (list(crossed.entries), crossed.parcels) == ([], [])


def test_a_helper_prepares_what_the_sender_would_and_one_that_died_gives_nothing(settings, store, planned):
    helper = Helper(settings, "email")
    try:
        found = helper.prepare(planned)
        assert found is not None
        assert sorted(entry.person_id for parcel in found.parcels for entry in parcel.entries) == list(range(3, 13))
        os.kill(helper.pid, signal.SIGKILL)
        assert helper.prepare(planned) is None
    finally:
        helper.close()


def test_a_sender_whose_helper_is_of_no_use_goes_on_by_itself(settings, store, planned):
    class Useless:
        closed = 0

        def __init__(self, *_about):
            pass

        def prepare(self, _asked):
            return None

        def close(self):
            Useless.closed += 1

    provider = FakeProvider(batch=2)
    report = drain(settings, store, provider, now=NOON, settle_seconds=0.0, make_helper=Useless)
    assert (report.accepted_count, report.rejected_count, report.stopped_because) == (10, 2, "")
    assert Useless.closed > 0


def test_a_helper_is_let_go_when_there_was_nothing_to_do_for_a_while(settings, store, monkeypatch):
    lane = Lanes(settings, store, lambda: NOON, providers={"email": FakeProvider(batch=2)})._lane("email")
    closed = []
    lane._helper = type("Idle", (), {"close": lambda _self: closed.append(1)})()
    lane._helped_at = 100.0
    monkeypatch.setattr("time.monotonic", lambda: 129.0)
    lane.rest()
    assert closed == []
    monkeypatch.setattr("time.monotonic", lambda: 131.0)
    lane.rest()
    assert closed == [1]
