"""A lane: the messages of one channel, through one provider, one round after the other.

Belongs here: the order of a round. Stays out: the loop around it (`sender.py`), what an answer means (`answering.py`).

    claim and gate (one transaction) -> put together -> wait for the answers of the round before
    -> write these answers and commit what leaves now (one transaction) -> requests leave, several at once

So requests are under way while the next round is prepared, and never more than one round is handed over without an
answer: that is what is ambiguous when the process dies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dmat.campaigns.programmes import pause_programme
from dmat.campaigns.throttle import Throttle
from dmat.channels.contract import Provider
from dmat.errors import FencedError
from dmat.ledger.claim import Batched, Gate, claim
from dmat.ledger.entries import Entry
from dmat.ledger.fence import SETTLE_SECONDS, Fence
from dmat.ledger.hand_over import Answers, Leaving, exchange, none_taken, refused
from dmat.store import Store
from dmat_pipelines.deliver.answering import Answer, Sending
from dmat_pipelines.deliver.parcels import Composed, Parcel

BROKEN_TEMPLATE = 3  # so many failures of a programme in one round, and no success, are the template's fault
MOST_CLAIMED = 2_000  # two full batches: what is handed over at once, and what one round holds in memory
SHORT_WAIT_SECONDS = 2.0


class Composing(Protocol):
    """What puts messages together, see `composing.py`."""

    def compose(self, entries: Sequence[Entry], provider: Provider, now: datetime) -> Composed:
        """Parcels for a provider."""
        ...


@dataclass
class RoundReport:
    """What one round did."""

    examined_count: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wait_seconds: float = 0.0
    is_unavailable: bool = False
    halted_because: str = ""


class Lane:
    """Sends the messages of one channel; used by one thread."""

    def __init__(
        self,
        store: Store,
        provider: Provider,
        gate: Gate,
        composer: Composing,
        now: Callable[[], datetime],
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self.store, self.provider, self.gate, self.composer, self.now = store, provider, gate, composer, now
        self.settle_seconds = settle_seconds
        abilities = provider.abilities
        self.throttle = Throttle(abilities.in_flight)
        self._sending = Sending(provider, self.throttle, now, settle_seconds)
        self._threads = ThreadPoolExecutor(abilities.in_flight, thread_name_prefix=f"send-{provider.channel}")
        self._batched = (
            Batched(min(abilities.batch * abilities.in_flight, MOST_CLAIMED)) if abilities.batch > 1 else None
        )
        self._last_programme = ""
        self._flying: list[Future[Answer]] = []

    @property
    def channel(self) -> str:
        """Of which channel the messages are."""
        return self.provider.channel

    @property
    def is_flying(self) -> bool:
        """Whether requests are under way whose answers are not written down yet."""
        return bool(self._flying)

    def close(self) -> None:
        """End the threads and the provider's connections; call `land` first."""
        self._threads.shutdown()
        self.provider.close()

    def run_round(self, fence: Fence) -> RoundReport:
        """Claim and prepare what is due, write the answers of the round before, let the prepared leave.

        Raises:
            FencedError: another sender took over; the answers are written.
        """
        report = RoundReport()
        prepared, answers = [], Answers()
        try:
            prepared = self._prepare(fence, report, answers)
        except FencedError:
            self.land()
            raise
        halves = self._collect(report, answers)
        if report.halted_because or report.wait_seconds > SHORT_WAIT_SECONDS:
            self._put_back([*prepared, *halves], answers, report.halted_because or "the provider asks to wait")
            prepared = halves = []
        self._let_go(fence, prepared, halves, answers)
        return report

    def land(self) -> RoundReport:
        """Wait for what is under way and write its answers down."""
        report, answers = RoundReport(), Answers()
        halves = self._collect(report, answers)
        self._put_back(halves, answers, "the sender was told to stop")
        with self.store.write() as connection:
            answers.write(connection, self.now())
        return report

    def _prepare(self, fence: Fence, report: RoundReport, answers: Answers) -> list[Parcel]:
        limit = max(1, self.throttle.allowance())
        taken = claim(
            self.store, fence, self.gate, self.now(), limit,
            channel=self.channel, after=self._last_programme, batched=self._batched,
        )  # fmt: skip
        self._last_programme = taken.last
        report.examined_count, report.verdicts = taken.examined_count, taken.verdicts
        if not taken.entries:
            return []
        composed = self.composer.compose(taken.entries, self.provider, self.now())
        self._give_up(composed, report, answers)
        return self._not_too_many(composed.parcels, answers)

    def _not_too_many(self, parcels: list[Parcel], answers: Answers) -> list[Parcel]:
        """Messages that turn out to need a request each are as many as requests at once; the others wait."""
        singles = [parcel for parcel in parcels if not parcel.is_batch]
        if self._batched is None or len(singles) <= self.provider.abilities.in_flight:
            return parcels
        late = singles[self.provider.abilities.in_flight :]
        self._batched.alone |= {parcel.entries[0].template for parcel in late}
        self._put_back(late, answers, "it leaves in a request of its own")
        left = {id(parcel) for parcel in late}
        return [parcel for parcel in parcels if id(parcel) not in left]

    def _give_up(self, composed: Composed, report: RoundReport, answers: Answers) -> None:
        """One message that cannot be put together is rejected; a whole programme is paused and nobody given up."""
        good = {entry.programme for parcel in composed.parcels for entry in parcel.entries}
        of_programme: dict[str, list[tuple[Entry, str]]] = {}
        for entry, reason in composed.failures:
            of_programme.setdefault(entry.programme, []).append((entry, reason))
        for programme, failures in of_programme.items():
            if len(failures) >= BROKEN_TEMPLATE and programme not in good:
                why = f"its messages cannot be rendered: {failures[0][1]}"
                pause_programme(self.store, programme, why[:500], self.now())
                answers.sets += none_taken([entry for entry, _ in failures], why, self.now())
            else:
                answers.moves += [refused(e.message_id, f"not rendered: {reason}") for e, reason in failures]
                report.outcomes["rejected"] += len(failures)

    def _collect(self, report: RoundReport, answers: Answers) -> list[Parcel]:
        """The answers of what is under way; gives the halves of batches that were refused."""
        halves: list[Parcel] = []
        for future in self._flying:
            answer = future.result()
            answers.moves += answer.moves
            answers.sets += answer.sets
            answers.suppressions += answer.suppressions
            halves += answer.halves
            report.outcomes[answer.outcome] += answer.count
            report.wait_seconds = max(report.wait_seconds, answer.wait_seconds)
            report.is_unavailable |= answer.is_unavailable
            report.halted_because = report.halted_because or answer.halted_because
            if answer.hopeless_because:
                self._pause_all(answer, report)
        self._flying = []
        return halves

    def _pause_all(self, answer: Answer, report: RoundReport) -> None:
        why = f"every part of a batch was refused: {answer.hopeless_because}"[:500]
        for programme in answer.programmes:
            pause_programme(self.store, programme, why, self.now())
        report.halted_because = report.halted_because or why

    def _put_back(self, parcels: Sequence[Parcel], answers: Answers, why: str) -> None:
        answers.sets += none_taken([entry for parcel in parcels for entry in parcel.entries], why, self.now())

    def _let_go(self, fence: Fence, prepared: Sequence[Parcel], halves: Sequence[Parcel], answers: Answers) -> None:
        leaving = Leaving(
            mails=[parcel.row for parcel in prepared if parcel.row is not None],
            requests=[parcel.request for parcel in prepared if parcel.request is not None],
            again={parcel.message.batch_id: parcel.ids for parcel in halves},
        )
        made = exchange(self.store, fence, answers, leaving, self.provider.name, self.now())
        mine = [parcel.only(made) for parcel in (*prepared, *halves)]
        self._flying = [self._threads.submit(self._sending, parcel) for parcel in mine if parcel is not None]
