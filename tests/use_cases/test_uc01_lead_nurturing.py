"""Under test: use case 1 as a playbook on the simulated company: a form, a welcome, a mail that fits the score the next
morning, and after ten days more than fifty points go to sales. Compared with the company's own tables.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from lived_past import DAY, HOUR


@pytest.fixture(scope="module")
def nurtured(past):
    """The playbook, live over the last month of forms, and who filled in one."""
    query = "select max(submitted_at) as newest from engagement.fct_form_submissions where person_id is not null"
    [row] = past.rows(query)
    since = row["newest"].replace(hour=0, minute=0, second=0, microsecond=0) - 30 * DAY
    journey = past.live("lead-nurturing", since, row["newest"] + 16 * DAY, 2 * DAY)
    forms = past.rows(
        "select person_id, min(submitted_at) as first from engagement.fct_form_submissions"
        " where person_id is not null and submitted_at > ? group by person_id", since,
    )  # fmt: skip
    scores = {
        row["person_id"]: float(row["score"])
        for row in past.rows("select person_id, max(score) as score from scores.lead_scores group by person_id")
    }
    return past, journey, {row["person_id"]: row["first"] for row in forms}, scores


def test_whoever_filled_in_a_form_is_welcomed_once(nurtured):
    past, journey, forms, _ = nurtured
    welcomed = [row["person_id"] for row in past.messages(journey) if row["step"] == "welcome"]
    assert len(welcomed) > 2
    assert sorted(welcomed) == sorted(forms)


def test_the_next_morning_each_gets_the_mail_that_fits_their_score(nurtured):
    past, journey, forms, scores = nurtured
    fitting = [row for row in past.messages(journey) if row["step"] in ("hot", "warm", "cold")]
    assert len(fitting) == len(forms)
    for row in fitting:
        score = scores.get(row["person_id"], 0)
        assert row["step"] == ("hot" if score >= 40 else "warm" if score >= 25 else "cold")
        assert row["not_before"] - forms[row["person_id"]] >= timedelta(hours=12)


def test_more_than_fifty_points_after_ten_days_go_to_sales_and_the_others_stay_in_touch(nurtured):
    past, journey, forms, scores = nurtured
    members = past.members(journey)
    qualified = {person for person in forms if scores.get(person, 0) > 50}
    given = {action.person_id for action in past.actions(journey, "assign_lead")}
    assert given == {each.person_id for each in members if each.person_id in qualified and not each.is_holdout}
    assert {each.person_id for each in members if each.reached_goal_at} == qualified
    stayed = {row["person_id"] for row in past.messages(journey) if row["step"] == "stay-in-touch"}
    assert stayed == set(forms) - qualified
    ends = {each.person_id: each.at for each in members}
    assert all(ends[person] - forms[person] >= 9 * DAY + 12 * HOUR for person in forms)


def test_living_it_again_gives_the_same_rows(nurtured):
    past, journey, *_ = nurtured
    assert past.replayed(journey) == []
