"""Figures in notebooks and at a terminal are those of every other place; a mistake is one line that names the field."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from dmat.cli import app
from dmat.errors import InvalidInputError
from dmat.warehouse import Workspace

MARCH = ["--since", "2026-03-01", "--until", "2026-03-11"]
DAYS = {"since": "2026-03-01", "until": "2026-03-11"}


def run(home: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["metric", *words, "--home", str(home)])
    return done.exit_code, done.output


def test_a_notebook_gets_a_frame_with_names_totals_and_sql(metric_world: Workspace) -> None:
    frame = metric_world.metric(["sent", "conversions"], by="campaign", order="-sent", **DAYS)
    assert list(frame.columns) == ["campaign", "campaign_name", "sent", "conversions"]
    assert frame["sent"].tolist() == [4, 1]
    assert frame["campaign_name"].tolist()[0] == "Spring; sale"
    assert frame.attrs["totals"] == {"sent": 5, "conversions": 2}
    assert "deliveries.fct_messages" in frame.attrs["statements"]["messages"]


def test_a_notebook_without_dimensions_gets_one_row_and_days_are_days(metric_world: Workspace) -> None:
    assert metric_world.metric("revenue", where={"country": ["DE"]}, **DAYS)["revenue"].tolist() == [8_000]
    days = metric_world.metric("sent", grain="day", **DAYS)
    assert days["day"].dtype.kind == "M"
    assert days["sent"].sum() == 5
    assert len(metric_world.metric("sent")) == 1  # the last thirty days


def test_a_notebook_finds_metrics_and_where_they_come_from(metric_world: Workspace) -> None:
    assert "open_rate" in set(metric_world.metrics()["key"])
    assert metric_world.lineage("revenue", **DAYS).value == 9_000
    with pytest.raises(InvalidInputError, match="no metric"):
        metric_world.metric("revenu")


def test_a_terminal_asks_and_writes_files(untouched_metric_home: Path, tmp_path: Path) -> None:
    code, text = run(untouched_metric_home, "ask", "sent", "open_rate", "--by", "channel", *MARCH)
    rows = list(csv.reader(io.StringIO(text)))
    assert code == 0
    assert rows[0] == ["Channel", "Sent", "Open rate"]
    assert rows[-1] == ["Total", "5", "0.5"]
    file = tmp_path / "march.xlsx"
    code, text = run(untouched_metric_home, "ask", "sent", *MARCH, "--output", str(file))
    assert (code, load_workbook(file)["Figures"]["A2"].value) == (0, 5)
    code, text = run(untouched_metric_home, "ask", "sent", *MARCH, "--output", str(tmp_path / "march.doc"))
    assert (code, "output" in text) == (1, True)


def test_a_terminal_shows_a_metric_down_to_its_inputs(untouched_metric_home: Path) -> None:
    code, text = run(untouched_metric_home, "show", "revenue", *MARCH, "--sql")
    assert code == 0
    assert "until 2026-03-11 (without it): 9000" in text
    assert "raw.shopify_orders: 1 rows, fresh as of 2026-03-10 12:00, run run-1" in text
    assert "-- orders\nwith counted as (" in text


def test_a_terminal_lists_metrics_and_people(untouched_metric_home: Path) -> None:
    done = CliRunner().invoke(app, ["metric", "list", "open rate"])
    assert "open_rate" in done.output
    assert "pipeline_value" not in done.output
    code, text = run(untouched_metric_home, "people", "clicked", *MARCH, "--where", "campaign:7")
    assert code == 0
    assert "ann@shop.example" in text
    assert "1 people" in text


def test_a_mistake_is_one_line_that_names_the_field(untouched_metric_home: Path) -> None:
    code, text = run(untouched_metric_home, "ask", "sent", "--by", "moon", *MARCH)
    assert (code, text.startswith("dimensions: 'moon' is no dimension")) == (1, True)
