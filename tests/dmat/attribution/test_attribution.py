"""Under test: credits add up whatever the journeys; Markov and Shapley equal what the definition gives when it is
worked out the long way; the tiny textbook example and the reference beside the repository.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmat.attribution import markov as chains
from dmat.attribution.markov import markov, markov_credits
from dmat.attribution.paths import Paths, read_paths
from dmat.attribution.rules import RULES, last_non_direct, position, time_decay
from dmat.attribution.shapley import shapley_credits, shapley_values
from dmat.errors import InvalidInputError

TINY = [
    {"path": "C1 > C2 > C3", "conversions": 1, "nulls": 0, "value": 1.0},
    {"path": "C1", "conversions": 0, "nulls": 1},
    {"path": "C2 > C3", "conversions": 0, "nulls": 1},
]
CHANNELS = ("email", "search", "social", "direct")

journeys = st.lists(
    st.fixed_dictionaries({
        "path": st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=6).map(" > ".join),
        "conversions": st.integers(0, 5),
        "nulls": st.integers(0, 5),
        "value": st.integers(0, 500).map(float),
    }),
    min_size=1,
    max_size=12,
).filter(lambda rows: sum(row["conversions"] for row in rows) > 0)  # fmt: skip


def aged(paths: Paths, ages) -> Paths:
    columns = {name: getattr(paths, name) for name in Paths.__dataclass_fields__}
    return Paths(**columns | {"ages": np.array(ages, float)})


def walked(rows, order: int, without: str = "") -> float:
    """The chance to convert, by following every state for so long that nothing is left on the way."""
    steps, ends, starts = defaultdict(lambda: defaultdict(float)), defaultdict(lambda: [0.0, 0.0]), 0.0
    for row in rows:
        path, count = row["path"].split(" > "), row["conversions"] + row["nulls"]
        state = ("(start)",) * order
        for channel in path:
            steps[state][channel] += count
            state = (*state[1:], channel)
        ends[state][0] += row["conversions"]
        ends[state][1] += row["nulls"]
        starts += count
    here, converted = {("(start)",) * order: 1.0}, 0.0
    for _ in range(3000):
        there: dict = defaultdict(float)
        for state, share in here.items():
            total = sum(steps[state].values()) + sum(ends[state])
            if not total:
                continue
            converted += share * ends[state][0] / total
            for channel, count in steps[state].items():
                if channel != without and count:
                    there[(*state[1:], channel)] += share * count / total
        here = there
    return converted


def enumerated(rows) -> dict[str, float]:
    """Shapley values by the sum over all sets."""
    names = sorted({channel for row in rows for channel in row["path"].split(" > ")})

    def worth(found) -> float:
        return sum(row["conversions"] for row in rows if set(row["path"].split(" > ")) <= set(found))

    values = {}
    for name in names:
        others = [other for other in names if other != name]
        values[name] = sum(
            factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
            * (worth((*chosen, name)) - worth(chosen))
            for size in range(len(names)) for chosen in itertools.combinations(others, size)
        )  # fmt: skip
    return values


def test_the_textbook_example_comes_out_as_in_the_textbook():
    found = markov(read_paths(TINY))
    assert found.conversion_probability == pytest.approx(1 / 3, abs=1e-12)
    assert found.removal_effects == pytest.approx({"C1": 0.5, "C2": 1.0, "C3": 1.0}, abs=1e-12)
    assert found.attributed == pytest.approx({"C1": 0.2, "C2": 0.4, "C3": 0.4}, abs=1e-12)
    assert shapley_values(read_paths(TINY)) == pytest.approx(dict.fromkeys(("C1", "C2", "C3"), 1 / 3), abs=1e-12)


def test_the_reference_is_met(shared_dir):
    wanted = json.loads((shared_dir / "reference" / "attribution_tiny.json").read_text())
    tiny, close = wanted["tiny"], {"abs": wanted["tolerance"]}
    rows = [{"path": row["path"], "conversions": row["conv"], "nulls": row["null"]} for row in tiny["input"]]
    paths = read_paths(rows)
    found = markov(paths)
    assert found.conversion_probability == pytest.approx(tiny["exact_markov1"]["p_conv"], **close)
    assert found.removal_effects == pytest.approx(tiny["exact_markov1"]["removal_effect"], **close)
    assert found.attributed == pytest.approx(tiny["exact_markov1"]["attributed"], **close)
    assert shapley_values(paths) == pytest.approx(tiny["shapley_enum"], **close)
    names = {"first": "first_touch", "last": "last_touch", "linear": "linear", "position_40_20_40": "position"}
    for theirs, ours in names.items():
        given = {name: value for name, value in paths.by_channel(RULES[ours](paths)).items() if value}
        assert given == pytest.approx(tiny["heuristics"][theirs], **close), ours


@given(journeys, st.sampled_from((1, 2, 3)))
@settings(max_examples=60, deadline=None)
def test_markov_equals_the_chain_followed_to_its_end(rows, order):
    found = markov(read_paths(rows), order)
    whole = walked(rows, order)
    assert found.conversion_probability == pytest.approx(whole, abs=1e-9)
    for channel, effect in found.removal_effects.items():
        assert effect == pytest.approx(1 - walked(rows, order, channel) / whole, abs=1e-9)
    assert sum(found.attributed.values()) == pytest.approx(sum(row["conversions"] for row in rows))


@given(journeys)
@settings(max_examples=60, deadline=None)
def test_shapley_equals_the_sum_over_all_sets_of_channels(rows):
    paths = read_paths(rows)
    assert shapley_values(paths) == pytest.approx(enumerated(rows), abs=1e-9)
    assert paths.by_channel(shapley_credits(paths)) == pytest.approx(enumerated(rows), abs=1e-9)


@given(journeys, st.data())
@settings(max_examples=60, deadline=None)
def test_credits_of_a_journey_add_up_to_one_in_every_model(rows, data):
    plain = read_paths(rows)
    ages = data.draw(st.lists(st.floats(0, 400), min_size=len(plain.codes), max_size=len(plain.codes)))
    paths = aged(plain, ages)
    credits = {name: rule(paths) for name, rule in RULES.items()}
    credits |= {"markov": markov_credits(paths, markov(paths)), "shapley": shapley_credits(paths)}
    for name, found in credits.items():
        assert (found >= 0).all(), name
        assert np.add.reduceat(found, paths.starts[:-1]) == pytest.approx(np.ones(len(rows)), abs=1e-9), name
        assert sum(paths.by_channel(found).values()) == pytest.approx(paths.conversions.sum()), name
        assert sum(paths.by_channel(found, paths.value).values()) == pytest.approx(paths.value.sum()), name


def test_a_path_counted_twice_is_two_journeys():
    once = read_paths([{"path": "a > b", "conversions": 2, "nulls": 3}, {"path": "b", "conversions": 1, "nulls": 1}])
    apart = read_paths([
        *[{"path": "a > b", "conversions": 1, "nulls": 0}] * 2, *[{"path": "a > b", "conversions": 0, "nulls": 1}] * 3,
        {"path": "b", "conversions": 1, "nulls": 0}, {"path": "b", "conversions": 0, "nulls": 1},
    ])  # fmt: skip
    for order in (1, 2, 3):
        assert markov(once, order).attributed == pytest.approx(markov(apart, order).attributed)
    assert shapley_values(once) == pytest.approx(shapley_values(apart))


def test_large_chains_are_solved_to_the_same_figures_as_small_ones(monkeypatch):
    dice = np.random.default_rng(5)
    lengths = dice.integers(1, 7, 400)
    rows = [
        {"path": " > ".join(dice.choice(CHANNELS, size)), "conversions": int(dice.random() < 0.3), "nulls": 1}
        for size in lengths
    ]
    dense = {order: markov(read_paths(rows), order) for order in (1, 2, 3)}
    monkeypatch.setattr(chains, "_DENSE_STATES", 0)
    for order, wanted in dense.items():
        found = markov(read_paths(rows), order)
        assert found.removal_effects == pytest.approx(wanted.removal_effects, abs=1e-12)
    monkeypatch.setattr(chains, "_MOST_ROUNDS", 1)
    assert markov(read_paths(rows), 2).removal_effects == pytest.approx(dense[2].removal_effects, abs=1e-12)


def test_more_channels_than_bits_are_still_exact():
    rows = [{"path": f"c{n} > c{n + 1} > c{n}", "conversions": 1, "nulls": 0} for n in range(70)]
    paths = read_paths(rows)
    assert len(paths.channels) == 71
    assert shapley_values(paths)["c1"] == pytest.approx(1.0)
    assert shapley_values(paths)["c0"] == pytest.approx(0.5)


def test_direct_gets_nothing_unless_there_is_nothing_else():
    paths = read_paths([{"path": "email > direct > direct"}, {"path": "direct"}])
    assert last_non_direct(paths).tolist() == [1, 0, 0, 1]


def test_an_older_touch_gets_half_as_much_after_each_half_life():
    paths = aged(read_paths([{"path": "a > b"}]), [7.0, 0.0])
    assert time_decay(paths).tolist() == pytest.approx([1 / 3, 2 / 3])
    ancient = aged(read_paths([{"path": "a > b"}]), [50_007.0, 50_000.0])
    assert time_decay(ancient).tolist() == pytest.approx([1 / 3, 2 / 3])


def test_a_channel_that_is_on_every_path_that_converts_is_worth_all_of_them():
    found = markov(read_paths([{"path": "a > b", "conversions": 3, "nulls": 2}, {"path": "a", "nulls": 4,
                                "conversions": 0}]))  # fmt: skip
    assert found.removal_effects == {"a": 1.0, "b": 1.0}


def test_nothing_converted_gives_nothing_to_share():
    found = markov(read_paths([{"path": "a > b", "conversions": 0, "nulls": 2}]))
    assert (found.conversion_probability, set(found.attributed.values())) == (0.0, {0.0})


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: read_paths([{"path": "a >  > b"}]), "rows[0].path"),
        (lambda: read_paths([{"path": "a", "conversions": -1}]), "conversions"),
        (lambda: markov(read_paths(TINY), 4), "order"),
        (lambda: time_decay(read_paths(TINY)), "ages"),
        (lambda: position(read_paths(TINY), 0.6), "ends_share"),
        (lambda: time_decay(aged(read_paths(TINY), [1.0] * 6), 0), "half_life_days"),
        (lambda: aged(read_paths(TINY), [1.0]), "ages"),
    ],
)  # fmt: skip
def test_a_fault_names_the_field(make, names):
    with pytest.raises(InvalidInputError) as caught:
        make()
    assert names in str(caught.value)
