"""Under test: handing over SMS and WhatsApp messages - what vendors are asked, what their answers mean, looking up."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt as tokens
from scripted_vendor import FAILURES, KEY, failure_name, scripted

from dmat.channels.contract import OutgoingText, Sought, WhatsAppTemplate
from dmat.connectors.twilio import TwilioTemplates, TwilioTexts, same_words
from dmat.connectors.vonage import Vonage
from dmat.connectors.whatsapp import WhatsApp
from dmat.errors import AmbiguousError, DeadAddressError, InvalidInputError, RateLimitedError, VendorRefusedError
from dmat.settings import load_settings

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"
SMS = OutgoingText(ID, "sms", "+4915112345678", "Your cart waits: https://shop.example/c/1\nReply STOP to opt out")
AT = datetime(2026, 6, 1, 8, 0, 30)


@pytest.fixture
def settings(tmp_path):
    return load_settings(
        tmp_path, twilio_url="https://api.twilio.com", twilio_account="AC" + "0" * 32, twilio_token=KEY,
        twilio_sender="+15005550006", twilio_whatsapp_sender="+15005550007", vonage_url="https://vonage.example",
        vonage_key="a1b2", vonage_secret=KEY, vonage_sender="TheShop", public_url="https://dmat.example",
        whatsapp_url="https://graph.facebook.com", whatsapp_token=KEY, whatsapp_phone_id="1055", whatsapp_account="77",
    )  # fmt: skip


SENDERS = {
    "twilio": (lambda s, c: TwilioTexts(s, "sms", c), httpx.Response(201, json={"sid": "SM1"}), "SM1"),
    "vonage": (lambda s, c: Vonage(s, c), httpx.Response(202, json={"message_uuid": "v-1"}), "v-1"),
}
SENDERS["whatsapp"] = (
    lambda s, c: WhatsApp(s, c), httpx.Response(200, json={"messages": [{"id": "wamid.1"}]}), "wamid.1",
)  # fmt: skip
EACH = pytest.mark.parametrize("name", SENDERS)


@EACH
def test_an_accepted_message_gives_the_vendors_id(settings, name):
    opened, good, expected = SENDERS[name]
    vendor = scripted([good])
    assert opened(settings, vendor.client).send(SMS) == expected
    assert len(vendor.requests) == 1


@EACH
@pytest.mark.parametrize(("failure", "error"), FAILURES, ids=failure_name)
def test_a_failure_is_named_for_what_it_means_and_the_message_is_handed_over_once(settings, name, failure, error):
    vendor = scripted([failure])
    with pytest.raises(error) as caught:
        SENDERS[name][0](settings, vendor.client).send(SMS)
    assert type(caught.value) is error
    assert len(vendor.requests) == 1
    assert KEY not in str(caught.value)


@EACH
def test_an_answer_without_an_id_is_an_accepted_message_all_the_same(settings, name):
    for text in ("ok", "[]", "{}"):
        assert SENDERS[name][0](settings, scripted([httpx.Response(202, text=text)]).client).send(SMS) == ""


@EACH
def test_a_vendor_that_asks_to_wait_says_how_long(settings, name):
    vendor = scripted([httpx.Response(429, headers={"Retry-After": "9"})])
    with pytest.raises(RateLimitedError) as caught:
        SENDERS[name][0](settings, vendor.client).send(SMS)
    assert caught.value.retry_after_seconds == 9


@EACH
def test_texting_has_no_batches(settings, name):
    with pytest.raises(InvalidInputError):
        SENDERS[name][0](settings, scripted([{}]).client).send_batch(None)


def test_twilio_is_told_where_to_report_with_our_id(settings):
    vendor = scripted([{"sid": "SM1"}])
    TwilioTexts(settings, "sms", vendor.client).send(SMS)
    assert vendor.body() == {
        "To": "+4915112345678",
        "From": "+15005550006",
        "Body": SMS.text,
        "StatusCallback": f"https://dmat.example/webhooks/twilio?dmat_message_id={ID}",
    }


def test_twilio_is_given_no_address_that_it_cannot_reach(settings):
    settings.public_url = "http://127.0.0.1:8010"
    vendor = scripted([{"sid": "SM1"}])
    TwilioTexts(settings, "sms", vendor.client).send(SMS)
    assert "StatusCallback" not in vendor.body()


def test_a_messaging_service_takes_the_place_of_a_number(settings):
    settings.twilio_sender = "MG" + "1" * 32
    vendor = scripted([{"sid": "SM1"}])
    TwilioTexts(settings, "sms", vendor.client).send(SMS)
    assert vendor.body()["MessagingServiceSid"] == "MG" + "1" * 32
    assert "From" not in vendor.body()


def test_whatsapp_by_twilio_names_the_template_and_its_values(settings):
    template = WhatsAppTemplate("HX" + "2" * 32, "de", "marketing", ["Ada", "12 EUR"], "", ["cart-1"])
    vendor = scripted([{"sid": "MM1"}])
    texts = TwilioTexts(settings, "whatsapp", vendor.client)
    assert texts.send(OutgoingText(ID, "whatsapp", "+4915112345678", "", template=template)) == "MM1"
    body = vendor.body()
    assert (body["To"], body["From"]) == ("whatsapp:+4915112345678", "whatsapp:+15005550007")
    assert body["ContentSid"] == "HX" + "2" * 32
    assert body["ContentVariables"] == '{"1":"Ada","2":"12 EUR","3":"cart-1"}'
    assert "Body" not in body


def test_a_channel_without_a_sender_cannot_be_opened(settings):
    settings.twilio_whatsapp_sender = settings.vonage_sender = ""
    with pytest.raises(InvalidInputError, match="DMAT_TWILIO_WHATSAPP_SENDER"):
        TwilioTexts(settings, "whatsapp")
    with pytest.raises(InvalidInputError, match="DMAT_VONAGE_SENDER"):
        Vonage(settings)


@pytest.mark.parametrize(("code", "error", "check"), [
    (21211, DeadAddressError, lambda e: e.reason == "bounced"),
    (21614, DeadAddressError, lambda e: e.reason == "bounced"),
    (21610, DeadAddressError, lambda e: e.reason == "stopped"),
    (21611, RateLimitedError, lambda e: e.retry_after_seconds == 60),
    (21606, VendorRefusedError, lambda e: e.status == 403),
    (21617, VendorRefusedError, lambda e: e.status == 400),
])  # fmt: skip
def test_twilios_numbers_of_errors_say_whether_number_sender_or_message_is_at_fault(settings, code, error, check):
    answer = httpx.Response(400, json={"code": code, "message": "no", "status": 400})
    with pytest.raises(error) as caught:
        TwilioTexts(settings, "sms", scripted([answer]).client).send(SMS)
    assert type(caught.value) is error
    assert check(caught.value)


def listed(body, sid="SM9", at="Mon, 01 Jun 2026 08:00:31 +0000", direction="outbound-api"):
    return {"sid": sid, "body": body, "date_created": at, "direction": direction}


def look_up(settings, *pages, channel="sms", text=SMS.text):
    vendor = scripted(pages)
    sought = Sought(ID, "+4915112345678", AT, text)
    return TwilioTexts(settings, channel, vendor.client).find_message(sought), vendor


def test_a_message_whose_answer_was_lost_is_found_by_number_time_and_words(settings):
    found, vendor = look_up(settings, {"messages": [listed("Another"), listed(SMS.text)]})
    assert found == "SM9"
    assert dict(vendor.requests[0].url.params)["To"] == "+4915112345678"
    assert "DateSent" not in str(vendor.requests[0].url)  # what still waits in the queue has none


def test_a_message_that_never_arrived_is_not_found(settings):
    assert look_up(settings, {"messages": []})[0] is None
    old = listed(SMS.text, at="Mon, 01 Jun 2026 07:50:00 +0000")
    assert look_up(settings, {"messages": [old]})[0] is None
    assert look_up(settings, {"messages": [listed(SMS.text, direction="inbound")]})[0] is None


def test_the_next_page_is_read_until_messages_are_too_old(settings):
    first = {"messages": [listed("Another")], "next_page_uri": "/2010-04-01/Accounts/AC/Messages.json?Page=1"}
    found, vendor = look_up(settings, first, {"messages": [listed(SMS.text, "SM2")]})
    assert found == "SM2"
    assert len(vendor.requests) == 2


@pytest.mark.parametrize(("channel", "text"), [("sms", ""), ("sms", SMS.text), ("whatsapp", "our template")])
def test_what_cannot_be_told_apart_is_not_guessed(settings, channel, text):
    with pytest.raises(AmbiguousError):
        look_up(settings, {"messages": [listed("Another")]}, channel=channel, text=text)
    assert look_up(settings, {"messages": []}, channel=channel, text=text)[0] is None


def test_words_are_the_same_whatever_signs_were_replaced():
    assert same_words("It’s  “here”", 'It\'s "here"')
    assert same_words("Sale", "Sent from your Twilio trial account - Sale\nReply STOP to opt out")
    assert not same_words("", "Sale")
    assert not same_words("Sale 1", "Sale 2")


def test_the_state_of_templates_is_read_page_by_page(settings):
    item = {"sid": "HX1", "friendly_name": "Cart", "language": "de",
            "approval_requests": {"name": "cart", "category": "MARKETING", "status": "approved"}}  # fmt: skip
    following = "https://content.twilio.com/v1/ContentAndApprovals?Page=1"
    pages = [{"contents": [item], "meta": {"next_page_url": following}}, {"contents": [{"sid": "HX2"}], "meta": {}}]
    vendor = scripted(pages)
    first, second = TwilioTemplates(settings, vendor.client).read_templates()
    assert (first["name"], first["title"], first["status"], first["category"]) == (
        "HX1",
        "cart",
        "approved",
        "marketing",
    )
    assert second["status"] == "unsubmitted"
    assert {request.url.host for request in vendor.requests} == {"content.twilio.com"}


def test_vonage_is_given_our_id_and_the_address_to_report_to(settings):
    vendor = scripted([{"message_uuid": "v-1"}])
    Vonage(settings, vendor.client).send(SMS)
    assert vendor.body() == {
        "message_type": "text", "channel": "sms", "to": "4915112345678", "from": "TheShop", "text": SMS.text,
        "client_ref": ID, "webhook_url": "https://dmat.example/webhooks/vonage", "webhook_version": "v1",
    }  # fmt: skip
    assert vendor.requests[0].headers["authorization"].startswith("Basic ")


def test_vonages_application_signs_a_token_and_uses_it_again(settings, tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*form))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    settings.vonage_application, settings.vonage_private_key_file = "app-1", str(tmp_path / "key.pem")
    vendor = scripted([{"message_uuid": "v-1"}])
    sender = Vonage(settings, vendor.client)
    sender.send(SMS)
    sender.send(SMS)
    first, second = (request.headers["authorization"] for request in vendor.requests)
    assert first == second
    assert tokens.decode(first.removeprefix("Bearer "), certs=public)["application_id"] == "app-1"


def test_a_key_file_that_cannot_be_read_is_told_without_its_content(settings, tmp_path):
    (tmp_path / "key.pem").write_text(KEY)
    settings.vonage_application, settings.vonage_private_key_file = "app-1", str(tmp_path / "key.pem")
    with pytest.raises(InvalidInputError, match="DMAT_VONAGE_PRIVATE_KEY_FILE") as caught:
        Vonage(settings)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(("answer", "error", "status"), [
    (httpx.Response(402, json={"title": "Low balance"}), VendorRefusedError, 403),
    (httpx.Response(422, json={"invalid_parameters": [{"name": "to", "reason": "bad"}]}), DeadAddressError, 422),
    (httpx.Response(422, json={"invalid_parameters": [{"name": "text", "reason": "bad"}]}), VendorRefusedError, 422),
])  # fmt: skip
def test_vonages_refusals_say_whether_number_account_or_message_is_at_fault(settings, answer, error, status):
    with pytest.raises(error) as caught:
        Vonage(settings, scripted([answer]).client).send(SMS)
    assert (type(caught.value), caught.value.status) == (error, status)


def test_vonage_cannot_be_asked_for_a_message_and_says_so(settings):
    with pytest.raises(VendorRefusedError):
        Vonage(settings, scripted([{}]).client).find_message(Sought(ID))
    assert not Vonage.abilities.looks_up


def test_whatsapp_is_given_our_id_and_a_number_without_plus_sign(settings):
    vendor = scripted([{"messages": [{"id": "wamid.1"}]}])
    template = WhatsAppTemplate("cart", "de", "marketing", ["Ada"], "https://x.example/a.png", ["cart/1"])
    WhatsApp(settings, vendor.client).send(OutgoingText(ID, "whatsapp", "+4915112345678", "", template=template))
    body = vendor.body()
    assert vendor.requests[0].url.path == "/v23.0/1055/messages"
    assert (body["to"], body["biz_opaque_callback_data"], body["type"]) == ("4915112345678", ID, "template")
    assert [part["type"] for part in body["template"]["components"]] == ["header", "body", "button"]
    assert body["template"]["components"][2]["index"] == "0"


@pytest.mark.parametrize(("url", "kind"), [
    ("https://x.example/a.png", "image"), ("https://x.example/a.MP4?x=1", "video"),
    ("https://x.example/a.pdf", "document"),
])  # fmt: skip
def test_a_free_text_may_have_a_picture_a_film_or_a_document(settings, url, kind):
    vendor = scripted([{"messages": [{"id": "wamid.1"}]}])
    WhatsApp(settings, vendor.client).send(OutgoingText(ID, "whatsapp", "+4915112345678", "Look", media_url=url))
    assert vendor.body()[kind] == {"link": url, "caption": "Look"}


@pytest.mark.parametrize(("status", "code", "error", "check"), [
    (400, 131050, DeadAddressError, lambda e: e.reason == "stopped"),
    (400, 131056, RateLimitedError, lambda e: e.retry_after_seconds == 60),
    (400, 190, VendorRefusedError, lambda e: e.status == 403),
    (401, 190, VendorRefusedError, lambda e: e.status == 401),
    (403, 200, VendorRefusedError, lambda e: e.status == 403),
    (400, 131047, VendorRefusedError, lambda e: e.status == 400),
])  # fmt: skip
def test_whatsapps_numbers_of_errors_say_who_is_at_fault(settings, status, code, error, check):
    answer = httpx.Response(status, json={"error": {"message": "no", "type": "OAuthException", "code": code}})
    with pytest.raises(error) as caught:
        WhatsApp(settings, scripted([answer]).client).send(SMS)
    assert type(caught.value) is error
    assert check(caught.value)


def test_whatsapp_cannot_be_asked_for_a_message_and_says_so(settings):
    with pytest.raises(VendorRefusedError):
        WhatsApp(settings, scripted([{}]).client).find_message(Sought(ID))


def test_whatsapps_templates_are_read_page_by_page_with_why_they_were_rejected(settings):
    first = {"data": [{"name": "cart", "language": "de", "status": "APPROVED", "category": "MARKETING",
                       "rejected_reason": "NONE"}],
             "paging": {"next": "https://graph.facebook.com/x", "cursors": {"after": "abc"}}}  # fmt: skip
    second = {"data": [{"name": "sale", "language": "de", "status": "REJECTED", "rejected_reason": "TAG_CONTENT"}, 7]}
    vendor = scripted([first, second])
    cart, sale = WhatsApp(settings, vendor.client).read_templates()
    assert (cart["status"], cart["reason"], cart["category"]) == ("approved", "", "marketing")
    assert (sale["status"], sale["reason"]) == ("rejected", "TAG_CONTENT")
    assert dict(vendor.requests[1].url.params)["after"] == "abc"
    settings.whatsapp_account = ""
    with pytest.raises(InvalidInputError, match="DMAT_WHATSAPP_ACCOUNT"):
        WhatsApp(settings, vendor.client).read_templates()
