"""Templates: plans to begin with.

Belongs here: reading `templates.yml`. Stays out: templates of messages (`dmat/messages`), keeping a plan
(`library.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import yaml

from dmat.campaigns.plan import Audience, CampaignPlan, parse_plan
from dmat.errors import NotFoundError

FILE = Path(__file__).with_name("templates.yml")


@dataclass(frozen=True)
class PlanTemplate:
    """A plan to begin with."""

    key: str
    name: str
    description: str
    plan: CampaignPlan


@cache
def campaign_templates() -> tuple[PlanTemplate, ...]:
    """All templates, in the order in which they are offered."""
    return tuple(
        PlanTemplate(
            entry["key"], entry["name"], entry["description"],
            parse_plan({"objective": entry["objective"], **entry["plan"]}),
        )
        for entry in yaml.safe_load(FILE.read_text())
    )  # fmt: skip


def plan_from(
    key: str, segments: Sequence[str], starts_at: datetime | None = None, exclude: Sequence[str] = ()
) -> CampaignPlan:
    """The plan of a template for an audience.

    Raises:
        NotFoundError: there is no such template.
    """
    for template in campaign_templates():
        if template.key == key:
            audience = Audience(segments=tuple(segments), exclude=tuple(exclude), is_everybody=not segments)
            return template.plan.model_copy(update={"audience": audience, "starts_at": starts_at})
    raise NotFoundError(f"there is no campaign template {key!r}")
