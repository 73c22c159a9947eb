"""From what a marketer wrote to sources that can be rendered: MJML to HTML, styles into tags, text part, tracked links.

Belongs here: everything that is done once per version of a template. Stays out: what differs between people
(`compiled.py`), single steps (`mjml.py`, `plain_text.py`, `jinja_source.py`).
"""

from __future__ import annotations

import html as html_words
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import css_inline

from dmat.errors import InvalidInputError
from dmat.messages.included import put_in
from dmat.messages.jinja_source import Constructs
from dmat.messages.mjml import compile_mjml
from dmat.messages.plain_text import text_of
from dmat.messages.records import LISTS, Variable
from dmat.messages.tracking import SYSTEM_VALUES

ONE_LINE = frozenset({"subject", "preheader", "title", "button_text", "image_alt", "url", "image_url",
                      "header_media_url", "template_name", "template_language", "template_category"})  # fmt: skip
LINKED_PARTS = frozenset({"text", "body", "url"})
PIXEL = '<img src="{{ pixel_url }}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'
HIDDEN = ("display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all;font-size:1px;line-height:1px;"
          "color:transparent;")  # fmt: skip
_DOCUMENT = (
    '<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><meta name="viewport"'
    ' content="width=device-width, initial-scale=1"></head><body>{body}</body></html>'
)  # around HTML that is only what stands in a body
_FILLER = "&#8199;&#65279;&#847; " * 40
_HREF = re.compile(r"""(<(?:a|area)\b[^>]*?\shref=")([^"]*)(")""", re.IGNORECASE)
_ADDRESS_IN_TEXT = re.compile(r"""https?://[^\s<>"']*[^\s<>"'.,;:!?)\]]""")
_EXPRESSION = re.compile(r"\{\{-?\s*([a-z_][\w.]*)\s*-?\}\}")
_INLINE_STYLE = re.compile(r"""<mj-style\s+inline=["']?inline["']?\s*>(.*?)</mj-style\s*>""", re.DOTALL | re.IGNORECASE)
_LONE_BREAKS = str.maketrans({"\r": " ", "\n": " "})


@dataclass(frozen=True)
class Source:
    """One part, ready to be rendered: Jinja2 as text, whether values are escaped for HTML, whether it is one line.

    `has_lines`: a value a line, so that what people typed must not break lines. `is_json`: values are escaped for JSON.
    """

    text: str
    escapes: bool = False
    is_one_line: bool = False
    has_lines: bool = False
    is_json: bool = False


@dataclass(frozen=True)
class Markup:
    """How parts become sources: language, which links are tracked, whether there is a pixel."""

    blocks: Mapping[str, str]
    variables: Sequence[Variable] = ()
    language: str = "en"
    has_links: bool = True
    has_pixel: bool = False

    def mail(self, kind: str, parts: Mapping[str, str]) -> dict[str, Source]:
        """Subject, HTML and text of a mail.

        Raises:
            InvalidInputError: names the part, the line and what is allowed.
        """
        body = put_in(parts.get("body", ""), self.blocks)
        constructs = Constructs(body + parts.get("preheader", ""))
        hidden = constructs.hide(body, "body", is_markup=True)
        styles = None  # in MJML only those styles go into tags that say so; mrml would lose statements in tables
        if kind == "mjml":
            styles = "\n".join(_INLINE_STYLE.findall(hidden))
            hidden = compile_mjml(hidden, constructs.statement, language=self.language)
        elif "<body" not in hidden.lower():
            hidden = _DOCUMENT.format(language=self.language, body=hidden)
        hidden = self._with_preheader(hidden, parts.get("preheader", ""), constructs)
        inlined = _inline(constructs.as_comments(hidden), styles)
        written = parts.get("text", "")
        text = self.lines("text", written) if written.strip() else Source(self._text_of(inlined, constructs))
        return {
            "subject": self.lines("subject", parts.get("subject", "")),
            "html": Source(self._finish(inlined, constructs), escapes=True),
            "text": text,
        }

    def lines(self, part: str, written: str) -> Source:
        """A part that is plain text; addresses in it are tracked where people read them."""
        text = put_in(written, self.blocks)
        if part in ONE_LINE:
            text = text.translate(_LONE_BREAKS)
        constructs = Constructs(text)
        hidden = constructs.hide(text, part)
        if part in LINKED_PARTS and self.has_links:
            hidden = _ADDRESS_IN_TEXT.sub(lambda found: self._tracked(found.group(), constructs), hidden)
            hidden = constructs.any.sub(lambda found: self._tracked_word(found.group(), constructs), hidden)
        return Source(constructs.show(hidden), is_one_line=part in ONE_LINE, has_lines=part in LISTS)

    def data(self, written: str) -> Source:
        """A part that is JSON, as it was written; nothing in it is tracked, for machines read it."""
        constructs = Constructs(text := put_in(written, self.blocks))
        return Source(constructs.show(constructs.hide(text, "body")), is_json=True)

    def _with_preheader(self, markup: str, preheader: str, constructs: Constructs) -> str:
        if not preheader.strip():
            return markup
        words = html_words.escape(constructs.hide(put_in(preheader, self.blocks), "preheader"), quote=False)
        hidden = f'<div style="{HIDDEN}">{words} {_FILLER}</div>'
        found = re.search(r"<body\b[^>]*>", markup, re.IGNORECASE)
        return f"{markup[: found.end()]}{hidden}{markup[found.end() :]}" if found else hidden + markup

    def _finish(self, inlined: str, constructs: Constructs) -> str:
        if self.has_links:
            inlined = _HREF.sub(
                lambda found: f"{found.group(1)}{self._tracked(found.group(2), constructs)}{found.group(3)}", inlined
            )
        if self.has_pixel:
            before, closing, after = inlined.rpartition("</body>")
            inlined = f"{before}{constructs.add(PIXEL)}{closing}{after}" if closing else inlined + PIXEL
        return constructs.show(inlined)

    def _text_of(self, inlined: str, constructs: Constructs) -> str:
        def comment(text: str) -> str:
            return text if constructs.statement.fullmatch(text) else ""

        found = text_of(inlined, comment, lambda url: self._tracked(url, constructs) if self.has_links else url)
        shown = constructs.show(_alone(found, constructs))
        return re.sub(r"\n{3,}", "\n\n", shown)

    def _tracked(self, address: str, constructs: Constructs) -> str:
        """An address inside of the filter that tracks it, unless it is one of ours or none to follow."""
        shown = constructs.show(address)
        name = _EXPRESSION.fullmatch(shown.strip())
        is_ours = name is not None and name.group(1) in SYSTEM_VALUES
        is_followed = shown.strip().lower().startswith(("http://", "https://", "{{", "{%"))
        return (
            address if is_ours or not is_followed else constructs.add(f"{{% filter link %}}{shown}{{% endfilter +%}}")
        )

    def _tracked_word(self, word: str, constructs: Constructs) -> str:
        name = _EXPRESSION.fullmatch(constructs.of_word(word))
        if name is None or name.group(1) in SYSTEM_VALUES:
            return word
        declared = any(v.name == name.group(1) and v.type == "url" for v in self.variables)
        return self._tracked(word, constructs) if declared or name.group(1).endswith(".url") else word


def _inline(markup: str, styles: str | None) -> str:
    """Styles into tags: those given, or (None) those of the document itself; nothing is ever fetched."""
    inliner = css_inline.CSSInliner(
        inline_style_tags=styles is None, keep_style_tags=True, keep_link_tags=True, load_remote_stylesheets=False,
        extra_css=styles or None,
    )  # fmt: skip
    try:
        return inliner.inline(markup)
    except css_inline.InlineError as error:
        raise InvalidInputError("body", f"its styles cannot be read: {error}"[:300]) from None


def _alone(text: str, constructs: Constructs) -> str:
    """Statements that stand between others in a line keep the line's end; those alone in a line take it with them."""

    def keep(found: re.Match[str]) -> str:
        construct = constructs.of_word(found.group(1))
        if construct.startswith("{% filter link") or not construct.startswith("{%"):
            return f"{found.group(1)}\n"
        line_start = text.rfind("\n", 0, found.start()) + 1
        before = constructs.statement.sub("", text[line_start : found.start()])
        plain = re.sub(r"\s*\+%\}$", " %}", construct)
        return constructs.add(f"{plain[:-2].rstrip()} +%}}" if before.strip() else plain) + "\n"

    return re.sub(rf"({constructs.statement.pattern})\n", lambda found: keep(found), text, flags=re.IGNORECASE)
