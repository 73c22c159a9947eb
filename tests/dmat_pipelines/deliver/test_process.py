"""Under test: a process of sending lets go of what holds itself, such as a request and its answer."""

from __future__ import annotations

import gc
import weakref

import pytest

from dmat_pipelines.deliver.process import forget_requests


class Held:
    """Something that holds itself, as a request holds its answer and the answer the request."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def no_collecting():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collecting")
def test_what_holds_itself_is_let_go_after_a_few_rounds():
    held = weakref.ref(Held())
    forget_requests(1)
    assert held() is not None
    for rounds in range(2, 6):
        forget_requests(rounds)
    assert held() is None


@pytest.mark.usefixtures("no_collecting")
def test_what_was_under_way_when_somebody_looked_is_let_go_later():
    under_way = [Held()]
    forget_requests(4)
    held = weakref.ref(under_way.pop())
    for rounds in range(5, 65):
        forget_requests(rounds)
    assert held() is None
