"""Two versions of a journey side by side: what is written differently, and what a replay would have done differently.

Belongs here: these differences, in figures and words. Stays out: replaying (`replay.py`), adding up
(`replay_report.py`), what becomes of members inside (`moving.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from dmat.journeys.definition import Definition, as_document
from dmat.journeys.entries import Source
from dmat.journeys.records import Journey, JourneyVersion
from dmat.journeys.replay import Replay, replay
from dmat.journeys.replay_report import ReplayReport, report_of
from dmat.ledger.post import NewEntry

ADDED, REMOVED, CHANGED, MOVED = "added", "removed", "changed", "moved"
_WHOLE = ("name", "description", "trigger", "entry", "exit_when", "goal", "holdout", "priority", "purpose")
SHOWN = ("channel", "address", "template", "template_version", "purpose", "priority", "variant", "locale")


class Change(NamedTuple):
    """Something that is not the same in two definitions.

    Attributes:
        place: key of the step, or the name of the part, as `trigger`; `step.part` for a part of a step.
        before, after: as the document has them; None where it is not.
    """

    place: str
    kind: str
    before: Any
    after: Any
    words: str


def changes(before: Definition, after: Definition) -> tuple[Change, ...]:
    """What is written differently: parts of the whole, then steps that are gone, new, in another place, or changed."""
    old, new = as_document(before), as_document(after)
    found = [_part(name, old.get(name), new.get(name)) for name in _WHOLE if old.get(name) != new.get(name)]
    return (*found, *_steps(before, after, old, new))


def _part(name: str, before: Any, after: Any) -> Change:
    kind = ADDED if before is None else REMOVED if after is None else CHANGED
    return Change(name, kind, before, after, f"{name.replace('_', ' ')} {kind}")


def _steps(before: Definition, after: Definition, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    was = {step["key"]: step for step in old["steps"]}
    now = {step["key"]: step for step in new["steps"]}
    for key in was.keys() - now.keys():
        yield Change(key, REMOVED, was[key], None, f"{before.by_key[key].shown_name} is gone")
    for key, step in now.items():
        name = after.by_key[key].shown_name
        if key not in was:
            yield Change(key, ADDED, None, step, f"{name} is new: {after.by_key[key].words}")
        elif was[key] != step:
            yield from _fields(key, name, was[key], step)
    kept = [key for key in was if key in now]
    order = [key for key in now if key in was]
    same = SequenceMatcher(a=kept, b=order, autojunk=False).get_matching_blocks()
    stayed = {key for block in same for key in order[block.b : block.b + block.size]}
    for key in order:
        if key not in stayed:
            name = after.by_key[key].shown_name
            yield Change(key, MOVED, _before(kept, key), _before(order, key), f"{name} stands elsewhere")


def _before(keys: list[str], key: str) -> str | None:
    place = keys.index(key)
    return keys[place - 1] if place else None


def _fields(key: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for part in sorted({*before, *after}):
        was, now = before.get(part), after.get(part)
        if was != now:
            kind = ADDED if was is None else REMOVED if now is None else CHANGED
            words = f"{name}: {part.replace('_', ' ')} was {_shown(was)}, is {_shown(now)}"
            yield Change(f"{key}.{part}", kind, was, now, words)


def _shown(value: Any) -> str:
    return "not set" if value is None or value == "" else str(value)


class Message(NamedTuple):
    """A message that is in one replay only, or not the same in both; None where it is not."""

    step: str
    entry_key: str
    person_id: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True)
class Difference:
    """What another version would have done differently in the same time.

    Attributes:
        before, after: both replays in figures.
        entries_added, entries_removed: keys of entries that only one of them has.
        added, removed, changed: messages by step, as they are planned; changed are those with another moment,
            template, address or channel.
        messages: each of these, in the order of time.
    """

    before: ReplayReport
    after: ReplayReport
    entries_added: frozenset[str]
    entries_removed: frozenset[str]
    added: Counter[str]
    removed: Counter[str]
    changed: Counter[str]
    messages: tuple[Message, ...]

    def lines(self) -> list[str]:
        """The difference in words."""
        before, after = sum(self.before.by_step.values()), sum(self.after.by_step.values())
        found = [
            f"{self.after.entries:,} entries instead of {self.before.entries:,}"
            f" ({len(self.entries_added):,} more, {len(self.entries_removed):,} fewer)",
            f"{after:,} messages would have left instead of {before:,}",
        ]
        for word, counted in (("more", self.added), ("fewer", self.removed), ("not the same", self.changed)):
            found += [f"  {count:,} x {step} {word}" for step, count in counted.most_common()]
        if self.before.cost_micros != self.after.cost_micros:
            currency = self.after.cost_currency or self.before.cost_currency
            cost = (self.after.cost_micros - self.before.cost_micros) / 1_000_000
            found.append(f"SMS: {cost:+,.2f} {currency}")
        return found


def difference(
    source: Source, journey: Journey | None, before: JourneyVersion, after: JourneyVersion, since: datetime,
    until: datetime,
) -> Difference:  # fmt: skip
    """Replay two versions on the same past and compare them; both as if everything was known when it happened.

    Args:
        source: the workspace.
        journey: whose requests of other systems count; None for one that is not kept.
        before, after: usually the version that people enter, and a draft.
        since, until: as for `replay`.

    Raises:
        InvalidInputError: the span is empty or longer than two years.
        NotFoundError: a segment, an event or a template is gone.
    """
    number = 0 if journey is None else journey.journey_id
    one, other = (replay(source, number, version, since, until) for version in (before, after))
    was, now = _planned(one), _planned(other)
    found = [
        Message(step, key, person, was.get((step, key, person)), now.get((step, key, person)))
        for step, key, person in was.keys() | now.keys()
        if was.get((step, key, person)) != now.get((step, key, person))
    ]
    found.sort(key=lambda each: ((each.after or each.before or {})["at"], each.step, each.entry_key))
    return Difference(
        report_of(source, one), report_of(source, other),
        frozenset(other.members.keys() - one.members.keys()), frozenset(one.members.keys() - other.members.keys()),
        Counter(each.step for each in found if each.before is None),
        Counter(each.step for each in found if each.after is None),
        Counter(each.step for each in found if each.before is not None and each.after is not None),
        tuple(found),
    )  # fmt: skip


def _planned(found: Replay) -> dict[tuple[str, str, int], Mapping[str, Any]]:
    return {
        (row.step, row.occurrence, row.person_id): _shown_row(row)
        for row in found.rows if not row.is_holdout and not row.suppressed_because
    }  # fmt: skip


def _shown_row(row: NewEntry) -> Mapping[str, Any]:
    return {"at": row.not_before} | {name: getattr(row, name) for name in SHOWN}
