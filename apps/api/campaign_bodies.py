"""What the doors for campaigns take: bodies and limits.

Belongs here: shapes of requests. Stays out: plans (`dmat/campaigns/plan.py` reads them, with faults that name the
place) and what is done with them (`campaigns.py`).
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dmat.campaigns.plan import CampaignPlan, parse_plan
from dmat.clock import as_utc
from dmat.errors import InvalidInputError


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("this is no moment; write it as 2026-03-15T09:00:00Z") from None
    return as_utc(value) if isinstance(value, datetime) else value


Moment = Annotated[datetime, BeforeValidator(_moment)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Tags = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=30)]
Plan = Annotated[
    dict[str, Any], Field(description="A plan (GET /api/campaigns/plan-schema): audience, steps, hold-out, rules.")
]


class Body(BaseModel):
    """What all bodies share: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class _WithShortFields(Body):
    """Fields of the plan that may be given beside it, as the requirements name them."""

    start_date: Moment | None = None
    end_date: Moment | None = None
    budget: Annotated[Decimal, Field(ge=0, le=10**12)] | None = Field(None, description="in whole currency units")
    objective: Annotated[str, Field(max_length=2000)] | None = None
    plan: Plan | None = None

    @property
    def short(self) -> dict[str, Any]:
        """Those that are given, as the plan names them.

        Raises:
            InvalidInputError: it would end before it starts.
        """
        if self.end_date is not None and self.start_date is not None and self.end_date <= self.start_date:
            raise InvalidInputError("end_date", "it ends before it starts", "later than start_date")
        cents = None if self.budget is None else int((self.budget * 100).to_integral_value(ROUND_HALF_UP))
        given = {"starts_at": self.start_date, "ends_at": self.end_date, "objective": self.objective,
                 "budget_cents": cents}  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}


class CampaignToMake(_WithShortFields):
    """A new campaign; the short fields stand in for those of the plan."""

    name: Name
    description: Annotated[str, Field(max_length=5000)] = ""
    status: Literal["draft"] = "draft"
    folder: Annotated[str, Field(max_length=200)] = ""
    tags: Tags = []

    def read_plan(self) -> CampaignPlan:
        """The plan, with the short fields in it.

        Raises:
            InvalidInputError: names the place.
        """
        return parse_plan({**(self.plan or {}), **self.short})


class CampaignToChange(_WithShortFields):
    """Changes to a campaign; what is left out stays."""

    version: int | None = Field(None, ge=1, description="the version that you change")
    name: Name | None = None
    description: Annotated[str, Field(max_length=5000)] | None = None
    folder: Annotated[str, Field(max_length=200)] | None = None
    tags: Tags | None = None
    note: Annotated[str, Field(max_length=500)] = ""

    def read_plan(self, present: CampaignPlan) -> CampaignPlan | None:
        """The changed plan: the one that is given, or the present one, with the short fields in it; None without any.

        Raises:
            InvalidInputError: names the place.
        """
        if self.plan is None and not self.short:
            return None
        return parse_plan({**(present.model_dump() if self.plan is None else self.plan), **self.short})

    @property
    def card(self) -> dict[str, Any]:
        """The fields of the card that are given."""
        names = ("name", "description", "folder", "tags")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Words(Body):
    """A comment or a reason."""

    comment: Annotated[str, Field(max_length=2000)] = ""


class EmailBody(Body):
    """An e-mail to be sent."""

    subject_line: Annotated[str, Field(min_length=1, max_length=300)]
    content_html: Annotated[str, Field(min_length=1, max_length=500_000)]
    segment_id: Annotated[int | str, Field(description="number or key of the segment")] = ""
    scheduled_at: Moment | None = None
    from_name: Annotated[str, Field(max_length=300)] = ""
    from_email: Annotated[str, Field(max_length=320)] = ""
