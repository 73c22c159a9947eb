"""Attribution: what each channel and campaign is credited with, model by model, beside what hold-outs measured.

Belongs here: which pieces the section has, and what each model says in words. Stays out: the models
(`dbt/models/marts/attribution`, `dmat/attribution`), layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.context import Context
from apps.screens.analytics.desk import AnalyticsDesk
from apps.screens.analytics.funnel import Chooser
from apps.screens.analytics.looks import Look
from apps.screens.analytics.overview import Marks
from apps.screens.analytics.pieces import Figure, Note, Side
from apps.screens.analytics.wording import shown, unit_of
from apps.screens.home.data import missing_tables
from dmat.metrics.asking import Answer, main_currency
from dmat.metrics.catalogue import Metric, metric
from dmat.metrics.naming import value_words
from dmat.metrics.opening import opens
from dmat.metrics.question import UNKNOWN, Filter
from dmat.metrics.shares import largest, share_of

MODELS = {
    "first_touch": ("First touch", "All credit goes to what began the journey."),
    "last_touch": ("Last touch", "All credit goes to what came last before the conversion."),
    "last_non_direct": ("Last, but not direct", "As last touch, but visits that came directly do not count."),
    "linear": ("Linear", "Every touch gets the same part."),
    "position": ("Position", "First and last touch get most, those between share the rest."),
    "time_decay": ("Time decay", "The nearer to the conversion, the larger the part."),
    "shapley": ("Shapley", "What each channel adds to others, on average over all orders in which they can come."),
    "markov": ("Markov", "How many conversions would be lost if the channel were not there."),
}
"""Models: name, and what it says in plain words."""

KINDS = {"order": "Orders", "lead": "Leads", "deal": "Deals"}
MEASURES = {"credited_revenue": "Revenue", "credited_conversions": "Conversions"}
MOST_PATHS = 12


@dataclass(frozen=True)
class Credit:
    """What one channel or campaign is credited with under one model, and its share of all."""

    figure: Figure
    share: str
    width: float


@dataclass(frozen=True)
class Credits:
    """Channels or campaigns down, models across."""

    title: str
    first: str
    models: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Credit, ...]], ...]
    export: str
    kind: str = "credits"


@dataclass(frozen=True)
class Path:
    """Channels that journeys went over, and how often they ended in a conversion."""

    channels: tuple[str, ...]
    conversions: int
    without: int
    rate: str
    value: str


@dataclass(frozen=True)
class Paths:
    """The most frequent journeys that converted."""

    rows: tuple[Path, ...]
    kind: str = "paths"


@dataclass(frozen=True)
class Lift:
    """What a campaign is credited with in the data, and what its hold-out says that it caused."""

    campaign_id: str
    name: str
    conversions: str
    incremental: str
    between: str
    verdict: str


@dataclass(frozen=True)
class Lifts:
    """Campaigns with people held out."""

    rows: tuple[Lift, ...]
    kind: str = "lifts"


def attribution(desk: AnalyticsDesk, look: Look, marks: Marks) -> list[Any]:
    """The pieces of the section."""
    kind = look.by if look.by in KINDS else "order"
    measure = look.pick if look.pick in MEASURES else ("credited_conversions" if kind == "lead" else "credited_revenue")
    only = (Filter(dimension="conversion_kind", values=(kind,)),)
    channels = desk.asked(look, (measure,), by=("channel", "attribution_model"), filters=only, is_compared=False)
    if channels is None or not channels.rows:
        text = "Credits show here once visits, clicks and conversions of these days are built."
        pieces: list[Any] = [Note("No credits in these days", text, "flask")]
    else:
        campaigns = desk.asked(look, (measure,), by=("campaign", "attribution_model"), filters=only, is_compared=False)
        pieces = [credits_of("Credit of channels, model by model", "Channel", "channel", measure, channels)]
        if campaigns and any(row["campaign"] for row in campaigns.rows):
            pieces.append(credits_of("Credit of campaigns", "Campaign", "campaign", measure, campaigns))
    choosers = [
        Chooser("Conversions", tuple(KINDS.items()), kind),
        Chooser("Measure", tuple(MEASURES.items()), measure, "pick"),
    ]
    return [
        Side(tuple(choosers), layout="choosers"),
        *pieces,
        *filter(None, (lifts_of(desk.context), paths_of(desk.context, kind))),
    ]


def credits_of(title: str, first: str, dimension: str, measure: str, answer: Answer) -> Credits:
    """Rows of the answer, told apart by model, turned so that models stand beside each other."""
    one = metric(measure)
    found = {(row[dimension], str(row["attribution_model"])): row[measure] for row in answer.rows}
    models = tuple(key for key in MODELS if any(model == key for _, model in found))
    names = list(dict.fromkeys(key for key, _ in found))
    names.sort(key=lambda name: -max(float(found.get((name, model)) or 0) for model in models))
    whole = {model: sum(float(found.get((name, model)) or 0) for name in names) for model in models}
    top = largest(found.values())
    rows = tuple(
        (value_words(dimension, name, answer.labels),
         tuple(_credit(one, found.get((name, model)), whole[model], top, answer, dimension, name, model)
               for model in models))
        for name in names[:MOST_PATHS]
    )  # fmt: skip
    return Credits(title, first, tuple(MODELS[key] for key in models), rows, answer.question.address())


def _credit(
    one: Metric, value: Any, whole: float, top: float, answer: Answer, dimension: str, name: str | None, model: str,
) -> Credit:  # fmt: skip
    only = (Filter(dimension=dimension, values=(str(name) if name is not None else UNKNOWN,)),
            Filter(dimension="attribution_model", values=(model,)))  # fmt: skip
    text = shown(value, unit_of(one), answer.currency)
    figure = Figure(one.key, one.name, text, value, opens(one.key, answer.question, only))
    return Credit(figure, shown(share_of(value, whole), "rate", ""), 100 * (share_of(value, top) or 0.0))


def paths_of(context: Context, kind: str) -> Paths | None:
    """The journeys that converted most often, of all time."""
    if missing_tables(context, ("attribution.paths",)):
        return None
    currency = main_currency(context.workspace, context.workspace.tables())
    rows = context.workspace.rows(
        "select path, sum(conversions_count) as conversions_count, sum(nulls_count) as nulls_count,"
        " sum(case when currency_code = ? then value_cents end) as value_cents from attribution.paths where kind = ?"
        " group by path having sum(conversions_count) > 0"
        f" order by conversions_count desc, path limit {MOST_PATHS}",
        [currency, kind],
    )
    found = tuple(
        Path(tuple(value_words("channel", part.strip(), {}) for part in str(row["path"]).split(">")),
             int(row["conversions_count"]), int(row["nulls_count"]),
             shown(share_of(row["conversions_count"], row["conversions_count"] + row["nulls_count"]), "rate", ""),
             shown(row["value_cents"], "cents", currency))
        for row in rows
    )  # fmt: skip
    return Paths(found) if found else None


def lifts_of(context: Context) -> Lifts | None:
    """Campaigns whose hold-out says what they caused."""
    if missing_tables(context, ("campaigns.campaign_summary",)):
        return None
    rows = context.workspace.rows(
        "select campaign_id, campaign_name, conversions_count, incremental_conversions as caused,"
        " incremental_conversions_low as low, incremental_conversions_high as high from campaigns.campaign_summary"
        " where held_out_count > 0 order by started_at desc limit 12"
    )
    found = tuple(
        Lift(str(row["campaign_id"]), row["campaign_name"], shown(row["conversions_count"], "count", ""),
             _round(row["caused"]), f"{_round(row['low'])} to {_round(row['high'])}" if row["low"] is not None else "",
             verdict_of(row["low"], row["high"]))
        for row in rows
    )  # fmt: skip
    return Lifts(found) if found else None


def verdict_of(low: float | None, high: float | None) -> str:
    """What an interval of caused conversions says."""
    if low is None or high is None:
        return "Too few people were held out"
    return "Caused more orders" if low > 0 else "Cost orders" if high < 0 else "May be chance"


def _round(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}".replace("-", "−")
