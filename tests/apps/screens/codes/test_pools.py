"""Under test: pools of codes on their screen: made by pattern or upload, filled, how many are left, who uses them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from apps.screens.codes.pools import examples_of, fill_pool, make_pool, read_codes, read_pools, release
from dmat.campaigns.plan import parse_plan
from dmat.campaigns.records import Campaign
from dmat.clock import Clock
from dmat.errors import ConflictError, InvalidInputError
from dmat.messages.codes import return_codes, take_codes
from dmat.store.engine import connect_store, upgrade

NOW = datetime(2026, 11, 20, 14, 5)
BY = "ana@example.com"
PLAN = parse_plan({"steps": [{"key": "mail", "channel": "email", "template": "sale", "code_pool": "spring-sale"}]})
CAMPAIGN = Campaign(7, "Sale", "", "", (), BY, "draft", "", 2, None, None, None, NOW, BY, NOW, BY, PLAN, BY)


@pytest.fixture
def store(tmp_path):
    made = connect_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    upgrade(made)
    yield made
    made.close()


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock.json")


def test_a_pool_is_made_of_typed_codes_and_a_file_and_tells_who_uses_it(store, clock):
    form = {"name": "Spring Sale", "codes": "A1\n\n B2 \n", "file": "code,note\nC3,x\nA1,y\n"}
    assert make_pool(store, clock, form, BY) == "The pool Spring Sale is there, with 3 codes; 1 were known already"
    [row] = read_pools(store, [CAMPAIGN, replace(CAMPAIGN, campaign_id=8, status="finished")])
    assert (row.pool.key, row.pool.room, row.standing) == ("spring-sale", 3, "ok")
    assert [campaign.campaign_id for campaign in row.uses] == [7]


def test_what_is_left_goes_down_and_returned_codes_come_back_only_by_hand(store, clock):
    make_pool(store, clock, {"name": "Spring", "codes": "A1\nB2"}, BY)
    with store.write() as connection:
        take_codes(connection, "spring", [1, 2], "campaign:7/mail/")
        return_codes(connection, "campaign:7/mail/", [1], NOW)
    assert [(row.pool.room, row.standing) for row in read_pools(store, [])] == [(0, "empty")]
    assert release(store, clock, "spring", BY) == "1 codes can be given again"
    assert [(row.pool.room, row.standing) for row in read_pools(store, [])] == [(1, "ok")]


def test_codes_are_added_and_those_that_are_known_are_told(store, clock):
    make_pool(store, clock, {"name": "Spring", "pattern": "spring-######"}, BY)
    assert fill_pool(store, clock, {"pool": "spring", "codes": "A1"}, BY) == "Added 1 code"
    assert fill_pool(store, clock, {"pool": "spring", "codes": "A1\nA2"}, BY) == "Added 1 code; 1 were known already"


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ({"name": "Spring"}, "codes"),
        ({"name": "", "codes": "A1"}, "name"),
        ({"name": "Spring", "pattern": "SPRING-#"}, "pattern"),
        ({"name": "Spring", "file": "a,b\n1,2\n"}, "file"),
        ({"name": "Spring", "file": "x" * 5_000_001}, "file"),
    ],
)
def test_a_form_that_cannot_be_a_pool_names_its_field(store, clock, form, place):
    with pytest.raises(InvalidInputError) as refused:
        make_pool(store, clock, form, BY)
    assert refused.value.field == place
    assert read_pools(store, []) == []


def test_two_pools_do_not_have_one_key(store, clock):
    make_pool(store, clock, {"name": "Spring!", "codes": "A1"}, BY)
    with pytest.raises(ConflictError):
        make_pool(store, clock, {"name": "spring", "codes": "A2"}, BY)


def test_names_without_latin_letters_make_pools_with_their_codes(store, clock):
    for name, code in (("礼物", "A1"), ("银", "A2")):
        assert "with 1" in make_pool(store, clock, {"name": name, "codes": code}, BY)
    assert {(row.pool.key, row.pool.name, row.pool.room) for row in read_pools(store, [])} == {
        ("pool", "礼物", 1), ("pool-2", "银", 1),
    }  # fmt: skip


def test_patterns_show_what_they_make():
    assert all(code.startswith("SALE-") and len(code) == 11 for code in examples_of("SALE-######"))
    assert read_codes({"codes": " A1 \n"}) == ["A1"]
