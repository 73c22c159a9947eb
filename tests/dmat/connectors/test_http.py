"""Under test: waiting, giving up and hiding keys, against a real server on the loopback that is slow or cuts."""

from __future__ import annotations

import socket
import threading
from email.utils import format_datetime

import httpx
import pytest
from pydantic import SecretStr

from dmat.connectors.http import Retry, VendorHttp, seconds_asked
from dmat.errors import (
    AmbiguousError,
    InvalidInputError,
    RateLimitedError,
    VendorUnavailableError,
    VendorUnreachableError,
)

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@pytest.fixture
def server():
    """`server(behaviour)` -> (address, how many requests came in); behaviour gets each accepted connection."""
    sockets = []

    def start(behaviour):
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)
        seen = []

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                seen.append(connection.recv(65536))
                behaviour(connection)

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}", seen

    yield start
    for listener in sockets:
        listener.close()


def open_http(address, timeout=5.0, **more):
    return VendorHttp("vendor", address, client=httpx.Client(timeout=timeout), sleep=lambda s: None, **more)


def test_a_cut_after_the_request_left_is_ambiguous_and_not_repeated(server):
    address, seen = server(lambda connection: connection.close())
    with pytest.raises(AmbiguousError):
        open_http(address).send("POST", "/mail", json={})
    assert len(seen) == 1


def test_an_answer_that_is_lost_halfway_is_ambiguous(server):
    def half(connection):
        connection.sendall(ACCEPTED[:-1])
        connection.close()

    address, seen = server(half)
    with pytest.raises(AmbiguousError):
        open_http(address).send("POST", "/mail", json={})
    assert len(seen) == 1


def test_an_answer_that_does_not_come_in_time_is_ambiguous(server):
    waiting = []
    address, seen = server(waiting.append)
    with pytest.raises(AmbiguousError):
        open_http(address, timeout=0.2).send("POST", "/mail", json={})
    assert len(seen) == 1


def test_a_server_that_is_not_there_has_done_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(VendorUnavailableError):
        open_http(f"http://127.0.0.1:{port}").send("POST", "/mail", json={})


def test_a_vendor_at_whose_address_nobody_listens_is_given_up_after_one_more_try():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    slept = []
    http = VendorHttp("vendor", f"http://127.0.0.1:{port}", sleep=slept.append)
    with pytest.raises(VendorUnreachableError):
        http.read_json("GET", "/things")
    assert len(slept) == 1


def test_reading_goes_on_after_a_cut(server):
    turns = iter([lambda c: c.close(), lambda c: (c.sendall(ACCEPTED), c.close())])
    address, seen = server(lambda connection: next(turns)(connection))
    assert open_http(address).read_json("GET", "/things") == {}
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (500, {}, VendorUnavailableError),
        (503, {}, VendorUnavailableError),
        (503, {"Retry-After": "3"}, RateLimitedError),
        (429, {}, RateLimitedError),
        (502, {}, AmbiguousError),
        (504, {}, AmbiguousError),
        (524, {}, AmbiguousError),
        (408, {}, AmbiguousError),
    ],
)
def test_what_a_status_says_about_a_request_that_acts(status, headers, error):
    transport = httpx.MockTransport(lambda request: httpx.Response(status, headers=headers))
    http = VendorHttp("vendor", "https://vendor.example", client=httpx.Client(transport=transport))
    with pytest.raises(error) as caught:
        http.send("POST", "/mail", json={})
    assert type(caught.value) is error


def test_waiting_in_all_is_bounded():
    slept = []
    transport = httpx.MockTransport(lambda request: httpx.Response(429, headers={"Retry-After": "4"}))
    retry = Retry(attempts=10, longest_total_seconds=10)
    client = httpx.Client(transport=transport)
    http = VendorHttp("vendor", "https://vendor.example", client=client, retry=retry, sleep=slept.append)
    with pytest.raises(RateLimitedError):
        http.read_json("GET", "/things")
    assert slept == [4.0, 4.0]


def test_retry_after_is_read_as_seconds_or_as_a_date():
    from datetime import UTC, datetime, timedelta

    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert seconds_asked(httpx.Response(429, headers={"Retry-After": "12"})) == 12
    assert 90 < seconds_asked(httpx.Response(429, headers={"Retry-After": later})) <= 100
    assert seconds_asked(httpx.Response(429, headers={"Retry-After": "soon"})) is None
    assert seconds_asked(httpx.Response(200, headers={"X-RateLimit-Reset": "99999999999"})) is None


def test_a_key_that_cannot_be_a_header_is_told_without_the_key(server):
    address, _ = server(lambda connection: connection.close())
    http = VendorHttp("vendor", address, headers={"Authorization": "Bearer s3cr\net"})
    with pytest.raises(InvalidInputError) as caught:
        http.read_json("GET", "/")
    assert "s3cr" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_keys_are_hidden_wherever_a_vendor_repeats_them():
    http = VendorHttp("vendor", "https://vendor.example", secrets=[SecretStr("s3cret")])
    assert http.hide("token s3cret, header Bearer abcdefghijkl") == "token ***, header Bearer ***"
