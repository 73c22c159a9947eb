"""A lane: the messages of one channel, through one provider, one round after the other.

Belongs here: the order of a round. Stays out: the loop around it (`sender.py`), what an answer means (`answering.py`).

A sender that works alone:

    look what is due -> put together -> wait for the answers of the last round but one
    -> write these answers, ask the gate, claim and commit what leaves now (one transaction) -> requests leave
    (the next round is looked at and put together, the requests of the last one are under way meanwhile)

One of several workers claims first, so that no two put the same messages together:

    claim and gate (one transaction) -> put together -> wait for the answers of the round before
    -> write these answers and commit what leaves now (one transaction) -> requests leave, several at once

So requests are under way while others are prepared and written down. What is handed over without an answer, which is
what is ambiguous when the process dies, are two rounds of one batch each, or one of two.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from dmat.campaigns.programmes import pause_programme
from dmat.campaigns.throttle import Throttle
from dmat.channels.contract import Provider
from dmat.errors import FencedError
from dmat.ledger.claim import Batched, Gate, claim
from dmat.ledger.fence import SETTLE_SECONDS, Fence, remember_hand_over
from dmat.ledger.hand_over import Answers, Leaving, exchange, none_taken, refused
from dmat.ledger.post import note
from dmat.store import Store
from dmat_pipelines.deliver.answering import Answer, Sending
from dmat_pipelines.deliver.parcels import Parcel
from dmat_pipelines.deliver.preparing import Composing, Prepared, Question, look_for, prepare
from dmat_pipelines.deliver.preparing_beside import Helper
from dmat_pipelines.deliver.process import forget_requests

MOST_CLAIMED = 2_000  # two full batches: what may be handed over without an answer
ROUNDS_AT_ONCE = 2  # of a sender that works alone: requests are under way while the next round is written down
SHORT_WAIT_SECONDS = 2.0
REST_SECONDS = 30.0  # so long after it was last asked, a helper is let go


@dataclass
class RoundReport:
    """What one round did."""

    examined_count: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wait_seconds: float = 0.0
    is_unavailable: bool = False
    halted_because: str = ""


@dataclass(frozen=True)
class Flight:
    """The requests of one round that are under way; of single messages no more than one round ever is."""

    answers: Sequence[Future[Answer]]
    is_of_batches: bool


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
        is_alone: bool = False,
        make_helper: Callable[[], Helper] | None = None,
    ) -> None:
        self.store, self.provider, self.gate, self.composer, self.now = store, provider, gate, composer, now
        self.settle_seconds, self.is_alone = settle_seconds, is_alone
        self._rounds_at_once = ROUNDS_AT_ONCE if is_alone else 1
        abilities = provider.abilities
        self.throttle = Throttle(abilities.in_flight)
        self._sending = Sending(provider, self.throttle, now, settle_seconds)
        self._threads = ThreadPoolExecutor(abilities.in_flight, thread_name_prefix=f"send-{provider.channel}")
        most = min(abilities.batch * abilities.in_flight, MOST_CLAIMED) // self._rounds_at_once
        self._batched = Batched(max(abilities.batch, most)) if abilities.batch > 1 else None
        self._last_programme = ""
        self._flying: deque[Flight] = deque()
        self._rounds = 0
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix=f"prepare-{provider.channel}")
        self._next: Future[Prepared] | None = None
        self._make_helper, self._helped_at = make_helper, 0.0
        self._helper: Helper | None = None

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
        self._ahead.shutdown()
        self._let_helper_go()
        self._threads.shutdown()
        self.provider.close()

    def run_round(self, fence: Fence) -> RoundReport:
        """Claim and prepare what is due, write the answers of the round before, let the prepared leave.

        Raises:
            FencedError: another sender took over; the answers are written.
        """
        report, answers = RoundReport(), Answers()
        try:
            prepared = self._look_ahead() if self.is_alone else self._claim(fence, report)
        except FencedError:
            self.land()
            raise
        halves = self._collect(report, answers, self._may_fly_on(prepared))
        self._give_up(prepared, report, answers)
        if report.halted_because or report.wait_seconds > SHORT_WAIT_SECONDS:
            self._put_back(halves, answers, report.halted_because or "the provider asks to wait")
            if prepared.is_claimed:
                self._put_back(prepared.parcels, answers, report.halted_because or "the provider asks to wait")
            prepared, halves = Prepared(), []
        self._let_go(fence, prepared, halves, answers, report)
        self._rounds += 1
        forget_requests(self._rounds)
        return report

    def land(self) -> RoundReport:
        """Wait for what is under way and write its answers down; what was only looked at is forgotten."""
        self._next = None
        report, answers = RoundReport(), Answers()
        halves = self._collect(report, answers)
        self._put_back(halves, answers, "the sender was told to stop")
        with self.store.write() as connection:
            answers.write(connection, self.now())
        return report

    def _look_ahead(self) -> Prepared:
        """What was prepared meanwhile, or is prepared now; and the next round begins to be."""
        prepared = self._next.result() if self._next is not None else self._look(frozenset())
        being_sent = frozenset(entry.message_id for entry in prepared.entries)
        self._next = self._ahead.submit(self._look, being_sent) if prepared.entries else None
        return prepared

    def _look(self, besides: frozenset[str]) -> Prepared:
        limit = max(1, self.throttle.allowance())
        asked = Question(self.channel, self.now(), limit, self._last_programme, self._batched, besides)
        prepared = self._helped(asked) if self._helper is not None else None
        if prepared is None:
            prepared = self._look_alone(asked)
        self._last_programme = prepared.last
        return prepared

    def _look_alone(self, asked: Question) -> Prepared:
        found = look_for(self.store, asked)
        if self._is_worth_help(len(found.entries)) and (prepared := self._helped(asked)) is not None:
            return prepared
        return prepare(
            self.composer, self.provider, found.entries, asked.now, is_claimed=False, last=found.last
        )  # fmt: skip

    def _is_worth_help(self, count: int) -> bool:
        """A full round is: there is more than one process can put together and write at once."""
        is_full = self._batched is not None and count >= self._batched.limit
        is_soon = self._helped_at and time.monotonic() - self._helped_at < REST_SECONDS  # one failed just now
        return is_full and not is_soon and self._make_helper is not None

    def _helped(self, asked: Question) -> Prepared | None:
        """What a helper prepared, which is made if there is none; None when it is of no use."""
        if self._helper is None and self._make_helper is not None:
            self._helper = self._make_helper()
        self._helped_at = time.monotonic()
        prepared = self._helper.prepare(asked) if self._helper is not None else None
        if prepared is None:
            self._let_helper_go()
        return prepared

    def rest(self) -> None:
        """Nothing is due: a helper that was not asked for a while is let go; call it when no round is run."""
        if self._helper is not None and time.monotonic() - self._helped_at > REST_SECONDS:
            self._let_helper_go()

    def _let_helper_go(self) -> None:
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()

    def _claim(self, fence: Fence, report: RoundReport) -> Prepared:
        limit = max(1, self.throttle.allowance())
        taken = claim(
            self.store, fence, self.gate, self.now(), limit,
            channel=self.channel, after=self._last_programme, batched=self._batched,
        )  # fmt: skip
        self._last_programme = taken.last
        report.examined_count, report.verdicts = taken.examined_count, taken.verdicts
        entries = (taken.entries, self.now())
        return prepare(self.composer, self.provider, *entries, is_claimed=True, last=taken.last)

    def _give_up(self, prepared: Prepared, report: RoundReport, answers: Answers) -> None:
        """One message that cannot be put together is rejected; a whole programme is paused and nobody given up."""
        for programme, failures in prepared.broken.items():
            why = f"its messages cannot be rendered: {failures[0][1]}"
            pause_programme(self.store, programme, why[:500], self.now())
            if prepared.is_claimed:
                answers.sets += none_taken([entry for entry, _ in failures], why, self.now())
            else:
                with self.store.write() as connection:
                    note(connection, {entry.message_id: {"reason": why[:500]} for entry, _ in failures}, self.now())
        if prepared.is_claimed:
            answers.moves += [refused(e.message_id, f"not rendered: {reason}") for e, reason in prepared.failures]
            report.outcomes["rejected"] += len(prepared.failures)
        late = self._too_many(prepared.parcels)
        if late and prepared.is_claimed:
            self._put_back(late, answers, "it leaves in a request of its own")
        left = {id(parcel) for parcel in late}
        prepared.parcels = [parcel for parcel in prepared.parcels if id(parcel) not in left]

    def _too_many(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Messages that turn out to need a request each are as many as requests at once; the others wait."""
        singles = [parcel for parcel in parcels if not parcel.is_batch]
        if self._batched is None or len(singles) <= self.provider.abilities.in_flight:
            return []
        late = singles[self.provider.abilities.in_flight :]
        self._batched.alone |= {parcel.entries[0].template for parcel in late}
        return late

    def _may_fly_on(self, prepared: Prepared) -> int:
        """How many rounds need not have their answers before this one leaves."""
        is_of_batches = bool(prepared.parcels) and all(parcel.is_batch for parcel in prepared.parcels)
        return self._rounds_at_once - 1 if is_of_batches and all(each.is_of_batches for each in self._flying) else 0

    def _collect(self, report: RoundReport, answers: Answers, flies_on: int = 0) -> list[Parcel]:
        """The answers of what is under way but of the last rounds; gives the halves of batches that were refused."""
        halves: list[Parcel] = []
        landed = [self._flying.popleft() for _ in range(len(self._flying) - flies_on)]
        for answer in (future.result() for flight in landed for future in flight.answers):
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
        return halves

    def _pause_all(self, answer: Answer, report: RoundReport) -> None:
        why = f"every part of a batch was refused: {answer.hopeless_because}"[:500]
        for programme in answer.programmes:
            pause_programme(self.store, programme, why, self.now())
        report.halted_because = report.halted_because or why

    def _put_back(self, parcels: Sequence[Parcel], answers: Answers, why: str) -> None:
        answers.sets += none_taken([entry for parcel in parcels for entry in parcel.entries], why, self.now())

    def _let_go(
        self, fence: Fence, prepared: Prepared, halves: Sequence[Parcel], answers: Answers, report: RoundReport
    ) -> None:
        parcels = prepared.parcels
        wanted = [entry for parcel in parcels for entry in parcel.entries] + [entry for entry, _ in prepared.failures]
        leaving = Leaving(
            mails=[parcel.row for parcel in parcels if parcel.row is not None],
            requests=[parcel.request for parcel in parcels if parcel.request is not None],
            again={parcel.message.batch_id: parcel.ids for parcel in halves},
            unclaimed=() if prepared.is_claimed else wanted,
            failures=() if prepared.is_claimed else prepared.failures,
        )
        gate = self.gate if leaving.unclaimed else None
        counting: list[Future[None]] = []  # waits for the disk: meanwhile the next round begins
        handed = exchange(
            self.store, fence, answers, leaving, self.provider.name, self.now(), gate,
            lambda *count: counting.append(self._threads.submit(remember_hand_over, *count)),
        )  # fmt: skip
        report.verdicts += handed.verdicts
        report.examined_count += handed.verdicts.total()
        report.outcomes["rejected"] += handed.rejected_count
        leave = [mine for parcel in (*parcels, *halves) if (mine := parcel.only(handed.made)) is not None]
        if leave:
            requests = [self._threads.submit(self._send, parcel, counting) for parcel in leave]
            self._flying.append(Flight(requests, all(parcel.is_batch for parcel in leave)))

    def _send(self, parcel: Parcel, counting: Sequence[Future[None]]) -> Answer:
        """Send it, once what is handed over is counted beside the store."""
        for each in counting:
            each.result()
        return self._sending(parcel)
