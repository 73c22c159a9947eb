"""Functions that models call and SQL cannot write: they take lists, call `dmat`, and give a list of rows back.

Belongs here: their names and types for DuckDB. Stays out: the mathematics (`dmat`), which is imported when a model
calls, since it takes long; and what models make of it (`dbt/macros/dispatch/functions.sql` calls them).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from duckdb import DuckDBPyConnection
from duckdb.sqltypes import DOUBLE, VARCHAR

_EFFECTS = (
    "struct(chain_order integer, channel varchar, removal_effect double, attributed_count double,"
    " conversion_probability double)[]"
)


def markov_effects(paths: list[str], conversions: list[float], nulls: list[float]) -> list[dict[str, Any]]:
    """`dmat.attribution.effects.channel_effects` as rows."""
    from dmat.attribution.effects import channel_effects

    return [asdict(effect) for effect in channel_effects(paths, conversions, nulls)]


def register_functions(connection: DuckDBPyConnection) -> None:
    """Make the functions known to a connection and its cursors."""
    texts, numbers = connection.list_type(VARCHAR), connection.list_type(DOUBLE)
    connection.create_function("markov_effects", markov_effects, [texts, numbers, numbers], connection.type(_EFFECTS))
