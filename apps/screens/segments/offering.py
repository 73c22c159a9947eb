"""What the builder offers: the catalogue, operators, regions and segments as one JSON text, and values while she types.

Belongs here: shaping what `dmat.segments` knows for the browser. Stays out: what any of it means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from apps.screens.segments.answers import Answers
from dmat.errors import NotFoundError
from dmat.segments.catalogue import Catalogue, Field, Property, example_values
from dmat.segments.operators import MEASURE_WORDS, OPERATORS, ValueKind

OFFERED, COUNTRIES = 40, 300
TAKES = {
    ValueKind.NOTHING: "none", ValueKind.TEXT: "one", ValueKind.NUMBER: "one", ValueKind.DAY: "one",
    ValueKind.TEXTS: "many", ValueKind.COUNTRIES: "many", ValueKind.NUMBERS: "two", ValueKind.DAYS: "two",
    ValueKind.DURATION: "relative", ValueKind.REGIONS: "regions",
}  # fmt: skip
"""Which editor of the builder a value needs."""


def offer(answers: Answers, key: str, currency: str) -> str:
    """Everything the builder offers, as JSON.

    Args:
        answers: where to look.
        key: the segment that is edited; it is not offered as a condition on itself.
        currency: the currency that money is shown in.
    """
    catalogue = answers.catalogue()
    segments = [{"key": each.key, "label": each.name, "group": each.folder} for each in answers.library.list()]
    return json.dumps({
        "fields": [_about(each, currency) | {"group": each.group} for each in catalogue.fields.values()],
        "events": [
            {"key": each.key, "label": each.label, "group": each.group, "description": each.description,
             "properties": [_about(one, currency) for one in each.properties.values()]}
            for each in catalogue.events.values()
        ],
        "operators": {name: [{"key": each.key, "label": each.label, "takes": TAKES[each.value]} for each in listed]
                      for name, listed in OPERATORS.items()},
        "measures": list(MEASURE_WORDS.items()),
        "regions": [{"key": each.key, "label": each.label} for each in catalogue.regions.values()],
        "zone": answers.context.zone.replace("_", " "),
        "segments": [each for each in segments if each["key"] != key],
    }, separators=(",", ":"))  # fmt: skip


def _about(entry: Field | Property, currency: str) -> dict[str, Any]:
    about = {"key": entry.key, "label": entry.label, "type": entry.type}
    if entry.unit:
        about["unit"] = entry.unit
    if entry.type == "money":
        about["currency"] = currency
    return about


def suggest(answers: Answers, subject: str, words: str) -> dict[str, Any]:
    """Values that occur, with how many people (or events) have each.

    Args:
        answers: where to look.
        subject: a field, or `event.property`.
        words: what the reader typed.
    """
    catalogue = answers.catalogue()
    event, _, key = subject.rpartition(".")
    is_country = _type(catalogue, key, event) == "geography"  # the browser knows their names and searches itself
    limit, words = (COUNTRIES, "") if is_country else (OFFERED, words[:80])
    try:
        found = example_values(answers.context.workspace, catalogue, key, event=event, limit=limit, containing=words)
    except NotFoundError:
        return {"subject": subject, "values": []}
    return {
        "subject": subject,
        "values": [{"value": each.value, "label": each.value, "count": each.count} for each in found],
    }


def _type(catalogue: Catalogue, key: str, event: str) -> str:
    known: Mapping[str, Field | Property] = (
        catalogue.events[event].properties if event in catalogue.events else catalogue.fields
    )
    return known[key].type if key in known else ""
