"""Each metric of `dbt/metrics` is whole: words for people, SQL that parses, tables and columns that dbt promises.

Under test: the files themselves, and that a file with a fault is refused by name.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
import yaml
from sqlglot import exp

from dmat.alerts.notices import PROGRAMME as ALERTS
from dmat.errors import InvalidInputError
from dmat.metrics import catalogue as catalogue_module
from dmat.metrics.catalogue import Base, Metric, load, metric
from dmat.metrics.reading import read_catalogue
from dmat.reports.mailing import PROGRAMME as REPORTS
from dmat.scoring.notices import PROGRAMME as SALES
from dmat.settings import ROOT

CATALOGUE = load()
SIMPLE = [each for each in CATALOGUE.metrics.values() if not each.is_made]


def promised_columns() -> dict[str, set[str]]:
    """Table -> the columns of its contract, seeds among them."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "dbt" / "models" / "marts").rglob("*.yml"):
        for model in yaml.safe_load(file.read_text()).get("models", []):
            names = {column["name"] for column in model.get("columns", [])}
            found[f"{file.relative_to(ROOT / 'dbt/models/marts').parts[0]}.{model['name']}"] = names
    for seed in yaml.safe_load((ROOT / "dbt" / "seeds" / "seeds.yml").read_text())["seeds"]:
        found[f"seeds.{seed['name']}"] = {column["name"] for column in seed["columns"]}
    return found


PROMISED = promised_columns()


def aliases(base: Base) -> dict[str, str]:
    """Alias -> table, of a base and of all that can be joined to it."""
    joins = [*base.joins.values(), *(each.join for each in CATALOGUE.dimensions.values() if each.join)]
    found = {alias: table for table, alias in (re.findall(r"join ([\w.]+) as (\w+)", join)[0] for join in joins)}
    return found | {"base": base.table}


def expressions(base: Base) -> list[str]:
    own = [each for each in SIMPLE if each.base == base.key]
    texts = [base.where, base.person, base.currency, base.ends_at, *base.times.values(), *base.dimensions.values()]
    texts += [text for each in own for text in (each.value, each.where)]
    texts += [join.partition(" on ")[2].format(person=base.person) for join in base.joins.values()]
    if base.person:
        for each in CATALOGUE.dimensions.values():
            texts += [each.expression, each.join.partition(" on ")[2].format(person=base.person)]
    return [text for text in texts if text]


@pytest.mark.parametrize("base", CATALOGUE.bases.values(), ids=lambda base: base.key)
def test_a_base_reads_only_columns_that_a_contract_promises(base: Base) -> None:
    known = aliases(base)
    for text in expressions(base):
        for column in sqlglot.parse_one(text, read="duckdb").find_all(exp.Column):
            assert column.table in known, f"{text}: {column.table} is no alias of {base.key}"
            table = known[column.table]
            assert column.name in PROMISED[table], f"{text}: {table} has no column {column.name}"


@pytest.mark.parametrize("each", [each for each in SIMPLE if each.hourly], ids=lambda each: each.key)
def test_sums_by_the_hour_have_the_columns_that_are_read(each: Metric) -> None:
    base = CATALOGUE.base_of(each)
    assert base.hourly
    texts = [each.hourly, base.hourly.where, base.currency, *(base.dimensions[key] for key in base.hourly.dimensions)]
    for text in filter(None, texts):
        for column in sqlglot.parse_one(text, read="duckdb").find_all(exp.Column):
            table = aliases(base)[column.table] if column.table != "base" else base.hourly.table
            assert column.name in PROMISED[table], f"{text}: {table} has no column {column.name}"


@pytest.mark.parametrize("each", CATALOGUE.metrics.values(), ids=lambda each: each.key)
def test_a_metric_says_what_it_is_to_people(each: Metric) -> None:
    assert each.words.endswith(".")
    assert not each.formula.endswith(".")
    assert each.name[0].isupper()
    assert each.owner
    assert each.key in catalogue_module.METRICS
    assert metric(each.key) == each


@pytest.mark.parametrize("each", [each for each in CATALOGUE.metrics.values() if each.unit == "rate"], ids=str)
def test_a_rate_divides_a_part_by_its_whole(each: Metric) -> None:
    assert each.is_made
    assert each.denominator


def test_no_two_metrics_have_the_same_name() -> None:
    names = [each.name for each in CATALOGUE.metrics.values()]
    assert sorted(names) == sorted(set(names))


def test_labels_and_raw_tables_exist() -> None:
    sources = yaml.safe_load((ROOT / "dbt/models/staging/sources.yml").read_text())["sources"][0]["tables"]
    raw = {f"raw.{table['name']}" for table in sources}
    for base in CATALOGUE.bases.values():
        assert set(base.raw) <= raw, base.key
    for dimension in CATALOGUE.dimensions.values():
        if dimension.labels:
            table, key, name = dimension.labels
            assert {key, name} <= PROMISED[table]


GOOD = """
bases:
  orders: {words: Orders., grain: one order, table: a.b, times: {ordered: base.at}, dimensions: {channel: base.c}}
dimensions:
  channel: {name: Channel, words: The channel.}
metrics:
  orders: {name: Orders, words: All., formula: number, base: orders, count: true, unit: count, owner: sales}
  share: {name: Share, words: A., formula: a / b, numerator: [orders], denominator: [orders], unit: rate, owner: sales}
"""


def read(folder: Path, text: str) -> catalogue_module.Catalogue:
    (folder / "some.yml").write_text(text)
    return read_catalogue(folder)


def test_a_made_metric_has_the_dimensions_that_all_its_parts_have(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).metrics["share"].dimensions == ("channel",)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("count: true, unit: count", "unit: count", "metrics.orders"),
        ("count: true, unit: count", "count: true, sum: base.x, unit: count", "metrics.orders"),
        ("count: true, unit: count", "count: true, unit: euro", "metrics.orders.unit"),
        ("count: true, unit: count", "count: true, unit: cents", "metrics.orders.unit"),
        ("count: true, unit: count", "count: true, unit: count, time: lunch", "metrics.orders.time"),
        ("count: true, unit: count", "count: true, unit: count, needs: [moon]", "metrics.orders.needs"),
        ("count: true, unit: count", "count: true, unit: count, better: more", "metrics.orders.better"),
        ("base: orders, count", "base: moons, count", "metrics.orders.base"),
        ("words: All., ", "", "metrics.orders.words"),
        ("numerator: [orders]", "numerator: [share]", "metrics.share"),
        ("numerator: [orders]", "numerator: [moons]", "metrics.share"),
        ("owner: sales}\n  share", "owner: sales, colour: red}\n  share", "metrics.orders.colour"),
        ("grain: one order, ", "", "bases.orders.grain"),
        ("words: The channel.", "words: The channel., labels: [a, b]", "dimensions.channel.labels"),
    ],
)
def test_a_file_with_a_fault_is_refused_by_name(tmp_path: Path, before: str, after: str, field: str) -> None:
    assert before in GOOD
    with pytest.raises(InvalidInputError) as refused:
        read(tmp_path, GOOD.replace(before, after, 1))
    assert refused.value.field == f"some.yml: {field}"


def test_a_key_stands_in_one_file_only(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text(GOOD)
    with pytest.raises(InvalidInputError, match="there already"):
        read(tmp_path, GOOD)


def test_who_asks_for_no_metric_is_told_of_those_alike() -> None:
    with pytest.raises(InvalidInputError) as refused:
        metric("rate_of_opens")
    alike = refused.value.allowed.split(", ")
    assert "open_rate" in alike
    assert "visits" not in alike


@pytest.mark.parametrize("base", ["messages", "planned_messages"])
def test_mails_to_the_own_staff_are_no_messages_to_people(base: str) -> None:
    hourly = CATALOGUE.bases[base].hourly
    for where in (CATALOGUE.bases[base].where, *([hourly.where] if hourly else [])):
        assert all(f"'{programme}'" in where for programme in (ALERTS, REPORTS, SALES))
