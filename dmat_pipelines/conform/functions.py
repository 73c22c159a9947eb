"""Functions that models call and SQL cannot write: they take lists, call `dmat`, and give a list of rows back.

Belongs here: their names and types for DuckDB. Stays out: the mathematics (`dmat`), which is imported when a model
calls, since it takes long; and what models make of it (`dbt/macros/dispatch/functions.sql` calls them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from duckdb import DuckDBPyConnection
from duckdb.sqltypes import DOUBLE, VARCHAR

_EFFECTS = (
    "struct(chain_order integer, channel varchar, removal_effect double, attributed_count double,"
    " conversion_probability double)[]"
)

_PURCHASES = (
    "struct(model varchar, r double, alpha double, a double, b double, log_likelihood double, customers double,"
    " is_converged boolean)[]"
)
_SPEND = "struct(p double, q double, gamma double, log_likelihood double, customers double, is_converged boolean)[]"
_EXPECTED = (
    "struct(frequency double, recency double, age double, probability_alive double, expected_purchases double)[]"
)
_FEWEST_REPEATERS = 50
Rows = list[dict[str, Any]]
Numbers = list[float]


def markov_effects(paths: list[str], conversions: list[float], nulls: list[float]) -> Rows:
    """`dmat.attribution.effects.channel_effects` as rows."""
    from dmat.attribution.effects import channel_effects

    return [asdict(effect) for effect in channel_effects(paths, conversions, nulls)]


def fit_purchases(frequency: Numbers, recency: Numbers, age: Numbers, customers: Numbers) -> Rows:
    """`dmat.lifetime.purchases.fit_purchases` as one row; none while fewer than 50 customers came back."""
    from dmat.lifetime.purchases import fit_purchases

    if sum(count for times, count in zip(frequency, customers, strict=True) if times > 0) < _FEWEST_REPEATERS:
        return []
    return [asdict(fit_purchases(_histories(frequency, recency, age, customers)))]


def expected_purchases(
    frequency: Numbers, recency: Numbers, age: Numbers, r: float, alpha: float, a: float, b: float, horizon: float
) -> Rows:
    """Of each cell of customers: the chance to be alive and the purchases within the horizon, by MBG/NBD."""
    from dmat.lifetime.purchases import Fit, expected_purchases, probability_alive

    histories = _histories(frequency, recency, age, [1.0] * len(age))
    fit = Fit("mbg_nbd", r, alpha, a, b, 0.0, 0.0, True)
    found = zip(
        frequency, recency, age, probability_alive(histories, fit).tolist(),
        expected_purchases(histories, fit, horizon).tolist(), strict=True,
    )  # fmt: skip
    names = ("frequency", "recency", "age", "probability_alive", "expected_purchases")
    return [dict(zip(names, row, strict=True)) for row in found]


def fit_spend(orders: Numbers, mean_value: Numbers, customers: Numbers) -> Rows:
    """`dmat.lifetime.spend.fit_spend` as one row; none while there are fewer than 50 customers."""
    import numpy as np

    from dmat.lifetime.spend import fit_spend

    if sum(customers) < _FEWEST_REPEATERS:
        return []
    return [asdict(fit_spend(*(np.asarray(values, np.float64) for values in (orders, mean_value, customers))))]


def _histories(frequency: Numbers, recency: Numbers, age: Numbers, customers: Numbers) -> Any:
    import numpy as np

    from dmat.lifetime.purchases import Histories

    return Histories(*(np.asarray(values, np.float64) for values in (frequency, recency, age, customers)))


def register_functions(connection: DuckDBPyConnection) -> None:
    """Make the functions known to a connection and its cursors."""
    texts, numbers = connection.list_type(VARCHAR), connection.list_type(DOUBLE)
    known: tuple[tuple[Callable[..., Rows], list[Any], str], ...] = (
        (markov_effects, [texts, numbers, numbers], _EFFECTS),
        (fit_purchases, [numbers] * 4, _PURCHASES),
        (expected_purchases, [numbers] * 3 + [DOUBLE] * 5, _EXPECTED),
        (fit_spend, [numbers] * 3, _SPEND),
    )
    for function, takes, gives in known:
        connection.create_function(function.__name__, function, takes, connection.type(gives))
