"""Under test: a page is gone from the server's memory when its reader has left.

Panel Material UI's page binds itself to a flag of the whole server, and so stays for ever; ours does not.
"""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import weakref

import httpx
import pytest
import segments_fixture
from panel.io.state import state
from serving_fixture import PASSWORD
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from apps import shell
from apps.context import open_context
from apps.screens import SCREENS
from apps.serve import build_server

READERS_EACH = 4


@pytest.fixture
def pages(monkeypatch):
    """A weak reference to every page that is made."""
    made = []

    class Counted(shell.QuietPage):
        def __init__(self, **params):
            super().__init__(**params)
            made.append(weakref.ref(self))

    monkeypatch.setattr(shell, "QuietPage", Counted)
    return made


async def come_and_go(client: httpx.AsyncClient, path: str) -> None:
    """Open a page and its websocket, let it load, and leave."""
    token = re.search(r'"token":"([^"]+)"', (await client.get(path)).text).group(1)
    path = path.partition("?")[0]
    headers = {"Origin": str(client.base_url).rstrip("/"), "Cookie": f"dmat_session={client.cookies['dmat_session']}",
               "Sec-WebSocket-Protocol": f"bokeh, {token}"}  # fmt: skip
    connection = await websocket_connect(
        HTTPRequest(str(client.base_url).replace("http", "ws").rstrip("/") + path + "/ws", headers=headers)
    )
    await connection.read_message()
    for document in list(state._onload):
        state._on_load(document)
    await asyncio.sleep(0.05)
    connection.close()


async def visit(context, paths) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    server = build_server(context, port, late_ms=600)
    server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        await client.post("/sign-in", data={"email": "admin@example.com", "password": PASSWORD})
        for path in paths:
            for _ in range(READERS_EACH):
                await come_and_go(client, path)
        for _ in range(200):
            await asyncio.sleep(0.1)
            if not any(context._sessions for context in server._tornado._applications.values()):
                break
    await asyncio.sleep(0.3)
    server.stop()


def test_no_page_is_left_after_twenty_readers_came_and_went(context, pages):
    asyncio.run(visit(context, [entry.path for entry in SCREENS]))
    gc.collect()
    assert len(pages) >= max(20, READERS_EACH * len(SCREENS))  # one whose websocket came late is made anew
    assert sum(page() is not None for page in pages) <= 1  # the last one may still be in a callback of the loop


def test_no_page_of_segments_is_left_either(tmp_path, pages):
    context = open_context(segments_fixture.build_audience(tmp_path))
    paths = ["/segments?new=blank", "/segments?id=germans"]
    asyncio.run(visit(context, paths))
    gc.collect()
    assert len(pages) >= READERS_EACH * len(paths)  # one whose websocket came late is made anew
    assert sum(page() is not None for page in pages) <= 1
    context.store.close()
