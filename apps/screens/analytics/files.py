"""Figures as files: the question of a chart or table as CSV, Excel or PDF, for everybody who may see figures.

Belongs here: the address and who may. Stays out: how figures are written (`dmat/reports/files.py`).
"""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from tornado.web import HTTPError, RequestHandler

from apps.context import Context
from apps.screens import entry_of
from apps.screens.analytics.desk import desk_of
from dmat.errors import InvalidInputError, NotPublishedError
from dmat.metrics.catalogue import load
from dmat.metrics.question import Question, read_address
from dmat.reports.files import KINDS, check_kind, file_of_answer
from dmat.store.users import COOKIE_NAME, user_of_token
from dmat.store.workspace_values import write_audit

PATH = "/analytics"


class FiguresExportHandler(RequestHandler):
    """`/analytics-export?format=csv&metrics=sent,click_rate&period=last_30_days&by=campaign`."""

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    async def get(self) -> None:
        """The file; 403 for roles that do not see figures, 400 for a question that cannot be asked, saying why."""
        user, entry = user_of_token(self.context.store, self.get_cookie(COOKIE_NAME)), entry_of(PATH)
        if user is None or entry is None or user.role not in entry.roles:
            raise HTTPError(403)
        wanted = self.get_query_argument("format", "csv")
        try:
            check_kind("format", wanted)
            question = read_address(parse_qsl(self.request.query, keep_blank_values=True))
            content = await asyncio.to_thread(self._write, question, wanted, user.email)
        except (InvalidInputError, NotPublishedError) as error:
            self.set_status(400)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{error}.")
            return
        self.set_header("Content-Type", KINDS[wanted])
        name = f"{question.metrics[0]}-{self.context.now():%Y-%m-%d}.{wanted}"
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "no-store")
        self.finish(content)

    def _write(self, question: Question, wanted: str, by: str) -> bytes:
        answer = desk_of(self.context).answer(question)
        with self.context.store.write() as connection:
            write_audit(connection, self.context.now(), by, "figures exported", ",".join(question.metrics)[:200],
                        format=wanted)  # fmt: skip
        title = load().metric(question.metrics[0]).name
        return file_of_answer(self.context.settings, self.context.workspace, answer, wanted, title, self.context.now())
