"""Every error of DMAT, in one tree; each is permanent or transient, and only transient ones are retried.

DmatError
├── PermanentError            trying again gives the same answer
│   ├── InvalidInputError     names the field and what is allowed
│   │   └── InvalidRuleError  a rule with faults: each names its place in the tree and what is allowed there
│   ├── NotFoundError         the thing asked for does not exist
│   ├── NotPublishedError     no warehouse version has been published yet
│   ├── ConflictError         it changed in the meantime, exists already, or is in use
│   │   └── InUseError        others need it; `users` names them
│   ├── NotPermittedError     this user or this key may not do that
│   ├── UnverifiedError       a signature does not match the body
│   ├── VendorRefusedError    the vendor answered 4xx: our request or our key is wrong
│   │   └── DeadAddressError  nobody can be reached there any more: the address is to be suppressed
│   ├── FencedError           another instance owns the sending of this store
│   └── BuildFailedError      dbt or an asset refused the data
└── TransientError            may work when tried again
    ├── VendorUnavailableError  5xx, connection refused: nothing was done
    ├── RateLimitedError        429, with the seconds to wait
    │   └── DeferredError       one message is to come later, others are welcome now
    ├── AmbiguousError          the request may or may not have been carried out
    │   └── PartlyTakenError    a batch was taken but for some; `refused` names them
    └── WarehouseBusyError      the writer lock was not free in time
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class DmatError(Exception):
    """Root of the tree; `is_transient` says whether trying again can help."""

    is_transient = False


class PermanentError(DmatError):
    """Trying again gives the same answer."""


class TransientError(DmatError):
    """May work when tried again."""

    is_transient = True


class InvalidInputError(PermanentError):
    """Bad input: `field` is where, `allowed` is what would have been accepted."""

    def __init__(self, field: str, problem: str, allowed: str = "") -> None:
        self.field, self.problem, self.allowed = field, problem, allowed
        super().__init__(f"{field}: {problem}" + (f" (allowed: {allowed})" if allowed else ""))


class InvalidRuleError(InvalidInputError):
    """A rule with faults; each is (path in the tree, what is wrong, what is allowed). The first one is the message."""

    def __init__(self, faults: Sequence[Any]) -> None:
        self.faults = tuple(faults)  # of dmat/segments/rules.py: Fault
        super().__init__(*self.faults[0])


class NotFoundError(PermanentError):
    """The thing asked for does not exist."""


class NotPublishedError(PermanentError):
    """No warehouse version has been published yet."""


class ConflictError(PermanentError):
    """It changed in the meantime, exists already, or is in use."""


class InUseError(ConflictError):
    """Others need it, so it stays; `users` names them."""

    def __init__(self, subject: str, users: Sequence[str]) -> None:
        self.users = tuple(users)
        super().__init__(f"{subject} is used by {', '.join(self.users)}")


class NotPermittedError(PermanentError):
    """This user or this key may not do that."""


class UnverifiedError(PermanentError):
    """A signature does not match the body that came with it."""


class VendorRefusedError(PermanentError):
    """The vendor answered 4xx: our request or our key is wrong."""

    def __init__(self, vendor: str, status: int, detail: str) -> None:
        self.vendor, self.status, self.detail = vendor, status, detail
        super().__init__(f"{vendor} refused the request with {status}: {detail}")


class DeadAddressError(VendorRefusedError):
    """Nobody can be reached at the address any more; `reason` is a reason of `dmat/consent/suppression.py`."""

    def __init__(self, vendor: str, status: int, detail: str, reason: str = "bounced") -> None:
        self.reason = reason
        super().__init__(vendor, status, detail)


class FencedError(PermanentError):
    """Another instance owns the sending of this store."""


class BuildFailedError(PermanentError):
    """dbt or an asset refused the data."""


class VendorUnavailableError(TransientError):
    """The vendor could not be reached or answered 5xx before doing anything."""


class VendorUnreachableError(VendorUnavailableError):
    """Nobody listens at the vendor's address."""


class RateLimitedError(TransientError):
    """429: `retry_after_seconds` is what the vendor asked for."""

    def __init__(self, vendor: str, retry_after_seconds: float) -> None:
        self.vendor, self.retry_after_seconds = vendor, retry_after_seconds
        super().__init__(f"{vendor} asks to wait {retry_after_seconds:g} s")


class DeferredError(RateLimitedError):
    """One message is to come later (a full mailbox, greylisting); all others are welcome now."""


class AmbiguousError(TransientError):
    """The request may or may not have been carried out; never retry it blindly."""


class PartlyTakenError(AmbiguousError):
    """A batch was taken but for some: `refused` says which messages and why, all others are taken.

    Who does not look at `refused` looks all of them up, as after any ambiguous answer.
    """

    def __init__(self, vendor: str, request_id: str, refused: Mapping[str, str]) -> None:
        self.vendor, self.request_id, self.refused = vendor, request_id, dict(refused)
        super().__init__(f"{vendor} took a batch but for {len(self.refused)}: {next(iter(self.refused.values()), '')}")


class WarehouseBusyError(TransientError):
    """The writer lock was not free in time."""
