"""Who is in a test and in which arm: a salted hash of the person, with no state to lose.

Belongs here: the hash, shares, exclusion groups as parts of one line, packing. Stays out: who may be in at all, keeping
(`dmat/campaigns/splitting.py`).

The same salt gives the same person the same answer for ever; another salt an independent one. An arm is chosen by
weighted rendezvous (highest random weight: Thaler and Ravishankar 1998; with weights, the exponential race: the arm
with the least -ln(u) / share), so that when shares change people move only to arms that gain against the one they
had; a new arm takes people from all others alike.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dmat.errors import InvalidInputError

Ids = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]
Units = npt.NDArray[np.float64]
NO_ARM = 255
"""The code of who is in no arm."""
_TO_UNIT = 2.0**-53


def unit_of(salt: str, ids: Ids) -> Units:
    """A number in [0, 1) for each id, uniform and independent for each salt.

    Args:
        salt: as `experiment:7`.
        ids: numbers of people, shape (n,).

    Returns:
        shape (n,); the upper 53 bits of two rounds of a 64-bit mixer (SplitMix64's finaliser in Stafford's variant 13)
        with keys from SHA-256 of the salt.
    """
    one, other = np.frombuffer(hashlib.sha256(salt.encode()).digest()[:16], "<u8")
    mixed = _mix(_mix(np.asarray(ids, np.int64).view(np.uint64) ^ one) + other)
    return (mixed >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def _mix(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def unit_of_text(salt: str, text: str) -> float:
    """The same for an id that is text, as a visitor's: the first 53 bits of SHA-256."""
    digest = hashlib.sha256(f"{salt}:{text}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * _TO_UNIT


def arm_of(salt: str, ids: Ids, shares: Mapping[str, float]) -> Codes:
    """The arm of each person.

    Args:
        salt: of the test.
        ids: numbers of people, shape (n,).
        shares: arm -> its share, more than 0; they need not add up to 1.

    Returns:
        shape (n,); positions in `shares`.

    Raises:
        InvalidInputError: there is no arm, or a share below 0.
    """
    weights = _checked(shares)
    best = np.full(len(ids), np.inf)
    codes = np.full(len(ids), NO_ARM, np.uint8)
    for code, (key, weight) in enumerate(zip(shares, weights, strict=True)):
        if weight == 0:
            continue
        race = -np.log1p(-unit_of(f"{salt}:arm:{key}", ids)) / weight
        wins = race < best
        best[wins], codes[wins] = race[wins], code
    return codes


def arm_of_text(salt: str, text: str, shares: Mapping[str, float]) -> str:
    """The key of the arm of an id that is text, as a visitor's."""
    weights = _checked(shares)
    races = {
        key: -float(np.log1p(-unit_of_text(f"{salt}:arm:{key}", text))) / weight
        for key, weight in zip(shares, weights, strict=True)
        if weight > 0
    }
    return min(races, key=lambda key: races[key])


def _checked(shares: Mapping[str, float]) -> Sequence[float]:
    weights = list(shares.values())
    if not weights or min(weights) < 0 or sum(weights) <= 0 or len(weights) >= NO_ARM:
        raise InvalidInputError("shares", "these are no shares of arms", "one or more arms, each 0 or more, not all 0")
    return weights


def in_test(salt: str, ids: Ids, share: float) -> npt.NDArray[np.bool_]:
    """Whether each person is in the share of the audience that is tested on."""
    return unit_of(f"{salt}:in", ids) < share


def in_part(group: str, ids: Ids, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Whether each person is in a test's part [low, high) of an exclusion group."""
    units = unit_of(f"exclusion:{group}", ids)
    return (units >= low) & (units < high)


def free_part(taken: Sequence[tuple[float, float]], share: float) -> tuple[float, float] | None:
    """The first part of [0, 1) of this length that overlaps none of those that are taken; None when there is none."""
    low = 0.0
    for begin, end in sorted(taken):
        if low + share <= begin + 1e-12:
            break
        low = max(low, end)
    return (low, low + share) if low + share <= 1 + 1e-12 else None


def wave_of(salt: str, ids: Ids, waves: int) -> Codes:
    """In which of so many equal parts of the test each person is."""
    return np.minimum(unit_of(f"{salt}:wave", ids) * waves, waves - 1).astype(np.uint8)


def chosen_few(salt: str, ids: Ids, count: int) -> npt.NDArray[np.bool_]:
    """Exactly `count` of the people (all when there are fewer), by their hash."""
    if count >= len(ids):
        return np.ones(len(ids), np.bool_)
    units = unit_of(f"{salt}:in", ids)
    chosen = np.zeros(len(ids), np.bool_)
    chosen[np.lexsort((ids, units))[:count]] = True
    return chosen


def pack_codes(codes: Codes) -> bytes:
    """Arms of people, as small as they get."""
    return zlib.compress(np.ascontiguousarray(codes, np.uint8).tobytes(), level=1)


def unpack_codes(packed: bytes) -> Codes:
    """What `pack_codes` packed."""
    return np.frombuffer(zlib.decompress(packed), np.uint8)
