"""Under test: a figure of people whom a channel reaches leads to exactly these people, without the suppressed ones."""

from __future__ import annotations

import pytest
import segments_fixture
from serving_fixture import NOW, republish

from apps.context import open_context
from apps.screens.segments.answers import Answers
from apps.screens.segments.members import read_members
from apps.screens.segments.narrowing import narrowed, read_narrow
from dmat.consent.suppression import Suppression, suppress
from dmat.segments.rules import parse

AGREED = 50 + 11  # every eighth of 1001 to 1400 is German and agreed, and so did eleven of the twelve of the carts
CONSENTS = (
    "insert into consent.person_channel_consent by name select i as person_id, 'email' as channel,"
    " 'marketing' as purpose, i % 8 = 0 as is_granted from range(1001, 1401) as numbers (i)"
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    settings = segments_fixture.build_audience(tmp_path_factory.mktemp("reached"))
    republish(settings, CONSENTS)
    context = open_context(settings)
    yield Answers(context)
    context.store.close()


def listed(answers, narrow: str, words: str = ""):
    subject = answers.library.get("germans")
    part = read_narrow(narrow)
    rule = narrowed(answers.rule_of(subject), part)
    return read_members(answers, rule, words, 1, part[1] if part[0] == "reach" else "")


def figure(answers) -> int:
    return answers.preview(answers.library.get("germans")).reachable["email"]


def test_the_list_behind_a_channel_has_as_many_people_as_its_figure(answers):
    before = figure(answers)
    assert before == listed(answers, "reach:email").fitting == AGREED
    with answers.context.store.write() as connection:
        suppress(connection, [Suppression(" P1008@example.com ", "email", "bounced"),
                              Suppression("p1016@example.com", "email", "erased")], NOW)  # fmt: skip
    answers.forget()
    assert figure(answers) == listed(answers, "reach:email").fitting == before - 2
    assert [listed(answers, "reach:email", f"Person {n}").fitting for n in (1008, 1016, 1024)] == [0, 0, 1]


def test_the_sample_behind_a_channel_has_only_people_whom_it_reaches(answers):
    germans = parse(segments_fixture.GERMANY)
    reached = set(answers.reachable_ids(germans, "email").tolist())
    sample = answers.sample(germans, ("reach", "email"))
    assert sample
    assert {int(person.person_id) for person in sample} <= reached


def test_a_channel_that_nobody_consented_to_reaches_nobody(answers):
    assert listed(answers, "reach:push").fitting == 0
    assert answers.sample(parse(segments_fixture.GERMANY), ("reach", "push")) == ()
