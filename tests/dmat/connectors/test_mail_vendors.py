"""Under test: every e-mail vendor against a real HTTP server that answers, refuses, waits, cuts or loses its answer.

What each is asked must be once, must carry our message id and the headers of RFC 8058, and nothing of our keys.
"""

from __future__ import annotations

import base64
import email
from datetime import datetime
from email import policy

import httpx
import pytest
from faulty_server import Answer, faulty_server

from dmat.channels.contract import MailBatch, OutgoingMail, Recipient, Sought
from dmat.connectors.brevo import Brevo
from dmat.connectors.mail_answers import ATTEMPTS_BY_KEY
from dmat.connectors.postmark import Postmark
from dmat.connectors.resend import Resend, batch_key
from dmat.connectors.sendgrid import SendGrid
from dmat.connectors.ses import Ses
from dmat.errors import (
    AmbiguousError,
    DeadAddressError,
    InvalidInputError,
    PartlyTakenError,
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
    VendorUnreachableError,
)
from dmat.settings import load_settings

KEY = "k3y-that-nobody-may-see"
ID, OTHER = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b", "7c9e6679-7425-5de9-944b-e07fc1f90ae7"
UNSUBSCRIBE = {"List-Unsubscribe": "<https://api.example/u/1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
MAIL = OutgoingMail(
    ID, "ann@example.com", "Änn, of {{all}}", "hello@shop.example", "The Shop", "Grüße {{x}}", "<p>Hi {{name}}</p>",
    "Hi {{name}}", dict(UNSUBSCRIBE), {"dmat_message_id": ID, "dmat_programme": "campaign:7"}, ["spring", "mail 1"],
    "answers@shop.example",
)  # fmt: skip
BATCH = MailBatch(
    "hello@shop.example", "The Shop", "For -dm0-", "<p>-dm0-</p>", "-dm0-",
    [Recipient(ID, "ann@example.com", "Ann", {"-dm0-": "Ann"}, UNSUBSCRIBE, {"dmat_step": "s1"}),
     Recipient(OTHER, "bo@example.com", "", {"-dm0-": "Bo"}, {"List-Unsubscribe": "<https://api.example/u/2>"})],
    {"Feedback-ID": "7:spring:dmat"}, ["spring"],
)  # fmt: skip
KINDS = {"sendgrid": SendGrid, "brevo": Brevo, "ses": Ses, "postmark": Postmark, "resend": Resend}
GOOD = {
    "sendgrid": (Answer(202, b"", {"X-Message-Id": "v-1"}), "/v3/mail/send"),
    "brevo": (Answer(201, {"messageId": "v-1"}), "/smtp/email"),
    "ses": (Answer(200, {"MessageId": "v-1"}), "/v2/email/outbound-emails"),
    "postmark": (Answer(200, {"MessageID": "v-1", "ErrorCode": 0}), "/email"),
    "resend": (Answer(200, {"id": "v-1"}), "/emails"),
}
BY_KEY = {"brevo", "resend"}
EACH = pytest.mark.parametrize("name", KINDS)


@pytest.fixture
def connect(tmp_path):
    """`connect(name, url)` -> the vendor, with little patience."""
    opened = []

    def make(name, url):
        settings = load_settings(
            tmp_path, **{f"{name}_url": url, f"{name}_token": KEY}, ses_region="eu-central-1", ses_access_key="AKIA1",
            ses_secret_key=KEY, ses_configuration_set="dmat",
        )  # fmt: skip
        settings.clock.set(datetime(2026, 3, 4, 12))
        provider = KINDS[name](settings, client=httpx.Client(timeout=httpx.Timeout(0.4, connect=2.0)))
        provider.http.sleep = lambda _seconds: None
        opened.append(provider)
        return provider

    yield make
    for provider in opened:
        provider.close()


@EACH
def test_a_mail_is_taken_once_and_its_id_is_told(connect, name):
    good, path = GOOD[name]
    with faulty_server(good) as server:
        assert connect(name, server.url).send(MAIL) == "v-1"
    [taken] = server.taken
    assert (taken.method, taken.path) == ("POST", path)
    assert ID in str(taken.json)
    assert KEY.encode() not in taken.body


@EACH
def test_an_answer_without_an_id_is_an_acceptance_all_the_same(connect, name):
    with faulty_server(Answer(200, b"fine")) as server:
        assert connect(name, server.url).send(MAIL) == ""


@EACH
@pytest.mark.parametrize(("answer", "error"), [
    (Answer(400, {"message": "bad body"}), VendorRefusedError),
    (Answer(401, {"message": f"no such key {KEY}"}), VendorRefusedError),
    (Answer(403, {"message": "not yours"}), VendorRefusedError),
    (Answer(422, {"message": "no such address"}), VendorRefusedError),
    (Answer(429, {}, {"Retry-After": "9"}), RateLimitedError),
    (Answer(500, b"oops"), VendorUnavailableError),
    (Answer(503, b"", {"Retry-After": "2"}), RateLimitedError),
    (Answer(502, b"gateway"), AmbiguousError),
    (Answer(504, b"gateway"), AmbiguousError),
    (Answer(act="silent"), AmbiguousError),
    (Answer(act="lost"), AmbiguousError),
    (Answer(act="cut"), AmbiguousError),
], ids=["400", "401", "403", "422", "429", "500", "503", "502", "504", "time-out", "lost answer", "cut"])  # fmt: skip
def test_a_failure_is_named_for_what_it_means_and_without_a_key_nothing_is_sent_again(connect, name, answer, error):
    with faulty_server(answer) as server:
        with pytest.raises(error) as caught:
            connect(name, server.url).send(MAIL)
        times = ATTEMPTS_BY_KEY if name in BY_KEY and error is AmbiguousError else 1
        assert len(server.taken) == (0 if answer.act == "cut" else times)
    assert len({taken.body for taken in server.taken}) <= 1
    assert type(caught.value) is error
    assert KEY not in str(caught.value)
    if isinstance(caught.value, RateLimitedError):
        assert caught.value.retry_after_seconds == float(answer.headers["Retry-After"])
    if answer.status in (401, 403) and answer.act == "answer":
        assert caught.value.status == answer.status


@EACH
def test_where_nobody_listens_nothing_has_left(connect, name):
    with faulty_server() as server:
        url = server.url
    with pytest.raises(VendorUnreachableError):
        connect(name, url).send(MAIL)


def headers_of(name, body):
    if name == "ses":
        raw = base64.b64decode(body["Content"]["Raw"]["Data"])
        return dict(email.message_from_bytes(raw, policy=policy.default).items())
    if name == "postmark":
        return {header["Name"]: header["Value"] for header in body["Headers"]}
    if name == "sendgrid":
        return {**body.get("headers", {}), **body["personalizations"][0].get("headers", {})}
    return body["headers"]


@EACH
def test_every_mail_carries_the_headers_of_one_click_unsubscribe(connect, name):
    with faulty_server(GOOD[name][0]) as server:
        connect(name, server.url).send(MAIL)
    found = headers_of(name, server.taken[0].json)
    assert {key: found[key] for key in UNSUBSCRIBE} == UNSUBSCRIBE


@EACH
def test_every_mail_says_where_answers_go(connect, name):
    with faulty_server(GOOD[name][0]) as server:
        connect(name, server.url).send(MAIL)
    body = server.taken[0].json
    text = base64.b64decode(body["Content"]["Raw"]["Data"]).decode() if name == "ses" else str(body)
    assert "answers@shop.example" in text


@pytest.mark.parametrize("name", ["sendgrid", "postmark", "resend"])
def test_a_batch_is_one_request_in_which_each_person_has_their_own_headers(connect, name):
    answer = {"postmark": [{"MessageID": "v-1", "ErrorCode": 0}, {"MessageID": "v-2", "ErrorCode": 0}],
              "resend": {"data": [{"id": "v-1"}, {"id": "v-2"}]}, "sendgrid": {}}[name]  # fmt: skip
    with faulty_server(Answer(200, answer, {"X-Message-Id": "v-1"})) as server:
        assert connect(name, server.url).send_batch(BATCH) == "v-1"
    [taken] = server.taken
    text = taken.body.decode()
    assert all(part in text for part in (ID, OTHER, "api.example/u/1", "api.example/u/2", "7:spring:dmat"))
    if name == "sendgrid":
        assert text.count("<p>-dm0-</p>") == 1
        assert taken.json["personalizations"][1]["substitutions"] == {"-dm0-": "Bo"}
    else:
        assert "<p>Ann</p>" in text
        assert "<p>Bo</p>" in text


@pytest.mark.parametrize("name", ["brevo", "ses"])
def test_a_vendor_without_batches_takes_none(connect, name):
    with faulty_server() as server, pytest.raises(InvalidInputError, match="no batches"):
        connect(name, server.url).send_batch(BATCH)
    assert server.taken == []


# Under an idempotency key -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BY_KEY))
@pytest.mark.parametrize("lost", [Answer(act="lost"), Answer(act="silent"), Answer(504)])
def test_a_lost_answer_is_asked_for_again_under_the_same_key(connect, name, lost):
    with faulty_server(lost, GOOD[name][0]) as server:
        assert connect(name, server.url).send(MAIL) == "v-1"
    first, second = server.taken
    assert first.body == second.body
    assert first.headers.get("idempotency-key") == second.headers.get("idempotency-key")


@pytest.mark.parametrize("name", sorted(BY_KEY))
@pytest.mark.parametrize("then", [Answer(500), Answer(429, {}, {"Retry-After": "1"}), Answer(401, {"message": "no"})])
def test_what_comes_after_a_lost_answer_does_not_unmake_it(connect, name, then):
    with faulty_server(Answer(act="lost"), then) as server, pytest.raises(AmbiguousError):
        connect(name, server.url).send(MAIL)


@pytest.mark.parametrize("name", sorted(BY_KEY))
def test_a_request_that_is_refused_as_it_is_was_refused_before_too(connect, name):
    answers = (Answer(act="lost"), Answer(422, {"message": "no"}))
    with faulty_server(*answers) as server, pytest.raises(VendorRefusedError) as caught:
        connect(name, server.url).send(MAIL)
    assert caught.value.status == 422


def test_a_batch_is_asked_for_again_under_its_key(connect):
    with faulty_server(Answer(act="lost"), Answer(200, {"data": [{"id": "v-1"}, {"id": "v-2"}]})) as server:
        assert connect("resend", server.url).send_batch(BATCH) == "v-1"
    assert server.taken[0].body == server.taken[1].body


# Brevo ---------------------------------------------------------------------------------------------------------------

DUPLICATE = Answer(400, {"code": "duplicate_parameter", "message": "this key is known"})


def brevo_list(*tags):
    return Answer(200, {"transactionalEmails": [{"messageId": f"v-{n}", "tags": list(t)} for n, t in enumerate(tags)]})


def test_the_same_mail_again_is_under_the_same_key(connect):
    with faulty_server(GOOD["brevo"][0]) as server:
        brevo = connect("brevo", server.url)
        brevo.send(MAIL)
        brevo.send(MAIL)
    assert [taken.json["headers"]["idempotencyKey"] for taken in server.taken] == [ID, ID]
    assert server.taken[0].json["headers"]["X-Mailin-custom"] == ID


def test_a_key_that_brevo_knows_is_taken_for_true_only_when_the_mail_is_found(connect):
    with faulty_server(DUPLICATE, brevo_list(("other",), ("spring", ID))) as server:
        assert connect("brevo", server.url).send(MAIL) == "v-1"
    assert "email=ann%40example.com" in server.taken[1].path
    unseen = (DUPLICATE, brevo_list(("other",))) * ATTEMPTS_BY_KEY
    with faulty_server(*unseen) as server, pytest.raises(AmbiguousError):
        connect("brevo", server.url).send(MAIL)


def test_what_people_typed_is_no_template_of_brevos(connect):
    with faulty_server(GOOD["brevo"][0]) as server:
        connect("brevo", server.url).send(MAIL)
    body = server.taken[0].json
    assert "{{" not in body["htmlContent"] + body["subject"] + body["textContent"]


def test_an_account_out_of_credit_is_no_fault_of_the_mail(connect):
    answer = Answer(400, {"code": "not_enough_credits", "message": "buy some"})
    with faulty_server(answer) as server, pytest.raises(VendorRefusedError) as caught:
        connect("brevo", server.url).send(MAIL)
    assert caught.value.status == 403


@pytest.mark.parametrize(("answer", "found"), [
    (brevo_list(("spring", ID)), "v-0"), (brevo_list(("spring",)), None), (brevo_list(), None),
])  # fmt: skip
def test_brevo_finds_a_mail_by_its_tag(connect, answer, found):
    sought = Sought(ID, "ann@example.com", datetime(2026, 3, 4, 11))
    with faulty_server(answer) as server:
        assert connect("brevo", server.url).find_message(sought) == found
    assert "startDate=2026-03-02" in server.taken[0].path


def test_brevo_finds_a_mail_without_its_address_among_its_events(connect):
    with faulty_server(Answer(200, {"events": [{"messageId": "v-1"}]}), Answer(200, {})) as server:
        brevo = connect("brevo", server.url)
        assert brevo.find_message(Sought(ID)) == "v-1"
        assert brevo.find_message(Sought(ID)) is None


# Amazon SES ----------------------------------------------------------------------------------------------------------


def test_ses_gets_the_mail_as_mime_with_our_id_as_a_tag(connect):
    with faulty_server(GOOD["ses"][0]) as server:
        connect("ses", server.url).send(MAIL)
    [taken] = server.taken
    body = taken.json
    assert body["EmailTags"][0] == {"Name": "dmat_message_id", "Value": ID}
    assert {"Name": "dmat_programme", "Value": "campaign-7"} in body["EmailTags"]
    assert body["ConfigurationSetName"] == "dmat"
    message = email.message_from_bytes(base64.b64decode(body["Content"]["Raw"]["Data"]), policy=policy.default)
    assert message["Subject"] == "Grüße {{x}}"
    assert message["To"].addresses[0].display_name == "Änn, of {{all}}"


def test_a_request_to_ses_is_signed_over_its_body(connect):
    with faulty_server(GOOD["ses"][0]) as server:
        connect("ses", server.url).send(MAIL)
    headers = server.taken[0].headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA1/")
    assert "/eu-central-1/ses/aws4_request" in headers["authorization"]
    assert expected_signature(server.taken[0]) in headers["authorization"]


def expected_signature(taken):
    """Signature Version 4, written down once more from its definition."""
    import hashlib
    import hmac

    stamp, names = taken.headers["x-amz-date"], ("content-type", "host", "x-amz-date")
    lines = "".join(f"{name}:{taken.headers[name]}\n" for name in names)
    body = hashlib.sha256(taken.body).hexdigest()
    request = f"POST\n{taken.path}\n\n{lines}\n{';'.join(names)}\n{body}"
    scope = f"{stamp[:8]}/eu-central-1/ses/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + KEY.encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"SignedHeaders={';'.join(names)}, Signature={key.hex()}"


def test_a_paused_account_is_no_fault_of_the_mail(connect):
    answer = Answer(400, {"message": "no"}, {"x-amzn-ErrorType": "SendingPausedException"})
    with faulty_server(answer) as server, pytest.raises(VendorRefusedError) as caught:
        connect("ses", server.url).send(MAIL)
    assert caught.value.status == 403


@pytest.mark.parametrize("name", ["ses", "resend"])
def test_a_vendor_that_cannot_be_asked_says_so(connect, name):
    with faulty_server() as server, pytest.raises(VendorRefusedError):
        connect(name, server.url).find_message(Sought(ID))


def test_the_region_is_in_the_address_or_must_be_set(tmp_path):
    settings = load_settings(tmp_path, ses_url="https://email.us-east-2.amazonaws.com")
    assert Ses(settings).http.base_url == "https://email.us-east-2.amazonaws.com"
    with pytest.raises(InvalidInputError, match="DMAT_SES_REGION"):
        Ses(load_settings(tmp_path, ses_url="https://relay.example"))


# Postmark ------------------------------------------------------------------------------------------------------------


def test_postmark_finds_a_mail_by_its_metadata(connect):
    with faulty_server(Answer(200, {"Messages": [{"MessageID": "v-1"}]}), Answer(200, {"Messages": []})) as server:
        postmark = connect("postmark", server.url)
        assert postmark.find_message(Sought(ID)) == "v-1"
        assert postmark.find_message(Sought(ID)) is None
    assert f"metadata_dmat_message_id={ID}" in server.taken[0].path


def test_an_address_that_postmark_took_off_is_dead(connect):
    answer = Answer(422, {"ErrorCode": 406, "Message": "inactive recipient"})
    with faulty_server(answer) as server, pytest.raises(DeadAddressError) as caught:
        connect("postmark", server.url).send(MAIL)
    assert caught.value.reason == "bounced"


def test_an_error_in_an_answer_of_success_is_a_refusal(connect):
    answer = Answer(200, {"ErrorCode": 300, "Message": "no"})
    with faulty_server(answer) as server, pytest.raises(VendorRefusedError) as caught:
        connect("postmark", server.url).send(MAIL)
    assert caught.value.status == 422


def test_a_batch_that_postmark_took_in_part_names_who_was_refused(connect):
    answer = Answer(200, [{"ErrorCode": 406, "Message": "inactive"}, {"ErrorCode": 0, "MessageID": "v-2"}])
    with faulty_server(answer) as server, pytest.raises(PartlyTakenError) as caught:
        connect("postmark", server.url).send_batch(BATCH)
    assert caught.value.refused == {ID: "406: inactive"}
    assert caught.value.request_id == "v-2"


@pytest.mark.parametrize(("code", "status"), [(405, 403), (300, 422)])
def test_a_batch_of_which_nothing_was_taken_is_refused(connect, code, status):
    answer = Answer(200, [{"ErrorCode": code, "Message": "no"}] * 2)
    with faulty_server(answer) as server, pytest.raises(VendorRefusedError) as caught:
        connect("postmark", server.url).send_batch(BATCH)
    assert caught.value.status == status


@pytest.mark.parametrize("body", [b"fine", [], {}, [{"ErrorCode": 0}], ["x", "y"]])
def test_a_batch_whose_answer_cannot_be_read_is_left_open(connect, body):
    with faulty_server(Answer(200, body)) as server, pytest.raises(AmbiguousError):
        connect("postmark", server.url).send_batch(BATCH)


# Resend --------------------------------------------------------------------------------------------------------------


def test_resend_gets_the_same_key_for_the_same_mail_or_batch(connect):
    with faulty_server(GOOD["resend"][0]) as server:
        resend = connect("resend", server.url)
        resend.send(MAIL)
        resend.send_batch(BATCH)
        resend.send_batch(BATCH)
    keys = [taken.headers["idempotency-key"] for taken in server.taken]
    assert keys == [ID, batch_key(BATCH), batch_key(BATCH)]
    assert len(keys[1]) <= 256


@pytest.mark.parametrize("reason", ["invalid_idempotent_request", "concurrent_idempotent_requests"])
def test_a_key_that_resend_knows_with_another_body_is_left_open(connect, reason):
    with faulty_server(Answer(409, {"name": reason})) as server, pytest.raises(AmbiguousError):
        connect("resend", server.url).send(MAIL)
