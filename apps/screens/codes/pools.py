"""Pools of discount codes as the screen shows them: how many are left, who uses them, what is wrong with an input.

Belongs here: rows, and doing what a form says. Stays out: layout (`screen.py`), giving codes away
(`dmat/messages/codes.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dmat.campaigns.records import OVER, Campaign
from dmat.clock import Clock
from dmat.errors import InvalidInputError
from dmat.keys import key_of, own_key
from dmat.messages.code_patterns import Pattern
from dmat.messages.codes import Pool, add_codes, codes_in_csv, create_pool, list_pools, release_returned
from dmat.store import Store

FEW_LEFT = 0.1
LARGEST_FILE = 5_000_000


@dataclass(frozen=True)
class Row:
    """A pool, the campaigns that name it and are not over, and how it stands: ok, few or empty."""

    pool: Pool
    uses: tuple[Campaign, ...]

    @property
    def standing(self) -> str:
        """empty, few (a tenth of its codes or less) or ok."""
        made = self.pool.room + self.pool.taken + self.pool.returned
        if not self.pool.room:
            return "empty"
        return "few" if made and self.pool.room / made <= FEW_LEFT else "ok"


def read_pools(store: Store, campaigns: Sequence[Campaign]) -> list[Row]:
    """Every pool, by name."""
    uses: dict[str, dict[int, Campaign]] = {}
    for campaign in campaigns:
        for step in () if campaign.status in OVER else campaign.plan.steps:
            if step.code_pool:
                uses.setdefault(step.code_pool, {})[campaign.campaign_id] = campaign
    with store.read() as connection:
        return [Row(pool, tuple(uses.get(pool.key, {}).values())) for pool in list_pools(connection)]


def examples_of(pattern: str, count: int = 3) -> list[str]:
    """Codes as a pattern makes them.

    Raises:
        InvalidInputError: it is no pattern.
    """
    return list(Pattern.read(pattern).make(count))


def make_pool(store: Store, clock: Clock, form: Mapping[str, Any], by: str) -> str:
    """Make a pool from a form with `name`, `pattern`, `codes`, `file`; gives what was done, in words.

    Raises:
        InvalidInputError: names the field. ConflictError: there is such a pool.
    """
    name, pattern = str(form.get("name") or "").strip(), str(form.get("pattern") or "").strip().upper()
    codes = read_codes(form)
    if not pattern and not codes:
        raise InvalidInputError("codes", "there are none", "a pattern, codes, or a file with codes")
    with store.write() as connection:
        key = key_of(name, 100) or own_key("pool", [pool.key for pool in list_pools(connection)])
        create_pool(connection, key, name, by, clock.now(), pattern)
        added, known = add_codes(connection, key, codes, by, clock.now()) if codes else (0, 0)
    return f"The pool {name} is there" + (f", with {_words(added, known)}" if codes else "")


def fill_pool(store: Store, clock: Clock, form: Mapping[str, Any], by: str) -> str:
    """Add the codes of a form with `pool`, `codes`, `file`; gives what was done, in words.

    Raises:
        InvalidInputError: no codes, or one that cannot be one. NotFoundError: there is no such pool.
    """
    codes = read_codes(form)
    if not codes:
        raise InvalidInputError("codes", "there are none", "a code a line, or a file")
    with store.write() as connection:
        return f"Added {_words(*add_codes(connection, str(form.get('pool') or ''), codes, by, clock.now()))}"


def release(store: Store, clock: Clock, pool: str, by: str) -> str:
    """Let the returned codes of a pool be given again; gives what was done, in words."""
    with store.write() as connection:
        return f"{release_returned(connection, pool, by, clock.now()):,} codes can be given again"


def read_codes(form: Mapping[str, Any]) -> list[str]:
    """The codes that were typed, a code a line, and those of the file.

    Raises:
        InvalidInputError: the file is too large, or has several columns and none called code.
    """
    typed, file = str(form.get("codes") or ""), str(form.get("file") or "")
    if len(file) + len(typed) > LARGEST_FILE:
        raise InvalidInputError("file", "it is too large", f"at most {LARGEST_FILE // 1_000_000} MB")
    return [*(line.strip() for line in typed.splitlines() if line.strip()), *(codes_in_csv(file) if file else ())]


def _words(added: int, known: int) -> str:
    known_words = f"; {known:,} were known already" if known else ""
    return f"{added:,} {'code' if added == 1 else 'codes'}{known_words}"
