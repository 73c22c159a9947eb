"""What a measure of an event gives, seen as a property: its type decides on the operators.

Belongs here: the measure of an event as a target of conditions, and the limits of which measure fits which property.
Stays out: computing it (`compiler.py`).
"""

from __future__ import annotations

from dataclasses import replace

from dmat.segments.catalogue import EventType, Property
from dmat.segments.operators import MEASURE_WORDS, NUMERIC_TYPES

OF_NUMBERS = ("sum", "avg", "min", "max")
ZERO_WITHOUT_EVENTS = ("count", "distinct", "sum")
TAKES_PROPERTY = ("distinct", *OF_NUMBERS)


def measured(event: EventType, measure: str, property_key: str | None) -> Property | None:
    """The measure as a property of the person; None when the property does not exist or does not fit."""
    if measure == "count":
        return None if property_key else Property("count", f"{event.label}: number", "number", "", "bigint")
    if property_key is None:
        if measure not in ("first", "last"):
            return None
        return Property(measure, f"{event.label}: {measure} time", "date", event.at_column, "timestamp")
    found = event.properties.get(property_key)
    if found is None or property_key not in properties_for(event, measure):
        return None
    label = f"{event.label}: {MEASURE_WORDS[measure]} {found.label}"
    if measure == "distinct":
        return Property(measure, label, "number", found.column, "bigint")
    return replace(found, key=measure, label=label)


def properties_for(event: EventType, measure: str) -> tuple[str, ...]:
    """Keys of the properties that a measure can be taken of."""
    if measure == "count":
        return ()
    if measure in OF_NUMBERS:
        return tuple(key for key, found in event.properties.items() if found.type in NUMERIC_TYPES)
    return tuple(key for key, found in event.properties.items() if found.type != "list")
