"""Under test: the history that a test is planned by: rates of people, spread, how fast they react."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from segment_world import NOW, change_world

from dmat.errors import InvalidInputError
from dmat.experiments.history import baseline
from dmat.warehouse import Workspace

FIRST = 5_000_000
PEOPLE = 100
TABLES = f"""
create schema if not exists deliveries;
create table deliveries.fct_messages (
    message_id varchar, person_id bigint, accepted_at timestamp, purpose varchar, variant varchar
);
create table engagement.fct_message_events (
    message_id varchar, event_type varchar, is_machine boolean, occurred_at timestamp
);
create table engagement.fct_form_submissions (client_id varchar, submitted_at timestamp);
insert into people.dim_people (person_id) select {FIRST} + n from range({PEOPLE}) as people(n);
insert into deliveries.fct_messages
    select 'old' || n, {FIRST} + n, timestamp '{NOW}' - interval 40 day, 'marketing', '' from range({PEOPLE}) as p(n);
insert into deliveries.fct_messages
    select 'new' || n, {FIRST} + n, timestamp '{NOW}' - interval 10 day, 'marketing', '' from range({PEOPLE}) as p(n);
insert into engagement.fct_message_events
    select 'old' || n, 'clicked', false, timestamp '{NOW}' - interval 39 day from range({PEOPLE}) as p(n);
insert into engagement.fct_message_events
    select 'new' || n, 'clicked', n >= 20, timestamp '{NOW}' - interval 10 day + to_hours(n::integer)
    from range(50) as p(n);
"""


@pytest.fixture
def workspace(world):
    world.clock.set(NOW)
    change_world(world, *[statement for statement in TABLES.split(";") if statement.strip()])
    return Workspace(world)


def ids(count=PEOPLE):
    return [FIRST + number for number in range(count)]


def test_a_rate_is_of_people_by_their_last_message_and_machines_do_not_click(workspace):
    found = baseline(workspace, ids(), "ctr", days=90)
    assert (found.metric, found.people, found.rate) == ("click", 100, 0.2)
    assert found.sd == pytest.approx(0.4)
    assert found.people_per_hour == pytest.approx(100 / (90 * 24))
    assert 16 <= found.hours_to_react <= 19  # nine of ten of those that came after 0 to 19 hours


def test_only_the_people_asked_about_count(workspace):
    assert baseline(workspace, ids(40), "click").rate == 0.5
    assert baseline(workspace, None, "click").people == 100


def test_too_few_people_are_no_history(workspace):
    found = baseline(workspace, ids(29), "click")
    assert (found.is_known, found.rate, found.sd, found.people) == (False, None, None, 29)
    assert baseline(workspace, [], "revenue").is_known is False


def test_revenue_is_a_person_over_the_window_of_the_plan_with_its_spread(workspace, world):
    orders = f"""insert into commerce.fct_orders
        select 'w' || n, {FIRST} + n, timestamp '{NOW}' - interval 3 day, 1000, 'EUR', 'paid' from range(10) as o(n)"""
    before = f"""insert into commerce.fct_orders
        select 'b' || n, {FIRST} + n, timestamp '{NOW}' - interval 20 day, 500, 'EUR', 'paid' from range(10) as o(n)"""
    void = f"insert into commerce.fct_orders values ('x', {FIRST}, '{NOW - timedelta(days=1)}', 9, 'EUR', 'cancelled')"
    change_world(world, orders, before, void)
    revenue = baseline(workspace, ids(), "revenue", window_days=7)
    assert (revenue.rate, revenue.people) == (100, 100)
    assert revenue.sd == pytest.approx(math.sqrt((10 * 1000**2 - 100 * 100**2) / 99))
    assert revenue.explained == pytest.approx(1)  # who bought before bought again
    conversion = baseline(workspace, ids(), "conversion", window_days=7)
    assert (conversion.rate, conversion.sd) == (0.1, pytest.approx(0.3))
    value = baseline(workspace, ids(), "order_value", window_days=7)
    assert (value.rate, value.sd) == (1000, pytest.approx(0, abs=1e-6))


def test_a_workspace_without_such_tables_has_no_history(world):
    world.clock.set(NOW)
    assert baseline(Workspace(world), None, "click").is_known is False


def test_what_cannot_be_is_refused(workspace):
    with pytest.raises(InvalidInputError, match="metric"):
        baseline(workspace, None, "happiness")
    with pytest.raises(InvalidInputError, match="days"):
        baseline(workspace, None, "click", days=0)
