"""Markov attribution: what share of conversions would be lost without a channel.

Belongs here: the chain of orders 1 to 3 from counted transitions, the chance to convert, removal effects, credits.
Stays out: simulation; the chance to convert is the solution of a linear system.

Journeys are a Markov chain whose state is the last `order` channels; it ends in a conversion or in none. The chance v
to convert from a state solves v = r + Q v. To remove a channel sends every step to it into no conversion; its removal
effect is 1 - p(without) / p, and credits are the removal effects made to add up (Anderl, Becker, von Wangenheim and
Schumann 2016, "Mapping the customer journey", International Journal of Research in Marketing 33(3)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as sparse_linear
from numpy.typing import NDArray

from dmat.attribution.paths import Codes, Floats, Paths
from dmat.attribution.rules import share_out
from dmat.errors import InvalidInputError

ORDERS = (1, 2, 3)
_DENSE_STATES = 200
_SMALL_TABLE = 1 << 24
_TOLERANCE, _MOST_ROUNDS = 1e-14, 20_000


@dataclass(frozen=True)
class Chain:
    """A counted chain.

    Attributes:
        members: which channels each state holds; shape (states, channels), bool; the first state is the start.
        steps: chance to go from state to state; shape (states, states).
        converting: chance to convert next; shape (states,).
    """

    members: NDArray[np.bool_]
    steps: sparse.csr_array
    converting: Floats


@dataclass(frozen=True)
class Markov:
    """What a chain says.

    Attributes:
        conversion_probability: share of journeys that convert, as the chain gives it.
        removal_effects: by channel, share of conversions lost without it, 0 to 1.
        attributed: by channel, its part of all conversions; adds up to them.
    """

    order: int
    conversion_probability: float
    removal_effects: dict[str, float]
    attributed: dict[str, float]


def markov(paths: Paths, order: int = 1) -> Markov:
    """Removal effects and credits of each channel.

    Raises:
        InvalidInputError: the order is not 1, 2 or 3.
    """
    return markov_of_orders(paths, (order,))[order]


def markov_of_orders(paths: Paths, orders: Sequence[int] = ORDERS) -> dict[int, Markov]:
    """Order -> what its chain says; the journeys are counted once for all of them.

    Raises:
        InvalidInputError: an order is not 1, 2 or 3.
    """
    for order in orders:
        if order not in ORDERS:
            raise InvalidInputError("order", f"{order} is not possible", "1, 2 or 3")
    counted = _count_steps(paths, max(orders))
    return {order: _solve(paths, _chain(_folded(counted, order)), order) for order in orders}


def _solve(paths: Paths, chain: Chain, order: int) -> Markov:
    without = _chances(chain)
    whole = float(without[-1])
    effects = 1 - without[:-1] / whole if whole > 0 else np.zeros(len(paths.channels))
    effects = np.clip(effects, 0.0, 1.0)
    total, conversions = effects.sum(), float(paths.conversions.sum())
    parts = effects / total * conversions if total > 0 else np.zeros_like(effects)
    return Markov(
        order,
        whole,
        dict(zip(paths.channels, effects.tolist(), strict=True)),
        dict(zip(paths.channels, parts.tolist(), strict=True)),
    )


def markov_credits(paths: Paths, found: Markov) -> Floats:
    """The share of its journey that each touch gets: in proportion to the removal effects of the touches' channels.

    Returns:
        Shape (touches,); shares of a journey add up to 1. Their sums by channel are near `found.attributed`, not equal
        to it: there a channel is credited from the whole chain, here only where it was seen.
    """
    effects = np.array([found.removal_effects[name] for name in paths.channels])
    return share_out(paths, effects[paths.codes] if len(paths.codes) else np.empty(0))


@dataclass(frozen=True)
class _Steps:
    """Counted steps and ends of journeys.

    A state is the codes of the last `order` channels in base `base`, the newest as units; the code `base - 1` stands
    for "before the first touch". A step is its state times `base` plus the channel that came next, so what follows a
    step is the step modulo `base ** order`, and a shorter memory is a smaller modulus.
    """

    order: int
    base: int
    steps: Codes
    counts: Floats
    ends: Codes
    converted: Floats
    lost: Floats


def _count_steps(paths: Paths, order: int) -> _Steps:
    base = len(paths.channels) + 1
    steps = _steps_of(paths, order, base)
    weights = _weights(paths)
    found, (counts,) = _summed(steps, None if weights is None else np.repeat(weights, paths.lengths))
    last = steps[paths.starts[1:] - 1] % base**order
    ends, (converted, lost) = _summed(last, paths.conversions, paths.nulls)
    return _Steps(order, base, found, counts, ends, converted, lost)


def _steps_of(paths: Paths, order: int, base: int) -> Codes:
    """The step that each touch is."""
    steps, earlier = paths.codes.copy(), paths.codes.copy()
    for back in range(1, order + 1):
        earlier[1:] = earlier[:-1].copy()
        earlier[paths.starts[:-1]] = base - 1  # so it stays for the touches after it, one place further each time
        steps += earlier * base**back
    return steps


def _folded(counted: _Steps, order: int) -> _Steps:
    """The same steps as a chain sees them that remembers less."""
    if order == counted.order:
        return counted
    base = counted.base
    steps, (counts,) = _summed(counted.steps % base ** (order + 1), counted.counts)
    ends, (converted, lost) = _summed(counted.ends % base**order, counted.converted, counted.lost)
    return _Steps(order, base, steps, counts, ends, converted, lost)


def _chain(counted: _Steps) -> Chain:
    base, order = counted.base, counted.order
    start = base**order - 1
    others = np.unique(np.concatenate([counted.steps // base, counted.ends]))
    states = np.concatenate([[start], others[others != start]])
    sorted_places = np.argsort(states)

    def place(found: Codes) -> Codes:
        return sorted_places[np.searchsorted(states, found, sorter=sorted_places)]

    sources, targets, ends = (
        place(each) for each in (counted.steps // base, counted.steps % base**order, counted.ends)
    )
    converted = np.bincount(ends, counted.converted, len(states))
    leaving = np.bincount(sources, counted.counts, len(states)) + converted
    leaving += np.bincount(ends, counted.lost, len(states))
    leaving[leaving == 0] = 1
    shares = counted.counts / leaving[sources]
    steps = sparse.csr_array((shares, (sources, targets)), shape=(len(states), len(states)))
    digits = states[:, None] // base ** np.arange(order) % base
    members = np.zeros((len(states), base), bool)
    np.put_along_axis(members, digits, True, axis=1)
    return Chain(members[:, :-1], steps, converted / leaving)


def _weights(paths: Paths) -> Floats | None:
    """How many journeys each stands for; None when each is one."""
    weights = paths.conversions + paths.nulls
    return None if (weights == 1).all() else weights


def _summed(keys: Codes, *weights: Floats | None) -> tuple[Codes, list[Floats]]:
    """Different keys, and for each of the weights their sum by key; without weights, how often the key is there."""
    if len(keys) and keys.max() < _SMALL_TABLE:
        found = np.flatnonzero(np.bincount(keys))
        return found, [np.bincount(keys, each)[found].astype(np.float64) for each in weights]
    found, places = np.unique(keys, return_inverse=True)
    return found, [np.bincount(places, each, len(found)).astype(np.float64) for each in weights]


def _chances(chain: Chain) -> Floats:
    """The chance to convert from the start without each channel, and at last with all; shape (channels + 1,)."""
    kept = np.column_stack([~chain.members, np.ones(len(chain.members), bool)]).astype(np.float64)
    if len(chain.members) <= _DENSE_STATES:
        return _solved(chain, kept)
    return _iterated(chain, kept)


def _solved(chain: Chain, kept: Floats) -> Floats:
    steps, unit = chain.steps.toarray(), np.eye(len(chain.members))
    found = [np.linalg.solve(unit - steps * keep[:, None] * keep, chain.converting * keep)[0] for keep in kept.T]
    return np.array(found)


def _iterated(chain: Chain, kept: Floats) -> Floats:
    """v = r + Q v by substitution for all channels at once; a chain too slow for that is solved directly.

    What is left after a round bounds the error: |v - v'| <= residual x the longest expected journey, which is solved
    beside it (the last column).
    """
    sources = np.column_stack([chain.converting[:, None] * kept, np.ones(len(kept))])
    masks = np.column_stack([kept, np.ones(len(kept))])
    found: Floats = sources.copy()
    for _ in range(_MOST_ROUNDS):
        following = sources + masks * (chain.steps @ found)
        residual = np.abs(following - found)
        found = following
        if residual[:, :-1].max() * found[:, -1].max() < _TOLERANCE and residual[:, -1].max() < 0.5:
            chances: Floats = found[0, :-1]
            return chances
    unit = sparse.eye_array(len(kept), format="csc")
    parts = [
        sparse_linear.spsolve((unit - sparse.diags_array(keep) @ chain.steps @ sparse.diags_array(keep)).tocsc(),
                              chain.converting * keep)[0]
        for keep in kept.T
    ]  # fmt: skip
    return np.array(parts)
