"""What moved against the period before, and which part explains it, in sentences with a way to look at it oneself.

Belongs here: which measures are watched. Stays out: finding and wording (`dmat/insights`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Note
from apps.screens.analytics.reports import report_of
from dmat.insights.finding import Insight, find_insights
from dmat.insights.words import sentence
from dmat.metrics.opening import opens

WATCHED = ("revenue", "orders", "average_order", "new_customers", "sent", "open_rate", "click_rate", "conversion_rate",
           "campaign_revenue", "leads", "cost_per_lead", "visits", "spend")  # fmt: skip
MOST = 8


@dataclass(frozen=True)
class Told:
    """One thing that moved: its sentence, where to look at it, and whether it is good, bad or neither."""

    name: str
    words: str
    tone: str
    is_clear: bool
    explore: str
    opens: str


@dataclass(frozen=True)
class Moves:
    """What moved, the clearest first."""

    rows: tuple[Told, ...]
    kind: str = "moves"


def moved(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The sentences; with nothing to compare with the period before is taken."""
    wanted = desk.told_apart(WATCHED, *(("segment",) if look.segment else ()))
    question = look.but(compare=look.compare or "previous").question(wanted)
    version = desk.context.version()
    key = ("moved", version.number if version else 0, desk.today, question.address())
    context = desk.context
    found = desk.memory.get(key, lambda: find_insights(context.workspace, context.settings, question, most=MOST))
    if not found:
        return [Note("Nothing moved more than usual", "Figures of these days are like those before.", "flat")]
    return [Moves(tuple(_told(each, look) for each in found))]


def _told(insight: Insight, look: Look) -> Told:
    tone = {True: "success", False: "danger", None: "plain"}[insight.is_good]
    explore = look.but(view="reports", asked=report_of(insight.question).address, saved="").address
    return Told(insight.metric.name, sentence(insight), tone, insight.is_clear, explore,
                opens(insight.metric.key, insight.question))  # fmt: skip
