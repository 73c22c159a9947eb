"""How far campaigns have come: where their messages stand, for many campaigns in one question.

Belongs here: counting the ledger for lists and bars. Stays out: openings, clicks and money (`monitor.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from dmat.campaigns.records import campaign_of, programme_of
from dmat.ledger.entries import STATES, AudienceReport, report_of
from dmat.store.campaign_tables import campaign_step_runs
from dmat.store.engine import Store
from dmat.store.tables import ledger_entries


@dataclass(frozen=True)
class Progress:
    """Where one campaign stands.

    Attributes:
        frozen: people of all steps that are frozen; with several steps a person counts several times.
        report: where their messages stand; they add up.
        steps: how many steps are in each state.
    """

    frozen: int
    report: AudienceReport
    steps: dict[str, int]

    @property
    def share_done(self) -> float:
        """Which part of the planned messages has come to an end, 0 to 1."""
        report = self.report
        open_ones = report.waiting + report.ambiguous
        return 1 - open_ones / report.audience if report.audience else 0.0


def progress(store: Store, campaign_ids: Sequence[int]) -> dict[int, Progress]:
    """Campaign -> where it stands; every campaign that is asked about has an answer."""
    table, runs = ledger_entries.c, campaign_step_runs.c
    counts: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(STATES, 0))
    steps: dict[int, dict[str, int]] = defaultdict(dict)
    frozen: dict[int, int] = defaultdict(int)
    stands = sa.select(table.programme, table.state, sa.func.count().label("messages"))
    stands = stands.where(table.programme.in_([programme_of(number) for number in campaign_ids]))
    entered = sa.select(
        runs.campaign_id, runs.state, sa.func.count().label("steps"), sa.func.sum(runs.audience_count).label("people")
    ).where(runs.campaign_id.in_(list(campaign_ids)))
    with store.read() as connection:
        for row in connection.execute(stands.group_by(table.programme, table.state)):
            counts[campaign_of(row.programme) or 0][row.state] = row.messages
        for row in connection.execute(entered.group_by(runs.campaign_id, runs.state)):
            steps[row.campaign_id][row.state] = row.steps
            frozen[row.campaign_id] += int(row.people or 0)
    return {n: Progress(frozen[n], report_of(counts[n]), steps[n]) for n in campaign_ids}
