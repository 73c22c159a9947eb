"""Playbooks: journeys to begin with, each a file with its messages and the segments that it needs.

Belongs here: reading those files, putting one into a workspace as a draft. Stays out: running it (`runner.py`).

>>> install(library, "cart-recovery", "ann@shop.example")     # a draft, its templates, its segments
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dmat.errors import ConflictError, NotFoundError
from dmat.journeys.definition import Definition, parse_definition
from dmat.journeys.library import JourneyLibrary
from dmat.journeys.records import Journey
from dmat.messages.included import put_in
from dmat.messages.library import Templates
from dmat.messages.starters import FOLDER as STARTERS
from dmat.segments.templates import apply_templates

FOLDER = Path(__file__).parent / "playbooks"
_KINDS = {"email": "mjml"}
_PERSONAL: tuple[dict[str, Any], ...] = (
    {"name": "first_name", "fallback": "there"},
    {"name": "discount_code", "source": "context", "fallback": ""},
    {"name": "discount", "source": "context", "fallback": ""},
)
_SHOP = {"name": "shop_url", "type": "url", "source": "campaign.url", "fallback": "https://shop.example/"}
_CART: tuple[dict[str, Any], ...] = (
    {"name": "cart_url", "type": "url", "source": "context", "example": "https://shop.example/cart"},
    {"name": "total", "type": "money", "source": "context", "example": {"cents": 7598, "currency_code": "EUR"}},
    {"name": "products", "type": "list", "source": "context", "count": 5, "fallback": []},
)
_RECOMMENDED = {"name": "products", "type": "list", "source": "recommendations", "count": 3, "fallback": []}
_BODY = """<mjml>
  {{% include "block:head" %}}
  <mj-body background-color="#f4f6f8" css-class="page">
    {{% include "block:top" %}}
    <mj-section padding="16px 24px 24px">
      <mj-column>
        <mj-text font-size="26px" line-height="34px" font-weight="700">{headline}</mj-text>
        <mj-text>{text}</mj-text>
      </mj-column>
    </mj-section>
    {products}
    <mj-section padding="16px 24px 24px">
      <mj-column>{total}<mj-button href="{{{{ {url} }}}}">{button}</mj-button></mj-column>
    </mj-section>
    {{% include "block:foot" %}}
  </mj-body>
</mjml>
"""


@dataclass(frozen=True)
class Playbook:
    """A journey to begin with.

    Attributes:
        about: what it does, in a few sentences.
        segments: keys of templates of segments that it needs.
        messages: its templates as they are written in the file.
    """

    key: str
    about: str
    definition: Definition
    segments: tuple[str, ...]
    messages: tuple[Mapping[str, Any], ...]


@cache
def list_playbooks() -> tuple[Playbook, ...]:
    """Every playbook, by name."""
    found = [_read(path) for path in sorted(FOLDER.glob("*.yml"))]
    return tuple(sorted(found, key=lambda playbook: playbook.definition.name))


def _read(path: Path) -> Playbook:
    document = yaml.safe_load(path.read_text())
    definition = parse_definition({"description": document["about"].strip(), **document["journey"]})
    return Playbook(
        path.stem, document["about"].strip(), definition, tuple(document.get("segments", ())),
        tuple(document.get("messages", ())),
    )  # fmt: skip


def find_playbook(key: str) -> Playbook:
    """One playbook.

    Raises:
        NotFoundError: there is none.
    """
    for playbook in list_playbooks():
        if playbook.key == key:
            return playbook
    raise NotFoundError(f"there is no playbook {key!r}")


def install(library: JourneyLibrary, key: str, by: str) -> Journey:
    """Put a playbook into a workspace: its segments and templates unless their keys are taken, and a draft.

    Raises:
        NotFoundError: there is no such playbook. ConflictError: there is a journey with its key already.
        InvalidRuleError: a segment asks for what this workspace does not have.
    """
    playbook = find_playbook(key)
    apply_templates(library.source.desk.library, playbook.segments, by)
    templates = Templates(library.store, library.settings.clock)
    for message in playbook.messages:
        try:
            templates.create(
                key=message["key"], name=message["key"].replace("-", " ").capitalize(), channel=message["channel"],
                kind=_KINDS.get(message["channel"], "text"), content=content_of(message), by=by,
                note=f"of the playbook {playbook.definition.name}", folder="Journeys",
            )  # fmt: skip
        except ConflictError:
            continue  # it is there, maybe changed by somebody: it stays as it is
    return library.create(playbook.definition, by, note="from a playbook")


def content_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a template from what a playbook says of it."""
    about, channel = message.get("about", ""), message["channel"]
    variables = [
        *_PERSONAL,
        *({"name": name, "source": "context", "fallback": ""} for name in message.get("values", ())),
    ]
    if about == "cart":
        variables += _CART
    elif channel in ("email", "push", "in_app"):
        variables += [_SHOP, *([_RECOMMENDED] if about == "recommendations" else [])]
    text = str(message["text"])
    if channel == "email":
        parts = {"subject": message["subject"], "preheader": message["headline"], "body": _body(message, about, text)}
    elif channel == "push":
        parts = {"title": message["headline"], "body": text, "url": "{{ shop_url }}"}
    elif channel == "in_app":
        parts = {
            "title": message["headline"], "body": text, "button_text": message["button"], "url": "{{ shop_url }}",
        }  # fmt: skip
    else:
        parts = {"text": text}
    used = " ".join(parts.values())
    return {"variables": _used(variables, used), "locales": {"": parts}}


def _used(variables: Sequence[Mapping[str, Any]], text: str) -> list[Mapping[str, Any]]:
    return [variable for variable in variables if variable["name"] in text]


def _body(message: Mapping[str, Any], about: str, text: str) -> str:
    is_cart = about == "cart"
    total = '<mj-text font-weight="600">Total: {{ total }}</mj-text>' if is_cart else ""
    products = '{% include "block:products" %}' if about else ""
    body = _BODY.format(
        headline=message["headline"], text=text, button=message["button"], total=total, products=products,
        url="cart_url" if is_cart else "shop_url",
    )  # fmt: skip
    whole = put_in(body, _shared())
    return whole.replace("shop_url", "cart_url") if is_cart else whole


@cache
def _shared() -> Mapping[str, str]:
    return {path.stem: path.read_text() for path in sorted((STARTERS / "blocks").glob("*.txt"))}
