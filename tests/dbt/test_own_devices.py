"""Under test: a device that registered at our own door reaches the warehouse, once, and belongs to the right person."""

from __future__ import annotations

import pytest

from dmat.channels.devices import Registration, register, unregister
from dmat.store import open_store
from dmat.warehouse import writer
from dmat_pipelines.capture.deliveries import land_devices
from dmat_pipelines.conform.runner import build


@pytest.fixture(scope="module")
def rows(new_home, raw, tmp_path_factory):
    """Asks the core file of a workspace with one customer of the shop and three devices, one of which ended."""
    from dmat.landing import land

    settings = new_home(tmp_path_factory.mktemp("devices"))
    store, now = open_store(settings), settings.clock.now()
    with writer(settings) as connection:
        land(connection, "shopify_customers", [raw.customer(1, "ana@x.example", "Ana", "Silva")], "first", now)
    for number, email in ((1, "ana@x.example"), (2, "ana@x.example"), (3, "nobody@x.example")):
        wanted = Registration(f"token-no-{number}", "web", email=email, has_consent=True, consent_text="Yes")
        register(store, wanted, now)
    first = land_devices(settings, store, "first").kept_count
    unregister(store, "token-no-2", "the device asked for it", settings.clock.now())
    second = [land_devices(settings, store, "second").kept_count for _ in range(2)]
    build(settings, ["+person_devices", "+person_contacts"], exclude_tests=True).require_ok()

    def ask(query):
        with writer(settings) as connection:
            return connection.execute(query).fetchall()

    yield ask, first, second
    store.close()


def test_each_device_lands_once_and_again_when_it_changed(rows):
    _, first, second = rows
    assert (first, second) == (3, [1, 0])


def test_a_device_belongs_to_the_person_with_its_address(rows):
    ask, *_ = rows
    ana = ask("select person_id from people.person_contacts where source = 'shopify'")[0][0]
    found = ask("select device_token, person_id, is_registered, is_reachable from people.person_devices order by 1")
    assert found == [
        ("token-no-1", ana, True, True), ("token-no-2", ana, False, False), ("token-no-3", None, True, False),
    ]  # fmt: skip
