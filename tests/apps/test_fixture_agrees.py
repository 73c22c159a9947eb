"""Under test: the tables that the screens' tests are made on have the columns of the real ones, so that a screen that
passes here also works on a built warehouse."""

from __future__ import annotations

from pathlib import Path

import duckdb
import yaml

ROOT = Path(__file__).resolve().parents[2]


def real_columns() -> dict[str, set[str]]:
    found = {}
    for file in (ROOT / "dbt" / "models").rglob("*.yml"):
        for model in (yaml.safe_load(file.read_text()) or {}).get("models", []):
            found[model["name"]] = {column["name"] for column in model["columns"]}
    return found


def test_every_column_of_the_fixture_is_one_of_the_real_table():
    connection = duckdb.connect()
    connection.execute((Path(__file__).parent / "serving_tables.sql").read_text())
    real, strange = real_columns(), []
    rows = connection.execute("select table_schema, table_name, column_name from information_schema.columns").fetchall()
    for schema, table, column in rows:
        if schema != "raw" and column not in real.get(table, {column}):
            strange.append(f"{schema}.{table}.{column}")
    assert {table for schema, table, _ in rows if schema != "raw"} <= real.keys()
    assert strange == []
