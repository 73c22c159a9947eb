"""What became of everybody in a campaign, as a CSV file, for who may take people away; each time is written down.

Belongs here: the address, who may, the audit, writing safe cells. Stays out: the rows (`journeys.py`).
"""

from __future__ import annotations

import asyncio
import csv
import tempfile
from pathlib import Path

from tornado.web import HTTPError, RequestHandler

from apps.context import Context
from apps.screens.campaigns.desk import desks_of
from apps.screens.campaigns.journeys import COLUMNS, stream_messages
from dmat.campaigns.records import Campaign
from dmat.errors import NotFoundError
from dmat.segments.export import as_text
from dmat.store.access import caller_of_user
from dmat.store.users import COOKIE_NAME, User, user_of_token
from dmat.store.workspace_values import write_audit


class CampaignExportHandler(RequestHandler):
    """`/campaigns-export?id=3`."""

    def initialize(self, context: Context) -> None:
        """Called by Tornado with what the route carries."""
        self.context = context

    async def get(self) -> None:
        """The file; 403 for roles that may not, 404 when there is no such campaign."""
        user = user_of_token(self.context.store, self.get_cookie(COOKIE_NAME))
        if user is None or not caller_of_user(user).may("people:export"):
            raise HTTPError(403)
        number = self.get_query_argument("id", "")
        try:
            campaign = desks_of(self.context).library.get(int(number) if number.isdigit() else 0)
        except NotFoundError as error:
            raise HTTPError(404, str(error)) from error
        name = f"campaign-{campaign.campaign_id}-{self.context.now():%Y-%m-%d}.csv"
        with tempfile.TemporaryDirectory(prefix="dmat-export-") as folder:
            file = Path(folder) / name
            await asyncio.to_thread(write_file, self.context, campaign, file, user)
            self.set_header("Content-Type", "text/csv; charset=utf-8")
            self.set_header("Content-Disposition", f'attachment; filename="{name}"')
            self.set_header("Cache-Control", "no-store")
            with file.open("rb") as opened:
                while piece := opened.read(256 * 1024):
                    self.write(piece)
                    await self.flush()


def write_file(context: Context, campaign: Campaign, file: Path, user: User) -> int:
    """Write the messages and the line of the audit; gives how many there were."""
    count = 0
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        for row in stream_messages(context.store, campaign.programme):
            writer.writerow([as_text(row[name]) for name in COLUMNS])
            count += 1
    with context.store.write() as connection:
        subject = str(campaign.campaign_id)
        write_audit(connection, context.now(), user.email, "campaign exported", subject, messages=count)
    return count
