"""An answer as CSV and XLSX: amounts in whole units, no formulas, the same figures as on the screen."""

from __future__ import annotations

import csv
import io
from datetime import date

from openpyxl import load_workbook

from dmat.metrics.asking import Answer, ask
from dmat.metrics.exporting import as_csv, as_xlsx, headings, lines
from dmat.metrics.question import Question
from dmat.settings import Settings
from dmat.warehouse import Workspace


def answer_of(workspace: Workspace, settings: Settings, **more: object) -> Answer:
    asked: dict[str, object] = {
        "metrics": ("sent", "campaign_revenue", "conversions"), "since": date(2026, 3, 1), "until": date(2026, 3, 11),
        "dimensions": ("campaign",), "order": "-sent",
    }  # fmt: skip
    return ask(workspace, settings, Question(**asked | more))  # type: ignore[arg-type]


def test_a_csv_has_the_rows_and_the_totals(metric_world: Workspace, metric_settings: Settings) -> None:
    text = as_csv(answer_of(metric_world, metric_settings))
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff")))) == [
        ["Campaign", "Campaign, name", "Sent", "Campaign revenue (EUR)", "Conversions"],
        ["7", "Spring; sale", "4", "80.0", "2"], ["", "", "1", "0.0", "0"], ["Total", "", "5", "80.0", "2"],
    ]  # fmt: skip


def test_an_answer_without_rows_is_its_totals(metric_world: Workspace, metric_settings: Settings) -> None:
    answer = answer_of(metric_world, metric_settings, dimensions=(), order="")
    assert headings(answer) == ["Sent", "Campaign revenue (EUR)", "Conversions"]
    assert lines(answer) == [[5, 80.0, 2]]


def test_a_workbook_says_what_was_asked_and_how_it_is_counted(
    metric_world: Workspace, metric_settings: Settings
) -> None:
    answer = answer_of(metric_world, metric_settings, metrics=("sent", "open_rate"), grain="month", dimensions=())
    book = load_workbook(io.BytesIO(as_xlsx(answer, "Opens: [March]", ["run-1", "run-2"])))
    assert book.sheetnames == ["Opens March", "About"]
    sheet = book["Opens March"]
    assert [cell.value for cell in sheet[2]][1:] == [5, 0.5]
    assert sheet["C2"].number_format == "0.0%"
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert about["From"] == "2026-03-01"
    assert "opened / delivered" in about["Open rate"]
    assert about["Runs"] == "run-1, run-2"


def test_a_text_that_looks_like_a_formula_stays_a_text(metric_world: Workspace, metric_settings: Settings) -> None:
    answer = answer_of(metric_world, metric_settings)
    answer.labels["campaign"]["7"] = '=HYPERLINK("http://evil.example")'
    assert "'=HYPERLINK" in as_csv(answer)
    cell = load_workbook(io.BytesIO(as_xlsx(answer)))["Figures"]["B2"]
    assert (cell.value, cell.data_type) == ('=HYPERLINK("http://evil.example")', "s")
