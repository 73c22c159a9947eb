"""Under test: a post is published once by itself where that is wanted, and else a person does it, with the reason."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from campaign_world import document_of
from segment_world import NOW

from dmat.campaigns import posting
from dmat.campaigns.posting import find_run, note_post, try_again
from dmat.campaigns.running import Runner
from dmat.campaigns.step_runs import write_run
from dmat.channels.social import Published
from dmat.errors import AmbiguousError, ConflictError, InvalidInputError, NotFoundError, VendorRefusedError

SAYS = {"network": "linkedin", "text": "Our sale begins", "url": "https://shop.example/sale?a=1"}
POST = {"key": "post", "channel": "social", "social": SAYS}
BY = "ann@shop.example"


class FakeNetwork:
    """Publishes, or fails as it is told to; finds what was published."""

    name = "linkedin"

    def __init__(self, fault=None, keeps=False):
        self.fault, self.keeps, self.posts = fault, keeps, []

    def check(self, post):
        pass

    def publish(self, post):
        if self.fault is None or self.keeps:
            self.posts.append(post)
        if self.fault is not None:
            raise self.fault
        return Published("urn:1", "https://linkedin.example/1")

    def find(self, post, since):
        return Published("urn:1", "https://linkedin.example/1") if post in self.posts else None

    def close(self):
        pass


@pytest.fixture
def publish(campaign_world, monkeypatch):
    """Runs a campaign with one post over a network, and gives the row of its step."""
    world = campaign_world
    world.settings.social_publishing = "automatic"
    runner = Runner(world.settings, world.store, world.desk, world.library)

    def run(network, looks=1):
        monkeypatch.setattr(posting, "open_network", lambda settings, name: network)
        if not world.library.list():
            world.start(document_of(steps=[POST]))
        for _ in range(looks):
            runner.look()
        return row(world)

    return run


def row(world):
    with world.store.read() as connection:
        return find_run(connection, 1, "post")


def test_a_post_is_published_once_with_the_parameters_of_the_campaign(publish):
    network = FakeNetwork()
    found = publish(network, looks=3)
    assert (found.state, found.post_url) == ("posted", "https://linkedin.example/1")
    [post] = network.posts
    assert (
        post.url == "https://shop.example/sale?a=1&utm_source=dmat&utm_medium=social&utm_campaign=sale&utm_content=post"
    )


def test_what_the_network_refuses_waits_for_a_person_who_may_let_it_be_tried_again(publish, campaign_world):
    found = publish(FakeNetwork(VendorRefusedError("linkedin", 422, "too long")), looks=2)
    assert found.state == "to_post"
    assert "too long" in found.reason
    try_again(campaign_world.settings, campaign_world.store, 1, "post", BY)
    assert publish(FakeNetwork()).state == "posted"


def test_a_post_whose_answer_was_lost_is_found_by_its_words_and_not_published_twice(publish):
    network = FakeNetwork(AmbiguousError("linkedin: cut"), keeps=True)
    assert publish(network, looks=3).state == "posted"
    assert len(network.posts) == 1


def test_a_post_that_is_nowhere_after_a_lost_answer_is_looked_for_by_a_person(publish):
    network = FakeNetwork(AmbiguousError("linkedin: cut"))
    found = publish(network, looks=3)
    assert found.state == "to_post"
    assert found.reason == "look at linkedin whether it is there: linkedin: cut"


@pytest.mark.parametrize(("was_published", "state"), [(True, "posted"), (False, "to_post")])
def test_a_process_that_died_while_publishing_leaves_nothing_to_chance(publish, campaign_world, was_published, state):
    network, world = FakeNetwork(KeyboardInterrupt(), keeps=was_published), campaign_world
    with pytest.raises(KeyboardInterrupt):
        publish(network)
    assert row(world).state == "posting"
    network.fault = None
    assert publish(network).state == "posting"  # it may still be at it
    world.settings.clock.advance(timedelta(minutes=11))
    assert publish(network).state == state
    assert len(network.posts) == was_published


def test_by_hand_is_the_way_unless_somebody_says_otherwise(campaign_world):
    world = campaign_world
    world.start(document_of(steps=[POST]))
    Runner(world.settings, world.store, world.desk, world.library).look()
    assert (row(world).state, row(world).reason) == ("to_post", "waits for somebody to publish it")
    note_post(world.settings, world.store, 1, "post", "https://linkedin.example/9", BY)
    assert row(world).post_url == "https://linkedin.example/9"
    with pytest.raises(ConflictError):
        try_again(world.settings, world.store, 1, "post", BY)
    with pytest.raises(InvalidInputError):
        note_post(world.settings, world.store, 1, "post", "javascript:alert(1)", BY)
    with pytest.raises(NotFoundError):
        note_post(world.settings, world.store, 1, "nothing", "https://linkedin.example/9", BY)


def test_a_network_that_is_not_connected_says_what_is_missing(campaign_world):
    world = campaign_world
    world.settings.social_publishing = "automatic"
    world.start(document_of(steps=[POST]))
    Runner(world.settings, world.store, world.desk, world.library).look()
    assert row(world).reason == "waits for somebody to publish it: DMAT_LINKEDIN_URL is not set"


def test_the_sandbox_keeps_the_post_as_a_file(campaign_world):
    world = campaign_world
    world.settings.social_publishing = "sandbox"
    world.start(document_of(steps=[POST]))
    Runner(world.settings, world.store, world.desk, world.library).look()
    [file] = (world.settings.home / "sandbox" / "social").iterdir()
    assert json.loads(file.read_text())["text"] == "Our sale begins"
    assert (row(world).state, row(world).post_url) == ("posted", file.as_uri())


def test_a_way_to_publish_that_there_is_not_is_named(campaign_world):
    world = campaign_world
    world.settings.social_publishing = "loudly"
    world.start(document_of(steps=[POST]))
    Runner(world.settings, world.store, world.desk, world.library).look()
    assert "DMAT_SOCIAL_PUBLISHING" in row(world).reason


def test_a_step_that_somebody_took_is_not_taken_again(publish, campaign_world):
    publish(FakeNetwork(VendorRefusedError("linkedin", 422, "no")))
    with campaign_world.store.write() as connection:
        write_run(connection, row(campaign_world), NOW, state="posting", frozen_at=NOW)
    network = FakeNetwork()
    assert publish(network).state == "posting"
    assert network.posts == []
