"""Under test: one look takes leads in, tells who crossed the line, hands over, pushes; a second does nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lead_world import LEAD_NOON, lead_row, point

from dmat.errors import NotPublishedError
from dmat.routing.assigning import assignments_of
from dmat.routing.reps import put_rep
from dmat.scoring.leads import list_leads
from dmat.scoring.pushing import HUBSPOT, pushes_of
from dmat_pipelines.decide.leads import LeadDesk, count_due, unequal_scores
from dmat_pipelines.decide.loyalty import LoyaltyDesk

POINTS = [point("form:a", 7, "demo_request", 50), point("form:b", 7, "form_submission", 20)]


@pytest.fixture
def desk(lead_world):
    lead_world.settings.hubspot_url = "https://hubspot.example"
    put_rep(lead_world.store, {"rep_key": "ann", "name": "Ann", "email": "ann@shop.example"}, LEAD_NOON, "boss")
    pushed = []
    made = LeadDesk(
        lead_world.settings, lead_world.store, lead_world.view, {HUBSPOT: lambda sent: pushed.append(sent) or "77"}
    )
    made.pushed = pushed
    return made


def test_a_lead_of_the_tables_is_taken_in_told_handed_over_and_in_the_crm_in_one_look(desk, lead_world):
    lead_world.publish(POINTS, [lead_row(None, 7, "john@example.com", full_name="John Doe")])
    look = desk.look()
    assert (look.adopted, look.crossed, look.routed.given, look.pushed.done_count) == (1, 1, 1, 1)
    [lead] = list_leads(lead_world.store)
    lead_world.publish(POINTS, [lead_row(lead.lead_id, 7, "john@example.com")])
    assert assignments_of(lead_world.store, lead.lead_id)[0].rep_key == "ann"
    assert desk.pushed[0]["email"] == "john@example.com"
    assert [each["vendor_id"] for each in pushes_of(lead_world.store, lead.lead_id)] == ["77"]
    assert desk.look().count == 0


def test_silence_is_due_without_a_new_version(desk, lead_world):
    lead_world.publish(POINTS, [lead_row(None, 7, "john@example.com")])
    desk.look()
    assert count_due(lead_world.settings, lead_world.store) == 0
    lead_world.settings.clock.advance(timedelta(hours=2))
    assert count_due(lead_world.settings, lead_world.store) == 1
    assert desk.look().routed.reassigned == 1


def test_scores_that_are_not_the_sum_of_their_ledger_are_found(lead_world):
    lead_world.publish(POINTS, [lead_row(1, 7, "john@example.com")])
    assert unequal_scores(lead_world.view) == (1, [])
    lead_world.publish(POINTS, [lead_row(1, 8, "john@example.com")])
    assert unequal_scores(lead_world.view) == (1, [7])


def test_without_tables_there_is_nothing_to_look_at(desk, lead_world):
    with pytest.raises(NotPublishedError):
        desk.look()
    with pytest.raises(NotPublishedError):
        LoyaltyDesk(lead_world.settings, lead_world.store, lead_world.view).look()
