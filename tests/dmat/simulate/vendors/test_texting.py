"""Under test: how the make-believe people answer SMS and WhatsApp - they read, click our links, write back, leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from dmat.channels.contract import OutgoingText, WhatsAppTemplate
from dmat.connectors.twilio import TwilioTexts
from dmat.connectors.whatsapp import WhatsApp
from dmat.errors import DeadAddressError
from dmat.settings import load_settings
from dmat.simulate.vendors.running import RunningVendors

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"


def workspace(running: RunningVendors, letterbox: Any) -> Any:
    """The settings of the workspace, whose doors are the letterbox."""
    return load_settings(running.settings.home, public_url=letterbox.url)


def step(running: RunningVendors, client: httpx.Client, **time: float) -> dict[str, Any]:
    running.settings.clock.advance(timedelta(**time))
    return dict(client.post(f"{running.url}/control/step", timeout=120).json())


def make_everybody(running: RunningVendors, **truth: float) -> None:
    changes = ", ".join(f"{name} = {value}" for name, value in truth.items())
    running.server.records.cursor().execute(f"update truth.people set {changes}")


def phone_of_somebody(running: RunningVendors) -> str:
    found = running.server.records.cursor().execute("select phone from people where phone is not null limit 1")
    return str(found.fetchone()[0])


def test_people_follow_our_links_in_an_sms_and_their_visit_tells_where_it_came_from(
    start: Callable[[], RunningVendors], client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    make_everybody(running, is_bouncing=False, reply_rate=0, click_rate=1)
    settings, phone = workspace(running, letterbox), phone_of_somebody(running)
    sender = TwilioTexts(settings, "sms")
    for number in range(8):
        sender.send(OutgoingText(f"{ID[:-1]}{number}", "sms", phone, f"Sale: {letterbox.url}/c/{number}. STOP to end"))
    assert step(running, client, days=2)["webhooks"]["problems"] == {}
    step(running, client, minutes=5)
    assert len(letterbox.followed) >= 4
    assert {path.split("?dmat_message_id=")[1] for path in (one.path for one in letterbox.of("twilio"))} == {
        f"{ID[:-1]}{number}" for number in range(8)
    }
    visits = running.server.records.cursor().execute("select count(*) from visits where source = 'sms'").fetchone()
    assert visits[0] == len(letterbox.followed)


def test_who_answers_stop_is_not_written_to_any_more(
    start: Callable[[], RunningVendors], client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    make_everybody(running, is_bouncing=False, reply_rate=1, click_rate=0)
    settings, phone = workspace(running, letterbox), phone_of_somebody(running)
    sender, refused = TwilioTexts(settings, "sms"), None
    for number in range(20):
        try:
            sender.send(OutgoingText(f"{ID[:-2]}{number:02}", "sms", phone, "Sale"))
        except DeadAddressError as error:
            refused = error
            break
        step(running, client, days=1)
    assert refused is not None
    assert refused.reason == "stopped"
    assert any(b"Body=STOP" in one.body for one in letterbox.of("twilio"))


def test_a_free_whatsapp_text_arrives_only_within_a_day_of_an_answer_and_a_template_always(
    start: Callable[[], RunningVendors], client: httpx.Client, letterbox: Any
) -> None:
    running = start()
    make_everybody(running, is_bouncing=False, reply_rate=0, click_rate=0)
    settings, phone = workspace(running, letterbox), phone_of_somebody(running)
    sender = WhatsApp(settings)
    sender.send(OutgoingText(ID, "whatsapp", phone, "Hello"))
    step(running, client, hours=6)
    assert b"131047" in letterbox.of("whatsapp")[-1].body
    letterbox.received.clear()
    template = WhatsAppTemplate("spring_sale", "de", "marketing", ["Ada"])
    sender.send(OutgoingText(ID, "whatsapp", phone, "", template=template))
    step(running, client, hours=6)
    assert [word for word in (b"sent", b"delivered", b"read") for one in letterbox.of("whatsapp") if word in one.body]
    assert not any(b"131047" in one.body for one in letterbox.of("whatsapp"))


def test_the_make_believe_account_has_approved_and_rejected_templates(
    start: Callable[[], RunningVendors], letterbox: Any
) -> None:
    templates = WhatsApp(workspace(start(), letterbox)).read_templates()
    states = {(one["name"], one["language"]): one["status"] for one in templates}
    assert states["spring_sale", "de"] == "approved"
    assert states["winter_sale", "de"] == "rejected"
