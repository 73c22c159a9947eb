"""Under test: what left in a request is found again, message by message, also when the request had to be cut."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sending_fixtures import NOON, plan_messages

from dmat.ledger.claim import Verdict, look
from dmat.ledger.entries import message_as_sent
from dmat.ledger.fence import take_fence
from dmat.ledger.hand_over import Answers, Leaving, exchange
from dmat.ledger.kept import Request, line_of
from dmat.ledger.post import keep_rendered
from dmat.store.tables import rendered_batches

COMMON = {"from_address": "Shop <a@shop.example>", "rendered_at": NOON, "template": "t", "template_version": 1,
          "locale": "de"}  # fmt: skip


def pass_all_but(message_id):
    def gate(_connection, entries, _now):
        no = Verdict("suppressed", "no consent")
        return {e.message_id: no if e.message_id == message_id else Verdict("claimed", "passed") for e in entries}

    return gate


def lines_of(entries):
    return {e.message_id: line_of(e.message_id, e.address, {"X": e.address}, {"-dm0-": e.address}) for e in entries}


@pytest.fixture
def sent(both_settings, both_stores):
    """Four messages left in one request, but the last, which the gate refused; then two of them in another one."""
    ids, fence = plan_messages(both_stores, 4), take_fence(both_settings, both_stores, NOON)
    entries = look(both_stores, NOON).entries
    first = Leaving(requests=[Request("one", lines_of(entries), COMMON)], unclaimed=entries)
    handed = exchange(both_stores, fence, Answers(), first, "fake", NOON, pass_all_but(ids[-1]))
    exchange(both_stores, fence, Answers(), Leaving(again={"two": ids[:2]}), "fake", NOON)
    exchange(both_stores, fence, Answers(), Leaving(again={"three": ids[:1]}), "fake", NOON)
    return both_stores, {entry.message_id: entry for entry in entries}, handed.made, ids


def test_every_message_that_left_is_found_as_it_left(sent):
    store, entries, made, ids = sent
    assert made == set(ids[:3])
    for message_id in made:
        kept, address = message_as_sent(store, message_id), entries[message_id].address
        assert (kept["to_address"], kept["headers"], kept["filled"]) == (address, {"X": address}, {"-dm0-": address})
        assert (kept["from_address"], kept["locale"], kept["rendered_at"]) == (COMMON["from_address"], "de", NOON)


def test_a_message_that_was_refused_is_not_kept(sent):
    store, _, _, ids = sent
    assert message_as_sent(store, ids[-1]) is None
    with store.read() as connection:
        contents = connection.execute(sa.select(rendered_batches.c.content)).scalars().all()
    assert not any(ids[-1].encode() in bytes(content) for content in contents)


def test_a_message_that_has_a_row_of_its_own_is_found_there(both_stores):
    [message_id] = plan_messages(both_stores, 1)
    row = {**COMMON, "message_id": message_id, "to_address": "b", "subject": "s", "html": "h", "text": "t",
           "headers": {}, "filled": None}  # fmt: skip
    with both_stores.write() as connection:
        keep_rendered(connection, [row])
    assert message_as_sent(both_stores, message_id)["html"] == "h"
