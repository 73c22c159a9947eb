"""Under test: what handing over one message means when the vendor answers, refuses, waits, cuts or loses the answer."""

from __future__ import annotations

import httpx
import orjson
import pytest

from dmat.channels.contract import OutgoingMail, Sought
from dmat.errors import (
    AmbiguousError,
    InvalidInputError,
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
)

MAIL = OutgoingMail(
    message_id="0b1c", to_email="ada@shop.example", to_name="Ada", from_email="hello@shop.example", from_name="Shop",
    subject="Your cart", html="<p>Hello</p>", text="Hello", headers={"List-Unsubscribe": "<https://x.example>"},
    custom_args={"campaign": "cart_recovery"}, categories=["cart_recovery"],
)  # fmt: skip
SENDERS = {
    "sendgrid": (lambda c: c.send(MAIL), httpx.Response(202, headers={"X-Message-Id": "sg-1"}), "sg-1"),
}
EACH = pytest.mark.parametrize("name", SENDERS)


@EACH
def test_an_accepted_message_gives_the_vendors_id(connect, name):
    send, good, expected = SENDERS[name]
    connector, _ = connect(name, good)
    assert send(connector) == expected


@EACH
@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (httpx.ConnectError("refused"), VendorUnavailableError),
        (httpx.ConnectTimeout("far"), VendorUnavailableError),
        (httpx.Response(500), VendorUnavailableError),
        (httpx.Response(429, headers={"Retry-After": "9"}), RateLimitedError),
        (httpx.Response(400, text="bad body"), VendorRefusedError),
        (httpx.Response(401, text="no key"), VendorRefusedError),
        (httpx.ReadTimeout("slow"), AmbiguousError),
        (httpx.WriteError("cut while writing"), AmbiguousError),
        (httpx.ReadError("reset"), AmbiguousError),
        (httpx.RemoteProtocolError("lost acknowledgement"), AmbiguousError),
        (httpx.Response(504), AmbiguousError),
    ],
    ids=lambda v: type(v).__name__ + str(getattr(v, "status_code", "")) if not isinstance(v, type) else v.__name__,
)
def test_a_failure_is_named_for_what_it_means_and_the_message_is_handed_over_once(connect, name, failure, error):
    send, _, _ = SENDERS[name]
    connector, vendor = connect(name, failure)
    with pytest.raises(error) as caught:
        send(connector)
    assert type(caught.value) is error
    assert len(vendor.requests) == 1
    assert vendor.slept == []
    assert "k3y" not in str(caught.value)


def test_our_message_id_travels_with_the_mail(connect):
    connector, vendor = connect("sendgrid", httpx.Response(202))
    assert connector.send(MAIL) == ""
    body = orjson.loads(vendor.requests[0].content)
    assert body["personalizations"][0]["custom_args"] == {"campaign": "cart_recovery", "dmat_message_id": "0b1c"}
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]


def test_a_message_that_was_taken_is_found_by_our_id(connect):
    connector, vendor = connect("sendgrid", {"messages": [{"msg_id": "sg-1"}]})
    assert connector.find_message(Sought("0b1c")) == "sg-1"
    assert dict(vendor.requests[0].url.params)["query"] == """(unique_args['dmat_message_id']="0b1c")"""


def test_a_message_that_was_never_taken_is_not_found(connect):
    connector, _ = connect("sendgrid", {"messages": []})
    assert connector.find_message(Sought("0b1c")) is None


def test_an_account_without_message_search_says_so(connect):
    connector, _ = connect("sendgrid", httpx.Response(403, json={"errors": [{"message": "access forbidden"}]}))
    with pytest.raises(VendorRefusedError):
        connector.find_message(Sought("0b1c"))


def test_a_message_id_cannot_change_the_search(connect):
    connector, vendor = connect("sendgrid", {"messages": []})
    with pytest.raises(InvalidInputError):
        connector.find_message(Sought('" OR "1"="1'))
    assert vendor.requests == []
