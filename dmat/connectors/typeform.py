"""Typeform: what its webhook tells of a filled-in form, as the flat fields of a form of our own.

Belongs here: the shape of a response (https://www.typeform.com/developers/webhooks/example-payload/). Stays out: the
door that takes it (`apps/api/forms.py`), what becomes of a form (`dbt/models/staging/forms`).

A question is known by its `ref`, which can be written by hand in the form's editor; where that is none of our field
names, by its title ("First name"), and an address or phone number by the kind of the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dmat.errors import InvalidInputError

OURS = frozenset(
    {
        "email", "phone", "first_name", "last_name", "company", "job_title", "country", "consent_email", "consent_sms",
        "utm_source", "utm_medium", "utm_campaign",
    }
)  # fmt: skip
"""Fields that become something of a person; all others are kept as they are."""
OF_A_KIND = {"email": "email", "phone_number": "phone"}
ALLOWED = "the webhook of Typeform, version 2: form_response with token, answers and hidden"


@dataclass(frozen=True)
class Response:
    """A filled-in form: `token` is the same when the webhook tells it again."""

    token: str
    fields: dict[str, object]


def is_response(body: Mapping[str, Any]) -> bool:
    """Whether a body is what Typeform's webhook sends."""
    return body.get("event_type") == "form_response" or "form_response" in body


def read_response(body: Mapping[str, Any]) -> Response:
    """The fields of a response: hidden fields under their names, answers under ours where they have one.

    Raises:
        InvalidInputError: it is no response.
    """
    found = body.get("form_response")
    if not isinstance(found, dict) or not isinstance(found.get("token"), str) or not found["token"]:
        raise InvalidInputError("form_response", "it has no token", ALLOWED)
    answers, hidden = found.get("answers") or [], found.get("hidden") or {}
    if not isinstance(answers, list) or not isinstance(hidden, dict):
        raise InvalidInputError("form_response", "answers must be a list, hidden an object", ALLOWED)
    titles, fields = _titles(found.get("definition")), dict(hidden)
    for answer in answers:
        if not isinstance(answer, dict):
            raise InvalidInputError("answers", "an answer is no object", ALLOWED)
        fields.setdefault(_name(answer, titles), _value(answer))
    return Response(found["token"], fields)


def _titles(definition: object) -> dict[str, str]:
    listed = definition.get("fields") if isinstance(definition, dict) else None
    questions = [each for each in listed or [] if isinstance(each, dict)]
    return {str(each.get("id", "")): str(each.get("title", "")) for each in questions}


def _name(answer: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    field = answer["field"] if isinstance(answer.get("field"), dict) else {}
    ref, kind = str(field.get("ref") or field.get("id") or ""), str(answer.get("type", ""))
    title = re.sub(r"[^a-z]+", "_", titles.get(str(field.get("id", "")), "").lower()).strip("_")
    return next((name for name in (ref, title, OF_A_KIND.get(kind, "")) if name in OURS), ref[:100] or kind)


def _value(answer: Mapping[str, Any]) -> object:
    given = answer.get(str(answer.get("type", "")))
    if isinstance(given, dict):
        labels = given.get("labels") or [given.get("label") or given.get("other") or ""]
        return ", ".join(str(label) for label in labels) if isinstance(labels, list) else ""
    return given
