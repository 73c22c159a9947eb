"""Under test: landing while reading: twice gives once, a capture that dies goes on, and the lock is free meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from dmat.connectors.contract import Connector, Cursor, Page
from dmat.errors import InvalidInputError, VendorRefusedError, VendorUnavailableError
from dmat.landing import Record, Refusal
from dmat.settings import load_settings
from dmat.warehouse import writer
from dmat_pipelines.capture import sources
from dmat_pipelines.capture.sources import capture_source

AT = datetime(2026, 6, 1, 8)


class Shop(Connector):
    """A shop whose pages are given, and which fails where told."""

    vendor = "shopify"
    resources = ("orders", "products")

    def __init__(self, settings, pages, by_token=False):
        self.settings, self.pages, self.by_token, self.asked = settings, pages, by_token, []

    def _read_products(self, cursor, window) -> Iterator[Page]:
        yield Page([Record("p", AT, {"id": "p"})], Cursor(since=AT))

    def _read_orders(self, cursor, window) -> Iterator[Page]:
        self.asked.append(cursor)
        start = int(cursor.page or 0)
        for number, page in enumerate(self.pages[start:], start + 1):
            if isinstance(page, Exception):
                raise page
            records = [Record(r, AT + timedelta(minutes=int(r)), {"id": r}) for r in page]
            after = cursor.turned(str(number), records) if self.by_token else cursor.reached(records)
            cursor = after.ended() if self.by_token and number == len(self.pages) else after
            yield Page(records, cursor)

    def close(self):
        """Nothing to close."""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "BATCH_RECORDS", 2)
    settings = load_settings(tmp_path, shopify_url="http://shop.example")
    settings.clock.set(AT + timedelta(days=1))
    return settings


def capture(settings, shop, **more):
    return capture_source(settings, "shopify", more.pop("run_id", "r1"), ["orders"], connector=shop, **more)[0]


def landed(settings):
    with writer(settings) as connection:
        found = connection.execute("select record_id from raw.shopify_orders order by record_id").fetchall()
        return [row[0] for row in found]


def test_capturing_twice_gives_once(settings):
    first = capture(settings, Shop(settings, [["1", "2"], ["3"]]))
    second = capture(settings, Shop(settings, [["1", "2"], ["3"]]), run_id="r2")
    assert (first.fetched_count, first.kept_count, first.unchanged_count) == (3, 3, 0)
    assert (second.fetched_count, second.kept_count, second.unchanged_count) == (3, 0, 3)
    assert landed(settings) == ["1", "2", "3"]


def test_the_next_capture_goes_on_where_the_last_one_ended(settings):
    capture(settings, Shop(settings, [["1", "2"]]))
    shop = Shop(settings, [["3"]])
    capture(settings, shop, run_id="r2")
    assert shop.asked == [Cursor(since=AT + timedelta(minutes=2))]


def test_a_vendor_that_fails_halfway_leaves_what_it_gave_and_the_next_capture_goes_on_there(settings):
    broken = Shop(settings, [["1", "2"], ["3"], VendorUnavailableError("down")])
    outcome = capture(settings, broken)
    assert outcome.error == "VendorUnavailableError: down"
    assert landed(settings) == ["1", "2", "3"]
    shop = Shop(settings, [["4"]])
    assert capture(settings, shop, run_id="r2").error == ""
    assert shop.asked[0].since == AT + timedelta(minutes=3)
    with writer(settings) as connection:
        errors = connection.execute("select run_id, error from raw.capture_outcomes order by run_id").fetchall()
    assert errors == [("r1", "VendorUnavailableError: down"), ("r2", "")]


def test_a_process_that_dies_halfway_loses_no_landed_page(settings):
    class Killed(BaseException):
        """As if the process had been killed."""

    class DyingShop(Shop):
        def _read_orders(self, cursor, window):
            yield from super()._read_orders(cursor, window)
            raise Killed

    with pytest.raises(Killed):
        capture(settings, DyingShop(settings, [["1", "2"], ["3", "4"]], by_token=True))
    shop = Shop(settings, [["1", "2"], ["3", "4"], ["5"]], by_token=True)
    capture(settings, shop, run_id="r2")
    assert landed(settings) == ["1", "2", "3", "4", "5"]


def test_a_capture_by_page_token_goes_on_at_the_page_after_the_last_landed_one(settings):
    broken = Shop(settings, [["1", "2"], VendorUnavailableError("down"), ["4"]], by_token=True)
    capture(settings, broken)
    shop = Shop(settings, [["1", "2"], ["3"], ["4"]], by_token=True)
    outcome = capture(settings, shop, run_id="r2")
    assert shop.asked[0].page == "1"
    assert outcome.kept_count == 2
    assert Cursor.parse(outcome.cursor) == Cursor(since=AT + timedelta(minutes=4))


def test_a_page_token_that_the_vendor_has_forgotten_starts_the_list_again(settings):
    capture(settings, Shop(settings, [["1", "2"], VendorUnavailableError("down")], by_token=True))

    class Forgetful(Shop):
        def _read_orders(self, cursor, window):
            if cursor.page:
                self.asked.append(cursor)
                raise VendorRefusedError("shopify", 400, "invalid cursor")
            yield from super()._read_orders(cursor, window)

    shop = Forgetful(settings, [["1", "2"], ["3"]], by_token=True)
    outcome = capture(settings, shop, run_id="r2")
    assert outcome.error == ""
    assert [cursor.page for cursor in shop.asked] == ["1", ""]
    assert landed(settings) == ["1", "2", "3"]


def test_the_warehouse_can_be_written_by_others_while_a_vendor_is_asked(settings):
    class SlowShop(Shop):
        def _read_orders(self, cursor, window):
            for page in super()._read_orders(cursor, window):
                with writer(settings, timeout_seconds=0) as connection:
                    connection.execute("select 1")
                yield page

    assert capture(settings, SlowShop(settings, [["1", "2"], ["3"]])).error == ""


def test_one_resource_that_fails_does_not_keep_the_others_from_being_read(settings):
    shop = Shop(settings, [VendorRefusedError("shopify", 403, "no scope")])
    orders, products = capture_source(settings, "shopify", "r1", connector=shop)
    assert "no scope" in orders.error
    assert (products.kept_count, products.error) == (1, "")


def test_what_is_refused_is_counted_and_written_with_its_reason(settings):
    class SpoiltShop(Shop):
        def _read_orders(self, cursor, window):
            yield Page([Record("1", AT, {"id": "1"})], cursor, [Refusal("2", "updatedAt is missing", "{}")])

    outcome = capture(settings, SpoiltShop(settings, []))
    assert (outcome.fetched_count, outcome.kept_count, outcome.refused_count) == (2, 1, 1)
    with writer(settings) as connection:
        found = connection.execute("select source, resource, record_id, reason from raw.capture_refusals").fetchall()
    assert found == [("shopify", "orders", "2", "updatedAt is missing")]


def test_a_full_capture_asks_from_the_beginning(settings):
    capture(settings, Shop(settings, [["1", "2"]]))
    shop = Shop(settings, [["1", "2"]])
    capture(settings, shop, run_id="r2", full=True)
    assert shop.asked == [Cursor()]


def test_a_source_that_is_not_connected_or_unknown_is_told(settings):
    with pytest.raises(InvalidInputError, match="not connected"):
        capture_source(settings, "hubspot", "r1")
    with pytest.raises(InvalidInputError, match="not a source"):
        capture_source(settings, "myspace", "r1")
    with pytest.raises(InvalidInputError, match="refunds"):
        capture_source(settings, "shopify", "r1", ["refunds"])
