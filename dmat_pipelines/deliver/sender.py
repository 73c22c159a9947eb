"""The sender: drains the ledger through the gate, resident or once; it may be killed at any moment.

Belongs here: the loop, its pauses, and being the only sender of a folder. Stays out: one batch
(`dmat_pipelines/deliver/sending.py`), states and claims (`dmat/ledger`).

    python -m dmat_pipelines.deliver.sender --home var          resident; SIGTERM lets it finish its batch
    python -m dmat_pipelines.deliver.sender --home var --once   until nothing is due
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime

from dmat.channels.contract import MailProvider
from dmat.channels.email import mail_provider
from dmat.errors import FencedError
from dmat.ledger.claim import has_due
from dmat.ledger.entries import unresolved
from dmat.ledger.fence import SETTLE_SECONDS, Fence, sending_lock, take_fence
from dmat.ledger.reconcile import reconcile
from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store
from dmat_pipelines.deliver.sending import BatchReport, BatchSender

IDLE_SECONDS, FENCED_SECONDS, RECONCILE_SECONDS = 0.5, 5.0, 2.0
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.1, 30.0
HALT_SECONDS = 60.0
log = logging.getLogger("dmat.sender")


@dataclass
class DrainReport:
    """What a drain did; `stopped_because` is empty when nothing more was due."""

    examined_count: int = 0
    accepted_count: int = 0
    held_out_count: int = 0
    suppressed_count: int = 0
    expired_count: int = 0
    later_count: int = 0
    rejected_count: int = 0
    retried_count: int = 0
    ambiguous_count: int = 0
    resolved_count: int = 0
    unresolved: list[str] = field(default_factory=list)
    stopped_because: str = ""

    def add(self, batch: BatchReport) -> None:
        """Add one batch."""
        self.examined_count += batch.examined_count
        outcomes: Counter[str] = batch.outcomes
        self.accepted_count += outcomes["accepted"]
        self.rejected_count += outcomes["rejected"]
        self.retried_count += outcomes["retried"]
        self.ambiguous_count += outcomes["ambiguous"]
        self.held_out_count += batch.verdicts["held_out"]
        self.suppressed_count += batch.verdicts["suppressed"]
        self.expired_count += batch.verdicts["expired"]
        self.later_count += batch.verdicts["planned"]


class Sender:
    """The loop around batches: pauses for the provider's sake, looks for evidence, stops when told."""

    def __init__(self, batches: BatchSender) -> None:
        self.batches = batches
        self.stop = threading.Event()
        self._backoff = 0.0
        self._reconciled_at = 0.0

    def close(self) -> None:
        """End threads and the renderer."""
        self.batches.close()

    def take_fence(self) -> Fence:
        """See `dmat.ledger.fence.take_fence`."""
        mine = self.batches
        return take_fence(mine.settings, mine.store, mine.now(), mine.settle_seconds)

    def work(self, fence: Fence, report: DrainReport, deadline: float) -> None:
        """Send until nothing is due, the deadline (monotonic) passes, or `stop` is set.

        Raises:
            FencedError: another sender took over.
        """
        while not self.stop.is_set():
            if time.monotonic() >= deadline:
                report.stopped_because = "its time was over"
                return
            self._resolve(report)
            if not has_due(self.batches.store, self.batches.now()):
                return
            batch = self.batches.send_batch(fence)
            report.add(batch)
            if batch.halted_because:
                report.stopped_because = batch.halted_because
                return
            if not self._pause(batch, deadline):
                report.stopped_because = "the provider asks to wait"
                return
        report.stopped_because = "it was told to stop"

    def _resolve(self, report: DrainReport) -> None:
        mine = self.batches
        if time.monotonic() - self._reconciled_at < min(RECONCILE_SECONDS, mine.settle_seconds):
            return
        found = reconcile(mine.store, mine.provider, mine.now())
        report.resolved_count += found.accepted_count + found.planned_again_count
        self._reconciled_at = time.monotonic()

    def _pause(self, batch: BatchReport, deadline: float) -> bool:
        if batch.is_unavailable:
            self._backoff = min(max(self._backoff * 2, FIRST_BACKOFF_SECONDS), LONGEST_BACKOFF_SECONDS)
        elif batch.outcomes["accepted"]:
            self._backoff = 0.0
        wait = max(batch.wait_seconds, self._backoff if batch.is_unavailable else 0.0)
        if time.monotonic() + wait >= deadline:
            return False
        self.stop.wait(wait)
        return True


def drain(
    settings: Settings,
    store: Store,
    provider: MailProvider | None = None,
    *,
    now: datetime | Callable[[], datetime] | None = None,
    max_seconds: float = 3600.0,
    settle_seconds: float = SETTLE_SECONDS,
) -> DrainReport:
    """Send what is due and give what happened.

    Args:
        settings: the workspace.
        store: its store.
        provider: who takes the mails; the connected one by default, the sandbox when none is.
        now: the time to act at, or what tells it; the workspace's clock by default.
        max_seconds: real seconds after which to stop.
        settle_seconds: real seconds after which an ambiguous message is looked up.

    When another sender of this folder is at work, or the store waits for a person's yes, nothing is sent and
    `stopped_because` says so.
    """
    report = DrainReport()
    with sending_lock(settings) as is_mine:
        if not is_mine:
            report.stopped_because = "another sender is at work"
            return report
        chosen = provider or mail_provider(settings)
        batches = BatchSender(settings, store, chosen, _clock(settings, now), settle_seconds)
        with closing(Sender(batches)) as sender:
            try:
                sender.work(sender.take_fence(), report, time.monotonic() + max_seconds)
            except FencedError as error:
                report.stopped_because = str(error)
    report.unresolved = [entry.message_id for entry in unresolved(store)]
    return report


def _clock(settings: Settings, now: datetime | Callable[[], datetime] | None) -> Callable[[], datetime]:
    if now is None:
        return settings.clock.now
    if isinstance(now, datetime):
        fixed = now
        return lambda: fixed
    return now


def run(sender: Sender) -> None:
    """Work until `stop` is set: wait for the lock, for the fence, for something due."""
    while not sender.stop.is_set():
        with sending_lock(sender.batches.settings) as is_mine:
            if is_mine:
                _work_while_mine(sender)
        sender.stop.wait(IDLE_SECONDS)


def _work_while_mine(sender: Sender) -> None:
    fence: Fence | None = None
    said = ""
    while not sender.stop.is_set():
        report, pause = DrainReport(), IDLE_SECONDS
        try:
            fence = fence or sender.take_fence()
            sender.work(fence, report, time.monotonic() + 3600)
        except FencedError as error:
            fence, report.stopped_because, pause = None, str(error), FENCED_SECONDS
        if report.examined_count or report.resolved_count:
            log.info("%s", json.dumps({key: value for key, value in asdict(report).items() if value}))
        elif report.stopped_because and report.stopped_because != said:
            log.warning("not sending: %s", report.stopped_because)
        said = report.stopped_because
        halted = bool(report.stopped_because) and fence is not None
        sender.stop.wait(HALT_SECONDS if halted and report.retried_count else pause)


def main() -> None:
    """The command line of this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", help="the workspace folder")
    parser.add_argument("--once", action="store_true", help="stop when nothing is due")
    parser.add_argument("--settle-seconds", type=float, default=SETTLE_SECONDS, help="wait before looking a message up")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = load_settings(home=arguments.home)
    store = open_store(settings)
    if arguments.once:
        report = drain(settings, store, settle_seconds=arguments.settle_seconds)
        log.info("%s", json.dumps(asdict(report)))
        return
    batches = BatchSender(settings, store, mail_provider(settings), settings.clock.now, arguments.settle_seconds)
    with closing(Sender(batches)) as sender:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sender.stop.set())
        run(sender)
    store.close()


if __name__ == "__main__":
    main()
