"""Under test: the diary of the living world keeps all of a transaction or nothing, nested or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dmat.simulate.diary import Diary


def test_what_is_raised_in_a_transaction_undoes_all_of_it(tmp_path: Path) -> None:
    diary = Diary(tmp_path / "world.sqlite")
    diary.write_state("kept", "yes")

    def fail_halfway() -> None:
        with diary.transaction():
            diary.write_state("kept", "no")
            diary.count("mails")
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert diary.read_state("kept") == "yes"
    assert diary.counts() == {}
    diary.write_state("after", "works")
    assert Diary(tmp_path / "world.sqlite").read_state("after") == "works"


def test_a_transaction_inside_another_is_part_of_it(tmp_path: Path) -> None:
    diary, other = Diary(tmp_path / "world.sqlite"), Diary(tmp_path / "world.sqlite")
    with diary.transaction():
        with diary.transaction():
            diary.write_state("inner", "1")
        assert other.read_state("inner") == ""
    assert other.read_state("inner") == "1"
