"""Under test: what the screens of leads say and do, without a browser: queue, answers, figures, rules, the matrix."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from lead_world import LEAD_NOON, hire, hot, lead_row, point, route

from apps.context import Context
from apps.parts.render import render
from apps.screens.leads import telling
from apps.screens.leads.acting import Acts
from apps.screens.leads.queue import Queue
from apps.screens.leads.rule_words import rule_document, rule_words
from apps.screens.leads.ruling import Ruling, moved
from apps.screens.leads.scores import ScoreTable
from apps.screens.leads.screen import LeadsScreen
from apps.screens.leads.state import ALL, MATRIX, MINE, RULES, TEAM, WAITING, LeadState
from apps.screens.leads.team import Team, document_of, form_of, span_of
from apps.screens.leads.telling import clock_words, timeline
from dmat.errors import InvalidInputError, NotPermittedError
from dmat.routing.answering import rep_of
from dmat.routing.assigning import assignments_of
from dmat.routing.lists import ANSWER, CONTACT, Due
from dmat.routing.plan import parse_routing, read_plan
from dmat.routing.reps import parse_rep
from dmat.scoring.leads import history_of
from dmat.scoring.matrix_versions import list_versions
from dmat.scoring.words import industry_words
from dmat.store.access import ROLE_SCOPES, Caller
from dmat.store.users import User

MINUTE = timedelta(minutes=1)


def caller(role, name):
    return Caller(f"{name}@shop.example", ROLE_SCOPES[role])


@pytest.fixture
def sales(lead_world):
    hire(lead_world, "john", territories=["California"], team="West")
    hire(lead_world, "tech")
    hire(lead_world, "boss", role="manager")
    return lead_world


@pytest.fixture
def context(sales):
    return Context(sales.settings, sales.view, sales.store)


def queue_of(context, role="sales", name="john"):
    who = caller(role, name)
    with context.store.read() as connection:
        return Queue(context, who, role, rep_of(connection, who.name))


def shown(context, view=MINE, role="sales", name="john", **state):
    return queue_of(context, role, name).values(LeadState(view=view, **state))


def test_a_rep_sees_their_own_leads_the_hottest_first_with_reason_and_clock(sales, context):
    hotter = hot(sales, "hotter@example.com", region="California", job_title="CTO")
    hot(sales, "warm@example.com", region="California")
    hot(sales, "other@example.com", country_code="DE")
    route(sales)
    found = shown(context)
    assert [card.row.lead.email for card in found["cards"]] == ["hotter@example.com", "warm@example.com"]
    opened = found["opened"]
    assert (opened.row.lead.lead_id, opened.is_mine, found["after"]) == (hotter, True, hotter + 1)
    assert "Asked for a demo" in opened.reasons[0].words
    assert opened.clock.words == "Answer due"
    assert "John gets it" in " ".join(opened.because)
    assert [each.title for each in opened.happenings][:2] == ["Given to John", "Crossed the threshold"]
    assert shown(context, search="warm")["cards"][0].row.lead.email == "warm@example.com"
    assert shown(context, view=ALL)["counts"]["hot"] == 3


def test_what_waits_is_seen_by_all_and_taken_by_one(sales, context):
    hire(sales, "john", territories=["California"], capacity=0)
    number = hot(sales, region="California")
    route(sales)
    found = shown(context, view=WAITING, name="tech")
    assert (found["opened"].is_waiting, found["opened"].row.assignment.place) == (True, "queue")
    done = Acts(context, caller("sales", "tech")).do("claim", number, {})
    assert done.words.startswith("It is yours")
    assert shown(context, view=WAITING)["cards"] == []
    assert shown(context, name="tech")["opened"].row.assignment.is_answered


def test_one_key_takes_on_gives_back_or_gives_away_and_a_manager_takes_that_back(sales, context):
    number = hot(sales, region="California")
    route(sales)
    john, boss = Acts(context, caller("sales", "john")), Acts(context, caller("manager", "boss"))
    john.do("accept", number, {})
    assert shown(context)["opened"].clock.words == "First contact due"
    assert john.do("reject", number, {"reason": "industry"}).undo is None
    given = boss.do("give", number, {"rep": "boss"})
    assert (given.words, given.undo) == ("Boss has it now", (number, "tech"))
    boss.do("undo", number, {"rep": "tech"})
    assert [each.rep_key for each in assignments_of(sales.store, number)] == ["tech", "boss", "tech", "john"]


def test_what_is_no_lead_is_closed_and_goes_to_nobody(sales, context):
    number = hot(sales, region="California")
    route(sales)
    Acts(context, caller("sales", "john")).do("reject", number, {"reason": "no_lead", "words": "a test"})
    assert shown(context, view=ALL)["opened"].row.lead.status == "lost"
    assert len(assignments_of(sales.store, number)) == 1


def test_a_rep_cannot_act_on_what_is_somebody_elses_nor_give_leads_away(sales, context):
    number = hot(sales, region="California")
    route(sales)
    tried = (("tech", "accept", {}), ("tech", "status", {"status": "won"}), ("john", "give", {"rep": "x"}),
             ("john", "undo", {"rep": "tech"}))  # fmt: skip
    for name, act, form in tried:
        with pytest.raises(NotPermittedError):
            Acts(context, caller("sales", name)).do(act, number, form)
    with pytest.raises(InvalidInputError, match="contacted, qualified"):
        Acts(context, caller("sales", "john")).do("status", number, {"status": "new"})
    assert not shown(context, view=ALL, name="tech")["opened"].is_mine


def test_a_long_list_is_shown_in_parts_and_a_won_lead_keeps_the_name_of_who_won_it(sales, context):
    number = hot(sales, region="California", industry="COMPUTER_SOFTWARE")
    hot(sales, "second@example.com", country_code="DE")
    route(sales)
    Acts(context, caller("sales", "john")).do("status", number, {"status": "contacted"})
    Acts(context, caller("sales", "john")).do("status", number, {"status": "qualified"})
    Acts(context, caller("sales", "john")).do("status", number, {"status": "won"})
    state = LeadState(view=ALL, lead=str(number), most=1)
    values = queue_of(context, "manager", "boss").values(state)
    html = render("screens/leads/queue.jinja", LEAD_NOON, "UTC", state=state, may=lambda scope: True, rep=None,
                  telling=telling, **values)  # fmt: skip
    assert "1 of 2 are shown" in html
    assert html.count('data-key="lead-') == 1
    head = html[html.index("lead-head") : html.index("Next:")]
    assert "John" in head
    assert "With nobody" not in head
    assert "Nothing: the lead is won." in html
    assert "Computer software" in html


def test_industries_of_a_crm_are_said_in_words_and_others_stay_as_they_are():
    said = {code: industry_words(code) for code in ("RETAIL", "COMPUTER_SOFTWARE", "IT", "Retail & Co", "")}
    assert list(said.values()) == ["Retail", "Computer software", "IT", "Retail & Co", ""]


def test_clocks_say_what_is_due_and_when_it_is_late():
    assert clock_words(None, LEAD_NOON) is None
    assert clock_words(Due(ANSWER, LEAD_NOON + 40 * MINUTE), LEAD_NOON).tone == ""
    assert clock_words(Due(ANSWER, LEAD_NOON + 10 * MINUTE), LEAD_NOON).tone == "warning"
    late = clock_words(Due(CONTACT, LEAD_NOON), LEAD_NOON)
    assert (late.words, late.tone) == ("First contact was due", "danger")


def test_the_timeline_joins_what_the_lead_did_and_what_was_done(sales, context):
    number = hot(sales, region="California")
    sales.publish([point("visit:1", 5, "pricing_page_visit", 15, LEAD_NOON - MINUTE)],
                  [lead_row(number, 5, "john@example.com")])  # fmt: skip
    Acts(context, caller("manager", "boss")).do("note", number, {"words": "Met at the fair"})
    opened = shown(context, view=ALL)["opened"]
    found = timeline(opened.row.score.entries, history_of(sales.store, number), {})
    assert {"Note", "Became a lead", "Activity noted"} <= {each.title for each in found}
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    with pytest.raises(InvalidInputError, match="note"):
        Acts(context, caller("manager", "boss")).do("note", number, {"words": " "})


def test_the_manager_sees_load_and_times_by_rep_and_team(sales, context):
    number = hot(sales, region="California")
    route(sales)
    Acts(context, caller("sales", "john")).do("accept", number, {})
    found = Team(context, caller("manager", "boss")).values(LeadState(view=TEAM))
    john = next(each for each in found["desk"].reps if each.rep_key == "john")
    assert (john.open_count, john.accepted_count, john.median_response_minutes) == (1, 1, 0.0)
    assert [each.team for each in found["desk"].teams] == ["", "West"]
    assert [span_of(each) for each in (None, 0.5, 12, 200, 5000)] == ["–", "30 s", "12 min", "3.3 h", "3 days"]


def test_a_rep_is_kept_from_a_form_and_comes_back_into_it(sales, context):
    team = Team(context, caller("manager", "boss"))
    form = {"name": "Ann Lee", "email": "ann@shop.example", "territories": "DE, US/California", "capacity": "9",
            "most_per_day": "3", "time_zone": "Europe/Berlin", "mon_from": "09:00", "mon_to": "17:00",
            "away": "2026-12-24 to 2026-12-31", "is_active": "on"}  # fmt: skip
    assert team.act("keep_rep", form) == "Ann Lee is kept"
    rep = parse_rep(document_of(form))
    assert (rep.rep_key, rep.territories, rep.working_hours) == (
        "ann-lee", ["DE", "US/California"], {"mon": ["09:00", "17:00"]},
    )  # fmt: skip
    assert form_of(rep)["away"] == "2026-12-24 to 2026-12-31"
    with pytest.raises(InvalidInputError, match="away"):
        team.act("keep_rep", form | {"away": "next week"})
    with pytest.raises(NotPermittedError):
        Team(context, caller("sales", "john")).act("keep_rep", form)


def test_rules_are_drafted_tried_and_kept_and_a_restart_loses_no_draft(sales, context):
    hot(sales, region="California")
    route(sales)
    ruling = Ruling(context, caller("manager", "boss"))
    assert ruling.values(LeadState(view=RULES))["is_draft"] is False
    ruling.act("keep_rule", {"name": "All to tech", "priority": "high", "to": "rep", "rep": "tech", "score_over": "60"})
    again = Ruling(context, caller("manager", "boss"))
    found = again.values(LeadState(view=RULES))
    assert (found["is_draft"], found["history"]["differing"], found["history"]["count"]) == (True, 1, 1)
    again.act("try", {"score": "65", "region": "California", "source": "landing_page"})
    assert again.decision.rep_key == "tech"
    with sales.store.read() as connection:
        assert read_plan(connection)[0] == 0
    again.act("clock", {"response_minutes": "30", "contact_minutes": "45", "reassigns": "1", "company": "on"})
    assert "Version 1" in again.act("keep_rules", {"note": "tech knows them"})
    with sales.store.read() as connection:
        version, plan = read_plan(connection)
    assert (version, plan.response_minutes, plan.ready.company, plan.rules[-1].key) == (1, 30, True, "all-to-tech")


def test_a_rule_that_cannot_be_is_named_and_the_draft_stays(sales, context):
    ruling = Ruling(context, caller("manager", "boss"))
    with pytest.raises(InvalidInputError, match=r"^Company size: 'huge' is not known \(allowed: 1-10,"):
        ruling.act("keep_rule", {"name": "x", "to": "anyone", "company_sizes": "huge"})
    ruling.act("try", {"score": "many"})
    assert ruling.try_problem == "Score: 'many' is not a score. Allowed: a number, 0 to 10,000."
    ruling.act("try", {"score": "nan"})
    assert ruling.try_problem.startswith("Score: 'nan' is not a score.")
    with pytest.raises(NotPermittedError):
        Ruling(context, caller("sales", "john")).act("keep_rules", {})


def test_rules_are_moved_among_those_of_their_priority_and_said_in_words():
    rules = [{"key": key, "priority": priority} for key, priority in (("a", "high"), ("b", "low"), ("c", "high"))]
    assert [rule["key"] for rule in moved(rules, "c", -1)] == ["c", "b", "a"]
    assert [rule["key"] for rule in moved(rules, "b", 1)] == ["c", "b", "a"]
    document = rule_document(
        {"name": "Big", "to": "manager", "company_sizes": "1000+", "when_full": "next_rule"}, ["big"]
    )
    [rule] = parse_routing({"rules": [document]}).rules
    assert rule.key == "big-2"
    assert (
        rule_words(rule, {}) == "When company size is 1000+: to a manager; with no room there, the next rule decides."
    )


def test_the_matrix_is_drafted_tried_kept_with_a_reason_and_taken_back(sales, context):
    points = [point("a", 1, "demo_request", 50, half=60)]
    sales.publish(points, [lead_row(None, 1, "a@example.com")])
    table = ScoreTable(context, caller("marketer", "ann"))
    assert table.values(LeadState(view=MATRIX))["after"] is None
    table.act("points", {"of": "demo_request", "value": "60"})
    found = table.values(LeadState(view=MATRIX))
    assert (found["before"].qualified_count, found["after"].qualified_count) == (0, 1)
    table.act("points", {"of": "demo_request", "value": "50"})
    assert table.changes == {}
    table.act("days", {"of": "demo_request", "value": ""})
    table.act("active", {"of": "email_open", "value": False})
    assert "Version 1" in table.act("keep", {"note": "demos do not fade"})
    assert list_versions(sales.store)[0].document["demo_request"]["half_life_days"] is None
    assert "version 2" in table.act("restore", "0")
    table.act("points", {"of": "demo_request", "value": "5000"})
    table.values(LeadState(view=MATRIX))
    assert table.problem == "Asked for a demo or a quote, points: 5000 is out of bounds. Allowed: -1000 to 1000."
    with pytest.raises(InvalidInputError, match="a whole number, as 5"):
        table.act("points", {"of": "demo_request", "value": "lots"})
    with pytest.raises(NotPermittedError):
        ScoreTable(context, caller("sales", "john")).act("keep", {})


def test_tables_that_were_asked_before_a_click_do_not_take_back_what_the_click_showed(sales, context):
    hot(sales, "hotter@example.com", region="California", job_title="CTO")
    clicked = hot(sales, "warm@example.com", region="California")
    route(sales)
    screen = LeadsScreen(context, User(1, "john@shop.example", "John", "sales"))
    show = screen.refresh(context.pulse())
    asyncio.run(screen._on_action("open", str(clicked)))
    show()
    assert f'data-key="lead-{clicked}" aria-current="true"' in screen.body.html
    screen.refresh(context.pulse())()
    assert f'data-key="lead-{clicked}" aria-current="true"' in screen.body.html


def test_what_a_machine_did_is_told_in_words():
    row = {"kind": "note", "words": "seen", "detail": {}, "happened_at": LEAD_NOON, "by": "token:website"}
    assert timeline([], [row], {})[0].by == "the machine website"


def test_new_reps_never_take_the_place_of_others(sales, context):
    team = Team(context, caller("manager", "boss"))
    form = {"name": "Jo Doe", "email": "jo@shop.example", "capacity": "5", "most_per_day": "5", "time_zone": "UTC"}
    for address, name in (("jo", "Jo Doe"), ("other.jo", "Jo Doe"), ("li", "李雷")):
        team.act("keep_rep", form | {"name": name, "email": f"{address}@shop.example", "is_active": "on"})
    keys = {
        rep["email"]: key for key, rep in ((k, r.model_dump()) for k, r in team.values(LeadState())["reps"].items())
    }
    assert {address: keys[f"{address}@shop.example"] for address in ("jo", "other.jo", "li")} == {
        "jo": "jo-doe", "other.jo": "jo-doe-2", "li": "rep",
    }  # fmt: skip
    with pytest.raises(InvalidInputError, match=r"E-mail: Jo Doe \(jo-doe\) has jo@shop.example"):
        team.act("keep_rep", form | {"name": "Another"})
    team.act("keep_rep", form | {"rep_key": "jo-doe", "name": "Jo Doe-Smith"})  # a change of one's own stays allowed
    with pytest.raises(InvalidInputError, match="Open leads at most: 'many' is not a whole number"):
        team.act("keep_rep", form | {"rep_key": "jo-doe", "capacity": "many"})
