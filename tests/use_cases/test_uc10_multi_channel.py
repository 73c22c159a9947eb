"""Under test: use case 10, a spring sale over several channels, as the demo lives it through.

The two days of the demo ran once for the whole session; here we look at what they left behind.
"""

from __future__ import annotations

from collections import Counter

import pytest

import dmat
from dmat.campaigns.monitor import journey, monitor
from dmat.campaigns.templates import plan_from
from dmat.ledger.entries import list_entries
from dmat.settings import load_settings
from dmat.store import open_store


@pytest.fixture(scope="module")
def workspace(demo_home):
    return dmat.open(str(demo_home))


@pytest.fixture(scope="module")
def store(demo_home):
    return open_store(load_settings(home=demo_home))


@pytest.fixture(scope="module")
def seen(demo_home, store, workspace):
    return monitor(load_settings(home=demo_home), store, workspace, 1)


def test_the_campaign_finished_over_email_sms_and_banner(seen):
    assert seen.campaign.status == "finished"
    assert [step.run.state for step in seen.steps] == ["over", "over", "over"]
    assert seen.channels["email"].sent > 0
    assert seen.channels["sms"].sent > 0


def test_every_person_of_the_audience_is_accounted_for(seen):
    for step in seen.steps:
        figures = step.figures
        ends = figures.sent + figures.failed + figures.suppressed + figures.held_out + figures.expired
        assert ends == figures.planned == (step.run.audience_count or 0)


def test_two_subject_lines_share_the_audience_and_one_goes_to_the_rest(seen):
    sizes = {part.variant: part.figures.planned for part in seen.variants}
    assert len(sizes) == 3
    assert {name.removesuffix("-rest") for name in sizes} == {"a", "b"}
    step = seen.steps[0].figures
    assert min(sizes.values()) > 0
    assert step.sent <= sum(sizes.values()) <= step.planned - step.held_out  # who is held out has no variant


def test_mails_come_at_the_hour_of_each_persons_own_place(store):
    waits = [entry for entry in list_entries(store, programme="campaign:1", limit=1000) if entry.channel == "email"]
    hours = Counter(entry.not_before.hour for entry in waits)
    assert len(hours) > 1


def test_results_of_the_warehouse_are_those_of_the_live_counters(seen, workspace):
    rows = workspace.rows("select * from campaigns.campaign_results where campaign_id = 1")
    live = Counter()
    for row in rows:
        live["sent"] += row["sent_count"]
        live["clicked"] += row["clicked_count"]
    assert (live["sent"], live["clicked"]) == (seen.total.sent, seen.total.clicked)


def test_the_journey_of_one_person_over_the_channels_can_be_followed(store):
    reached = Counter(
        entry.person_id for entry in list_entries(store, programme="campaign:1", states=("delivered",), limit=1000)
    )
    person, _ = reached.most_common(1)[0]
    assert len(journey(store, 1, person)) >= 2


def test_the_seven_channel_timeline_of_the_use_case_is_a_template():
    plan = plan_from("spring-sale", ["newsletter"])
    days = {step.day: {s.channel for s in plan.steps if s.day == step.day} for step in plan.steps}
    assert days == {
        1: {"email", "banner"}, 2: {"sms", "retargeting"}, 3: {"push"}, 4: {"social"}, 5: {"social", "in_app"},
        6: {"email"}, 7: {"email", "sms"},
    }  # fmt: skip
    assert [rule.then.do for rule in plan.rules] == [
        "pause_channel", "reduce_frequency", "increase_impressions", "alert", "raise_budget",
    ]  # fmt: skip
