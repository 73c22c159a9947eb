"""Answers for the sections: each question asked once for all readers of a version, in any thread.

Belongs here: asking `dmat.metrics`, and the lists that filters are chosen from. Stays out: layout; reckoning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa

from apps.context import Answers as Memory
from apps.context import Context
from apps.screens.analytics.looks import Look
from dmat.metrics.asking import Answer, ask
from dmat.metrics.catalogue import load
from dmat.metrics.periods import today_in
from dmat.metrics.question import Filter, Question
from dmat.segments.records import segment_names
from dmat.store.campaign_tables import campaigns
from dmat.warehouse import Version

KEPT = 400
MOST_CAMPAIGNS = 300
MOST_NAMES = 1000


@dataclass(frozen=True)
class Named:
    """Something a figure can be narrowed to: its key and its name."""

    key: str
    name: str
    detail: str = ""


class AnalyticsDesk:
    """What all pages of analytics on one server share."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.memory = Memory(KEPT)

    @property
    def today(self) -> date:
        """Today, where the marketers are."""
        return today_in(self.context.zone, self.context.now())

    def told_apart(self, keys: Iterable[str], *dimensions: str) -> tuple[str, ...]:
        """Those of the measures that have all these dimensions.

        Raises:
            InvalidInputError: one is no measure.
        """
        catalogue = load()
        return tuple(key for key in keys if set(dimensions) <= set(catalogue.metric(key).dimensions))

    def answer(self, question: Question) -> Answer:
        """The answer to a question, of the published version."""
        version: Version | None = self.context.version()
        number = version.number if version else 0
        return self.memory.get(
            (number, self.today, question.address()),
            lambda: self._ask(question),
        )

    def _ask(self, question: Question) -> Answer:
        answer = ask(self.context.workspace, self.context.settings, question)
        if "segment" not in question.dimensions:
            return answer
        return replace(answer, labels=answer.labels | {"segment": self.segment_names()})

    def segment_names(self) -> dict[str, str]:
        """Key -> name of each segment."""
        with self.context.store.read() as connection:
            return segment_names(connection)

    def labels(self) -> dict[str, dict[str, str]]:
        """Names of what figures are narrowed to, as answers have them: dimension -> value -> name."""
        version = self.context.version()
        published = self.memory.get((version.number, "labels"), self._published_labels) if version else {}
        own = {"segment": self.segment_names(), "campaign": {each.key: each.name for each in self.campaigns()}}
        return published | own

    def _published_labels(self) -> dict[str, dict[str, str]]:
        """Names that the warehouse has for values that are keys, such as countries, journeys and sales reps."""
        workspace, found = self.context.workspace, {}
        there = set(workspace.tables())
        for key, dimension in load().dimensions.items():
            if dimension.labels and dimension.labels[0] in there:
                table, column, name = dimension.labels
                query = (
                    f"select distinct cast({column} as varchar) as value, {name} as name from {table}"
                    f" where {name} is not null limit {MOST_NAMES}"
                )
                found[key] = {row["value"]: str(row["name"]) for row in workspace.rows(query)}
        return found

    def asked(
        self, look: Look, keys: Iterable[str], *, by: Sequence[str] = (), filters: Sequence[Filter] = (),
        grain: str = "", order: str = "", limit: int = 1000, is_compared: bool = True,
    ) -> Answer | None:  # fmt: skip
        """The answer about these measures, as far as they can be told so; None when none can."""
        dimensions = (*by, *(each.dimension for each in filters), *(("segment",) if look.segment else ()))
        wanted = self.told_apart(keys, *dimensions)
        if not wanted:
            return None
        order = order if order.removeprefix("-") in (*wanted, *by) else ""
        return self.answer(look.question(wanted, grain=grain, by=by, filters=filters, order=order, limit=limit,
                                         is_compared=is_compared))  # fmt: skip

    def segments(self) -> tuple[Named, ...]:
        """Segments whose members figures can be narrowed to."""
        there = set(self.context.workspace.tables())
        if "segments.segment_sizes" not in there:
            return ()
        rows = self.context.workspace.rows(
            "select distinct segment_key from segments.segment_sizes order by segment_key limit 500"
        )
        names = self.segment_names()
        found = (Named(key, names.get(key, key)) for key in (str(row["segment_key"]) for row in rows))
        return tuple(sorted(found, key=lambda each: (each.name.lower(), each.key)))

    def campaigns(self) -> tuple[Named, ...]:
        """Campaigns that have begun, the newest first."""
        query = (
            sa.select(campaigns.c.campaign_id, campaigns.c.name, campaigns.c.status)
            .where(campaigns.c.status.not_in(("draft", "in_review", "scheduled")))
            .order_by(campaigns.c.campaign_id.desc()).limit(MOST_CAMPAIGNS)
        )  # fmt: skip
        with self.context.store.read() as connection:
            return tuple(Named(str(row.campaign_id), str(row.name), str(row.status))
                         for row in connection.execute(query))  # fmt: skip


def desk_of(context: Context) -> AnalyticsDesk:
    """The desk of a server."""
    return context.part("analytics", AnalyticsDesk)
