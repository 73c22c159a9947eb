"""From a figure of a report that was made to where it comes from: the address of exactly this figure.

Belongs here: these addresses, for the screen and the PDF alike. Stays out: what they open (`dmat/metrics/lineage.py`),
layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dmat.errors import InvalidInputError
from dmat.metrics.catalogue import load
from dmat.metrics.opening import opens, within
from dmat.metrics.periods import read_bucket
from dmat.metrics.question import UNKNOWN, Filter, Question, read_address
from dmat.reports.making import Figures


def question_of(section: Figures) -> Question | None:
    """What a section asked; None when it cannot be asked any more."""
    try:
        return read_address(parse_qsl(section["address"], keep_blank_values=True))
    except InvalidInputError:
        return None


def path_of_total(section: Figures, key: str, report_run_id: int = 0) -> str:
    """The path that opens one figure of a section over all its rows; empty when there is nothing to tell.

    Args:
        section: as it was kept.
        key: the metric.
        report_run_id: number of the report, so that the way back is known; 0 without one.
    """
    return _path(key, question_of(section), (), report_run_id)


def paths_of_row(section: Figures, row: Sequence[Any], report_run_id: int = 0) -> list[str]:
    """The path that opens each value of a row, in the order of its columns; empty for what is no figure."""
    pairs = list(zip(row, section["columns"], strict=True))
    only, asked = [], question_of(section)
    for value, column in pairs:
        if column["role"] == "grain" and asked is not None:
            asked = within(asked, read_bucket(str(value)))
        elif column["key"] == "segment" and asked is not None:
            asked = asked.model_copy(update={"segment": str(value or "")})
        elif column["role"] == "dimension":
            only.append(Filter(dimension=column["key"], values=(UNKNOWN if value is None else str(value),)))
    return [_path(column["key"], asked, only, report_run_id) if column["role"] == "metric" else ""
            for _, column in pairs]  # fmt: skip


def path_to_look(address: str) -> str:
    """The path that shows a question's answer, to look further; empty without one."""
    return f"/analytics?{urlencode({'view': 'reports', 'asked': address})}" if address else ""


def told_moves(figures: Figures) -> list[tuple[str, str]]:
    """What moved, in sentences, each with the path that shows it; reports made before there were paths have none."""
    told = figures["insights"]
    addresses = figures.get("moves") or [""] * len(told)
    return [(words, path_to_look(address)) for words, address in zip(told, addresses, strict=True)]


def _path(key: str, question: Question | None, only: Sequence[Filter], report_run_id: int) -> str:
    if question is None or key not in load().metrics:
        return ""
    figure = opens(key, question, only)
    back = {"report": str(report_run_id)} if report_run_id else {}
    return f"/analytics?{urlencode({'figure': figure} | back)}" if figure else ""
