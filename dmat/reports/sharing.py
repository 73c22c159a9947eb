"""The link in a report's mail that gives its PDF without a sign-in, to people who have no account.

Belongs here: making that link and reading it. Stays out: answering it (`apps/screens/reports/files.py`).

Whoever has the mail has the figures in it; the link gives the rest of the same report and nothing else, until it ends.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from dmat.errors import UnverifiedError
from dmat.messages.links import link_key
from dmat.messages.signing import Signer
from dmat.settings import Settings

KIND = "report"


def pdf_url(settings: Settings, report_run_id: int, now: datetime) -> str:
    """The link, good for `report_link_days`; empty when there are to be none."""
    if not settings.report_link_days:
        return ""
    last = now.date() + timedelta(days=settings.report_link_days)
    key = Signer(link_key(settings), KIND).sign(f"{report_run_id}~{last.isoformat()}")
    return f"{settings.resolved_screens_url}/reports-file?key={key}"


def read_key(settings: Settings, key: str, now: datetime) -> int:
    """The number of the report that a link gives.

    Raises:
        UnverifiedError: we did not make it, somebody altered it, its time is over, or there are to be no such links.
    """
    number, _, last = Signer(link_key(settings), KIND).read(key).partition("~")
    if not settings.report_link_days or date.fromisoformat(last) < now.date():
        raise UnverifiedError("this link is over")
    return int(number)
