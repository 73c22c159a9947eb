"""SendGrid v3: mail send, the search of messages, statistics by category. Its signed events are posted by
`webhooks.py`.

Belongs here: which bodies are taken and which are refused, and how. Stays out: what people do with a mail
(`dmat/simulate/reactions.py`). Like the real one it knows no idempotency key: the same body twice is two mails.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dmat.simulate.diary import Mail
from dmat.simulate.vendors.door import Door, JsonResponse, bearer, same, whole

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
CONDITION = re.compile(
    r"""\s*\(?\s*(?P<field>[a-z_]+)(?:\[['"](?P<key>[^'"]+)['"]\])?\s*=\s*["'](?P<value>[^"']*)["']\s*\)?\s*"""
)
COLUMNS = {"msg_id": "sg_message_id", "to_email": "to_email", "from_email": "from_email", "subject": "subject",
           "status": "status"}  # fmt: skip
ARGUMENTS = {"unique_args", "custom_args"}
ERRORS = {401: "authorization required", 403: "access forbidden", 404: "not found", 405: "method not allowed",
          413: "content too large", 429: "too many requests", 500: "internal server error"}  # fmt: skip
COUNTED = (
    "blocks", "bounce_drops", "bounces", "clicks", "deferred", "delivered", "invalid_emails", "opens", "processed",
    "requests", "spam_report_drops", "spam_reports", "unique_clicks", "unique_opens", "unsubscribe_drops",
    "unsubscribes",
)  # fmt: skip
MOST_CATEGORIES = 10
MAX_BODY = 30 * 1024 * 1024
MAX_SUBSTITUTIONS = 10_000


class SendGrid(Door):
    """The mail vendor."""

    name = "sendgrid"

    def routes(self) -> list[Route]:
        """Sending, and looking up what was sent."""
        return [
            self.route("/v3/mail/send", self.send, ("POST",)),
            self.route("/v3/messages", self.messages, bucket="sendgrid_messages"),
            self.route("/v3/messages/{msg_id}", self.message, bucket="sendgrid_messages"),
            self.route("/v3/categories", self.categories),
            self.route("/v3/categories/stats", self.category_stats),
        ]

    def is_authentic(self, request: Request) -> bool:
        """The API key."""
        return same(bearer(request), self.office.settings.sendgrid_token.get_secret_value())

    def refuse(self, status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Errors are listed under `errors`."""
        return _refusal(status, message or ERRORS.get(status, "bad request"), headers=headers)

    def send(self, request: Request, body: bytes) -> Response:
        """Take a mail: 202 and an id, or 400 with the field that is wrong."""
        if len(body) > MAX_BODY:
            return self.refuse(413)
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _refusal(400, "Bad Request")
        problem = next(find_problems(asked), None)
        if problem is not None:
            return _refusal(400, problem[1], problem[0])
        message_id = secrets.token_urlsafe(16)
        mails, diary = list(self._mails(asked, message_id)), self.office.world.diary
        with diary.transaction():
            self.office.world.accept_mails(mails, asked)
            diary.count_mails(asked.get("categories", []), self.office.now().date(), ("requests",), len(mails))
        return Response(status_code=202, headers={"X-Message-Id": message_id})

    def _mails(self, asked: dict[str, Any], message_id: str) -> Iterator[Mail]:
        now = self.office.now()
        number = 0
        for part in asked["personalizations"]:
            tags = _mapping(part.get("substitutions"))
            arguments = {**_mapping(asked.get("custom_args")), **_mapping(part.get("custom_args"))}
            for recipient in part["to"]:
                body = {
                    "headers": {**_mapping(asked.get("headers")), **_mapping(part.get("headers"))},
                    "categories": asked.get("categories", []),
                    "custom_args": arguments,
                    "content": [{**one, "value": substituted(one["value"], tags)} for one in asked["content"]],
                    "to_name": recipient.get("name", ""),
                }
                yield Mail(
                    f"{message_id}.recvd-dmat-{number}", str(arguments.get("dmat_message_id", "")),
                    recipient["email"].lower(), asked["from"]["email"],
                    substituted(part.get("subject") or asked["subject"], tags),
                    now, "processed", 0, 0, now, orjson.dumps(body).decode(),
                )  # fmt: skip
                number += 1

    def messages(self, request: Request, body: bytes) -> Response:
        """Search: `field="value"` joined by AND, fields of the message or `unique_args['name']`."""
        text = request.query_params.get("query", "")
        try:
            limit = whole(request.query_params.get("limit"), 10, 1, 1000)
            where, values = _conditions(text)
        except ValueError as error:
            return _refusal(400, str(error) if str(error).startswith("invalid syntax") else "invalid limit")
        found = self.office.world.diary.mails(where, values, limit)
        return JsonResponse({"messages": [_shown(mail) for mail in found]})

    def message(self, request: Request, body: bytes) -> Response:
        """One message."""
        found = self.office.world.diary.mails("sg_message_id = ?", [request.path_params["msg_id"]], 1)
        return JsonResponse(_shown(found[0]) | {"events": []}) if found else self.refuse(404)

    def categories(self, request: Request, body: bytes) -> Response:
        """The names of all categories, page by page."""
        try:
            limit = whole(request.query_params.get("limit"), 50, 1, 500)
            offset = whole(request.query_params.get("offset"), 0, 0, 10**6)
        except ValueError:
            return _refusal(400, "invalid limit or offset")
        return JsonResponse([{"category": name} for name in self.office.world.diary.mail_categories(limit, offset)])

    def category_stats(self, request: Request, body: bytes) -> Response:
        """Counts by category and day (days of UTC); a day on which nothing happened has zeros."""
        names = request.query_params.getlist("categories")
        if not 1 <= len(names) <= MOST_CATEGORIES:
            return _refusal(400, "categories must be between 1 and 10", "categories")
        try:
            since = date.fromisoformat(request.query_params.get("start_date", ""))
            until = date.fromisoformat(request.query_params.get("end_date") or self.office.now().date().isoformat())
        except ValueError:
            return _refusal(400, "invalid date format", "start_date")
        if request.query_params.get("aggregated_by", "day") != "day":
            return _refusal(400, "only days are kept here", "aggregated_by")
        found = self.office.world.diary.mail_counts(since, until)
        days = [(since + timedelta(days=number)).isoformat() for number in range((until - since).days + 1)]
        return JsonResponse([{"date": day, "stats": [_counted(name, found.get((name, day), {})) for name in names]}
                             for day in days])  # fmt: skip


def _counted(category: str, counts: Mapping[str, int]) -> dict[str, Any]:
    return {"type": "category", "name": category, "metrics": {metric: counts.get(metric, 0) for metric in COUNTED}}


def _refusal(status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
    error = {"message": message, "field": field, "help": None} if status == 400 else {"message": message, "field": None}
    if error.get("help", "") is None:
        del error["help"]
    return JsonResponse({"errors": [error]}, status, dict(headers or {}))


def substituted(text: str, tags: Mapping[str, str]) -> str:
    """The text with each tag replaced, one after the other: what was put in is looked through again, as there."""
    for tag, value in tags.items():
        text = text.replace(tag, value)
    return text


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def find_problems(asked: Any) -> Iterator[tuple[str | None, str]]:
    """What is wrong with a body, as (field, message), in the words of the vendor."""
    if not isinstance(asked, dict):
        yield None, "Bad Request"
        return
    yield from _recipient_problems(asked.get("personalizations"))
    sender = _mapping(asked.get("from")).get("email")
    if not isinstance(sender, str) or not ADDRESS.fullmatch(sender):
        yield "from.email", "The from email does not contain a valid address."
    subjects = [asked.get("subject"), *(_mapping(part).get("subject") for part in asked.get("personalizations") or [])]
    if not asked.get("template_id") and not any(isinstance(subject, str) and subject for subject in subjects):
        yield "subject", "The subject is required. You can get around this requirement if you use a template."
    yield from _content_problems(asked.get("content"), bool(asked.get("template_id")))
    categories = asked.get("categories", [])
    if not isinstance(categories, list) or len(categories) > 10:
        yield "categories", "The categories parameter can't contain more than 10 categories."


def _recipient_problems(parts: Any) -> Iterator[tuple[str | None, str]]:
    if not isinstance(parts, list) or not parts:
        yield "personalizations", "The personalizations field is required and must have at least one personalization."
        return
    if len(parts) > 1000:
        yield "personalizations", "The personalizations field can have at most 1000 personalizations."
    for place, part in enumerate(parts):
        recipients = _mapping(part).get("to")
        if not isinstance(recipients, list) or not recipients:
            yield f"personalizations.{place}.to", "The to array is required for all personalization objects."
            continue
        addresses = [_mapping(one).get("email") for one in recipients]
        if not all(isinstance(address, str) and ADDRESS.fullmatch(address) for address in addresses):
            yield f"personalizations.{place}.to.0.email", "Does not contain a valid address."
        if any(not isinstance(value, str) for value in _mapping(part.get("custom_args")).values()):
            yield f"personalizations.{place}.custom_args", "Custom arguments must be strings."
        tags = _mapping(part.get("substitutions"))
        if any(not isinstance(value, str) for value in tags.values()):
            yield f"personalizations.{place}.substitutions", "Substitutions must be strings."
        elif sum(len(tag.encode()) + len(value.encode()) for tag, value in tags.items()) > MAX_SUBSTITUTIONS:
            yield f"personalizations.{place}.substitutions", "Substitutions may not exceed 10000 bytes."


def _content_problems(content: Any, has_template: bool) -> Iterator[tuple[str | None, str]]:
    if has_template and content is None:
        return
    if not isinstance(content, list) or not content:
        yield "content", "Unless a valid template_id is provided, the content parameter is required."
        return
    for place, part in enumerate(content):
        value = _mapping(part).get("value")
        if not isinstance(_mapping(part).get("type"), str) or not isinstance(value, str) or not value:
            yield f"content.{place}.value", "The content value must be a string at least one character in length."


def _conditions(text: str) -> tuple[str, list[Any]]:
    parts, values, place = [], [], 0  # type: tuple[list[str], list[Any], int]
    while place < len(text) or not parts:
        found = CONDITION.match(text, place)
        if not found:
            raise ValueError(f"invalid syntax: {text!r} cannot be read")
        name = found["field"]
        if name in COLUMNS:
            parts.append(f"{COLUMNS[name]} = ?")
        elif name in ARGUMENTS and found["key"]:
            parts.append("dmat_message_id = ?" if found["key"] == "dmat_message_id" else "json_extract(body, ?) = ?")
            values.extend([] if found["key"] == "dmat_message_id" else [f'$.custom_args."{found["key"]}"'])
        else:
            raise ValueError(f"invalid syntax: {name!r} is not a known field")
        values.append(found["value"])
        place = found.end()
        if text[place : place + 3].upper() == "AND":
            place += 3
        elif place < len(text):
            raise ValueError(f"invalid syntax: {text[place:]!r} cannot be read")
    return " and ".join(parts), values


def _shown(mail: Mail) -> dict[str, Any]:
    return {
        "from_email": mail.from_email,
        "msg_id": mail.sg_message_id,
        "subject": mail.subject,
        "to_email": mail.to_email,
        "status": mail.status,
        "opens_count": mail.opens,
        "clicks_count": mail.clicks,
        "last_event_time": mail.last_event_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
