"""One batch at a time: claim, render, hand over, send, write the answers down.

Belongs here: that order, and what each answer of a provider means for a message. Stays out: the loop around it
(`dmat_pipelines/deliver/sender.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from dmat.campaigns.gate import make_gate
from dmat.campaigns.programmes import pause_programme
from dmat.channels.contract import MailProvider, OutgoingMail
from dmat.errors import AmbiguousError, DmatError, RateLimitedError, VendorRefusedError, VendorUnavailableError
from dmat.ledger.claim import BATCH, accepted, claim, hand_over, not_taken, refused, uncertain, write_answers
from dmat.ledger.entries import Entry
from dmat.ledger.fence import SETTLE_SECONDS, Fence
from dmat.ledger.post import Move
from dmat.messages.compose import kept_row, make_mail, template_values
from dmat.messages.links import Links
from dmat.messages.rendering import Rendered, Renderer
from dmat.settings import Settings
from dmat.store import Store

KEY_IS_WRONG = frozenset({401, 403})
BROKEN_TEMPLATE = 3  # so many failures in one batch, and no success, are the template's fault


@dataclass
class BatchReport:
    """What one batch did."""

    examined_count: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wait_seconds: float = 0.0
    is_unavailable: bool = False
    halted_because: str = ""


@dataclass(frozen=True)
class Answer:
    """What a provider's answer means: the move, its name in reports, and how the sender must behave."""

    move: Move
    outcome: str
    wait_seconds: float = 0.0
    is_unavailable: bool = False
    halted_because: str = ""


class BatchSender:
    """Sends batches of one workspace through one provider."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        provider: MailProvider,
        now: Callable[[], datetime],
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self.settings, self.store, self.provider, self.now = settings, store, provider, now
        self.settle_seconds = settle_seconds
        self._gate = make_gate(settings)
        self._links = Links(settings)
        self._renderer = Renderer()
        self._threads = ThreadPoolExecutor(BATCH, thread_name_prefix="send")

    def close(self) -> None:
        """End the threads and the renderer."""
        self._threads.shutdown()
        self._renderer.close()

    def send_batch(self, fence: Fence) -> BatchReport:
        """Send the next due messages; `examined_count` is 0 when nothing is due.

        Raises:
            FencedError: another sender took over.
        """
        taken = claim(self.store, fence, self._gate, self.now())
        report = BatchReport(examined_count=taken.examined_count, verdicts=taken.verdicts)
        mails = self._prepare(taken.entries, report)
        if mails:
            self._send(fence, {entry.message_id: entry for entry in taken.entries}, mails, report)
        return report

    def _prepare(self, entries: Sequence[Entry], report: BatchReport) -> list[OutgoingMail]:
        jobs, failures = [], {}
        for entry in entries:
            try:
                wraps = not self.provider.tracks_clicks
                jobs.append((entry, template_values(self.settings, self._links, entry, wraps)))
            except DmatError as error:
                failures[entry.message_id] = str(error)
        mails = []
        for (entry, (_, values)), found in zip(jobs, self._renderer.render_many([job for _, job in jobs]), strict=True):
            if isinstance(found, Rendered):
                mails.append(make_mail(self.settings, entry, found, values["unsubscribe_url"]))
            else:
                failures[entry.message_id] = found.reason
        self._write_failures(
            [entry for entry in entries if entry.message_id in failures], failures, bool(mails), report
        )
        return mails

    def _write_failures(
        self, entries: Sequence[Entry], failures: dict[str, str], others_went_well: bool, report: BatchReport
    ) -> None:
        if not entries:
            return
        now = self.now()
        if len(entries) >= BROKEN_TEMPLATE and not others_went_well:
            why = f"its messages cannot be rendered: {failures[entries[0].message_id]}"
            for programme in {entry.programme for entry in entries}:
                pause_programme(self.store, programme, why[:500], now)
            moves = [not_taken(entry, failures[entry.message_id], now) for entry in entries]
        else:
            moves = [refused(e.message_id, f"not rendered: {failures[e.message_id]}") for e in entries]
            report.outcomes["rejected"] += len(moves)
        write_answers(self.store, moves, now)

    def _send(
        self, fence: Fence, entries: dict[str, Entry], mails: Sequence[OutgoingMail], report: BatchReport
    ) -> None:
        now = self.now()
        leaving = hand_over(self.store, fence, [kept_row(mail, now) for mail in mails], self.provider.name, now)
        mine = [mail for mail in mails if mail.message_id in leaving]
        answers = list(self._threads.map(lambda mail: self._hand_to_provider(entries[mail.message_id], mail), mine))
        write_answers(self.store, [answer.move for answer in answers], self.now())
        report.outcomes.update(answer.outcome for answer in answers)
        report.wait_seconds = max((answer.wait_seconds for answer in answers), default=0.0)
        report.is_unavailable = any(answer.is_unavailable for answer in answers)
        report.halted_because = next((answer.halted_because for answer in answers if answer.halted_because), "")

    def _hand_to_provider(self, entry: Entry, mail: OutgoingMail) -> Answer:
        try:
            return Answer(accepted(entry.message_id, self.provider.send_mail(mail), self.now()), "accepted")
        except RateLimitedError as error:
            wait = max(error.retry_after_seconds, 0.0)
            return Answer(not_taken(entry, str(error), self.now()), "retried", wait_seconds=wait)
        except VendorUnavailableError as error:
            return Answer(not_taken(entry, str(error), self.now()), "retried", is_unavailable=True)
        except VendorRefusedError as error:
            if error.status in KEY_IS_WRONG:  # our key is wrong, not the message: nobody is given up for that
                return Answer(not_taken(entry, str(error), self.now()), "retried", halted_because=str(error))
            return Answer(refused(entry.message_id, str(error)), "rejected")
        except AmbiguousError as error:
            return Answer(uncertain(entry.message_id, str(error), self.settle_seconds), "ambiguous")
        except Exception as error:  # noqa: BLE001 - boundary: it may have left; only evidence may resolve it
            detail = f"{type(error).__name__}: {error}"
            return Answer(uncertain(entry.message_id, detail, self.settle_seconds), "ambiguous")
