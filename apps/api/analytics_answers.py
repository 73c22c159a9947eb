"""What the doors of analytics answer: figures with their units, rates with their intervals, where they come from.

Belongs here: shapes. Stays out: figures (`dmat/metrics`), the doors (`analytics.py`).

Amounts are whole cents, as `unit` says; rates lie between 0 and 1; what is not known is null.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from apps.api.lead_bodies import zulu
from dmat.metrics.annotations import Annotation
from dmat.metrics.asking import Answer
from dmat.metrics.catalogue import Dimension, Metric, load
from dmat.metrics.lineage import Lineage
from dmat.metrics.overviews import Campaign, CampaignFigures, Comparison, Overview, Rate
from dmat.metrics.saved import Saved

Json = dict[str, Any]


def frame(answer: Answer) -> Json:
    """Of which days, in which currency, from which data an answer is."""
    since, until = answer.question.days
    return {
        "since": str(since), "until": str(until), "currency": answer.currency, "data_as_of": zulu(answer.as_of),
        "data_version": answer.data_version, "missing": list(answer.missing),
        "behind": {key: zulu(at) for key, at in answer.behind.items()},
    }  # fmt: skip


def figures_json(answer: Answer) -> Json:
    """The totals, each with its name and unit, and its change where the question compares."""
    found: Json = {}
    for key in answer.question.metrics:
        metric = load().metric(key)
        one: Json = {"value": answer.totals[key], "name": metric.name, "unit": metric.unit, "better": metric.better}
        if answer.compared:
            one |= {"before": answer.compared.totals[key], "change": answer.compared.changes[key]}
        found[key] = one
    return found


def rows_json(answer: Answer) -> list[Json]:
    """The rows; values that are keys have their name beside them."""
    rows = []
    for row in answer.rows:
        found = {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}
        for key, labels in answer.labels.items():
            found[f"{key}_name"] = labels.get(str(row[key]))
        rows.append(found)
    return rows


def answer_json(answer: Answer) -> Json:
    """A whole answer, with the SQL that gave it."""
    columns = [{"key": each.key, "name": each.name, "role": each.role, "unit": each.unit} for each in answer.columns]
    found = frame(answer) | {
        "question": answer.question.model_dump(mode="json", exclude_defaults=True), "columns": columns,
        "rows": rows_json(answer), "totals": answer.totals, "is_cut": answer.is_cut, "statements": answer.statements,
    }  # fmt: skip
    if answer.compared:
        compared = answer.compared
        found["compared"] = {
            "since": str(compared.since), "until": str(compared.until), "totals": compared.totals,
            "changes": compared.changes, "rows": rows_json(replace(answer, rows=compared.rows)),
        }  # fmt: skip
    return found


def overview_json(found: Overview) -> Json:
    """The dashboard: key figures, their course, campaigns by revenue."""
    return frame(found.figures) | {
        "metrics": figures_json(found.figures), "trend": rows_json(found.trend),
        "top_campaigns": [row for row in rows_json(found.campaigns) if row["campaign"]][:5],
        "left_out": list(found.left_out),
    }  # fmt: skip


def campaign_json(found: CampaignFigures) -> Json:
    """One campaign: figures, its journey from sent to converted, by step and channel, by day."""
    journey = [{"stage": each.key, "count": each.count, "of_sent": each.of_sent} for each in found.journey]
    return frame(found.figures) | {
        "campaign": _campaign(found.campaign), "metrics": figures_json(found.figures), "journey": journey,
        "steps": rows_json(found.steps), "trend": rows_json(found.days),
    }  # fmt: skip


def comparison_json(found: Comparison) -> Json:
    """Campaigns side by side; differences are from the first one."""
    rows = {str(row["campaign"]): row for row in found.figures.rows}
    campaigns = []
    for campaign in found.campaigns:
        row = rows.get(str(campaign.campaign_id), {})
        rates = {key: _rate(rate) for key, rate in found.rates[campaign.campaign_id].items()}
        values = {key: row.get(key) for key in found.figures.question.metrics}
        campaigns.append(_campaign(campaign) | {"metrics": values, "rates": rates})
    return frame(found.figures) | {"campaigns": campaigns}


def metric_json(metric: Metric) -> Json:
    """The definition of a metric."""
    return {
        "key": metric.key, "name": metric.name, "words": metric.words, "formula": metric.formula, "unit": metric.unit,
        "better": metric.better, "owner": metric.owner, "grain": metric.grain, "subject": metric.subject,
        "is_human_only": metric.is_human_only, "time_zone": metric.time_zone, "window_days": metric.window_days,
        "dimensions": list(metric.dimensions), "needs": list(metric.needs),
        "numerator": [("-" if is_less else "") + key for key, is_less in metric.numerator],
        "factors": list(metric.factors),
        "denominator": [("-" if is_less else "") + key for key, is_less in metric.denominator],
    }  # fmt: skip


def dimension_json(dimension: Dimension) -> Json:
    """The definition of a dimension."""
    return {"key": dimension.key, "name": dimension.name, "words": dimension.words}


def lineage_json(found: Lineage, sees_people: bool) -> Json:
    """Where a figure comes from; rows, which have people in them, only for those who may see people."""
    tables = [
        {"table": each.table, "model": each.model.file, "sql": each.model.sql, "is_counted": each.is_counted,
         "built_at": zulu(each.built_at), "run_id": each.run_id, "made_of": list(each.model.made_of)}
        for each in found.origins
    ]  # fmt: skip
    inputs = [
        {"table": each.table, "rows_count": each.rows_count, "fresh_at": zulu(each.fresh_at), "run_id": each.run_id}
        for each in found.inputs
    ]
    rows = [_plain(row) for row in found.sample] if sees_people else []
    return {
        "metric": metric_json(found.metric), "value": found.value, "currency": found.currency,
        "question": found.question.model_dump(mode="json", exclude_defaults=True), "statements": found.statements,
        "tables": tables, "inputs": inputs, "commit": found.commit, "data_as_of": zulu(found.as_of),
        "data_version": found.data_version, "sample": rows,
    }  # fmt: skip


def saved_json(saved: Saved) -> Json:
    """A saved question."""
    return {
        "id": saved.question_id, "name": saved.name, "words": saved.words, "chart": saved.chart,
        "question": saved.question.model_dump(mode="json", exclude_defaults=True), "is_shared": saved.is_shared,
        "owner": saved.owner, "updated_at": zulu(saved.updated_at), "updated_by": saved.updated_by,
        "revision": saved.revision,
    }  # fmt: skip


def annotation_json(note: Annotation) -> Json:
    """A note on days."""
    return {
        "id": note.annotation_id, "day": str(note.day), "last_day": str(note.last_day), "words": note.words,
        "subject": note.subject, "created_by": note.created_by, "created_at": zulu(note.created_at),
    }  # fmt: skip


def _campaign(campaign: Campaign) -> Json:
    return {
        "id": campaign.campaign_id, "name": campaign.name, "status": campaign.status,
        "started_at": zulu(campaign.started_at), "ended_at": zulu(campaign.ended_at),
    }  # fmt: skip


def _rate(rate: Rate) -> Json:
    return {
        "value": rate.value, "hits": rate.hits, "of": rate.of, "low": rate.low, "high": rate.high,
        "difference": rate.difference, "difference_low": rate.difference_low,
        "difference_high": rate.difference_high, "is_different": rate.is_different,
    }  # fmt: skip


def _plain(row: Json) -> Json:
    def value_of(value: Any) -> Any:
        if isinstance(value, datetime):
            return zulu(value)
        is_large = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53
        return str(value) if is_large or not isinstance(value, (int, float, str, bool, type(None))) else value

    return {key: value_of(value) for key, value in row.items()}
