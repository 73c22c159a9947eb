"""What e-mail vendors have in common: `Name <address>` in JSON, their answers, a wrong account or a wrong mail.

Belongs here: that. Stays out: any vendor's codes (one file each) and HTTP's failures (`dmat/connectors/http.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpx
import orjson

from dmat.channels.contract import MESSAGE_ID_ARGUMENT, MailBatch, OutgoingMail
from dmat.errors import AmbiguousError, InvalidInputError, TransientError, VendorRefusedError

_NEVER_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f\"\\<>]")
_PLAIN_NAME = re.compile(r"[\w '&+/!-]+")
ATTEMPTS_BY_KEY, WAIT_SECONDS = 3, 1.0
REFUSES_THE_BODY = frozenset({400, 413, 422})  # the same request is refused each time, so the first one was too
T = TypeVar("T")
ACCOUNT_IS_WRONG = 403  # the sender stops at it and gives no message up


def shown_mailbox(name: str, address: str) -> str:
    """`Name <address>` as JSON carries it: in UTF-8, quoted where it must be."""
    shown = " ".join(_NEVER_IN_A_NAME.sub(" ", name).split())
    if not shown:
        return address
    return f"{shown} <{address}>" if _PLAIN_NAME.fullmatch(shown) else f'"{shown}" <{address}>'


def arguments_of(mail: OutgoingMail) -> dict[str, str]:
    """What travels with a mail and comes back in its events: our message id first, then the rest that is not empty."""
    others = {name: value for name, value in mail.custom_args.items() if value and name != MESSAGE_ID_ARGUMENT}
    return {MESSAGE_ID_ARGUMENT: mail.message_id, **others}


def json_answer(response: httpx.Response) -> dict[str, Any]:
    """The object in an answer of success; an empty one when there is none: the mail was taken all the same."""
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def refused_account(error: VendorRefusedError, codes: Iterable[str]) -> VendorRefusedError:
    """The same refusal, as one of the whole account when the answer holds one of these codes, or is 402."""
    if error.status == 402 or any(code in error.detail for code in codes):
        return VendorRefusedError(error.vendor, ACCOUNT_IS_WRONG, error.detail)
    return error


def send_by_key(attempt: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Send under an idempotency key: after an ambiguous answer the very same request again is taken once.

    Raises:
        AmbiguousError: still so after the last attempt; or it was so, and what came then tells nothing about it.
        VendorRefusedError, TransientError: of the first attempt; later a refusal only of what is in the request.
    """
    doubt: AmbiguousError | None = None
    for number in range(ATTEMPTS_BY_KEY):
        try:
            return attempt()
        except AmbiguousError as error:
            doubt = error
        except VendorRefusedError as error:
            if doubt is not None and error.status not in REFUSES_THE_BODY:
                raise doubt from None
            raise
        except TransientError:
            if doubt is None:
                raise
        if number + 1 < ATTEMPTS_BY_KEY:
            sleep(WAIT_SECONDS * 2**number)
    raise doubt or AmbiguousError("it was never sent")


def one_by_one(provider: Any, batch: MailBatch) -> str:
    """`send_batch` of a provider without batches: the batch was not cut, nothing is sent."""
    raise InvalidInputError("batch", f"{provider.name} takes no batches", "mails one by one, see `cut_batch`")
