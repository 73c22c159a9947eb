"""From a template and its values to HTML: one environment that escapes everything it is not told to trust.

Belongs here: the Jinja environment and the filters of `words.py` in it. Stays out: queries and layout of Panel.
Templates lie beside the screen that uses them; the macros of all are in `parts/macros.jinja`.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from apps.parts import charts, words
from apps.parts.channels import channel_icon, channel_name
from apps.parts.icons import icon, source_icon

FOLDER = Path(__file__).resolve().parent.parent
_IMAGE = re.compile(r"""(<img\b[^>]*?\bsrc\s*=\s*)(["']?)(?!data:)[^"'\s>]+\2""", re.IGNORECASE)
_BLANK = (
    "data:image/svg+xml;utf8,%3Csvg xmlns='http://www.w3.org/2000/svg' width='320' height='240'%3E"
    "%3Crect width='100%25' height='100%25' fill='silver' fill-opacity='.45'/%3E%3C/svg%3E"
)


@pass_context
def _ago(context: Context, at: datetime | None) -> str:
    return words.ago(at, context["now"])


@pass_context
def _moment(context: Context, at: datetime | None) -> str:
    return words.moment(at, context["zone"])


@pass_context
def _short_moment(context: Context, at: datetime | None) -> str:
    return words.short_moment(at, context["zone"])


@pass_context
def _short_minute(context: Context, at: datetime | None) -> str:
    """Date and time to the minute: 20 Nov, 14:05."""
    return words.short_moment(at and at.replace(second=0), context["zone"]).removesuffix(":00")


@pass_context
def _when(context: Context, at: datetime | None) -> Markup:
    """How long ago, with the full moment on hover and for machines."""
    if at is None:
        return Markup('<span class="muted">never</span>')
    full = words.moment(at, context["zone"])
    relative = words.ago(at, context["now"])
    return Markup('<time datetime="{}Z" title="{}" data-ago>{}</time>').format(
        at.isoformat(timespec="seconds"), full, relative
    )


@pass_context
def _both(context: Context, at: datetime | None) -> Markup:
    """The full moment and how long ago it was."""
    if at is None:
        return Markup('<span class="muted">never</span>')
    full, relative = words.moment(at, context["zone"]), words.ago(at, context["now"])
    return Markup('{} <span class="muted nowrap">(<time datetime="{}Z" data-ago>{}</time>)</span>').format(
        full, at.isoformat(timespec="seconds"), relative
    )


def pretty(payload: Any) -> str:
    """JSON with line breaks; text that is not JSON stays as it is."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return payload
    return json.dumps(payload, indent=2, ensure_ascii=False, default=str)


def offline_mail(source: str) -> str:
    """A mail's HTML without pictures from outside: a grey box stands for each, so that a preview asks nobody."""
    return _IMAGE.sub(lambda found: f'{found.group(1)}"{_BLANK}"', source)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(str(FOLDER)), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    made.filters.update(
        number=words.number, money=words.money, percent=words.percent, ago=_ago, when=_when,
        both=_both, moment=_moment, short_moment=_short_moment, short_minute=_short_minute,
        source_name=words.source_name, sentence=words.sentence_case, pretty=pretty, offline_mail=offline_mail,
        chart_json=charts.as_json, channel_name=channel_name,
    )  # fmt: skip
    made.globals.update(icon=icon, channel_icon=channel_icon, source_icon=source_icon, plural=words.plural,
                        sparkline=charts.sparkline, chart_library=charts.library)  # fmt: skip
    return made


environment = _environment()


def render(template: str, now: datetime, zone: str, /, **values: Any) -> str:
    """Render `apps/<template>` with every value escaped.

    Args:
        template: path below `apps/`, e.g. `screens/home/figures.jinja`.
        now: the workspace's time, against which "3 min ago" is counted.
        zone: the workspace's time zone.
        values: what the template shows.
    """
    return environment.get_template(template).render(now=now, zone=zone, **values)
