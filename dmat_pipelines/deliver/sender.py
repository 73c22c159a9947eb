"""The sender: drains the ledger through the gate, resident or once; it may be killed at any moment.

Belongs here: the process, what it does when nothing is due or it may not send. Stays out: the lanes' loop
(`dmat_pipelines/deliver/lanes.py`), one round (`lane.py`), several processes (`workers.py`), states (`dmat/ledger`).

    python -m dmat_pipelines.deliver.sender --home var                resident; SIGTERM lets it end its round
    python -m dmat_pipelines.deliver.sender --home var --workers 3    three processes share the work
    python -m dmat_pipelines.deliver.sender --home var --once         until nothing is due
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from functools import partial

from dmat.channels.contract import Provider
from dmat.errors import FencedError
from dmat.ledger.entries import unresolved
from dmat.ledger.fence import SETTLE_SECONDS, Fence, sending_lock, take_fence
from dmat.settings import Settings, load_settings
from dmat.store import Store, open_store
from dmat_pipelines.deliver.lanes import DrainReport, Lanes, MakeHelper
from dmat_pipelines.deliver.preparing import Composing
from dmat_pipelines.deliver.preparing_beside import Helper
from dmat_pipelines.deliver.process import CACHE_KILOBYTES, settle_memory
from dmat_pipelines.deliver.workers import Workers, follow_the_leader

IDLE_SECONDS, FENCED_SECONDS = 0.5, 5.0
HALT_SECONDS = 60.0
log = logging.getLogger("dmat.sender")


def drain(
    settings: Settings,
    store: Store,
    provider: Provider | None = None,
    *,
    now: datetime | Callable[[], datetime] | None = None,
    max_seconds: float = 3600.0,
    settle_seconds: float = SETTLE_SECONDS,
    composer: Composing | None = None,
    workers: int = 1,
    make_helper: MakeHelper | None = None,
) -> DrainReport:
    """Send what is due and give what happened.

    Args:
        settings: the workspace.
        store: its store.
        provider: who takes the messages of its channel, and nothing else is sent; the workspace's own by default.
        now: the time to act at, or what tells it; the workspace's clock by default.
        max_seconds: real seconds after which to stop.
        settle_seconds: real seconds after which an ambiguous message is looked up.
        composer: puts messages together; the workspace's templates by default.
        workers: processes that share the work; the report is of this one only.
        make_helper: makes what prepares many messages beside a sender that works alone; none by default.

    When another sender of this folder is at work, or the store waits for a person's yes, nothing is sent and
    `stopped_because` says so.
    """
    report = DrainReport()
    with sending_lock(settings) as is_mine:
        if not is_mine:
            report.stopped_because = "another sender is at work"
            return report
        clock = _clock(settings, now)
        providers: Mapping[str, Provider] | None = {provider.channel: provider} if provider else None
        sending = (settings, store, clock, settle_seconds, providers, composer, workers <= 1, make_helper)
        with closing(Lanes(*sending)) as lanes:
            try:
                fence = take_fence(settings, store, clock(), settle_seconds)
                with closing(Workers(settings, store, workers - 1, settle_seconds)) as followers:
                    followers.start(fence)
                    lanes.work(fence, report, time.monotonic() + max_seconds, partial(followers.replace_dead, fence))
                if workers > 1 and not report.stopped_because:  # what followers put back at their end
                    lanes.work(fence, report, time.monotonic() + max_seconds)
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


def run(lanes: Lanes, workers: Workers) -> None:
    """Work until `stop` is set: wait for the lock, for the fence, for something due."""
    while not lanes.stop.is_set():
        with sending_lock(lanes.settings) as is_mine:
            if is_mine:
                _work_while_mine(lanes, workers)
        lanes.stop.wait(IDLE_SECONDS)


def _work_while_mine(lanes: Lanes, workers: Workers) -> None:
    fence: Fence | None = None
    said = ""
    while not lanes.stop.is_set():
        report, pause = DrainReport(), IDLE_SECONDS
        try:
            if fence is None:
                fence = take_fence(lanes.settings, lanes.store, lanes.now(), lanes.settle_seconds)
                workers.start(fence)
            workers.replace_dead(fence)
            lanes.work(fence, report, time.monotonic() + 3600, partial(workers.replace_dead, fence))
        except FencedError as error:
            fence, report.stopped_because, pause = None, str(error), FENCED_SECONDS
            workers.stop()
        said = _say(report, said)
        halted = bool(report.stopped_because) and fence is not None
        lanes.stop.wait(HALT_SECONDS if halted and report.retried_count else pause)
    workers.stop()


def _say(report: DrainReport, said: str) -> str:
    if report.examined_count or report.resolved_count:
        log.info("%s", json.dumps({key: value for key, value in asdict(report).items() if value}))
    elif report.stopped_because and report.stopped_because != said:
        log.warning("not sending: %s", report.stopped_because)
    return report.stopped_because


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", help="the workspace folder")
    parser.add_argument("--once", action="store_true", help="stop when nothing is due")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the work")
    parser.add_argument("--settle-seconds", type=float, default=SETTLE_SECONDS, help="wait before looking a message up")
    parser.add_argument("--follow", help=argparse.SUPPRESS)  # set by `workers.py`: the fence of the leader
    return parser.parse_args()


def main() -> None:
    """The command line of this process."""
    arguments = _parse()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settle_memory()
    settings = load_settings(home=arguments.home)
    store = open_store(settings, CACHE_KILOBYTES)
    if arguments.once:
        settle, workers = arguments.settle_seconds, arguments.workers
        report = drain(settings, store, settle_seconds=settle, workers=workers, make_helper=Helper)
        log.info("%s", json.dumps(asdict(report)))
        return
    is_alone = arguments.workers <= 1 and not arguments.follow
    sending = (settings, store, settings.clock.now, arguments.settle_seconds)
    with closing(Lanes(*sending, is_alone=is_alone, make_helper=Helper)) as lanes:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: lanes.stop.set())
        if arguments.follow:
            follow_the_leader(lanes, arguments.follow)
        else:
            run(lanes, Workers(settings, store, arguments.workers - 1, arguments.settle_seconds))
    store.close()


if __name__ == "__main__":
    main()
