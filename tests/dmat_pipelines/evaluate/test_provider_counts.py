"""Under test: a provider that counted other than we did is a fault, once it has counted to the end; never before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import duckdb
import pytest

from dmat.store import Store
from dmat_pipelines.evaluate.reconcile import compare_with_providers

DAY, NEXT = datetime(2026, 3, 1), datetime(2026, 3, 2)


class View:
    """The one table that is read."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("create schema reconciliation")
        self.connection.execute(
            "create table reconciliation.provider_counts (provider varchar, programme varchar, kind varchar,"
            " begins_at timestamp, live_count bigint, provider_count bigint, late_count bigint,"
            " grain varchar as (case when provider = 'twilio' then 'hour' else 'day' end),"
            " unexplained_count bigint as (provider_count - live_count - late_count))"
        )
        for row in rows:
            self.connection.execute("insert into reconciliation.provider_counts values (?, ?, ?, ?, ?, ?, ?)", row)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries."""
        found = self.connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def compared(store: Store) -> Callable[..., dict[str, tuple[int, int]]]:
    def differences(*rows: tuple[Any, ...]) -> dict[str, tuple[int, int]]:
        return compare_with_providers(store, View(list(rows))).differences  # type: ignore[arg-type]

    return differences


def test_the_same_counts_are_no_fault(compared: Any) -> None:
    assert compared(("sendgrid", "campaign:1", "accepted", DAY, 40, 40, 0)) == {}


def test_a_mail_that_the_provider_took_twice_is_found(compared: Any) -> None:
    found = compared(("sendgrid", "campaign:1", "accepted", DAY, 40, 41, 0))
    assert found == {"sendgrid, campaign:1, accepted": (40, 41)}


def test_what_the_provider_had_not_finished_counting_is_no_fault(compared: Any) -> None:
    assert compared(("sendgrid", "campaign:1", "accepted", DAY, 40, 25, -15)) == {}


def test_a_mail_at_the_border_of_two_days_may_be_counted_on_either(compared: Any) -> None:
    found = compared(
        ("sendgrid", "campaign:1", "delivered", DAY, 40, 39, 0),
        ("sendgrid", "campaign:1", "delivered", NEXT, 2, 3, 0),
    )
    assert found == {}


def test_a_text_in_another_hour_than_the_providers_is_a_fault(compared: Any) -> None:
    found = compared(
        ("twilio", "campaign:1", "delivered", DAY, 40, 39, 0),
        ("twilio", "campaign:1", "delivered", NEXT, 2, 3, 0),
    )
    assert found == {"twilio, delivered by the hour": (2, 0)}
