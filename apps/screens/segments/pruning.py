"""A rule in the making without the lines that are not finished, so that the others can be counted while she types.

Belongs here: leaving out faulty conditions and remembering where the others stood. Stays out: finding faults
(`dmat.segments`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
GROUPS = ("all", "any")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass
class Pruned:
    """What is left of a rule: the document, where each of its nodes stood before, and which lines were left out."""

    document: Document
    places: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def prune(document: Mapping[str, Any], bad: Iterable[str]) -> Pruned:
    """Leave out every condition in which a fault lies.

    Args:
        document: the rule as the builder holds it.
        bad: paths of faults, as `where.all[1].value`.
    """
    made = Pruned({**document, "where": {"all": []}})
    where = _keep(document.get("where") or {"all": []}, "where", "where", list(bad), made)
    if where is not None:
        made.document["where"] = where
    return made


def lies_in(fault: str, path: str) -> bool:
    """Whether a fault's path is that of a node or lies below it."""
    return fault == path or fault.startswith((f"{path}.", f"{path}["))


def _keep(node: Any, path: str, to: str, bad: list[str], made: Pruned) -> Any:
    if isinstance(node, dict) and "not" in node:
        inner = _keep(node["not"], f"{path}.not", f"{to}.not", bad, made)
        return _placed({"not": inner}, path, to, made) if inner is not None else None
    for mode in GROUPS:
        if isinstance(node, dict) and isinstance(node.get(mode), list):
            kept = _children(node[mode], mode, path, to, bad, made)
            if node[mode] and not kept:
                return None  # nothing of it is finished: an empty "any" would be nobody
            return _placed({mode: kept}, path, to, made)
    if not isinstance(node, dict) or any(lies_in(fault, path) for fault in bad):
        made.left_out.append(path)
        return None
    return _placed(node, path, to, made)


def _children(nodes: list[Any], mode: str, path: str, to: str, bad: list[str], made: Pruned) -> list[Any]:
    kept: list[Any] = []
    for at, child in enumerate(nodes):
        left = _keep(child, f"{path}.{mode}[{at}]", f"{to}.{mode}[{len(kept)}]", bad, made)
        if left is not None:
            kept.append(left)
    return kept


def _placed(node: Any, path: str, to: str, made: Pruned) -> Any:
    made.places[to] = path
    return node


def nodes_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Every node of a rule by its path, parents before children."""
    found: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = [("where", document["where"])]
    while waiting:
        path, node = waiting.pop()
        found[path] = node
        if "not" in node:
            waiting.append((f"{path}.not", node["not"]))
        for mode in GROUPS:
            waiting += [(f"{path}.{mode}[{at}]", child) for at, child in enumerate(node.get(mode, ()))]
    return found


def is_unfinished(document: Mapping[str, Any], path: str) -> bool:
    """Whether there is nothing yet where a fault lies, rather than something wrong."""
    value: Any = document
    for number, name in _STEP.findall(path):
        if isinstance(value, list) and number and int(number) < len(value):
            value = value[int(number)]
        elif isinstance(value, Mapping) and name:
            value = value.get(name)
        else:
            return True
    return value in (None, "", []) or (isinstance(value, (list, tuple)) and None in value)
