"""Posts of our own accounts: published by a network's API when that is wanted and possible, else by a person.

Belongs here: one post of a campaign from due to published, at most once. Stays out: networks
(`dmat/channels/social.py`, `dmat/connectors`), when a step is due (`running.py`).

    waiting ──> posting ──> posted            published, with its address
                   └──────> to_post           refused, unreachable or unclear, with the reason: a person publishes it,
                                              or lets it be tried again

`posting` is written before the request leaves. What becomes unclear (a lost answer, a process that died) is looked for
by its words and never published again by itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.plan import Step
from dmat.campaigns.records import Campaign
from dmat.campaigns.step_runs import POSTED, POSTING, TO_POST, WAITING, StepRun, find_runs, write_run
from dmat.channels.social import Post, Published, SocialNetwork, missing_settings, open_network
from dmat.errors import AmbiguousError, ConflictError, DmatError, InvalidInputError, NotFoundError
from dmat.messages.render_child import tracked
from dmat.messages.tracking import own_domains, parameters_of, utm_rule_of
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_step_runs
from dmat.store.engine import Store
from dmat.store.workspace_values import write_audit

BY = "campaigns"
GIVEN_UP_AFTER = timedelta(minutes=10)
"""A step that has been `posting` for so long was left by a process that died."""
BEFORE = timedelta(minutes=5)
"""How far clocks of networks may differ from ours."""


def post_step(settings: Settings, store: Store, campaign: Campaign, step: Step, run: StepRun) -> None:
    """Publish a due post, or let it wait for a person, with the reason."""
    post = make_post(settings, store, campaign, step)
    try:
        network = open_network(settings, post.network)
    except InvalidInputError as error:
        _wait_for_somebody(settings, store, run, str(error))
        return
    if network is None:
        _wait_for_somebody(settings, store, run, _why_by_hand(settings, post.network))
        return
    try:
        if run.state == POSTING:
            _resolve(settings, store, campaign, run, network, post, "it is not known whether it was published")
        elif _begin(settings, store, run):
            _publish(settings, store, campaign, run, network, post)
    finally:
        network.close()


def make_post(settings: Settings, store: Store, campaign: Campaign, step: Step) -> Post:
    """The post of a step; a link to a domain of our own gets the campaign's parameters."""
    says = step.social
    assert says is not None  # noqa: S101 - asked by the caller
    words = {"channel": "social", "campaign": campaign.name, "step": step.key, "programme": campaign.programme}
    rule = parameters_of(utm_rule_of(store, campaign.campaign_id), words)
    url = tracked(says.url, {"parameters": rule, "domains": own_domains(settings, store)})
    return Post(f"{campaign.programme}-{step.key}".replace(":", "-"), says.network, says.text, url, says.image_url)


def _why_by_hand(settings: Settings, network: str) -> str:
    missing = missing_settings(settings, network)
    if settings.social_publishing == "automatic" and missing:
        return f"waits for somebody to publish it: {missing[0]} is not set"
    return "waits for somebody to publish it"


def _begin(settings: Settings, store: Store, run: StepRun) -> bool:
    """Take the step; only one process can."""
    with store.write() as connection:
        if find_run(connection, run.campaign_id, run.step).state != WAITING:
            return False
        now = settings.clock.now()
        write_run(connection, run, now, state=POSTING, frozen_at=now, reason="is being published")
        return True


def _publish(
    settings: Settings, store: Store, campaign: Campaign, run: StepRun, network: SocialNetwork, post: Post
) -> None:
    try:
        network.check(post)
        published = network.publish(post)
    except AmbiguousError as error:
        begun = replace(run, frozen_at=settings.clock.now() - BEFORE)
        _resolve(settings, store, campaign, begun, network, post, str(error))
    except DmatError as error:
        _wait_for_somebody(settings, store, run, f"could not be published by itself: {error}")
    else:
        _note(settings, store, campaign, run, published, network.name)


def _resolve(
    settings: Settings,
    store: Store,
    campaign: Campaign,
    run: StepRun,
    network: SocialNetwork,
    post: Post,
    why: str,
) -> None:
    """Look for a post whose fate is unclear; when it is not there, a person looks before anything is done again."""
    try:
        found = network.find(post, (run.frozen_at or settings.clock.now()) - BEFORE)
    except DmatError as error:
        found, why = None, f"{why}; looking for it failed too: {error}"
    if found is not None:
        _note(settings, store, campaign, run, found, network.name)
    else:
        _wait_for_somebody(settings, store, run, f"look at {post.network} whether it is there: {why}")


def _note(
    settings: Settings, store: Store, campaign: Campaign, run: StepRun, published: Published, network: str
) -> None:
    now = settings.clock.now()
    with store.write() as connection:
        write_run(connection, run, now, state=POSTED, post_url=published.url, reason="", planned_at=now)
        facts = {"step": run.step, "url": published.url, "post_id": published.post_id, "network": network}
        write_audit(connection, now, BY, "campaign post published", str(campaign.campaign_id), **facts)


def _wait_for_somebody(settings: Settings, store: Store, run: StepRun, why: str) -> None:
    with store.write() as connection:
        if find_run(connection, run.campaign_id, run.step).state in (WAITING, POSTING):
            write_run(connection, run, settings.clock.now(), state=TO_POST, reason=why)


def is_left_behind(run: StepRun, now: datetime) -> bool:
    """Whether a step has been `posting` for so long that nobody can be at it any more."""
    return run.state == POSTING and run.frozen_at is not None and run.frozen_at + GIVEN_UP_AFTER <= now


def note_post(settings: Settings, store: Store, campaign_id: int, step: str, url: str, by: str) -> None:
    """Say that a person published a post, and where.

    Raises:
        NotFoundError: there is no such step. ConflictError: it does not wait for that. InvalidInputError: no address.
    """
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError("url", "this is no web address", "the address of the post, https://...")
    now = settings.clock.now()
    with store.write() as connection:
        run = _waiting_run(connection, campaign_id, step)
        write_run(connection, run, now, state=POSTED, post_url=url, reason="", planned_at=now)
        write_audit(connection, now, by, "campaign post published", str(campaign_id), step=step, url=url)


def try_again(settings: Settings, store: Store, campaign_id: int, step: str, by: str) -> None:
    """Let a post that waits for a person be published by itself once more; the person has looked that it is not there.

    Raises:
        NotFoundError: there is no such step. ConflictError: it does not wait for that.
    """
    now = settings.clock.now()
    with store.write() as connection:
        run = _waiting_run(connection, campaign_id, step)
        write_run(connection, run, now, state=WAITING, reason="")
        write_audit(connection, now, by, "campaign post tried again", str(campaign_id), step=step)


def _waiting_run(connection: Connection, campaign_id: int, step: str) -> StepRun:
    run = find_run(connection, campaign_id, step)
    if run.state != TO_POST:
        raise ConflictError(f"step {step} is {run.state}: it does not wait for a post")
    return run


def find_run(connection: Connection, campaign_id: int, step: str) -> StepRun:
    """The row of a step.

    Raises:
        NotFoundError: it is not due yet, or there is no such step.
    """
    table = campaign_step_runs.c
    found = find_runs(connection, sa.and_(table.campaign_id == campaign_id, table.step == step))
    if not found:
        raise NotFoundError(f"campaign {campaign_id} has no step {step} that is due")
    return found[0]
