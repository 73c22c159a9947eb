"""Segments as files: one YAML file a segment, its rule the same tree as everywhere, its tests beside it.

Belongs here: writing and reading files, what a folder would change in the library, applying it. Stays out: the tests'
world (`fixtures.py`), what the commands print (`commands.py`).

A file names the segment's key, name, kind, folder, tags, owner, description, rule and tests; an unknown word is
refused with its place. Keys stand in one order, so that two exports of the same library are equal, byte by byte.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dmat.errors import InvalidInputError, InvalidRuleError, NotFoundError
from dmat.segments.differences import differences
from dmat.segments.library import Library
from dmat.segments.records import Segment
from dmat.segments.rules import Fault, Rule, as_document, parse_yaml, segments_used

ORDER = ("key", "name", "description", "kind", "folder", "tags", "owner", "rule", "tests")
CARD = ("name", "description", "kind", "folder", "tags", "owner")
NEEDED = ("key", "name", "rule")


@dataclass(frozen=True)
class SegmentFile:
    """One segment as a file says it."""

    file: Path
    key: str
    card: Mapping[str, Any]
    rule: Rule
    tests: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """What applying a file would do: `new`, `changed` or `same`, and how, a line a change."""

    wanted: SegmentFile
    action: str
    lines: Sequence[str] = ()
    before: Segment | None = None


@dataclass(frozen=True)
class Comparison:
    """A folder against the library; `only_in_store` are keys without a file, which applying leaves alone."""

    steps: Sequence[Step]
    only_in_store: Sequence[str] = field(default_factory=tuple)


def write_files(library: Library, folder: Path, keys: Iterable[str] = ()) -> list[Path]:
    """Write segments as files, all active ones by default; tests that a file has already stay in it.

    Raises:
        NotFoundError: there is no such segment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [library.get(key) for key in keys] or list(library.list())
    written = []
    for segment in chosen:
        file = folder / f"{segment.key}.yml"
        tests = read_file(file).tests if file.exists() else {}
        file.write_text(as_yaml(segment, tests))
        written.append(file)
    return written


def as_yaml(segment: Segment, tests: Mapping[str, Any] | None = None) -> str:
    """A segment as the text of its file; what is empty is left out."""
    document: dict[str, Any] = {"key": segment.key}
    document |= {name: getattr(segment, name) for name in CARD}
    document |= {"tags": list(segment.tags), "rule": as_document(segment.rule), "tests": dict(tests or {})}
    kept = {name: document[name] for name in ORDER if document[name] or name in NEEDED}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=110)


def read_folder(place: Path) -> list[SegmentFile]:
    """The segments of a folder's files (`*.yml`, `*.yaml`), or of one file; those that others name come first.

    Raises:
        NotFoundError: no such folder or file.
        InvalidInputError: a file that is no segment; the field names the file and the place in it.
    """
    if not place.exists():
        raise NotFoundError(f"there is no file or folder {place}")
    names = [place] if place.is_file() else sorted([*place.glob("*.yml"), *place.glob("*.yaml")])
    found: dict[str, SegmentFile] = {}
    for name in names:
        read = read_file(name)
        if read.key in found:
            raise InvalidInputError(f"{name.name}: key", f"{found[read.key].file.name} has it too", "a key of its own")
        found[read.key] = read
    return _named_first(found)


def read_file(file: Path) -> SegmentFile:
    """One segment from its file.

    Raises:
        InvalidInputError: it is no segment; the field names the file and the place in it.
        InvalidRuleError: its rule has faults, each with file and place.
    """
    try:
        document = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(file.name, f"is no YAML: {str(error)[:300]}", "YAML") from None
    if not isinstance(document, dict):
        raise InvalidInputError(file.name, "is no segment", f"an object with {', '.join(ORDER)}")
    for name in document:
        if name not in ORDER:
            raise InvalidInputError(f"{file.name}: {name}", "is not known here", ", ".join(ORDER))
    for name in NEEDED:
        if name not in document:
            raise InvalidInputError(f"{file.name}: {name}", "is missing", ", ".join(ORDER))
    try:
        rule = parse_yaml(yaml.safe_dump(document["rule"]))
    except InvalidRuleError as error:
        raise in_file(file, error) from None
    card = {name: document[name] for name in CARD if name in document}
    return SegmentFile(file, str(document["key"]), card, rule, document.get("tests") or {})


def in_file(file: Path, error: InvalidRuleError) -> InvalidRuleError:
    """The same faults, each with the name of the file before its place."""
    return InvalidRuleError([Fault(f"{file.name}: rule.{path}", what, allowed) for path, what, allowed in error.faults])


def _named_first(found: Mapping[str, SegmentFile]) -> list[SegmentFile]:
    """Segments that others name before those that name them; circles are left to the library to refuse."""
    ordered: dict[str, SegmentFile] = {}

    def put(key: str, on_the_way: Collection[str]) -> None:
        if key in ordered or key not in found or key in on_the_way:
            return
        for named in segments_used(found[key].rule):
            put(named, {*on_the_way, key})
        ordered[key] = found[key]

    for key in found:
        put(key, frozenset())
    return list(ordered.values())


def compare(library: Library, files: Iterable[SegmentFile]) -> Comparison:
    """What applying the files would change."""
    files = list(files)
    known = {segment.key: segment for segment in library.list()}
    steps = [_step(library, file, known.get(file.key)) for file in files]
    wanted = {file.key for file in files}
    return Comparison(steps, [key for key in known if key not in wanted])


def _step(library: Library, file: SegmentFile, before: Segment | None) -> Step:
    if before is None:
        return Step(file, "new")
    lines = [
        f"{name}: {_shown(getattr(before, name))} -> {_shown(value)}"
        for name, value in file.card.items()
        if _shown(getattr(before, name)) != _shown(value)
    ]
    if before.rule != file.rule:
        lines += differences(before.rule, file.rule, library.catalogue())
    return Step(file, "changed" if lines else "same", lines, before)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")


def apply(library: Library, steps: Iterable[Step], by: str, note: str = "") -> list[Segment]:
    """Save what is new or changed.

    Raises:
        InvalidRuleError: a rule does not fit the catalogue; what came before it is saved.
    """
    saved = []
    for step in steps:
        wanted = step.wanted
        try:
            if step.action == "new":
                saved.append(library.create(key=wanted.key, rule=wanted.rule, by=by, note=note, **wanted.card))
            elif step.action == "changed" and step.before is not None:
                version = step.before.version
                saved.append(
                    library.update(
                        wanted.key, by=by, note=note, expected_version=version, rule=wanted.rule, **wanted.card
                    )
                )
        except InvalidRuleError as error:
            raise in_file(wanted.file, error) from None
    return saved
