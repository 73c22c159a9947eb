"""Under test: what the events of Brevo, Amazon SES, Postmark and Resend mean to us."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sending_fixtures import NOON

from dmat.channels.events import IS_PERMANENT, parse_events
from dmat.channels.signatures import WebhookRequest
from dmat.errors import InvalidInputError

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"
EPOCH = 1_772_625_600.0  # 4 March 2026, noon
TOPIC = "arn:aws:sns:eu-central-1:123456789012:dmat-events"


def arrived(provider, body, headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(provider, "POST", f"https://api.example/webhooks/{provider}", headers or {}, raw, EPOCH)


def read(provider, body, headers=None):
    return parse_events(arrived(provider, body, headers), NOON)


def brevo_event(**changes):
    event = {"event": "delivered", "email": "Ann@Example.com", "id": 26224, "ts_event": int(EPOCH),
             "message-id": "<1@relay.example>", "X-Mailin-custom": ID, "tags": ["spring", ID]}  # fmt: skip
    return event | changes


@pytest.mark.parametrize(("name", "kind", "is_permanent"), [
    ("request", "accepted", None), ("delivered", "delivered", None), ("opened", "opened", None),
    ("unique_opened", "opened", None), ("click", "clicked", None), ("hard_bounce", "bounced", True),
    ("soft_bounce", "bounced", False), ("blocked", "dropped", False), ("invalid_email", "dropped", True),
    ("error", "dropped", False), ("deferred", "deferred", None), ("spam", "complained", None),
    ("unsubscribed", "unsubscribed", None), ("something_new", "other", None),
])  # fmt: skip
def test_brevos_events_are_read(name, kind, is_permanent):
    [event] = read("brevo", brevo_event(event=name)).events
    assert (event.kind, event.message_id, event.address) == (kind, ID, "ann@example.com")
    assert event.occurred_at == NOON
    assert event.payload.get(IS_PERMANENT) is is_permanent


def test_brevos_batches_of_events_are_read_and_the_same_event_is_the_same():
    parsed = read("brevo", [brevo_event(), brevo_event(), brevo_event(ts_event=int(EPOCH) + 1), {"event": 7}, "x"])
    assert len({event.event_id for event in parsed.events}) == 2
    assert len(parsed.bad) == 2


def test_an_open_by_a_proxy_is_a_machines():
    [event] = read("brevo", brevo_event(event="proxy_open")).events
    assert (event.kind, event.is_machine) == ("opened", True)


def ses_event(name, **sections):
    event = {"eventType": name, "mail": {"messageId": "s-1", "destination": ["Ann@Example.com"], "tags": {
        "ses:configuration-set": ["dmat"], "dmat_message_id": [ID]}}, **sections}  # fmt: skip
    return {"Type": "Notification", "MessageId": "n-1", "Timestamp": "2026-03-04T12:00:01.000Z", "TopicArn": TOPIC,
            "Message": json.dumps(event)}  # fmt: skip


AT = {"timestamp": "2026-03-04T12:00:00.000Z"}


@pytest.mark.parametrize(("name", "sections", "kind", "is_permanent"), [
    ("Send", {"send": {}}, "accepted", None),
    ("Delivery", {"delivery": AT}, "delivered", None),
    ("Bounce", {"bounce": {**AT, "bounceType": "Permanent",
                           "bouncedRecipients": [{"emailAddress": "Ann@example.com"}]}}, "bounced", True),
    ("Bounce", {"bounce": {**AT, "bounceType": "Transient"}}, "bounced", False),
    ("Complaint", {"complaint": {**AT, "complainedRecipients": [{"emailAddress": "ann@example.com"}]}}, "complained",
     None),
    ("Open", {"open": {**AT, "userAgent": "Mozilla/5.0 (iPhone)"}}, "opened", None),
    ("Click", {"click": {**AT, "userAgent": "Mozilla/5.0 (iPhone)", "link": "https://x.example"}}, "clicked", None),
    ("DeliveryDelay", {"deliveryDelay": AT}, "deferred", None),
    ("Reject", {"reject": {"reason": "Bad content"}}, "dropped", False),
    ("Subscription", {"subscription": AT}, "other", None),
])  # fmt: skip
def test_the_events_of_ses_are_read(name, sections, kind, is_permanent):
    [event] = read("ses", ses_event(name, **sections)).events
    assert (event.kind, event.event_id, event.message_id, event.address) == (kind, "n-1", ID, "ann@example.com")
    assert event.payload.get(IS_PERMANENT) is is_permanent
    assert event.occurred_at in (NOON, NOON + timedelta(seconds=1))


def test_an_open_by_amazons_own_agent_is_a_machines():
    [event] = read("ses", ses_event("Open", open={**AT, "userAgent": "Mozilla/5.0"})).events
    assert event.is_machine


def test_a_confirmation_is_kept_without_its_token():
    body = {"Type": "SubscriptionConfirmation", "MessageId": "n-1", "Token": "t", "SubscribeURL": "u",
            "TopicArn": TOPIC, "Timestamp": "2026-03-04T12:00:00.000Z", "Signature": "s"}  # fmt: skip
    [event] = read("ses", body).events
    assert event.kind == "other"
    assert {"Token", "SubscribeURL"} & set(event.payload) == set()


@pytest.mark.parametrize("message", ["", "{", "[]", "7", None, 7])
def test_a_notification_without_an_event_is_bad(message):
    parsed = read("ses", {**ses_event("Send"), "Message": message})
    assert (parsed.events, len(parsed.bad)) == ([], 1)


def postmark_event(record, **changes):
    return {"RecordType": record, "MessageID": "p-1", "Recipient": "Ann@Example.com",
            "Metadata": {"dmat_message_id": ID}} | changes  # fmt: skip


@pytest.mark.parametrize(("event", "kind", "is_permanent"), [
    (postmark_event("Delivery", DeliveredAt="2026-03-04T07:00:00.0000000-05:00"), "delivered", None),
    (postmark_event("Bounce", Type="HardBounce", BouncedAt="2026-03-04T12:00:00Z"), "bounced", True),
    (postmark_event("Bounce", Type="SoftBounce", BouncedAt="2026-03-04T12:00:00Z"), "bounced", False),
    (postmark_event("Bounce", Type="Blocked", BouncedAt="2026-03-04T12:00:00Z"), "bounced", False),
    (postmark_event("Bounce", Type="AutoResponder", BouncedAt="2026-03-04T12:00:00Z"), "other", None),
    (postmark_event("SpamComplaint", BouncedAt="2026-03-04T12:00:00Z"), "complained", None),
    (postmark_event("Open", ReceivedAt="2026-03-04T12:00:00Z", UserAgent="Mozilla/5.0 (iPhone)"), "opened", None),
    (postmark_event("Click", ReceivedAt="2026-03-04T12:00:00Z", UserAgent="Mozilla/5.0 (iPhone)"), "clicked", None),
    (postmark_event("SubscriptionChange", ChangedAt="2026-03-04T12:00:00Z", SuppressSending=True,
                    SuppressionReason="ManualSuppression"), "unsubscribed", None),
    (postmark_event("SubscriptionChange", ChangedAt="2026-03-04T12:00:00Z", SuppressSending=True,
                    SuppressionReason="HardBounce"), "other", None),
    (postmark_event("SubscriptionChange", ChangedAt="2026-03-04T12:00:00Z", SuppressSending=False), "other", None),
    (postmark_event("SomethingNew", ReceivedAt="2026-03-04T12:00:00Z"), "other", None),
])  # fmt: skip
def test_the_events_of_postmark_are_read(event, kind, is_permanent):
    [read_event] = read("postmark", event).events
    assert (read_event.kind, read_event.message_id, read_event.address) == (kind, ID, "ann@example.com")
    assert read_event.occurred_at == NOON
    assert read_event.payload.get(IS_PERMANENT) is is_permanent


def resend_event(name, **data):
    return {"type": name, "created_at": "2026-03-04T12:00:00.000Z", "data": {
        "email_id": "r-1", "to": ["Ann@Example.com"], "tags": {"dmat_message_id": ID}} | data}  # fmt: skip


@pytest.mark.parametrize(("event", "kind", "is_permanent"), [
    (resend_event("email.sent"), "accepted", None), (resend_event("email.delivered"), "delivered", None),
    (resend_event("email.delivery_delayed"), "deferred", None), (resend_event("email.opened"), "opened", None),
    (resend_event("email.clicked", click={"userAgent": "Mozilla/5.0 (iPhone)"}), "clicked", None),
    (resend_event("email.complained"), "complained", None),
    (resend_event("email.bounced", bounce={"type": "Permanent", "subType": "General"}), "bounced", True),
    (resend_event("email.bounced", bounce={"type": "Transient", "subType": "MailboxFull"}), "bounced", False),
    (resend_event("email.failed"), "dropped", False), (resend_event("contact.created"), "other", None),
    (resend_event("email.sent", tags=[{"name": "dmat_message_id", "value": ID}]), "accepted", None),
])  # fmt: skip
def test_the_events_of_resend_are_read(event, kind, is_permanent):
    [read_event] = read("resend", event, {"svix-id": "msg_1"}).events
    assert (read_event.kind, read_event.event_id, read_event.message_id) == (kind, "msg_1", ID)
    assert (read_event.address, read_event.occurred_at) == ("ann@example.com", NOON)
    assert read_event.payload.get(IS_PERMANENT) is is_permanent


def test_links_agents_and_reasons_stand_where_the_tables_look_for_them():
    click = {"link": "https://x.example", "userAgent": "Phone"}
    bounce = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "a@b.example", "diagnosticCode": "no"}]}
    [ses_click] = read("ses", ses_event("Click", click={**AT, **click})).events
    [ses_bounce] = read("ses", ses_event("Bounce", bounce={**AT, **bounce})).events
    [resend_click] = read("resend", resend_event("email.clicked", click=click), {"svix-id": "m"}).events
    [resend_bounce] = read("resend", resend_event("email.bounced", bounce={"message": "no"}), {"svix-id": "m"}).events
    gone = postmark_event("Bounce", Type="HardBounce", BouncedAt="2026-03-04T12:00:00Z", Details="no")
    [postmark_bounce] = read("postmark", gone).events
    for event in (ses_click, resend_click):
        assert (event.payload["link"], event.payload["user_agent"]) == ("https://x.example", "Phone")
    assert {event.payload["reason"] for event in (ses_bounce, resend_bounce, postmark_bounce)} == {"no"}


@pytest.mark.parametrize("provider", ["brevo", "ses", "postmark", "resend"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 5000])
def test_a_body_that_is_no_json_is_an_error(provider, body):
    with pytest.raises(InvalidInputError):
        read(provider, body, {"svix-id": "msg_1"})


@pytest.mark.parametrize(("provider", "bad"), [
    ("brevo", {"event": None}), ("brevo", brevo_event(ts_event="soon")), ("brevo", brevo_event(email=7)),
    ("postmark", {}), ("postmark", postmark_event("Delivery")), ("postmark", postmark_event("Bounce")),
    ("postmark", postmark_event("Open", ReceivedAt=7)), ("resend", {}), ("resend", resend_event(None)),
    ("resend", {"type": "email.sent", "created_at": "soon"}), ("ses", {"Type": "Notification"}),
    ("ses", {"Type": "SubscriptionConfirmation"}),
])  # fmt: skip
def test_an_event_that_cannot_be_read_is_told_apart(provider, bad):
    parsed = read(provider, bad, {"svix-id": "msg_1"})
    assert (parsed.events, len(parsed.bad)) == ([], 1)


@pytest.mark.parametrize("message_id", ["", "x", 7, None, ID.upper()])
def test_what_is_not_an_id_of_ours_names_no_message(message_id):
    events = [
        *read("brevo", brevo_event(**{"X-Mailin-custom": message_id})).events,
        *read("postmark", postmark_event("Open", ReceivedAt="2026-03-04T12:00:00Z",
                                         Metadata={"dmat_message_id": message_id})).events,
        *read("resend", resend_event("email.sent", tags={"dmat_message_id": message_id}), {"svix-id": "m"}).events,
    ]  # fmt: skip
    assert [event.message_id for event in events] == ["", "", ""]
