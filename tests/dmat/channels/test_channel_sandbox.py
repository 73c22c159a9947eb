"""Under test: which provider takes a channel, and the sandbox that keeps what would have left."""

from __future__ import annotations

import pytest

from dmat.channels.contract import OutgoingText, Sought
from dmat.channels.providers import chosen_name, is_sandbox, missing_setting, open_provider, provider_names
from dmat.errors import InvalidInputError

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"
TEXT = OutgoingText(ID, "sms", "+4915112345678", "Hello")


def test_a_channel_without_a_vendor_is_kept_in_the_sandbox(settings):
    provider = open_provider(settings, "sms")
    assert is_sandbox(provider)
    assert provider.send(TEXT) == provider.send(TEXT) == f"sandbox-{ID}"
    assert [file.name for file in (settings.home / "sandbox" / "sms").iterdir()] == [f"{ID}.json"]
    assert provider.read_message(ID)["text"] == "Hello"
    assert provider.find_message(Sought(ID)) == f"sandbox-{ID}"
    assert provider.find_message(Sought(ID[:-1] + "0")) is None
    provider.close()


def test_a_message_id_cannot_lead_out_of_the_sandbox(settings):
    provider = open_provider(settings, "sms")
    for bad in ("../x", "a/b", "", "x" * 200):
        with pytest.raises(InvalidInputError):
            provider.send(OutgoingText(bad, "sms", "+4915112345678", "Hello"))
    with pytest.raises(InvalidInputError):
        provider.send_batch(None)


def test_a_vendor_takes_a_channel_only_with_all_that_it_needs(settings):
    settings.twilio_url = "https://api.twilio.com"
    assert missing_setting(settings, "sms", "twilio") == "DMAT_TWILIO_SENDER"
    assert chosen_name(settings, "sms") == "sandbox"
    settings.twilio_sender = "+15005550006"
    assert chosen_name(settings, "sms") == "twilio"
    settings.vonage_url, settings.vonage_sender = "https://api.nexmo.com", "Shop"
    assert chosen_name(settings, "sms") == "twilio"
    settings.sms_provider = "vonage"
    assert chosen_name(settings, "sms") == "vonage"
    settings.sms_provider = "sandbox"
    assert chosen_name(settings, "sms") == "sandbox"
    assert provider_names("sms") == ("twilio", "vonage", "sandbox")


def test_a_named_provider_that_cannot_send_is_an_error_and_not_a_sandbox(settings):
    settings.sms_provider = "vonage"
    with pytest.raises(InvalidInputError, match="DMAT_VONAGE_URL"):
        open_provider(settings, "sms")
    settings.sms_provider = "pigeon"
    with pytest.raises(InvalidInputError, match="DMAT_SMS_PROVIDER"):
        open_provider(settings, "sms")
