"""A helper: a process of its own that prepares the next round, so that putting together and writing use two cores.

Belongs here: the process, from its start to its end. Stays out: what it does (`preparing.py`), how it crosses
(`packing.py`). It only looks: what it prepares has no right to leave, so it may be killed at any moment.
"""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process

from dmat.channels.contract import Provider
from dmat.channels.providers import open_provider
from dmat.errors import DmatError
from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store
from dmat_pipelines.deliver.composing import Composer
from dmat_pipelines.deliver.packing import PackedPrepared, pack, unpack
from dmat_pipelines.deliver.preparing import Prepared, Question, look_and_prepare
from dmat_pipelines.deliver.process import CACHE_KILOBYTES, settle_memory


class Helper:
    """One process that prepares the messages of one channel; used by one thread. Call `close` at the end.

    Args:
        settings: the workspace.
        channel: of which messages.
    """

    def __init__(self, settings: Settings, channel: str) -> None:
        self._pool = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_start, initargs=(str(settings.home), channel)
        )

    @property
    def pid(self) -> int:
        """Its process; waits until it is up."""
        return self._pool.submit(os.getpid).result()

    def prepare(self, asked: Question) -> Prepared | None:
        """What is due, put together; None when it could not be, and whoever asks must do it."""
        try:
            packed = self._pool.submit(_prepare, asked).result()
        except BrokenProcessPool:
            return None
        return unpack(packed) if packed is not None else None

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(cancel_futures=True)


class _Work:
    """What the process needs, opened at its start."""

    opened: tuple[Store, Composer, Provider] | None = None


def _start(home: str, channel: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the sender, which lets its round end
    threading.Thread(target=_end_with_the_sender, daemon=True).start()
    settle_memory()
    settings = load_settings(home=home)
    store = open_store(settings, CACHE_KILOBYTES)
    _Work.opened = store, Composer(settings, store), open_provider(settings, channel)


def _end_with_the_sender() -> None:
    sender = parent_process()
    if sender is not None:
        sender.join()
    os._exit(1)


def _prepare(asked: Question) -> PackedPrepared | None:
    assert _Work.opened is not None  # noqa: S101 - set before the first question
    try:
        return pack(look_and_prepare(*_Work.opened, asked))
    except DmatError:  # the sender meets it too when it does the same, and says it
        return None
