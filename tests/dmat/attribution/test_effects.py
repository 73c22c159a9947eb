"""Under test: effects of channels from counted paths, as the table of effects takes them."""

from __future__ import annotations

import json

import pytest

from dmat.attribution.effects import channel_effects
from dmat.errors import InvalidInputError


def test_the_reference_chain_gives_the_reference_effects(shared_dir):
    tiny = json.loads((shared_dir / "reference" / "attribution_tiny.json").read_text())["tiny"]
    rows = tiny["input"]
    found = channel_effects([row["path"] for row in rows], [row["conv"] for row in rows], [row["null"] for row in rows])
    first = {effect.channel: effect for effect in found if effect.chain_order == 1}
    expected = tiny["exact_markov1"]
    assert {name: effect.removal_effect for name, effect in first.items()} == pytest.approx(expected["removal_effect"])
    assert {name: effect.attributed_count for name, effect in first.items()} == pytest.approx(expected["attributed"])
    assert [effect.conversion_probability for effect in first.values()] == pytest.approx([expected["p_conv"]] * 3)


def test_the_parts_of_all_channels_are_all_conversions_in_every_order():
    found = channel_effects(["a > b", "b > a > c", "c", "a"], [5, 2, 1, 0], [10, 4, 9, 30])
    for order in (1, 2, 3):
        assert sum(e.attributed_count for e in found if e.chain_order == order) == pytest.approx(8)


def test_where_nothing_converts_nothing_is_said_of_channels():
    assert channel_effects(["a > b", "b"], [0, 0], [3, 1]) == []
    assert channel_effects([], [], []) == []


def test_a_path_with_a_hole_is_refused():
    with pytest.raises(InvalidInputError, match="path"):
        channel_effects(["a > > b"], [1], [0])
