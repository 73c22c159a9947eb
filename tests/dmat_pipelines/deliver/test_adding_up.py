"""Under test: a campaign that is called finished has no open message."""

from __future__ import annotations

import sqlalchemy as sa
from sending_fixtures import NOON, plan_messages

from dmat.ledger.post import Move, move
from dmat.store.campaign_tables import campaigns
from dmat_pipelines.deliver.adding_up import look_at_finished


def make_campaign(store, status):
    required = {
        column.name: [] if isinstance(column.type, sa.JSON) else NOON if isinstance(column.type, sa.DateTime)
        else 1 if isinstance(column.type, sa.Integer) else "x"
        for column in campaigns.c
        if not column.nullable and column.default is None and not column.primary_key
    }  # fmt: skip
    with store.write() as connection:
        row = connection.execute(sa.insert(campaigns).values(required | {"status": status}))
        return row.inserted_primary_key[0]


def test_a_finished_campaign_with_an_open_message_is_told(store):
    number = make_campaign(store, "finished")
    make_campaign(store, "running")
    [first, second] = plan_messages(store, 2, programme=f"campaign:{number}")
    with store.write() as connection:
        move(connection, [Move(first, "suppressed", "test")], NOON)
    found = look_at_finished(store)
    assert (found.finished_count, found.messages, found.open) == (1, 2, {f"campaign:{number}": 1})
    with store.write() as connection:
        move(connection, [Move(second, "expired", "test")], NOON)
    assert look_at_finished(store).open == {}
