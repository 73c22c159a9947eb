"""Figures in notebooks: `w.metric("open_rate", by=["channel"], grain="week")`, `w.metrics()`, `w.lineage("revenue")`.

Belongs here: data frames of what the metric layer answers. Stays out: figures themselves (`asking.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from dmat.metrics import lineage as lineages
from dmat.metrics.asking import ask
from dmat.metrics.catalogue import load
from dmat.metrics.question import read_question

if TYPE_CHECKING:
    import pandas as pd

    from dmat.metrics.lineage import Lineage
    from dmat.warehouse import Workspace


def metric_frame(
    workspace: Workspace, metrics: str | Sequence[str], since: date | str | None = None,
    until: date | str | None = None, period: str = "", by: str | Sequence[str] = (),
    where: Mapping[str, str | Sequence[str]] | None = None, **more: Any,
) -> pd.DataFrame:  # fmt: skip
    """A data frame of metrics; see `Workspace.metric`."""
    import pandas as pd

    if not period and since is None and until is None:
        period = "last_30_days"
    document = more | {
        "metrics": [metrics] if isinstance(metrics, str) else list(metrics),
        "since": since and str(since), "until": until and str(until), "period": period,
        "dimensions": [by] if isinstance(by, str) else list(by),
        "filters": [
            {"dimension": key, "values": [values] if isinstance(values, str) else list(values)}
            for key, values in (where or {}).items()
        ],
    }  # fmt: skip
    answer = ask(workspace, workspace.settings, read_question(document))
    names = [column.key for column in answer.columns]
    rows = answer.rows or ([] if answer.question.grain or answer.question.dimensions else [dict(answer.totals)])
    frame = pd.DataFrame(rows, columns=names)
    for key, labels in answer.labels.items():
        frame.insert(names.index(key) + 1, f"{key}_name", frame[key].map(labels))
    if answer.question.grain:
        frame[answer.question.grain] = pd.to_datetime(frame[answer.question.grain])
    frame.attrs = {
        "question": answer.question.model_dump(mode="json", exclude_defaults=True), "totals": dict(answer.totals),
        "currency": answer.currency, "as_of": answer.as_of.isoformat(), "statements": dict(answer.statements),
    }  # fmt: skip
    return frame


def metrics_frame() -> pd.DataFrame:
    """One row a metric: key, name, words, formula, unit, dimensions."""
    import pandas as pd

    rows = [
        {"key": each.key, "name": each.name, "words": each.words, "formula": each.formula, "unit": each.unit,
         "better": each.better, "owner": each.owner, "dimensions": ", ".join(each.dimensions)}
        for each in load().metrics.values()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def lineage_of(workspace: Workspace, metric: str, **question: Any) -> Lineage:
    """Where a metric comes from; see `Workspace.lineage`."""
    if not {"period", "since", "until"} & question.keys():
        question["period"] = "last_30_days"
    asked = read_question({**question, "metrics": [metric]})
    return lineages.of(workspace, workspace.settings, asked, metric)
