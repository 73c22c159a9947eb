"""Under test: every e-mail vendor against a real HTTP server that answers, refuses, waits, cuts or loses its answer.

What each is asked must be once, must carry our message id and the headers of RFC 8058, and nothing of our keys.
"""

from __future__ import annotations

import base64
import email
from email import policy

import pytest
from faulty_server import Answer, faulty_server
from mail_vendors import BATCH, BY_KEY, GOOD, ID, KEY, KINDS, MAIL, OTHER, UNSUBSCRIBE

from dmat.connectors.mail_answers import ATTEMPTS_BY_KEY
from dmat.errors import (
    AmbiguousError,
    InvalidInputError,
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
    VendorUnreachableError,
)

EACH = pytest.mark.parametrize("name", KINDS)


@EACH
def test_a_mail_is_taken_once_and_its_id_is_told(mail_vendor, name):
    good, path = GOOD[name]
    with faulty_server(good) as server:
        assert mail_vendor(name, server.url).send(MAIL) == "v-1"
    [taken] = server.taken
    assert (taken.method, taken.path) == ("POST", path)
    assert ID in str(taken.json)
    assert KEY.encode() not in taken.body


@EACH
def test_an_answer_without_an_id_is_an_acceptance_all_the_same(mail_vendor, name):
    with faulty_server(Answer(200, b"fine")) as server:
        assert mail_vendor(name, server.url).send(MAIL) == ""


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
def test_a_failure_is_named_for_what_it_means_and_without_a_key_nothing_is_sent_again(mail_vendor, name, answer, error):
    with faulty_server(answer) as server:
        with pytest.raises(error) as caught:
            mail_vendor(name, server.url).send(MAIL)
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
def test_where_nobody_listens_nothing_has_left(mail_vendor, name):
    with faulty_server() as server:
        url = server.url
    with pytest.raises(VendorUnreachableError):
        mail_vendor(name, url).send(MAIL)


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
def test_every_mail_carries_the_headers_of_one_click_unsubscribe(mail_vendor, name):
    with faulty_server(GOOD[name][0]) as server:
        mail_vendor(name, server.url).send(MAIL)
    found = headers_of(name, server.taken[0].json)
    assert {key: found[key] for key in UNSUBSCRIBE} == UNSUBSCRIBE


@EACH
def test_every_mail_says_where_answers_go(mail_vendor, name):
    with faulty_server(GOOD[name][0]) as server:
        mail_vendor(name, server.url).send(MAIL)
    body = server.taken[0].json
    text = base64.b64decode(body["Content"]["Raw"]["Data"]).decode() if name == "ses" else str(body)
    assert "answers@shop.example" in text


@pytest.mark.parametrize("name", ["sendgrid", "postmark", "resend"])
def test_a_batch_is_one_request_in_which_each_person_has_their_own_headers(mail_vendor, name):
    answer = {"postmark": [{"MessageID": "v-1", "ErrorCode": 0}, {"MessageID": "v-2", "ErrorCode": 0}],
              "resend": {"data": [{"id": "v-1"}, {"id": "v-2"}]}, "sendgrid": {}}[name]  # fmt: skip
    with faulty_server(Answer(200, answer, {"X-Message-Id": "v-1"})) as server:
        assert mail_vendor(name, server.url).send_batch(BATCH) == "v-1"
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
def test_a_vendor_without_batches_takes_none(mail_vendor, name):
    with faulty_server() as server, pytest.raises(InvalidInputError, match="no batches"):
        mail_vendor(name, server.url).send_batch(BATCH)
    assert server.taken == []
