"""What each channel is worth to journeys, from counted paths, by Markov chains of every order.

Belongs here: lists of paths and counts in, one row a channel and order out, as `attribution.channel_effects` has them.
Stays out: the mathematics (`markov.py`), counting paths and sharing conversions out (`dbt/models/marts/attribution`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dmat.attribution.markov import markov_of_orders
from dmat.attribution.paths import read_paths


@dataclass(frozen=True)
class Effect:
    """What one channel is worth.

    Attributes:
        chain_order: how many channels back the chain remembers.
        removal_effect: share of conversions that the chain loses without the channel, 0 to 1.
        attributed_count: the channel's part of all conversions; parts add up to them.
        conversion_probability: share of journeys that convert, as the chain gives it.
    """

    chain_order: int
    channel: str
    removal_effect: float
    attributed_count: float
    conversion_probability: float


def channel_effects(paths: Sequence[str], conversions: Sequence[float], nulls: Sequence[float]) -> list[Effect]:
    """The effects of all channels by order of the chain; the three arguments are parallel, and a path is "a > b".

    Returns:
        Nothing where nothing converted: such a chain says nothing of channels.

    Raises:
        InvalidInputError: a path has an empty step, or a count is negative.
    """
    if not sum(conversions):
        return []
    counted = read_paths(
        {"path": path, "conversions": converted, "nulls": lost}
        for path, converted, lost in zip(paths, conversions, nulls, strict=True)
    )
    return [
        Effect(order, name, effect, found.attributed[name], found.conversion_probability)
        for order, found in markov_of_orders(counted).items()
        for name, effect in found.removal_effects.items()
    ]
