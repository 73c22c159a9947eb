"""Under test: what is particular to one e-mail vendor: keys, lookups, signatures, answers for a part of a batch."""

from __future__ import annotations

import base64
import email
from datetime import datetime
from email import policy

import pytest
from faulty_server import Answer, faulty_server
from mail_vendors import BATCH, BY_KEY, GOOD, ID, KEY, MAIL

from dmat.channels.contract import Sought
from dmat.connectors.mail_answers import ATTEMPTS_BY_KEY
from dmat.connectors.resend import batch_key
from dmat.connectors.ses import Ses
from dmat.errors import AmbiguousError, DeadAddressError, InvalidInputError, PartlyTakenError, VendorRefusedError
from dmat.settings import load_settings

# Under an idempotency key -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BY_KEY))
@pytest.mark.parametrize("lost", [Answer(act="lost"), Answer(act="silent"), Answer(504)])
def test_a_lost_answer_is_asked_for_again_under_the_same_key(mail_vendor, name, lost):
    with faulty_server(lost, GOOD[name][0]) as server:
        assert mail_vendor(name, server.url).send(MAIL) == "v-1"
    first, second = server.taken
    assert first.body == second.body
    assert first.headers.get("idempotency-key") == second.headers.get("idempotency-key")


@pytest.mark.parametrize("name", sorted(BY_KEY))
@pytest.mark.parametrize("then", [Answer(500), Answer(429, {}, {"Retry-After": "1"}), Answer(401, {"message": "no"})])
def test_what_comes_after_a_lost_answer_does_not_unmake_it(mail_vendor, name, then):
    with faulty_server(Answer(act="lost"), then) as server, pytest.raises(AmbiguousError):
        mail_vendor(name, server.url).send(MAIL)


@pytest.mark.parametrize("name", sorted(BY_KEY))
def test_a_request_that_is_refused_as_it_is_was_refused_before_too(mail_vendor, name):
    answers = (Answer(act="lost"), Answer(422, {"message": "no"}))
    with faulty_server(*answers) as server, pytest.raises(VendorRefusedError) as caught:
        mail_vendor(name, server.url).send(MAIL)
    assert caught.value.status == 422


def test_a_batch_is_asked_for_again_under_its_key(mail_vendor):
    with faulty_server(Answer(act="lost"), Answer(200, {"data": [{"id": "v-1"}, {"id": "v-2"}]})) as server:
        assert mail_vendor("resend", server.url).send_batch(BATCH) == "v-1"
    assert server.taken[0].body == server.taken[1].body


# Brevo ---------------------------------------------------------------------------------------------------------------

DUPLICATE = Answer(400, {"code": "duplicate_parameter", "message": "this key is known"})


def brevo_list(*tags):
    return Answer(200, {"transactionalEmails": [{"messageId": f"v-{n}", "tags": list(t)} for n, t in enumerate(tags)]})


def test_the_same_mail_again_is_under_the_same_key(mail_vendor):
    with faulty_server(GOOD["brevo"][0]) as server:
        brevo = mail_vendor("brevo", server.url)
        brevo.send(MAIL)
        brevo.send(MAIL)
    assert [taken.json["headers"]["idempotencyKey"] for taken in server.taken] == [ID, ID]
    assert server.taken[0].json["headers"]["X-Mailin-custom"] == ID


def test_a_key_that_brevo_knows_is_taken_for_true_only_when_the_mail_is_found(mail_vendor):
    with faulty_server(DUPLICATE, brevo_list(("other",), ("spring", ID))) as server:
        assert mail_vendor("brevo", server.url).send(MAIL) == "v-1"
    assert "email=ann%40example.com" in server.taken[1].path
    unseen = (DUPLICATE, brevo_list(("other",))) * ATTEMPTS_BY_KEY
    with faulty_server(*unseen) as server, pytest.raises(AmbiguousError):
        mail_vendor("brevo", server.url).send(MAIL)


def test_what_people_typed_is_no_template_of_brevos(mail_vendor):
    with faulty_server(GOOD["brevo"][0]) as server:
        mail_vendor("brevo", server.url).send(MAIL)
    body = server.taken[0].json
    assert "{{" not in body["htmlContent"] + body["subject"] + body["textContent"]


def test_an_account_out_of_credit_is_no_fault_of_the_mail(mail_vendor):
    answer = Answer(400, {"code": "not_enough_credits", "message": "buy some"})
    with faulty_server(answer) as server, pytest.raises(VendorRefusedError) as caught:
        mail_vendor("brevo", server.url).send(MAIL)
    assert caught.value.status == 403


@pytest.mark.parametrize(("answer", "found"), [
    (brevo_list(("spring", ID)), "v-0"), (brevo_list(("spring",)), None), (brevo_list(), None),
])  # fmt: skip
def test_brevo_finds_a_mail_by_its_tag(mail_vendor, answer, found):
    sought = Sought(ID, "ann@example.com", datetime(2026, 3, 4, 11))
    with faulty_server(answer) as server:
        assert mail_vendor("brevo", server.url).find_message(sought) == found
    assert "startDate=2026-03-02" in server.taken[0].path


def test_brevo_finds_a_mail_without_its_address_among_its_events(mail_vendor):
    with faulty_server(Answer(200, {"events": [{"messageId": "v-1"}]}), Answer(200, {})) as server:
        brevo = mail_vendor("brevo", server.url)
        assert brevo.find_message(Sought(ID)) == "v-1"
        assert brevo.find_message(Sought(ID)) is None


# Amazon SES ----------------------------------------------------------------------------------------------------------


def test_ses_gets_the_mail_as_mime_with_our_id_as_a_tag(mail_vendor):
    with faulty_server(GOOD["ses"][0]) as server:
        mail_vendor("ses", server.url).send(MAIL)
    [taken] = server.taken
    body = taken.json
    assert body["EmailTags"][0] == {"Name": "dmat_message_id", "Value": ID}
    assert {"Name": "dmat_programme", "Value": "campaign-7"} in body["EmailTags"]
    assert body["ConfigurationSetName"] == "dmat"
    message = email.message_from_bytes(base64.b64decode(body["Content"]["Raw"]["Data"]), policy=policy.default)
    assert message["Subject"] == "Grüße {{x}}"
    assert message["To"].addresses[0].display_name == "Änn, of {{all}}"


def test_a_request_to_ses_is_signed_over_its_body(mail_vendor):
    with faulty_server(GOOD["ses"][0]) as server:
        mail_vendor("ses", server.url).send(MAIL)
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


def test_a_paused_account_is_no_fault_of_the_mail(mail_vendor):
    answer = Answer(400, {"message": "no"}, {"x-amzn-ErrorType": "SendingPausedException"})
    with faulty_server(answer) as server, pytest.raises(VendorRefusedError) as caught:
        mail_vendor("ses", server.url).send(MAIL)
    assert caught.value.status == 403


@pytest.mark.parametrize("name", ["ses", "resend"])
def test_a_vendor_that_cannot_be_asked_says_so(mail_vendor, name):
    with faulty_server() as server, pytest.raises(VendorRefusedError):
        mail_vendor(name, server.url).find_message(Sought(ID))


def test_the_region_is_in_the_address_or_must_be_set(tmp_path):
    settings = load_settings(tmp_path, ses_url="https://email.us-east-2.amazonaws.com")
    assert Ses(settings).http.base_url == "https://email.us-east-2.amazonaws.com"
    with pytest.raises(InvalidInputError, match="DMAT_SES_REGION"):
        Ses(load_settings(tmp_path, ses_url="https://relay.example"))


# Postmark ------------------------------------------------------------------------------------------------------------


def test_postmark_finds_a_mail_by_its_metadata(mail_vendor):
    with faulty_server(Answer(200, {"Messages": [{"MessageID": "v-1"}]}), Answer(200, {"Messages": []})) as server:
        postmark = mail_vendor("postmark", server.url)
        assert postmark.find_message(Sought(ID)) == "v-1"
        assert postmark.find_message(Sought(ID)) is None
    assert f"metadata_dmat_message_id={ID}" in server.taken[0].path


def test_an_address_that_postmark_took_off_is_dead(mail_vendor):
    answer = Answer(422, {"ErrorCode": 406, "Message": "inactive recipient"})
    with faulty_server(answer) as server, pytest.raises(DeadAddressError) as caught:
        mail_vendor("postmark", server.url).send(MAIL)
    assert caught.value.reason == "bounced"


def test_an_error_in_an_answer_of_success_is_a_refusal(mail_vendor):
    answer = Answer(200, {"ErrorCode": 300, "Message": "no"})
    with faulty_server(answer) as server, pytest.raises(VendorRefusedError) as caught:
        mail_vendor("postmark", server.url).send(MAIL)
    assert caught.value.status == 422


def test_a_batch_that_postmark_took_in_part_names_who_was_refused(mail_vendor):
    answer = Answer(200, [{"ErrorCode": 406, "Message": "inactive"}, {"ErrorCode": 0, "MessageID": "v-2"}])
    with faulty_server(answer) as server, pytest.raises(PartlyTakenError) as caught:
        mail_vendor("postmark", server.url).send_batch(BATCH)
    assert caught.value.refused == {ID: "406: inactive"}
    assert caught.value.request_id == "v-2"


@pytest.mark.parametrize(("code", "status"), [(405, 403), (300, 422)])
def test_a_batch_of_which_nothing_was_taken_is_refused(mail_vendor, code, status):
    answer = Answer(200, [{"ErrorCode": code, "Message": "no"}] * 2)
    with faulty_server(answer) as server, pytest.raises(VendorRefusedError) as caught:
        mail_vendor("postmark", server.url).send_batch(BATCH)
    assert caught.value.status == status


@pytest.mark.parametrize("body", [b"fine", [], {}, [{"ErrorCode": 0}], ["x", "y"]])
def test_a_batch_whose_answer_cannot_be_read_is_left_open(mail_vendor, body):
    with faulty_server(Answer(200, body)) as server, pytest.raises(AmbiguousError):
        mail_vendor("postmark", server.url).send_batch(BATCH)


# Resend --------------------------------------------------------------------------------------------------------------


def test_resend_gets_the_same_key_for_the_same_mail_or_batch(mail_vendor):
    with faulty_server(GOOD["resend"][0]) as server:
        resend = mail_vendor("resend", server.url)
        resend.send(MAIL)
        resend.send_batch(BATCH)
        resend.send_batch(BATCH)
    keys = [taken.headers["idempotency-key"] for taken in server.taken]
    assert keys == [ID, batch_key(BATCH), batch_key(BATCH)]
    assert len(keys[1]) <= 256


@pytest.mark.parametrize("reason", ["invalid_idempotent_request", "concurrent_idempotent_requests"])
def test_a_key_that_resend_knows_with_another_body_is_left_open(mail_vendor, reason):
    with faulty_server(Answer(409, {"name": reason})) as server, pytest.raises(AmbiguousError):
        mail_vendor("resend", server.url).send(MAIL)
