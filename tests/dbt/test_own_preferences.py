"""Under test: what people decide at our own doors reaches consent in the warehouse, for whoever they are by then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dmat.consent.preferences import Proof, Whose, apply_change, compare, log_proofs, read_preferences
from dmat.store import open_store
from dmat.warehouse import writer
from dmat_pipelines.capture.deliveries import land_preferences
from dmat_pipelines.conform.runner import build

ASKED = ("+person_channel_consent", "+dim_people")
PAGE = Proof("preference centre", "link of message m-1")


@pytest.fixture(scope="module")
def rows(new_home, raw, tmp_path_factory):
    """Asks the core file of a workspace where a subscriber left by the page after the first build, and came back."""
    from dmat.landing import land

    settings = new_home(tmp_path_factory.mktemp("preferences"))
    store, now = open_store(settings), settings.clock.now()
    people = [raw.customer(1, "ana@x.example", "Ana", "Silva"), raw.customer(2, "bo@x.example", "Bo", "Berg")]
    with writer(settings) as connection:
        land(connection, "shopify_customers", people, "first", now)
    build(settings, ASKED, exclude_tests=True).require_ok()

    def ask(query):
        with writer(settings) as connection:
            return connection.execute(query).fetchall()

    numbers = dict(ask("select email, person_id from people.dim_people"))
    for minute, (email, choices) in enumerate((("ana@x.example", [("email", "marketing")]), ("ana@x.example", []))):
        whose = Whose(numbers[email], email, "email")
        with store.write() as connection:
            change = compare(read_preferences(connection, whose), choices, "weekly")
            apply_change(connection, whose, change, PAGE, now + timedelta(minutes=minute))
    proof = {
        "decision_id": "d-9", "person_id": 0, "address": "bo@x.example", "channel": "email", "purpose": "marketing",
        "what": "granted", "value": "", "source": "double opt-in", "evidence": "confirmed",
        "decided_at": now + timedelta(minutes=5),
    }  # fmt: skip
    with store.write() as connection:
        log_proofs(connection, [proof])
    landed = [land_preferences(settings, store, "second").kept_count for _ in range(2)]
    build(settings, ASKED, exclude_tests=True).require_ok()
    yield ask, numbers, landed
    store.close()


def test_each_decision_lands_once(rows):
    _, _, landed = rows
    assert landed == [4, 0]


def test_the_last_word_at_the_page_counts(rows):
    ask, numbers, _ = rows
    query = "select is_granted, source, evidence from consent.person_channel_consent where channel = 'email'"
    assert ask(f"{query} and person_id = {numbers['ana@x.example']}") == [
        (False, "preference centre", "link of message m-1")
    ]


def test_a_confirmation_by_address_counts_for_whoever_has_it(rows):
    ask, numbers, _ = rows
    query = "select is_granted, source from consent.person_channel_consent where channel = 'email'"
    assert ask(f"{query} and person_id = {numbers['bo@x.example']}") == [(True, "double opt-in")]


def test_how_often_is_kept_too(rows):
    ask, *_ = rows
    assert ask("select wanted_frequency from staging.stg_preferences__decisions where decision = 'frequency'") == [
        ("weekly",)
    ]
