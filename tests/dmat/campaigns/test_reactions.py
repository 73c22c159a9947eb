"""Under test: a step goes to those who reacted to an earlier one, or did not, as it stands when its time comes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from campaign_world import document_of, plan_of
from segment_world import NOW, number_of

from dmat.campaigns.checking import check_plan
from dmat.campaigns.estimate import estimate
from dmat.campaigns.running import Runner
from dmat.ledger.entries import list_entries
from dmat.ledger.post import Move, move
from dmat.ledger.receive import receive
from dmat.store.inbox import InboundEvent


def plan(*reactions, **second):
    later = {"key": "later", "channel": "email", "template": "cart_recovery", "at": str(NOW + timedelta(days=1))}
    later |= {"audience": {"reactions": list(reactions)}} | second
    return document_of(steps=[*document_of()["steps"], later])


def who(step="mail", did="opened", is_not=False):
    return {"step": step, "did": did, "is_not": is_not}


@pytest.fixture
def second_step(campaign_world):
    """Persons 1, 3 and 5 get the first mail; 1 opens it, a machine opens that of 3; gives who the second is for."""
    world = campaign_world
    runner = Runner(world.settings, world.store, world.desk, world.library)

    def run(document):
        world.start(document)
        runner.look()
        ids = {entry.person_id: entry.message_id for entry in list_entries(world.store, programme="campaign:1")}
        got = [ids[number_of(n)] for n in (1, 3, 5)]
        with world.store.write() as connection:
            for state in ("claimed", "handed_over", "accepted"):
                move(connection, [Move(each, state, "a test") for each in got], NOW)
            move(connection, [Move(ids[number_of(7)], "suppressed", "no consent: none")], NOW)
        opened = [
            InboundEvent("sendgrid", f"e{n}", "opened", NOW, {}, got[n], "a@b.example", is_machine=n == 1)
            for n in (0, 1)
        ]
        receive(world.store, opened, NOW)
        world.settings.clock.set(NOW + timedelta(days=1))
        runner.look()
        found = list_entries(world.store, programme="campaign:1")
        return sorted(entry.person_id % 1000 for entry in found if entry.step == "later")

    return run


@pytest.mark.parametrize(
    ("reactions", "people"),
    [
        ([who()], [1]),
        ([who(is_not=True)], [3, 5]),
        ([who(did="anything", is_not=True)], [3, 5]),
        ([who(did="got")], [1, 3, 5]),
        ([who(did="got", is_not=True)], [7, 9, 11]),
        ([who(), who(did="clicked", is_not=True)], [1]),
        ([who(did="clicked")], []),
    ],
)
def test_a_step_is_for_who_reacted_so_and_machines_are_nobody(second_step, reactions, people):
    assert second_step(plan(*reactions)) == people


def test_reactions_narrow_what_segments_leave(second_step):
    audience = {"segments": ["germans"], "exclude": ["buyers"], "reactions": [who(did="got", is_not=True)]}
    assert second_step(plan(audience=audience)) == []


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        (plan(who(step="nothing")), "steps[1].audience.reactions[0]", "no other step 'nothing'"),
        (plan(who(step="later")), "steps[1].audience.reactions[0]", "no other step 'later'"),
        (plan(who(did="read")), "steps[1].audience.reactions[0]", "does not tell who read"),
        (plan(who(), at=str(NOW)), "steps[1].audience.reactions[0]", "does not go out before"),
    ],
)
def test_a_reaction_that_nobody_can_have_keeps_the_plan_from_running(campaign_world, document, place, words):
    found = check_plan(campaign_world.store, campaign_world.settings, plan_of(**{"starts_at": str(NOW), **document}))
    assert [(each.place, each.is_blocking) for each in found] == [(place, True)]
    assert words in found[0].what


def test_before_the_start_the_estimate_is_an_upper_bound_and_says_so(campaign_world):
    found = estimate(campaign_world.settings, campaign_world.store, campaign_world.desk, plan_of(**plan(who())))
    assert [step.audience for step in found.steps] == [6, 6]
    assert "later" in found.notes[0]
    assert "at most" in found.notes[0]
