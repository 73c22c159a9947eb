"""The library of campaigns: make, find, change and version them, and lead them from draft to finished.

Belongs here: what may be done with a campaign and what refuses it; every change is in the audit trail. Stays out: what
a plan says (`plan.py`), whether it could run (`checking.py`), who says yes (`approval.py`), running its steps
(`freezing.py`, `planning.py`), single rows (`library_rows.py`), what an editor holds unsaved (`drafts.py`).

>>> library = open_library(settings, store, desk)
>>> sale = library.create(name="Spring sale", plan=parse_plan(document), by="ann@shop.example")
>>> library.submit(sale.campaign_id, by="ann@shop.example")  # in_review, or scheduled when nobody else must say yes
>>> library.approve(sale.campaign_id, by="bob@shop.example", comment="go")
>>> library.pause(sale.campaign_id, by="bob@shop.example", reason="wrong price")

A changed plan is a new version; it needs a new approval, and a scheduled campaign becomes a draft again. What runs is
changed only while it is paused; steps whose audience is frozen stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.approval import needs_approval, record_decision, refuse_unapproved
from dmat.campaigns.arms import refuse_loss_of_tested
from dmat.campaigns.audience import count_audience
from dmat.campaigns.checking import refuse_unfit, refuse_unknown_segments
from dmat.campaigns.library_rows import (
    clean_card,
    insert_campaign,
    keep_version,
    move_to,
    remove_campaign,
    write_card,
)
from dmat.campaigns.plan import CampaignPlan
from dmat.campaigns.records import (
    APPROVED,
    CANCELLED,
    DRAFT,
    EDITABLE,
    FINISHED,
    IN_REVIEW,
    INCOMPLETE,
    PAUSED,
    REFUSED,
    RUNNING,
    SCHEDULED,
    ApprovalDecision,
    Campaign,
    CampaignVersion,
    decisions_of,
    find_campaign,
    read_campaigns,
)
from dmat.campaigns.step_runs import reopen_failed
from dmat.clock import Clock
from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.ledger.control import cancel as cancel_messages
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store.campaign_tables import campaign_versions, campaigns
from dmat.store.engine import Store, rows_of
from dmat.store.workspace_values import write_audit

Counter = Callable[[CampaignPlan], int]


@dataclass(frozen=True)
class Wanted:
    """Which campaigns to list; what is None or empty does not limit.

    Attributes:
        statuses: any of these.
        text: words in the name or description, whatever the case.
    """

    statuses: Sequence[str] = ()
    folder: str | None = None
    tag: str | None = None
    owner: str | None = None
    channel: str | None = None
    text: str = ""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """What the database looks at; tags and channels are looked at by `fits`."""
        found: list[sa.ColumnElement[bool]] = [
            campaigns.c[name] == value for name in ("folder", "owner") if (value := getattr(self, name)) is not None
        ]
        if self.statuses:
            found.append(campaigns.c.status.in_(self.statuses))
        columns = (campaigns.c.name, campaigns.c.description)
        for word in self.text.split():
            found.append(sa.or_(*(column.icontains(word, autoescape=True) for column in columns)))
        return found

    def fits(self, campaign: Campaign) -> bool:
        """Whether it has the tag and the channel that are asked for."""
        has_channel = self.channel is None or self.channel in campaign.plan.channels
        return has_channel and (self.tag is None or self.tag in campaign.tags)


class CampaignLibrary:
    """The campaigns of one workspace; safe to share between threads.

    Args:
        store: where they are kept.
        settings: those of the workspace.
        count: how many people a plan's audience has; decides whether a second person must say yes.
    """

    def __init__(self, store: Store, settings: Settings, count: Counter) -> None:
        self.store, self.settings, self.count = store, settings, count

    @property
    def clock(self) -> Clock:
        """The workspace's clock."""
        return self.settings.clock

    # -- find ----------------------------------------------------------------------------------------------------

    def get(self, campaign_id: int) -> Campaign:
        """The campaign with this number.

        Raises:
            NotFoundError: there is none.
        """
        with self.store.read() as connection:
            return find_campaign(connection, campaign_id)

    def list(self, wanted: Wanted | None = None) -> list[Campaign]:
        """Campaigns, the last changed first."""
        wanted = wanted or Wanted()
        with self.store.read() as connection:
            found = read_campaigns(connection, *wanted.conditions())
        return [campaign for campaign in found if wanted.fits(campaign)]

    def versions(self, campaign_id: int) -> Sequence[CampaignVersion]:
        """Every version of a plan, the newest first.

        Raises:
            NotFoundError: there is no such campaign.
        """
        names = list(CampaignVersion.__dataclass_fields__)
        query = sa.select(*(campaign_versions.c[name] for name in names))
        query = query.where(campaign_versions.c.campaign_id == campaign_id)
        with self.store.read() as connection:
            find_campaign(connection, campaign_id)
            rows = rows_of(connection, query.order_by(campaign_versions.c.version.desc()))
        return [CampaignVersion(**row | {"plan": CampaignPlan.model_validate(row["plan"])}) for row in rows]

    def decisions(self, campaign_id: int) -> Sequence[ApprovalDecision]:
        """Who approved or refused which version, the newest first."""
        with self.store.read() as connection:
            return decisions_of(connection, campaign_id)

    # -- change --------------------------------------------------------------------------------------------------

    def create(
        self,
        *,
        name: str,
        by: str,
        plan: CampaignPlan | None = None,
        description: str = "",
        folder: str = "",
        tags: Iterable[str] = (),
        owner: str = "",
        note: str = "",
    ) -> Campaign:
        """Keep a new campaign as a draft.

        Raises:
            InvalidInputError: a bad name, or a segment that does not exist.
        """
        card = clean_card(name=name, description=description, folder=folder, tags=tags, owner=owner or by)
        with self.store.write() as connection:
            now = self.clock.now()
            refuse_unknown_segments(connection, plan or CampaignPlan())
            campaign_id = insert_campaign(connection, card, by, now)
            keep_version(connection, campaign_id, 1, plan or CampaignPlan(), now, by, note)
            write_audit(connection, now, by, "campaign created", str(campaign_id), name=card["name"])
            return find_campaign(connection, campaign_id)

    def update(
        self,
        campaign_id: int,
        *,
        by: str,
        plan: CampaignPlan | None = None,
        note: str = "",
        expected_version: int | None = None,
        **card: Any,
    ) -> Campaign:
        """Change a campaign; what is not given stays. A changed plan is a new version.

        Args:
            campaign_id: which one.
            by: who changes it.
            plan: the new plan.
            note: why, kept with the new version.
            expected_version: the version that the change was made on; a newer one refuses it.
            card: any of name, description, folder, tags, owner.

        Raises:
            NotFoundError: there is no such campaign.
            ConflictError: somebody else changed it in the meantime, or it runs or is over.
            InvalidInputError: a bad value, or a segment that does not exist.
        """
        changed = clean_card(**card)
        with self._change(campaign_id) as (connection, campaign):
            if expected_version not in (None, campaign.version):
                raise ConflictError(f"campaign {campaign_id} is at version {campaign.version}, not {expected_version}")
            now = self.clock.now()
            if plan is not None and plan != campaign.plan:
                self._replan(connection, campaign, plan, by, note)
            if changed:
                write_card(connection, campaign_id, changed, by, now)
                write_audit(connection, now, by, "campaign changed", str(campaign_id), fields=sorted(changed))
            return find_campaign(connection, campaign_id)

    def _replan(self, connection: Connection, campaign: Campaign, plan: CampaignPlan, by: str, note: str) -> None:
        now, number = self.clock.now(), campaign.campaign_id
        if campaign.status not in EDITABLE:
            hint = "pause it first" if campaign.status == RUNNING else "duplicate it instead"
            raise ConflictError(f"campaign {number} is {campaign.status}: {hint}")
        refuse_unknown_segments(connection, plan)
        refuse_loss_of_tested(connection, number, plan)
        keep_version(connection, number, campaign.version + 1, plan, now, by, note)
        write_audit(connection, now, by, "campaign plan changed", str(number), version=campaign.version + 1, note=note)
        if campaign.status in (IN_REVIEW, SCHEDULED):
            move_to(connection, find_campaign(connection, number), DRAFT, by, now, "its plan was changed")

    def duplicate(self, campaign_id: int, by: str, name: str = "") -> Campaign:
        """A new draft with the newest plan of another campaign."""
        source = self.get(campaign_id)
        return self.create(
            name=name or f"{source.name} (copy)"[:200], plan=source.plan, by=by, description=source.description,
            folder=source.folder, tags=source.tags, note=f"copied from campaign {campaign_id}",
        )  # fmt: skip

    def delete(self, campaign_id: int, by: str) -> None:
        """Delete a draft that never ran; anything else is cancelled and stays.

        Raises:
            ConflictError: it is no draft, or it ran once.
        """
        with self._change(campaign_id) as (connection, campaign):
            if campaign.status != DRAFT or campaign.started_at is not None:
                raise ConflictError(f"campaign {campaign_id} is {campaign.status}: only drafts are deleted")
            remove_campaign(connection, campaign_id)
            write_audit(connection, self.clock.now(), by, "campaign deleted", str(campaign_id), name=campaign.name)

    # -- from draft to finished ------------------------------------------------------------------------------------

    def submit(self, campaign_id: int, by: str, comment: str = "") -> Campaign:
        """Ask for it to run: it waits for a second person where one is needed, else it is scheduled.

        Raises:
            InvalidInputError: the plan could not run; names the place.
            ConflictError: it is not a draft.
        """
        recipients = self._count_checked(campaign_id)
        with self._change(campaign_id) as (connection, campaign):
            to = IN_REVIEW if needs_approval(connection, self.settings, campaign, recipients) else SCHEDULED
            return move_to(connection, campaign, to, by, self.clock.now(), comment, recipients=recipients)

    def approve(self, campaign_id: int, by: str, comment: str = "") -> Campaign:
        """Say yes to what was submitted: it is scheduled then.

        Raises:
            NotPermittedError: the one who made or submitted the plan says yes to it.
            ConflictError: nothing waits for a yes.
        """
        return self._decide(campaign_id, by, APPROVED, comment)

    def refuse(self, campaign_id: int, by: str, comment: str) -> Campaign:
        """Say no to what was submitted: it is a draft again.

        Raises:
            InvalidInputError: no comment.
        """
        if not comment.strip():
            raise InvalidInputError("comment", "say why it is refused", "some words")
        return self._decide(campaign_id, by, REFUSED, comment)

    def _decide(self, campaign_id: int, by: str, decision: str, comment: str) -> Campaign:
        recipients = self._count_checked(campaign_id) if decision == APPROVED else None
        with self._change(campaign_id) as (connection, campaign):
            if campaign.status != IN_REVIEW:
                raise ConflictError(f"campaign {campaign_id} is {campaign.status}: nothing waits for a yes or no")
            now = self.clock.now()
            record_decision(connection, campaign, decision, by, now, comment, recipients)
            return move_to(connection, campaign, SCHEDULED if decision == APPROVED else DRAFT, by, now, comment)

    def schedule(self, campaign_id: int, by: str) -> Campaign:
        """Let it start at its time.

        Raises:
            InvalidInputError: the plan could not run. ConflictError: a second person has not said yes.
        """
        recipients = self._count_checked(campaign_id)
        with self._change(campaign_id) as (connection, campaign):
            refuse_unapproved(connection, self.settings, campaign, recipients)
            return move_to(connection, campaign, SCHEDULED, by, self.clock.now(), recipients=recipients)

    def unschedule(self, campaign_id: int, by: str, reason: str = "") -> Campaign:
        """Take it back: a draft again, as long as it has not started."""
        return self._move(campaign_id, DRAFT, by, reason)

    def start(self, campaign_id: int, by: str) -> Campaign:
        """Let it run now.

        Raises:
            InvalidInputError: the plan could not run. ConflictError: it may not start from where it stands.
        """
        recipients = self._count_checked(campaign_id)
        with self._change(campaign_id) as (connection, campaign):
            refuse_unapproved(connection, self.settings, campaign, recipients)
            return move_to(connection, campaign, RUNNING, by, self.clock.now(), recipients=recipients)

    def pause(self, campaign_id: int, by: str, reason: str = "") -> Campaign:
        """Let nothing more leave and plan nothing more, within seconds."""
        return self._move(campaign_id, PAUSED, by, reason)

    def resume(self, campaign_id: int, by: str) -> Campaign:
        """Let a paused or incomplete campaign go on, with its newest plan.

        Raises:
            ConflictError: its plan was changed and a second person has not said yes.
        """
        recipients = self._count_checked(campaign_id)
        with self._change(campaign_id) as (connection, campaign):
            if campaign.version != campaign.running_version:
                refuse_unapproved(connection, self.settings, campaign, recipients)
            reopen_failed(connection, campaign_id, self.clock.now())
            return move_to(connection, campaign, RUNNING, by, self.clock.now(), "resumed")

    def cancel(self, campaign_id: int, by: str, reason: str = "") -> Campaign:
        """End it: what has not left never will."""
        cancelled = self._move(campaign_id, CANCELLED, by, reason)
        cancel_messages(self.store, cancelled.programme, reason or "the campaign", self.clock.now(), by)
        return cancelled

    def finish(self, campaign_id: int, by: str, reasons: Sequence[str] = ()) -> Campaign:
        """Say that all its steps are over: finished, or incomplete for these reasons."""
        return self._move(campaign_id, INCOMPLETE if reasons else FINISHED, by, "; ".join(reasons))

    def _move(self, campaign_id: int, status: str, by: str, reason: str) -> Campaign:
        with self._change(campaign_id) as (connection, campaign):
            return move_to(connection, campaign, status, by, self.clock.now(), reason)

    def _count_checked(self, campaign_id: int) -> int:
        """How many people it would write to; refuses a plan that could not run. Outside any transaction: it is slow."""
        campaign = self.get(campaign_id)
        refuse_unfit(self.store, self.settings, campaign)
        return self.count(campaign.plan)

    @contextmanager
    def _change(self, campaign_id: int) -> Iterator[tuple[Connection, Campaign]]:
        with self.store.write() as connection:
            locked = sa.select(campaigns.c.campaign_id).where(campaigns.c.campaign_id == campaign_id)
            if connection.execute(locked.with_for_update()).first() is None:
                raise NotFoundError(f"there is no campaign {campaign_id}")
            yield connection, find_campaign(connection, campaign_id)


def open_library(settings: Settings, store: Store, desk: Desk) -> CampaignLibrary:
    """The campaigns of a workspace; its audiences are counted by the desk."""
    return CampaignLibrary(store, settings, lambda plan: count_audience(desk, plan))
