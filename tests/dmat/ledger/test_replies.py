"""Under test: what people write back: to which message it belongs, STOP, and the answer to HELP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sending_fixtures import NOON, make_settings, new_entry

from dmat.campaigns.gate import make_gate
from dmat.channels.reply_words import HELP, STOP, means_help, means_stop
from dmat.consent.permission import Decision, find_permissions, record_decisions
from dmat.consent.suppression import find_suppressed
from dmat.ledger.counters import read_counters
from dmat.ledger.entries import get_entry, list_entries
from dmat.ledger.post import Move, move, plan_entries
from dmat.ledger.receive import receive
from dmat.store.inbox import InboundEvent, unapplied

ADDRESS = "+4915112345678"


def send(store, number, at, channel="sms", state="accepted", address=ADDRESS):
    entry = new_entry(number, channel=channel, address=address, occurrence=f"{number}-{at}", expires_at=None)
    with store.write() as connection:
        record_decisions(connection, [Decision(number, channel, "marketing", True, at - timedelta(days=9))], at)
        [message_id] = plan_entries(connection, [entry], at)
        for each in ("claimed", "handed_over", state):
            move(connection, [Move(message_id, each, "test", {"handed_over_at": at})], at)
    return message_id


def write_back(store, kind, at=NOON, number=1, channel="sms", address=ADDRESS):
    event = InboundEvent("twilio", f"SM{number}", kind, at, {"Body": "x"}, address=address, channel=channel)
    return receive(store, [event], at)


def counted(store):
    return {row["kind"]: row["count"] for row in read_counters(store)}


def test_a_reply_belongs_to_the_last_message_that_reached_the_address_within_three_days(both_stores):
    send(both_stores, 1, NOON - timedelta(hours=30))
    last = send(both_stores, 1, NOON - timedelta(hours=3))
    send(both_stores, 1, NOON - timedelta(hours=1), channel="whatsapp")
    send(both_stores, 1, NOON - timedelta(minutes=30), state="ambiguous")
    send(both_stores, 1, NOON + timedelta(hours=1))
    write_back(both_stores, "replied")
    assert [row.message_id for row in unapplied(both_stores)] == [last]
    assert counted(both_stores)["replied"] == 1


def test_a_reply_after_more_than_three_days_belongs_to_nothing_and_is_kept(both_stores):
    send(both_stores, 1, NOON - timedelta(hours=73))
    write_back(both_stores, "replied")
    assert [row.message_id for row in unapplied(both_stores)] == [""]
    assert "replied" not in counted(both_stores)


def test_a_stop_suppresses_the_number_and_takes_back_the_consent_of_the_person_who_was_written_to(both_stores):
    send(both_stores, 7, NOON - timedelta(hours=3))
    write_back(both_stores, "unsubscribed")
    with both_stores.read() as connection:
        assert find_suppressed(connection, [ADDRESS], "sms") == {ADDRESS: "unsubscribed"}
        assert not find_permissions(connection, [7], "sms")[7].is_granted
    assert counted(both_stores)["unsubscribed"] == 1


def test_help_is_answered_once_an_hour_by_a_message_that_passes_the_gate(home, both_stores):
    settings = make_settings(home)
    for number in range(3):
        write_back(both_stores, "help", number=number)
    [entry] = list_entries(both_stores, programme="service_replies")
    with both_stores.write() as connection:
        [verdict] = make_gate(settings)(connection, [get_entry(both_stores, entry.message_id)], NOON).values()
    assert (verdict.state, entry.template, entry.purpose) == ("claimed", "help_reply_sms", "transactional")
    write_back(both_stores, "help", NOON + timedelta(hours=1), number=9)
    assert len(list_entries(both_stores, programme="service_replies")) == 2


def test_who_said_stop_gets_no_answer_to_help_either(home, both_stores):
    settings = make_settings(home)
    write_back(both_stores, "unsubscribed", number=1)
    write_back(both_stores, "help", number=2)
    [entry] = list_entries(both_stores, programme="service_replies")
    with both_stores.write() as connection:
        [verdict] = make_gate(settings)(connection, [entry], NOON).values()
    assert verdict.state == "suppressed"


@pytest.mark.parametrize("word", [word for words in STOP.values() for word in words])
def test_words_for_stop_are_understood_in_their_languages(word):
    for text in (word, word.upper(), f"  {word}!", f"{word}. danke", f'"{word}"'):
        assert means_stop(text), text


@pytest.mark.parametrize("text", ["", "  ", "?", "please do not stop", "nonstop", "stopping by", "yes", "👍", "help"])
def test_other_words_do_not_end_messages(text):
    assert not means_stop(text)


def test_words_for_help_are_understood_and_are_none_for_stop():
    for words in HELP.values():
        assert all(means_help(f"{word.title()}?") and not means_stop(word) for word in words)
