"""Pages behind links in messages: unsubscribed, preferences, confirmed, a link that does not work.

Belongs here: putting them together, and the headers that keep them private: never cached, indexed or framed, without
scripts. Stays out: what is on them (`apps/api/pages/*.html`), the look in numbers (`apps/tokens.py`).
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from apps.tokens import css_of_system

FOLDER = Path(__file__).resolve().parent / "pages"
STYLE = css_of_system() + (FOLDER / "page.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}
_pages = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


class Pages:
    """The pages of one workspace."""

    def __init__(self, workspace_name: str) -> None:
        self._workspace = workspace_name

    def show(self, name: str, status: int = 200, **values: object) -> HTMLResponse:
        """The page `name`, with every value escaped."""
        given = {"workspace": self._workspace, "style": Markup(STYLE), **values}
        return HTMLResponse(_pages.get_template(f"{name}.html").render(given), status, HEADERS)

    def say(self, title: str, words: str, status: int = 200, **more: object) -> HTMLResponse:
        """A page with a sentence; `button`, `field` and `value` add a form with one button, `link` a way on."""
        given = {"button": "", "field": "", "value": "", "link": "", "link_words": "", **more}
        return self.show("message", status, title=title, words=words, **given)

    def unknown(self) -> HTMLResponse:
        """The answer to a link that we did not make."""
        return self.say(
            "This link does not work", "It may be incomplete. Please use the whole link from the message.", 404
        )
