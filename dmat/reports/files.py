"""The files of a report that was made: their kinds, names and bytes.

Belongs here: choosing. Stays out: how each kind is written (`pdf.py`, `sheets.py`).
"""

from __future__ import annotations

from dmat.errors import InvalidInputError
from dmat.reports.making import Made
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
    if kind not in KINDS:
        raise InvalidInputError("kind", f"{kind!r} is not known", ", ".join(KINDS))
    if kind == "pdf":
        from dmat.reports.pdf import as_pdf

        return as_pdf(settings, made)
    from dmat.reports.sheets import as_csv, as_xlsx

    return as_xlsx(made) if kind == "xlsx" else as_csv(made).encode()
