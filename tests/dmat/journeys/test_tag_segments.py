"""Under test: a tag that journeys give is a segment for whoever asks for it, made once."""

from __future__ import annotations

import pytest
from journey_worlds import change_quickly
from segment_world import NOW, number_of

from dmat.errors import InvalidInputError
from dmat.journeys.tag_segments import find_segment_of_tag, make_segment_of_tag

NAMES = (
    "position, kind, key, event_key, label, type, group_name, table_name, column_name, person_column, at_column,"
    " filter_sql, data_type, unit, currency_column, channel, default_op, description, is_personal"
)
TAGS = (
    "create table people.fct_person_properties (person_id bigint, property_name varchar, changed_at timestamp)",
    f"insert into segments.segment_catalogue ({NAMES}) values (903, 'event', 'tagged', '', 'Has the tag', '', 'Tags',"
    " 'people.fct_person_properties', '', 'person_id', 'changed_at', '', '', '', '', '', '', '', false)",
    f"insert into segments.segment_catalogue ({NAMES}) values (904, 'property', 'tag', 'tagged', 'Tag', 'text', 'Tags',"
    " 'people.fct_person_properties', 'property_name', 'person_id', 'changed_at', '', 'varchar', '', '', '', '', '',"
    " false)",
    f"insert into people.fct_person_properties values ({number_of(2)}, 'vip', '{NOW}'), ({number_of(3)}, 'x', '{NOW}')",
)


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
