"""Under test: the result of a test as a file: every figure that the monitor has, and no cell that becomes a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime

import pytest
from openpyxl import load_workbook
from tested_campaigns import plan_of_test

from dmat.errors import InvalidInputError
from dmat.experiments.analysis import analyse
from dmat.experiments.decide import Verdict
from dmat.experiments.factors import factors_of
from dmat.experiments.moments import Moments
from dmat.experiments.result_files import COLUMNS, encoded, result_rows, take_away
from dmat.experiments.results import Observed
from dmat.experiments.running import Judged
from dmat.experiments.snapshots import design_of
from dmat.store.workspace_values import read_audit

NOW = datetime(2026, 3, 1, 12, 0)


def judged_of(plan, figures):
    """What is known when arm -> metric -> moments was seen."""
    design = design_of(plan)
    people = {arm: int(next(iter(metrics.values())).n) for arm, metrics in figures.items()}
    observed = Observed(people, figures)
    return Judged(design, observed, analyse(design, observed), Verdict("wait", None, ""))


def rows_of(tested, plan, figures, currency="EUR"):
    test = tested.tests.create(plan, "ann@shop.example")
    judged = judged_of(plan, figures)
    return result_rows(test, plan, judged, factors_of(plan, judged.design, judged.observed), currency, NOW)


def proportion(people, hits):
    return {"click": Moments.of_proportion(people, hits)}


def read_csv(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_each_variation_and_metric_is_a_line_with_its_comparison(tested):
    plan = plan_of_test(guardrails=["unsubscribe"], inference="fixed")
    lines = read_csv(encoded(rows_of(tested, plan, {"a": proportion(1_000, 100), "b": proportion(1_000, 150)}), "csv"))
    assert [(line["variation"], line["metric"]) for line in lines] == [
        ("a", "click"), ("b", "click"), ("a", "unsubscribe"), ("b", "unsubscribe"),
    ]  # fmt: skip
    first, second = lines[:2]
    assert (first["is_control"], first["value"], first["difference"]) == ("yes", "0.1", "")
    assert (second["hits"], second["is_proven"], second["is_better"]) == ("150.0", "yes", "yes")
    assert float(second["difference_low"]) < float(second["difference"]) == pytest.approx(0.05)
    assert second["as_of"] == "2026-03-01 12:00:00"


def test_what_somebody_typed_never_becomes_a_formula(tested):
    evil = '=HYPERLINK("https://evil.example","x")'
    arms = [{"key": "a", "name": "+1 for me", "share": 0.5},
            {"key": "b", "name": evil, "share": 0.5, "overrides": {"subject": "x"}}]  # fmt: skip
    rows = rows_of(tested, plan_of_test(name="@SUM(1)", arms=arms), {arm: proportion(10, 1) for arm in "ab"})
    lines = read_csv(encoded(rows, "csv"))
    assert (lines[0]["test"], lines[0]["name"], lines[1]["name"]) == ("'@SUM(1)", "'+1 for me", f"'{evil}")
    sheet = load_workbook(io.BytesIO(encoded(rows, "xlsx")))["Result"]
    cells = {cell.value: cell.data_type for row in sheet.iter_rows() for cell in row}
    assert (cells[evil], cells["@SUM(1)"]) == ("s", "s")
    assert "f" not in cells.values()


def test_amounts_are_in_the_currency_and_an_interval_without_limit_is_empty(tested):
    plan = plan_of_test(primary="revenue", guardrails=[])
    figures = {arm: {"revenue": Moments.of_values([0, 0, mean * 3])} for arm, mean in (("a", 1_000), ("b", 1_500))}
    rows = rows_of(tested, plan, figures, currency="SEK")
    assert [(row["value"], row["unit"], row["hits"]) for row in rows] == [(10.0, "SEK", None), (15.0, "SEK", None)]
    assert (rows[1]["difference"], rows[1]["difference_low"], rows[1]["difference_high"]) == (5.0, None, None)


def test_both_effects_and_the_interaction_of_two_things_at_once_are_lines(tested):
    arms = [{"key": "abcd"[at], "share": 0.25, "levels": {"Subject": s, "Picture": p}, "overrides": {"subject": s}}
            for at, (s, p) in enumerate((s, p) for s in ("News", "Sale") for p in ("Sea", "Hills"))]  # fmt: skip
    plan = plan_of_test(kind="factorial", arms=arms, guardrails=[], inference="fixed")
    hits = dict(zip("abcd", (200, 220, 280, 300), strict=True))
    rows = rows_of(tested, plan, {arm: proportion(2_000, count) for arm, count in hits.items()})
    assert [row["line"] for row in rows] == ["variation"] * 4 + ["effect", "effect", "interaction"]
    assert rows[0]["levels"] == "Subject: News; Picture: Sea"
    assert (rows[4]["name"], rows[4]["levels"], rows[4]["is_proven"]) == ("Subject", "Sale instead of News", True)
    assert rows[4]["difference"] == pytest.approx(0.04)
    assert all(set(row) == set(COLUMNS) for row in rows)


def test_who_took_it_is_written_down_and_another_format_is_refused(tested):
    tested.draft()
    test = tested.tests.get(tested.add_test(1))
    world = tested.world
    content = take_away(world.settings, world.store, world.desk.workspace, test, "csv", "ann@shop.example")
    assert len(read_csv(content)) >= 2
    line = read_audit(world.store)[0]
    assert (line["action"], line["actor"], line["detail"]) == ("test exported", "ann@shop.example", {"format": "csv"})
    with pytest.raises(InvalidInputError, match="csv, xlsx"):
        take_away(world.settings, world.store, world.desk.workspace, test, "pdf", "ann@shop.example")


@pytest.mark.parametrize(
    ("inference", "status", "is_proven"),
    [("fixed", "running", False), ("fixed", "deciding", True), ("always_valid", "running", True)],
)
def test_what_is_judged_at_its_end_is_not_called_proven_before(tested, inference, status, is_proven):
    plan = plan_of_test(inference=inference, guardrails=[])
    test = replace(tested.tests.create(plan, "ann@shop.example"), status=status)
    judged = judged_of(plan, {"a": proportion(2_000, 200), "b": proportion(2_000, 400)})
    assert result_rows(test, plan, judged, (), "EUR", NOW)[1]["is_proven"] is is_proven
