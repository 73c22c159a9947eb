"""A helper: a process of its own that prepares the next round, so that putting together and writing use two cores.

Belongs here: the process, from its start to its end. Stays out: what it does (`preparing.py`), how it crosses
(`packing.py`). It only looks: what it prepares has no right to leave, so it may be killed at any moment.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection

from dmat.channels.providers import open_provider
from dmat.errors import DmatError
from dmat.settings import Settings, load_settings
from dmat.store import open_store
from dmat_pipelines.deliver.composing import Composer
from dmat_pipelines.deliver.packing import pack, unpack
from dmat_pipelines.deliver.preparing import Prepared, Question, look_and_prepare
from dmat_pipelines.deliver.process import CACHE_KILOBYTES, settle_memory

PIPE_BYTES = 1 << 20  # a round is some two megabytes: by the usual 64 kB at a time, both would wait for each other
PATIENCE_SECONDS = 10.0


class Helper:
    """One process that prepares the messages of one channel; call `close` at the end.

    Args:
        settings: the workspace.
        channel: of which messages.
    """

    def __init__(self, settings: Settings, channel: str) -> None:
        context = get_context("spawn")
        asked, self._asked = context.Pipe(duplex=False)
        self._answers, answers = context.Pipe(duplex=False)
        _widen(self._answers)
        self._process = context.Process(
            target=_work, args=(str(settings.home), channel, asked, answers), name=f"prepare-{channel}", daemon=True
        )
        self._process.start()
        asked.close()
        answers.close()  # now only the process has it: when it dies, the answer ends
        self._in_use = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process."""
        return int(self._process.pid or 0)

    def prepare(self, asked: Question) -> Prepared | None:
        """What is due, put together; None when it could not be, and whoever asks must do it."""
        try:
            with self._in_use:
                self._asked.send(asked)
                packed = self._answers.recv()
        except (EOFError, OSError):
            return None
        return unpack(packed) if packed is not None else None

    def close(self) -> None:
        """End the process."""
        with self._in_use:
            self._asked.close()
            self._answers.close()
        self._process.join(PATIENCE_SECONDS)
        self._process.kill()
        self._process.join()


def _widen(pipe: Connection) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # more than this user may have: then it is as wide as it was
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _work(home: str, channel: str, asked: Connection, answers: Connection) -> None:
    """Answer questions until their pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the sender, which lets its round end
    threading.Thread(target=_end_with_the_sender, daemon=True).start()
    settle_memory()
    settings = load_settings(home=home)
    store, provider = open_store(settings, CACHE_KILOBYTES), open_provider(settings, channel)
    composer = Composer(settings, store)
    with suppress(EOFError, BrokenPipeError):
        while True:
            question = asked.recv()
            try:
                packed = pack(look_and_prepare(store, composer, provider, question))
            except DmatError:  # the sender meets it too when it does the same, and says it
                packed = None
            answers.send(packed)
    composer.close()


def _end_with_the_sender() -> None:
    sender = parent_process()
    if sender is not None:
        sender.join()
    os._exit(1)
