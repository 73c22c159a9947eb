"""What the doors for campaigns take: bodies and limits.

Belongs here: shapes of requests. Stays out: plans (`dmat/campaigns/plan.py` reads them, with faults that name the
place) and what is done with them (`campaigns.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dmat.campaigns.plan import CampaignPlan, parse_plan
from dmat.errors import InvalidInputError


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("this is no moment; write it as 2026-03-15T09:00:00Z") from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


Moment = Annotated[datetime, BeforeValidator(_moment)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Tags = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=30)]
Plan = Annotated[
    dict[str, Any], Field(description="A plan (GET /api/campaigns/plan-schema): audience, steps, hold-out, rules.")
]


class Body(BaseModel):
    """What all bodies share: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class CampaignToMake(Body):
    """A new campaign; the short fields stand in for those of the plan."""

    name: Name
    description: Annotated[str, Field(max_length=5000)] = ""
    status: Literal["draft"] = "draft"
    start_date: Moment | None = None
    end_date: Moment | None = None
    budget: Annotated[Decimal, Field(ge=0, le=10**12)] | None = Field(None, description="in whole currency units")
    objective: Annotated[str, Field(max_length=2000)] = ""
    folder: Annotated[str, Field(max_length=200)] = ""
    tags: Tags = []
    plan: Plan | None = None

    def read_plan(self) -> CampaignPlan:
        """The plan, with the short fields in it.

        Raises:
            InvalidInputError: names the place.
        """
        short = {"starts_at": self.start_date, "ends_at": self.end_date, "objective": self.objective or None}
        if self.budget is not None:
            short["budget_cents"] = int((self.budget * 100).to_integral_value(ROUND_HALF_UP))  # type: ignore[assignment]
        given = {name: value for name, value in short.items() if value is not None}
        if self.end_date is not None and self.start_date is not None and self.end_date <= self.start_date:
            raise InvalidInputError("end_date", "it ends before it starts", "later than start_date")
        return parse_plan({**(self.plan or {}), **given})


class CampaignToChange(Body):
    """Changes to a campaign; what is left out stays."""

    version: int | None = Field(None, ge=1, description="the version that you change")
    name: Name | None = None
    description: Annotated[str, Field(max_length=5000)] | None = None
    folder: Annotated[str, Field(max_length=200)] | None = None
    tags: Tags | None = None
    plan: Plan | None = None
    note: Annotated[str, Field(max_length=500)] = ""

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
