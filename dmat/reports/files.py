"""Files of a report that was made, and of one answer: their kinds, names and bytes.

Belongs here: choosing. Stays out: how each kind is written (`pdf.py`, `sheets.py`, `dmat/metrics/exporting.py`).
"""

from __future__ import annotations

from datetime import datetime

from dmat.errors import InvalidInputError
from dmat.metrics.asking import Answer, Warehouse
from dmat.reports.making import Made, runs_behind
from dmat.reports.plan import Chart
from dmat.settings import Settings

KINDS = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


def file_name(made: Made, kind: str) -> str:
    """`monthly-detail-2026-02-01.pdf`"""
    return f"{made.report_key}-{made.since.isoformat()}.{kind}"


def file_of(settings: Settings, made: Made, kind: str) -> bytes:
    """The file; the same report gives the same content.

    Raises:
        InvalidInputError: there is no such kind.
    """
    check_kind("kind", kind)
    if kind == "pdf":
        from dmat.reports.pdf import as_pdf

        return as_pdf(settings, made)
    from dmat.reports.sheets import as_csv, as_xlsx

    return as_xlsx(made) if kind == "xlsx" else as_csv(made).encode()


def check_kind(field: str, kind: str) -> None:
    """Refuse a kind of file that there is not.

    Raises:
        InvalidInputError: there is no such kind; names `field`.
    """
    if kind not in KINDS:
        raise InvalidInputError(field, f"{kind[:20]!r} is no format", ", ".join(KINDS))


def file_of_answer(
    settings: Settings, warehouse: Warehouse, answer: Answer, kind: str, title: str, now: datetime
) -> bytes:
    """One answer as a file; a PDF has a line over time, or bars by the first dimension.

    PDF and XLSX name the runs that captured the newest data in `warehouse`, which gave the answer.

    Raises:
        InvalidInputError: there is no such kind.
    """
    check_kind("format", kind)
    if kind == "pdf":
        from dmat.reports.pdf import answer_as_pdf

        chart: Chart = "line" if answer.question.grain else "bar"
        return answer_as_pdf(settings, answer, title, now, chart, runs_behind(warehouse))
    from dmat.metrics.exporting import as_csv, as_xlsx

    return as_xlsx(answer, title, runs_behind(warehouse)) if kind == "xlsx" else as_csv(answer).encode()
