"""Under test: rules decide who gets a lead and say why; capacity, hours, absence, fairness; queue and pool."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dmat.errors import InvalidInputError
from dmat.routing.decide import decide
from dmat.routing.hours import Hours
from dmat.routing.plan import DEFAULT, parse_routing, routing_schema
from dmat.routing.reps import Load, parse_rep
from dmat.scoring.leads import Lead

NOON = datetime(2026, 3, 4, 12)  # a Wednesday
PLAN = parse_routing(DEFAULT)
WEEK = {day: ["09:00", "17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


def lead(**more):
    given_ = {
        "lead_id": 1, "email": "john@example.com", "person_id": None, "name": "John", "phone": "", "company_name": "",
        "company_size": "", "industry": "", "job_title": "", "country_code": "", "region": "", "source": "referral",
        "landing_page_id": None, "campaign_id": None, "status": "new", "status_at": NOON, "assigned_to": None,
        "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return Lead(**given_ | more)


def rep(key, **more):
    return parse_rep({"rep_key": key, "name": key.capitalize(), "email": f"{key}@shop.example"} | more)


JOHN = rep("john", territories=["US/California", "NV"])
TECH = rep("tech", industries=["Technology"])
BOSS = rep("boss", role="manager")
TEAM = [JOHN, TECH, BOSS]


def given_to(one, reps=TEAM, loads=None, plan=PLAN, **more):
    return decide(one, Decimal(60), plan, reps, loads or {}, NOON, **more)


@pytest.mark.parametrize(
    ("facts", "expected", "rule"),
    [
        ({"region": "California", "country_code": "US"}, "john", "territory"),
        ({"industry": "technology"}, "tech", "industry"),
        ({"company_size": "1000+", "region": "California", "country_code": "US"}, "boss", "enterprise"),
        ({"region": "California", "country_code": "MX"}, "john", "balance"),
    ],
)
def test_the_rules_of_the_requirement_find_who_is_meant(facts, expected, rule):
    found = given_to(lead(**facts))
    assert (found.rep_key, found.rule, found.place) == (expected, rule, "rep")
    assert any(f"{expected.capitalize()} gets it" in words for words in found.because)


def test_a_rep_never_gets_more_than_the_cap_and_the_lead_waits_with_priority():
    full = {"john": Load(open_count=50), "tech": Load(today_count=15)}
    waiting = given_to(lead(region="California", country_code="US"), loads=full)
    assert (waiting.place, waiting.rep_key, waiting.is_priority) == ("queue", None, True)
    assert "John has 50 open leads, which is enough." in waiting.because[1]


def test_a_full_specialist_lets_the_next_rule_decide():
    found = given_to(lead(industry="Technology"), loads={"tech": Load(today_count=15)})
    assert (found.rep_key, found.rule) == ("john", "balance")


def test_no_match_goes_to_the_pool():
    found = given_to(lead(), reps=[BOSS])
    assert (found.place, found.rule) == ("pool", "")


def test_who_is_away_or_off_is_not_asked():
    away = rep("away", away=[["2026-03-01", "2026-03-31"]])
    off = rep("off", is_active=False)
    assert given_to(lead(), reps=[away, off, TECH]).rep_key == "tech"


def test_who_is_at_work_now_comes_first_and_the_clock_runs_in_working_hours():
    tokyo = rep("tokyo", time_zone="Asia/Tokyo")  # 21:00 there
    assert given_to(lead(), reps=[tokyo, TECH], loads={"tech": Load(today_count=5)}).rep_key == "tech"
    alone = given_to(lead(), reps=[tokyo])
    assert (alone.rep_key, alone.respond_by) == ("tokyo", datetime(2026, 3, 5, 1))  # an hour into the next morning


def test_an_hour_at_the_end_of_friday_ends_on_monday_and_clock_changes_do_not_matter():
    berlin = Hours("Europe/Berlin", WEEK)
    assert berlin.after(datetime(2026, 3, 27, 15, 40), 60) == datetime(2026, 3, 30, 7, 40)  # summer time began between
    assert Hours("UTC", {}).after(NOON, 60) is None


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.integers(1, 40))
def test_reps_of_the_same_rule_are_never_more_than_one_lead_apart(reps_count, leads_count):
    reps = [rep(f"r{number}") for number in range(reps_count)]
    counts = Counter()
    for number in range(leads_count):
        loads = {one.rep_key: Load(open_count=counts[one.rep_key], today_count=counts[one.rep_key]) for one in reps}
        counts[given_to(lead(lead_id=number), reps=reps, loads=loads).rep_key] += 1
        shares = [counts[one.rep_key] for one in reps]
        assert max(shares) - min(shares) <= 1


def test_who_did_not_answer_is_not_asked_again():
    found = given_to(lead(region="California", country_code="US"), excluded={"john"})
    assert (found.rep_key, found.rule) == ("tech", "balance")
    assert "The rep of the territory: John did not answer before." in found.because


def test_a_plan_names_the_place_of_its_fault_and_agrees_with_its_schema():
    jsonschema_rs.validator_for(routing_schema()).validate(DEFAULT)
    for change, place in (
        ({"rules": []}, "rules"),
        ({"rules": [{"key": "a", "then": {"to": "everybody"}}]}, "rules[0].then"),
        ({"rules": [{"key": "a", "then": {"to": "anyone"}, "when": {"company_sizes": ["big"]}}]},
         "rules[0].when.company_sizes"),
        ({"rules": [{"key": "a", "then": {"to": "anyone"}}, {"key": "a", "then": {"to": "anyone"}}]}, "rules[1].key"),
        (DEFAULT | {"colour": "red"}, "colour"),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError) as refused:
            parse_routing(change)
        assert refused.value.field == place


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "nobody"), ("time_zone", "Mars/Base"), ("working_hours", {"mon": ["17:00", "09:00"]}),
     ("away", [["2026-03-09", "2026-03-01"]]), ("away", [["soon", "later"]]), ("capacity", -1), ("colour", "red")],
)  # fmt: skip
def test_a_rep_with_a_wrong_field_is_refused_by_name(field, value):
    with pytest.raises(InvalidInputError) as refused:
        rep("ann", **{field: value})
    assert refused.value.field == field
