"""Under test: the doctor's findings, and that settings come from where they should and secrets stay secret."""

from __future__ import annotations

import socket

import pytest
from pydantic import SecretStr

from dmat.doctor import examine
from dmat.settings import Settings, load_settings


def found(settings):
    return {finding.part: finding for finding in examine(settings)}


def test_an_empty_workspace_is_not_wrong_but_says_what_to_do_next(tmp_path):
    parts = found(load_settings(home=tmp_path))
    assert parts["warehouse"].state == "note"
    assert "dmat refresh" in parts["warehouse"].advice
    assert "dmat user add" in parts["store"].advice
    assert "dmat simulate" in parts["vendors"].advice


def test_a_store_that_cannot_be_reached_is_wrong_and_says_where_to_look(tmp_path):
    settings = load_settings(home=tmp_path, store_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    finding = found(settings)["store"]
    assert finding.state == "wrong"
    assert "DMAT_STORE_URL" in finding.advice


def test_a_port_that_another_program_took_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finding = found(load_settings(home=tmp_path, apps_port=port))["ports"]
    assert finding.state == "wrong"
    assert str(port) in finding.what


def test_a_vendor_that_does_not_answer_is_named(tmp_path):
    finding = found(load_settings(home=tmp_path, shopify_url="http://127.0.0.1:1"))["vendors"]
    assert finding.state == "wrong"
    assert "shopify" in finding.what


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, "ok"),
        ({"public_url": "https://mail.shop.example"}, "ok"),
        ({"public_url": "http://localhost:8010"}, "ok"),
        ({"public_url": "http://[::1]:8010"}, "ok"),
        ({"public_url": "http://mail.shop.example"}, "note"),
        ({"public_url": "http://localhost.shop.example"}, "note"),
        ({"public_url": "http://10.0.0.7:8010"}, "note"),
        ({"public_url": "mail.shop.example"}, "note"),
        ({"host": "0.0.0.0"}, "note"),
    ],
)
def test_an_address_that_is_not_encrypted_is_pointed_out_unless_it_stays_on_this_machine(tmp_path, given, state):
    finding = found(load_settings(home=tmp_path, **given))["public address"]
    assert finding.state == state
    assert ("DMAT_PUBLIC_URL" in finding.advice) == (state == "note")


def test_the_environment_wins_over_the_simulated_vendors_file(tmp_path, monkeypatch):
    (tmp_path / "simulation").mkdir()
    (tmp_path / "simulation" / "connection.env").write_text(
        "DMAT_SHOPIFY_URL=http://simulated\nDMAT_GA4_URL=http://ga4\n"
    )
    monkeypatch.setenv("DMAT_SHOPIFY_URL", "http://mine")
    settings = load_settings(home=tmp_path)
    assert settings.shopify_url == "http://mine"
    assert settings.ga4_url == "http://ga4"
    assert settings.is_simulated


def test_a_secret_is_never_printed():
    settings = Settings(shopify_token="very-secret")  # type: ignore[arg-type]
    assert "very-secret" not in repr(settings)
    assert "very-secret" not in str(settings.model_dump())


def test_servers_bind_to_loopback_unless_told_otherwise():
    assert Settings.model_fields["host"].default == "127.0.0.1"


def test_it_says_which_provider_takes_each_channel_and_calls_a_wrong_name_wrong(tmp_path):
    settings = load_settings(tmp_path, twilio_url="http://127.0.0.1:9", twilio_sender="+15005550006")
    channels = found(settings)["channels"]
    assert (channels.state, channels.advice) == ("wrong", "set DMAT_TWILIO_ACCOUNT, DMAT_TWILIO_TOKEN")
    channels = found(settings.model_copy(update={"twilio_account": "AC1", "twilio_token": SecretStr("x")}))["channels"]
    assert channels.state == "note"
    assert channels.what == "sms by twilio; sandbox: whatsapp, push, webhook, retargeting"
    channels = found(load_settings(tmp_path, sms_provider="vonage"))["channels"]
    assert channels.state == "wrong"
    assert "DMAT_VONAGE_URL" in channels.what
