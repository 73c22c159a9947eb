"""Markov attribution: what share of conversions would be lost without a channel.

Belongs here: the chain of orders 1 to 3 from counted transitions, the chance to convert, removal effects, credits.
Stays out: simulation; the chance to convert is the solution of a linear system.

Journeys are a Markov chain whose state is the last `order` channels; it ends in a conversion or in none. The chance v
to convert from a state solves v = r + Q v. To remove a channel sends every step to it into no conversion; its removal
effect is 1 - p(without) / p, and credits are the removal effects made to add up (Anderl, Becker, von Wangenheim and
Schumann 2016, "Mapping the customer journey", International Journal of Research in Marketing 33(3)).
"""

from __future__ import annotations

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
    chain = count_chain(paths, order)
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


def count_chain(paths: Paths, order: int = 1) -> Chain:
    """Count the transitions of all journeys.

    Raises:
        InvalidInputError: the order is not 1, 2 or 3.
    """
    if order not in ORDERS:
        raise InvalidInputError("order", f"{order} is not possible", "1, 2 or 3")
    base = len(paths.channels) + 1  # the last code stands for "before the first touch"
    before = _states_before(paths, order, base)
    weights = _weights(paths)
    keys, counts = _count(before * base + paths.codes, None if weights is None else np.repeat(weights, paths.lengths))
    last = _shifted(before[paths.starts[1:] - 1], paths.codes[paths.starts[1:] - 1], order, base)
    start = np.int64(base**order - 1)
    states = np.unique(np.concatenate([[start], keys // base, last]))
    states = np.concatenate([[start], states[states != start]])
    return _chain(paths, states, keys, counts, last, order, base)


def _chain(paths: Paths, states: Codes, keys: Codes, counts: Floats, last: Codes, order: int, base: int) -> Chain:
    sorted_places = np.argsort(states)

    def place(found: Codes) -> Codes:
        return sorted_places[np.searchsorted(states, found, sorter=sorted_places)]

    sources, targets = place(keys // base), place(_shifted(keys // base, keys % base, order, base))
    ends = place(last)
    converted = np.bincount(ends, paths.conversions, len(states))
    lost = np.bincount(ends, paths.nulls, len(states))
    leaving = np.bincount(sources, counts, len(states)) + converted + lost
    leaving[leaving == 0] = 1
    steps = sparse.csr_array((counts / leaving[sources], (sources, targets)), shape=(len(states), len(states)))
    digits = states[:, None] // base ** np.arange(order) % base
    members = np.zeros((len(states), base), bool)
    np.put_along_axis(members, digits, True, axis=1)
    return Chain(members[:, :-1], steps, converted / leaving)


def _states_before(paths: Paths, order: int, base: int) -> Codes:
    """The state in which each touch happened: codes of the touches before it, in base `base`, the newest as units."""
    state, lengths = np.zeros(len(paths.codes), np.int64), paths.lengths
    for back in range(1, order + 1):
        earlier = np.full(len(paths.codes), base - 1, np.int64)
        earlier[back:] = paths.codes[:-back]
        for place in range(back):  # these touches have no such touch before them
            earlier[paths.starts[:-1][lengths > place] + place] = base - 1
        state += earlier * base ** (back - 1)
    return state


def _shifted(state: Codes, code: Codes, order: int, base: int) -> Codes:
    """The state after one more touch."""
    shifted: Codes = state % base ** (order - 1) * base + code
    return shifted


def _weights(paths: Paths) -> Floats | None:
    """How many journeys each stands for; None when each is one."""
    weights = paths.conversions + paths.nulls
    return None if (weights == 1).all() else weights


def _count(keys: Codes, weights: Floats | None) -> tuple[Codes, Floats]:
    """Different keys, and the sum of weights of each."""
    if len(keys) and keys.max() < _SMALL_TABLE:
        sums = np.bincount(keys, weights)
        found = np.flatnonzero(sums)
        return found, sums[found].astype(np.float64)
    found, places = np.unique(keys, return_inverse=True)
    return found, np.bincount(places, weights, len(found)).astype(np.float64)


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
