"""What a new campaign begins with: blank, a single mail, or a plan over days and channels.

Belongs here: offering them and making the draft. Stays out: what a plan may say (`dmat/campaigns/plan.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.screens.campaigns.desk import Desks
from dmat.campaigns.plan import CampaignPlan
from dmat.campaigns.records import Campaign
from dmat.campaigns.templates import campaign_templates
from dmat.errors import NotFoundError


@dataclass(frozen=True)
class Point:
    """Something to start from."""

    key: str
    name: str
    about: str
    channels: tuple[str, ...] = ()


BLANK = Point("blank", "Blank", "Choose audience, steps and times yourself.")


def starting_points() -> tuple[Point, ...]:
    """Everything to start from, the blank one first."""
    return (BLANK, *(Point(t.key, t.name, t.description, t.plan.channels) for t in campaign_templates()))


def start_from(desks: Desks, key: str, by: str) -> Campaign:
    """A new draft; message templates that the plan names and nobody has made yet come from the starters.

    Raises:
        NotFoundError: there is nothing to start from with this key.
    """
    if key == BLANK.key:
        return desks.library.create(name="New campaign", by=by, plan=CampaignPlan())
    for template in campaign_templates():
        if template.key == key:
            bring_templates(desks, template.plan, by)
            return desks.library.create(name=template.name, by=by, plan=template.plan, note=f"from {template.name}")
    raise NotFoundError(f"there is nothing to start from called {key!r}")


def bring_templates(desks: Desks, plan: CampaignPlan, by: str) -> None:
    """Copy the starters that a plan's steps name and the library does not have."""
    starters = {each.key for each in desks.templates.starters()}
    for key in {step.template for step in plan.steps} & starters:
        try:
            desks.templates.get(key)
        except NotFoundError:
            desks.templates.create_from_starter(key, by, key=key)
