"""The funnel from visitor to customer: how many reach each stage, how long it takes, where they drop out, by source.

Belongs here: which pieces the section has. Stays out: what a stage is (`dbt/models/marts/funnel`), layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Figure, Note, Side, Table, table_of, trend_of, with_short_names
from apps.screens.analytics.wording import shown, unit_of
from dmat.metrics.asking import Answer
from dmat.metrics.catalogue import metric
from dmat.metrics.opening import opens
from dmat.metrics.question import Filter
from dmat.metrics.shares import share_of

STAGES = {"visitor": "Visitors", "lead": "Leads", "mql": "Marketing qualified", "sql": "Sales qualified", "won": "Won"}
OF_STAGE = ("stage_entered", "stage_advanced", "stage_conversion_rate", "days_in_stage", "stage_lost")
REACHED = ("funnel_visitors", "funnel_leads", "funnel_mqls", "funnel_sqls", "funnel_won")
QUALITY = ("leads", "mql_rate", "sql_rate", "lead_win_rate", "average_lead_score", "hot_leads", "lead_revenue",
           "cost_per_lead", "cost_per_mql")  # fmt: skip
APART = {"channel": "Channel", "source": "Source", "lead_source": "Source of the lead", "country": "Country",
         "device": "Device", "browser": "Browser", "campaign": "Campaign"}  # fmt: skip


STANDING = (("band", "Leads by score", "Score"), ("status", "Leads by status", "Status"))
OF_STANDING = ("leads", "lead_win_rate")


@dataclass(frozen=True)
class Step:
    """One stage: how many reached it, what share of the first stage that is, and what became of them."""

    name: str
    reached: Figure
    of_all: str
    width: float
    went_on: Figure | None
    days: Figure | None
    lost: Figure | None


@dataclass(frozen=True)
class Funnel:
    """All stages."""

    steps: tuple[Step, ...]
    about: str
    export: str
    kind: str = "funnel"


@dataclass(frozen=True)
class Chooser:
    """By what the tables below tell figures apart."""

    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str
    action: str = "by"
    kind: str = "chooser"


def funnel(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the section."""
    answer = desk.asked(look, OF_STAGE, by=("funnel_stage",), is_compared=False)
    if answer is None or not answer.rows:
        return [Note("Nobody in the funnel", "Stages show here once visits and leads are read and built.", "gate")]
    options = tuple((key, words) for key, words in APART.items() if desk.told_apart(REACHED[:1], key))
    by = look.by if look.by in dict(options) else "channel"
    wanted = desk.told_apart(REACHED, by)
    apart = desk.asked(look, wanted, by=(by,), order=f"-{wanted[0]}" if wanted else "", limit=15)
    quality = desk.told_apart(QUALITY, "lead_source")
    leads = desk.asked(look, quality, by=("lead_source",), order="-leads")
    course = desk.asked(look, ("leads",), grain=look.grain(desk.today))
    beside = [_leads_by(desk, look, *each) for each in STANDING]
    title = f"The funnel by {APART[by].lower()}"
    pieces = [
        funnel_of(answer),
        Chooser("Told apart by", options, by),
        with_short_names(table_of(title, apart, by, wanted, APART[by], "By the day a stage was reached")),
        trend_of("New leads", course, ("leads",), marks),
        table_of("Volume and quality of leads by source", leads, "lead_source", quality, "Source"),
        Side(tuple(filter(None, beside))),
    ]
    return [piece for piece in pieces if piece is not None]


def _leads_by(desk: AnalyticsDesk, look: Look, dimension: str, title: str, first: str) -> Table | None:
    wanted = desk.told_apart(OF_STANDING, dimension)
    answer = desk.asked(look, wanted, by=(dimension,), order="-leads", limit=15)
    table = table_of(title, answer, dimension, wanted, first, "New leads of these days, as they stand now")
    return table if table and table.rows else None


def funnel_of(answer: Answer) -> Funnel:
    """Stages in their order, each with its share of the first."""
    rows = {str(row["funnel_stage"]): row for row in answer.rows}
    first = next((rows[key]["stage_entered"] for key in STAGES if key in rows), None)
    steps = []
    for key, name in STAGES.items():
        row = rows.get(key, {})
        share = share_of(row.get("stage_entered") or 0, first)
        found = {each: _figure(each, row, answer, key) for each in OF_STAGE if each in answer.totals}
        is_last = key == "won"
        steps.append(Step(
            name, found["stage_entered"], shown(share, "rate", ""), 100 * (share or 0),
            None if is_last else found.get("stage_conversion_rate"), None if is_last else found.get("days_in_stage"),
            None if is_last else found.get("stage_lost"),
        ))  # fmt: skip
    return Funnel(tuple(steps), "Who reached a stage in these days, and how far they have come until now",
                  answer.question.address())  # fmt: skip


def _figure(key: str, row: dict[str, Any], answer: Answer, stage: str) -> Figure:
    one, value = metric(key), row.get(key)
    token = opens(key, answer.question, (Filter(dimension="funnel_stage", values=(stage,)),)) if row else ""
    text = "at once" if key == "days_in_stage" and value == 0 else shown(value, unit_of(one), answer.currency)
    return Figure(key, one.name, text, value, token)
