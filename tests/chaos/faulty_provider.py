"""A provider on loopback that speaks as SendGrid's v3 and misbehaves: lost answers, 500, 429, slowness."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Faults:
    """The share of requests that go wrong, and how."""

    lost_answer: float = 0.0
    error_500: float = 0.0
    too_many_429: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 0.2
    can_look_up: bool = True


@dataclass
class Accepted:
    """What it took: how often each message, and to whom."""

    times: Counter = field(default_factory=Counter)
    addresses: set = field(default_factory=set)
    faults: Counter = field(default_factory=Counter)
    count: int = 0
    largest: int = 0


class FaultyProvider:
    """Serves in a thread until closed."""

    def __init__(self, faults: Faults, seed: int = 7) -> None:
        self.faults, self.accepted = faults, Accepted()
        self.dice, self.lock = random.Random(seed), threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.provider = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def draw(self) -> str:
        """Which fault the next request meets."""
        with self.lock:
            point = self.dice.random()
            for name in ("lost_answer", "error_500", "too_many_429", "slow"):
                share = getattr(self.faults, name)
                if point < share:
                    self.accepted.faults[name] += 1
                    return name
                point -= share
        return ""

    def accept(self, body: dict) -> str:
        people = body["personalizations"]
        with self.lock:
            self.accepted.largest = max(self.accepted.largest, len(people))
            for person in people:
                self.accepted.times[person["custom_args"]["dmat_message_id"]] += 1
                self.accepted.addresses.add(person["to"][0]["email"])
            self.accepted.count += len(people)
        return f"sg-{people[0]['custom_args']['dmat_message_id']}"


class Server(ThreadingHTTPServer):
    """The HTTP server of one provider."""

    daemon_threads = True
    provider: FaultyProvider


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_args) -> None:
        """Says nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError, OSError):
            self.close_connection = True  # the sender was killed, or the answer was lost on purpose

    def answer(self, status: int, body: object = None, **headers: str) -> None:
        text = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        provider = self.server.provider
        fault = provider.draw()
        if fault == "error_500":
            return self.answer(500)
        if fault == "too_many_429":
            return self.answer(429, Retry_After="0")
        if fault == "slow":
            time.sleep(provider.faults.slow_seconds)
        identity = provider.accept(body)
        if fault == "lost_answer":
            self.close_connection = True
            return self.connection.close()
        return self.answer(202, X_Message_Id=identity)

    def do_GET(self) -> None:
        provider = self.server.provider
        if not provider.faults.can_look_up:
            return self.answer(403, {"errors": [{"message": "no access to Email Activity"}]})
        query = parse_qs(urlsplit(self.path).query)["query"][0]
        found = re.search(r'="([0-9a-f-]{36})"', query)
        taken = found and provider.accepted.times[found.group(1)] > 0
        return self.answer(200, {"messages": [{"msg_id": f"sg-{found.group(1)}"}] if taken else []})
