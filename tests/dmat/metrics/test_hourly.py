"""Sums by the hour give the same figures as single rows, and are left alone where they could not."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dmat.errors import InvalidInputError
from dmat.metrics.asking import Answer, ask
from dmat.metrics.catalogue import Catalogue, load
from dmat.metrics.question import Filter, Question
from dmat.metrics.reading import read_catalogue
from dmat.settings import ROOT, Settings, load_settings
from dmat.warehouse import Workspace

MARTS = ROOT / "dbt" / "models" / "marts"
SUMS = (
    "deliveries.hourly_messages",
    "commerce.hourly_orders",
    "engagement.hourly_visits",
    "attribution.hourly_credits",
)
ONE = {"attribution_model": ("linear",), "conversion_kind": ("order",)}
MARCH = {"since": date(2026, 3, 1), "until": date(2026, 3, 11)}
SUMMED = tuple(each for each in load().metrics.values() if each.hourly)


def by_rows() -> Catalogue:
    """The catalogue as if there were no sums."""
    bases = {key: replace(base, hourly=None) for key, base in load().bases.items()}
    return replace(load(), bases=bases)


@pytest.fixture(scope="module")
def summed_settings(untouched_metric_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The small world with the sums that the models make of its rows."""
    home = tmp_path_factory.mktemp("summed") / "home"
    shutil.copytree(untouched_metric_home, home)
    with duckdb.connect(str(home / "warehouse" / "serving" / "v1.duckdb")) as connection:
        for table in SUMS:
            schema, name = table.split(".")
            model = (MARTS / schema / f"{name}.sql").read_text()
            model = re.sub(r"\{%- if is_incremental.*?endif %\}|\{\{ config.*?\}\}", "", model, flags=re.DOTALL)
            query = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", rf"{schema}.\1", model).replace("{{ this_build() }}", "1")
            connection.execute(f"create table {table} as {query}")
    return load_settings(home)


@pytest.fixture
def settings(summed_settings: Settings) -> Settings:
    return summed_settings


def asked(settings: Settings, catalogue: Catalogue | None = None, **question: Any) -> Answer:
    return ask(Workspace(settings), settings, Question(**(MARCH | question)), catalogue)


def figures(answer: Answer) -> list[dict[str, Any]]:
    rows = sorted(answer.rows, key=lambda row: [str(value) for value in row.values()])
    return [{key: pytest.approx(value) if isinstance(value, float) else value for key, value in row.items()}
            for row in [answer.totals, *rows]]  # fmt: skip


@pytest.mark.parametrize("each", SUMMED, ids=lambda each: each.key)
def test_sums_say_the_same_as_rows_by_every_dimension_and_grain(each: Any, settings: Settings) -> None:
    hourly = load().base_of(each).hourly
    assert hourly
    always = tuple(Filter(dimension=key, values=ONE[key]) for key in each.needs)
    questions: list[dict[str, Any]] = [{"dimensions": (key,)} for key in (*hourly.dimensions, "hour_of_day")]
    questions += [{"grain": grain} for grain in ("hour", "day", "week", "month")]
    questions += [{"filters": (Filter(dimension="channel" if always else hourly.dimensions[0],
                                      values=("7", "shopify", "email", "")),)}]  # fmt: skip
    for question in questions:
        question |= {"filters": (*question.get("filters", ()), *always)}
        found = asked(settings, metrics=(each.key,), **question)
        assert found.tables[0] == hourly.table
        plain = asked(settings, by_rows(), metrics=(each.key,), **question)
        assert plain.tables[0] == load().base_of(each).table
        assert figures(found) == figures(plain), question


def test_something_is_counted_at_all(settings: Settings) -> None:
    totals = asked(settings, metrics=("sent", "opened", "clicked", "revenue", "orders", "visits", "page_views")).totals
    assert totals == {
        "sent": 5, "opened": 2, "clicked": 2, "revenue": 9_000, "orders": 4, "visits": 3, "page_views": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    "question",
    [
        {"metrics": ("sent",), "segment": "vip"},
        {"metrics": ("sent",), "dimensions": ("country",)},
        {"metrics": ("sent", "people_reached")},
        {"metrics": ("visits",), "filters": (Filter(dimension="landing_page", values=("/",)),)},
    ],
    ids=["segment", "dimension of people", "different people", "filter on what sums do not know"],
)
def test_rows_are_read_where_sums_do_not_know_enough(question: dict[str, Any], settings: Settings) -> None:
    assert not set(asked(settings, **question).tables) & set(SUMS)


def test_rows_are_read_where_days_do_not_begin_on_whole_hours(settings: Settings) -> None:
    in_india = settings.model_copy(update={"workspace_time_zone": "Asia/Kolkata"})
    answer = asked(in_india, metrics=("sent",), grain="day")
    assert answer.tables == ("deliveries.fct_messages",)
    assert sum(row["sent"] for row in answer.rows) == 5


def test_days_of_another_zone_begin_at_its_own_midnight(settings: Settings) -> None:
    east = settings.model_copy(update={"workspace_time_zone": "Asia/Tokyo"})
    found, plain = (asked(east, each, metrics=("sent", "revenue"), grain="day") for each in (None, by_rows()))
    assert found.tables == ("deliveries.hourly_messages", "commerce.hourly_orders")
    assert figures(found) == figures(plain)


def test_an_old_home_without_sums_reads_rows(metric_world: Workspace, metric_settings: Settings) -> None:
    answer = ask(metric_world, metric_settings, Question(metrics=("sent",), **MARCH))  # type: ignore[arg-type]
    assert (answer.totals["sent"], answer.tables, answer.missing) == (5, ("deliveries.fct_messages",), ())


BASE: dict[str, Any] = {
    "words": "Rows.", "table": "a.b", "grain": "one", "times": {"at": "base.at"}, "dimensions": {"kind": "base.kind"},
}  # fmt: skip
METRIC: dict[str, Any] = {
    "name": "N", "words": "W.", "formula": "f", "unit": "count", "owner": "sales", "base": "rows",
}  # fmt: skip


@pytest.mark.parametrize(
    ("hourly", "metric", "field"),
    [
        ({"table": "a.c", "dimensions": ["other"]}, {"count": True}, "hourly.dimensions"),
        ({"dimensions": ["kind"]}, {"count": True}, "hourly.table"),
        ({"table": "a.c", "at": "x"}, {"count": True}, "hourly.at"),
        (None, {"count": True, "hourly": "base.n"}, "metrics.found.hourly"),
        ({"table": "a.c"}, {"distinct": "base.x", "hourly": "base.n"}, "metrics.found.hourly"),
    ],
)
def test_a_file_whose_sums_cannot_be_is_refused(
    hourly: dict[str, Any] | None, metric: dict[str, Any], field: str, tmp_path: Path
) -> None:
    content = {"bases": {"rows": BASE | ({"hourly": hourly} if hourly else {})}, "metrics": {"found": METRIC | metric}}
    (tmp_path / "some.yml").write_text(json.dumps(content))
    with pytest.raises(InvalidInputError, match=re.escape(field)):
        read_catalogue(tmp_path)
