"""What the doors for segments answer: shapes in JSON.

Belongs here: turning what `dmat.segments` gives into JSON values. Stays out: asking for it (`segments.py`).
The number of a person has up to 18 digits, more than a number in JavaScript keeps, so it is a text here. Money is
`{"cents": 51230, "currency_code": "EUR"}`; times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from dmat.segments.answer_shapes import Overlap, Preview
from dmat.segments.catalogue import Catalogue, EventType, Field, Property
from dmat.segments.operators import MEASURE_WORDS, OPERATORS, UNITS, VALUE_WORDS, Operator
from dmat.segments.people_columns import PERSON_COLUMN, PersonColumn
from dmat.segments.records import Segment, SegmentVersion, Use
from dmat.segments.rules import as_document
from dmat.segments.why import Clause

Json = dict[str, Any]


def segment_json(segment: Segment, sentence: str = "", uses: Sequence[Use] | None = None) -> Json:
    """A segment; with its sentence and who uses it when those are given."""
    evaluation = segment.evaluation
    found: Json = {
        "id": segment.key, "key": segment.key, "name": segment.name, "description": segment.description,
        "kind": segment.kind, "is_dynamic": segment.kind == "dynamic", "folder": segment.folder,
        "tags": list(segment.tags), "owner": segment.owner, "state": segment.state, "version": segment.version,
        "rule": as_document(segment.rule), "contact_count": evaluation.size if evaluation else None,
        "evaluation": {**asdict(evaluation), "failed_at": plain(evaluation.failed_at),
                       "evaluated_at": plain(evaluation.evaluated_at)} if evaluation else None,
        "created_at": plain(segment.created_at), "created_by": segment.created_by,
        "updated_at": plain(segment.updated_at), "updated_by": segment.updated_by,
    }  # fmt: skip
    if sentence:
        found["sentence"] = sentence
    if uses is not None:
        found["used_by"] = [asdict(use) for use in uses]
    return found


def version_json(version: SegmentVersion, sentence: str) -> Json:
    """One version of a rule."""
    return {
        "version": version.version, "rule": as_document(version.rule), "sentence": sentence, "note": version.note,
        "created_at": plain(version.created_at), "created_by": version.created_by,
    }  # fmt: skip


def etag_of(segment: Segment) -> str:
    """The tag of a state of a segment: it changes with the rule and with the card."""
    return f'"{segment.mark}"'


def person_json(row: Mapping[str, Any], columns: Sequence[PersonColumn]) -> Json:
    """One person, with the columns that were asked for."""
    found: Json = {}
    for column in columns:
        value = row[column.key]
        if column.key == PERSON_COLUMN:
            found[PERSON_COLUMN] = str(value)
        elif column.type == "money" and column.currency_column:
            currency = row[f"{column.key}_currency"]
            found[column.key] = None if value is None else {"cents": int(value), "currency_code": currency}
        else:
            found[column.key] = plain(value)
    return found


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    return value.isoformat() if isinstance(value, (datetime, date)) else value


def operator_json(operator: Operator) -> Json:
    """One operator with what stands under `value`."""
    return {
        "key": operator.key, "label": operator.label, "value": operator.value.value,
        "value_words": VALUE_WORDS[operator.value], "is_negative_of": operator.is_negative_of,
    }  # fmt: skip


def operators_json() -> Json:
    """The one table of operators by type, and what else a rule is written with."""
    return {
        "types": {type_: [operator_json(operator) for operator in found] for type_, found in OPERATORS.items()},
        "measures": dict(MEASURE_WORDS),
        "units": list(UNITS),
    }


def field_json(field: Field) -> Json:
    """A field as a builder needs it."""
    return {
        "key": field.key, "label": field.label, "type": field.type, "group": field.group, "unit": field.unit,
        "description": field.description, "is_personal": field.is_personal,
        "operators": [operator.key for operator in OPERATORS[field.type]],
    }  # fmt: skip


def event_json(event: EventType) -> Json:
    """An event with its properties."""
    return {
        "key": event.key, "label": event.label, "group": event.group, "description": event.description,
        "properties": [property_json(found) for found in event.properties.values()],
    }  # fmt: skip


def property_json(found: Property) -> Json:
    """A property of an event."""
    return {
        "key": found.key, "label": found.label, "type": found.type, "unit": found.unit,
        "is_personal": found.is_personal, "default_op": found.default_op,
        "operators": [operator.key for operator in OPERATORS[found.type]],
    }  # fmt: skip


def regions_json(catalogue: Catalogue) -> list[Json]:
    """The regions that geography operators know."""
    return [
        {"key": region.key, "label": region.label, "countries": list(region.countries)}
        for region in catalogue.regions.values()
    ]


def preview_json(preview: Preview) -> Json:
    """A counted rule."""
    return {
        "count": preview.count, "everybody": preview.everybody,
        "share": round(preview.count / preview.everybody, 4) if preview.everybody else 0.0,
        "by_lifecycle": dict(preview.by_lifecycle), "by_country": dict(preview.by_country),
        "reachable": dict(preview.reachable),
        "conditions": [{"path": path, "count": count} for path, count in preview.per_condition.items()],
        "version": preview.version, "data_as_of": plain(preview.data_as_of), "seconds": round(preview.seconds, 6),
    }  # fmt: skip


def overlap_json(overlap: Overlap) -> Json:
    """How segments overlap."""
    return {
        "sizes": dict(overlap.sizes),
        "union": sum(each.count for each in overlap.intersections),
        "pairs": [{"segments": list(keys), "count": count} for keys, count in overlap.pairs.items()],
        "combinations": [{"segments": list(each.keys), "count": each.count} for each in overlap.intersections],
    }


def why_json(clause: Clause, sees_people: bool = True) -> Json:
    """A node of a rule as it is for one person, with the nodes inside."""
    return {
        "path": clause.path, "words": clause.text, "holds": clause.is_true,
        "found": clause.value if sees_people else "",
        "inside": [why_json(child, sees_people) for child in clause.children],
    }  # fmt: skip
