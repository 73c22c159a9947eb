"""One pass of the resident micro-batch: what came in -> ledger and raw tables -> hot tables -> published -> planned.

Belongs here: the order of the parts, when each is due, and what a failing part means for the others.
Stays out: the parts themselves (the verbs; given in as `Parts`, so that tests give others) and the process around it
(`stream.py`).

    apply events to the ledger -> look at the shop -> land events -> export the ledger -> hot tables, publish
    -> who entered and left segments -> plan -> campaigns that are due -> leads that crossed the line, routing

Nothing new: nothing is built. What was landed but not built (a failure, a death) stays owed: the first pass of a
process always builds.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from dmat.clock import Clock
from dmat.errors import NotPublishedError
from dmat_pipelines.health import Health

T = TypeVar("T")
HEARTBEAT_SECONDS = 300.0  # tables are confirmed this often although nothing came in


@dataclass(frozen=True)
class Built:
    """What a build gave: the tables it refreshed (rows of each, None when not counted), the version published."""

    tables: dict[tuple[str, str], int | None]
    version: int
    seconds: float


@dataclass(frozen=True)
class Parts:
    """What a pass calls. Each counts what was new; `is_free` says whether nobody else is writing the warehouse."""

    is_free: Callable[[], bool]
    apply_events: Callable[[], int]
    capture_shop: Callable[[str], int]
    waiting_since: Callable[[], Sequence[datetime]]
    land_events: Callable[[str], int]
    export_ledger: Callable[[str], int]
    build_hot: Callable[[], Built]
    plan: Callable[[], int]
    report: Callable[[Built], object]
    evaluate_segments: Callable[[str], int] = lambda _: 0
    run_campaigns: Callable[[], int] = lambda: 0
    look_at_leads: Callable[[], int] = lambda: 0


@dataclass
class Pass:
    """What one pass did."""

    run_id: str
    applied_count: int = 0
    shop_count: int = 0
    landed_count: int = 0
    exported_count: int = 0
    planned_count: int = 0
    moved_count: int = 0
    campaigns_count: int = 0
    leads_count: int = 0
    built: Built | None = None
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def landed_anything(self) -> bool:
        """Whether raw tables changed."""
        return bool(self.shop_count or self.landed_count or self.exported_count)

    @property
    def did_anything(self) -> bool:
        """Whether there was anything to do."""
        return (
            self.landed_anything
            or self.built is not None
            or bool(self.applied_count or self.planned_count or self.moved_count)
            or bool(self.campaigns_count or self.leads_count)
        )

    def facts(self) -> dict[str, Any]:
        """The pass as one line of a log."""
        facts = {name: value for name, value in self.__dict__.items() if name.endswith("_count") and value}
        if self.built is not None:
            facts |= {"version": self.built.version, "build_seconds": round(self.built.seconds, 3)}
        if self.latencies:
            facts |= {"events_count": len(self.latencies), "latency_max_seconds": round(max(self.latencies), 3)}
        return facts | {"run_id": self.run_id, "pass_seconds": round(self.seconds, 3)}


class MicroBatch:
    """Passes, one after the other; each part is guarded, so that one that fails does not stop the others.

    Args:
        clock: the workspace's clock; events carry its time.
        parts: what a pass calls.
        health: where failures and latencies are kept.
        shop_seconds: pause between two looks at the shop.
        note: called with a part's name and error when a part starts to fail or fails otherwise than before.
    """

    def __init__(
        self,
        clock: Clock,
        parts: Parts,
        health: Health,
        shop_seconds: float,
        note: Callable[[str, BaseException], None],
    ) -> None:
        self.clock, self.parts, self.health, self.shop_seconds, self.note = clock, parts, health, shop_seconds, note
        self.is_owed = True
        self._shop_at = 0.0
        self._built_at = 0.0

    def run(self) -> Pass:
        """One pass; it never raises for a part that fails."""
        began = time.monotonic()
        done = Pass(run_id=f"stream-{uuid.uuid4().hex[:12]}")
        done.applied_count = self._guard("apply events", self.parts.apply_events, 0)
        if self._guard("look at the writer lock", self.parts.is_free, False):
            self._write_warehouse(done, began)
        done.campaigns_count = self._guard("run campaigns", self._run_campaigns, 0)
        done.leads_count = self._guard("look at leads", self._look_at_leads, 0)
        done.seconds = time.monotonic() - began
        self.health.passes_count += 1
        self.health.latencies.extend(done.latencies)
        return done

    def _write_warehouse(self, done: Pass, began: float) -> None:
        arrivals = self._guard("read the inbox", self.parts.waiting_since, ())
        looks = self._may_look(began, bool(arrivals))
        if looks:
            self._shop_at = began + self.shop_seconds
            done.shop_count = self._guard("look at the shop", lambda: self.parts.capture_shop(done.run_id), 0)
        done.landed_count = self._guard("land events", lambda: self.parts.land_events(done.run_id), 0)
        done.exported_count = self._guard("export the ledger", lambda: self.parts.export_ledger(done.run_id), 0)
        self.is_owed = self.is_owed or done.landed_anything or began - self._built_at > HEARTBEAT_SECONDS
        if self.is_owed:
            done.built = self._guard("build hot tables", self.parts.build_hot, None)
        if done.built is not None:
            self.is_owed, self._built_at = False, began
            done.latencies = self._latencies(arrivals if done.landed_count else (), began)
            built = done.built
            self._guard("tell Dagster", lambda: self.parts.report(built), None)
        self._evaluate_segments(done)
        if looks or done.built is not None:
            done.planned_count = self._guard("plan messages", self._plan, 0)

    def _may_look(self, now: float, events_wait: bool) -> bool:
        """Whether the shop is due; events that wait go first, unless the shop has waited as long again."""
        return now >= self._shop_at + (self.shop_seconds if events_wait and self._shop_at else 0.0)

    def _evaluate_segments(self, done: Pass) -> None:
        """In each pass: time alone may move people. Who moved is in the tables after the next build."""
        done.moved_count = self._guard("evaluate segments", lambda: self._evaluate(done.run_id), 0)
        self.is_owed = self.is_owed or bool(done.moved_count)

    def _evaluate(self, run_id: str) -> int:
        try:
            return self.parts.evaluate_segments(run_id)
        except NotPublishedError:
            return 0  # no tables yet: nobody is in a segment

    def _plan(self) -> int:
        try:
            return self.parts.plan()
        except NotPublishedError:
            return 0  # no tables yet: nothing can be due

    def _run_campaigns(self) -> int:
        """In each pass, also while somebody else writes the warehouse: they need only what is published."""
        try:
            return self.parts.run_campaigns()
        except NotPublishedError:
            return 0  # no tables yet: nobody is in an audience

    def _look_at_leads(self) -> int:
        try:
            return self.parts.look_at_leads()
        except NotPublishedError:
            return 0  # no tables yet: nobody has a score

    def _latencies(self, arrivals: Sequence[datetime], began: float) -> list[float]:
        """Real seconds from each arrival until now; on a clock that stands still, from the beginning of the pass."""
        speed = self.clock.speed
        if speed <= 0:
            return [time.monotonic() - began] * len(arrivals)
        now = self.clock.now()
        return [max(0.0, (now - arrived).total_seconds() / speed) for arrived in arrivals]

    def _guard(self, part: str, call: Callable[[], T], otherwise: T) -> T:
        if not self.health.may_try(part):
            return otherwise
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  # boundary: one part that fails must not stop the others
            if self.health.failed(part, error):
                self.note(part, error)
            return otherwise
        self.health.worked(part)
        return result
