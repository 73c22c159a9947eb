"""Under test: make-believe time is the same in every process, moves only as told, and real time is the default."""

from datetime import datetime, timedelta

import pytest

from dmat.clock import Clock

NOON = datetime(2026, 11, 1, 12)


def test_without_a_file_it_is_real_time(tmp_path):
    assert not Clock(tmp_path / "clock.json").is_virtual
    assert Clock(None).speed == 1.0


def test_a_stopped_clock_moves_only_when_advanced(tmp_path):
    clock = Clock(tmp_path / "clock.json")
    clock.set(NOON)
    assert clock.now() == NOON
    assert clock.advance(timedelta(hours=2)) == NOON + timedelta(hours=2)
    assert Clock(tmp_path / "clock.json").now() == NOON + timedelta(hours=2)


def test_a_fast_clock_runs_as_many_times_faster(tmp_path, monkeypatch):
    clock = Clock(tmp_path / "clock.json")
    monkeypatch.setattr("time.time", lambda: 1_000.0)
    clock.set(NOON, speed=60)
    monkeypatch.setattr("time.time", lambda: 1_010.0)
    assert clock.now() == NOON + timedelta(minutes=10)


def test_the_system_clock_cannot_be_set():
    with pytest.raises(ValueError, match="cannot be set"):
        Clock(None).set(NOON)
