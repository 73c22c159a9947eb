"""Members of a segment as a file, for who may take them away; each time is written down.

Belongs here: the address, who may, the audit. Stays out: how values are written (`dmat.segments.export`).
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tornado.web import HTTPError, RequestHandler

from apps.context import Context
from apps.screens.segments.answers import Answers
from apps.screens.segments.screen import answers_of
from dmat.errors import InvalidInputError, NotFoundError
from dmat.segments.export import FORMATS, check_format, csv_lines, write_xlsx
from dmat.segments.people_columns import choose_columns, stream_people
from dmat.segments.records import Segment
from dmat.store.access import caller_of_user
from dmat.store.users import COOKIE_NAME, User, user_of_token
from dmat.store.workspace_values import write_audit

FIELDS = ("full_name", "email", "phone", "country_code", "lifecycle", "orders_count", "revenue_cents", "last_order_at")


class ExportHandler(RequestHandler):
    """`/segments-export?id=vip&format=csv`."""

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    async def get(self) -> None:
        """The file; 403 for roles that may not, 404 when there is no such segment."""
        user = user_of_token(self.context.store, self.get_cookie(COOKIE_NAME))
        if user is None or not caller_of_user(user).may("people:export"):
            raise HTTPError(403)
        try:
            wanted = check_format(self.get_query_argument("format", "csv"))
            answers = answers_of(self.context)
            segment = answers.library.get(self.get_query_argument("id", ""))
        except (InvalidInputError, NotFoundError) as error:
            raise HTTPError(404, str(error)) from error
        name = f"{segment.key}-{self.context.now():%Y-%m-%d}.{wanted}"
        with tempfile.TemporaryDirectory(prefix="dmat-export-") as folder:
            file = Path(folder) / name
            await asyncio.to_thread(write_file, answers, segment, wanted, file, user)
            self.set_header("Content-Type", FORMATS[wanted])
            self.set_header("Content-Disposition", f'attachment; filename="{name}"')
            self.set_header("Cache-Control", "no-store")
            await self._send(file)

    async def _send(self, file: Path) -> None:
        with file.open("rb") as opened:
            while piece := opened.read(256 * 1024):
                self.write(piece)
                await self.flush()


def write_file(answers: Answers, segment: Segment, wanted: str, file: Path, user: User) -> int:
    """Write the members and the line of the audit; gives the number of people."""
    catalogue = answers.catalogue()
    known = [key for key in FIELDS if key in catalogue.fields or not key.endswith(("_count", "_cents", "_at"))]
    columns = choose_columns(catalogue, known, sees_people=True)
    ids = answers.member_ids(segment)
    rows = stream_people(answers.context.workspace, ids, columns)
    if wanted == "csv":
        with file.open("w", encoding="utf-8", newline="") as opened:
            opened.writelines(csv_lines(rows, columns))
    else:
        write_xlsx(file, rows, columns)
    with answers.context.store.write() as connection:
        write_audit(connection, answers.context.now(), user.email, "segment exported", segment.key, people=len(ids),
                    format=wanted)  # fmt: skip
    return len(ids)
