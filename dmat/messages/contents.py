"""What a template's content may hold: parts by channel, locales, declared variables, their types and fallbacks.

Belongs here: looking at a JSON document and naming the field that is wrong. Stays out: what the parts say (`checks.py`)
and compiling them (`compiled.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dmat.errors import InvalidInputError
from dmat.messages.links import is_web_address
from dmat.messages.records import CHANNELS, KINDS_OF, PARTS, TYPES, Content, Variable, content_of

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][A-Za-z0-9]{1,7})?|")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
LONGEST = {"body": 500_000, "text": 100_000}
LONGEST_PART, MOST_LOCALES, MOST_VARIABLES, MOST_BLOCKS, MOST_ITEMS = 2_000, 60, 100, 50, 50
RESERVED = frozenset(
    {
        "campaign",
        "shop",
        "segments",
        "unsubscribe_url",
        "preferences_url",
        "view_url",
        "in_segment",
        "link",
        "message_id",
    }
)
FIELDS = frozenset(Variable.__dataclass_fields__)


def checked_kind(channel: str, kind: str) -> None:
    """Refuse a channel that there is not, or a kind that does not go with it.

    Raises:
        InvalidInputError: names the field and what is allowed.
    """
    if channel not in CHANNELS:
        raise InvalidInputError("channel", f"{channel!r} is not a channel of templates", ", ".join(CHANNELS))
    allowed = KINDS_OF.get(channel, ("text",))
    if kind not in allowed:
        raise InvalidInputError("kind", f"{kind!r} is not a kind of {channel}", ", ".join(allowed))


def checked_content(channel: str, document: Mapping[str, Any] | Content) -> Content:
    """The content of a document that somebody wrote.

    Raises:
        InvalidInputError: a part that the channel does not have, a bad locale, a variable that cannot be.
    """
    wanted = document.as_document() if isinstance(document, Content) else document
    if not isinstance(wanted, Mapping):
        raise InvalidInputError("content", "this is not an object", "variables, locales, blocks")
    unknown = set(wanted) - {"variables", "locales", "blocks"}
    if unknown:
        raise InvalidInputError(f"content.{min(unknown)}", "there is no such field", "variables, locales, blocks")
    _check_locales(channel, wanted.get("locales"))
    _check_variables(wanted.get("variables", ()))
    blocks = wanted.get("blocks", {})
    if not isinstance(blocks, Mapping) or len(blocks) > MOST_BLOCKS:
        raise InvalidInputError("blocks", "these are not saved blocks", f"at most {MOST_BLOCKS}, source by key")
    for key, source in blocks.items():
        _check_text(f"blocks.{key}", source, LONGEST["body"])
    return content_of(wanted)


def _check_locales(channel: str, locales: Any) -> None:
    if not isinstance(locales, Mapping) or "" not in locales or len(locales) > MOST_LOCALES:
        raise InvalidInputError("locales", "the language for everybody is missing", '"" and up to 59 others')
    for locale, parts in locales.items():
        if not LOCALE.fullmatch(str(locale)):
            raise InvalidInputError("locales", f"{locale!r} is not a language", "e.g. de or de-AT")
        if not isinstance(parts, Mapping):
            raise InvalidInputError(f"locales.{locale}", "these are not parts", ", ".join(PARTS[channel]))
        for part, text in parts.items():
            if part not in PARTS[channel]:
                raise InvalidInputError(f"locales.{locale}.{part}", "the channel has no such part",
                                        ", ".join(PARTS[channel]))  # fmt: skip
            _check_text(f"locales.{locale}.{part}", text, LONGEST.get(part, LONGEST_PART))


def _check_text(field: str, text: Any, longest: int) -> None:
    if not isinstance(text, str) or len(text) > longest:
        raise InvalidInputError(field, "this is not a text or too long", f"at most {longest} characters")
    if CONTROL.search(text.replace("\r\n", "\n")):
        raise InvalidInputError(field, "there are control characters in it", "text, line breaks and tabs")


def _check_variables(variables: Any) -> None:
    if not isinstance(variables, Sequence) or isinstance(variables, str) or len(variables) > MOST_VARIABLES:
        raise InvalidInputError("variables", "this is not a list of variables", f"at most {MOST_VARIABLES}")
    seen: set[str] = set()
    for number, variable in enumerate(variables):
        place = f"variables[{number}]"
        if not isinstance(variable, Mapping) or set(variable) - FIELDS:
            raise InvalidInputError(place, "this is not a variable", ", ".join(sorted(FIELDS)))
        name = variable.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in RESERVED:
            raise InvalidInputError(
                f"{place}.name", f"{name!r} cannot be a variable", "a-z, 0-9 and _, not a word of ours"
            )
        if name in seen:
            raise InvalidInputError(f"{place}.name", f"{name} is declared twice", "each name once")
        seen.add(name)
        _check_variable(place, Variable(**variable))


def _check_variable(place: str, variable: Variable) -> None:
    if variable.type not in TYPES:
        raise InvalidInputError(f"{place}.type", f"{variable.type!r} is not a type", ", ".join(TYPES))
    if not isinstance(variable.source, str) or len(variable.source) > 200:
        raise InvalidInputError(f"{place}.source", "this is not a source", "a field, recommendations, code, campaign.*")
    if not isinstance(variable.count, int) or not 1 <= variable.count <= MOST_ITEMS:
        raise InvalidInputError(f"{place}.count", f"{variable.count!r} is not a number of items", f"1 to {MOST_ITEMS}")
    for word in ("fallback", "example"):
        given = getattr(variable, word)
        if given is not None and not has_type(variable.type, given):
            raise InvalidInputError(f"{place}.{word}", f"{given!r} is not {EXPECTED[variable.type]}",
                                    EXPECTED[variable.type])  # fmt: skip


EXPECTED = {
    "text": "a text",
    "number": "a number",
    "money": 'an amount with its currency: {"cents": 1250, "currency_code": "EUR"}',
    "date": "a day: 2026-03-04",
    "list": "a list",
    "url": "a web address (http or https)",
}


def has_type(kind: str, value: Any) -> bool:
    """Whether a value may stand for a variable of this type."""
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "money":
        if not isinstance(value, Mapping):
            return False
        return isinstance(value.get("cents"), int) and isinstance(value.get("currency_code"), str)
    if kind == "list":
        return isinstance(value, (list, tuple))
    if not isinstance(value, str):
        return False
    if kind == "url":
        return value == "" or is_web_address(value)
    return kind == "text" or _is_day(value)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
