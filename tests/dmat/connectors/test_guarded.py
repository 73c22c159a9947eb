"""Under test: addresses that people typed are never called inside our own network, however they are written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from dmat.connectors.guarded import LARGEST_ANSWER, GuardedTransport, guarded_client, is_public
from dmat.errors import InvalidInputError


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_open_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
    "::7f00:1", "no address",
])  # fmt: skip
def test_addresses_of_our_own_network_are_not(address):
    assert not is_public(address)


class Carrier(httpx.BaseTransport):
    """Notes where requests go, and answers from a script."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers, self.requests = list(answers), []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def answer(status=200, **headers):
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(b"ok"))


def guarded(carrier, names, allows_private=False):
    transport = GuardedTransport(allows_private, carrier, lambda host, port: names[host])
    return httpx.Client(transport=transport)


@pytest.mark.parametrize("url", [
    "http://localhost/", "http://127.0.0.1:8010/x", "http://[::1]/", "http://2130706433/", "http://0x7f.1/",
    "http://127.1/", "http://0/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:7f00:1]/",
])  # fmt: skip
def test_no_way_of_writing_an_inner_address_gets_through(url):
    with guarded_client() as client, pytest.raises((InvalidInputError, httpx.ConnectError)):
        client.post(url, content=b"x")


@pytest.mark.parametrize("url", ["ftp://shop.example/", "http://user:word@shop.example/"])
def test_an_address_that_is_none_is_not_called(url):
    carrier = Carrier(answer())
    with pytest.raises((InvalidInputError, httpx.UnsupportedProtocol)):
        guarded(carrier, {"shop.example": ["93.184.216.34"]}).post(url)
    assert carrier.requests == []


def test_one_inner_address_among_public_ones_is_enough_to_refuse():
    carrier = Carrier(answer())
    with pytest.raises(InvalidInputError, match="private network"):
        guarded(carrier, {"evil.example": ["93.184.216.34", "10.0.0.1"]}).post("https://evil.example/")
    assert carrier.requests == []


def test_the_connection_goes_to_the_address_that_was_looked_at():
    carrier = Carrier(answer())
    seen = []

    def changing(host, port):
        seen.append(host)
        return ["93.184.216.34"] if len(seen) == 1 else ["127.0.0.1"]

    client = httpx.Client(transport=GuardedTransport(False, carrier, changing))
    client.post("https://shop.example:8443/x?y=1", content=b"body")
    [request] = carrier.requests
    assert (request.url.host, request.url.port, request.url.path) == ("93.184.216.34", 8443, "/x")
    assert request.headers["host"] == "shop.example:8443"
    assert request.extensions["sni_hostname"] == "shop.example"
    assert request.read() == b"body"
    assert seen == ["shop.example"]


def test_an_ipv6_address_is_connected_to():
    carrier = Carrier(answer())
    guarded(carrier, {"six.example": ["2606:4700:4700::1111"]}).post("https://six.example/")
    assert carrier.requests[0].url.host == "2606:4700:4700::1111"


NAMES = {"a.example": ["93.184.216.34"], "b.example": ["93.184.216.35"], "inner.example": ["10.0.0.1"]}


def test_a_call_is_sent_on_with_its_body_and_looked_at_again():
    carrier = Carrier(answer(307, Location="https://b.example/y"), answer())
    assert guarded(carrier, NAMES).post("https://a.example/x", content=b"body").status_code == 200
    first, second = carrier.requests
    assert (second.url.host, second.method, second.read()) == ("93.184.216.35", "POST", b"body")
    assert second.headers["host"] == "b.example"
    assert first.headers["host"] == "a.example"


@pytest.mark.parametrize("target", ["https://inner.example/", "http://b.example/", "file:///etc/passwd"])
def test_a_call_is_not_sent_on_to_where_it_may_not_go(target):
    carrier = Carrier(answer(308, Location=target), answer())
    with pytest.raises(InvalidInputError):
        guarded(carrier, NAMES).post("https://a.example/x")
    assert len(carrier.requests) == 1


def test_a_ring_of_redirects_ends():
    carrier = Carrier(answer(307, Location="https://a.example/x"))
    assert guarded(carrier, NAMES).post("https://a.example/x").status_code == 307
    assert len(carrier.requests) == 4


def test_a_redirect_that_would_change_the_call_is_left_as_it_is():
    carrier = Carrier(answer(302, Location="https://b.example/y"))
    assert guarded(carrier, NAMES).post("https://a.example/x").status_code == 302
    assert len(carrier.requests) == 1


class Talker(BaseHTTPRequestHandler):
    """Answers with far more than anybody needs."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(64):
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass  # the caller has heard enough

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def talker() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Talker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_an_answer_is_heard_only_so_far_and_inner_addresses_only_in_development(talker):
    with guarded_client(allows_private=True) as client:
        assert len(client.post(talker, content=b"x").content) == LARGEST_ANSWER
    with guarded_client() as client, pytest.raises(InvalidInputError, match="private network"):
        client.post(talker, content=b"x")
