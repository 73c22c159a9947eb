"""As what the mail vendor counts events in its own statistics.

Belongs here: those words. Stays out: keeping the counts (`diary.py`), telling them (`vendors/sendgrid.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dmat.simulate.diary import Diary, Mail

METRICS = {"processed": "processed", "delivered": "delivered", "deferred": "deferred", "bounce": "bounces",
           "open": "opens", "click": "clicks", "spamreport": "spam_reports",
           "unsubscribe": "unsubscribes"}  # fmt: skip
DROPS = {"Bounced Address": "bounce_drops", "Spam Reporting Address": "spam_report_drops",
         "Unsubscribed Address": "unsubscribe_drops"}  # fmt: skip


def note_event(diary: Diary, event: Mapping[str, Any], at: datetime) -> None:
    """Note an event on its mail, and count it for the day and the mail's categories."""
    mail = diary.mails("sg_message_id = ?", [event["sg_message_id"]], 1)[0]
    categories = event.get("category", [])
    named = [categories] if isinstance(categories, str) else categories
    diary.count_mails(named, at.date(), metrics_of(event, mail))
    diary.mark_mail(mail.sg_message_id, event["event"], at)


def metrics_of(event: Mapping[str, Any], mail: Mail) -> tuple[str, ...]:
    """As what an event counts in the vendor's statistics; `mail` as it stood before."""
    name = event["event"]
    if name == "dropped":
        return (DROPS.get(str(event.get("reason")), "invalid_emails"),)
    first = {"open": mail.opens == 0, "click": mail.clicks == 0}.get(name, False)
    return (METRICS[name], f"unique_{METRICS[name]}") if first else (METRICS[name],)
