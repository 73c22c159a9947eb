"""A workspace with three abandoned carts in its published tables, on a clock that stands still."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from dmat.settings import Settings, load_settings
from dmat.warehouse import publish, writer, writer_lock
from dmat_pipelines.resources import WorkspaceResource

NOW = datetime(2026, 6, 1, 12)

TABLES = """
    create schema commerce; create schema people; create schema consent;
    create table commerce.fct_carts (cart_id varchar, person_id bigint, contact_email varchar, status varchar,
        last_touched_at timestamp, total_cents bigint, currency_code varchar, recovery_url varchar);
    create table commerce.fct_cart_lines (cart_id varchar, line_number integer, product_id varchar, title varchar,
        quantity integer, unit_price_cents bigint, image_url varchar);
    create table people.dim_people (person_id bigint, first_name varchar, country_code varchar, time_zone varchar);
    create table consent.person_channel_consent (person_id bigint, channel varchar, purpose varchar,
        is_granted boolean, decided_at timestamp, source varchar, evidence varchar);
    insert into people.dim_people select i, 'Ann', 'DE', 'Europe/Berlin' from range(1, 6) t(i);
    insert into consent.person_channel_consent
        select i, 'email', 'marketing', true, timestamp '2026-01-01', 'shop', '' from range(1, 6) t(i);
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DMAT_HOLDOUT_SHARE", "0")
    settings = load_settings(home=tmp_path)
    settings.clock.set(NOW)
    return settings


@pytest.fixture
def published(settings: Settings) -> Settings:
    """Three carts are due; one is too fresh, one too old, one ordered, one of nobody we know."""
    carts = [
        ("due1", 1, "open", 2), ("due2", 2, "open", 3), ("due3", 3, "open", 40), ("fresh", 4, "open", 0.5),
        ("old", 5, "open", 49), ("ordered", 4, "ordered", 2), ("nobody", None, "open", 2),
    ]  # fmt: skip
    with writer(settings) as connection:
        connection.execute(TABLES)
        for cart_id, person, status, hours in carts:
            connection.execute(
                "insert into commerce.fct_carts values (?, ?, ?, ?, ?, 4000, 'EUR', 'https://shop.example/c')",
                [cart_id, person, f"{cart_id}@example.org", status, NOW - timedelta(hours=hours)],
            )
    with writer_lock(settings):
        publish(settings)
    return settings


@pytest.fixture
def workspace(settings: Settings) -> WorkspaceResource:
    return WorkspaceResource(home=str(settings.home))


@pytest.fixture
def instance(tmp_path: Path):
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield instance
