"""Everything known of one person as a file, for who may take people away; each time is written down.

Belongs here: the address, who may, what stands in the file, the audit. Stays out: reading (`knowing.py`,
`timeline.py`). The file answers what a person may ask for (GDPR, article 15): https://gdpr-info.eu/art-15-gdpr/.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

from tornado.web import HTTPError, RequestHandler

from apps.context import Context
from apps.screens.people.knowing import Person360, read_person
from apps.screens.people.timeline import read_timeline
from dmat.store.access import caller_of_user
from dmat.store.users import COOKIE_NAME, User, user_of_token
from dmat.store.workspace_values import write_audit

HIDDEN = {"_build"}


class PersonExportHandler(RequestHandler):
    """`/people-export?id=123`."""

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    async def get(self) -> None:
        """The file; 403 for roles that may not, 404 when there is no such person."""
        user = user_of_token(self.context.store, self.get_cookie(COOKIE_NAME))
        if user is None or not caller_of_user(user).may("people:export"):
            raise HTTPError(403)
        content = await asyncio.to_thread(write_person, self.context, self.get_query_argument("id", ""), user)
        if content is None:
            raise HTTPError(404)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="person-{self.context.now():%Y-%m-%d}.json"')
        self.set_header("Cache-Control", "no-store")
        self.finish(content)


def write_person(context: Context, text: str, user: User) -> str | None:
    """The file's text, and the line of the audit; None when there is no such person."""
    person = read_person(context, text) if context.version() else None
    if person is None:
        return None
    told = document_of(person)
    told["timeline"] = [asdict(moment) for moment in read_timeline(context, person)]
    with context.store.write() as connection:
        write_audit(connection, context.now(), user.email, "person exported", str(person.person_id))
    return json.dumps(told, indent=2, ensure_ascii=False, default=str)


def document_of(person: Person360) -> dict[str, Any]:
    """The record, without what belongs to our tables and not to the person."""
    lists = {"records": person.contacts, "consent": person.consents, "proofs": person.proofs, "deals": person.deals,
             "segments": person.segments, "journeys": person.journeys,
             "notes": tuple(asdict(note) for note in person.notes)}  # fmt: skip
    return {
        "person": _plain(person.record), "loyalty": _plain(person.loyalty or {}), "value": _plain(person.value or {}),
        "not_sent_to": person.suppressed,
        "score": {"points": person.lead.score.whole, "why": person.lead.why} if person.lead else None,
        "planned_messages": [{"channel": each.channel, "programme": each.programme, "not_before": each.not_before}
                             for each in person.coming],
        **{name: [_plain(row) for row in rows] for name, rows in lists.items()},
    }  # fmt: skip


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in HIDDEN}
