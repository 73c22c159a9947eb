"""Hold-outs: who is left alone so that the effect of a programme can be measured.

Belongs here: one stable, salted choice per person and programme. Stays out: measuring (`dbt/models/marts`).
"""

from __future__ import annotations

import hashlib

from dmat.settings import Settings

GLOBAL = "global holdout"
"""The reason why somebody who is held out of everything gets no marketing message."""


def is_held_out(salt: str, person_id: int, share: float) -> bool:
    """Whether a person is in the share that is held out.

    The same salt gives the same answer for ever; another salt (another programme) an independent one.
    """
    digest = hashlib.sha256(f"{salt}:{person_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def global_salt(settings: Settings) -> str:
    """The salt of the hold-out from everything; another period holds other people out."""
    return f"global-holdout:{settings.global_holdout_period}"


def is_held_out_of_all(settings: Settings, person_id: int) -> bool:
    """Whether a person gets no marketing at all, so that the effect of all of it can be measured."""
    share = settings.global_holdout_share
    return share > 0 and is_held_out(global_salt(settings), person_id, share)
