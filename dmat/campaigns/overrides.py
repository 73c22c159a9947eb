"""What a step of a campaign says instead of its template and of the workspace: subject, sender.

Belongs here: looking that up by what a message of the ledger knows. Stays out: putting it into a message
(`dmat/messages`, `dmat_pipelines/deliver`).
"""

from __future__ import annotations

from dataclasses import dataclass

from dmat.campaigns.plan import variant_of
from dmat.campaigns.records import campaign_of, find_campaign, plan_of_version
from dmat.errors import NotFoundError
from dmat.store.engine import Store


@dataclass(frozen=True)
class Overrides:
    """Empty fields leave what the template or the workspace says."""

    campaign_id: int | None = None
    campaign_name: str = ""
    step_name: str = ""
    subject: str = ""
    from_name: str = ""
    from_email: str = ""
    cost_micros_each: int = 0
    currency_code: str = ""


NONE = Overrides()


def overrides_of(store: Store, programme: str, version: int, step_key: str, variant_key: str = "") -> Overrides:
    """What the step says; nothing for programmes and steps that are in no plan."""
    from dmat.campaigns.arms import tested_plan  # numpy comes with it, which a sender with a helper does without

    number = campaign_of(programme)
    if number is None:
        return _of_journey(store, programme, version, step_key)
    try:
        with store.read() as connection:
            campaign, plan = find_campaign(connection, number), plan_of_version(connection, number, version)
            plan = tested_plan(connection, number, plan)
    except NotFoundError:
        return NONE
    step = plan.step(step_key)
    if step is None:
        return NONE
    variant = variant_of(step, variant_key)
    return Overrides(
        campaign_id=number, campaign_name=campaign.name, step_name=step.shown_name,
        subject=(variant.subject if variant else "") or step.subject, from_name=step.from_name,
        from_email=step.from_email, cost_micros_each=step.cost_micros_each, currency_code=plan.currency_code,
    )  # fmt: skip


def _of_journey(store: Store, programme: str, version: int, step_key: str) -> Overrides:
    """What a step of a journey says; nothing for other programmes."""
    from dmat.journeys.records import find_journey, find_version  # journeys stand on campaigns, not the other way
    from dmat.journeys.steps import Send

    kind, _, key = programme.partition(":")
    if kind != "journey":
        return NONE
    try:
        with store.read() as connection:
            journey = find_journey(connection, key)
            step = find_version(connection, journey.journey_id, version).definition.step(step_key)
    except NotFoundError:
        return NONE
    if not isinstance(step, Send):
        return NONE
    return Overrides(
        campaign_name=journey.name, step_name=step.shown_name, subject=step.subject, from_name=step.from_name,
        from_email=step.from_email,
    )  # fmt: skip
