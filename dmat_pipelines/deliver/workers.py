"""Several processes that share the work of one sender: a leader, which holds lock and fence, and its followers.

Belongs here: starting followers, and giving back the claims of one that died. Stays out: what a sender does
(`sender.py`), the fence (`dmat/ledger/fence.py`).

Each follower claims under a name of its own below the leader's start, so that its claims, and no others, are given
back when it dies; the leader knows, being its parent. A follower whose leader died reads the end of its input, ends
its round and stops; whoever takes the fence next shuts it out in any case.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from dmat.errors import FencedError
from dmat.ledger.fence import Fence, give_back
from dmat.settings import Settings
from dmat.store import Store
from dmat_pipelines.deliver.lanes import DrainReport, Lanes

IDLE_SECONDS, PATIENCE_SECONDS = 0.25, 60.0
log = logging.getLogger("dmat.sender")


class Workers:
    """The followers of this process."""

    def __init__(self, settings: Settings, store: Store, count: int, settle_seconds: float) -> None:
        self.settings, self.store, self.count, self.settle_seconds = settings, store, max(0, count), settle_seconds
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started = 0

    def start(self, fence: Fence) -> None:
        """Start as many as wanted, under this fence."""
        self.stop()
        for _ in range(self.count):
            self._start_one(fence)

    def replace_dead(self, fence: Fence) -> None:
        """Give back what a dead follower held, and start another in its place."""
        for name, process in list(self._running.items()):
            if process.poll() is None:
                continue
            del self._running[name]
            count = give_back(self.store, fence, name, self.settings.clock.now(), self.settle_seconds)
            log.warning("worker %s ended (%s); %d messages given back", name, process.returncode, count)
            self._start_one(fence)

    def close(self) -> None:
        """The same as `stop`."""
        self.stop()

    def stop(self) -> None:
        """Let all end their round, and wait for them."""
        for process in self._running.values():
            if process.stdin is not None:
                process.stdin.close()
        for process in self._running.values():
            process.wait(PATIENCE_SECONDS)
        self._running = {}

    def _start_one(self, fence: Fence) -> None:
        self._started += 1
        name = str(self._started)
        facts = json.dumps({"instance_id": fence.instance_id, "start_id": fence.start_id, "worker": name})
        command = [sys.executable, "-m", "dmat_pipelines.deliver.sender", "--home", str(self.settings.home)]
        command += ["--settle-seconds", str(self.settle_seconds), "--follow", facts]
        self._running[name] = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def follow_the_leader(lanes: Lanes, facts: str) -> None:
    """Work as a follower until the leader ends, `stop` is set, or another sender takes over."""
    fence = Fence(**json.loads(facts), home=Path(lanes.settings.home))
    threading.Thread(target=_wait_for_the_end, args=(lanes,), daemon=True).start()
    while not lanes.stop.is_set():
        report = DrainReport()
        try:
            lanes.work(fence, report, time.monotonic() + 3600)
        except FencedError as error:
            log.warning("worker %s stops: %s", fence.worker, error)
            return
        if report.examined_count:
            log.info("%s", json.dumps({key: value for key, value in asdict(report).items() if value}))
        lanes.stop.wait(IDLE_SECONDS)


def _wait_for_the_end(lanes: Lanes) -> None:
    sys.stdin.buffer.read()  # the leader never writes: this returns when it is gone
    lanes.stop.set()
