"""Under test: the monitor of a test of two things at once: each by itself, both together, never more than is known."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from apps.parts.render import render
from apps.screens.experiments import wording
from apps.screens.experiments.patterns import factorial_arms
from apps.screens.experiments.telling import rows_of
from apps.screens.experiments.together import together_of
from apps.screens.segments.from_tests import people_of_test
from dmat.experiments.analysis import analyse
from dmat.experiments.factors import factors_of
from dmat.experiments.moments import Moments
from dmat.experiments.plan import parse_test_plan
from dmat.experiments.results import Observed
from dmat.experiments.snapshots import design_of

NOW = datetime(2026, 11, 20, 14, 5)
PLAN = parse_test_plan(
    {"name": "Both", "kind": "factorial", "campaign_id": 1, "step": "mail", "duration_hours": 48, "inference": "fixed",
     "arms": factorial_arms({"subject": ("News", "<Sale>"), "picture": ("Sea", "Hills")})}
)  # fmt: skip


def factors(*clicks, people=2_000):
    """Clicks of News/Sea, Sale/Sea, News/Hills, Sale/Hills."""
    moments = {arm: {"click": Moments.of_proportion(people, hits)} for arm, hits in zip("abcd", clicks, strict=True)}
    return factors_of(PLAN, design_of(PLAN), Observed(dict.fromkeys("abcd", people), moments))


def test_each_of_the_two_is_told_by_itself_with_its_interval():
    subject, picture, both = together_of(factors(200, 280, 220, 300), "click").rows
    assert (subject.title, subject.change, subject.value) == ("Subject", "“<Sale>” instead of “News”", "+4.0 points")
    assert subject.between == "+2.6 points to +5.4 points"
    assert subject.words == "Proven: it makes it better."
    assert picture.words == "Not proven: this can still be chance."
    assert (both.title, both.words) == ("Both together", "No sign that one works otherwise with the other.")


def test_two_that_work_only_together_send_the_reader_to_the_combinations():
    both = together_of(factors(200, 200, 200, 400), "click").rows[2]
    assert both.is_proven
    assert "Judge the four combinations" in both.words


def test_figures_that_cannot_be_trusted_prove_nothing():
    found = together_of(factors(200, 280, 220, 300), "click", is_sound=False)
    assert not any(row.is_proven for row in found.rows)
    assert "cannot be trusted" in found.note


def test_before_its_end_a_test_that_is_judged_once_shows_a_preview():
    found = together_of(factors(200, 280, 220, 300), "click", preview=True)
    assert not any(row.is_proven for row in found.rows)
    assert found.note.startswith("A preview")


def test_before_there_is_enough_it_is_said_and_other_tests_show_nothing():
    early = together_of(factors(0, 0, 0, 0), "click")
    assert early.rows == ()
    assert early.note == "Each by itself: there is not enough yet to tell the two apart."
    assert together_of((), "click") is None


@pytest.mark.parametrize(("clicks", "shown"), [((200, 280, 220, 300), 3), ((0, 0, 0, 0), 0)])
def test_the_page_shows_the_effects_below_the_combinations_and_escapes_what_was_typed(clicks, shown):
    page = render(
        "screens/experiments/monitor_results.jinja", NOW, ZoneInfo("UTC"), metric="click", metrics=["click"], rows=[],
        people_of=None, may=lambda _: True,
        plan=PLAN, test=SimpleNamespace(winner=""), wording=wording, both=together_of(factors(*clicks), "click"),
    )  # fmt: skip
    assert page.count("data-effect=") == shown
    assert "<Sale>" not in page
    assert "Each by itself" in page


@pytest.mark.parametrize(("may", "links"), [(True, 8), (False, 0)])
def test_the_figures_of_a_variation_lead_to_its_people_for_who_may_make_segments(may, links):
    moments = {arm: {"click": Moments.of_proportion(100, 10)} for arm in "abcd"}
    analysis = analyse(design_of(PLAN), Observed(dict.fromkeys("abcd", 100), moments))
    page = render(
        "screens/experiments/monitor_results.jinja", NOW, ZoneInfo("UTC"), metric="click", metrics=["click"],
        rows=rows_of(analysis, "click", PLAN), people_of=partial(people_of_test, 7), may=lambda _: may, plan=PLAN,
        test=SimpleNamespace(winner=""), wording=wording, both=None,
    )  # fmt: skip
    assert page.count("data-people=") == links
    assert ("/segments?new=blank&amp;test=7%3Ab%3Aclick" in page) is may
