"""Hold-outs: who is left alone so that the effect of a programme can be measured.

Belongs here: one stable, salted choice per person and programme. Stays out: measuring (`dbt/models/marts`).
"""

from __future__ import annotations

import hashlib


def is_held_out(salt: str, person_id: int, share: float) -> bool:
    """Whether a person is in the share that is held out.

    The same salt gives the same answer for ever; another salt (another programme) an independent one.
    """
    digest = hashlib.sha256(f"{salt}:{person_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
