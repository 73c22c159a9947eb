"""Under test: taking leads in, their live score as the sum of its ledger, and who is told when, once a crossing."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from lead_world import LEAD_NOON, lead_row, point

from dmat.errors import ConflictError, InvalidInputError, NotFoundError
from dmat.scoring.adopting import adopt_leads
from dmat.scoring.alerts import crossings_of, look_for_crossings, note_scores
from dmat.scoring.exporting import mark_leads_exported, unexported_leads
from dmat.scoring.leads import history_of, set_status, take_in
from dmat.scoring.live import note_activity, score_of
from dmat.scoring.matrix import change_rule, read_matrix, reset_rule
from dmat.scoring.points import sum_of
from dmat.scoring.words import explain
from dmat.store.tables import form_submissions, ledger_entries

JOHN = {"email": "John@Example.com ", "name": "John Doe", "job_title": "Marketing Manager", "company_size": "51-200"}


def lead_of(world, **more):
    return take_in(world.store, JOHN | more, LEAD_NOON, "ann")[0].lead_id


def does(world, lead_id, activity, **more):
    now = world.settings.clock.now()
    noted = note_activity(world.store, world.view, lead_id, activity, now, "ann", **more)
    note_scores(world.settings, world.store, [noted.before, noted.after], now)
    return float(noted.before.score), float(noted.after.score)


def mails(world):
    with world.store.read() as connection:
        query = sa.select(ledger_entries.c.address, ledger_entries.c.purpose, ledger_entries.c.context)
        return connection.execute(query.order_by(ledger_entries.c.occurrence)).all()


def test_an_address_is_one_lead_and_fills_in_what_was_empty(lead_world):
    first, is_new = take_in(lead_world.store, JOHN, LEAD_NOON, "ann")
    again, is_new_again = take_in(lead_world.store, JOHN | {"name": "Other", "industry": "Tea"}, LEAD_NOON, "ann")
    assert (is_new, is_new_again, again.lead_id) == (True, False, first.lead_id)
    assert (again.email, again.name, again.industry) == ("john@example.com", "John Doe", "Tea")
    with lead_world.store.read() as connection:
        assert connection.execute(sa.select(form_submissions.c.form)).scalars().all() == ["dmat-lead"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "nobody"), ("company_size", "many"), ("source", "dream"), ("country_code", "U1"), ("name", "x" * 256)],
)
def test_a_lead_with_a_wrong_field_is_refused_by_name(lead_world, field, value):
    with pytest.raises(InvalidInputError) as refused:
        take_in(lead_world.store, JOHN | {field: value}, LEAD_NOON, "ann")
    assert (refused.value.field, bool(refused.value.allowed)) == (field, True)


def test_a_score_is_the_sum_of_the_tables_and_what_came_since_and_halves(lead_world):
    lead_id = lead_of(lead_world)
    lead_world.publish([point("form:a", 7, "form_submission", 20, LEAD_NOON - timedelta(days=30))],
                       [lead_row(lead_id, 7, "john@example.com")])  # fmt: skip
    adopt_leads(lead_world.store, lead_world.view, LEAD_NOON)
    assert does(lead_world, lead_id, "email_open") == (10.0, 15.0)
    later = score_of(lead_world.store, lead_world.view, lead_id, LEAD_NOON + timedelta(days=30))
    assert float(later.score) == 7.5
    assert later.score == sum_of(later.entries)


def test_an_activity_that_the_tables_have_already_counts_once(lead_world):
    lead_id = lead_of(lead_world)
    does(lead_world, lead_id, "demo_request")
    lead_world.publish([point("activity:1", 7, "demo_request", 50)], [lead_row(lead_id, 7, "john@example.com")])
    adopt_leads(lead_world.store, lead_world.view, LEAD_NOON)
    assert float(score_of(lead_world.store, lead_world.view, lead_id, LEAD_NOON).score) == 50.0


def test_company_and_role_count_at_once(lead_world):
    lead_id = lead_of(lead_world, company_size="1000+", job_title="VP of Sales")
    score = score_of(lead_world.store, lead_world.view, lead_id, LEAD_NOON)
    assert float(score.score) == 45.0
    assert explain(score) == "Hot with 45 points: decides about purchases (25.0), works at an enterprise (20.0)."


def test_sales_is_told_once_a_crossing_and_again_only_after_it_was_under(lead_world):
    lead_id = lead_of(lead_world)
    assert does(lead_world, lead_id, "demo_request") == (0.0, 50.0)
    assert mails(lead_world) == []  # fifty is not over fifty
    does(lead_world, lead_id, "email_open")
    does(lead_world, lead_id, "email_click")
    [(address, purpose, context)] = mails(lead_world)
    assert (address, purpose) == ("sales@shop.example", "transactional")
    assert context["title"] == "John Doe crossed 50 points"
    assert ["asked for a demo or a quote", "50.0"] in context["breakdown"]
    lead_world.settings.clock.advance(timedelta(days=90))
    does(lead_world, lead_id, "email_open")
    does(lead_world, lead_id, "scheduled_call")
    assert [each.number for each in crossings_of(lead_world.store, lead_id)] == [2, 1]
    assert len(mails(lead_world)) == 2


def test_a_look_at_the_tables_finds_who_crossed_and_does_not_repeat_itself(lead_world):
    lead_world.publish(
        [point("form:a", 7, "demo_request", 50), point("form:b", 7, "form_submission", 20)],
        [lead_row(None, 7, "john@example.com", full_name="John Doe")],
    )
    adopted = adopt_leads(lead_world.store, lead_world.view, LEAD_NOON)
    assert (adopted.new_count, adopt_leads(lead_world.store, lead_world.view, LEAD_NOON).new_count) == (1, 0)
    world = (lead_world.settings, lead_world.store, lead_world.view, LEAD_NOON)
    assert [each.told for each in look_for_crossings(*world)] == [("sales@shop.example",)]
    assert look_for_crossings(*world) == []
    assert len(mails(lead_world)) == 1


def test_a_crossing_of_long_ago_wakes_nobody_up(lead_world):
    lead_id = lead_of(lead_world)
    old = LEAD_NOON - timedelta(days=3)
    lead_world.publish([point("form:a", 7, "demo_request", 90, old)], [lead_row(lead_id, 7, "john@example.com")])
    adopt_leads(lead_world.store, lead_world.view, LEAD_NOON)
    found = look_for_crossings(lead_world.settings, lead_world.store, lead_world.view, LEAD_NOON)
    assert [each.told for each in found] == [()]
    assert mails(lead_world) == []


def test_an_adjustment_says_how_many_points_and_nothing_else_may(lead_world):
    lead_id = lead_of(lead_world)
    assert does(lead_world, lead_id, "adjustment", points=-5, reason="a student") == (0.0, -5.0)
    for activity, points in (("email_open", 3), ("adjustment", 0), ("adjustment", 2000), ("nonsense", None)):
        with pytest.raises(InvalidInputError):
            does(lead_world, lead_id, activity, points=points)
    with pytest.raises(NotFoundError):
        does(lead_world, 999, "email_open")


def test_a_changed_line_of_the_matrix_counts_and_can_be_set_back(lead_world):
    lead_id = lead_of(lead_world)
    change_rule(lead_world.store, "email_open", LEAD_NOON, "ann", points=7)
    assert does(lead_world, lead_id, "email_open") == (0.0, 7.0)
    reset_rule(lead_world.store, "email_open", LEAD_NOON, "ann")
    with lead_world.store.read() as connection:
        assert read_matrix(connection)["email_open"].points == 5
    change_rule(lead_world.store, "email_open", LEAD_NOON, "ann", is_active=False)
    with pytest.raises(InvalidInputError, match="switched off"):
        does(lead_world, lead_id, "email_open")
    for wrong in ({"points": 5000}, {"half_life_days": 0.0}):
        with pytest.raises(InvalidInputError):
            change_rule(lead_world.store, "email_open", LEAD_NOON, "ann", **wrong)


def test_a_status_follows_only_where_it_may_and_is_kept(lead_world):
    lead_id = lead_of(lead_world)
    set_status(lead_world.store, lead_id, "contacted", LEAD_NOON, "rep", "by phone")
    set_status(lead_world.store, lead_id, "won", LEAD_NOON, "rep")
    with pytest.raises(ConflictError, match="cannot become new"):
        set_status(lead_world.store, lead_id, "new", LEAD_NOON, "rep")
    words = [line["words"] for line in history_of(lead_world.store, lead_id)]
    assert words == ["contacted to won", "new to contacted: by phone", "taken in from landing page"]


def test_what_changed_is_exported_once(lead_world):
    lead_id = lead_of(lead_world)
    rows = unexported_leads(lead_world.store, 10)
    set_status(lead_world.store, lead_id, "contacted", LEAD_NOON, "rep")
    mark_leads_exported(lead_world.store, rows)
    assert [row["status"] for row in unexported_leads(lead_world.store, 10)] == ["contacted"]
    mark_leads_exported(lead_world.store, unexported_leads(lead_world.store, 10))
    assert unexported_leads(lead_world.store, 10) == []
