"""Forms that visitors of tested pages sent somewhere else: noted as those at our own door are, once they are captured.

Belongs here: which captured submissions are of a visitor who saw a tested page, by the browser's id that the form
brought along. Stays out: capturing (`dmat/connectors`), what counts (`visitors.py`), our own door (`apps/api`).

The store is told, and not only the tables: a decision is made from what the store knows. A submission counts in the
order in which it is learnt of: the first that is known of a visitor is the one that is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.errors import NotPublishedError
from dmat.experiments.published import published_at
from dmat.experiments.records import LIVE
from dmat.experiments.visitors import PageTest, note_completed, read_page_tests
from dmat.store.engine import Store, chunks
from dmat.store.experiment_tables import experiment_visitors
from dmat.warehouse import Workspace

AT_ONCE = 500
_SUBMISSIONS = """
    select client_id, form_id, form_name, submitted_at from engagement.fct_form_submissions
    where client_id is not null and submitted_at >= ?
    order by submitted_at, submission_id
"""


class CapturedForms:
    """Looks at submissions when a new version of the tables is published; a resident process keeps one."""

    def __init__(self, store: Store, workspace: Workspace) -> None:
        self._store, self._workspace = store, workspace
        self._looked_at: int | None = None

    def look(self) -> int:
        """How many visitors of tested pages were found to have sent the form; twice finds nobody twice."""
        version, _ = published_at(self._workspace)
        if version is None or version == self._looked_at:
            return 0
        found = self._note()
        self._looked_at = version
        return found

    def _note(self) -> int:
        with self._store.read() as connection:
            tests = [test for test in read_page_tests(connection) if test.status in LIVE]
            since = _first_seen(connection, [test.experiment_id for test in tests])
        submissions = self._read(since) if since is not None else []
        return sum(self._note_some(tests, some) for some in chunks(submissions, AT_ONCE))

    def _read(self, since: datetime) -> list[dict[str, Any]]:
        try:
            return self._workspace.rows(_SUBMISSIONS, [since])
        except (NotPublishedError, duckdb.CatalogException):  # built before there were forms
            return []

    def _note_some(self, tests: Sequence[PageTest], submissions: Sequence[Mapping[str, Any]]) -> int:
        visitors = {str(row["client_id"]) for row in submissions}
        with self._store.read() as connection:
            waiting = {test.experiment_id: _waiting(connection, test, visitors) for test in tests}
        if not any(waiting.values()):
            return 0
        with self._store.write() as connection:
            return sum(
                _note_one(connection, [test for test in tests if row["client_id"] in waiting[test.experiment_id]], row)
                for row in submissions
            )


def _first_seen(connection: Connection, experiment_ids: Sequence[int]) -> datetime | None:
    """When the first visitor came who has not sent the form."""
    table = experiment_visitors.c
    query = sa.select(sa.func.min(table.seen_at))
    is_waiting = sa.and_(table.experiment_id.in_(experiment_ids), table.completed_at.is_(None))
    return connection.execute(query.where(is_waiting)).scalar_one()


def _waiting(connection: Connection, test: PageTest, visitors: Iterable[str]) -> set[str]:
    table = experiment_visitors.c
    query = sa.select(table.visitor).where(
        table.experiment_id == test.experiment_id, table.visitor.in_(list(visitors)), table.completed_at.is_(None)
    )
    return set(connection.execute(query).scalars())


def _note_one(connection: Connection, tests: Iterable[PageTest], row: Mapping[str, Any]) -> int:
    names, found = [row["form_id"] or "", row["form_name"] or ""], 0
    for test in tests:
        form = next((name for name in names if test.plan.form in ("", name)), None)
        if form is not None:
            found += len(note_completed(connection, [test], row["client_id"], form[:100], row["submitted_at"]))
    return found
