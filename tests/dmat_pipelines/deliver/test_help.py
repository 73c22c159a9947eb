"""Under test: whoever writes HELP gets an answer, through the ledger and the sender like any other message."""

from __future__ import annotations

import json

import pytest
from sending_fixtures import NOON

from dmat.ledger.entries import list_entries
from dmat.ledger.receive import receive
from dmat.store.inbox import InboundEvent
from dmat_pipelines.deliver.sender import drain


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_help_is_answered_with_who_we_are_and_how_to_stop(settings, store, channel):
    asked = InboundEvent("twilio", "SM1:received", "help", NOON, {}, address="+4915112345678", channel=channel)
    receive(store, [asked], NOON)
    drain(settings, store)
    [entry] = list_entries(store, programme="service_replies")
    assert entry.state == "accepted", entry.reason
    [file] = (settings.home / "sandbox" / channel).glob("*.json")
    kept = json.loads(file.read_text())
    assert kept["to"] == "+4915112345678"
    assert kept["text"].startswith(settings.sender_name)
    assert "STOP" in kept["text"]
