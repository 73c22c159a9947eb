"""The people of a journey as a file, for who may take people away; each time is written down.

Belongs here: the address, who may, what stands in the file. Stays out: the list on the screen (`people.py`).
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from openpyxl import Workbook
from tornado.web import HTTPError, RequestHandler

from apps.context import Context
from apps.screens.journeys.desk import desk_of
from apps.screens.journeys.members import Wanted, conditions
from apps.screens.segments.members import read_people
from dmat.errors import NotFoundError
from dmat.journeys.records import Journey
from dmat.segments.export import as_cell, csv_text, new_sheet
from dmat.store.access import caller_of_user
from dmat.store.engine import chunks
from dmat.store.journey_tables import journey_members
from dmat.store.users import COOKIE_NAME, user_of_token
from dmat.store.workspace_values import write_audit

COLUMNS = ("entry_key", "status", "step", "why", "due_at", "entered_at", "ended_at", "reached_goal_at", "is_holdout",
           "version", "variant")  # fmt: skip
NAMES = ("person_id", "name", "email", *COLUMNS)
MOST, AT_ONCE = 1_000_000, 5_000


class JourneyExportHandler(RequestHandler):
    """`/journeys-export?id=welcome&status=waiting&format=xlsx`."""

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    async def get(self) -> None:
        """The file; 400 for another format, 403 for roles that may not, 404 when there is no such journey."""
        context = self.context
        user = user_of_token(context.store, self.get_cookie(COOKIE_NAME))
        if user is None or not caller_of_user(user).may("people:export"):
            raise HTTPError(403)
        try:
            journey = desk_of(context).library.get(self.get_query_argument("id", "")[:60])
        except NotFoundError as error:
            raise HTTPError(404, str(error)) from error
        asked = {name: self.get_query_argument(name, "")[:100] for name in ("status", "step", "only")}
        wanted = self.get_query_argument("format", "csv")
        if wanted not in FORMATS:
            raise HTTPError(400, f"format is {', '.join(FORMATS)}")
        rows = await asyncio.to_thread(member_rows, context, journey, Wanted(**asked))
        with context.store.write() as connection:
            write_audit(connection, context.now(), user.email, "journey exported", journey.key, people=len(rows))
        kind, write = FORMATS[wanted]
        self.set_header("Content-Type", kind)
        name = f"{journey.key}-{context.now():%Y-%m-%d}.{wanted}"
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "no-store")
        self.finish(await asyncio.to_thread(write, rows))


def member_rows(context: Context, journey: Journey, wanted: Wanted) -> list[tuple[Any, ...]]:
    """Members that fit, one row of `NAMES` each, in the order in which they came in."""
    table, found = journey_members.c, []
    where = [table.journey_id == journey.journey_id, *conditions(wanted, context.now())]
    query = sa.select(table.person_id, *(table[name] for name in COLUMNS)).where(*where).order_by(table.member_id)
    with context.store.read() as connection:
        rows = connection.execute(query.limit(MOST)).mappings().all()
    workspace = context.workspace if context.version() else None
    for batch in chunks(rows, AT_ONCE):
        ids = [int(row["person_id"]) for row in batch]
        known: dict[str, Any] = {each.person_id: each for each in read_people(workspace, ids)} if workspace else {}
        for row in batch:
            person = known.get(str(row["person_id"]))
            told = (row["person_id"], person.name if person else "", person.email if person else "")
            found.append((*told, *(row[name] for name in COLUMNS)))
    return found


def as_csv(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """The rows as CSV; what a spreadsheet would take for a formula is written as text."""
    return csv_text(NAMES, rows).encode()


def as_workbook(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """The rows as a workbook of one sheet, texts as texts."""
    book, made = Workbook(write_only=True), io.BytesIO()
    sheet = new_sheet(book, "People", NAMES)
    for row in rows:
        sheet.append([as_cell(sheet, value) for value in row])
    book.save(made)
    return made.getvalue()


FORMATS: Mapping[str, tuple[str, Callable[[Iterable[tuple[Any, ...]]], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_workbook),
}
