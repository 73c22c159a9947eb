"""Jinja2 inside HTML and MJML: hidden behind plain words while other programs read the markup, then put back.

Belongs here: finding constructs in text, hiding, showing, keeping line breaks after them. Stays out: what they mean
(`render_child.py`).

A statement that stands between tags is hidden in a comment, because a comment may stand anywhere in a table, where a
parser of HTML would move words out of it; inside of tags, styles and comments the bare word stands.
"""

from __future__ import annotations

import html
import re

from dmat.errors import InvalidInputError

_OPENING = re.compile(r"\{\{|\{%|\{#")
_ENDS = {"{{": "}}", "{%": "%}", "{#": "#}"}
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}(.*?)\{%[-+]?\s*endraw\s*[-+]?%\}", re.DOTALL)
_INSIDE = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\}\}|%\}""", re.DOTALL)
_MARKUP = re.compile(
    r"<!--.*?-->|<style\b.*?</style\s*>|<title\b.*?</title\s*>|<textarea\b.*?</textarea\s*>|<!?/?[a-zA-Z][^>]*>",
    re.DOTALL | re.IGNORECASE,
)


class Constructs:
    """The constructs of one source, by number."""

    def __init__(self, source: str) -> None:
        self.kept: list[str] = []
        self._word = "djq"
        while re.search(rf"{self._word}[xs]\d", source, re.IGNORECASE):
            self._word += "q"
        self._found = re.compile(rf"(?:<!--)?{self._word}([xs])(\d+)x(?:-->)?", re.IGNORECASE)
        self.statement = re.compile(rf"{self._word}s(\d+)x", re.IGNORECASE)
        self.any = re.compile(rf"{self._word}[xs](\d+)x", re.IGNORECASE)

    def add(self, construct: str) -> str:
        """Keep a construct; gives the word that stands for it."""
        self.kept.append(construct)
        kind = "x" if construct.startswith("{{") else "s"
        return f"{self._word}{kind}{len(self.kept) - 1}x"

    def hide(self, text: str, place: str, is_markup: bool = False) -> str:
        """The text with words in place of constructs; in markup, `&gt;` inside of them is read as `>`.

        Raises:
            InvalidInputError: a construct that does not end, with its line.
        """
        parts, at = [], 0
        while found := _OPENING.search(text, at):
            end = _end_of(text, found.start(), place)
            construct = text[found.start() : end]
            parts.append(text[at : found.start()])
            if construct.startswith("{#"):
                construct = ""
            elif is_markup:
                construct = html.unescape(construct)
            parts.append(self.add(_with_line_end(text, found.start(), end, construct)) if construct else "")
            at = end
        return "".join([*parts, text[at:]])

    def as_comments(self, markup: str) -> str:
        """Markup in which statements between tags are comments."""
        parts, at = [], 0
        for found in _MARKUP.finditer(markup):
            parts += [self.statement.sub(r"<!--\g<0>-->", markup[at : found.start()]), found.group()]
            at = found.end()
        return "".join([*parts, self.statement.sub(r"<!--\g<0>-->", markup[at:])])

    def show(self, text: str) -> str:
        """The text with its constructs back."""
        return self._found.sub(lambda found: self.kept[int(found.group(2))], text)

    def of_word(self, word: str) -> str:
        """The construct that a word stands for."""
        found = self._found.fullmatch(word)
        return self.kept[int(found.group(2))] if found else word


def _end_of(text: str, start: int, place: str) -> int:
    raw = _RAW.match(text, start)
    if raw:
        return raw.end()
    opening = text[start : start + 2]
    if opening == "{#":
        end = text.find("#}", start)
        if end >= 0:
            return end + 2
    else:
        for found in _INSIDE.finditer(text, start + 2):
            if found.group() == _ENDS[opening]:
                return found.end()
    line = text.count("\n", 0, start) + 1
    raise InvalidInputError(place, f"line {line}: {opening} has no end", f"{opening} ... {_ENDS[opening]}")


def _with_line_end(text: str, start: int, end: int, construct: str) -> str:
    """A statement at the end of a line that holds more than it keeps the line's end (else it would vanish)."""
    is_statement = construct.startswith("{%") and not _RAW.match(construct)
    if not is_statement or not text.startswith(("\n", "\r\n"), end) or construct.endswith(("-%}", "+%}")):
        return construct
    is_alone = not text[text.rfind("\n", 0, start) + 1 : start].strip()
    return construct if is_alone else f"{construct[:-2].rstrip()} +%}}"
