"""Under test: segments as notebooks see them - frames that equal what the rule means, and what they tell about time."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest
from segment_world import NOW, PEOPLE, change_world, number_of

import dmat
from dmat.errors import ConflictError, InvalidInputError, InvalidRuleError, NotFoundError


@pytest.fixture
def w(world):
    return dmat.open(str(world.home))


def numbers(people):
    return [number_of(n) for n in people]


def test_a_condition_gives_the_people_for_whom_it_holds(w):
    germans = w.segment_from("country_code == 'DE' and revenue_cents > 500")
    frame = germans.members(["email", "revenue_cents"])
    assert frame.person_id.tolist() == numbers([7, 9, 11])
    assert list(frame.columns) == [
        "person_id", "email", "revenue_cents", "revenue_cents_currency", "has_email_consent", "has_sms_consent",
    ]  # fmt: skip
    assert frame.revenue_cents.tolist() == [70_000, 90_000, 110_000]
    assert len(germans) == 3
    assert "Germany" in repr(germans) or "DE" in repr(germans)


def test_nobody_is_an_empty_frame_with_its_columns(w):
    frame = w.segment_from("revenue_cents > 5000").members()
    assert (len(frame), "email" in frame.columns) == (0, True)


def test_a_frame_of_people_becomes_a_static_segment(w):
    chosen = w.segment_from(pd.DataFrame({"person_id": numbers([2, 5])}))
    assert chosen.ids().tolist() == numbers([2, 5])
    kept = chosen.save("Two", kind="static", by="ann@shop.example")
    assert (kept.segment.key, kept.segment.kind, kept.segment.owner) == ("two", "static", "ann@shop.example")
    assert w.segment("two").ids().tolist() == numbers([2, 5])
    assert w.segment_from(pd.DataFrame({"email": ["PERSON3@example.com"]})).ids().tolist() == numbers([3])


def test_people_without_an_address_are_named_by_number_not_left_out(w):
    with pytest.raises(InvalidInputError, match="1 of 2 people"):
        w.segment_from(pd.DataFrame({"person_id": [number_of(1), 77]}))


@pytest.mark.parametrize("people", ["shoe_size > 1", "country_code ==", {"version": 1, "where": {"sql": "1"}}])
def test_what_cannot_be_read_is_an_error(w, people):
    with pytest.raises(InvalidInputError):
        w.segment_from(people)
    with pytest.raises(InvalidRuleError):
        w.segment_from({"version": 1, "where": {"segment": "nothing"}})


def test_the_list_has_a_row_a_segment(w):
    assert w.segments().empty
    w.segment_from("has_email_consent").save("Reachable", tags=["mail"])
    row = w.segments().iloc[0]
    assert (row.key, row.kind, row.tags, row.version) == ("reachable", "dynamic", "mail", 1)
    assert pd.isna(row["size"])
    with pytest.raises(ConflictError):
        w.segment_from("has_email_consent").save("Reachable", key="reachable")
    with pytest.raises(NotFoundError):
        w.segment("nothing")


def test_two_segments_are_compared_without_counting_anybody_twice(w):
    w.segment_from("country_code == 'DE'").save("Germans")
    w.segment_from("revenue_cents > 900").save("Rich")
    found = w.compare("germans", "rich")
    assert found.people.to_dict() == {"only germans": 5, "both": 1, "only rich": 2}
    assert found.share.sum() == pytest.approx(1)
    assert w.compare("rich", "rich").people.to_dict() == {"only rich": 0, "both": 3}


def test_the_size_at_a_moment_is_what_was_written_down_then(w, world):
    w.segment_from("country_code == 'DE'").save("Germans")
    moments = [datetime(2026, 3, day) for day in (1, 2, 3)]
    change_world(
        world,
        *(
            "insert into segments.segment_memberships values"
            f" ('germans', {number_of(n)}, '{moments[0]}', {left}, 1, '{moments[0]}', {left}, 'rule', null, {n}, null)"
            for n, left in ((1, "null"), (3, f"timestamp '{moments[1]}'"))
        ),
        f"insert into segments.segment_sizes values ('germans', '{moments[0].date()}', 2, 2, 0, 2),"
        f" ('germans', '{moments[1].date()}', 1, 0, 1, 3)",
    )
    germans = w.segment("germans")
    assert [germans.size_at(moment) for moment in ("2026-02-01", moments[0], moments[1], NOW)] == [0, 2, 1, 1]
    assert germans.size_at(moments[2], as_known_at=moments[0]) == 2
    assert germans.growth().members_count.tolist() == [2, 1]
    assert germans.versions().version.tolist() == [1]


def test_everybody_is_everybody(w):
    assert len(w.segment_from({"version": 1, "where": {"all": []}})) == PEOPLE
