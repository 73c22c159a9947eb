"""Rule models: first, last, last non-direct, linear, position, time decay.

Belongs here: the credit of each touch under each rule, whole arrays at a time. Stays out: models that learn from the
data (`markov.py`, `shapley.py`). The same rules stand in SQL in `dbt/models/marts/attribution`; a test holds the two
against each other.

Every function gives shape (touches,): the share of its journey's conversions; shares of a journey add up to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dmat.attribution.paths import Codes, Floats, Paths
from dmat.errors import InvalidInputError

ENDS_SHARE = 0.4
"""What the position model gives to the first touch and to the last."""
HALF_LIFE_DAYS = 7.0
DIRECT = "direct"


def first_touch(paths: Paths) -> Floats:
    """All to the first touch."""
    return _all_to(paths, paths.starts[:-1])


def last_touch(paths: Paths) -> Floats:
    """All to the last touch."""
    return _all_to(paths, paths.starts[1:] - 1)


def last_non_direct(paths: Paths, direct: str = DIRECT) -> Floats:
    """All to the last touch that is not direct; to the last touch where all are."""
    if direct not in paths.channels:
        return last_touch(paths)
    places = np.arange(len(paths.codes))
    places[paths.codes == paths.channels.index(direct)] = -1
    found = np.maximum.reduceat(places, paths.starts[:-1]) if len(places) else places
    return _all_to(paths, np.where(found >= 0, found, paths.starts[1:] - 1))


def linear(paths: Paths) -> Floats:
    """The same to each touch."""
    return np.repeat(1.0 / paths.lengths, paths.lengths)


def position(paths: Paths, ends_share: float = ENDS_SHARE) -> Floats:
    """`ends_share` to the first touch and to the last, the rest to those between; halves where there are two.

    Raises:
        InvalidInputError: `ends_share` is not between 0 and 0.5.
    """
    if not 0 <= ends_share <= 0.5:
        raise InvalidInputError("ends_share", f"{ends_share} is not possible", "0 to 0.5")
    lengths = paths.lengths
    middle = np.where(lengths > 2, (1 - 2 * ends_share) / np.maximum(lengths - 2, 1), 0.0)
    end = np.where(lengths > 2, ends_share, 1.0 / np.minimum(lengths, 2))
    credits = np.repeat(middle, lengths)
    credits[paths.starts[:-1]] = end
    credits[paths.starts[1:] - 1] = end
    return credits


def time_decay(paths: Paths, half_life_days: float = HALF_LIFE_DAYS) -> Floats:
    """By age: a touch that is one half-life older gets half as much.

    Raises:
        InvalidInputError: ages are not known, or the half-life is not above 0.
    """
    if paths.ages is None:
        raise InvalidInputError("ages", "are not known", "the days from each touch to its conversion")
    if not half_life_days > 0:
        raise InvalidInputError("half_life_days", f"{half_life_days} is not possible", "more than 0")
    youngest = np.minimum.reduceat(paths.ages, paths.starts[:-1]) if len(paths.ages) else paths.ages
    return share_out(paths, np.exp2((np.repeat(youngest, paths.lengths) - paths.ages) / half_life_days))


def share_out(paths: Paths, weights: Floats) -> Floats:
    """Weights of touches as shares of their journeys; the same to each where all weights are 0."""
    if not len(weights):
        return weights
    totals = np.add.reduceat(weights, paths.starts[:-1])
    if (totals > 0).all():
        shares: Floats = weights / np.repeat(totals, paths.lengths)
        return shares
    shares = weights / np.repeat(np.where(totals > 0, totals, 1.0), paths.lengths)
    return np.where(np.repeat(totals <= 0, paths.lengths), linear(paths), shares)


def _all_to(paths: Paths, places: Codes) -> Floats:
    credits = np.zeros(len(paths.codes))
    credits[places] = 1.0
    return credits


RULES: dict[str, Callable[[Paths], Floats]] = {
    "first_touch": first_touch,
    "last_touch": last_touch,
    "last_non_direct": last_non_direct,
    "linear": linear,
    "position": position,
    "time_decay": time_decay,
}
"""Every rule model by its name in `attribution.fct_credits`."""
