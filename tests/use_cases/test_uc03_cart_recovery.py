"""Under test: use case 3 in its first form, end to end, as the demo lives it through on a simulated company.

The two days of the demo ran once for the whole session; here we look at what they left behind.
"""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

import dmat
from dmat.ledger.entries import MAY_FOLLOW
from dmat.settings import load_settings
from dmat.store import open_store
from dmat.store.tables import ledger_entries, ledger_sets, ledger_transitions, rendered_messages


@pytest.fixture(scope="module")
def workspace(demo_home):
    return dmat.open(str(demo_home))


@pytest.fixture(scope="module")
def store(demo_home):
    return open_store(load_settings(home=demo_home))


def entries(store, *states):
    with store.read() as connection:
        query = sa.select(ledger_entries).where(
            ledger_entries.c.programme == "cart_recovery", ledger_entries.c.state.in_(states)
        )
        return connection.execute(query).mappings().all()


def test_the_demo_says_that_everything_adds_up(demo_home):
    printed = (demo_home / "demo.log").read_text()
    assert "Does it add up?" in printed
    assert "NO" not in printed


def test_left_carts_got_a_mail_and_some_of_them_came_back(workspace):
    row = workspace.rows(
        "select count(*) filter (where not is_holdout and messaged_at is not null) as messaged,"
        " count(*) filter (where is_recovered and not is_holdout) as recovered from evaluation.cart_recoveries"
    )[0]
    assert row["messaged"] > 0
    assert 0 < row["recovered"] <= row["messaged"]


def test_a_tenth_or_so_is_held_out_and_gets_no_mail(store):
    held = entries(store, "held_out")
    everyone = entries(store, *MAY_FOLLOW)
    assert 0 < len(held) < 0.3 * len(everyone)
    assert all(entry["accepted_at"] is None for entry in held)


def test_the_mail_names_the_products_the_total_the_code_and_links_to_the_filled_cart(store):
    with store.read() as connection:
        query = sa.select(rendered_messages.c.html, rendered_messages.c.text, ledger_entries.c.context).join(
            ledger_entries, ledger_entries.c.message_id == rendered_messages.c.message_id
        )
        query = query.where(ledger_entries.c.programme == "cart_recovery")
        mails = connection.execute(query.limit(20)).all()
    assert mails
    for html, text, context in mails:
        context = json.loads(context) if isinstance(context, str) else context
        assert "COMEBACK10" in html
        assert "COMEBACK10" in text
        assert "nsubscribe" in html
        for product in context["products"]:
            assert product["title"].split("&")[0].strip() in text


def test_nobody_gets_a_second_mail_for_the_same_cart(store):
    with store.read() as connection:
        twice = connection.execute(
            sa.select(ledger_entries.c.occurrence)
            .where(ledger_entries.c.programme == "cart_recovery", ledger_entries.c.accepted_at.is_not(None))
            .group_by(ledger_entries.c.occurrence)
            .having(sa.func.count() > 1)
        ).all()
    assert twice == []


def test_every_change_of_state_is_one_that_is_allowed(store):
    with store.read() as connection:
        changes = [
            change
            for log in (ledger_transitions.c, ledger_sets.c)
            for change in connection.execute(sa.select(log.from_state, log.to_state).distinct())
        ]
    assert changes
    assert all(not before or after in MAY_FOLLOW[before] for before, after in changes)


def test_every_no_of_the_gate_has_its_reason(store):
    assert all(entry["reason"] for entry in entries(store, "suppressed", "expired", "held_out"))


def test_a_mail_left_only_after_the_cart_was_untouched_for_an_hour(workspace):
    rows = workspace.rows(
        "select date_diff('minute', c.last_touched_at, m.planned_at) as minutes from deliveries.fct_messages as m"
        " join commerce.fct_carts as c on c.cart_id = m.occurrence where c.status = 'open'"
    )
    assert rows
    assert min(row["minutes"] for row in rows) >= 60


def test_a_recovery_follows_its_message_within_a_week(workspace):
    rows = workspace.rows(
        "select date_diff('minute', messaged_at, recovered_at) as minutes from evaluation.cart_recoveries"
        " where is_recovered"
    )
    assert all(0 <= row["minutes"] <= 7 * 24 * 60 for row in rows)


def test_no_order_counts_for_two_carts(workspace):
    rows = workspace.rows(
        "select recovered_order_id from evaluation.cart_recoveries where recovered_order_id is not null"
        " group by 1 having count(*) > 1"
    )
    assert rows == []
