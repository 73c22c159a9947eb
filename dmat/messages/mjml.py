"""MJML: which components there are, where each may stand, which attributes it takes; turning it into HTML by mrml.

Belongs here: looking first (mrml takes unknown components silently) with the line of each fault, then compiling.
Stays out: Jinja2 (it is hidden before: `jinja_source.py`) and CSS (`markup.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser

import mrml

from dmat.errors import InvalidInputError

_BOX = "padding padding-top padding-right padding-bottom padding-left css-class mj-class"
_FONT = "color font-family font-size font-style font-weight letter-spacing line-height text-decoration text-transform"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_LINK = "href rel target title name"
_PICTURE = "alt height src srcset sizes usemap width"
_BACK = "background-color background-url background-repeat background-size background-position background-position-x"
_BACK += " background-position-y background-width background-height"
_TABLE = "align cellpadding cellspacing container-background-color table-layout width role"
ATTRIBUTES: Mapping[str, str] = {
    "mjml": "lang dir owa version",
    "mj-head": "", "mj-attributes": "", "mj-all": "*", "mj-class": "*", "mj-html-attributes": "",
    "mj-selector": "path", "mj-html-attribute": "name", "mj-breakpoint": "width", "mj-font": "name href",
    "mj-preview": "", "mj-style": "inline", "mj-title": "", "mj-include": "path type css-inline",
    "mj-body": "background-color width css-class id",
    "mj-wrapper": f"{_BACK} {_BORDER} {_BOX} direction full-width text-align gap",
    "mj-section": f"{_BACK} {_BORDER} {_BOX} direction full-width text-align text-padding",
    "mj-group": "background-color direction vertical-align width css-class mj-class",
    "mj-column": f"background-color inner-background-color {_BORDER} {_BOX} direction vertical-align width"
                 " inner-border inner-border-radius inner-border-top inner-border-bottom inner-border-left"
                 " inner-border-right",
    "mj-hero": f"{_BACK} {_BOX} border-radius container-background-color height inner-background-color inner-padding"
               " inner-padding-top inner-padding-right inner-padding-bottom inner-padding-left mode vertical-align"
               " width",
    "mj-text": f"{_BOX} {_FONT} align background-color container-background-color height vertical-align",
    "mj-button": f"{_BOX} {_FONT} {_BORDER} {_LINK} align background-color container-background-color height"
                 " inner-padding text-align vertical-align width",
    "mj-image": f"{_BOX} {_BORDER} {_LINK} {_PICTURE} align container-background-color fluid-on-mobile max-height"
                " font-size",
    "mj-divider": f"{_BOX} align border-color border-style border-width container-background-color width",
    "mj-spacer": f"{_BOX} {_BORDER} container-background-color height width",
    "mj-table": f"{_BOX} {_FONT} {_TABLE} border",
    "mj-raw": "position",
    "mj-social": f"{_BOX} {_FONT} align border-radius container-background-color icon-height icon-size icon-padding"
                 " inner-padding mode table-layout text-padding vertical-align",
    "mj-social-element": f"{_BOX} {_FONT} {_LINK} align alt background-color border-radius icon-height icon-padding"
                         " icon-position icon-size sizes src srcset text-padding vertical-align",
    "mj-navbar": f"{_BOX} align base-url hamburger ico-align ico-close ico-color ico-font-family ico-font-size"
                 " ico-line-height ico-open ico-padding ico-padding-bottom ico-padding-left ico-padding-right"
                 " ico-padding-top ico-text-decoration ico-text-transform",
    "mj-navbar-link": f"{_BOX} {_FONT} {_LINK}",
    "mj-accordion": f"{_BOX} border container-background-color font-family icon-align icon-height icon-position"
                    " icon-unwrapped-alt icon-unwrapped-url icon-width icon-wrapped-alt icon-wrapped-url",
    "mj-accordion-element": "background-color border css-class mj-class font-family icon-align icon-height"
                            " icon-position icon-unwrapped-alt icon-unwrapped-url icon-width icon-wrapped-alt"
                            " icon-wrapped-url",
    "mj-accordion-title": f"{_BOX} {_FONT} background-color",
    "mj-accordion-text": f"{_BOX} {_FONT} background-color",
    "mj-carousel": f"{_BOX} align background-color border-radius container-background-color icon-width left-icon"
                   " right-icon tb-border tb-border-radius tb-hover-border-color tb-selected-border-color tb-width"
                   " thumbnails",
    "mj-carousel-image": f"{_LINK} alt src border-radius css-class mj-class tb-border tb-border-radius"
                         " thumbnails-src",
}  # fmt: skip
_CONTENT = ("mj-text mj-button mj-image mj-divider mj-spacer mj-table mj-raw mj-social mj-navbar mj-accordion"
            " mj-carousel mj-hero")  # fmt: skip
CHILDREN: Mapping[str, str] = {
    "": "mjml", "mjml": "mj-head mj-body",
    "mj-head": "mj-attributes mj-breakpoint mj-font mj-html-attributes mj-preview mj-style mj-title mj-raw",
    "mj-body": "mj-section mj-wrapper mj-hero mj-raw", "mj-wrapper": "mj-section mj-hero mj-raw",
    "mj-section": "mj-column mj-group mj-raw", "mj-group": "mj-column mj-raw", "mj-column": _CONTENT,
    "mj-hero": _CONTENT, "mj-social": "mj-social-element", "mj-navbar": "mj-navbar-link",
    "mj-accordion": "mj-accordion-element", "mj-accordion-element": "mj-accordion-title mj-accordion-text",
    "mj-carousel": "mj-carousel-image", "mj-html-attributes": "mj-selector", "mj-selector": "mj-html-attribute",
    "mj-attributes": "*",
}  # fmt: skip
MAY_HOLD_RAW = frozenset({"mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"})
_STYLED_INLINE = re.compile(
    r"""<mj-style\s+inline=["']?inline["']?\s*>.*?</mj-style\s*>""", re.DOTALL | re.IGNORECASE
)  # `markup.py` puts these into tags


@dataclass(frozen=True)
class MarkupFault:
    """Something wrong in a source: its line, what, and what is allowed."""

    line: int
    problem: str
    allowed: str = ""


@cache
def _allowed(tag: str) -> frozenset[str]:
    return frozenset(ATTRIBUTES[tag].split())


class _Reader(HTMLParser):
    """Walks a source; `faults` is what is wrong, `loose` where statements stand between components."""

    def __init__(self, source: str, statement: re.Pattern[str]) -> None:
        super().__init__(convert_charrefs=False)
        self.faults: list[MarkupFault] = []
        self.loose: list[tuple[int, int]] = []
        self._statement, self._starts = statement, [0]
        for line in source.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._open: list[str] = []
        self.feed(source)
        self.close()
        for tag in reversed(self._open):
            self._fault(f"<{tag}> has no end", f"</{tag}>")

    def _fault(self, problem: str, allowed: str = "") -> None:
        self.faults.append(MarkupFault(self.getpos()[0], problem, allowed))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A component begins (tags inside of content are not looked at)."""
        if self._look(tag, attrs):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A component without content."""
        self._look(tag, attrs)

    def _look(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        parent = self._open[-1] if self._open else ""
        if parent not in CHILDREN and not tag.startswith("mj"):
            return False
        if tag not in ATTRIBUTES:
            allowed = CHILDREN.get(parent, "")
            self._fault(f"<{tag}> is not a component", "" if allowed == "*" else allowed)
            return tag.startswith("mj")
        self._look_at_place(tag, parent)
        if parent != "mj-attributes" and _allowed(tag) != {"*"}:
            for name, _ in attrs:
                if name not in _allowed(tag):
                    self._fault(f"<{tag}> has no attribute {name}", ", ".join(sorted(_allowed(tag))) or "none")
        return True

    def _look_at_place(self, tag: str, parent: str) -> None:
        allowed = CHILDREN.get(parent, "")
        if tag == "mj-include":
            self._fault("mj-include reads other files", '{% include "block:<key>" %}')
        elif allowed != "*" and tag not in allowed.split():
            self._fault(f"<{tag}> may not stand in <{parent}>" if parent else f"<{tag}> may not stand first", allowed)

    def handle_endtag(self, tag: str) -> None:
        """A component ends."""
        if tag not in self._open:
            if tag.startswith("mj"):
                self._fault(f"</{tag}> without a beginning")
            return
        while self._open[-1] != tag:
            self._fault(f"<{self._open[-1]}> has no end before </{tag}>")
            self._open.pop()
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Text between components: only statements may stand there."""
        parent = self._open[-1] if self._open else ""
        if parent not in CHILDREN or not data.strip():
            return
        line, column = self.getpos()
        first = self._starts[line - 1] + column
        self.loose += [(first + found.start(), first + found.end()) for found in self._statement.finditer(data)]
        if self._statement.sub("", data).strip():
            self._fault("text between components is not shown", "<mj-text>, <mj-raw>")
        elif self._statement.search(data) and parent not in MAY_HOLD_RAW:
            self._fault(f"a statement may not stand in <{parent or 'nothing'}>", ", ".join(sorted(MAY_HOLD_RAW)))


def mjml_faults(source: str, statement: re.Pattern[str]) -> Sequence[MarkupFault]:
    """What is wrong with an MJML source, by line.

    Args:
        source: with Jinja2 hidden.
        statement: the words that hidden statements are.
    """
    found = _Reader(source, statement)
    if not found.faults and "<mj-body" not in source:
        return [MarkupFault(1, "there is no <mj-body>", "<mjml><mj-body>...</mj-body></mjml>")]
    return sorted(found.faults, key=lambda fault: fault.line)


def compile_mjml(source: str, statement: re.Pattern[str], place: str = "body", language: str = "en") -> str:
    """HTML of an MJML source.

    Raises:
        InvalidInputError: the first fault, with its line.
    """
    faults = mjml_faults(source, statement)
    if faults:
        raise InvalidInputError(place, f"line {faults[0].line}: {faults[0].problem}", faults[0].allowed)
    for first, end in reversed(_Reader(source, statement).loose):
        source = f"{source[:first]}<mj-raw>{source[first:end]}</mj-raw>{source[end:]}"
    source = _STYLED_INLINE.sub("", source)
    try:
        options = mrml.RenderOptions(fonts={})
        found = mrml.to_html(source, mrml.ParserOptions(include_loader=mrml.noop_loader()), options)
    except (OSError, ValueError) as error:
        raise InvalidInputError(place, f"this MJML cannot be read: {error}"[:300]) from None
    content: str = found.content
    return content.replace('lang="und"', f'lang="{language}"')
