"""Under test: Home tells what will be sent in the next seven days, and what was begun and not finished."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from serving_fixture import NOW, build_home

from apps.context import open_context
from apps.screens.home.ahead import read_ahead
from dmat.store.campaign_tables import campaign_versions, campaigns


@pytest.fixture
def context(tmp_path):
    found = open_context(build_home(tmp_path, with_figures=False))
    yield found
    found.store.close()


def add(context, number, name, status, *moments):
    plan = {"audience": {"segments": ["all"]},
            "steps": [{"key": f"s{place}", "name": f"Step {place}", "channel": "email", "template": "t",
                       "at": f"{at.isoformat()}Z"} for place, at in enumerate(moments)]}  # fmt: skip
    same = {"created_at": NOW, "created_by": "ann@example.com"}
    row = {"campaign_id": number, "name": name, "description": "", "folder": "", "tags": [], "owner": "", "version": 1,
           "status": status, "status_reason": "", "updated_at": NOW + timedelta(minutes=number), "updated_by": "",
           "started_at": NOW - timedelta(days=1) if status == "running" else None}  # fmt: skip
    with context.store.write() as connection:
        connection.execute(sa.insert(campaigns).values(row | same))
        version = {"campaign_id": number, "version": 1, "plan": plan, "plan_hash": "", "note": ""}
        connection.execute(sa.insert(campaign_versions).values(version | same))


def test_the_steps_of_the_next_seven_days_are_told_the_soonest_first(context):
    hour = timedelta(hours=1)
    add(context, 1, "Sale", "running", NOW - hour, NOW + 30 * hour)
    add(context, 2, "News", "scheduled", NOW + 2 * hour, NOW + 24 * 8 * hour)
    add(context, 3, "Over", "finished", NOW + hour)
    sends = read_ahead(context).sends
    assert [(each.campaign, each.name, each.due_at) for each in sends] == [
        ("News", "Step 0", NOW + 2 * hour), ("Sale", "Step 1", NOW + 30 * hour),
    ]  # fmt: skip
    assert sends[0].link == "/campaigns?id=2"


def test_drafts_are_told_the_last_changed_first(context):
    add(context, 1, "Older", "draft", NOW)
    add(context, 2, "Newer", "draft", NOW)
    assert [(each.name, each.kind) for each in read_ahead(context).drafts] == [
        ("Newer", "Campaign"), ("Older", "Campaign"),
    ]  # fmt: skip
    assert read_ahead(context).sends == ()
