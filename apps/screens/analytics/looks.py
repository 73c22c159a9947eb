"""What a reader looks at: the section, the days, the comparison, whose figures; kept in the page's address.

Belongs here: reading and writing that address, and making questions of it. Stays out: answers (`desk.py`), layout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import parse_qsl, urlencode

from dmat.errors import InvalidInputError
from dmat.metrics.catalogue import SEGMENT, load
from dmat.metrics.periods import PERIODS, period_of
from dmat.metrics.question import MOST_DAYS, Filter, Question

VIEWS = {
    "overview": ("Overview", "chart"), "moved": ("What moved", "pulse"),
    "campaigns": ("Campaigns", "megaphone"), "compare": ("Compare", "flat"),
    "channels": ("Channels", "send"), "funnel": ("Funnel", "gate"), "pipeline": ("Pipeline", "coins"),
    "cohorts": ("Cohorts", "table"), "attribution": ("Attribution", "flask"), "counts": ("Counts", "check"),
    "reports": ("Explore", "form"),
}  # fmt: skip
"""Sections: words and icon, in the order of the tabs."""

PERIOD_WORDS = {
    "today": "Today", "yesterday": "Yesterday",
    "last_7_days": "Last 7 days", "last_28_days": "Last 28 days", "last_30_days": "Last 30 days",
    "last_90_days": "Last 90 days", "last_12_months": "Last 12 months", "this_week": "This week",
    "last_week": "Last week", "this_month": "This month", "last_month": "Last month", "this_quarter": "This quarter",
    "last_quarter": "Last quarter", "this_year": "This year", "last_year": "Last year",
}  # fmt: skip
CUSTOM = "custom"
COMPARED = {"previous": "the days before", "year": "the year before", "": "nothing"}
DEFAULT_PERIOD = "last_30_days"
DAYS_BY_HOUR, DAYS_BY_DAY, DAYS_BY_WEEK = 2, 62, 280
MOST_COMPARED = 4
ASKED = ("metrics", "by", "grain", "filter")
"""What of a question is kept in `Look.asked`; its days, comparison and segment are those of the look."""


WITHOUT_COMPARISON = {"cohorts", "attribution", "compare", "counts"}
"""Sections that put other things side by side than periods."""


@dataclass(frozen=True)
class Look:
    """What is looked at.

    Attributes:
        since, until: first day and the day after the last one; only with the period `custom`.
        segment: key of the segment whose members' figures are shown; empty for everybody's.
        campaign: number of the campaign that is drilled into; `campaigns` those that are compared.
        by: what a section tells figures apart by, where it can be chosen.
        pick: which measure a section shows, where it can be chosen.
        asked: the question of the report builder, as an address.
        saved: key of the saved report that is open.
        who: words in the names of the people who are listed; `page` of them, from 1 on.
    """

    view: str = "overview"
    period: str = DEFAULT_PERIOD
    since: date | None = None
    until: date | None = None
    compare: str = "previous"
    segment: str = ""
    campaign: str = ""
    campaigns: tuple[str, ...] = ()
    by: str = ""
    pick: str = ""
    asked: str = ""
    saved: str = ""
    who: str = ""
    page: int = 1

    @property
    def kept_period(self) -> str:
        """The period that is looked at: where nobody chose one, cohorts need a longer one than other sections."""
        if self.view == "cohorts" and self.period == DEFAULT_PERIOD:
            return "last_90_days" if self.by.endswith("week") else "last_12_months"
        return self.period

    def days(self, today: date) -> tuple[date, date]:
        """First day and the day after the last one."""
        if self.period == CUSTOM and self.since and self.until:
            return self.since, self.until
        return period_of(self.kept_period if self.kept_period in PERIODS else DEFAULT_PERIOD, today)

    def grain(self, today: date) -> str:
        """How charts cut the days: by hour, day, week or month, so that they stay readable."""
        return grain_of(*self.days(today))

    def but(self, **changes: object) -> Look:
        """The same look with other parts."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def is_compared(self) -> bool:
        """Whether figures stand beside those of another period."""
        return bool(self.compare) and self.view not in WITHOUT_COMPARISON

    @property
    def parts(self) -> dict[str, str]:
        """The look as parameters of an address; what is usual is left out."""
        usual = Look()
        found = {
            "view": self.view if self.view != usual.view else "",
            "period": self.period if self.period != usual.period else "",
            "since": str(self.since or "") if self.period == CUSTOM else "",
            "until": str(self.until or "") if self.period == CUSTOM else "",
            "compare": {"previous": "", "": "none"}.get(self.compare, self.compare),
            "segment": self.segment, "campaign": self.campaign, "campaigns": ",".join(self.campaigns), "by": self.by,
            "pick": self.pick, "asked": self.asked, "saved": self.saved, "who": self.who,
            "page": str(self.page) if self.page > 1 else "",
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}

    @property
    def address(self) -> str:
        """The address of this look."""
        return f"/analytics?{urlencode(self.parts)}" if self.parts else "/analytics"

    def question(
        self, metrics: Iterable[str], *, grain: str = "", by: Sequence[str] = (), filters: Sequence[Filter] = (),
        order: str = "", limit: int = 1000, is_compared: bool = True,
    ) -> Question:  # fmt: skip
        """A question about these days and this segment; measures that know no people are left out of a segment's."""
        catalogue = load()
        wanted = [key for key in metrics if not self.segment or SEGMENT in catalogue.metric(key).dimensions]
        days: dict[str, object] = {"period": self.kept_period}
        if self.period == CUSTOM:
            days = {"since": self.since, "until": self.until}
        return Question.model_validate({
            "metrics": tuple(wanted), **days, "grain": told_by(grain, wanted), "dimensions": tuple(by),
            "filters": tuple(filters),
            "segment": self.segment, "compare": self.compare if is_compared else "", "order": order, "limit": limit,
        })  # fmt: skip


def grain_of(since: date, until: date) -> str:
    """How so many days are cut, so that a chart of them stays readable."""
    length = (until - since).days
    if length <= DAYS_BY_HOUR:
        return "hour"
    return "day" if length <= DAYS_BY_DAY else "week" if length <= DAYS_BY_WEEK else "month"


def told_by(grain: str, metrics: Sequence[str]) -> str:
    """The grain, but the day for measures none of which is known by the hour."""
    return "day" if grain == "hour" and not load().known_by_hour(metrics) else grain


def asked_of(question: Question) -> str:
    """What of a question the report builder keeps, as text; its days and segment are those of the look."""
    pairs = parse_qsl(question.address(), keep_blank_values=True)
    return urlencode([pair for pair in pairs if pair[0] in ASKED])


def read_look(asked_for: Callable[[str], str]) -> Look:
    """The look of an address; what cannot be read there is passed over."""
    view, period = asked_for("view"), asked_for("period")
    since, until = _day(asked_for("since")), _day(asked_for("until"))
    asked = dict(parse_qsl(asked_for("asked")))
    if not period and (asked.get("period") or asked.get("since")):  # a link to a question with days of its own
        period = asked.get("period", CUSTOM)
        since, until = _day(asked.get("since", "")), _day(asked.get("until", ""))
    is_custom = period == CUSTOM and fault_of(since, until) == ""
    compare = asked_for("compare")
    return Look(
        view=view if view in VIEWS else "overview",
        period=CUSTOM if is_custom else period if period in PERIODS else DEFAULT_PERIOD,
        since=since if is_custom else None,
        until=until if is_custom else None,
        compare="" if compare == "none" else "year" if compare == "year" else "previous",
        segment=(asked_for("segment") or asked.get("segment", ""))[:120],
        campaign=_number(asked_for("campaign")),
        campaigns=tuple(filter(None, map(_number, asked_for("campaigns").split(","))))[:MOST_COMPARED],
        by=asked_for("by")[:60],
        pick=asked_for("pick")[:60],
        asked=urlencode([pair for pair in parse_qsl(asked_for("asked"), keep_blank_values=True) if pair[0] in ASKED]),
        saved=asked_for("saved")[:120],
        who=asked_for("who")[:80],
        page=max(1, int(_number(asked_for("page")[:7]) or 1)),
    )


def fault_of(since: date | None, until: date | None) -> str:
    """Why days cannot be looked at, in words; empty when they can."""
    if since is None or until is None:
        return "Both days are needed."
    if since >= until:
        return "The last day lies before the first one."
    return "" if (until - since).days <= MOST_DAYS else f"At most {MOST_DAYS:,} days can be looked at."


def chosen_days(look: Look, name: str, text: str, today: date) -> Look:
    """The look after a day was chosen: `since` is the first day, `until` the last one, as people say it.

    Raises:
        InvalidInputError: no day, or the last one before the first.
    """
    since, until = look.days(today)
    day = _day(text)
    if day is None:
        raise InvalidInputError(name, f"{text[:20]!r} is no day", "a day such as 2026-11-20")
    since, until = (day, until) if name == "since" else (since, day + timedelta(days=1))
    if fault := fault_of(since, until):
        problem = f"{fault[:1].lower()}{fault[1:].rstrip('.')}"
        raise InvalidInputError(name, problem, "a first day that is not after the last one")
    return look.but(period=CUSTOM, since=since, until=until)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None


def _number(text: str) -> str:
    return text if text.isdecimal() and len(text) < 19 else ""
