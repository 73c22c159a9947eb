"""Under test: forms that visitors of a tested page sent elsewhere, as they are captured with the browser's id."""

from __future__ import annotations

from datetime import timedelta

import pytest
from segment_world import NOW, change_world

from dmat.experiments.captured_forms import CapturedForms
from dmat.experiments.library import open_library
from dmat.experiments.observed import observe
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.running import TestRunner
from dmat.experiments.visitors import note_seen, read_page_tests
from dmat.store import open_store
from dmat.warehouse import Workspace

MARKETER = "ann@shop.example"
SEEN = NOW - timedelta(days=1)
PAGE = {
    "name": "Form fields", "kind": "landing_page", "page": "/demo", "primary": "form_completion",
    "conversion_days": 7, "duration_hours": 72, "arms": [{"key": "a", "share": 0.5}, {"key": "b", "share": 0.5}],
}  # fmt: skip
SUBMISSIONS = """
create table engagement.fct_form_submissions (
    submission_id varchar, form_id varchar, form_name varchar, client_id varchar, submitted_at timestamp
)
"""


def submission(number, visitor, after, form="7", name="Demo request"):
    visitor = "null" if visitor is None else f"'{visitor}'"
    return f"""
        insert into engagement.fct_form_submissions
        values ('{number}', '{form}', '{name}', {visitor}, timestamp '{SEEN + after}')
    """


@pytest.fixture
def store(world):
    world.clock.set(SEEN)
    return open_store(world)


def start(world, store, **changes):
    """A test of a page that runs, seen by visitors 1 to 4."""
    library = open_library(world, store)
    number = library.create(parse_test_plan(PAGE | changes), MARKETER).experiment_id
    library.start(number, MARKETER)
    with store.write() as connection:
        test = next(test for test in read_page_tests(connection) if test.experiment_id == number)
        for visitor in ("v.1", "v.2", "v.3", "v.4"):
            note_seen(connection, test, visitor, "/demo", SEEN)
    world.clock.set(NOW)
    return library.get(number)


def completions(world, store, experiment):
    found = observe(store, Workspace(world), experiment)
    return sum(int(metrics["form_completion"].y) for metrics in found.moments.values())


def test_a_form_captured_elsewhere_counts_once_for_the_visitor_who_brought_the_id(world, store):
    experiment = start(world, store)
    change_world(
        world, SUBMISSIONS,
        submission(1, "v.1", timedelta(hours=1)), submission(2, "v.1", timedelta(hours=2)),
        submission(3, None, timedelta(hours=1)), submission(4, "v.9", timedelta(hours=1)),  # nobody; never saw the page
        submission(5, "v.2", timedelta(hours=-1)), submission(6, "v.3", timedelta(days=8)),  # too early; too late
    )  # fmt: skip
    runner = TestRunner(world, store, Workspace(world))
    assert runner.look().forms == 1
    assert completions(world, store, experiment) == 1
    assert runner.look().forms == 0
    assert CapturedForms(store, Workspace(world)).look() == 0  # another process finds the same, and counts nobody twice


def test_what_a_new_version_of_the_tables_brings_is_found_by_the_same_runner(world, store):
    experiment = start(world, store)
    change_world(world, SUBMISSIONS)
    forms = CapturedForms(store, Workspace(world))
    assert forms.look() == 0
    change_world(world, submission(1, "v.4", timedelta(hours=3)))
    assert forms.look() == 1
    assert completions(world, store, experiment) == 1


@pytest.mark.parametrize(("form", "expected"), [("7", 2), ("Demo request", 2), ("Newsletter", 1), ("unknown", 0)])
def test_the_form_that_the_plan_names_is_found_by_its_id_or_its_name(world, store, form, expected):
    experiment = start(world, store, form=form)
    change_world(
        world, SUBMISSIONS,
        submission(1, "v.1", timedelta(hours=1)), submission(2, "v.2", timedelta(hours=1)),
        submission(3, "v.3", timedelta(hours=1), form="8", name="Newsletter"),
    )  # fmt: skip
    assert CapturedForms(store, Workspace(world)).look() == expected
    assert completions(world, store, experiment) == expected


def test_nothing_is_captured_for_a_test_that_is_over(world, store):
    experiment = start(world, store)
    open_library(world, store).stop(experiment.experiment_id, MARKETER, "enough")
    change_world(world, SUBMISSIONS, submission(1, "v.1", timedelta(hours=1)))
    assert CapturedForms(store, Workspace(world)).look() == 0


def test_a_workspace_without_tables_of_forms_has_none(world, store):
    start(world, store)
    assert CapturedForms(store, Workspace(world)).look() == 0
