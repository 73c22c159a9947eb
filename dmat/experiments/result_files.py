"""The result of a test as a file: CSV or XLSX, one line for each variation and metric, one for each effect of factors.

Belongs here: which columns there are and what stands in them. Stays out: the figures (`running.judge`), how a cell is
written so that no spreadsheet takes it for a formula (`dmat/segments/export.py`), who may take it away.

Rates are 0 to 1, amounts are in the currency (not in cents), what is not known or has no limit is empty.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from sqlalchemy.engine import Connection

from dmat.campaigns.records import find_campaign
from dmat.errors import NotFoundError
from dmat.experiments.factors import FactorEffect, Factors, factors_of, levels_of
from dmat.experiments.horizon import is_preview
from dmat.experiments.plan import TestPlan
from dmat.experiments.records import Experiment, running_plan_of
from dmat.experiments.results import ArmResult, Comparison
from dmat.experiments.running import Judged, TestRunner
from dmat.segments.export import as_cell, check_format, csv_text, new_sheet
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.workspace_values import write_audit
from dmat.warehouse import Workspace

COLUMNS = (
    "test_id", "test", "status", "as_of", "line", "metric", "is_primary", "variation", "name", "levels", "is_control",
    "is_winner", "people", "hits", "value", "low", "high", "unit", "difference", "difference_low", "difference_high",
    "lift", "lift_low", "lift_high", "p", "p_adjusted", "is_proven", "is_better", "interval_level", "inference",
    "chance_to_be_best", "expected_loss", "health",
)  # fmt: skip
USUAL_CURRENCY = "EUR"
Row = dict[str, Any]


def result_rows(
    found: Experiment, plan: TestPlan, judged: Judged, factors: Sequence[Factors], currency: str, now: datetime
) -> list[Row]:
    """Lines of the file; every one has all of `COLUMNS`.

    Args:
        found: the test.
        plan: with which it runs.
        judged: what is known of it.
        factors: of a test of two things at once, else empty.
        currency: of amounts.
        now: as of when.
    """
    analysis, design = judged.analysis, judged.design
    common: Row = {
        "test_id": found.experiment_id, "test": found.name, "status": found.status, "as_of": now,
        "inference": design.inference, "health": analysis.health_level,
    }  # fmt: skip
    may_prove = _may_prove(found, judged)
    compared = {(each.arm, each.metric): each for each in analysis.comparisons}
    rows = [
        common
        | _of_arm(found, plan, judged, each, currency)
        | _compared(compared.get((each.arm, each.metric)), judged, may_prove)
        for each in analysis.arms
    ]
    effects = [(each.metric, effect) for each in factors for effect in each.effects]
    rows += [common | _of_effect(judged, metric, effect, currency, may_prove) for metric, effect in effects]
    return [_finite({name: row.get(name) for name in COLUMNS}) for row in rows]


def _of_arm(found: Experiment, plan: TestPlan, judged: Judged, each: ArmResult, currency: str) -> Row:
    arm, per, unit = plan.arm(each.arm), _per(judged, each.metric), _unit(judged, each.metric, currency)
    levels = arm.levels if arm and levels_of(plan) else {}
    return {
        "line": "variation", "metric": each.metric, "is_primary": each.metric == judged.analysis.primary,
        "variation": each.arm, "name": judged.design.title(each.arm),
        "levels": "; ".join(f"{name}: {level}" for name, level in levels.items()),
        "is_control": each.arm == judged.design.control, "is_winner": each.arm == found.winner, "people": each.people,
        "hits": None if unit == currency else each.hits, "value": _scaled(each.rate, per),
        "low": _scaled(each.low, per), "high": _scaled(each.high, per), "unit": unit,
        "chance_to_be_best": each.probability_best, "expected_loss": _scaled(each.expected_loss, per),
    }  # fmt: skip


def _may_prove(found: Experiment, judged: Judged) -> bool:
    """Whether a difference counts: the figures are sound, and a test that is judged at its end has come to it."""
    return not is_preview(found, judged.design) and judged.analysis.health_level != "block"


def _compared(each: Comparison | None, judged: Judged, may_prove: bool) -> Row:
    if each is None:
        return {}
    per = _per(judged, each.metric)
    return {
        "difference": _scaled(each.difference, per), "difference_low": _scaled(each.low, per),
        "difference_high": _scaled(each.high, per), "lift": each.lift, "lift_low": each.lift_low,
        "lift_high": each.lift_high, "p": each.p, "p_adjusted": each.p_adjusted,
        "is_proven": each.is_significant and may_prove, "is_better": each.is_better,
        "interval_level": 1 - each.level,
    }  # fmt: skip


def _of_effect(judged: Judged, metric: str, effect: FactorEffect, currency: str, may_prove: bool) -> Row:
    per = _per(judged, metric)
    is_interaction = effect.part == "interaction"
    return {
        "line": "interaction" if is_interaction else "effect", "metric": metric,
        "is_primary": metric == judged.analysis.primary, "name": effect.factor,
        "levels": "" if is_interaction else f"{effect.after} instead of {effect.before}",
        "unit": _unit(judged, metric, currency), "difference": _scaled(effect.value, per),
        "difference_low": _scaled(effect.low, per), "difference_high": _scaled(effect.high, per), "p": effect.p,
        "is_proven": effect.is_significant and may_prove, "is_better": effect.is_better,
        "interval_level": 1 - judged.design.alpha,
    }  # fmt: skip


def _unit(judged: Judged, metric: str, currency: str) -> str:
    unit = judged.design.metric(metric).unit
    return currency if unit == "cents" else unit


def _per(judged: Judged, metric: str) -> float:
    return 100.0 if judged.design.metric(metric).unit == "cents" else 1.0


def _scaled(value: float | None, per: float) -> float | None:
    return None if value is None else value / per


def _finite(row: Row) -> Row:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()
    }


def workbook(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The file as a workbook of one sheet."""
    book = Workbook(write_only=True)
    sheet = new_sheet(book, "Result", COLUMNS)
    for row in rows:
        sheet.append([as_cell(sheet, row[name]) for name in COLUMNS])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def take_away(settings: Settings, store: Store, workspace: Workspace, found: Experiment, wanted: str, by: str) -> bytes:
    """The result of a test now as a file; the audit trail says who took it.

    Args:
        settings: those of the workspace.
        store: the store.
        workspace: the published tables.
        found: the test.
        wanted: csv or xlsx.
        by: who takes it.

    Raises:
        InvalidInputError: there is no such format.
    """
    check_format(wanted)
    now = settings.clock.now()
    with store.read() as connection:
        plan = running_plan_of(connection, found)
        currency = _currency(connection, found)
    judged = TestRunner(settings, store, workspace).judge(found, plan, now)
    rows = result_rows(found, plan, judged, factors_of(plan, judged.design, judged.observed), currency, now)
    with store.write() as connection:
        write_audit(connection, now, by, "test exported", str(found.experiment_id), format=wanted)
    return encoded(rows, wanted)


def file_name(found: Experiment, wanted: str, now: datetime) -> str:
    """What the file is called; no sign of it is typed by a person."""
    return f"test-{found.experiment_id}-{now:%Y-%m-%d}.{wanted}"


def _currency(connection: Connection, found: Experiment) -> str:
    """That of the test's campaign; pages and campaigns that are gone have the usual one."""
    if found.campaign_id is None:
        return USUAL_CURRENCY
    try:
        return find_campaign(connection, found.campaign_id).plan.currency_code
    except NotFoundError:
        return USUAL_CURRENCY


def encoded(rows: Sequence[Mapping[str, Any]], wanted: str) -> bytes:
    """The file in the format `csv` or `xlsx`."""
    if wanted == "xlsx":
        return workbook(rows)
    return csv_text(COLUMNS, ([row[name] for name in COLUMNS] for row in rows)).encode()
