"""What is wrong or weak in the HTML of a mail: links, pictures, contrast, size of letters, weight.

Belongs here: looking at rendered HTML. Stays out: variables and parts (`checks.py`), words (`check_words.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from lxml import etree, html

from dmat.messages.contrast import Colour, colour_in, contrast
from dmat.messages.findings import ERROR, HINT, WARNING, Check

GMAIL_CLIPS_BYTES = 102 * 1024
SMALLEST_TEXT, LARGE_TEXT, LARGE_BOLD_TEXT = 12, 24, 18.66
VAGUE = frozenset({"click here", "here", "read more", "more", "link", "hier", "hier klicken", "mehr"})
SENDS_NOWHERE = frozenset({"", "#"})
_STYLE = re.compile(r"([a-z-]+)\s*:\s*([^;]+)")
_PIXELS = re.compile(r"([\d.]+)px")


def check_html(markup: str) -> list[Check]:
    """Everything about a rendered mail, errors first."""
    tree = html.document_fromstring(markup)
    found = [*_weight(markup), *_links(tree), *_pictures(tree), *_words(tree), *_frame(tree, markup)]
    return list(dict.fromkeys(found))


def _weight(markup: str) -> Iterator[Check]:
    size = len(markup.encode())
    if size > GMAIL_CLIPS_BYTES:
        yield Check(ERROR, "body", f"the HTML has {size // 1024} kB, and Gmail cuts mails off at 102 kB",
                    "shorten it: what is cut off is often the unsubscribe link")  # fmt: skip
    elif size > GMAIL_CLIPS_BYTES * 0.85:
        yield Check(WARNING, "body", f"the HTML has {size // 1024} kB, and Gmail cuts mails off at 102 kB",
                    "leave some room for names and products that are longer")  # fmt: skip


def _links(tree: etree._Element) -> Iterator[Check]:
    for link in tree.iter("a"):
        target, words = (link.get("href") or "").strip(), " ".join(link.text_content().split())
        named = f'the link "{words[:60]}"' if words else "a link without words"
        if target in SENDS_NOWHERE:
            yield Check(ERROR, "body", f"{named} leads nowhere", "give it an address")
            continue
        yield from _address(named, target)
        pictures = [image.get("alt", "").strip() for image in link.iter("img")]
        if not words and not any(pictures):
            yield Check(WARNING, "body", f"a link to {target[:80]} says nothing to people who cannot see",
                        "give the picture in it an alternative text")  # fmt: skip
        elif words.lower().strip(" .!>→") in VAGUE:
            yield Check(HINT, "body", f"{named} does not say where it leads", "name what people find there")


def _address(named: str, target: str) -> Iterator[Check]:
    try:
        parts = urlsplit(target)
    except ValueError:
        yield Check(ERROR, "body", f"{named} has a broken address: {target[:80]}", "https://...")
        return
    if parts.scheme in ("mailto", "tel", "sms"):
        return
    if parts.scheme not in ("http", "https"):
        yield Check(ERROR, "body", f"{named} has no address that people can follow: {target[:80]}", "https://...")
    elif not parts.hostname or " " in target or "." not in f"{parts.hostname}.":
        yield Check(ERROR, "body", f"{named} has a broken address: {target[:80]}", "https://...")
    elif parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1"):
        yield Check(WARNING, "body", f"{named} is not encrypted: {target[:80]}", "https://...")


def _pictures(tree: etree._Element) -> Iterator[Check]:
    for image in tree.iter("img"):
        source = (image.get("src") or "").strip()
        if image.get("width") == "1" and image.get("height") == "1":
            continue
        if not source or source.startswith("data:"):
            yield Check(ERROR, "body", "a picture has no address, or one that mail programs refuse", "https://...")
        elif source.startswith("http://") and "//127.0.0.1" not in source and "//localhost" not in source:
            yield Check(WARNING, "body", f"the picture {source[-60:]} is not encrypted", "https://...")
        if image.get("alt") is None:
            yield Check(WARNING, "body", f"the picture {source[-60:]} has no alternative text",
                        "say what it shows (alt), or alt=\"\" when it only decorates")  # fmt: skip
        if not image.get("width") and "width" not in image.get("style", ""):
            yield Check(HINT, "body", f"the picture {source[-60:]} has no width", "Outlook shows it in its full size")
    words = len(" ".join(tree.text_content().split()))
    if words < 100 and any(image.get("width") != "1" for image in tree.iter("img")):
        yield Check(WARNING, "body", "the mail is nearly all pictures",
                    "write what matters as text: many people do not load pictures, and filters dislike it")  # fmt: skip


@dataclass(frozen=True)
class _Look:
    """How text at a place looks."""

    ink: Colour = (0, 0, 0)
    ground: Colour = (255, 255, 255)
    size: float = 16.0
    is_bold: bool = False
    is_sure: bool = True


def _words(tree: etree._Element) -> Iterator[Check]:
    body = tree.find(".//body")
    yield from _look_at(body if body is not None else tree, _Look())


def _look_at(node: etree._Element, look: _Look) -> Iterator[Check]:
    if not isinstance(node.tag, str) or node.tag in ("style", "script", "head", "title"):
        return
    styles = dict(_STYLE.findall(node.get("style", "").lower()))
    if "none" in styles.get("display", "") or "hidden" in styles.get("visibility", ""):
        return
    look = _changed(look, styles, node)
    texts = [node.text or "", *(child.tail or "" for child in node)]
    words = " ".join(" ".join(texts).split())
    if words:
        yield from _legible(words, look)
    for child in node:
        yield from _look_at(child, look)


def _changed(look: _Look, styles: dict[str, str], node: etree._Element) -> _Look:
    ground_text = styles.get("background-color") or styles.get("background") or node.get("bgcolor") or ""
    ground = colour_in(ground_text)
    ink = colour_in(styles["color"]) if "color" in styles else None
    size = _PIXELS.search(styles.get("font-size", ""))
    weight = styles.get("font-weight", "")
    return replace(
        look,
        ink=ink or look.ink,
        ground=ground or look.ground,
        size=float(size.group(1)) if size else look.size,
        is_bold=look.is_bold
        or node.tag in ("b", "strong", "h1", "h2", "h3")
        or weight in ("bold", "600", "700", "800"),
        is_sure=(look.is_sure or ground is not None) and "url(" not in ground_text,
    )


def _legible(words: str, look: _Look) -> Iterator[Check]:
    shown = f'"{words[:50]}"'
    if 1 < look.size < SMALLEST_TEXT:
        yield Check(HINT, "body", f"{shown} is written in {look.size:g} px", f"at least {SMALLEST_TEXT} px")
    is_large = look.size >= LARGE_TEXT or (look.is_bold and look.size >= LARGE_BOLD_TEXT)
    needed, found = (3.0 if is_large else 4.5), contrast(look.ink, look.ground)
    if look.is_sure and look.size > 1 and found < needed:
        yield Check(WARNING, "body", f"{shown} can hardly be read: contrast {found:.1f}", f"at least {needed:g}")


def _frame(tree: etree._Element, markup: str) -> Iterator[Check]:
    if tree.tag == "html" and not tree.get("lang") and not tree.xpath("//*[@lang]"):
        yield Check(HINT, "body", "the mail does not say its language", '<html lang="en">: screen readers need it')
    if "color-scheme" not in markup and "prefers-color-scheme" not in markup:
        yield Check(HINT, "body", "nothing is said about dark mode", 'styles for "prefers-color-scheme: dark"')
    if next(tree.iter("script"), None) is not None:
        yield Check(ERROR, "body", "there is a script in the mail", "mail programs refuse it: take it out")
    if next(tree.iter("form"), None) is not None:
        yield Check(WARNING, "body", "there is a form in the mail", "most mail programs do not show it: link to a page")
    if tree.xpath("//link[@rel='stylesheet']"):
        yield Check(WARNING, "body", "the mail fetches a style sheet", "write the styles into the mail")
