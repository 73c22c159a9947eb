"""Under test: many clicks at once are written down first and each is counted once, also by the process after."""

from __future__ import annotations

import asyncio

import pytest
from fastapi.testclient import TestClient
from sending_fixtures import NOON, plan_messages

from apps.api.app import create_app
from apps.api.committer import Committer
from apps.api.journal import FEW, Journal
from apps.api.links import click_event
from dmat.errors import UnverifiedError
from dmat.ledger.counters import read_counters
from dmat.messages.short_links import ShortLinks, from_base_62, in_base_62
from dmat.store.arrivals import count_arrivals, keep_arrival
from dmat.store.inbox import unapplied

TARGET = "https://shop.example/sale?utm_source=dmat&x=ä"
PERSON = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/140.0"}


def clicks(message_ids):
    return [click_event(each, TARGET, PERSON["User-Agent"], NOON) for each in message_ids]


def journal_of(store):
    return Journal(store, Committer(store, lambda: NOON), lambda: NOON)


def waiting(store):
    with store.read() as connection:
        return count_arrivals(connection)


def counted(store):
    return {row["kind"]: row["count"] for row in read_counters(store)}


async def note_all(journal, events):
    await asyncio.gather(*(journal.note(event) for event in events))
    while journal.is_behind:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("count", [1, FEW, 60])
def test_few_or_many_clicks_at_once_are_each_in_the_inbox_and_counted_once(store, count):
    ids = plan_messages(store, count)
    asyncio.run(note_all(journal_of(store), clicks(ids)))
    assert len(unapplied(store)) == count
    assert counted(store)["clicked_human"] == count
    assert waiting(store) == 0


def test_what_a_process_wrote_down_before_it_died_is_taken_in_by_the_next_one(store, settings):
    events = clicks(plan_messages(store, 3))
    with store.write() as connection:
        keep_arrival(connection, events[:2], NOON)
        keep_arrival(connection, events[2:], NOON)
    assert unapplied(store) == []
    journal = journal_of(store)
    assert [journal.take_in(), journal.take_in()] == [3, 0]
    assert sorted(row.payload["url"] for row in unapplied(store)) == [TARGET] * 3


def die(*_arguments):
    raise KeyboardInterrupt


def test_a_death_between_taking_out_and_counting_loses_nothing(store):
    events = clicks(plan_messages(store, 3))
    with store.write() as connection:
        keep_arrival(connection, events, NOON)
    journal = journal_of(store)
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr("apps.api.journal.receive_within", die)
        with pytest.raises(KeyboardInterrupt):
            journal.take_in()
    assert waiting(store) == 3
    assert journal_of(store).take_in() == 3
    assert counted(store)["clicked_human"] == 3


def test_a_short_link_leads_on_and_counts_and_an_altered_one_leads_nowhere(store, settings):
    [message_id, other] = plan_messages(store, 2)
    links = ShortLinks(settings, store)
    wanted = [(message_id, TARGET), (other, TARGET)]
    with store.write() as connection:
        made = links.make(connection, wanted, NOON)
        assert links.make(connection, wanted, NOON) == made
    url = made[(message_id, TARGET)]
    assert url != made[(other, TARGET)]
    assert len(url) <= len(settings.resolved_public_url) + 12
    with TestClient(create_app(settings, store), base_url=settings.resolved_public_url) as client:
        answer = client.get(url, headers=PERSON, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (302, TARGET.replace("ä", "%C3%A4"))
        for wrong in (
            url[:-1] + ("A" if url[-1] != "A" else "B"),
            url[:-7] + ("2" if url[-7] == "1" else "1") + url[-6:],
            f"{url}0",
            "/s/",
            "/s/a",
        ):
            assert client.get(wrong, headers=PERSON, follow_redirects=False).status_code == 404
    assert counted(store)["clicked_human"] == 1


@pytest.mark.parametrize("number", [0, 1, 61, 62, 3844, 10**12])
def test_numbers_in_base_62_come_back(number):
    assert from_base_62(in_base_62(number)) == number


def test_a_sign_that_is_no_digit_is_refused():
    with pytest.raises(UnverifiedError):
        from_base_62("a-b")
