"""Under test: updates of a page reach the browser though another is under way, in their order, each once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from bokeh.document import Document
from panel.io import document

from apps.writes import mend_writes


class Socket:
    """Stands for a browser's websocket: what was written to it, and what is not out yet."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.under_way: list[asyncio.Future[None]] = []

    def write(self, message: list[str]) -> list[asyncio.Future[None]]:
        self.written += message
        self.under_way.append(asyncio.get_running_loop().create_future())
        return [self.under_way[-1]]


class Connection:
    """Stands for Bokeh's side of it."""

    protocol = SimpleNamespace(create=lambda kind, events: events)

    def __init__(self) -> None:
        self._socket = Socket()


@pytest.fixture
def connection(monkeypatch):
    monkeypatch.setattr(document, "_dispatch_msgs", document._dispatch_msgs)  # what was there comes back afterwards
    monkeypatch.setitem(document.extra_socket_handlers, Socket, lambda conn, msg: conn._socket.write(msg))
    mend_writes()
    return Connection()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_an_update_queued_at_the_moment_the_one_before_is_out_is_written_too(connection):
    async def two_updates() -> None:
        page, socket = Document(), connection._socket
        document.schedule_write_events(page, [connection], ["first"])
        await turns()
        socket.under_way[0].set_result(None)
        document.schedule_write_events(page, [connection], ["second"])  # before the writer of the first goes on
        await turns()
        assert socket.written == ["first", "second"]
        socket.under_way[1].set_result(None)
        await turns()
        assert page not in document._WRITE_BLOCK  # nothing holds up what comes next
        assert not document._WRITE_MSGS.get(page)

    asyncio.run(two_updates())


def test_updates_queued_while_one_is_under_way_keep_their_order(connection):
    async def many_updates() -> None:
        page, socket = Document(), connection._socket
        for number in range(4):
            document.schedule_write_events(page, [connection], [str(number)])
            await turns()
        for future in socket.under_way:
            future.set_result(None)
        await turns()
        assert socket.written == ["0", "1", "2", "3"]

    asyncio.run(many_updates())
