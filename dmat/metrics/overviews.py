"""The questions that screens, doors and reports have in common: the overview, one campaign, campaigns compared.

Belongs here: which metrics these consist of, intervals of rates. Stays out: layout, JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import NormalDist

from dmat.campaigns.shares import Z95, difference_interval, wilson
from dmat.errors import InvalidInputError, NotFoundError
from dmat.metrics.asking import Answer, Row, Warehouse, ask
from dmat.metrics.catalogue import Metric, load
from dmat.metrics.periods import today_in
from dmat.metrics.question import Filter, Question
from dmat.settings import Settings

KEY_FIGURES = (
    "sent", "delivered", "delivery_rate", "read", "read_rate", "clicked", "click_rate", "replied", "reply_rate",
    "campaign_spend", "cost_per_message", "conversions", "conversion_rate", "campaign_revenue", "roi",
    "campaign_profit", "leads", "mqls", "sqls", "leads_won", "deals_won", "won_value", "average_deal", "open_deals",
    "pipeline_value", "revenue", "orders", "new_customers", "spend", "cost_per_lead", "visits",
)  # fmt: skip
TRENDS = ("delivery_rate", "read_rate", "click_rate", "sent", "conversions", "leads", "revenue")
OF_CAMPAIGNS = (
    "sent", "delivered", "read", "clicked", "replied", "unsubscribed", "bounced", "delivery_rate", "read_rate",
    "click_rate", "reply_rate", "unsubscribe_rate", "bounce_rate", "conversions", "conversions_of_sent",
    "sent_by_campaigns", "conversion_rate", "campaign_revenue", "campaign_spend", "cost_per_message",
    "cost_per_conversion", "roi", "campaign_profit",
)  # fmt: skip
COMPARED = ("delivery_rate", "read_rate", "click_rate", "reply_rate", "unsubscribe_rate", "bounce_rate",
            "conversion_rate")  # fmt: skip
JOURNEY = ("sent", "delivered", "read", "clicked", "conversions_of_sent")
MOST_COMPARED = 12
CAMPAIGNS = "campaigns.dim_campaigns"


@dataclass(frozen=True)
class Overview:
    """The overview: key figures with the period before, their course, the campaigns that earned most.

    Attributes:
        left_out: key figures that cannot be asked for with this segment or these filters.
    """

    figures: Answer
    trend: Answer
    campaigns: Answer
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Campaign:
    """A campaign as figures know it."""

    campaign_id: int
    name: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Stage:
    """A stage of a campaign's journey: how many messages came there, as a count and as a share of those sent."""

    key: str
    count: int
    of_sent: float | None


@dataclass(frozen=True)
class CampaignFigures:
    """One campaign: all its figures, by step and channel, by day."""

    campaign: Campaign
    figures: Answer
    steps: Answer
    days: Answer

    @property
    def journey(self) -> tuple[Stage, ...]:
        """From sent to converted."""
        totals = self.figures.totals
        counts = {key: int(value) for key in JOURNEY if (value := totals.get(key)) is not None}
        sent = counts.get(JOURNEY[0], 0)
        return tuple(Stage(key, count, count / sent if sent else None) for key, count in counts.items())


@dataclass(frozen=True)
class Rate:
    """A rate with what it is made of and its interval; compared with the first campaign's.

    Attributes:
        hits: of `of`, e.g. 41 conversions of 1,247 messages.
        low: lower end of the 95 % interval of the rate (Wilson 1927); `high` the upper one.
        difference: from the first campaign's rate, with an interval that holds for all campaigns of the table at once
            (Newcombe 1998, method 10, at 1 - 0.05 / comparisons); None for the first campaign.
    """

    value: float | None
    hits: int
    of: int
    low: float | None
    high: float | None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None

    @property
    def is_different(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        low, high = self.difference_low, self.difference_high
        return low is not None and high is not None and not low <= 0 <= high


@dataclass(frozen=True)
class Comparison:
    """Campaigns side by side; the first one is what the others are compared with."""

    campaigns: tuple[Campaign, ...]
    figures: Answer
    rates: Mapping[int, Mapping[str, Rate]]


def askable(metrics: Iterable[str], question_filters: Sequence[Filter] = (), segment: str = "") -> tuple[str, ...]:
    """Those of the metrics that have the dimensions of filters and, with a segment, know people."""
    wanted = {each.dimension for each in question_filters} | ({"segment"} if segment else set())
    catalogue = load()
    return tuple(key for key in metrics if wanted <= set(catalogue.metric(key).dimensions))


def overview(warehouse: Warehouse, settings: Settings, question: Question) -> Overview:
    """The overview over a question's days, with its filters, segment, currency and comparison.

    Args:
        warehouse: the published warehouse.
        settings: of the workspace.
        question: its metrics, dimensions and order are passed over; without grain one that fits the days is taken.

    Raises:
        InvalidInputError: as `ask`; also when no key figure has the filters.
    """
    dated = question.dated(today_in(settings.workspace_time_zone, settings.clock.now()))
    plain = dated.model_copy(update={"grain": "", "dimensions": (), "order": ""})
    keys = askable(KEY_FIGURES, plain.filters, plain.segment)
    if not keys:
        raise InvalidInputError("filters", "no key figure has all of them", "fewer filters")
    trends, campaigns = (askable(part, plain.filters, plain.segment) for part in (TRENDS, OF_CAMPAIGNS))
    by_campaign = tuple(key for key in campaigns if "campaign" in load().metric(key).dimensions)
    order = next((key for key in ("-campaign_revenue", "-conversions") if key[1:] in by_campaign), "")
    return Overview(
        figures=ask(warehouse, settings, plain.model_copy(update={"metrics": keys})),
        trend=ask(
            warehouse, settings, plain.model_copy(update={"metrics": trends, "grain": question.grain or fit(dated)})
        ),
        campaigns=ask(warehouse, settings, _of_campaigns(plain, by_campaign, order)),
        left_out=tuple(key for key in KEY_FIGURES if key not in keys),
    )


def fit(question: Question) -> str:
    """The grain with which a range of days has a readable number of points."""
    since, until = question.days
    days = (until - since).days
    if days <= 2:
        return "hour"
    return "day" if days <= 62 else "week" if days <= 400 else "month"


def _of_campaigns(question: Question, metrics: tuple[str, ...], order: str) -> Question:
    return question.model_copy(
        update={"metrics": metrics, "dimensions": ("campaign",), "order": order, "compare": "", "limit": 200}
    )


def campaign_figures(
    warehouse: Warehouse, settings: Settings, campaign_id: int, since: date | None = None, until: date | None = None,
    segment: str = "",
) -> CampaignFigures:  # fmt: skip
    """One campaign; without days from its start until today.

    Raises:
        NotFoundError: no such campaign is published. InvalidInputError: as `ask`.
    """
    (campaign,) = find_campaigns(warehouse, [campaign_id])
    first, last = _days(settings, [campaign])
    question = Question(
        metrics=askable(OF_CAMPAIGNS, (), segment), since=since or first, until=until or last, segment=segment,
        filters=(Filter(dimension="campaign", values=(str(campaign_id),)),),
    )  # fmt: skip
    by_step = tuple(key for key in question.metrics if {"step", "channel"} <= set(load().metric(key).dimensions))
    daily = askable(TRENDS, question.filters, segment)
    steps = question.model_copy(update={"metrics": by_step, "dimensions": ("step", "channel")})
    return CampaignFigures(
        campaign=campaign,
        figures=ask(warehouse, settings, question),
        steps=ask(warehouse, settings, steps),
        days=ask(warehouse, settings, question.model_copy(update={"metrics": daily, "grain": fit(question)})),
    )


def compare_campaigns(
    warehouse: Warehouse, settings: Settings, campaign_ids: Sequence[int], since: date | None = None,
    until: date | None = None, segment: str = "",
) -> Comparison:  # fmt: skip
    """Campaigns side by side, with intervals; without days from the first start until today.

    Campaigns of different times and people differ for many reasons: only a test says what a change did.

    Raises:
        InvalidInputError: fewer than two campaigns, more than twelve, or one twice.
        NotFoundError: one of them is not published.
    """
    if not 2 <= len(set(campaign_ids)) == len(campaign_ids) <= MOST_COMPARED:
        raise InvalidInputError("ids", f"{len(campaign_ids)} campaigns", f"2 to {MOST_COMPARED}, each once")
    campaigns = find_campaigns(warehouse, campaign_ids)
    first, last = _days(settings, campaigns)
    question = Question(
        metrics=askable(OF_CAMPAIGNS, (), segment), since=since or first, until=until or last, segment=segment,
        dimensions=("campaign",), filters=(Filter(dimension="campaign", values=tuple(map(str, campaign_ids))),),
    )  # fmt: skip
    answer = ask(warehouse, settings, question)
    rows = {int(row["campaign"]): row for row in answer.rows}
    rates = {key: load().metric(key) for key in COMPARED if key in question.metrics}
    found: dict[int, dict[str, Rate]] = {}
    for campaign in campaigns:
        own = rows.get(campaign.campaign_id, {})
        reference = rows.get(campaigns[0].campaign_id, {}) if campaign is not campaigns[0] else None
        found[campaign.campaign_id] = {
            key: rate_of(metric, own, reference, len(campaigns) - 1) for key, metric in rates.items()
        }
    return Comparison(campaigns, answer, found)


def rate_of(metric: Metric, row: Row, reference: Row | None = None, comparisons: int = 1) -> Rate:
    """A rate of a row with its interval; the row holds its numerator and denominator too.

    Args:
        metric: a rate made of one count over another.
        row: a row of an answer; empty where nothing is known.
        reference: the row that it is compared with.
        comparisons: how many differences are looked at together.
    """
    hits, of = _counts(metric, row)
    if not 0 <= hits <= of or not of:
        return Rate(None, hits, of, None, None)
    low, high = wilson(hits, of, Z95)
    others = _counts(metric, reference) if reference is not None else (0, 0)
    if not 0 <= others[0] <= others[1] or not others[1]:
        return Rate(hits / of, hits, of, low, high)
    z = NormalDist().inv_cdf(1 - 0.025 / max(comparisons, 1))
    between = difference_interval(hits, of, *others, z)
    return Rate(hits / of, hits, of, low, high, hits / of - others[0] / others[1], *between)


def _counts(metric: Metric, row: Row) -> tuple[int, int]:
    (above, _), (below, _) = metric.numerator[0], metric.denominator[0]
    return int(row.get(above) or 0), int(row.get(below) or 0)


def find_campaigns(warehouse: Warehouse, campaign_ids: Sequence[int]) -> tuple[Campaign, ...]:
    """These campaigns, in this order.

    Raises:
        NotFoundError: one of them is not published (yet).
    """
    found: dict[int, Row] = {}
    if CAMPAIGNS in set(warehouse.tables()):
        query = (
            "select campaign_id, campaign_name, status, started_at, ended_at from campaigns.dim_campaigns"
            " where campaign_id in (select unnest(?::bigint[]))"
        )
        found = {int(row["campaign_id"]): row for row in warehouse.rows(query, [list(campaign_ids)])}
    for number in campaign_ids:
        if number not in found:
            raise NotFoundError(f"there is no campaign {number} in the published data")
    rows = [found[number] for number in campaign_ids]
    return tuple(
        Campaign(int(row["campaign_id"]), str(row["campaign_name"]), str(row["status"]), row["started_at"],
                 row["ended_at"])
        for row in rows
    )  # fmt: skip


def _days(settings: Settings, campaigns: Sequence[Campaign]) -> tuple[date, date]:
    """From the day on which the first one started until today; 90 days when none has started."""
    zone = settings.workspace_time_zone
    tomorrow = today_in(zone, settings.clock.now()) + timedelta(days=1)
    starts = [each.started_at for each in campaigns if each.started_at]
    first = today_in(zone, min(starts)) if starts else tomorrow - timedelta(days=90)
    return min(first, tomorrow - timedelta(days=1)), tomorrow
