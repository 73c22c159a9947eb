"""Under test: use cases 4 and 6 on the simulated company: leads are found, scored, adopted, scores are sums, and what
became of each assignment stands in the tables as it happened.

The demo ran once for the whole session; here we look at what it left behind.
"""

from __future__ import annotations

import pytest
import sqlalchemy as sa

import dmat
from dmat.metrics.asking import ask
from dmat.metrics.question import Question
from dmat.routing.figures import desk_figures
from dmat.scoring.leads import list_leads
from dmat.scoring.live import score_of
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.store.engine import rows_of
from dmat.store.lead_tables import lead_assignments


@pytest.fixture(scope="module")
def workspace(demo_home):
    return dmat.open(str(demo_home))


@pytest.fixture(scope="module")
def store(demo_home):
    return open_store(load_settings(home=demo_home))


def test_leads_of_forms_and_the_crm_have_scores_that_are_the_sum_of_their_ledger(workspace):
    rows = workspace.rows(
        "select scores.person_id, scores.score, coalesce(sum(points.points_now), 0) as ledger"
        " from scores.lead_scores as scores left join scores.fct_score_points as points"
        " on scores.person_id = points.person_id group by all"
    )
    assert len(rows) > 10
    assert [row["person_id"] for row in rows if row["score"] != row["ledger"]] == []
    assert any(row["score"] > 0 for row in rows)


def test_bands_follow_from_scores(workspace):
    rows = workspace.rows("select distinct score, band, is_mql from scores.lead_scores")
    for row in rows:
        expected = "hot" if row["score"] >= 40 else "warm" if row["score"] >= 25 else "cold"
        assert (row["band"], row["is_mql"]) == (expected, row["score"] > 50)


def test_every_lead_of_the_tables_is_in_the_store_and_shows_the_same_score(demo_home, workspace, store):
    found = {lead.person_id: lead for lead in list_leads(store, limit=5_000)}
    rows = workspace.rows(
        "select person_id, score, scored_at from scores.lead_scores where lead_id is not null limit 20"
    )
    for row in rows:
        lead = found[row["person_id"]]
        live = score_of(store, workspace, lead.lead_id, row["scored_at"])
        assert abs(float(live.score) - float(row["score"])) <= 0.01 * max(len(live.entries), 1)
    assert found


def test_machines_that_open_and_click_earn_nothing(workspace):
    earned = workspace.rows(
        "select count(*) as n from scores.fct_score_points as points"
        " join engagement.fct_message_events as events"
        " on points.entry_key = events.event_type || ':' || events.message_id"
        " where points.source = 'message' group by points.entry_key having bool_and(events.is_machine)"
    )
    assert earned == []


def test_assignments_that_are_over_stand_in_the_tables_as_they_happened(workspace, store):
    rows = workspace.rows("select * from leads.fct_assignments where ended_at is not null")
    wanted = lead_assignments.c.assignment_id.in_([row["assignment_id"] for row in rows])
    with store.read() as connection:
        kept = {row["assignment_id"]: row for row in rows_of(connection, sa.select(lead_assignments).where(wanted))}
    assert rows
    for row in rows:
        own = kept[row["assignment_id"]]
        same = ("lead_id", "place", "rep_key", "assigned_at", "accepted_at", "contacted_at", "ended_at")
        assert [row[name] for name in same] == [own[name] for name in same]
        assert (row["why"], row["ended_because"]) == (" ".join(own["explanation"]), own["ended_because"])
        moments = [own[name] for name in ("accepted_at", "contacted_at") if own[name] is not None]
        took = (min(moments) - own["assigned_at"]).total_seconds() if moments else None
        assert row["response_seconds"] == took
        in_time = bool(moments) and min(moments) <= own["respond_by"] if own["respond_by"] else None
        is_known = bool(moments) or row["ended_because"] == "no answer"
        assert row["is_answered_in_time"] in ({in_time} if is_known else {None, False})  # false once its time is over


def test_response_times_of_the_metrics_are_those_of_the_desk(demo_home, workspace, store):
    settings = load_settings(home=demo_home)
    now = settings.clock.now()
    question = Question(metrics=("response_time", "leads_assigned"), dimensions=("rep",), period="last_30_days")
    answer = ask(workspace, settings, question.dated(now.date()))
    desk = {rep.rep_key: rep for rep in desk_figures(store, now, 30).reps}
    assert answer.rows
    for row in answer.rows:
        minutes = desk[row["rep"]].median_response_minutes
        assert row["response_time"] == (None if minutes is None else pytest.approx(60 * minutes))
        assert 0 < row["leads_assigned"] <= desk[row["rep"]].given_count  # some may have been given since
