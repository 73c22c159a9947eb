"""The world file, the archive of past mails and the bulk load hold the very same payloads, and never the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from dmat.clock import Clock
from dmat.settings import load_settings
from dmat.simulate import company as made
from dmat.simulate import simulate
from dmat.simulate.payloads import SHAPES, payload_sql, render
from dmat.simulate.tables import TRUTH_TABLES

END = datetime(2026, 3, 1, 10)
COMPANY = made.generate(300, 7, END)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulated") / "company.duckdb"
    made.write_world(COMPANY, path)
    return path


@pytest.fixture
def db(world: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(world), read_only=True) as connection:
        yield connection


def records(path: Path) -> dict[tuple[str, str], str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select resource, record_id, payload::varchar from records").fetchall()
    assert len({row[:2] for row in rows}) == len(rows), "a record stands twice in the world"
    return {(resource, record_id): payload for resource, record_id, payload in rows}


def test_writing_a_world_twice_gives_the_same_world(world: Path, tmp_path: Path) -> None:
    again = tmp_path / "company.duckdb"
    for _ in range(2):
        made.write_world(COMPANY, again)
    assert records(again) == records(world)
    assert not list(tmp_path.glob("*.partial"))


def test_every_resource_but_the_past_events_is_in_the_world(world: Path) -> None:
    assert {resource for resource, _ in records(world)} == set(SHAPES) - {"delivery_events"}


def test_a_bulk_load_gives_the_payloads_of_the_world(world: Path) -> None:
    loaded = {}
    for source in (COMPANY, world):
        with duckdb.connect() as core:
            counts = made.load_raw(source, core, "run", END)
            assert core.execute("select current_database()").fetchone() == ("memory",)
            for resource in SHAPES:
                rows = core.execute(f"select record_id, payload::varchar, payload_hash from raw.{resource}").fetchall()
                assert counts[resource] == len(rows) > 0
                loaded[str(source), resource] = {row[0]: row[1:] for row in rows}
    expected = records(world)
    for resource in SHAPES:
        assert loaded[str(COMPANY), resource] == loaded[str(world), resource]
        if resource != "delivery_events":
            payloads = {key: row[0] for key, row in loaded[str(world), resource].items()}
            assert payloads == {key: text for (name, key), text in expected.items() if name == resource}


def test_the_archive_has_the_keys_of_the_vendor_and_every_event(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "CHUNK_PEOPLE", 300)
    from_world, from_company = tmp_path / "a.parquet", tmp_path / "b.parquet"
    count = made.write_email_archive(world, from_world)
    assert made.write_email_archive(COMPANY, from_company) == count
    a, b = (
        duckdb.sql(f"select * from '{path}' order by sg_event_id").fetchall() for path in (from_world, from_company)
    )
    assert a == b
    assert len(a) == count > 1000
    assert {column[0] for column in duckdb.sql(f"describe select * from '{from_world}'").fetchall()} == {
        "sg_event_id", "sg_message_id", "event", "email", "timestamp", "category", "useragent", "ip", "url",
        "sg_machine_open", "type", "reason", "status",
    }  # fmt: skip


def test_an_archive_made_in_chunks_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "CHUNK_PEOPLE", 120)
    path = tmp_path / "events.parquet"
    count = made.write_email_archive(COMPANY, path)
    assert duckdb.sql(f"select count(*) from '{path}'").fetchone() == (count,)
    assert list(tmp_path.iterdir()) == [path]


def test_no_payload_tells_the_truth(db: duckdb.DuckDBPyConnection) -> None:
    hidden = {"person_id", "segment"} | {
        column.split()[0] for column in TRUTH_TABLES["people"].replace("\n", " ").strip().split(", ")
    }
    for (text,) in db.execute("select any_value(payload)::varchar from records group by resource").fetchall():
        assert not hidden & set(keys_of(json.loads(text)))


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_one_changed_order_is_rendered_in_place_of_its_older_state(world: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(world.read_bytes())
    with duckdb.connect(str(copy)) as db:
        (order_id,) = db.execute("select max(order_id) from orders where outlet = 'shopify'").fetchone() or (0,)
        before = db.execute("select count(*) from records").fetchone()
        db.execute("update orders set cancelled_at = updated_at, financial_status = 'VOIDED' where order_id = ?",
                   [order_id])  # fmt: skip
        for _ in range(2):
            assert render(db, "shopify_orders", f"order_id = {order_id}") == 1
        assert db.execute("select count(*) from records").fetchone() == before
        row = db.execute("select payload from records where record_id = ?", [f"gid://shopify/Order/{order_id}"])
        payload = json.loads((row.fetchone() or ("{}",))[0])
    assert payload["displayFinancialStatus"] == "VOIDED"
    assert payload["cancelledAt"] == payload["updatedAt"]
    assert payload["lineItems"]["nodes"]


def test_payloads_write_money_and_time_as_the_vendors_do(db: duckdb.DuckDBPyConnection) -> None:
    samples = {
        resource: json.loads((db.execute(f"{payload_sql(resource)} limit 1").fetchone() or ("",) * 4)[3])
        for resource in SHAPES
    }
    order = samples["shopify_orders"]
    assert order["createdAt"].endswith("Z")
    assert order["totalPriceSet"]["shopMoney"]["amount"].rpartition(".")[2].isdigit()
    assert len(order["totalPriceSet"]["shopMoney"]["amount"].rpartition(".")[2]) == 2
    assert samples["twilio_messages"]["date_sent"].endswith("+0000")
    assert samples["woocommerce_orders"]["date_created_gmt"].count("T") == 1
    assert "Z" not in samples["woocommerce_orders"]["date_created_gmt"]
    assert samples["hubspot_contacts"]["createdAt"].endswith(".000Z")
    assert len(samples["ga4_sessions"]["dateHourMinute"]) == 12
    assert "url" not in samples["delivery_events"] or samples["delivery_events"]["event"] == "click"


def test_a_recovery_address_leads_to_the_cart_by_its_token(db: duckdb.DuckDBPyConnection) -> None:
    rows = db.execute("select payload ->> 'abandonedCheckoutUrl', payload ->> 'id' from records"
                      " where resource = 'shopify_abandoned_checkouts'").fetchall()  # fmt: skip
    tokens = {f"gid://shopify/AbandonedCheckout/{number}": token
              for number, token in db.execute("select cart_id, token from carts").fetchall()}  # fmt: skip
    assert all(f"/checkouts/ac/{tokens[key]}/recover?key=" in url for url, key in rows)


def test_simulate_fills_the_workspace_at_its_present_and_leaves_the_clock_alone(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock.json")
    clock.set(END)
    told: list[float] = []
    done = simulate(
        load_settings(tmp_path), people=120, seed=3, months=6, progress=lambda what, share: told.append(share)
    )
    assert clock.now() == END
    assert done.world == tmp_path / "simulation" / "company.duckdb"
    assert done.email_archive.exists()
    assert done.connection == tmp_path / "simulation" / "connection.env"
    assert done.email_events_count > 0
    assert told[-1] == 1
    with duckdb.connect(str(done.world), read_only=True) as db:
        assert db.execute(f"select count(*) from visits where started_at > timestamp '{END}'").fetchone() == (0,)
