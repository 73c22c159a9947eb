"""The script for the site: one small file, put together once, cached by browsers, changed only with its content.

Belongs here: putting it together and serving it. Stays out: what it does (`apps/api/site/dmat.js`), what it asks
(`apps/api/web.py`).
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import orjson
from fastapi import APIRouter, Request, Response

from apps.tokens import DARK, LIGHT
from dmat.settings import Settings

FOLDER = Path(__file__).resolve().parent / "site"
VERSION = 1
LARGEST_PACKED = 12 * 1024
KEPT_SECONDS = 300
_TOKEN = re.compile(r"__([LD])_([a-z0-9-]+)__")


@dataclass(frozen=True)
class Script:
    """The script as it is served."""

    text: bytes
    packed: bytes
    tag: str


def make_script(asks_consent: bool) -> Script:
    """Put the script together: style with the colours of the tokens, settings of the workspace."""
    style = squeeze((FOLDER / "dmat.css").read_text())
    style = _TOKEN.sub(lambda found: (LIGHT if found[1] == "L" else DARK)[found[2]], style)
    config = {"version": VERSION, "asksConsent": asks_consent, "close": "Close", "style": style}
    text = (FOLDER / "dmat.js").read_text().replace("__CONFIG__", orjson.dumps(config).decode()).encode()
    digest = hashlib.sha256(text).hexdigest()[:20]
    return Script(text, gzip.compress(text, 9, mtime=0), f'"{VERSION}-{digest}"')


def squeeze(style: str) -> str:
    """A style sheet without line breaks and doubled spaces."""
    return re.sub(r"\s+", " ", style).strip()


def site_router(settings: Settings) -> APIRouter:
    """GET /site/dmat.js."""
    router = APIRouter(tags=["site"])
    script = make_script(settings.web_asks_consent)
    common = {
        "ETag": script.tag, "Cache-Control": f"public, max-age={KEPT_SECONDS}, stale-while-revalidate=86400",
        "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin",
    }  # fmt: skip

    @router.get("/site/dmat.js")
    async def serve(request: Request) -> Response:
        """The script; a browser that has it already is told so."""
        if script.tag in {
            tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")
        }:
            return Response(status_code=304, headers=common)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(script.packed, media_type="text/javascript", headers=common | {"Content-Encoding": "gzip"})
        return Response(script.text, media_type="text/javascript", headers=common)

    return router
