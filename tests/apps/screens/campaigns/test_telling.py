"""Under test: the monitor's parts add up to the audience, files run no formula, the list says how far each is."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

from apps.screens.campaigns.listing import next_step
from apps.screens.campaigns.telling import adds_up, arrivals, arrived, parts_of
from dmat.campaigns.monitor import Figures, StepFigures
from dmat.campaigns.plan import parse_plan

NOW = datetime(2026, 11, 20, 14, 5)


def test_the_parts_add_up_to_everybody_who_was_planned():
    figures = Figures(planned=100, sent=60, waiting=10, held_out=5, suppressed=20, failed=3, expired=1, ambiguous=1)
    assert adds_up(figures)
    assert sum(part.count for part in parts_of(figures)) == 100
    assert not adds_up(Figures(planned=100, sent=99))


def test_parts_that_nobody_is_in_are_not_shown():
    assert [part.key for part in parts_of(Figures(planned=2, sent=2))] == ["sent"]


def test_what_arrived_is_told_of_channels_that_tell_it_only():
    mails, calls = Figures(sent=10, accepted=10, delivered=8), Figures(sent=20, accepted=20)
    assert arrived(StepFigures("a", "", "email", "", mails)) == 8
    assert arrived(StepFigures("b", "", "webhook", "", calls)) is None
    both = arrivals(SimpleNamespace(channels={"email": mails, "webhook": calls}))
    assert (both.delivered, both.rate("delivered")) == (8, 0.8)
    assert arrivals(SimpleNamespace(channels={"webhook": calls})) is None


def test_push_tells_what_arrived_when_its_provider_does():
    silent, telling = Figures(sent=18, accepted=18), Figures(sent=18, accepted=18, delivered=16)
    assert arrived(StepFigures("p", "", "push", "", silent)) is None
    assert arrived(StepFigures("p", "", "push", "", telling)) == 16
    mails = Figures(sent=10, accepted=10, delivered=8)
    assert arrivals(SimpleNamespace(channels={"email": mails, "push": silent})).rate("delivered") == 0.8


def test_the_next_step_is_the_first_one_that_lies_ahead():
    plan = parse_plan({"starts_at": "2026-11-19T08:00:00", "steps": [
        {"key": "a", "channel": "email", "template": "t", "day": 1, "time": "10:00"},
        {"key": "b", "channel": "sms", "template": "t", "day": 3, "time": "10:00"},
    ]})  # fmt: skip
    step, at = next_step(plan, "UTC", None, NOW)
    assert step.key == "b"
    assert at == datetime(2026, 11, 21, 10)
    assert next_step(plan, "UTC", None, datetime(2026, 12, 1)) == (None, None)
