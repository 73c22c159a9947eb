"""Compiled messages: text that is the same for everybody, with slots that are not; filling them, putting together.

Belongs here: what a compiled message can do. Stays out: compiling (`compiled.py`), the child (`filling.py`), a
person's values (`variables.py`, `compose.py`).
"""

from __future__ import annotations

import html as html_words
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from markupsafe import escape

from dmat.channels.batches import PLACEHOLDER, fill_placeholders
from dmat.errors import InvalidInputError
from dmat.ledger.entries import Entry
from dmat.messages.archive import TEXT_OF, fingerprint_of
from dmat.messages.filling import Filler
from dmat.messages.json_body import as_json
from dmat.messages.links import Links
from dmat.messages.markup import Source
from dmat.messages.personal import values_of
from dmat.messages.records import Variable
from dmat.messages.rendering import Failed, Rendered
from dmat.messages.tracking import Tracking
from dmat.settings import Settings

Filled = dict[str, str]

_MARK = re.compile("\x02([^\x03]*)\x03")
_AROUND = re.compile(f"({PLACEHOLDER.pattern})")
_RISKY_START = re.compile(r"d?m\d")
# of values with \0 between them: a placeholder, or what stands at an end and may become one
_RISKY = re.compile("-dm\\d*(?:-|\0|\\Z)")
_find_break = re.compile("[\r\n]").search
_find_special = re.compile("[&<>'\"]").search
ONE_LINE = str.maketrans({"\r": " ", "\n": " "})


@dataclass(frozen=True)
class Slot:
    """A place that differs between people: a plain value, a link of the template, or what the child renders.

    Attributes:
        part: of the message.
        kind: `name`, `link` or `slot`.
        word: the variable's name, the link's address, or the number of the slot in its source.
    """

    part: str
    kind: str
    word: str


@dataclass(frozen=True)
class Part:
    """One part with its placeholders, and the number of its source in the filler (empty: nothing to render)."""

    text: str
    source: Source
    number: str
    names: Sequence[str]
    slot_count: int


@dataclass(slots=True)
class _Person:
    """One person while being filled: values, place in the list, and links that are signed already."""

    values: Mapping[str, Any]
    number: int
    signed: dict[str, str] = field(default_factory=dict)


Step = Callable[[_Person], str]


@dataclass(eq=False)
class Compiled:
    """A compiled message; keep it as long as its version is being sent.

    Attributes:
        variables: those that the template declares.
        used: names of the values that it uses.
        segments: keys that `in_segment` asks about.
        statics: values that are the same for everybody (`campaign`, `shop`).
    """

    key: str
    version: int
    channel: str
    kind: str
    locale: str
    parts: Mapping[str, Part]
    slots: Mapping[str, Slot]
    variables: Sequence[Variable]
    used: frozenset[str]
    segments: Sequence[str]
    statics: Mapping[str, Any]
    tracking: Tracking
    filler: Filler
    links: Links | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    settings: Settings | None = None

    @property
    def subject(self) -> str:
        """The subject with placeholders."""
        return self._text("subject")

    @property
    def html(self) -> str:
        """The HTML with placeholders."""
        return self._text("html")

    @property
    def text(self) -> str:
        """The plain text (or the words of an SMS) with placeholders."""
        return self._text("text")

    @cached_property
    def fingerprint(self) -> str:
        """Equal for equal texts: under it the compiled text is kept."""
        return fingerprint_of({part: found.text for part, found in self.parts.items()})

    def values(self, entry: Entry) -> dict[str, Any]:
        """What the template sees of one planned message: personal values in words, and its links.

        Raises:
            InvalidInputError: a required value is missing.
        """
        if self.settings is None or self.links is None:
            raise InvalidInputError("template", f"{self.key} was compiled for a preview", "compile_message")
        return values_of(self.settings, self.links, self, entry)

    def to_keep(self, filled: Filled) -> dict[str, str]:
        """What `rendered_messages.filled` keeps: the values, and which compiled text they belong to."""
        return {TEXT_OF: self.fingerprint, **filled}

    def _text(self, part: str) -> str:
        return self.parts[part].text if part in self.parts else ""

    def fill(self, values: Sequence[Mapping[str, Any]]) -> list[Filled | Failed]:
        """The text of every placeholder for each person; who fails does not keep the others back.

        Args:
            values: what the template uses, by name; None is as good as missing. `message_id` signs the links.
        """
        clean = [{name: value for name, value in each.items() if value is not None} for each in values]
        parts = [part for part, found in self.parts.items() if found.slot_count]
        rendered = dict(zip(parts, self._render_all(parts, clean), strict=True))
        steps = [(mark, self._step(slot, rendered)) for mark, slot in self.slots.items()]
        people = [_Person(each, number) for number, each in enumerate(clean)]
        try:
            columns = [self._as_given(slot, rendered, clean) or list(map(step, people))
                       for slot, (_, step) in zip(self.slots.values(), steps, strict=True)]  # fmt: skip
        except (KeyError, _RenderingError):
            return [self._fill_one(person, steps) for person in people]
        marks = [mark for mark, _ in steps]
        return [dict(zip(marks, texts, strict=True)) for texts in zip(*columns, strict=True)] or [{} for _ in people]

    def _as_given(
        self, slot: Slot, rendered: Mapping[str, Any], values: Sequence[Mapping[str, Any]]
    ) -> list[str] | None:
        """What a placeholder says to each person, when all of it stands there as it is given, as it mostly does."""
        source = self.parts[slot.part].source
        if slot.kind == "link" or (slot.kind == "name" and source.is_json):
            return None
        try:
            place = int(slot.word) if slot.kind == "slot" else 0
            found = [each[slot.word] for each in values] if slot.kind == "name" else [
                each[place] for each in rendered[slot.part]
            ]  # fmt: skip
            together = "\0".join(found)
        except TypeError:  # not a text, or why it could not be rendered
            return None
        is_special = _find_special(together) if source.escapes and slot.kind == "name" else "\x02" in together
        is_flat = source.is_one_line or source.has_lines
        return None if is_special or (is_flat and _find_break(together)) else found

    def _fill_one(self, person: _Person, steps: Sequence[tuple[str, Step]]) -> Filled | Failed:
        try:
            return {mark: step(person) for mark, step in steps}
        except KeyError as error:
            return Failed(f"{error.args[0]} is missing")
        except _RenderingError as error:
            return Failed(str(error))

    def _step(self, slot: Slot, rendered: Mapping[str, Any]) -> Step:
        source, word = self.parts[slot.part].source, slot.word
        if slot.kind == "link":
            return lambda person: self._link(word, person, source.escapes)
        if slot.kind == "slot":
            place, texts = int(word), rendered[slot.part]
            is_marked = self.tracking.wraps and "*" not in self.parts[slot.part].names
            return lambda person: self._rendered(texts[person.number], place, person, source, is_marked)
        if source.is_json:
            return lambda person: as_json(person.values[word])
        if source.escapes:
            return lambda person: _escaped(person.values[word])
        if source.is_one_line or source.has_lines:
            return lambda person: str(person.values[word]).translate(ONE_LINE)
        return lambda person: str(person.values[word])

    def _rendered(self, texts: Any, place: int, person: _Person, source: Source, is_marked: bool) -> str:
        if isinstance(texts, Failed):
            raise _RenderingError(texts.reason)
        text: str = texts[place]
        if is_marked and "\x02" in text:  # only where our own filter writes such marks
            text = _MARK.sub(
                lambda found: self._link(
                    html_words.unescape(found[1]) if source.escapes else found[1], person, source.escapes
                ),
                text,
            )
        return text.translate(ONE_LINE) if source.is_one_line or source.has_lines else text

    def _link(self, address: str, person: _Person, escapes: bool) -> str:
        url = person.signed.get(address)
        if url is None:
            message_id = person.values.get("message_id")
            is_wrapped = self.tracking.wraps and self.links is not None and message_id
            url = self.links.click_url(str(message_id), address) if self.links and is_wrapped else address
            person.signed[address] = url
        return _escaped(url) if escapes else url

    def _render_all(
        self, parts: Sequence[str], values: Sequence[Mapping[str, Any]]
    ) -> Iterator[Sequence[list[str] | Failed]]:
        """The slots of each of these parts. Equal values say the same: the child is asked once for each of them."""
        different: dict[tuple[str, ...], tuple[list[dict[str, Any]], list[int]]] = {}
        for part in parts:
            names, number = tuple(self.parts[part].names), self.parts[part].number
            if "*" in names:
                yield self.filler.fill(number, values)
                continue
            if names not in different:
                different[names] = _different(values, names)
            wanted, places = different[names]
            yield list(map(self.filler.fill(number, wanted).__getitem__, places))

    def whole(self, filled: Filled) -> Rendered:
        """One person's message put together."""
        texts = {part: fill_placeholders(self.parts[part].text, filled) for part in self.parts}
        mail = (texts.get("subject", ""), texts.get("html", ""), texts.get("text", ""))
        return Rendered(*mail, parts={} if self.channel == "email" else texts)

    def fits_batch(self, filled: Filled) -> bool:
        """Whether these values may travel as substitutions: none could be taken for a placeholder, or make one."""
        together = "\0".join(filled.values())
        if "-dm" in together and _RISKY.search(together):
            return False
        if self.unsure_ends and any(filled[mark].endswith(("-", "-d")) for mark in self.unsure_ends if mark in filled):
            return False
        begins = (filled[mark] for mark in self.unsure_starts if mark in filled)
        return not any(_RISKY_START.match(text) for text in begins)

    @cached_property
    def unsure_ends(self) -> frozenset[str]:
        """Placeholders after which a text begins that could make one of what a value ends with."""
        return frozenset(mark for _, mark, after in self._places if not after or after[0] in "dm")

    @cached_property
    def unsure_starts(self) -> frozenset[str]:
        """Placeholders before which a text ends that could make one of what a value begins with."""
        return frozenset(mark for before, mark, _ in self._places if not before or before.endswith(("-", "-d")))

    @cached_property
    def _places(self) -> list[tuple[str, str, str]]:
        """(text before, placeholder, text after) of every place; beside another placeholder that text is empty."""
        found = []
        for part in self.parts.values():
            pieces = _AROUND.split(f"\n{part.text}\n")
            found += [(pieces[n - 1], pieces[n], pieces[n + 1]) for n in range(1, len(pieces), 2)]
        return found

    def close(self) -> None:
        """Forget the sources in the child."""
        for part in self.parts.values():
            self.filler.forget(part.number)


def _different(values: Sequence[Mapping[str, Any]], names: Sequence[str]) -> tuple[list[dict[str, Any]], list[int]]:
    """What differs in these names, each once, and for each person which of them it is."""
    wanted: list[dict[str, Any]] = []
    known: dict[bytes, int] = {}
    places: list[int] = []
    for each in values:
        mine = {name: each[name] for name in names if name in each}
        place = known.setdefault(orjson.dumps(mine), len(wanted))  # as text: 1, 1.0 and true are not the same
        if place == len(wanted):
            wanted.append(mine)
        places.append(place)
    return wanted, places


def _escaped(value: Any) -> str:
    """As `escape`, which takes three times as long for what needs none, as most values do."""
    return value if type(value) is str and not _find_special(value) else str(escape(value))


class _RenderingError(Exception):
    """The child refused this person's values."""
