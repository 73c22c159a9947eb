"""The text part of a mail made from its HTML: links kept, lists and tables that can be read, hidden words left out.

Belongs here: walking the HTML. Stays out: what is in it, and rendering.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml import etree, html

BLOCKS = frozenset({"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr", "ul", "ol", "section", "article",
                    "header", "footer", "blockquote", "address", "center", "figure", "figcaption", "pre"})  # fmt: skip
SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote"})
SKIPPED = frozenset({"head", "style", "script", "title", "template"})
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all|visibility:\s*hidden", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")
_INVISIBLE = re.compile("[\u200b\u200c\u200d\ufeff\u034f\u00ad]")
RULE = "-" * 40
LINES = {"br": ("\n",), "hr": ("\f", RULE, "\f")}

Address = Callable[[str], str]


def text_of(markup: str, comment: Callable[[str], str] = lambda _: "", address: Address = lambda url: url) -> str:
    """The plain text of an HTML document.

    Args:
        markup: the document.
        comment: what a comment says in the text; nothing by default.
        address: how a link's address is written.
    """
    if not markup.strip():
        return ""
    found: list[str] = []
    for piece in _pieces(html.document_fromstring(markup), comment, address):
        _add(found, piece)
    lines = [_SPACES.sub(" ", line).strip() for line in "".join(found).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _add(found: list[str], piece: str) -> None:
    """Breaks are marks: `\\v` a new line, `\\f` an empty one; two of them in a row are the stronger one."""
    if piece in ("\v", "\f"):
        while found and found[-1] in ("\n", "\n\n", " "):
            last = found.pop()
            piece = "\f" if last == "\n\n" else piece
        found.append("\n\n" if piece == "\f" else "\n")
    elif piece:
        found.append(piece)


def _pieces(node: etree._Element, comment: Callable[[str], str], address: Address) -> Iterator[str]:
    tag = node.tag if isinstance(node.tag, str) else ""
    if isinstance(node, etree._Comment):
        yield comment(node.text or "")
    elif tag in SKIPPED or _HIDDEN.search(node.get("style", "")) or node.get("aria-hidden") == "true":
        pass
    elif tag in LINES:
        yield from LINES[tag]
    elif tag == "img":
        yield _clean(node.get("alt", ""))
    elif tag == "a":
        yield _link("".join(_inside(node, comment, address)), node.get("href", ""), address)
    elif tag == "li":
        yield from ("\v", _bullet(node), *_inside(node, comment, address), "\v")
    elif tag in ("td", "th"):
        yield from _cell(node, comment, address)
    else:
        edge = ("\f" if tag in SPACED else "\v") if tag in BLOCKS else ""
        yield from (edge, *_inside(node, comment, address), edge)
    if node.tail:
        yield _clean(node.tail)


def _inside(node: etree._Element, comment: Callable[[str], str], address: Address) -> Iterator[str]:
    yield _clean(node.text or "")
    for child in node:
        yield from _pieces(child, comment, address)


def _clean(text: str) -> str:
    return _SPACES.sub(" ", _INVISIBLE.sub("", text))


def _bullet(node: etree._Element) -> str:
    parent = node.getparent()
    if parent is None or parent.tag != "ol":
        return "- "
    return f"{[child for child in parent if child.tag == 'li'].index(node) + 1}. "


def _cell(node: etree._Element, comment: Callable[[str], str], address: Address) -> Iterator[str]:
    """Cells of tables of data stand in one line; those of tables that only lay out are blocks."""
    table = next(node.iterancestors("table"), None)
    if table is None or table.get("role") in ("presentation", "none"):
        yield from ("\v", *_inside(node, comment, address), "\v")
        return
    before = node.getprevious()
    while before is not None and before.tag not in ("td", "th"):
        before = before.getprevious()
    words = "".join(_inside(node, comment, address)).replace("\v", " ").replace("\f", " ").strip()
    yield words if before is None else f" | {words}"


def _link(words: str, target: str, address: Address) -> str:
    words = words.replace("\v", " ").replace("\f", " ").strip()
    if not target or target.startswith("#"):
        return words
    if target.startswith(("mailto:", "tel:")):
        plain = target.partition(":")[2].partition("?")[0]
        return words if plain in words else f"{words} ({plain})"
    written = address(target)
    return written if not words or words == target else f"{words}: {written}"
