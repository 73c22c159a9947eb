"""Under test: the notebook about a test gives the figures of the snapshot that it is given, and an example without."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from campaign_world import ANN
from segment_world import NOW

from dmat.experiments import snapshots
from dmat.experiments.analysis import analyse
from dmat.experiments.moments import Moments
from dmat.experiments.records import find_experiment
from dmat.experiments.results import Observed
from dmat.warehouse import Workspace

SCRIPT = Path(__file__).resolve().parents[2] / "notebooks" / "02_is_it_a_winner.py"


def run(home, monkeypatch):
    monkeypatch.setenv("DMAT_HOME", str(home))
    return runpy.run_path(str(SCRIPT))


def test_without_a_snapshot_the_example_is_no_winner_yet(campaign_world, monkeypatch, capsys):
    found = run(campaign_world.settings.home, monkeypatch)
    comparison = found["analysis"].comparison("b")
    assert comparison.is_significant is False
    assert comparison.probability_better == pytest.approx(0.896, abs=0.002)
    assert "Nothing yet." in capsys.readouterr().out


def test_the_newest_snapshot_gives_the_figures_that_it_was_taken_with(tested, monkeypatch):
    number = tested.add_test(tested.draft())
    tested.start(1)
    store, settings = tested.world.store, tested.world.settings
    with store.read() as connection:
        experiment = find_experiment(connection, number)
    for clicks in (20, 40):
        sums = {"a": {"click": Moments.of_proportion(500, 20)}, "b": {"click": Moments.of_proportion(500, clicks)}}
        seen = Observed({"a": 500, "b": 500}, sums)
        taken = snapshots.take(store, Workspace(settings), experiment, "a look", ANN, observed=seen)
        settings.clock.set(NOW.replace(hour=18))
    found = run(settings.home, monkeypatch)
    assert found["analysis"] == analyse(taken.design, taken.observed)
    assert found["analysis"].arm("b").rate == 0.08
