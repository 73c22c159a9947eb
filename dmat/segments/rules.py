"""The rule of a segment: reading it with errors that name the place, its canonical form and hash, walking it.

Belongs here: everything about a rule that needs no catalogue; the shapes are those of `tree.py` and are imported from
here. Stays out: whether its fields, operators and values fit the catalogue (`checking.py`), what it means
(`compiler.py`), how it reads (`words.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError

from dmat.errors import InvalidRuleError as InvalidRuleError
from dmat.segments.tree import (
    MAXIMUM_DEPTH,
    MAXIMUM_NODES,
    MAXIMUM_VALUES,
    NODE_KEYS,
)
from dmat.segments.tree import AgoWindow as AgoWindow
from dmat.segments.tree import All as All
from dmat.segments.tree import AnyNode as AnyNode
from dmat.segments.tree import AnyOf as AnyOf
from dmat.segments.tree import Attribute as Attribute
from dmat.segments.tree import DayWindow as DayWindow
from dmat.segments.tree import Duration as Duration
from dmat.segments.tree import Event as Event
from dmat.segments.tree import LastWindow as LastWindow
from dmat.segments.tree import Membership as Membership
from dmat.segments.tree import Node as Node
from dmat.segments.tree import Not as Not
from dmat.segments.tree import PropertyCondition as PropertyCondition
from dmat.segments.tree import Rule as Rule
from dmat.segments.tree import Sample as Sample
from dmat.segments.tree import Sequence as Sequence
from dmat.segments.tree import Step as Step

MAXIMUM_LENGTH = 500_000


class Fault(NamedTuple):
    """Something wrong in a rule: where (as `where.all[1].value`), what, and what would have been accepted."""

    path: str
    what: str
    allowed: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" + (f" (allowed: {self.allowed})" if self.allowed else "")


EVERYBODY = Rule(where=All(children=()))


def parse(document: Any) -> Rule:
    """Read a rule from what JSON or YAML gave.

    Raises:
        InvalidRuleError: with every fault, each naming its place in the tree.
    """
    if isinstance(document, Rule):
        return document
    faults = _too_large(document)
    if faults:
        raise InvalidRuleError(faults)
    try:
        return Rule.model_validate(document)
    except ValidationError as error:
        raise InvalidRuleError([_fault(found) for found in error.errors(include_url=False)]) from None


def parse_json(text: str | bytes) -> Rule:
    """Read a rule from JSON.

    Raises:
        InvalidRuleError: see `parse`.
    """
    _refuse_long(text)
    try:
        return parse(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidRuleError([Fault("rule", f"is no JSON: {str(error)[:200]}")]) from None


def parse_yaml(text: str) -> Rule:
    """Read a rule from YAML; days may stand without quotes.

    Raises:
        InvalidRuleError: see `parse`.
    """
    _refuse_long(text)
    try:
        return parse(_with_days_as_text(yaml.safe_load(text)))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidRuleError([Fault("rule", f"is no YAML: {str(error)[:200]}")]) from None


def _refuse_long(text: str | bytes) -> None:
    if len(text) > MAXIMUM_LENGTH:
        raise InvalidRuleError([Fault("rule", "is too long", f"{MAXIMUM_LENGTH:,} characters")])


def _with_days_as_text(value: Any) -> Any:
    if _too_large(value):
        return value
    if isinstance(value, dict):
        return {key: _with_days_as_text(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_with_days_as_text(child) for child in value]
    return value.isoformat() if type(value) is date else value


def _too_large(document: Any) -> list[Fault]:
    """Measured without recursion, before anything else looks at the tree."""
    nodes, values, waiting = 0, 0, [(document, 0)]
    while waiting:
        part, depth = waiting.pop()
        values += 1
        if isinstance(part, dict):
            is_node = any(key in part for key in NODE_KEYS)
            nodes, depth = nodes + is_node, depth + is_node
            waiting += [(child, depth) for child in part.values()]
        elif isinstance(part, list | tuple):
            waiting += [(child, depth) for child in part]
        if depth > MAXIMUM_DEPTH:
            return [Fault("where", "is nested too deep", f"{MAXIMUM_DEPTH} levels")]
        if nodes > MAXIMUM_NODES:
            return [Fault("where", "has too many conditions", str(MAXIMUM_NODES))]
        if values > 200 * MAXIMUM_VALUES:
            return [Fault("rule", "holds too many values")]
    return []


_TAGS = {*NODE_KEYS, "last", "between", "from"}
_VALUE_TAGS = {"duration", "text", "number", "texts", "numbers"}


def _fault(error: Any) -> Fault:
    return Fault(_path(error["loc"]), _what(error), _allowed(error))


def _path(place: tuple[str | int, ...]) -> str:
    """`('where', 'all', 'all', 1, 'field', 'value', 'texts', 0)` -> `where.all[1].value[0]`."""
    path, previous_was_tag = "", False
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not previous_was_tag and _is_tag(part, path.rsplit(".", 1)[-1]):
            previous_was_tag = True
            continue
        else:
            path += f".{part}" if path else part
        previous_was_tag = False
    return path or "rule"


def _is_tag(part: str, last: str) -> bool:
    """Whether a part of the place says which kind was read, rather than where."""
    if last == "value":
        return part in _VALUE_TAGS
    return part in _TAGS and (last in ("where", "not", "window") or last.startswith(("all[", "any[")))


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "no_condition": "is no condition",
    "tuple_type": "is no list",
    "model_type": "is no object",
    "model_attributes_type": "is no object",
    "string_type": "is no text",
    "int_type": "is no whole number",
    "bool_type": "is neither true nor false",
    "literal_error": "is none of what is known here",
}


def _what(error: Any) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _WORDS.get(error["type"], str(error["msg"]).lower().replace("input should", "should"))


def _allowed(error: Any) -> str:
    if error["type"] == "no_condition":
        return "an object with one of " + ", ".join(NODE_KEYS)
    return str((error.get("ctx") or {}).get("expected", ""))


def as_document(part: BaseModel) -> dict[str, Any]:
    """A rule or a part of one as plain JSON values, without what is left at its default; `version` stays."""
    document = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"version": part.version, **document} if isinstance(part, Rule) else document


def canonical(part: BaseModel) -> str:
    """One text for all trees that differ only in the order or repetition of children and listed values."""
    return json.dumps(_sorted(as_document(part)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _sorted(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    done = {key: _sorted(child) for key, child in value.items()}
    for key in ("all", "any", "where"):
        if isinstance(done.get(key), list):
            texts = {json.dumps(_sorted(child), sort_keys=True, ensure_ascii=False) for child in done[key]}
            done[key] = [json.loads(text) for text in sorted(texts)]
    if done.get("op") != "between" and isinstance(done.get("value"), list):
        done["value"] = sorted(set(done["value"]))
    return done


def rule_hash(part: BaseModel) -> str:
    """32 hex digits that equal trees share."""
    return hashlib.sha256(canonical(part).encode()).hexdigest()[:32]


def walk(rule: Rule) -> Iterator[tuple[str, AnyNode]]:
    """Every node with its path, parents before children."""
    waiting: list[tuple[str, AnyNode]] = [("where", rule.where)]
    while waiting:
        path, node = waiting.pop()
        yield path, node
        waiting += reversed(children_of(path, node))


def children_of(path: str, node: AnyNode) -> list[tuple[str, AnyNode]]:
    """The children of a node with their paths."""
    if isinstance(node, Not):
        return [(f"{path}.not", node.child)]
    if isinstance(node, All | AnyOf):
        name = "all" if isinstance(node, All) else "any"
        return [(f"{path}.{name}[{number}]", child) for number, child in enumerate(node.children)]
    return []


def segments_used(rule: Rule) -> tuple[str, ...]:
    """Keys of the other segments that a rule names, each once, in the order of the tree."""
    return tuple(dict.fromkeys(node.segment for _, node in walk(rule) if isinstance(node, Membership)))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a rule."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Rule.model_json_schema(by_alias=True)}
