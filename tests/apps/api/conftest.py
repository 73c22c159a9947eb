"""What the tests of doors share: the doors to the small world of people, and somebody from marketing who came in.

A file whose doors lead to another world makes its own `doors`.
"""

from __future__ import annotations

import pytest
from doors import signed_in
from fastapi.testclient import TestClient

from apps.api.app import create_app
from dmat.store import open_store


@pytest.fixture
def doors(world):
    store = open_store(world)
    with TestClient(create_app(world, store), base_url=world.resolved_public_url) as client:
        client.store = store
        yield client
    store.close()


@pytest.fixture
def marketer(doors):
    return signed_in(doors, "marketer")
