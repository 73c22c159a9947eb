"""The audience of a plan and of each of its steps: who is in its segments, less exclusions.

Belongs here: from segments to sorted numbers of people. Stays out: what a segment means (`dmat/segments`), who may be
written to (`dmat/campaigns/gate.py`), keeping it (`freezing.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dmat.campaigns.plan import CampaignPlan, Step
from dmat.segments.desk import Desk
from dmat.segments.rules import EVERYBODY

Ids = npt.NDArray[np.int64]
NOBODY: Ids = np.empty(0, np.int64)


def campaign_audience(desk: Desk, plan: CampaignPlan) -> Ids:
    """Numbers of the people of the whole plan, in ascending order.

    Raises:
        NotFoundError: a segment does not exist. InvalidRuleError: its rule does not fit the catalogue any more.
    """
    people = desk.people_of(EVERYBODY) if plan.audience.is_everybody else _any_of(desk, plan.audience.segments)
    return np.setdiff1d(people, _any_of(desk, plan.audience.exclude), assume_unique=True)


def step_audience(desk: Desk, step: Step, of_campaign: Ids) -> Ids:
    """Of the people of the plan those whom the step is for, in ascending order."""
    if step.audience is None:
        return of_campaign
    people = of_campaign
    if step.audience.segments:
        people = np.intersect1d(people, _any_of(desk, step.audience.segments), assume_unique=True)
    return np.setdiff1d(people, _any_of(desk, step.audience.exclude), assume_unique=True)


def count_audience(desk: Desk, plan: CampaignPlan) -> int:
    """How many people the whole plan is for."""
    return len(campaign_audience(desk, plan))


def _any_of(desk: Desk, keys: Iterable[str]) -> Ids:
    found = [desk.members(desk.library.get(key)) for key in dict.fromkeys(keys)]
    if not found:
        return NOBODY
    return found[0] if len(found) == 1 else np.unique(np.concatenate(found))
