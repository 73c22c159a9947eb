"""Under test: what the channels beside e-mail send is what their vendors' specifications allow.

Vonage, OneSignal, and the audiences of Meta and Google have no specification here: what their pages say is written
down below by hand, and is ours.
"""

from __future__ import annotations

import jsonschema_rs
import pytest
from vendor_contracts import body_validator, correct_meta, from_discovery, parameter_problems, problems, read

from dmat.channels.contract import OutgoingText, WhatsAppTemplate
from dmat.channels.identities import Identity, for_google, for_meta
from dmat.channels.push import build_push
from dmat.channels.retargeting import Session
from dmat.connectors import fcm, google_ads, meta_audiences, onesignal, twilio, vonage, whatsapp
from dmat.settings import load_settings

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"


@pytest.fixture(scope="module")
def contracts(shared_dir):
    folder = shared_dir / "contracts"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/contracts is not there")
    return folder


@pytest.fixture
def settings(tmp_path):
    return load_settings(
        tmp_path, twilio_url="https://api.twilio.com", public_url="https://dmat.example", vonage_sender="TheShop",
        vonage_url="https://api.nexmo.com",
    )  # fmt: skip


# Twilio --------------------------------------------------------------------------------------------------------------

MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
TEMPLATE = WhatsAppTemplate("HX" + "2" * 32, "de", "marketing", ["Ada", "12 EUR"], "https://x.example/a.png", ["c1"])
TEXTS = {
    "sms": OutgoingText(ID, "sms", "+4915112345678", "Hello"),
    "sms with a picture": OutgoingText(ID, "sms", "+15005550006", "Hello", media_url="https://shop.example/a.png"),
    "whatsapp": OutgoingText(ID, "whatsapp", "+4915112345678", "Hello"),
    "whatsapp template": OutgoingText(ID, "whatsapp", "+4915112345678", "", template=TEMPLATE),
}


@pytest.mark.shared
@pytest.mark.parametrize("sender", ["+15005550006", "MG" + "1" * 32])
@pytest.mark.parametrize("name", TEXTS)
def test_twilio_accepts_our_forms(contracts, settings, name, sender):
    spec = read(contracts / "twilio" / "twilio_api_v2010.json")
    validator = body_validator(spec, MESSAGES)
    form = twilio.message_form(settings, sender, TEXTS[name])
    known = spec["paths"][MESSAGES]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert set(form) <= set(known["properties"])
    listed = {**form, **({"MediaUrl": [form["MediaUrl"]]} if "MediaUrl" in form else {})}  # a form has no lists
    assert problems(validator, listed) == []
    assert problems(validator, {**listed, "MessagingServiceSid": "MG1"})


@pytest.mark.shared
def test_twilio_knows_how_we_look_a_message_up(contracts):
    spec = read(contracts / "twilio" / "twilio_api_v2010.json")
    assert parameter_problems(spec, MESSAGES, {"To": "+4915112345678", "PageSize": "100"}) == []


@pytest.mark.shared
def test_twilio_lists_templates_with_their_approvals(contracts):
    spec = read(contracts / "twilio" / "twilio_content_v1.json")
    assert parameter_problems(spec, "/v1/ContentAndApprovals", {"PageSize": "500"}) == []


# WhatsApp ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def meta(contracts):
    """Meta's own schema refuses its own examples until it is corrected; see the corrections."""
    spec = read(contracts / "meta" / "business-messaging-api_v23.0.yaml")
    correct_meta(spec)
    return spec


WHATSAPPS = {
    "template": WhatsAppTemplate("cart_left", "de", "marketing"),
    "template with values": WhatsAppTemplate("cart_left", "de", "marketing", ["Ada", "12.50 EUR"]),
    "template with picture": WhatsAppTemplate("cart_left", "en_US", "marketing", ["Ada"], "https://x.example/a.jpg"),
    "template with buttons": WhatsAppTemplate("cart_left", "de", "utility", ["Ada"], "", ["c/1", "c/2"]),
    "template with a film": WhatsAppTemplate("cart_left", "de", "marketing", [], "https://x.example/a.mp4"),
}
FREE = {
    "text": OutgoingText(ID, "whatsapp", "+4915112345678", "Hello"),
    "text with a link": OutgoingText(ID, "whatsapp", "+4915112345678", "See https://shop.example/x"),
    "picture": OutgoingText(ID, "whatsapp", "+4915112345678", "Look", media_url="https://shop.example/a.png"),
    "document": OutgoingText(ID, "whatsapp", "+4915112345678", "", media_url="https://shop.example/a.pdf"),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", [*WHATSAPPS, *FREE])
def test_whatsapp_accepts_our_messages(meta, name):
    validator = body_validator(meta, "/{Version}/{Phone-Number-ID}/messages")
    message = FREE.get(name) or OutgoingText(ID, "whatsapp", "+4915112345678", "", template=WHATSAPPS[name])
    assert problems(validator, whatsapp.message_body(message)) == []
    assert problems(validator, {"messaging_product": "sms", "to": "1", "type": "text"})


# Push ----------------------------------------------------------------------------------------------------------------

PUSHES = {
    "all": build_push(message_id=ID, token="t0ken-of-a-device", title="Sale", body="Today", url="https://shop.example/x",
                      image_url="https://shop.example/a.png", data={"step": "1"}),
    "words only": build_push(message_id=ID, token="t0ken-of-a-device", title="", body="Today"),
    "title only": build_push(message_id=ID, token="t0ken-of-a-device", title="Sale", body="", url="http://127.0.0.1:8"),
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("name", PUSHES)
def test_firebase_accepts_our_messages(contracts, name):
    spec = read(contracts / "google" / "fcm.v1.json")
    definitions = {key: from_discovery(schema) for key, schema in spec["schemas"].items()}
    validator = jsonschema_rs.Draft202012Validator({"$ref": "#/$defs/SendMessageRequest", "$defs": definitions})
    assert problems(validator, fcm.message_body(PUSHES[name])) == []
    assert problems(validator, {"message": {"tokens": []}})


# Without a published specification: ours, from their pages -----------------------------------------------------------

VONAGE_SMS = {
    "type": "object",
    "required": ["message_type", "channel", "to", "from", "text"],
    "additionalProperties": False,
    "properties": {
        "message_type": {"const": "text"},
        "channel": {"const": "sms"},
        "to": {"type": "string", "pattern": "^[1-9][0-9]{6,14}$"},
        "from": {"type": "string", "minLength": 1, "maxLength": 15, "pattern": "^[^+]"},
        "text": {"type": "string", "minLength": 1, "maxLength": 1000},
        "client_ref": {"type": "string", "maxLength": 100},
        "webhook_url": {"type": "string", "format": "uri", "pattern": "^https://"},
        "webhook_version": {"enum": ["v0.1", "v1"]},
        "ttl": {"type": "integer", "minimum": 20, "maximum": 604800},
    },
}


@pytest.mark.parametrize("public_url", ["https://dmat.example", "http://127.0.0.1:8010"])
def test_vonage_documents_our_fields(settings, public_url):
    settings.public_url = public_url
    validator = jsonschema_rs.Draft202012Validator(VONAGE_SMS, validate_formats=True)
    assert problems(validator, vonage.message_body(settings, TEXTS["sms"])) == []
    assert problems(validator, {"to": "+49"})


LANGUAGES = {"type": "object", "required": ["en"], "additionalProperties": {"type": "string", "minLength": 1}}
ONESIGNAL = {
    "type": "object",
    "required": ["app_id", "contents", "include_subscription_ids"],
    "additionalProperties": False,
    "properties": {
        "app_id": {"type": "string", "format": "uuid"},
        "target_channel": {"enum": ["push", "email", "sms"]},
        "include_subscription_ids": {"type": "array", "minItems": 1, "maxItems": 2000, "items": {"type": "string"}},
        "name": {"type": "string", "maxLength": 128},
        "idempotency_key": {"type": "string", "format": "uuid"},
        "contents": LANGUAGES,
        "headings": LANGUAGES,
        "data": {"type": "object"},
        "url": {"type": "string", "format": "uri"},
        "big_picture": {"type": "string", "format": "uri"},
        "chrome_web_image": {"type": "string", "format": "uri"},
        "ios_attachments": {"type": "object"},
    },
}


@pytest.mark.parametrize("name", PUSHES)
def test_onesignal_documents_our_fields(settings, name):
    settings.onesignal_app = ID
    validator = jsonschema_rs.Draft202012Validator(ONESIGNAL, validate_formats=True)
    assert problems(validator, onesignal.message_body(settings, PUSHES[name])) == []
    assert problems(validator, {"app_id": "x"})


HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
META_USERS = {
    "type": "object",
    "required": ["payload", "session"],
    "additionalProperties": False,
    "properties": {
        "payload": {
            "type": "object",
            "required": ["schema", "data"],
            "additionalProperties": False,
            "properties": {
                "schema": {"type": "array", "items": {"enum": ["EXTERN_ID", "EMAIL", "PHONE", "GEN", "DOBY", "DOBM",
                                                               "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "MADID",
                                                               "COUNTRY"]}},
                "data": {"type": "array", "maxItems": 10_000, "items": {
                    "type": "array", "minItems": 6, "maxItems": 6, "items": {"anyOf": [HASH, {"const": ""}]},
                }},
            },
        },
        "session": {
            "type": "object",
            "required": ["session_id", "batch_seq", "last_batch_flag"],
            "additionalProperties": False,
            "properties": {
                "session_id": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
                "batch_seq": {"type": "integer", "minimum": 1},
                "last_batch_flag": {"type": "boolean"},
                "estimated_num_total": {"type": "integer"},
            },
        },
    },
}  # fmt: skip
ACCOUNT = {"type": "object", "required": ["accountType", "accountId"], "additionalProperties": False,
           "properties": {"accountType": {"const": "GOOGLE_ADS"}, "accountId": {"pattern": "^[0-9]+$"}}}  # fmt: skip
ADDRESS = {"type": "object", "required": ["givenName", "familyName", "regionCode", "postalCode"],
           "properties": {"givenName": HASH, "familyName": HASH, "regionCode": {"pattern": "^[A-Z]{2}$"}}}  # fmt: skip
GOOGLE_MEMBERS = {
    "type": "object",
    "required": ["destinations", "audienceMembers", "encoding"],
    "additionalProperties": False,
    "properties": {
        "destinations": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["operatingAccount", "productDestinationId"], "additionalProperties": False,
            "properties": {"operatingAccount": ACCOUNT, "loginAccount": ACCOUNT,
                           "productDestinationId": {"type": "string"}},
        }},
        "audienceMembers": {"type": "array", "maxItems": 10_000, "items": {
            "type": "object", "required": ["userData"], "additionalProperties": False,
            "properties": {"userData": {"type": "object", "properties": {"userIdentifiers": {
                "type": "array", "minItems": 1, "maxItems": 10,
                "items": {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
                          "properties": {"emailAddress": HASH, "phoneNumber": HASH, "address": ADDRESS}},
            }}}},
        }},
        "encoding": {"enum": ["HEX", "BASE64"]},
    },
}  # fmt: skip
PEOPLE = [
    Identity(1, "ann@shop.example", "+4915112345678", "Ann", "Smith", "DE", "10115"),
    Identity(2, "bob@gmail.com"),
    Identity(3, phone="+15005550006"),
]


def test_meta_documents_how_people_are_added():
    validator = jsonschema_rs.Draft202012Validator(META_USERS)
    body = meta_audiences.users_body([for_meta(person) for person in PEOPLE], Session(7, 1, True, 3))
    assert problems(validator, body) == []
    assert problems(validator, {"payload": {"schema": ["NAME"], "data": [["ann@shop.example"]]}})


@pytest.mark.parametrize("login", ["", "999"])
def test_google_documents_how_people_are_added(settings, login):
    settings.google_ads_account, settings.google_ads_login_account = "123", login
    validator = jsonschema_rs.Draft202012Validator(GOOGLE_MEMBERS)
    body = google_ads.members_body(settings, "55", [for_google(person) for person in PEOPLE])
    assert problems(validator, body) == []
    assert problems(validator, {**body, "audienceMembers": [{"userData": {"userIdentifiers": [{"email": "x"}]}}]})
