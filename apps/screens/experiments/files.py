"""The result of a test as a file, for who may see tests; each time is written down.

Belongs here: the address and who may. Stays out: what stands in the file (`dmat/experiments/result_files.py`).
"""

from __future__ import annotations

import asyncio

from tornado.web import HTTPError, RequestHandler

from apps.context import Context
from apps.screens.experiments.desk import desk_of
from dmat.errors import InvalidInputError, NotFoundError
from dmat.experiments.result_files import file_name, take_away
from dmat.segments.export import FORMATS, check_format
from dmat.store.access import caller_of_user
from dmat.store.users import COOKIE_NAME, user_of_token


class TestExportHandler(RequestHandler):
    """`/experiments-export?id=3&format=csv`."""

    __test__ = False  # no test case, whatever its name begins with

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    async def get(self) -> None:
        """The file; 403 for roles that may not, 404 when there is no such test or format."""
        context = self.context
        user = user_of_token(context.store, self.get_cookie(COOKIE_NAME))
        if user is None or not caller_of_user(user).may("tests:read"):
            raise HTTPError(403)
        number = self.get_query_argument("id", "")
        try:
            wanted = check_format(self.get_query_argument("format", "csv"))
            test = desk_of(context).library.get(int(number) if number.isdecimal() and len(number) < 19 else 0)
        except (InvalidInputError, NotFoundError) as error:
            raise HTTPError(404, str(error)) from error
        content = await asyncio.to_thread(
            take_away, context.settings, context.store, context.workspace, test, wanted, user.email
        )
        self.set_header("Content-Type", FORMATS[wanted])
        self.set_header("Content-Disposition", f'attachment; filename="{file_name(test, wanted, context.now())}"')
        self.set_header("Cache-Control", "no-store")
        self.finish(content)
