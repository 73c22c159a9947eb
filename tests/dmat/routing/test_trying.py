"""Under test: rules are tried out on one lead and on the last weeks' leads, and nothing is given or written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from lead_world import LEAD_NOON, hire, hot, route

from dmat.errors import InvalidInputError
from dmat.routing.assigning import assignments_of
from dmat.routing.plan import parse_routing, read_plan
from dmat.routing.trying import made_up_lead, try_history, try_lead

ALL_TO_TECH = parse_routing({"rules": [{"key": "tech", "then": {"to": "rep", "rep": "tech"}}]})


@pytest.fixture
def team(lead_world):
    hire(lead_world, "john", territories=["California"])
    hire(lead_world, "tech")
    return lead_world


def test_a_made_up_lead_shows_where_it_would_go_and_why(team):
    lead = made_up_lead({"region": "California", "company_size": "1000+"}, LEAD_NOON)
    decision = try_lead(team.store, lead, Decimal(65), LEAD_NOON)
    assert (decision.place, decision.rep_key, decision.rule) == ("rep", "john", "territory")
    assert decision.because[0] == "The score is 65, over 50: ready for sales."
    low = try_lead(team.store, lead, Decimal("50.00"), LEAD_NOON)
    assert low.because[0] == "The score is 50, not over 50: not ready for sales by itself."
    assert try_lead(team.store, lead, Decimal(65), LEAD_NOON, ALL_TO_TECH).rep_key == "tech"
    with pytest.raises(InvalidInputError, match="company_size"):
        made_up_lead({"company_size": "huge"}, LEAD_NOON)


def test_other_rules_are_compared_on_the_leads_of_the_last_weeks(team):
    ids = [hot(team, f"lead{number}@example.com", region="California") for number in range(3)]
    route(team)
    tried = try_history(team.store, ALL_TO_TECH, LEAD_NOON)
    assert [(each.lead.lead_id, each.was_rep, each.decision.rep_key, each.is_same) for each in tried] == [
        (number, "john", "tech", False) for number in ids
    ]
    with team.store.read() as connection:
        rules = read_plan(connection)[1]
    assert all(each.is_same for each in try_history(team.store, rules, LEAD_NOON))
    assert [assignment.rep_key for assignment in assignments_of(team.store, ids[0])] == ["john"]


def test_the_cap_of_a_day_counts_while_leads_are_tried(team):
    hire(team, "tech", most_per_day=1)
    [hot(team, f"lead{number}@example.com", region="California") for number in range(2)]
    route(team)
    places = [each.decision.place for each in try_history(team.store, ALL_TO_TECH, LEAD_NOON)]
    assert places == ["rep", "queue"]
