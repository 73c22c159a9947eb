"""Twilio: the messages of an account, API 2010-04-01 - listed, read, created.

Belongs here: basic authentication, paging by `next_page_uri`, filters by day, Twilio's numbered errors. Stays out:
what becomes of a message (`dmat/simulate/reactions.py`) and status callbacks (`webhooks.py`). Who answered STOP is not
written to any more: error 21610.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.records import Wanted
from dmat.simulate.vendors.door import Door, JsonResponse, basic, json_text, same, whole

PHONE = re.compile(r"(whatsapp:)?\+[1-9]\d{6,14}")
ERRORS = {
    401: (20003, "Authenticate"),
    404: (20404, "The requested resource was not found"),
    429: (20429, "Too Many Requests"),
    500: (20500, "Internal Server Error"),
}


class Twilio(Door):
    """One account."""

    name = "twilio"

    def routes(self) -> list[Route]:
        """Messages."""
        base = "/2010-04-01/Accounts/{account}/Messages"
        return [
            self.route(f"{base}.json", self.list_messages),
            self.route(f"{base}.json", self.create, ("POST",)),
            self.route(f"{base}/{{sid}}.json", self.one),
        ]

    def is_authentic(self, request: Request) -> bool:
        """Account and token; the account in the path must be the same."""
        account, token = basic(request)
        fits = same(account, self.office.settings.twilio_account) and f"/Accounts/{account}/" in request.url.path
        return same(token, self.office.settings.twilio_token.get_secret_value()) and fits

    def refuse(
        self, status: int, message: str = "", headers: Mapping[str, str] | None = None, code: int = 20001
    ) -> Response:
        """Errors have a number and a page that explains it."""
        number, words = ERRORS.get(status, (code, "Bad request"))
        more = f"https://www.twilio.com/docs/errors/{number}"
        body = {"code": number, "message": message or words, "more_info": more, "status": status}
        return JsonResponse(body, status, dict(headers or {}))

    def list_messages(self, request: Request, body: bytes) -> Response:
        """Messages, newest first."""
        asked = request.query_params
        try:
            size, page = whole(asked.get("PageSize"), 50, 1, 1000), whole(asked.get("Page"), 0, 0, 1 << 31)
            wanted = _filters(dict(asked))
        except ValueError as error:
            return self.refuse(400, f"Invalid parameter: {error}")
        token = asked.get("PageToken", "")
        after = [*token[2:].split("_", 1)] if token.startswith("PA") else None
        rows = self.office.records.page(
            Wanted("twilio_messages", order="created_at", descending=True, limit=size + 1, after=after, **wanted)
        )
        shown, path = rows[:size], f"/2010-04-01/Accounts/{self.office.settings.twilio_account}/Messages.json"
        kept = {name: value for name, value in asked.items() if name not in ("Page", "PageToken")}
        following = None
        if len(rows) > size:
            mark = "_".join(str(part) for part in shown[-1].key("created_at"))
            following = f"{path}?{urlencode({**kept, 'Page': page + 1, 'PageToken': 'PA' + mark})}"
        envelope = {
            "end": page * size + len(shown) - 1 if shown else 0,
            "first_page_uri": f"{path}?{urlencode({**kept, 'Page': 0})}",
            "next_page_uri": following, "page": page, "page_size": size, "previous_page_uri": None,
            "start": page * size, "uri": f"{path}?{urlencode(dict(asked))}", "messages": [row.load() for row in shown],
        }  # fmt: skip
        return JsonResponse(envelope)

    def one(self, request: Request, body: bytes) -> Response:
        """One message."""
        row = self.office.records.get("twilio_messages", request.path_params["sid"])
        return json_text(row.payload) if row else self.refuse(404)

    def create(self, request: Request, body: bytes) -> Response:
        """Send a message: 201, queued."""
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        problem = _find_problem(form)
        if problem is None and self.office.world.diary.blocked_reason(form["To"].lower()):
            problem = 21610, "Attempt to send to unsubscribed recipient"
        if problem:
            return self.refuse(400, problem[1], code=problem[0])
        sid = "SM" + secrets.token_hex(16)
        message = {
            "sid": sid, "account": self.office.settings.twilio_account, "to": form["To"],
            "from": form.get("From") or form["MessagingServiceSid"],
            "body": form.get("Body") or form.get("ContentVariables", ""),
            "callback": form.get("StatusCallback", ""),
        }  # fmt: skip
        self.office.world.accept_text("twilio", message, self.office.now())
        row = self.office.records.get("twilio_messages", sid)
        return json_text(row.payload if row else "{}", 201)


def _find_problem(form: dict[str, str]) -> tuple[int, str] | None:
    if not form.get("To"):
        return 21604, "A 'To' phone number is required."
    if not PHONE.fullmatch(form["To"]):
        return 21211, f"Invalid 'To' Phone Number: {form['To']}"
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return 21603, "A 'From' phone number is required."
    if not form.get("Body") and not form.get("ContentSid"):
        return 21602, "Message body is required."
    return (
        (21617, "The concatenated message body exceeds the 1600 character limit.")
        if len(form.get("Body", "")) > 1600
        else None
    )


def _filters(asked: dict[str, str]) -> dict[str, Any]:
    """`DateSent`, `DateSent>`, `DateSent<` (whole days, or moments), `To`, `From`."""
    wanted: dict[str, Any] = {}
    for name, value in asked.items():
        if not name.startswith("DateSent"):
            continue
        moment = datetime.fromisoformat(value.lstrip("=").replace("Z", ""))
        day = timedelta(days=1) if len(value.lstrip("=")) == 10 else timedelta(seconds=1)
        if name in ("DateSent", "DateSent>"):
            wanted["created_from"] = moment
        if name in ("DateSent", "DateSent<"):
            wanted["created_until"] = moment + day
    more = [(f"(payload->>'$.{name.lower()}') = ?", (asked[name],)) for name in ("To", "From") if asked.get(name)]
    return wanted | ({"more": tuple(more)} if more else {})
