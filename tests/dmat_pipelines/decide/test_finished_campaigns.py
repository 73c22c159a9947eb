"""Under test: a campaign that is called finished has no open message, of whatever step."""

from __future__ import annotations

import sqlalchemy as sa
from sending_fixtures import NOON, plan_messages

from dmat.campaigns.library_rows import clean_card, insert_campaign, keep_version
from dmat.campaigns.plan import CampaignPlan
from dmat.ledger.post import Move, move
from dmat.store.campaign_tables import campaigns
from dmat_pipelines.decide.campaigns import unfinished_reasons


def make_campaign(store, status):
    with store.write() as connection:
        number = insert_campaign(
            connection, clean_card(name="Sale", tags=(), owner="ann@shop.example"), "ann@shop.example", NOON
        )
        keep_version(connection, number, 1, CampaignPlan(), NOON, "ann@shop.example", "")
        connection.execute(sa.update(campaigns).where(campaigns.c.campaign_id == number).values(status=status))
        return number


def test_a_finished_campaign_with_an_open_message_is_told(store):
    number = make_campaign(store, "finished")
    make_campaign(store, "running")
    [first, second] = plan_messages(store, 2, programme=f"campaign:{number}")
    with store.write() as connection:
        move(connection, [Move(first, "suppressed", "test")], NOON)
    assert unfinished_reasons(store) == (1, {number: ["1 messages have not come to an end"]})
    with store.write() as connection:
        move(connection, [Move(second, "expired", "test")], NOON)
    assert unfinished_reasons(store) == (1, {})
