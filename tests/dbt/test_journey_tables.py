"""Under test: what journeys did, as tables: members, steps, messages, conversions, lift, tags; from real looks."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from dmat.journeys.definition import parse_definition
from dmat.journeys.entries import Source
from dmat.journeys.exporting import unexported_actions, unexported_members
from dmat.journeys.library import JourneyLibrary
from dmat.journeys.lift import read_lift
from dmat.journeys.runner import JourneyRunner
from dmat.segments.desk import Desk
from dmat.store import open_store
from dmat.store.journey_tables import journey_members
from dmat.warehouse import Workspace, writer
from dmat_pipelines.capture.journeys import EXPORTS
from dmat_pipelines.conform.runner import build

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = [
    {"key": "tag-it", "do": "add_tag", "data": {"tag": "bought"}},
    {"key": "value-it", "do": "set_value", "data": {"name": "plan", "value": "gold"}},
    {"key": "a-day", "do": "wait", "for": "1d"},
    {"key": "done", "do": "goal"},
]
MODELS = ("path:models/staging/journeys", "path:models/marts/journeys", "fct_person_properties")  # fmt: skip
FIRST = ("+fct_orders", "+dim_people", "+fct_messages", "segment_catalogue", "regions")
PEOPLE, BUYS_AGAIN = range(1, 41), {1, 2, 3, 40}


@pytest.fixture(scope="module")
def rows(new_home, raw, tmp_path_factory):
    """Asks the core file: forty people order, some order again while the journey that began with it goes on."""
    from dmat.landing import land

    settings = new_home(tmp_path_factory.mktemp("journeys"))
    start = settings.clock.now()
    store = open_store(settings)
    customers = [raw.customer(n, f"p{n}@x.example", f"P{n}", f"Lane{n}") for n in PEOPLE]
    orders = [raw.order(n, n, start + HOUR, "10.00", (1, 1, "10.00")) for n in PEOPLE]
    orders += [raw.order(100 + n, n, start + 2 * DAY, "40.00", (1, 2, "20.00")) for n in BUYS_AGAIN]
    with writer(settings) as connection:
        land(connection, "shopify_customers", customers, "first", start)
        land(connection, "shopify_orders", orders, "first", start)
    build(settings, FIRST, exclude_tests=True, publish_after=True)
    document = {
        "key": "again", "name": "Again", "trigger": {"kind": "event", "event": "ordered"}, "steps": STEPS,
        "goal": {"event": "ordered", "days": 7}, "holdout": {"share": 0.4}, "entry": {"again": "never"},
    }  # fmt: skip
    source = Source(settings, store, Desk(settings, store))
    library = JourneyLibrary(source)
    library.create(parse_definition(document), "ann@shop.example")
    library.start("again", "ann@shop.example")
    runner = JourneyRunner(source)
    for moment in (start + 2 * HOUR, start + 3 * DAY):
        settings.clock.set(moment)
        runner.look()
        carry_out_all(source)
    landed = {table: export(settings, store, "third").kept_count for table, (export, _) in EXPORTS.items()}
    landed |= {"twice": EXPORTS["journey_members"][0](settings, store, "fourth").kept_count}
    report = build(settings, MODELS, publish_after=True)

    def ask(query):
        with writer(settings) as connection:
            return connection.execute(query).fetchall()

    yield ask, landed, report, store, Workspace(settings)
    store.close()


def carry_out_all(source):
    from dmat.journeys.carrying import carry_out

    while carry_out(source):
        pass


def test_every_model_fits_its_contract_and_every_test_of_them_passes(rows):
    _, _, report, *_ = rows
    assert [(result.name, result.message) for result in report if not result.is_ok] == []


def test_members_land_once_with_the_steps_that_they_passed(rows):
    ask, landed, _, store, _ = rows
    assert (landed["journey_members"], landed["journey_plans"], landed["twice"]) == (40, 1, 0)
    assert unexported_members(store, 9) == []
    assert ask("select status, count(*) from journeys.fct_journey_members group by 1") == [("completed", 40)]
    passed = ask("select step, count(*) from journeys.fct_journey_steps group by 1 order by 1")
    assert passed == [("a-day", 40), ("done", 40), ("tag-it", 40), ("value-it", 40)]
    kinds = ask("select step_number, kind from journeys.dim_journey_steps order by 1")
    assert kinds == [(1, "add_tag"), (2, "set_value"), (3, "wait"), (4, "goal")]


def test_what_was_asked_of_others_lands_with_what_came_of_it(rows):
    ask, landed, *_, store, _ = rows
    with store.read() as connection:
        held = connection.execute(sa.select(sa.func.count()).where(journey_members.c.is_holdout)).scalar_one()
    done = [("add_tag", "done", 40 - held), ("set_value", "done", 40 - held)]  # nothing is done for the held out
    assert landed["journey_actions"] == 2 * (40 - held)
    found = "select kind, status, count(*) from journeys.fct_journey_actions group by all order by 1"
    assert ask(found) == done
    assert unexported_actions(store, 9) == []
    [(notes,)] = ask("select count(*) from journeys.fct_journey_actions where note is null or done_at < asked_at")
    assert notes == 0


def test_lift_counts_everybody_in_the_group_that_they_were_drawn_for(rows):
    ask, *_, store, _ = rows
    with store.read() as connection:
        held = connection.execute(sa.select(sa.func.count()).where(journey_members.c.is_holdout)).scalar_one()
    [(treated, converted, held_out, held_converted)] = ask(
        "select treated_count, treated_converted_count, held_out_count, held_out_converted_count"
        " from journeys.journey_lift"
    )
    assert (treated, held_out) == (40 - held, held)
    assert 5 < held < 30
    assert converted + held_converted == len(BUYS_AGAIN)
    revenue = ask("select sum(treated_revenue_cents + held_out_revenue_cents) from journeys.journey_revenue")
    [(expected,)] = ask("select sum(net_cents) from commerce.fct_orders where order_id like 'shopify:1__'")
    assert revenue == [(expected,)]


def test_lift_is_told_with_its_interval_and_says_when_it_may_be_chance(rows):
    *_, workspace = rows
    found = read_lift(workspace, "again")
    assert found.treated.people + found.held_out.people == 40
    assert found.low <= found.difference <= found.high
    assert found.words.endswith("which may be chance")
    [revenue] = found.revenue
    assert revenue.currency_code == "EUR"
    assert revenue.low_cents <= revenue.extra_cents <= revenue.high_cents
    assert read_lift(workspace, "nothing") is None


def test_tags_and_values_belong_to_people_who_are_not_held_out(rows):
    ask, *_ = rows
    found = ask(
        "select kind, property_name, property_value, count(*) from people.fct_person_properties"
        " where is_set group by 1, 2, 3 order by 1"
    )
    [(treated,)] = ask("select treated_count from journeys.journey_lift")
    assert found == [("tag", "bought", "", treated), ("value", "plan", "gold", treated)]
    events = ask("select key from segments.segment_catalogue where kind = 'event' and key in ('tagged', 'value_set')")
    assert len(events) == 2
