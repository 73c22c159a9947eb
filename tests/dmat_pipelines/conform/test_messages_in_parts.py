"""Under test: what became of messages is the same whether their events arrive in many small batches or all at once."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from dmat.landing import Record, land
from dmat.settings import load_settings
from dmat.warehouse import Workspace, writer
from dmat_pipelines.conform import hot
from dmat_pipelines.conform.runner import build

NOW = datetime(2026, 3, 10, 12)
MESSAGES = [f"m{number}" for number in range(24)]
EVENTS = ("delivered", "open", "click", "bounce", "unsubscribe", "spamreport", "inbound")
TABLES = ("deliveries.fct_messages", "deliveries.hourly_messages")
WHAT_CAME = """
    select message_id, delivered_at, first_opened_at, first_clicked_at, replied_at, bounced_at, unsubscribed_at,
        complained_at
    from deliveries.fct_messages order by message_id
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """A workspace that was built once, and its resident runner after its first hot build."""
    settings = load_settings(tmp_path_factory.mktemp("parts"), duckdb_memory_limit="500MB")
    settings.clock.set(NOW)
    build(settings, ["+tag:hot"], exclude_tests=True, publish_after=True).require_ok()
    resident = hot.Runner(settings)
    with pytest.MonkeyPatch.context() as patch:  # whoever works at the project meanwhile shall not fail this
        patch.setattr(hot, "project_fingerprint", lambda: (1.0, 1))
        resident.build_hot()
        yield settings, resident


def entry(message: str, revision: int, state: str, is_accepted: bool) -> tuple[str, Record]:
    moment = NOW - timedelta(hours=3, minutes=int(message[1:]))
    payload = {
        "message_id": message, "person_id": 1, "programme": "campaign:1", "programme_version": 1, "step": "1",
        "occurrence": "", "channel": "email", "state": state, "planned_at": moment.isoformat(),
        "accepted_at": moment.isoformat() if is_accepted else None, "updated_at": moment.isoformat(),
        "revision": revision,
    }  # fmt: skip
    return "ledger_entries", Record(message, moment + timedelta(seconds=revision), payload)


def event(message: str, what: str) -> tuple[str, Record]:
    seconds = 1773144000 + EVENTS.index(what)
    payload = {"email": f"{message}@x.example", "event": what, "timestamp": seconds, "dmat_message_id": message}
    return "delivery_events", Record(f"sendgrid:{message}-{what}", NOW, payload)


def imported(number: int) -> tuple[str, Record]:
    payload = {"event": "open", "email": f"i{number}@x.example", "occurred_at": NOW.isoformat()}
    return "import_events", Record(f"i{number}", NOW, payload)


def arrive(settings, things: list[tuple[str, Record]]) -> None:
    """Land records, each with its table, at the clock's time."""
    with writer(settings) as connection:
        for table in dict.fromkeys(table for table, _ in things):
            records = [record for of, record in things if of == table]
            land(connection, table, records, "run", settings.clock.now())


def contents(settings) -> dict[str, list[dict]]:
    view = Workspace(settings)
    return {table: view.rows(f"select * exclude (_build) from {table} order by all") for table in TABLES}


def all_at_once(settings) -> dict[str, list[dict]]:
    build(settings, ["tag:hot"], full_refresh=True, exclude_tests=True, publish_after=True).require_ok()
    return contents(settings)


def test_a_bounce_that_follows_in_a_later_batch_stays(company):
    settings, resident = company
    for things in (
        [entry("m100", 1, "planned", False)], [entry("m100", 2, "accepted", True)], [event("m100", "bounce")],
        [entry("m101", 2, "accepted", True)], [event("m101", "delivered")], [entry("m100", 3, "failed", True)],
    ):  # fmt: skip
        settings.clock.advance(timedelta(seconds=2))
        arrive(settings, things)
        resident.build_hot()
    found = {row["message_id"]: row for row in Workspace(settings).rows(WHAT_CAME)}
    assert found["m100"]["bounced_at"] == datetime(2026, 3, 10, 12, 0, 3)
    assert found["m101"]["delivered_at"] is not None
    assert contents(settings) == all_at_once(settings)


def test_an_event_of_the_same_moment_as_an_imported_one_is_not_taken_for_it(company):
    settings, resident = company
    settings.clock.advance(timedelta(seconds=2))
    arrive(settings, [entry("m200", 1, "accepted", True), event("m200", "delivered"), imported(1)])
    build(settings, ["stg_import__events", "tag:hot"], exclude_tests=True, publish_after=True).require_ok()
    arrive(settings, [event("m200", "bounce")])
    resident.build_hot()
    [found] = [row for row in Workspace(settings).rows(WHAT_CAME) if row["message_id"] == "m200"]
    assert found["bounced_at"] is not None
    assert contents(settings) == all_at_once(settings)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_cut_into_batches_gives_what_one_build_gives(company, seed):
    settings, resident = company
    chance = random.Random(seed)
    things = [event(f"{message}{seed}", what) for message in MESSAGES for what in EVENTS if chance.random() < 0.6]
    things += [entry(f"{message}{seed}", 2, "accepted", True) for message in MESSAGES]
    things += [entry(f"{message}{seed}", 1, "planned", False) for message in MESSAGES]
    things += [imported(100 * seed + number) for number in range(12)]
    chance.shuffle(things)
    while things:
        settings.clock.set(settings.clock.now() + timedelta(seconds=chance.choice((0, 2))))
        size = chance.randint(1, 30)
        arrive(settings, things[:size])
        things = things[size:]
        resident.build_hot()
    assert contents(settings) == all_at_once(settings)
