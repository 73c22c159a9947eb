"""Keeping a page up to date: one look a second and a half, and nothing sent when nothing changed.

Belongs here: when a page asks again. Stays out: what it asks (each screen's `refresh`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import duckdb
import panel as pn
from panel.io.callbacks import PeriodicCallback
from sqlalchemy.exc import SQLAlchemyError

from apps.context import Context, Pulse
from dmat.errors import DmatError

LOOK_MS = 1500
AGAIN_SECONDS = 60.0
GRACE_SECONDS = 2.0
log = logging.getLogger(__name__)


def keep_fresh(
    context: Context, seen: Callable[[], None], refresh: Callable[[Pulse], Callable[[], None]]
) -> Callable[[], None]:
    """Look at the pulse again and again while the page is open.

    Args:
        context: what all pages share.
        seen: called at every look, on the page's own thread; cheap.
        refresh: called in a thread when the pulse differs from the last one, and once a minute; asks for data and
            gives a function that shows them, which then runs on the page's own thread.

    Returns:
        A function to call when the browser says that it shows the page. Looking begins with Panel's "loaded" event;
        that event does not come again when a page finds the server anew after a restart, and until it came Panel
        throws updates away, so that a page that shows and was not reported loaded is reported by us.
    """
    last: tuple[object, float] = (None, 0.0)

    async def look() -> None:
        nonlocal last
        try:
            pulse = await asyncio.to_thread(context.pulse)
            if pulse != last[0] or time.monotonic() - last[1] > AGAIN_SECONDS:
                show = await asyncio.to_thread(refresh, pulse)
                last = (pulse, time.monotonic())
                show()
            seen()
        except (DmatError, SQLAlchemyError, duckdb.Error) as error:
            log.warning("a page could not be refreshed: %s", error)

    document = pn.state.curdoc
    is_begun = False

    def begin() -> None:
        nonlocal is_begun
        if not is_begun:
            is_begun = True
            pn.state.execute(look)
            PeriodicCallback(callback=look, period=LOOK_MS, background=True).start()

    async def greet() -> None:
        await asyncio.sleep(GRACE_SECONDS)
        if not is_begun:
            pn.state._on_load(document)

    pn.state.onload(begin)
    return lambda: pn.state.execute(greet)
