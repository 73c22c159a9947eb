"""Under test: what a provider lacks is named by its settings, and the doctor says what to do about it."""

from __future__ import annotations

import re

import pytest
from mail_relay import mail_relay
from sending_fixtures import make_settings

from dmat.channels.providers import SANDBOX, provider_names
from dmat.channels.readiness import EMAIL, readiness
from dmat.doctor import examine
from dmat.settings import ROOT


def connected(home, name, **more):
    url = "smtp+plain://127.0.0.1:1" if name == "smtp" else "http://127.0.0.1:1"
    values = {"email_provider": name, f"{name}_url": url} | more
    return make_settings(home).model_copy(update=values)


def finding(settings):
    [found] = [one for one in examine(settings) if one.part == "e-mail"]
    return found


def test_every_provider_of_e_mail_has_its_needs_written_down():
    assert set(EMAIL) == set(provider_names("email")) - {SANDBOX}


@pytest.mark.parametrize("name", EMAIL)
def test_what_is_missing_is_named_by_its_setting(home, name):
    found = readiness(connected(home, name), "email")
    assert found.provider == name
    assert found.missing_to_send == tuple(f"DMAT_{one.upper()}" for one in EMAIL[name].to_send)
    assert found.missing_to_hear == tuple(f"DMAT_{one.upper()}" for one in EMAIL[name].to_hear)


def test_a_workspace_without_a_provider_is_on_the_sandbox(settings):
    assert readiness(settings, "email").is_sandbox
    found = finding(settings)
    assert (found.state, "sandbox" in found.what) == ("note", True)


def test_the_doctor_names_what_keeps_mails_from_leaving(home):
    found = finding(connected(home, "brevo"))
    assert (found.state, "DMAT_BREVO_TOKEN" in found.advice) == ("wrong", True)


def test_the_doctor_names_what_keeps_events_from_arriving(home):
    found = finding(connected(home, "postmark", postmark_token="t"))
    assert (found.state, "DMAT_POSTMARK_WEBHOOK_PASSWORD" in found.advice) == ("note", True)


def test_the_doctor_is_content_with_a_provider_that_has_all_it_needs(home):
    found = finding(connected(home, "resend", resend_token="t", resend_webhook_secret="whsec_x"))
    assert (found.state, found.what) == ("ok", "resend")


def test_the_doctor_names_a_provider_that_is_none(home):
    found = finding(make_settings(home, email_provider="pigeon"))
    assert (found.state, "DMAT_EMAIL_PROVIDER" in found.what) == ("wrong", True)


def test_the_doctor_asks_a_relay_over_its_own_port(home):
    with mail_relay() as relay:
        settings = connected(home, "smtp", smtp_url=f"smtp+plain://127.0.0.1:{relay.port}")
        [vendors] = [one for one in examine(settings) if one.part == "vendors"]
    assert vendors.state == "ok"
    [vendors] = [one for one in examine(connected(home, "smtp")) if one.part == "vendors"]
    assert (vendors.state, "smtp" in vendors.what) == ("wrong", True)


def test_the_page_on_providers_says_what_the_code_says():
    page = (ROOT / "docs" / "guide" / "email-providers.md").read_text()
    rows = re.findall(r"(?m)^\| `(\w+)` \| (\d+) \|.*\| (yes|no) \|$", page)
    told = {name: (int(batch), follows == "yes") for name, batch, follows in rows}
    assert told == {name: (can.batch, can.tracks_clicks) for name, can in abilities().items()}
    assert list(told) == list(EMAIL) == [name for name in provider_names("email") if name != SANDBOX]
    for needs in EMAIL.values():
        assert all(f"DMAT_{name.upper()}" in page for name in (*needs.to_send, *needs.to_hear))


def abilities():
    from dmat.channels.contract import Abilities
    from dmat.connectors.brevo import Brevo
    from dmat.connectors.postmark import Postmark
    from dmat.connectors.resend import Resend
    from dmat.connectors.sendgrid import SendGrid
    from dmat.connectors.ses import Ses

    known = {one.name: one.abilities for one in (SendGrid, Brevo, Ses, Postmark, Resend)}
    return known | {"smtp": Abilities()}
