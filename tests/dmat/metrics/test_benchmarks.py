"""Own figures beside published ones: those that can be compared, and where they lie."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dmat.metrics.benchmarks import Benchmark, industries, place_of, read_benchmarks, set_beside
from dmat.metrics.catalogue import metric
from dmat.metrics.question import Question
from dmat.settings import ROOT, Settings, load_settings
from dmat.warehouse import Workspace

MARCH = Question(metrics=("sent",), since=date(2026, 3, 1), until=date(2026, 3, 11))


@pytest.fixture(scope="module")
def settings(untouched_metric_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The small world with the seed as it is delivered."""
    home = tmp_path_factory.mktemp("benchmarks") / "home"
    shutil.copytree(untouched_metric_home, home)
    with duckdb.connect(str(home / "warehouse" / "serving" / "v1.duckdb")) as connection:
        seed = json.dumps(str(ROOT / "dbt" / "seeds" / "industry_benchmarks.csv")).replace('"', "'")
        connection.execute(f"create table seeds.industry_benchmarks as from read_csv({seed}, nullstr = '')")
    return load_settings(home)


def test_own_rates_stand_beside_published_ones_of_the_same_channel(settings: Settings) -> None:
    view = Workspace(settings)
    known = [each for each in read_benchmarks(view) if each.industry == "all"]
    found = set_beside(view, settings, MARCH, known)
    rates = {(each.benchmark.metric.key, each.benchmark.channel): each.value for each in found}
    assert rates["open_rate", "email"] == pytest.approx(2 / 3)
    assert rates["click_rate", "email"] == pytest.approx(1 / 3)
    assert ("cost_per_click", "paid_search") not in rates  # in dollars, and the orders are in euro
    opened = next(each for each in found if each.benchmark.source == "Mailchimp customers"
                  and each.benchmark.metric.key == "open_rate")  # fmt: skip
    assert opened.place == "above"
    assert opened.answer.question.filters[0].values == ("email",)


def test_a_segment_leaves_out_what_knows_no_people(settings: Settings) -> None:
    view = Workspace(settings)
    of_vips = MARCH.model_copy(update={"segment": "vip"})
    found = {each.benchmark.metric.key for each in set_beside(view, settings, of_vips, read_benchmarks(view))}
    assert "open_rate" in found
    assert not {"ad_click_rate", "roi"} & found


def test_industries_are_told_without_the_one_that_means_any(settings: Settings) -> None:
    named = industries(read_benchmarks(Workspace(settings)))
    assert "furniture" in named
    assert "all" not in named


def test_without_the_seed_there_is_nothing_to_compare(metric_world: Workspace) -> None:
    assert read_benchmarks(metric_world) == []


@pytest.mark.parametrize(
    ("value", "low", "middle", "high", "place"),
    [
        (0.1, 0.2, None, 0.3, "below"), (0.25, 0.2, None, 0.3, "within"), (0.4, 0.2, 0.25, 0.3, "above"),
        (0.1, None, 0.2, None, "below"), (0.3, None, 0.2, None, "above"), (0.7, 0.6, None, None, "within"),
        (0.5, 0.6, None, None, "below"), (5, None, None, 9, "within"), (None, 0.1, None, 0.2, ""),
    ],
)  # fmt: skip
def test_a_figure_lies_below_within_or_above(
    value: float | None, low: float | None, middle: float | None, high: float | None, place: str
) -> None:
    day = date(2026, 1, 1)
    one = Benchmark(
        metric("open_rate"), "email", "all", "", "target", "", low, middle, high, None, None, day, "", "", ""
    )
    assert place_of(value, one) == place
