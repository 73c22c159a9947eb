"""Which button or field of the composer makes which edit of the plan.

Belongs here: one table from names that a browser may send to edits; what is not in it does nothing. Stays out: the
edits themselves (`branching.py`, `coordinating.py`, `edits.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from apps.screens.campaigns import branching, coordinating

Document = dict[str, Any]
BUTTONS: Mapping[str, Callable[[Document, str], Any]] = MappingProxyType(
    {
        "add-variant": branching.add_variant, "remove-variant": branching.remove_variant,
        "even-shares": branching.even_shares, "add-reaction": branching.add_reaction,
        "remove-reaction": branching.remove_reaction, "widen": branching.widen,
        "add-rule": coordinating.add_rule, "remove-rule": coordinating.remove_rule,
    }
)  # fmt: skip
FIELDS: Mapping[str, Callable[[Document, str, Any], None]] = MappingProxyType(
    {
        "variant": branching.change_variant, "reaction": branching.change_reaction, "narrow": branching.narrow,
        "rule": coordinating.change_rule, "link": branching.change_link_rule,
    }
)  # fmt: skip


def edit_of(name: str, value: Any) -> Callable[[Document], Any] | None:
    """The edit that the browser asks for; None when there is no such edit."""
    if name in BUTTONS:
        return lambda plan: BUTTONS[name](plan, str(value or "")[:300])
    if name in FIELDS and isinstance(value, dict):
        return lambda plan: FIELDS[name](plan, str(value.get("of", ""))[:300], value.get("value"))
    return None
