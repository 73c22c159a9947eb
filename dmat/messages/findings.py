"""What a check found: how bad, where, what, and what to do.

Belongs here: that shape. Stays out: the checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ERROR, WARNING, HINT = "error", "warning", "hint"
LEVELS = (ERROR, WARNING, HINT)


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        level: `error` keeps a message from being sent, `warning` should be looked at, `hint` may help.
        place: the part (`subject`, `body`, `variables`, ...).
        what: what was found.
        todo: what to do about it.
        line: in the source of the part, when it is known.
        locale: the language variant; empty for the one for everybody.
    """

    level: str
    place: str
    what: str
    todo: str = ""
    line: int | None = None
    locale: str = ""


def has_errors(found: Sequence[Check]) -> bool:
    """Whether something keeps the message from being sent."""
    return any(check.level == ERROR for check in found)


def by_weight(found: Sequence[Check]) -> list[Check]:
    """Each finding once, the worst first."""
    return sorted(dict.fromkeys(found), key=lambda check: (LEVELS.index(check.level), check.locale, check.place))
