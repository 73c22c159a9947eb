"""Lanes side by side: one for each channel that has something due, so that a slow provider holds up no other.

Belongs here: opening them, their loop and its pauses, looking for evidence meanwhile. Stays out: one round (`lane.py`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from dmat.campaigns.gate import make_gate
from dmat.channels.contract import Provider
from dmat.channels.providers import SANDBOXES, open_provider
from dmat.channels.whatsapp import freshen_approvals
from dmat.errors import DmatError, FencedError
from dmat.ledger.claim import has_due
from dmat.ledger.fence import SETTLE_SECONDS, Fence
from dmat.ledger.reconcile import channels_to_settle, reconcile
from dmat.messages.archive import as_sent
from dmat.settings import Settings
from dmat.store import Store
from dmat_pipelines.deliver.composing import Composer
from dmat_pipelines.deliver.lane import Lane, RoundReport
from dmat_pipelines.deliver.preparing import Composing
from dmat_pipelines.deliver.preparing_beside import Helper

RECONCILE_SECONDS, LOOK_SECONDS = 2.0, 0.25
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.1, 30.0
KNOWN_BY_WORDS = frozenset({"sms", "whatsapp"})  # channels with a provider that keeps no id of ours
MakeHelper = Callable[[Settings, str], Helper]  # for a workspace and a channel
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

    def add(self, done: RoundReport) -> None:
        """Add one round."""
        self.examined_count += done.examined_count
        self.accepted_count += done.outcomes["accepted"]
        self.rejected_count += done.outcomes["rejected"]
        self.retried_count += done.outcomes["retried"]
        self.ambiguous_count += done.outcomes["ambiguous"]
        self.held_out_count += done.verdicts["held_out"]
        self.suppressed_count += done.verdicts["suppressed"]
        self.expired_count += done.verdicts["expired"]
        self.later_count += done.verdicts["planned"]


def due_channels(store: Store, now: datetime, channels: Iterable[str] = SANDBOXES) -> list[str]:
    """Those of the channels that have something due; by default of all that can be sent by."""
    return [channel for channel in channels if has_due(store, now, channel)]


class Lanes:
    """The lanes of one workspace, opened when they are first needed; used by one thread, stopped by any.

    Args:
        settings: the workspace.
        store: its store.
        now: tells its time.
        settle_seconds: real seconds after which an ambiguous message is looked up.
        providers: channel -> provider, and no other channel; those of the workspace by default.
        composer: puts messages together; the workspace's templates by default.
        is_alone: whether no other process shares the work.
        make_helper: makes what prepares many messages beside a sender that works alone; none by default.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        now: Callable[[], datetime],
        settle_seconds: float = SETTLE_SECONDS,
        providers: Mapping[str, Provider] | None = None,
        composer: Composing | None = None,
        is_alone: bool = True,
        make_helper: MakeHelper | None = None,
    ) -> None:
        self.settings, self.store, self.now, self.settle_seconds = settings, store, now, settle_seconds
        self.is_alone, self._make_helper = is_alone, make_helper
        self.stop = threading.Event()
        self._providers = providers
        self._own_composer = Composer(settings, store) if composer is None else None
        self._composer: Composing = composer or self._sure_composer()
        self._gate = make_gate(settings)
        self._lanes: dict[str, Lane] = {}
        self._broken: dict[str, str] = {}
        self._reconciled_at = 0.0
        self._adding = threading.Lock()
        self._fenced: list[FencedError] = []

    def _sure_composer(self) -> Composer:
        assert self._own_composer is not None  # noqa: S101 - set just before
        return self._own_composer

    def close(self) -> None:
        """End threads and connections."""
        for lane in self._lanes.values():
            lane.close()
        if self._own_composer is not None:
            self._own_composer.close()

    def work(
        self, fence: Fence, report: DrainReport, deadline: float, beside: Callable[[], None] = lambda: None
    ) -> None:
        """Send until nothing is due, the deadline (monotonic) passes, or `stop` is set.

        Args:
            fence: the right to send.
            report: is added to.
            deadline: of the monotonic clock.
            beside: what to look after now and then meanwhile.

        Raises:
            FencedError: another sender took over.
        """
        running: dict[str, threading.Thread] = {}
        ended: set[str] = set()
        self._broken, self._fenced = {}, []
        while not self.stop.is_set() and not self._fenced:
            self._start_due(running, ended, fence, report, deadline)
            self._resolve(report)  # it may take seconds: what is due does not wait for it
            if not running:
                self._start_due(running, ended, fence, report, deadline)
            if not running:
                break
            next(iter(running.values())).join(LOOK_SECONDS)
            for channel in [name for name, thread in running.items() if not thread.is_alive()]:
                del running[channel]
                if report.stopped_because or channel in self._broken:
                    ended.add(channel)
            beside()
        for thread in running.values():
            thread.join()
        for lane in self._lanes.values():
            lane.rest()
        self._finish(report)

    def _finish(self, report: DrainReport) -> None:
        if self._fenced:
            raise self._fenced[0]
        if self.stop.is_set():
            report.stopped_because = report.stopped_because or "it was told to stop"
        if self._broken:
            report.stopped_because = report.stopped_because or "; ".join(sorted(self._broken.values()))

    def _start_due(
        self,
        running: dict[str, threading.Thread],
        ended: Collection[str],
        fence: Fence,
        report: DrainReport,
        deadline: float,
    ) -> None:
        for channel in due_channels(self.store, self.now(), self._providers or SANDBOXES):
            if channel not in running and channel not in ended:
                running[channel] = self._start(channel, fence, report, deadline)

    def _start(self, channel: str, fence: Fence, report: DrainReport, deadline: float) -> threading.Thread:
        thread = threading.Thread(
            target=self._work_lane, args=(channel, fence, report, deadline), name=f"lane-{channel}", daemon=True
        )
        thread.start()
        return thread

    def _lane(self, channel: str) -> Lane:
        with self._adding:
            if channel not in self._lanes:
                provider = self._providers[channel] if self._providers else open_provider(self.settings, channel)
                make = partial(self._make_helper, self.settings, channel) if self._make_helper else None
                self._lanes[channel] = Lane(
                    self.store, provider, self._gate, self._composer, self.now, self.settle_seconds, self.is_alone, make
                )
            return self._lanes[channel]

    def _words(self, message_id: str) -> str:
        """The words of a text as it was sent; none when it is not kept any more."""
        try:
            return str(as_sent(self.store, self.settings, message_id)["text"])
        except DmatError:
            return ""

    def _work_lane(self, channel: str, fence: Fence, report: DrainReport, deadline: float) -> None:
        if channel == "whatsapp" and not self._providers and (problem := freshen_approvals(self.settings, self.store)):
            log.warning("the templates of WhatsApp could not be read: %s", problem)
        try:
            self._loop(self._lane(channel), fence, report, deadline)
        except FencedError as error:
            self._fenced.append(error)
        except DmatError as error:
            self._broken[channel] = f"{channel}: {error}"

    def _loop(self, lane: Lane, fence: Fence, report: DrainReport, deadline: float) -> None:
        backoff = 0.0
        try:
            while not self.stop.is_set() and not self._fenced:
                if time.monotonic() >= deadline:
                    report.stopped_because = "its time was over"
                    return
                if not lane.is_flying and not has_due(self.store, self.now(), lane.channel):
                    return
                done = lane.run_round(fence)
                self._add(report, done)
                if done.halted_because:
                    report.stopped_because = done.halted_because
                    return
                backoff = _next_backoff(backoff, done)
                if not self._pause(max(done.wait_seconds, backoff), deadline):
                    report.stopped_because = "the provider asks to wait"
                    return
        finally:
            self._add(report, lane.land())

    def _add(self, report: DrainReport, done: RoundReport) -> None:
        with self._adding:
            report.add(done)

    def _pause(self, seconds: float, deadline: float) -> bool:
        if time.monotonic() + seconds >= deadline:
            return False
        if seconds:
            self.stop.wait(seconds)
        return True

    def _resolve(self, report: DrainReport) -> None:
        if time.monotonic() - self._reconciled_at < min(RECONCILE_SECONDS, self.settle_seconds):
            return
        known = self._providers or SANDBOXES
        for channel in channels_to_settle(self.store):
            if channel not in known or channel in self._broken:
                continue
            try:
                words_of = self._words if channel in KNOWN_BY_WORDS else None
                found = reconcile(self.store, self._lane(channel).provider, self.now(), words_of=words_of)
            except DmatError as error:
                self._broken[channel] = f"{channel}: {error}"
                continue
            report.resolved_count += found.accepted_count + found.planned_again_count
        self._reconciled_at = time.monotonic()


def _next_backoff(before: float, done: RoundReport) -> float:
    if done.is_unavailable:
        return min(max(before * 2, FIRST_BACKOFF_SECONDS), LONGEST_BACKOFF_SECONDS)
    return 0.0
