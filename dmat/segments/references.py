"""Whether rules run in a circle: a segment that names another one that leads back to it.

Belongs here: following memberships from rule to rule. Stays out: every other check of a rule (`checking.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from dmat.segments.rules import Rule, segments_used


def find_circle(key: str, rule: Rule, others: Mapping[str, Rule]) -> list[str]:
    """The way from a segment through others back to itself, as keys; empty when there is none."""
    rules = {**others, key: rule}
    trail: dict[str, list[str]] = {key: [key]}
    waiting = [key]
    while waiting:
        here = waiting.pop()
        for named in segments_used(rules[here]) if here in rules else ():
            if named == key:
                return [*trail[here], key]
            if named not in trail:
                trail[named] = [*trail[here], named]
                waiting.append(named)
    return []
