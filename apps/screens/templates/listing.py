"""The list of templates: channel, versions, who uses each, what it says first; and the starters to begin with.

Belongs here: rows of the list and what it is narrowed to. Stays out: one template (`editor.py`).
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

import param

from apps.context import Context, Pulse
from apps.parts.listing import ListPage
from apps.parts.render import render
from apps.screens.segments.addressing import asked_for, leave_for, remember
from dmat.campaigns.records import OVER, Campaign
from dmat.errors import InvalidInputError
from dmat.messages.library import Templates, Wanted
from dmat.messages.records import ARCHIVED, CHANNELS, KINDS_OF, Template
from dmat.store.access import caller_of_user
from dmat.store.users import User

FIRST_WORDS = 110
BLANK_MAIL = (
    "<mjml>\n  <mj-body>\n    <mj-section>\n      <mj-column>\n        <mj-text>Hello {{ first_name }},</mj-text>\n"
    "      </mj-column>\n    </mj-section>\n    <mj-section>\n      <mj-column>\n"
    '        <mj-text font-size="12px" align="center">{{ shop.postal_address }}<br /><a href="{{ unsubscribe_url }}">'
    'Unsubscribe</a> · <a href="{{ preferences_url }}">Choose what you get</a> · <a href="{{ view_url }}">See it in the'
    " browser</a></mj-text>\n"
    "      </mj-column>\n    </mj-section>\n  </mj-body>\n</mjml>\n"
)
BLANK_BODY = """{
  "event": "campaign.message",
  "message_id": "{{ message_id }}",
  "campaign": "{{ campaign.name }}",
  "step": "{{ campaign.step }}",
  "first_name": "{{ first_name }}"
}
"""
FIRST_NAME = {"name": "first_name", "type": "text", "source": "first_name", "fallback": "there"}
_TAGS = re.compile(
    r"<mj-(?:head|style|raw)\b.*?</mj-(?:head|style|raw)>|<style\b.*?</style>|<a\b[^>]*\bview_url\b.*?</a>|<[^>]*>"
    r"|\{%-?\s*else\b.*?\{%-?\s*endif\s*-?%\}|\{%.*?%\}|\{#.*?#\}", re.S | re.I
)  # fmt: skip
_VALUE = re.compile(r"\{\{-?\s*([\w.]+)[^}]*\}\}")


@dataclass(frozen=True)
class Row:
    """One template in the list."""

    template: Template
    first_words: str
    uses: tuple[Campaign, ...]


@dataclass(frozen=True)
class Listed:
    """The templates that fit, and what they can be narrowed by."""

    rows: tuple[Row, ...]
    every: int
    archived: int
    channels: tuple[tuple[str, int], ...]


class ListState(param.Parameterized):
    """What the list is narrowed to."""

    search = param.String(default="")
    channel = param.String(default="")
    state = param.String(default="")
    problem = param.String(default="")


def first_words(template: Template) -> str:
    """What a template says first, as plain text; values as `[first name]`, of choices the first."""
    parts = template.content.parts()
    said = _plain(parts.get("subject") or parts.get("title") or "")
    body = _plain(parts.get("text") or parts.get("body") or "")
    return " · ".join(each for each in (said, body) if each)[:FIRST_WORDS]


def _plain(text: str) -> str:
    words = _VALUE.sub(lambda value: f"[{re.sub('[._]', ' ', value[1])}]", unescape(_TAGS.sub(" ", text)))
    return " ".join(words.split())


def uses_of(campaigns: Sequence[Campaign]) -> Mapping[str, tuple[Campaign, ...]]:
    """Template -> campaigns that name it and are not over."""
    found: dict[str, dict[int, Campaign]] = {}
    for campaign in campaigns:
        if campaign.status in OVER:
            continue
        for step in campaign.plan.steps:
            for key in {step.template, *(variant.template for variant in step.variants)} - {""}:
                found.setdefault(key, {})[campaign.campaign_id] = campaign
    return {key: tuple(each.values()) for key, each in found.items()}


def list_templates(library: Templates, campaigns: Sequence[Campaign], state: ListState) -> Listed:
    """The templates that fit what the list is narrowed to."""
    active, archived = library.list(), library.list(Wanted(state=ARCHIVED))
    every = archived if state.state == ARCHIVED else active
    uses, words = uses_of(campaigns), state.search.lower().split()
    fitting = [
        each
        for each in every
        if (not state.channel or each.channel == state.channel)
        and all(word in f"{each.name} {each.description} {each.folder} {' '.join(each.tags)}".lower() for word in words)
    ]
    rows = tuple(Row(each, first_words(each), uses.get(each.key, ())) for each in fitting)
    channels = Counter(each.channel for each in every)
    return Listed(rows, len(every), len(archived), tuple((name, channels[name]) for name in CHANNELS if channels[name]))


def blank_content(channel: str) -> dict[str, Any]:
    """What a template without a starter begins with."""
    begun = {
        "email": {"subject": "Hello {{ first_name }}", "preheader": "", "body": BLANK_MAIL, "text": ""},
        "push": {"title": "Hello {{ first_name }}", "body": "", "url": ""},
        "in_app": {"title": "Hello {{ first_name }}", "body": "", "button_text": "", "url": ""},
        "banner": {"title": "Hello", "body": "", "button_text": "", "url": ""},
        "webhook": {"body": BLANK_BODY},
    }
    return {"variables": [FIRST_NAME], "locales": {"": begun.get(channel, {"text": "Hello {{ first_name }}"})}}


class ListScreen(ListPage):
    """The list of templates of one reader."""

    NARROWED = ("search", "channel", "state")

    def __init__(self, context: Context, user: User, library: Templates, campaigns: Any) -> None:
        super().__init__()
        self.context, self.user, self.library, self.campaigns = context, user, library, campaigns
        self.state = ListState(**{name: asked_for(name) for name in self.NARROWED})
        self.lay_out(context, self._render("list_head"))

    def refresh(self, pulse: Pulse) -> Any:
        """Ask for the list; the returned function shows it."""
        listed = self._list()
        return lambda: self._show(listed)

    def _list(self) -> Listed:
        return list_templates(self.library, self.campaigns.list(), self.state)

    def _show(self, listed: Listed) -> None:
        self.table.html = self._render("list", listed=listed)

    def _render(self, name: str, **values: Any) -> str:
        return render(
            f"screens/templates/{name}.jinja", self.context.now(), self.context.zone, state=self.state,
            may_write=may_write(self.user), starters=self.library.starters(), **values,
        )  # fmt: skip

    async def _on_action(self, name: str, value: Any) -> None:
        text = str(value or "")[:200]
        if name in self.NARROWED:
            setattr(self.state, name, "" if name != "search" and text == getattr(self.state, name) else text)
            remember({each: getattr(self.state, each) for each in self.NARROWED})
            self._show(await asyncio.to_thread(self._list))
        elif name in {"begin", "blank"} and may_write(self.user):
            await self._begin(name, text)

    async def _begin(self, name: str, text: str) -> None:
        try:
            made = await asyncio.to_thread(self._make, name, text)
        except InvalidInputError as error:
            self.state.problem = f"{error.problem[:1].upper()}{error.problem[1:]}."
            self.head.html = self._render("list_head")
        else:
            leave_for(f"/templates?id={made.key}&edit=1")

    def _make(self, name: str, text: str) -> Template:
        if name == "begin":
            return self.library.create_from_starter(text, self.user.email)
        kind = KINDS_OF.get(text, ("text",))[0]
        return self.library.create(name="New template", channel=text, kind=kind, content=blank_content(text),
                                   by=self.user.email)  # fmt: skip


def may_write(user: User) -> bool:
    """Whether this user may change templates."""
    return caller_of_user(user).may("campaigns:write")
