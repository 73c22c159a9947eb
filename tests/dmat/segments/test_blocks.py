"""Arrays in blocks: the answer is that of the whole array, at every size."""

from __future__ import annotations

import numpy as np
import pytest

from dmat.segments import blocks
from dmat.segments.blocks import in_blocks


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 127, 128, 129, 200, 1000])
def test_a_question_in_blocks_is_answered_as_at_once(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 64)
    monkeypatch.setattr(blocks, "_WORTH_IT", 10)
    values = np.random.default_rng(size).integers(0, 9, size)
    lengths: list[int] = []

    def question(some: np.ndarray) -> np.ndarray:
        lengths.append(len(some))
        return some > 4

    np.testing.assert_array_equal(in_blocks(question, values), values > 4)
    assert sum(lengths) == size
    assert max(lengths, default=0) <= 64


def test_a_fault_in_one_block_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 64)
    monkeypatch.setattr(blocks, "_WORTH_IT", 10)

    def question(some: np.ndarray) -> np.ndarray:
        if some[0] >= 192:
            raise ValueError("a bad block")
        return some > 4

    with pytest.raises(ValueError, match="a bad block"):
        in_blocks(question, np.arange(256))
