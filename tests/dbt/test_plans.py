"""Under test: no table is made by comparing every row of one side with every row of the other.

What is quick on a few rows would not end at a million people: an outer join with a condition on one side only, or a
join on something else than equality. Which join is taken for such a condition does not depend on how many rows there
are, so that a small world shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dmat.warehouse import writer
from dmat_pipelines.conform.functions import register_functions

EACH_WITH_EACH = ("BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN")
WITH_FEW = {
    "SUBQUERY": "one value, such as the moment of now",
    "_pattern)": "the rules of the seed channel_rules, each once a pair of source and medium",
}
"""What stands in the condition of a join with a handful of rows, and which they are."""


def joins(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Operator and condition of each join of a plan that compares each row with each."""
    if plan.get("name") in EACH_WITH_EACH:
        found = plan.get("extra_info", {})
        yield plan["name"], str(found.get("Conditions") or found.get("Condition") or found)
    for child in plan.get("children", []):
        yield from joins(child)


def slow_joins(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Conditions of joins that compare each row with each, but for those with a few rows."""
    [plan] = connection.execute(f"explain (format json) {query}").fetchall()
    found = [condition for root in json.loads(plan[1]) for _, condition in joins(root)]
    return [condition for condition in found if not any(words in condition for words in WITH_FEW)]


def test_no_model_compares_everything_with_everything(step_by_step: Any) -> None:
    models: Path = step_by_step.settings.home / "dbt" / "compiled" / "dmat" / "models"
    queries = {file.stem: file.read_text() for file in sorted(models.rglob("*.sql"))}
    assert len(queries) > 100
    with writer(step_by_step.settings) as connection:
        register_functions(connection)
        known = {name for name, query in queries.items() if "fit_" not in query and "expected_purchases" not in query}
        found = {name: slow for name in known if (slow := slow_joins(connection, queries[name]))}
    assert found == {}


@pytest.mark.parametrize(
    ("query", "is_slow"),
    [
        ("select * from a left join b on a.x = b.x", False),
        ("select * from a left join b on a.x = b.x and (a.y is null or b.y < a.y)", True),
        ("select * from a, b where a.y < b.y or a.x = b.x", True),
        ("select * from a where a.y <= (select max(y) from b)", False),
    ],
)
def test_a_comparison_of_each_with_each_is_seen(query: str, is_slow: bool) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table a as select range as x, range as y from range(20)")
        connection.execute("create table b as select range as x, range as y from range(20)")
        assert bool(slow_joins(connection, query)) == is_slow
