"""Under test: the sums of experiments, built in steps, equal those worked out by hand from what happened.

Late events, orders that are cancelled, messages that leave later and a test that starts late: after each of them the
daily sums, added up, are those of a build from scratch.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest

from apps.screens.segments.from_tests import people_of_test
from dmat.experiments.moments import Moments
from dmat.experiments.published import Health, cumulated, read_days, read_health, read_moments
from dmat.landing import Record
from dmat.segments.catalogue import read_catalogue
from dmat.segments.compiler import compile_rule
from dmat.segments.rules import parse
from dmat.warehouse import Workspace, publish, writer, writer_lock
from dmat_pipelines.conform.runner import build
from dmat_pipelines.evaluate.experiments import compare_sums_with_people

PEOPLE = 12
DAYS = 7
MACHINE = "Mozilla/5.0"
TABLES = ["+daily_moments", "fct_message_events"]


def plan(experiment_id=1, updated=None, raw=None, **changes):
    at = updated or raw.at(4)
    payload = {
        "experiment_id": experiment_id, "name": "Subject", "hypothesis": "", "kind": "subject", "status": "running",
        "version": 1, "owner": "ann@shop.example", "programme": "campaign:7", "page": "", "primary": "click",
        "guardrails": [], "inference": "always_valid", "allocation": "fixed", "counts_everybody": False,
        "conversion_days": DAYS, "currency_code": "EUR", "winner": "", "started_at": at.isoformat(),
        "decided_at": None, "ended_at": None, "steps": [{"step": "mail"}], "revision": 1,
        "arms": [{"key": key, "name": key, "share": 0.5, "is_control": key == "a"} for key in "ab"],
    }  # fmt: skip
    return Record(str(experiment_id), at, payload | changes)


def visitor(raw, name, arm, seen, revision=1, **more):
    payload = {"experiment_id": 2, "visitor": name, "arm": arm, "page": "/offer", "seen_at": seen.isoformat(),
               "clicked_at": None, "completed_at": None, "form": "", "revision": revision}  # fmt: skip
    return Record(f"2:{name}", seen, payload | {key: at.isoformat() for key, at in more.items()})


class Company:
    """Twelve customers whose messages, reactions and orders are written down as they are landed."""

    def __init__(self, settings, raw, land):
        self.settings, self.raw, self._land, self.people = settings, raw, land, {}
        self.accepted, self.reactions, self.orders, self.assigned = {}, defaultdict(list), {}, {}
        self._revision = self._event = 0
        self.landed = []

    def land(self, run_id, **tables):
        self.landed.append(tables)
        self._land(self.settings, tables, run_id)

    def build(self):
        build(self.settings, select=TABLES, exclude_tests=True).require_ok()
        with writer_lock(self.settings):
            publish(self.settings)
        self.settings.clock.advance(timedelta(days=1))
        return Workspace(self.settings)

    def find_people(self):
        with writer(self.settings) as connection:
            rows = connection.execute("select contact_key, person_id from people.person_contacts").fetchall()
        self.people = {int(key.removeprefix("shopify:")): person for key, person in rows}

    def arm(self, number):
        return "ab"[number % 2]

    def message(self, number, state, at=None):
        self._revision += 1
        self.assigned[number] = self.raw.at(5, 10)
        more = {"updated": at or self.raw.at(5, 10)}
        if state == "accepted":
            self.accepted[number] = at
            more["accepted"] = at.isoformat()
        entry = self.raw.ledger_entry(f"m{number}", self.people[number], "", state, self._revision, **more)
        changes = {"programme": "campaign:7", "step": "mail", "variant": self.arm(number), "context": {}}
        return Record(entry.record_id, entry.updated_at, entry.payload | changes)

    def inside_a_journey(self, number):
        """A message after the split of a journey, in arm b."""
        at = self.raw.at(9, 11)
        entry = self.raw.ledger_entry(f"j{number}", self.people[number], "", "accepted", 500, updated=at,
                                      accepted=at.isoformat())  # fmt: skip
        changes = {"programme": "journey:cart", "step": "mail", "variant": "b", "context": {}}
        return Record(entry.record_id, entry.updated_at, entry.payload | changes)

    def at_the_split(self, number, arm, seen):
        """Somebody who reached the split of a journey."""
        name = f"person:{self.people[number]}"
        payload = {"experiment_id": 5, "visitor": name, "arm": arm, "page": "journey:cart", "form": "",
                   "seen_at": seen.isoformat(), "clicked_at": None, "completed_at": None, "revision": 1}  # fmt: skip
        return Record(f"5:{name}", seen, payload)

    def react(self, number, what, at, **more):
        self._event += 1
        metrics = {"open": ["open_raw"] if more else ["open_human", "open_raw"], "click": ["click"],
                   "unsubscribe": ["unsubscribe"]}[what]  # fmt: skip
        for metric in metrics:
            self.reactions[number, metric].append(at)
        email = f"p{number}@x.example"
        return self.raw.mail_event(100 + self._event, what, email, at, dmat_message_id=f"m{number}", **more)

    def order(self, order_id, number, at, cents, **more):
        self.orders[order_id] = None if "cancelled" in more else (number, at, cents)
        return self.raw.order(order_id, number, at, f"{cents / 100:.2f}", (1, 1, f"{cents / 100:.2f}"), **more)

    def expected(self):
        """Arm -> metric -> sums, person by person."""
        values = defaultdict(lambda: defaultdict(list))
        for number, since in self.accepted.items():
            bought = sorted(o for o in self.orders.values() if o and o[0] == number)
            inside = [o for o in bought if since < o[1] <= since + timedelta(days=DAYS)]
            before = [o for o in bought if o[1] < self.assigned[number]]
            money, spent = sum(o[2] for o in inside), sum(o[2] for o in before)
            of_arm = values[self.arm(number)]
            for metric in ("open_human", "open_raw", "click", "unsubscribe"):
                of_arm[metric].append((float((number, metric) in self.reactions), 0.0, 0.0))
            of_arm["conversion"].append((float(bool(inside)), 0.0, float(len(before))))
            of_arm["revenue"].append((float(money), 0.0, float(spent)))
            of_arm["order_value"].append((float(money), float(len(inside)), 0.0))
        return {
            arm: {metric: Moments.of_values(*zip(*rows, strict=True)) for metric, rows in metrics.items()}
            for arm, metrics in values.items()
        }


def sums_of(moments):
    return (moments.n, moments.y, moments.yy, moments.x, moments.xx, moments.xy, moments.c, moments.cc, moments.yc)


def agree(found, expected):
    for arm, metrics in expected.items():
        for metric, moments in metrics.items():
            got, wanted = sums_of(found[arm][metric]), sums_of(moments)
            if metric == "order_value":  # its product with what was before is that of revenue; nothing uses it
                got, wanted = got[:8], wanted[:8]
            assert got == pytest.approx(wanted), (arm, metric)


@pytest.fixture(scope="module")
def days(new_home, raw, tmp_path_factory):
    """What is published after each of four days, what was right then, and the company after the last."""
    from dmat.landing import land

    def land_in(settings, tables, run_id):
        with writer(settings) as connection:
            for table, records in tables.items():
                land(connection, table, records, run_id, settings.clock.now())

    at = raw.at
    company = Company(new_home(tmp_path_factory.mktemp("moments")), raw, land_in)
    customers = [raw.customer(n, f"p{n}@x.example", f"N{n}", f"Person{n}x") for n in range(1, PEOPLE + 1)]
    early = [company.order(1000 + n, n, at(2), 1000 * n) for n in (1, 2, 3, 4)]
    company.land("one", shopify_customers=customers, shopify_orders=early, experiment_plans=[plan(raw=raw)])
    company.build()
    company.find_people()
    found = []

    planned = [company.message(n, "planned") for n in range(1, PEOPLE + 1)]
    sent = [company.message(n, "accepted", at(5, 11)) for n in range(1, 9)]
    company.land(
        "two", ledger_entries=[*planned, *sent, company.message(9, "suppressed", at(5, 11))],
        delivery_events=[
            company.react(1, "open", at(6, 9)), company.react(2, "open", at(6, 9), useragent=MACHINE),
            company.react(3, "click", at(6, 10)), company.react(3, "click", at(6, 8)),
        ],
        shopify_orders=[company.order(2001, 1, at(6), 5000), company.order(2002, 2, at(6), 3000),
                        company.order(2003, 9, at(6), 700)],
    )  # fmt: skip
    found.append((read_moments(company.build(), 1), company.expected()))

    company.land(
        "three", ledger_entries=[company.message(n, "accepted", at(7, 11)) for n in (10, 11)],
        delivery_events=[
            company.react(1, "open", at(5, 23)),  # late: a day earlier than was known
            company.react(2, "open", at(7, 9)), company.react(10, "unsubscribe", at(7, 12)),
        ],
        shopify_orders=[
            company.order(2004, 1, at(7), 2000), company.order(2005, 1, at(12, 12), 9900),  # the second is too late
            company.order(2002, 2, at(6), 3000, cancelled=raw.iso(at(7)), refunded="30.00", updated=at(7)),
            company.order(2006, 10, at(8), 4400),
        ],
    )  # fmt: skip
    found.append((read_moments(company.build(), 1), company.expected()))

    company.land(
        "four", shopify_orders=[company.order(2007, 2, at(9), 100)],
        ledger_entries=[company.inside_a_journey(12)],
        delivery_events=[raw.mail_event(900, "click", "p12@x.example", at(9, 12), dmat_message_id="j12")],
        experiment_plans=[plan(2, at(9), raw, kind="landing_page", programme="", page="/offer", steps=[]),
                          plan(5, at(9), raw, programme="journey:cart")],
        experiment_visitors=[visitor(raw, "1.1", "a", at(9)), visitor(raw, "2.2", "b", at(9)),
                             visitor(raw, "2.2", "b", at(9), 2, completed_at=at(10)),
                             *(company.at_the_split(*each) for each in ((1, "a", at(6, 12)), (11, "b", at(9)),
                                                                        (12, "b", at(9))))],
    )  # fmt: skip
    found.append((read_moments(company.build(), 1), company.expected()))
    return found, company


@pytest.mark.parametrize("day", [0, 1, 2])
def test_sums_over_people_are_right_after_each_day(days, day):
    found, expected = days[0][day]
    agree(found, expected)
    assert found["a"]["click"].n + found["b"]["click"].n == (8, 10, 10)[day]


def test_a_build_from_scratch_gives_the_same_sums(days, new_home, tmp_path_factory, land):
    company = days[1]
    again = new_home(tmp_path_factory.mktemp("again"))
    again.clock.set(company.settings.clock.now())
    # the numbers of people are made anew, so the sums are compared and not the rows
    for tables in company.landed[:1]:
        land(again, tables, "first")
    build(again, select=["+person_contacts"], exclude_tests=True).require_ok()
    with writer(again) as connection:
        rows = connection.execute("select contact_key, person_id from people.person_contacts").fetchall()
    number = {company.people[int(key.removeprefix("shopify:"))]: person for key, person in rows}
    for tables in company.landed[1:]:
        tables = dict(tables)
        tables["ledger_entries"] = [
            Record(r.record_id, r.updated_at, r.payload | {"person_id": number[r.payload["person_id"]]})
            for r in tables.get("ledger_entries", [])
        ]
        land(again, tables, "rest")
    build(again, select=TABLES, exclude_tests=True).require_ok()
    with writer_lock(again):
        publish(again)
    for experiment_id in (1, 2):
        one, other = (read_moments(w, experiment_id) for w in (Workspace(again), Workspace(company.settings)))
        assert one.keys() == other.keys()
        for arm, metrics in other.items():
            for metric, moments in metrics.items():
                assert sums_of(one[arm][metric]) == pytest.approx(sums_of(moments)), (experiment_id, arm, metric)


def test_days_add_up_to_what_was_known_at_the_end_of_each(days):
    workspace = Workspace(days[1].settings)
    by_day = cumulated(read_days(workspace, 1))
    assert by_day[max(by_day)] == read_moments(workspace, 1)
    first = min(by_day)
    assert (by_day[first]["a"]["click"].n, by_day[first]["b"]["click"].n) == (4, 4)
    assert by_day[first]["b"]["open_human"].y == 1  # the open that was learnt of late


def test_visitors_of_a_page_and_their_forms_are_counted(days):
    sums = read_moments(Workspace(days[1].settings), 2)
    assert {arm: (sums[arm]["form_completion"].n, sums[arm]["form_completion"].y) for arm in "ab"} == {
        "a": (1, 0), "b": (1, 1),
    }  # fmt: skip


def test_people_inside_a_journey_count_from_the_split_on_whether_or_not_they_were_written_to(days):
    sums = read_moments(Workspace(days[1].settings), 5)
    assert {arm: sums[arm]["click"].n for arm in "ab"} == {"a": 1, "b": 2}
    assert {arm: sums[arm]["click"].y for arm in "ab"} == {"a": 0, "b": 1}
    assert {arm: sums[arm]["conversion"].y for arm in "ab"} == {"a": 1, "b": 0}


def test_health_is_clean_when_nobody_crossed_over(days):
    assert read_health(Workspace(days[1].settings), 1) == Health(crossovers=0, early_conversions=0, carried_over=0)


def test_a_segment_of_the_people_behind_a_figure_has_as_many_as_the_figure_says(days):
    settings = days[1].settings
    build(
        settings, select=["+dim_people", "segment_catalogue", "regions", "country_defaults"], exclude_tests=True
    ).require_ok()
    with writer_lock(settings):
        publish(settings)
    workspace, now = Workspace(settings), settings.clock.now()
    catalogue = read_catalogue(workspace)

    def count(*part):
        query = compile_rule(parse(people_of_test(*part).rule), catalogue, now)
        return len(workspace.rows(query.sql, query.parameters))

    sums = read_moments(workspace, 1)
    for arm in "ab":
        assert count(1, arm) == sums[arm]["click"].n > 0
        for metric in ("open_human", "click", "unsubscribe", "conversion"):
            assert count(1, arm, metric) == sums[arm][metric].y, (arm, metric)
    assert sum(sums[arm]["conversion"].y for arm in "ab") > 0
    assert count(3, "a") == 0


def test_the_check_finds_sums_that_are_not_those_of_people(days):
    company = days[1]
    assert compare_sums_with_people(Workspace(company.settings)).is_equal
    with writer(company.settings) as connection:
        connection.execute("update experiments.daily_moments set outcome_sum = outcome_sum + 1 where metric = 'click'")
    with writer_lock(company.settings):
        publish(company.settings)
    assert not compare_sums_with_people(Workspace(company.settings)).is_equal
