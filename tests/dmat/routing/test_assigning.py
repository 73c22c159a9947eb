"""Under test: assignments in the store: one at a time, explained, told, handed to the CRM; silence and queues."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from lead_world import LEAD_NOON, hire, hot, route

from dmat.errors import ConflictError, NotFoundError
from dmat.routing.assigning import assign_lead, assignments_of, give_to
from dmat.routing.figures import rep_figures
from dmat.routing.plan import keep_plan, read_plan
from dmat.scoring.alerts import note_scores
from dmat.scoring.leads import get_lead, history_of, set_status, take_in
from dmat.scoring.live import note_activity, score_of
from dmat.scoring.pushing import pushes_of
from dmat.store.tables import ledger_entries


@pytest.fixture
def team(lead_world):
    for key, more in (("john", {"territories": ["California"], "crm_owner_id": "42"}), ("tech", {}),
                      ("boss", {"role": "manager"})):  # fmt: skip
        hire(lead_world, key, **more)
    return lead_world


def mails_to(world, address):
    with world.store.read() as connection:
        query = sa.select(ledger_entries.c.context).where(ledger_entries.c.address == address)
        return [each["title"] for each in connection.execute(query).scalars()]


def test_a_lead_over_fifty_is_given_explained_told_and_logged_once(team):
    lead_id = hot(team, region="California")
    assert (route(team).given, route(team).count) == (1, 0)
    [found] = assignments_of(team.store, lead_id)
    assert (found.place, found.rep_key, found.rule, found.is_priority) == ("rep", "john", "territory", True)
    assert found.respond_by == LEAD_NOON + timedelta(hours=1)
    assert "John gets it" in " ".join(found.explanation)
    assert mails_to(team, "john@shop.example") == ["New high-priority lead assigned: Jo Doe"]
    assert history_of(team.store, lead_id)[0]["kind"] == "assigned"


def test_who_is_not_over_fifty_is_nobodys_yet(team):
    take_in(team.store, {"email": "cold@example.com"}, LEAD_NOON, "ann")
    assert route(team).count == 0


def test_a_lost_lead_that_crosses_again_by_something_new_comes_back_and_is_given_anew(team):
    lead_id = hot(team, region="California")
    route(team)
    set_status(team.store, lead_id, "lost", LEAD_NOON, "john@shop.example")
    team.settings.clock.advance(timedelta(days=120))  # little is left of its points
    now = team.settings.clock.now()
    cold = score_of(team.store, team.view, lead_id, now)
    assert not cold.is_qualified
    note_scores(team.settings, team.store, [cold], now)
    assert route(team).count == 0
    assert hot(team) == lead_id
    with team.store.read() as connection:
        lead = get_lead(connection, lead_id)
    assert (lead.status, lead.assigned_to, lead.status_at) == ("new", None, now)
    assert (route(team).given, route(team).count) == (1, 0)
    assert [each.rep_key for each in assignments_of(team.store, lead_id)] == ["john", "john"]
    assert len(mails_to(team, "john@shop.example")) == 2
    assert "returned" in [row["kind"] for row in history_of(team.store, lead_id)]


def test_without_reps_nothing_is_routed(lead_world):
    hot(lead_world)
    assert route(lead_world).count == 0


def test_silence_gives_the_lead_to_the_next_and_in_the_end_to_the_manager(team):
    lead_id = hot(team, region="California")
    for expected in (["john"], ["tech", "john"]):
        route(team)
        assert [each.rep_key for each in assignments_of(team.store, lead_id)] == expected
        team.settings.clock.advance(timedelta(minutes=61))
    hire(team, "third")
    assert route(team).reassigned == 1
    team.settings.clock.advance(timedelta(minutes=61))
    assert route(team).reassigned == 1
    newest = assignments_of(team.store, lead_id)[0]
    assert (newest.rep_key, newest.respond_by) == ("boss", None)
    assert [each.ended_because for each in assignments_of(team.store, lead_id)] == ["", *["no answer"] * 3]


def test_an_answer_in_time_stops_the_clock(team):
    lead_id = hot(team, region="California")
    route(team)
    team.settings.clock.advance(timedelta(minutes=30))
    set_status(team.store, lead_id, "contacted", team.settings.clock.now(), "john")
    team.settings.clock.advance(timedelta(days=2))
    assert route(team).count == 0
    figures = {each.rep_key: each for each in rep_figures(team.store, team.settings.clock.now())}
    assert (figures["john"].open_count, figures["john"].median_response_minutes) == (1, 30.0)
    set_status(team.store, lead_id, "won", team.settings.clock.now(), "john")
    assert assignments_of(team.store, lead_id)[0].ended_because == "won"


def test_a_queued_lead_is_given_when_somebody_has_room_and_the_urgent_one_first(team):
    hire(team, "john", capacity=0, territories=["California"])
    first, second = hot(team, region="California"), hot(team, "b@example.com", region="California")
    assert (route(team).queued, route(team).count) == (2, 0)
    note_activity(team.store, team.view, second, "scheduled_call", LEAD_NOON, "ann")
    hire(team, "john", capacity=1, territories=["California"])
    assert route(team).given == 1
    places = {lead_id: assignments_of(team.store, lead_id)[0].place for lead_id in (first, second)}
    assert sorted(places.values()) == ["queue", "rep"]
    assert "A lead waits in the queue: Jo Doe" in mails_to(team, "boss@shop.example")


def test_a_record_of_the_crm_is_planned_with_the_owner(team, monkeypatch):
    team.settings.hubspot_url = "https://hubspot.example"
    lead_id = hot(team, region="California")
    route(team)
    [push] = [each for each in pushes_of(team.store, lead_id) if each["kind"] == "hubspot"]
    assert push["state"] == "waiting"
    from dmat.store.lead_tables import lead_pushes

    with team.store.read() as connection:
        payload = connection.execute(sa.select(lead_pushes.c.payload)).scalar_one()
    assert payload["email"] == "john@example.com"
    assert {name: payload["properties"][name] for name in ("firstname", "hubspot_owner_id", "lifecyclestage")} == {
        "firstname": "Jo", "hubspot_owner_id": "42", "lifecyclestage": "marketingqualifiedlead",
    }  # fmt: skip


def test_a_lead_given_by_hand_is_given_whatever_the_rules_say(team):
    lead_id = hot(team, region="California")
    route(team)
    given = give_to(team.settings, team.store, team.view, lead_id, "tech", LEAD_NOON, "boss@shop.example")
    assert (given.rep_key, given.explanation) == ("tech", ["Given to Tech by boss@shop.example."])
    with pytest.raises(ConflictError, match="already"):
        give_to(team.settings, team.store, team.view, lead_id, "tech", LEAD_NOON, "boss")
    with pytest.raises(NotFoundError):
        give_to(team.settings, team.store, team.view, lead_id, "nobody", LEAD_NOON, "boss")
    with team.store.read() as connection:
        assert get_lead(connection, lead_id).assigned_to == "tech"


def test_assigning_twice_keeps_who_has_it(team):
    lead_id = take_in(team.store, {"email": "c@example.com"}, LEAD_NOON, "ann")[0].lead_id
    first = assign_lead(team.settings, team.store, team.view, lead_id, LEAD_NOON, "journey")
    again = assign_lead(team.settings, team.store, team.view, lead_id, LEAD_NOON, "journey")
    assert (again.assignment_id, again.is_priority) == (first.assignment_id, False)


def test_rules_are_versions_and_a_change_on_an_old_one_is_refused(team):
    document = {"rules": [{"key": "all", "then": {"to": "rep", "rep": "tech"}}], "response_minutes": 5}
    assert keep_plan(team.store, document, LEAD_NOON, "boss", expected=0)[0] == 1
    with pytest.raises(ConflictError, match="version 1"):
        keep_plan(team.store, document, LEAD_NOON, "boss", expected=0)
    with team.store.read() as connection:
        assert read_plan(connection)[1].response_minutes == 5
    lead_id = hot(team, region="California")
    route(team)
    assert (assignments_of(team.store, lead_id)[0].rep_key, assignments_of(team.store, lead_id)[0].rules_version) == (
        "tech",
        1,
    )


def test_company_and_engagement_are_asked_for_when_the_plan_says_so(team):
    keep_plan(team.store, {"rules": [{"key": "all", "then": {"to": "anyone"}}],
                           "ready": {"email_engagement": True, "company": True}}, LEAD_NOON, "boss")  # fmt: skip
    lead_id = hot(team)
    assert route(team).count == 0
    take_in(team.store, {"email": "john@example.com", "company_name": "Tech Corp"}, LEAD_NOON, "ann")
    note_activity(team.store, team.view, lead_id, "email_click", LEAD_NOON, "ann")
    assert route(team).given == 1
