"""Shapley values of channels, exactly.

Belongs here: the value of each channel in the game in which a set of channels earns the conversions of all journeys
that it covers alone. Stays out: order and age of touches, which this game does not see.

The game is v(T) = conversions of journeys whose channels all lie in T. It is a sum of unanimity games, one a journey,
whose Shapley value is one equal part for each channel of the journey (Shapley 1953; for advertising Zhao, Mahboobi and
Bagheri 2018, arXiv 1804.05327). So the value needs no enumeration of sets and no sampling:
phi(c) = sum over journeys that contain c of conversions / number of different channels.
"""

from __future__ import annotations

import numpy as np

from dmat.attribution.paths import Codes, Floats, Paths

_MASK_BITS = 62


def shapley_credits(paths: Paths) -> Floats:
    """The share of its journey that each touch gets: equal by channel, then equal by touches of that channel.

    Returns:
        Shape (touches,); shares of a journey add up to 1, and by channel to `shapley_values`.
    """
    count = max(len(paths.channels), 1)
    pairs = np.repeat(np.arange(len(paths.lengths)), paths.lengths) * count + paths.codes
    _, places, repeats = np.unique(pairs, return_inverse=True, return_counts=True)
    parts: Floats = 1.0 / (repeats[places] * np.repeat(different_channels(paths), paths.lengths))
    return parts


def shapley_values(paths: Paths, of: Floats | None = None) -> dict[str, float]:
    """What each channel gets of all conversions.

    Args:
        of: what each journey has to share out, its conversions when not said; shape (journeys,).
    """
    shared = paths.conversions if of is None else of
    if len(paths.channels) > _MASK_BITS:
        return paths.by_channel(shapley_credits(paths), shared)
    masks, sums = _sums_by_mask(_masks(paths), shared)
    parts = sums / np.maximum(np.bitwise_count(masks), 1)
    return {name: float(parts[(masks >> code) & 1 == 1].sum()) for code, name in enumerate(paths.channels)}


def different_channels(paths: Paths) -> Codes:
    """How many different channels each journey has; shape (journeys,)."""
    if len(paths.channels) <= _MASK_BITS:
        return np.bitwise_count(_masks(paths)).astype(np.int64)
    count = len(paths.channels)
    pairs = np.unique(np.repeat(np.arange(len(paths.lengths)), paths.lengths) * count + paths.codes)
    return np.bincount(pairs // count, minlength=len(paths.lengths))


def _masks(paths: Paths) -> Codes:
    """The channels of each journey as bits of one number; shape (journeys,)."""
    if not len(paths.codes):
        return np.empty(0, np.int64)
    return np.bitwise_or.reduceat(np.left_shift(np.int64(1), paths.codes), paths.starts[:-1])


def _sums_by_mask(masks: Codes, shared: Floats) -> tuple[Codes, Floats]:
    """Each set of channels that occurs, and what its journeys share out together."""
    if len(masks) and masks.max() < 1 << 22:
        sums = np.bincount(masks, shared)
        found = np.flatnonzero(np.bincount(masks))
        return found.astype(np.int64), sums[found].astype(np.float64)
    found, places = np.unique(masks, return_inverse=True)
    return found.astype(np.int64), np.bincount(places, shared, len(found)).astype(np.float64)
