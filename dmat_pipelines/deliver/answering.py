"""What each answer of a provider means: for the messages of a request, and for how the sender goes on.

Belongs here: that table. Stays out: what a request is (`parcels.py`), writing it down (`dmat/ledger/hand_over.py`).

    taken           -> accepted
    rate limited    -> planned again; wait as long as it says
    unavailable     -> planned again; wait, longer and longer
    key refused     -> planned again; stop: nobody is given up for our wrong key
    refused         -> one message: rejected; a batch: cut in halves until the bad ones are found
    nobody knows    -> ambiguous, all of the request; so is any mistake of ours while it may have left
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dmat.campaigns.throttle import LIMITED, TOOK, UNAVAILABLE, Throttle
from dmat.channels.contract import Provider
from dmat.consent.suppression import Suppression
from dmat.errors import (
    AmbiguousError,
    DeadAddressError,
    DeferredError,
    PartlyTakenError,
    PermanentError,
    RateLimitedError,
    VendorRefusedError,
    VendorUnavailableError,
)
from dmat.ledger.hand_over import (
    SetAnswer,
    accepted,
    all_accepted,
    all_uncertain,
    none_taken,
    not_taken,
    refused,
    uncertain,
)
from dmat.ledger.post import Move
from dmat_pipelines.deliver.parcels import Parcel

KEY_IS_WRONG = frozenset({401, 403})


@dataclass
class Answer:
    """What became of a parcel: what is written down, its name in reports, and how the sender must behave."""

    outcome: str
    count: int
    moves: list[Move] = field(default_factory=list)
    sets: list[SetAnswer] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    halves: list[Parcel] = field(default_factory=list)
    wait_seconds: float = 0.0
    is_unavailable: bool = False
    halted_because: str = ""
    hopeless_because: str = ""
    programmes: frozenset[str] = frozenset()


class Sending:
    """Hands parcels to one provider and reads its answers; safe to share between threads."""

    def __init__(
        self, provider: Provider, throttle: Throttle, now: Callable[[], datetime], settle_seconds: float
    ) -> None:
        self.provider, self.throttle, self.now, self.settle_seconds = provider, throttle, now, settle_seconds

    def __call__(self, parcel: Parcel) -> Answer:
        """Send it, once; never raises."""
        started = time.monotonic()
        try:
            send = self.provider.send_batch if parcel.is_batch else self.provider.send
            identity = send(parcel.message)
        except DeferredError as error:
            self.throttle.answered(TOOK, time.monotonic() - started)
            return self._not_taken(parcel, str(error))
        except RateLimitedError as error:
            wait = max(error.retry_after_seconds, 0.0)
            self.throttle.answered(LIMITED, time.monotonic() - started, wait)
            return self._not_taken(parcel, str(error), wait_seconds=wait)
        except VendorUnavailableError as error:
            self.throttle.answered(UNAVAILABLE, time.monotonic() - started)
            return self._not_taken(parcel, str(error), is_unavailable=True)
        except PermanentError as error:
            self.throttle.answered(TOOK, time.monotonic() - started)
            return self._refused(parcel, error)
        except PartlyTakenError as error:
            self.throttle.answered(TOOK, time.monotonic() - started)
            return self._partly_taken(parcel, error)
        except AmbiguousError as error:
            return self._uncertain(parcel, str(error))
        except Exception as error:  # noqa: BLE001 - boundary: it may have left; only evidence may resolve it
            return self._uncertain(parcel, f"{type(error).__name__}: {error}")
        self.throttle.answered(TOOK, time.monotonic() - started)
        return self._taken(parcel, identity)

    def _taken(self, parcel: Parcel, identity: str) -> Answer:
        parcel.family.taken += 1
        if parcel.is_batch:
            found = all_accepted(parcel.entries, identity, self.now())
            return Answer("accepted", len(parcel.entries), sets=[found])
        step = accepted(parcel.entries[0].message_id, identity, self.now())
        return Answer("accepted", 1, moves=[replace(step, values={**step.values, **_cost_of(parcel)})])

    def _partly_taken(self, parcel: Parcel, error: PartlyTakenError) -> Answer:
        parcel.family.taken += 1
        taken = [entry for entry in parcel.entries if entry.message_id not in error.refused]
        answer = Answer("accepted", len(taken), sets=[all_accepted(taken, error.request_id, self.now())])
        answer.moves = [refused(message_id, why) for message_id, why in error.refused.items()]
        return answer

    def _not_taken(
        self, parcel: Parcel, detail: str, *, wait_seconds: float = 0.0, is_unavailable: bool = False, halted: str = ""
    ) -> Answer:
        answer = Answer(
            "retried", len(parcel.entries), wait_seconds=wait_seconds, is_unavailable=is_unavailable,
            halted_because=halted,
        )  # fmt: skip
        if parcel.is_batch:
            answer.sets = none_taken(parcel.entries, detail, self.now())
        else:
            answer.moves = [not_taken(entry, detail, self.now()) for entry in parcel.entries]
        return answer

    def _refused(self, parcel: Parcel, error: PermanentError) -> Answer:
        if isinstance(error, VendorRefusedError) and error.status in KEY_IS_WRONG:
            return self._not_taken(parcel, str(error), halted=str(error))
        family = parcel.family
        family.refused += 1
        family.first_refusal = family.first_refusal or str(error)
        if parcel.is_batch and family.is_hopeless(parcel.size):
            answer = self._not_taken(parcel, str(error))
            answer.hopeless_because = family.first_refusal
            answer.programmes = frozenset(entry.programme for entry in parcel.entries)
            return answer
        if len(parcel.entries) > 1:
            return Answer("cut", 0, halves=parcel.halves())
        [entry] = parcel.entries
        gone = []
        if isinstance(error, DeadAddressError):
            gone = [Suppression(entry.address, entry.channel, error.reason, error.vendor)]
        return Answer("rejected", 1, moves=[refused(entry.message_id, str(error))], suppressions=gone)

    def _uncertain(self, parcel: Parcel, detail: str) -> Answer:
        if parcel.is_batch:
            found = all_uncertain(parcel.ids, detail, self.settle_seconds)
            return Answer("ambiguous", len(parcel.entries), sets=[found])
        moves = [uncertain(entry.message_id, detail, self.settle_seconds) for entry in parcel.entries]
        return Answer("ambiguous", len(moves), moves=moves)


def _cost_of(parcel: Parcel) -> dict[str, Any]:
    """What a text is estimated to cost, for the ledger; nothing for messages that are not paid one by one."""
    micros = getattr(parcel.message, "cost_micros", None)
    return {} if micros is None else {"cost_micros": micros, "cost_currency": parcel.message.cost_currency}
