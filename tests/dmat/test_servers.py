"""Under test: asking a server whether it answers, and waiting for it no longer than it lives."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dmat.servers import is_answering, wait_for_answer


@pytest.fixture
def server():
    """A server whose `statuses` are answered one after the other, the last one again and again."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            statuses = self.server.statuses
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.statuses = [200]
        running.url = f"http://127.0.0.1:{running.server_address[1]}/health"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.parametrize(("status", "answers"), [(200, True), (401, True), (404, True), (500, False), (503, False)])
def test_a_server_answers_unless_it_fails_itself(server, status, answers):
    server.statuses = [status]
    assert is_answering(server.url) is answers


def test_a_proxy_of_the_environment_is_not_asked_for_our_own_servers(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert is_answering(server.url)


def test_nobody_there_is_no_answer():
    assert not is_answering("http://127.0.0.1:1/health")
    assert not is_answering("not an address")


def test_a_server_that_is_still_starting_is_waited_for(server):
    server.statuses = [503, 503, 200]
    wait_for_answer(server.url)
    assert server.statuses == [200]


def test_a_server_that_never_answers_is_given_up_with_where_to_look():
    with pytest.raises(TimeoutError, match=r"did not answer in 0 s; see api\.log"):
        wait_for_answer("http://127.0.0.1:1/health", seconds=0, hint="api.log")


def test_a_server_whose_process_ended_is_not_waited_for():
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    with pytest.raises(TimeoutError, match="ended before it answered"):
        wait_for_answer("http://127.0.0.1:1/health", seconds=3600, process=ended)
