"""A mend of how Panel 1.9 writes updates to browsers: one that comes while another is under way is not left lying.

Belongs here: that mend, and nothing else; it goes when Panel has it. Stays out: what is written, and when (`live.py`).

An update that cannot be written at once waits in a queue. The writer of the queue says "nothing waits" when the message
that it waited for is out, though another may have been queued meanwhile; that one was then written with the next
update, however late it came. On a page where nothing else changed, a click did nothing.
"""

from __future__ import annotations

from typing import Any

from bokeh.document import Document
from panel.io import document as panels

document: Any = panels  # what is mended has no types
_write_queue = document._dispatch_msgs


async def write_all(doc: Document) -> None:
    """Write what waits for the browsers of a page, and go on while something waits."""
    await _write_queue(doc)
    if document._WRITE_MSGS.get(doc) and doc not in document._WRITE_BLOCK:
        document._WRITE_BLOCK[doc] = True
        document._dispatch_write_task(doc, write_all, doc)


def mend_writes() -> None:
    """Let Panel use `write_all`."""
    document._dispatch_msgs = write_all
