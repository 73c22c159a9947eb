"""The files of `dbt/metrics` -> the catalogue; a file with a fault is refused, saying where.

Belongs here: reading and checking them. Stays out: what the types mean (`catalogue.py`).

Each file may have `dimensions`, `bases` and `metrics`. A metric has exactly one of `count`, `sum`, `distinct`,
`median` (over rows of its base) or `numerator` (with or without `denominator`: keys of other metrics, `-` before one
that is taken away).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dmat.errors import InvalidInputError
from dmat.metrics.catalogue import HOUR_OF_DAY, Base, Catalogue, Dimension, Hourly, Metric
from dmat.settings import ROOT

FOLDER = ROOT / "dbt" / "metrics"
KINDS = ("count", "sum", "distinct", "median", "numerator")
UNITS = ("count", "rate", "cents", "ratio", "seconds", "days")
BETTER = ("higher", "lower", "neither")
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_METRIC_KEYS = {
    "name", "words", "formula", "unit", "better", "owner", "base", "time", "where", "hourly", "is_human_only",
    "is_in_currency", "window_days", "needs", "factors", "denominator", *KINDS,
}  # fmt: skip
_BASE_KEYS = {
    "words", "table", "grain", "times", "where", "is_dated", "person", "currency", "dimensions", "joins", "raw",
    "ends_at", "hourly",
}  # fmt: skip
_DIMENSION_KEYS = {"name", "words", "expression", "join", "is_many", "labels"}

Document = Mapping[str, Any]


def read_catalogue(folder: Path = FOLDER) -> Catalogue:
    """The catalogue of all files of a folder.

    Raises:
        InvalidInputError: a file has a fault; the field is `file: part.key.entry`.
    """
    dimensions: dict[str, Dimension] = {}
    bases: dict[str, Base] = {}
    documents: list[tuple[str, str, Document]] = []
    for file in sorted(folder.glob("*.yml")):
        content = yaml.safe_load(file.read_text()) or {}
        refuse_unknown(content, {"dimensions", "bases", "metrics"}, file.name)
        for key, document in _parts(content, "dimensions", dimensions, file):
            dimensions[key] = _dimension(key, document, f"{file.name}: dimensions.{key}")
        for key, document in _parts(content, "bases", bases, file):
            bases[key] = _base(key, document, f"{file.name}: bases.{key}")
        documents += [(file.name, key, document) for key, document in _parts(content, "metrics", {}, file)]
    return Catalogue(_metrics(documents, bases, dimensions), dimensions, bases)


def _parts(content: Document, part: str, known: Mapping[str, Any], file: Path) -> list[tuple[str, Document]]:
    found = content.get(part) or {}
    for key in found:
        if not _KEY.fullmatch(str(key)):
            raise InvalidInputError(f"{file.name}: {part}", f"{key!r} is no key", "small letters, digits and _")
        if key in known:
            raise InvalidInputError(f"{file.name}: {part}.{key}", "is there already", "each key once")
    return list(found.items())


def refuse_unknown(document: Document, allowed: set[str], where: str) -> None:
    """Refuse entries that mean nothing.

    Raises:
        InvalidInputError: there is one.
    """
    for key in document:
        if key not in allowed:
            raise InvalidInputError(f"{where}.{key}", "is not known", ", ".join(sorted(allowed)))


def _needed(document: Document, key: str, where: str) -> Any:
    if document.get(key) in (None, "", {}):
        raise InvalidInputError(f"{where}.{key}", "is missing", "a value")
    return document[key]


def _dimension(key: str, document: Document, where: str) -> Dimension:
    refuse_unknown(document, _DIMENSION_KEYS, where)
    labels = document.get("labels")
    if labels is not None and len(labels) != 3:
        raise InvalidInputError(f"{where}.labels", "has not three entries", "[table, column of the key, of the name]")
    join = " ".join(str(document.get("join", "")).split())
    return Dimension(
        key, _needed(document, "name", where), _needed(document, "words", where), document.get("expression", ""),
        join, bool(document.get("is_many")), tuple(labels) if labels else None,
    )  # fmt: skip


def _base(key: str, document: Document, where: str) -> Base:
    refuse_unknown(document, _BASE_KEYS, where)
    raw = document.get("raw") or []
    return Base(
        key=key,
        words=_needed(document, "words", where),
        table=_needed(document, "table", where),
        grain=_needed(document, "grain", where),
        times=_needed(document, "times", where),
        where=document.get("where", ""),
        is_dated=bool(document.get("is_dated")),
        person=document.get("person", ""),
        currency=document.get("currency", ""),
        dimensions=document.get("dimensions") or {},
        joins={alias: " ".join(join.split()) for alias, join in (document.get("joins") or {}).items()},
        raw=tuple(raw),
        ends_at=document.get("ends_at", ""),
        hourly=_hourly(document, where),
    )


def _hourly(document: Document, where: str) -> Hourly | None:
    hourly = document.get("hourly")
    if hourly is None:
        return None
    refuse_unknown(hourly, {"table", "dimensions", "where"}, f"{where}.hourly")
    keys, own = tuple(hourly.get("dimensions") or ()), document.get("dimensions") or {}
    for key in keys:
        if key not in own:
            raise InvalidInputError(f"{where}.hourly.dimensions", f"{key!r} is no dimension of it", ", ".join(own))
    return Hourly(_needed(hourly, "table", f"{where}.hourly"), keys, hourly.get("where", ""))


def _metrics(
    documents: list[tuple[str, str, Document]], bases: Mapping[str, Base], dimensions: Mapping[str, Dimension]
) -> dict[str, Metric]:
    """All metrics; those that are made of others may come before them."""
    common = tuple(key for key, dimension in dimensions.items() if dimension.expression or key == HOUR_OF_DAY)
    waiting = {key: (file, document) for file, key, document in documents}
    if len(waiting) < len(documents):
        keys = [key for _, key, _ in documents]
        double = next(key for key in keys if keys.count(key) > 1)
        raise InvalidInputError(f"metrics.{double}", "is there twice", "each key once")
    found: dict[str, Metric] = {}

    def add(key: str, path: tuple[str, ...] = ()) -> Metric:
        if key in found:
            return found[key]
        where = f"{waiting[path[-1]][0]}: metrics.{path[-1]}" if path else "metrics"
        if key not in waiting or key in path:
            raise InvalidInputError(where, f"{key!r} is no metric, or is made of itself", ", ".join(waiting))
        file, document = waiting[key]
        made_of = [add(part.lstrip("-"), (*path, key)) for part in _terms(document)]
        found[key] = _metric(key, document, f"{file}: metrics.{key}", bases, common, made_of, Path(file).stem)
        return found[key]

    for key in waiting:
        add(key)
    return {key: found[key] for key in waiting}


def _terms(document: Document) -> list[str]:
    return [term for part in ("numerator", "factors", "denominator") for term in document.get(part) or []]


def _metric(
    key: str, document: Document, where: str, bases: Mapping[str, Base], common_to: tuple[str, ...],
    made_of: list[Metric], subject: str,
) -> Metric:  # fmt: skip
    refuse_unknown(document, _METRIC_KEYS, where)
    kinds = [kind for kind in KINDS if kind in document]
    if len(kinds) != 1:
        raise InvalidInputError(where, f"has {len(kinds)} ways of counting", "one of " + ", ".join(KINDS))
    unit, better = _needed(document, "unit", where), document.get("better", "higher")
    for name, value, allowed in (("unit", unit, UNITS), ("better", better, BETTER)):
        if value not in allowed:
            raise InvalidInputError(f"{where}.{name}", f"is {value!r}", ", ".join(allowed))
    common: dict[str, Any] = {
        "key": key, "name": _needed(document, "name", where), "words": _needed(document, "words", where),
        "formula": _needed(document, "formula", where), "unit": unit, "better": better,
        "owner": _needed(document, "owner", where), "subject": subject,
        "window_days": int(document.get("window_days", 0)),
    }  # fmt: skip
    if kinds[0] == "numerator":
        return _made(common, document, made_of)
    return _simple(common, document, where, bases, common_to, kinds[0])


def _made(common: dict[str, Any], document: Document, made_of: list[Metric]) -> Metric:
    first = made_of[0]
    shared = [key for key in first.dimensions if all(key in part.dimensions for part in made_of)]
    common["window_days"] = common["window_days"] or max(part.window_days for part in made_of)
    return Metric(
        **common,
        base=first.base,
        grain=first.grain,
        kind="made",
        dimensions=tuple(shared),
        is_human_only=any(part.is_human_only for part in made_of),
        time_zone="vendor" if all(part.time_zone == "vendor" for part in made_of) else "workspace",
        needs=tuple(dict.fromkeys(key for part in made_of for key in part.needs)),
        numerator=_signed(document["numerator"]),
        factors=tuple(document.get("factors") or ()),
        denominator=_signed(document.get("denominator") or []),
    )


def _signed(terms: list[str]) -> tuple[tuple[str, bool], ...]:
    return tuple((term.lstrip("-"), term.startswith("-")) for term in terms)


def _simple(
    common: dict[str, Any],
    document: Document,
    where: str,
    bases: Mapping[str, Base],
    common_to: tuple[str, ...],
    kind: str,
) -> Metric:
    name = _needed(document, "base", where)
    if name not in bases:
        raise InvalidInputError(f"{where}.base", f"{name!r} is no base", ", ".join(bases))
    base = bases[name]
    time = document.get("time") or next(iter(base.times))
    if time not in base.times:
        raise InvalidInputError(f"{where}.time", f"{time!r} is no time of {name}", ", ".join(base.times))
    if (common["unit"] == "cents" or document.get("is_in_currency")) and not base.currency:
        raise InvalidInputError(f"{where}.unit", f"{name} says no currency", "a base with `currency`")
    own = tuple(base.dimensions)
    has_hours = not base.is_dated and not base.is_state
    further = tuple(key for key in common_to if (has_hours if key == HOUR_OF_DAY else base.person))
    for key in document.get("needs") or ():
        if key not in own:
            raise InvalidInputError(f"{where}.needs", f"{key!r} is no dimension of {name}", ", ".join(own))
    if "hourly" in document and (base.hourly is None or kind not in ("count", "sum")):
        raise InvalidInputError(f"{where}.hourly", "cannot be", f"a count or sum, where {name} has `hourly`")
    value = "" if document[kind] is True else str(document[kind])
    return Metric(
        **common,
        base=name,
        grain=base.grain,
        kind=kind,  # type: ignore[arg-type]  # one of KINDS, and `numerator` is not simple
        dimensions=tuple(dict.fromkeys(own + further)),
        is_human_only=bool(document.get("is_human_only")),
        time_zone="vendor" if base.is_dated else "workspace",
        is_in_currency=common["unit"] == "cents" or bool(document.get("is_in_currency")),
        time=time,
        needs=tuple(document.get("needs") or ()),
        value=value,
        where=document.get("where", ""),
        hourly=document.get("hourly", ""),
    )
