"""Files of a report that was made, for everybody who may see figures, and its PDF for who has its mail.

Belongs here: the address and who may. Stays out: how files are written (`dmat/reports`).
"""

from __future__ import annotations

import asyncio

from tornado.web import HTTPError, RequestHandler

from apps.context import Context
from apps.screens import entry_of
from dmat.errors import InvalidInputError, NotFoundError, UnverifiedError
from dmat.reports.files import KINDS, file_name, file_of
from dmat.reports.making import find_made
from dmat.reports.sharing import read_key
from dmat.store.users import COOKIE_NAME, user_of_token
from dmat.store.workspace_values import write_audit


class ReportFileHandler(RequestHandler):
    """`/reports-file?made=7&kind=pdf` for readers, `/reports-file?key=...` for who has the mail of a report."""

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    async def get(self) -> None:
        """The file; 403 for who may not see it, 404 for what was never made, 400 for another kind."""
        number, kind, by = self._asked()
        try:
            name, content = await asyncio.to_thread(self._file, number, kind, by)
        except NotFoundError:
            raise HTTPError(404) from None
        except InvalidInputError as error:
            self.set_status(400)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{error}.")
            return
        self.set_header("Content-Type", KINDS[kind])
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "no-store")
        self.finish(content)

    def _asked(self) -> tuple[int, str, str]:
        """Number of the report, kind of file, and who asks."""
        key = self.get_query_argument("key", "")
        if key:
            try:
                return read_key(self.context.settings, key, self.context.now()), "pdf", "the link of its mail"
            except UnverifiedError:
                raise HTTPError(403, reason="This link is over or not one of ours") from None
        user, entry = user_of_token(self.context.store, self.get_cookie(COOKIE_NAME)), entry_of("/reports")
        if user is None or entry is None or user.role not in entry.roles:
            raise HTTPError(403)
        number = self.get_query_argument("made", "")
        if not number.isdecimal() or len(number) > 18:
            raise HTTPError(404)
        return int(number), self.get_query_argument("kind", "pdf"), user.email

    def _file(self, number: int, kind: str, by: str) -> tuple[str, bytes]:
        with self.context.store.read() as connection:
            made = find_made(connection, number)
        content = file_of(self.context.settings, made, kind)
        with self.context.store.write() as connection:
            write_audit(connection, self.context.now(), by, "report taken away", str(number), kind=kind)
        return file_name(made, kind), content
