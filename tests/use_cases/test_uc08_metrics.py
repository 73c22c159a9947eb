"""Under test: figures of the metric layer on the simulated company equal SQL written by hand, and add up.

Each figure is asked for as screens do; beside it stands SQL over other tables or raw rows where there are some.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from figures_by_hand import BY_HAND, OF_ONE

from apps.context import open_context
from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.pieces import Figure, Figures, Side, Table
from apps.screens.analytics.sections import SECTIONS
from dmat.metrics import lineage, people
from dmat.metrics.asking import ask, figure
from dmat.metrics.catalogue import load
from dmat.metrics.overviews import KEY_FIGURES, overview
from dmat.metrics.question import Filter, Question
from dmat.settings import ROOT, Settings, load_settings
from dmat.warehouse import Workspace

YEAR = "last_365_days"
SCREENS = ROOT / "apps" / "screens" / "analytics"


def totals_of(piece: object) -> Iterable[Figure]:
    """The figures of a piece that are over everything."""
    return piece.figures if isinstance(piece, Figures) else piece.total if isinstance(piece, Table) else ()


@pytest.fixture(scope="module")
def settings(request: pytest.FixtureRequest) -> Settings:
    """The demo of the session; a home that is there already can be named for a quick look."""
    named = os.environ.get("DMAT_TEST_DEMO_HOME")
    home: Path = Path(named) if named else request.getfixturevalue("demo_home")
    return load_settings(home)


@pytest.fixture(scope="module")
def view(settings: Settings) -> Workspace:
    return Workspace(settings)


def year(settings: Settings, *metrics: str, **more: object) -> Question:
    today = settings.clock.now().date()
    return Question(metrics=metrics, period=YEAR, currency="EUR", **more).dated(today)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def by_hand(view: Workspace, settings: Settings) -> dict[str, float]:
    """Metric -> its total over the year, by the SQL that was written by hand."""
    since, until = year(settings, "sent").days
    days = f"between timestamp '{since}' and timestamp '{until}' - interval '1' microsecond"

    def total(query: str) -> float:
        [row] = view.rows(query.replace("{days}", days).replace("{until}", f"timestamp '{until}'"))
        return float(next(iter(row.values())) or 0)

    queries = BY_HAND | {key: query for key, (_, query) in OF_ONE.items()}
    return {key: total(query) for key, query in queries.items()}


@pytest.mark.parametrize("key", [*BY_HAND, *OF_ONE])
def test_a_figure_equals_sql_written_by_hand(
    key: str, by_hand: dict[str, float], view: Workspace, settings: Settings
) -> None:
    values, _ = OF_ONE.get(key, ({}, ""))
    filters = tuple(Filter(dimension=name, values=(value,)) for name, value in values.items())
    assert ask(view, settings, year(settings, key, filters=filters)).totals[key] == pytest.approx(by_hand[key])


def test_every_measure_of_the_screens_has_sql_written_by_hand() -> None:
    words = {word for file in SCREENS.glob("*.py") for word in re.findall(r'"([a-z_]+)"', file.read_text())}
    parts = {part.key for key in words & set(load().metrics) for part in load().parts(load().metrics[key])}
    of_reconciliation = {key for key, each in load().metrics.items() if each.subject == "reconciliation"}
    assert parts - of_reconciliation - set(BY_HAND) - set(OF_ONE) == set()


@pytest.mark.parametrize("section", ["overview", "channels", "funnel", "pipeline"])
def test_every_total_on_a_screen_equals_sql_written_by_hand(
    section: str, by_hand: dict[str, float], view: Workspace, settings: Settings
) -> None:
    context = open_context(settings)
    since, until = year(settings, "sent").days
    look = Look(view=section, period="custom", since=since, until=until, compare="")
    pieces = [*SECTIONS[section](AnalyticsDesk(context), look, ())]
    pieces += [part for piece in pieces if isinstance(piece, Side) for part in piece.pieces]
    shown = {figure.key: figure.value for piece in pieces for figure in totals_of(piece)}
    context.store.close()
    assert len(shown) > 3
    for key, value in shown.items():
        expected = figure(load().metric(key), load(), by_hand)
        assert value == (
            None if expected is None else pytest.approx(expected, abs=0.51 if value and value > 1 else 1e-9)
        ), key


def test_every_metric_has_an_answer_that_adds_up_over_days(view: Workspace, settings: Settings) -> None:
    found = load()
    for key, metric in found.metrics.items():
        answer = ask(view, settings, year(settings, key, grain="month", dimensions=metric.needs))
        assert answer.missing == (), f"{key}: {answer.missing}"
        is_sum = metric.kind in ("count", "sum") and not found.base_of(metric).is_state and not metric.needs
        if is_sum and metric.unit in ("count", "cents"):
            months = sum(row[key] for row in answer.rows)
            assert months == pytest.approx(answer.totals[key], abs=len(answer.rows)), key
        if metric.unit == "rate":
            assert all(row[key] is None or 0 <= row[key] <= 1 for row in answer.rows), key


def test_the_overview_is_whole_and_opens_to_its_rows(view: Workspace, settings: Settings) -> None:
    found = overview(view, settings, year(settings, "sent"))
    assert found.figures.missing == ()
    assert set(found.figures.totals) == set(KEY_FIGURES)
    origin = lineage.of(view, settings, year(settings, "sent"), "revenue")
    assert origin.value == found.figures.totals["revenue"]
    assert {"raw.shopify_orders", "raw.woocommerce_orders"} <= {each.table for each in origin.inputs}
    assert all(each.run_id for each in origin.inputs)
    counted = next(each for each in origin.origins if each.is_counted)
    assert counted.run_id
    assert "select" in counted.model.sql
    assert {row["table_name"] for row in origin.raw} <= {"raw.shopify_orders", "raw.woocommerce_orders"}
    assert origin.raw


def test_as_many_people_stand_behind_a_figure_as_it_says(view: Workspace, settings: Settings) -> None:
    for key in ("buyers", "people_reached"):
        question = year(settings, key)
        assert len(people.ids_behind(view, settings, question, key)) == ask(view, settings, question).totals[key]


def test_nothing_between_live_counters_and_the_warehouse_stays_unexplained(view: Workspace, settings: Settings) -> None:
    kinds = ("counted_live", "counted_in_warehouse", "gap_late", "gap_machine", "gap_test", "gap_erased")
    answer = ask(view, settings, year(settings, *kinds, "gap_unexplained", dimensions=("campaign", "counter_kind")))
    assert answer.totals["gap_unexplained"] == 0
    assert {row["counter_kind"] for row in answer.rows} >= {"accepted", "delivered"}
    for row in answer.rows:
        gap = row["counted_live"] - row["counted_in_warehouse"]
        assert gap == sum(row[key] for key in kinds[2:]), row


def test_credits_of_a_model_add_up_to_the_conversions_that_they_share_out(view: Workspace, settings: Settings) -> None:
    order = Filter(dimension="conversion_kind", values=("order",))
    by_model = ask(
        view, settings,
        year(settings, "credited_conversions", "conversions_with_touches", dimensions=("attribution_model",),
             filters=(order,)),
    )  # fmt: skip
    assert len(by_model.rows) >= 6
    for row in by_model.rows:
        assert row["credited_conversions"] == pytest.approx(row["conversions_with_touches"]), row
