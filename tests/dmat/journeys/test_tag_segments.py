"""Under test: a tag that journeys give is a segment for whoever asks for it, made once."""

from __future__ import annotations

import pytest
from journey_worlds import change_quickly, listed
from segment_world import NOW, number_of

from dmat.errors import InvalidInputError
from dmat.journeys.tag_segments import find_segment_of_tag, make_segment_of_tag

TAGGED = {"group_name": "Tags", "table_name": "people.fct_person_properties", "at_column": "changed_at"}
TAGS = (
    "create table people.fct_person_properties (person_id bigint, property_name varchar, changed_at timestamp)",
    listed(903, kind="event", key="tagged", label="Has the tag", **TAGGED),
    listed(904, kind="property", key="tag", event_key="tagged", label="Tag", type="text", data_type="varchar",
           column_name="property_name", **TAGGED),
    f"insert into people.fct_person_properties values ({number_of(2)}, 'vip', '{NOW}'), ({number_of(3)}, 'x', '{NOW}')",
)  # fmt: skip


def test_who_has_a_tag_is_a_segment_that_is_made_once(journey_world):
    change_quickly(journey_world.settings, TAGS)
    desk = journey_world.source.desk
    assert find_segment_of_tag(desk.library, "vip") is None
    made = make_segment_of_tag(desk.library, "vip", "ann@shop.example")
    assert [int(person) for person in desk.members(made)] == [number_of(2)]
    assert make_segment_of_tag(desk.library, "vip", "ben@shop.example").key == made.key
    assert find_segment_of_tag(desk.library, "vip").key == made.key
    assert find_segment_of_tag(desk.library, "other") is None


def test_what_is_no_tag_makes_no_segment(journey_world):
    assert find_segment_of_tag(journey_world.source.desk.library, "Not A Tag") is None
    with pytest.raises(InvalidInputError, match="tag"):
        make_segment_of_tag(journey_world.source.desk.library, "Not A Tag", "ann@shop.example")
