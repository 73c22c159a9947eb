"""Under test: what we hand to e-mail vendors agrees with their specifications: single mails and batches.

SendGrid and Brevo publish one. For Amazon SES, Postmark and Resend the schemas below are ours, written from what their
pages document; they know no other fields.
"""

from __future__ import annotations

import jsonschema_rs
import pytest
from vendor_contracts import body_validator, normalised, parameter_problems, problems, read

from dmat.channels.contract import MailBatch, OutgoingMail, Recipient
from dmat.connectors import brevo, postmark, resend, sendgrid, ses

pytestmark = pytest.mark.shared
ID, OTHER = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b", "7c9e6679-7425-5de9-944b-e07fc1f90ae7"
FULL = OutgoingMail(
    ID, "ann@example.com", 'Änn "A"; B, C', "hello@shop.example", "The Shop", "Grüße", "<p>Hi</p>", "Hi",
    {"List-Unsubscribe": "<https://api.example/u/1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    {"dmat_message_id": ID, "dmat_programme": "campaign:7", "dmat_step": "first mail"},
    ["campaign:7", "campaign:7", *(f"c{n}" for n in range(12))], "answers@shop.example",
)  # fmt: skip
BARE = OutgoingMail(ID, "ann@example.com", "", "hello@shop.example", "", "Hello", "<p>Hi</p>", "")
MAILS = pytest.mark.parametrize("mail", [FULL, BARE], ids=["full", "bare"])
BATCH = MailBatch(
    "hello@shop.example", "The Shop", "For -dm0-", "<p>-dm0-</p>", "-dm0-",
    [Recipient(ID, "ann@example.com", "Ann", {"-dm0-": "Ann"}, {"List-Unsubscribe": "<https://api.example/u/1>"},
               {"dmat_step": "s"}), Recipient(OTHER, "bo@example.com", "", {})],
    {"Feedback-ID": "7:spring:dmat"}, ["spring"], "answers@shop.example",
)  # fmt: skip
TEXT = {"type": "string", "minLength": 1}
TAGS = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,256}$"}
SES = {
    "type": "object", "required": ["Content", "Destination", "FromEmailAddress"], "additionalProperties": False,
    "properties": {
        "FromEmailAddress": {"type": "string", "format": "email"},
        "Destination": {"type": "object", "required": ["ToAddresses"], "additionalProperties": False, "properties": {
            "ToAddresses": {"type": "array", "minItems": 1, "maxItems": 50, "items": {"format": "email"}}}},
        "Content": {"type": "object", "required": ["Raw"], "additionalProperties": False, "properties": {
            "Raw": {"type": "object", "required": ["Data"], "properties": {
                "Data": {"type": "string", "pattern": "^[A-Za-z0-9+/]+=*$"}}}}},
        "EmailTags": {"type": "array", "maxItems": 50, "items": {
            "type": "object", "required": ["Name", "Value"], "properties": {"Name": TAGS, "Value": TAGS}}},
        "ConfigurationSetName": TAGS,
    },
}  # fmt: skip
POSTMARK = {
    "type": "object", "required": ["From", "To", "Subject", "HtmlBody", "MessageStream"], "additionalProperties": False,
    "properties": {
        "From": TEXT, "To": TEXT, "Subject": {"type": "string", "maxLength": 2000}, "HtmlBody": TEXT, "TextBody": TEXT,
        "ReplyTo": {"format": "email"}, "Tag": {"type": "string", "maxLength": 1000}, "MessageStream": TEXT,
        "Headers": {"type": "array", "items": {
            "type": "object", "required": ["Name", "Value"], "properties": {"Name": TEXT, "Value": TEXT}}},
        "Metadata": {"type": "object", "maxProperties": 10, "propertyNames": {"maxLength": 20},
                     "additionalProperties": {"type": "string", "maxLength": 80}},
    },
}  # fmt: skip
RESEND = {
    "type": "object", "required": ["from", "to", "subject", "html"], "additionalProperties": False,
    "properties": {
        "from": TEXT, "to": {"type": "array", "minItems": 1, "maxItems": 50, "items": {"format": "email"}},
        "subject": TEXT, "html": TEXT, "text": TEXT, "reply_to": {"format": "email"},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "tags": {"type": "array", "items": {
            "type": "object", "required": ["name", "value"], "properties": {"name": TAGS, "value": TAGS}}},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def contracts(shared_dir):
    folder = shared_dir / "contracts"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/contracts is not there")
    return folder


@pytest.fixture(scope="module")
def sendgrid_mail(contracts):
    return body_validator(read(contracts / "sendgrid" / "tsg_mail_v3.json"), "/v3/mail/send")


@pytest.fixture(scope="module")
def brevo_spec(contracts):
    return read(contracts / "brevo" / "swagger_brevo-go.yaml")


def ours(schema):
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


@MAILS
def test_sendgrid_accepts_our_mail(sendgrid_mail, mail):
    assert problems(sendgrid_mail, sendgrid.mail_body(mail)) == []


def test_sendgrid_accepts_our_batch(sendgrid_mail):
    body = sendgrid.batch_body(BATCH)
    assert problems(sendgrid_mail, body) == []
    assert problems(sendgrid_mail, {**body, "personalizations": body["personalizations"] * 501})
    assert problems(sendgrid_mail, {**body, "categories": ["c"] * 11})


def test_a_name_for_sendgrid_has_neither_comma_nor_semicolon():
    [person] = sendgrid.mail_body(FULL)["personalizations"]
    assert not set(person["to"][0]["name"]) & set(",;")


@MAILS
def test_brevo_accepts_our_mail(brevo_spec, mail):
    whole = {"definitions": normalised(brevo_spec["definitions"]), "$ref": "#/definitions/sendSmtpEmail"}
    validator = jsonschema_rs.Draft4Validator(whole, validate_formats=True)
    assert problems(validator, brevo.mail_body(mail)) == []
    assert problems(validator, {**brevo.mail_body(mail), "to": [{"name": "nobody"}]})


@pytest.mark.parametrize(("path", "params"), [
    ("/smtp/emails", {"email": "ann@example.com", "startDate": "2026-03-02", "endDate": "2026-03-04", "limit": "500"}),
    ("/smtp/statistics/events", {"tags": f'["{ID}"]', "limit": "1"}),
])  # fmt: skip
def test_brevo_knows_how_we_look_a_message_up(brevo_spec, path, params):
    known = {one["name"] for one in brevo_spec["paths"][path]["get"]["parameters"]}
    assert set(params) <= known
    assert "nonsense" not in known


def test_brevo_still_has_neither_headers_nor_tags_for_one_version(brevo_spec):
    """When this fails, batches for Brevo have become possible."""
    version = brevo_spec["definitions"]["sendSmtpEmail_messageVersions"]["properties"]
    assert {"headers", "tags"} & set(version) == set()


def test_sendgrid_knows_how_we_look_a_message_up(contracts):
    spec = read(contracts / "sendgrid" / "tsg_email_activity_v3.json")
    assert parameter_problems(spec, "/v3/messages", {"query": "x", "limit": "1"}) == []


@MAILS
@pytest.mark.parametrize(("schema", "body_of"), [
    (SES, lambda mail: ses.mail_body(mail, "dmat")), (SES, ses.mail_body),
    (POSTMARK, lambda mail: postmark.mail_body(mail, "broadcast")), (RESEND, resend.mail_body),
], ids=["ses with a configuration set", "ses", "postmark", "resend"])  # fmt: skip
def test_our_own_schemas_accept_our_mail_and_refuse_what_is_none(schema, body_of, mail):
    validator, body = ours(schema), body_of(mail)
    assert problems(validator, body) == []
    assert problems(validator, {**body, "colour": "red"})
    assert all(problems(validator, {k: v for k, v in body.items() if k != name}) for name in schema["required"])
