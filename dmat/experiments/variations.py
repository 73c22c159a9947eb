"""A variation that is given as words or media becomes a template: the step's own, with these parts instead.

Belongs here: making that template. Stays out: the test that names it (`plan.py`), templates themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from dmat.campaigns.records import find_campaign
from dmat.errors import InvalidInputError
from dmat.messages.library import Templates
from dmat.messages.records import PARTS
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.message_tables import message_templates


def only_step(store: Store, campaign_id: int) -> str:
    """The step of a campaign that writes to people, when there is just one.

    Raises:
        NotFoundError: there is no such campaign. InvalidInputError: it has none, or several.
    """
    with store.read() as connection:
        plan = find_campaign(connection, campaign_id).plan
    keys = [step.key for step in plan.steps if step.plans_messages]
    if len(keys) != 1:
        raise InvalidInputError(
            "step", "say which step of the campaign is tested", ", ".join(keys) or "it has none yet"
        )
    return keys[0]


def make_variation(
    settings: Settings, store: Store, campaign_id: int, step_key: str, arm: str, parts: Mapping[str, str], by: str
) -> str:
    """Keep a template like the step's, with other parts in every language; gives its key.

    Args:
        settings: those of the workspace.
        store: where templates are kept.
        campaign_id: of which.
        step_key: whose template it begins as.
        arm: of the test.
        parts: part -> words or address, as `text` of an SMS or `image_url` of a push message.
        by: who makes it.

    Raises:
        NotFoundError: there is no such campaign. InvalidInputError: no such step, or a part that it does not have.
    """
    with store.read() as connection:
        plan = find_campaign(connection, campaign_id).plan
    step = plan.step(step_key)
    if step is None or not step.template:
        raise InvalidInputError("step", f"step {step_key!r} has no template to begin with", "a step with a template")
    allowed = PARTS.get(step.channel, ())
    for name in parts:
        if name not in allowed:
            raise InvalidInputError(
                f"content.{name}", f"a message by {step.channel} has no such part", ", ".join(allowed)
            )
    templates = Templates(store, settings.clock)
    source = templates.get(step.template)
    document = source.content.as_document()
    document["locales"] = {locale: {**words, **parts} for locale, words in document["locales"].items()}
    key = _free_key(store, f"test-{campaign_id}-{step_key}-{arm}")
    templates.create(
        name=f"{source.name}, arm {arm} of a test"[:200], channel=source.channel, kind=source.kind, content=document,
        by=by, key=key, note=f"an arm of a test of step {step_key} of campaign {campaign_id}",
    )  # fmt: skip
    return key


def _free_key(store: Store, wanted: str) -> str:
    query = sa.select(message_templates.c.key).where(message_templates.c.key.startswith(wanted, autoescape=True))
    with store.read() as connection:
        taken: set[str] = set(connection.execute(query).scalars())
    number, key = 2, wanted
    while key in taken:
        key, number = f"{wanted}-{number}", number + 1
    return key
