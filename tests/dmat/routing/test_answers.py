"""Under test: what reps say to their leads: taken on, given back, taken from the queue; and the manager's figures."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lead_world import LEAD_NOON, hire, hot, route

from dmat.errors import ConflictError, InvalidInputError, NotPermittedError
from dmat.routing.answering import accept, claim, reject, require_own
from dmat.routing.assigning import assignments_of
from dmat.routing.figures import desk_figures
from dmat.routing.plan import keep_plan
from dmat.scoring.leads import history_of, set_status
from dmat.store.access import Caller

MINUTE = timedelta(minutes=1)


@pytest.fixture
def team(lead_world):
    hire(lead_world, "john", territories=["California"], team="West")
    hire(lead_world, "tech", team="East")
    hire(lead_world, "boss", role="manager")
    return lead_world


def wait(world, minutes):
    world.settings.clock.advance(minutes * MINUTE)
    return world.settings.clock.now()


def give_back(world, lead_id, reason="territory", **more):
    now = world.settings.clock.now()
    return reject(world.settings, world.store, world.view, lead_id, reason, now, "john@shop.example", **more)


def test_who_takes_a_lead_on_keeps_it_without_having_been_in_touch_yet(team):
    lead_id = hot(team, region="California")
    route(team)
    first = accept(team.store, lead_id, wait(team, 10), "john@shop.example")
    again = accept(team.store, lead_id, wait(team, 10), "john@shop.example")
    assert (first.accepted_at, first.contacted_at) == (LEAD_NOON + 10 * MINUTE, None)
    assert again.accepted_at == first.accepted_at
    wait(team, 90)
    assert route(team).reassigned == 0
    assert [row["kind"] for row in history_of(team.store, lead_id)].count("accepted") == 1


def test_what_is_given_back_goes_to_somebody_else_and_never_back(team):
    lead_id = hot(team, region="California")
    route(team)
    following = give_back(team, lead_id, words="he is in Nevada")
    assert (following.rep_key, following.place) == ("tech", "rep")
    before = assignments_of(team.store, lead_id)[1]
    assert (before.rep_key, before.ended_because, before.rejected_for) == ("john", "rejected", "territory")
    assert "he is in Nevada" in " ".join(row["words"] for row in history_of(team.store, lead_id))
    assert give_back(team, lead_id, "no_time").rep_key != "john"


def test_a_reason_that_is_none_and_a_lead_that_nobody_has_are_refused(team):
    lead_id = hot(team)
    with pytest.raises(ConflictError, match="with no rep"):
        accept(team.store, lead_id, LEAD_NOON, "ann")
    route(team)
    with pytest.raises(InvalidInputError, match="territory, industry"):
        give_back(team, lead_id, "lazy")
    set_status(team.store, lead_id, "won", LEAD_NOON, "ann")
    with pytest.raises(ConflictError, match="is won"):
        give_back(team, lead_id)


def test_a_rep_answers_for_their_own_leads_only_and_a_manager_for_all(team):
    lead_id = hot(team, region="California")
    route(team)
    scopes = frozenset({"leads:read", "leads:write"})
    require_own(team.store, lead_id, Caller("john@shop.example", scopes))
    require_own(team.store, lead_id, Caller("boss@shop.example", scopes | {"leads:route"}))
    for name, may in (("tech@shop.example", scopes), ("john@shop.example", frozenset({"leads:read"}))):
        with pytest.raises(NotPermittedError):
            require_own(team.store, lead_id, Caller(name, may))


def test_a_lead_of_the_pool_is_taken_once_by_a_rep(team):
    rule = {"key": "nobody", "when": {"countries": ["XX"]}, "then": {"to": "anyone"}}
    keep_plan(team.store, {"rules": [rule]}, LEAD_NOON, "boss")
    lead_id = hot(team)
    assert route(team).pooled == 1
    world = (team.settings, team.store, team.view, lead_id, LEAD_NOON)
    taken = claim(*world, "tech@shop.example")
    assert (taken.rep_key, taken.accepted_at) == ("tech", LEAD_NOON)
    with pytest.raises(ConflictError, match="tech has lead"):
        claim(*world, "john@shop.example")
    with pytest.raises(NotPermittedError, match="no active sales rep"):
        claim(*world, "stranger@shop.example")


def test_figures_tell_answers_from_first_contacts_by_rep_and_team(team):
    quick, slow, wrong = (hot(team, f"{n}@example.com", region="California") for n in ("quick", "slow", "wrong"))
    route(team)
    give_back(team, wrong)
    accept(team.store, quick, wait(team, 10), "john")
    set_status(team.store, quick, "contacted", wait(team, 20), "john")
    accept(team.store, slow, wait(team, 5), "john")
    wait(team, 60)
    desk = desk_figures(team.store, team.settings.clock.now())
    john = next(each for each in desk.reps if each.rep_key == "john")
    assert (john.given_count, john.accepted_count, john.contacted_count, john.rejected_count) == (3, 2, 1, 1)
    assert (john.median_response_minutes, john.median_contact_minutes) == (22.5, 30.0)
    assert (john.contacted_in_time_share, john.follow_up_share) == (0.5, 0.5)
    assert john.right_rep_share == pytest.approx(2 / 3)
    assert [(each.team, each.given_count) for each in desk.teams] == [("", 0), ("East", 1), ("West", 3)]
    assert desk.everybody.given_count == 4
    assert (desk.median_assignment_seconds, desk.assigned_within_two_minutes_share) == (0.0, 1.0)


def test_without_leads_no_figure_is_made_up(team):
    desk = desk_figures(team.store, LEAD_NOON)
    nothing = (desk.everybody.median_response_minutes, desk.everybody.follow_up_share, desk.median_assignment_seconds)
    assert nothing == (None, None, None)
