"""The segment of everybody who has a tag: a journey puts people into it and takes them out by the tag.

Belongs here: its rule, finding it, making it. Stays out: giving and taking tags (`properties.py`), who is in a segment
(`dmat/segments`).
"""

from __future__ import annotations

import re

from dmat.errors import InvalidInputError
from dmat.journeys.steps import PROPERTY_NAME, PROPERTY_WORDS
from dmat.segments.library import Library
from dmat.segments.records import Segment
from dmat.segments.rules import Rule, parse


def rule_of_tag(tag: str) -> Rule:
    """The rule of a segment that is nothing but a tag.

    Raises:
        InvalidInputError: this is no tag.
    """
    if not re.fullmatch(PROPERTY_NAME, tag):
        raise InvalidInputError("tag", f"{tag!r} is none", PROPERTY_WORDS)
    has_it = {"event": "tagged", "did": True, "where": [{"property": "tag", "op": "equals", "value": tag}]}
    return parse({"version": 1, "where": has_it})


def find_segment_of_tag(library: Library, tag: str) -> Segment | None:
    """The active segment of everybody who has a tag; None when there is none."""
    if not re.fullmatch(PROPERTY_NAME, tag):
        return None
    rule = rule_of_tag(tag)
    return next((each for each in library.list() if each.kind == "dynamic" and each.rule == rule), None)


def make_segment_of_tag(library: Library, tag: str, by: str) -> Segment:
    """The segment of everybody who has a tag; the one that is there already when there is one.

    Raises:
        InvalidInputError: this is no tag. InvalidRuleError: the tables do not know of tags yet.
    """
    rule = rule_of_tag(tag)
    return find_segment_of_tag(library, tag) or library.create(
        name=f"Tag {tag}", rule=rule, by=by, description=f"Everybody who has the tag {tag}.", note="of a tag"
    )
