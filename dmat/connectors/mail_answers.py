"""What e-mail vendors have in common: `Name <address>` in JSON, their answers, a wrong account or a wrong mail.

Belongs here: that. Stays out: any vendor's codes (one file each) and HTTP's failures (`dmat/connectors/http.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import httpx
import orjson

from dmat.channels.contract import MESSAGE_ID_ARGUMENT, MailBatch, OutgoingMail
from dmat.errors import InvalidInputError, VendorRefusedError

_NEVER_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f\"\\<>]")
_PLAIN_NAME = re.compile(r"[\w '&+/!-]+")
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


def one_by_one(provider: Any, batch: MailBatch) -> str:
    """`send_batch` of a provider without batches: the batch was not cut, nothing is sent."""
    raise InvalidInputError("batch", f"{provider.name} takes no batches", "mails one by one, see `cut_batch`")
