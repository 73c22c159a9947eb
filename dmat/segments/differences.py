"""What changed between two rules, in words.

Belongs here: comparing two trees by their conditions and groups. Stays out: how a condition reads (`words.py`).

A condition about the same field, event or segment that is there before and after with another value has changed; what
is only in one of them was added or removed; a group that asks for another number of its parts is named with its place.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from dmat.segments.catalogue import Catalogue
from dmat.segments.rules import Rule, as_document, parse
from dmat.segments.words import clause

GROUPS = {"all": "all of", "any": "any of", "not": "none of"}
Node = dict[str, Any]


def differences(before: Rule, after: Rule, catalogue: Catalogue) -> list[str]:
    """One line a change; nothing when both rules say the same."""
    old, new = as_document(before), as_document(after)
    lines = _changed_groups(old["where"], new["where"])
    removed, added = _only_in_one(old["where"], new["where"])
    for subject in list(removed):
        if subject in added:
            pairs = min(len(removed[subject]), len(added[subject]))
            for _ in range(pairs):
                was, now = removed[subject].pop(0), added[subject].pop(0)
                lines.append(f"changed: {_say(was, catalogue)} -> {_say(now, catalogue)}")
    lines += [f"removed: {_say(node, catalogue)}" for nodes in removed.values() for node in nodes]
    lines += [f"added: {_say(node, catalogue)}" for nodes in added.values() for node in nodes]
    if old.get("time_zone") != new.get("time_zone"):
        lines.append(f"time zone: {old.get('time_zone')} -> {new.get('time_zone')}")
    if not lines and old["where"] != new["where"]:
        lines.append("the same conditions stand in another order")
    return lines


def _conditions(node: Node) -> Iterator[Node]:
    """The leaves of a tree; `not` around a single condition belongs to it."""
    if "not" in node and not _children(node["not"]):
        yield node
    elif any(name in node for name in GROUPS):
        for child in _children(node):
            yield from _conditions(child)
    else:
        yield node


def _children(node: Node) -> list[Node]:
    if "not" in node:
        return [node["not"]]
    return list(node.get("all") or node.get("any") or ())


def _subject(node: Node) -> str:
    inner = node.get("not", node)
    subjects = (f"{name} {inner[name]}" for name in ("field", "event", "segment") if name in inner)
    return next(subjects, "sequence" if "sequence" in inner else "sample" if "sample" in inner else "group")


def _only_in_one(old: Node, new: Node) -> tuple[dict[str, list[Node]], dict[str, list[Node]]]:
    before, after = Counter(map(_text, _conditions(old))), Counter(map(_text, _conditions(new)))
    return _by_subject(before - after), _by_subject(after - before)


def _by_subject(counted: Counter[str]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for text in counted.elements():
        node = json.loads(text)
        found.setdefault(_subject(node), []).append(node)
    return found


def _text(node: Node) -> str:
    return json.dumps(node, sort_keys=True)


def _changed_groups(old: Node, new: Node, path: str = "where") -> list[str]:
    """Groups that stand at the same place and ask for another number of their parts."""
    was, now = (next((name for name in GROUPS if name in node), "") for node in (old, new))
    if not was or not now:
        return []
    lines = [] if was == now else [f"{path}: {GROUPS[was]} -> {GROUPS[now]}"]
    for number, (left, right) in enumerate(zip(_children(old), _children(new), strict=False)):
        lines += _changed_groups(left, right, f"{path}.{now}" if now == "not" else f"{path}.{now}[{number}]")
    return lines


def _say(node: Node, catalogue: Catalogue) -> str:
    return clause(parse({"where": node}).where, catalogue)
