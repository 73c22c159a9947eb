"""Compiling: a version of a template becomes text with placeholders `-dm<N>-`, once for everybody.

Belongs here: compiling and numbering placeholders. Stays out: markup (`markup.py`), the child (`filling.py`), filling
(`slots.py`), a person's values (`compose.py`).

>>> compiled = compile_message(settings, store, "spring-sale", 3, "de", programme="campaign:7", step="announcement")
>>> values = [compiled.values(entry) for entry in entries]
>>> filled = compiled.fill(values)        # placeholder -> text, or Failed, per person
>>> compiled.whole(filled[0]).html        # byte for byte what Jinja2 would have made of the whole template
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from dmat.channels.batches import PLACEHOLDER
from dmat.errors import InvalidInputError
from dmat.messages.archive import keep_compiled, kept_parts
from dmat.messages.filling import Filler, shared_filler
from dmat.messages.library import Templates
from dmat.messages.links import Links
from dmat.messages.markup import Markup, Source
from dmat.messages.records import PARTS, Content, Template
from dmat.messages.rendering import PARTS as FILE_PARTS
from dmat.messages.slots import ONE_LINE, Compiled, Part, Slot
from dmat.messages.tracking import Tracking, own_domains, parameters_of, utm_rule_of
from dmat.messages.variables import required_values
from dmat.messages.wording import day_in_words
from dmat.settings import Settings
from dmat.store.campaign_tables import campaigns
from dmat.store.engine import Store, rows_of

_UNSURE_END, _UNSURE_START = re.compile(r"-dm\d*\Z"), re.compile(r"\Ad?m\d+-")
TEST_PREFIX = "test:"
_CAMPAIGN = re.compile(r"campaign:(\d{1,18})")


def compile_message(
    settings: Settings,
    store: Store,
    template_key: str,
    version: int = 0,
    locale: str = "",
    *,
    channel: str = "",
    wraps_links: bool = False,
    has_pixel: bool = False,
    programme: str = "",
    step: str = "",
    variant: str = "",
    campaign: Mapping[str, Any] | None = None,
) -> Compiled:
    """Compile a kept version for sending, and keep the compiled text for "as sent".

    Args:
        settings: the workspace.
        store: its store.
        template_key: which template.
        version: 0 means the newest.
        locale: the person's language.
        channel: refused when the template is for another one; empty asks nothing.
        wraps_links: clicks lead over our own door (the provider does not follow them).
        has_pixel: a pixel of ours says that a mail was opened.
        programme, step, variant: what is being sent, for the links' parameters.
        campaign: further facts about the campaign that templates may show; `subject` replaces the template's own.

    Raises:
        NotFoundError: no such template or version.
        InvalidInputError: it cannot be compiled, or is for another channel.
    """
    if template_key.startswith(TEST_PREFIX):
        return _kept(settings, store, template_key)
    template = Templates(store, settings.clock).version(template_key, version)
    if channel and channel != template.channel:
        raise InvalidInputError("template", f"{template_key} is for {template.channel}", f"a template for {channel}")
    facts = campaign_facts(store, programme, step, variant, locale) | dict(campaign or {})
    template = _with_subject(template, str(facts.pop("subject", "") or ""))
    words = {"channel": template.channel, "campaign": str(facts["name"]), "step": step, "variant": variant,
             "template": template_key, "programme": programme, "locale": locale}  # fmt: skip
    tracking = Tracking(
        parameters_of(utm_rule_of(store, _campaign_id(programme)), words), own_domains(settings, store),
        wraps_links and template.kind != "json",
        has_pixel and template.channel == "email",
    )  # fmt: skip
    compiled = compile_content(
        template, locale, statics=static_values(settings, template, facts), tracking=tracking, links=Links(settings)
    )
    compiled.settings = settings
    keep_compiled(store, compiled, settings.clock.now())
    return compiled


def _kept(settings: Settings, store: Store, key: str) -> Compiled:
    """A whole message that was kept before it was planned (a test): nothing in it is left to fill."""
    channel, texts = kept_parts(store, key.removeprefix(TEST_PREFIX))
    parts = {name: Part(text, Source("", name == "html"), "", (), 0) for name, text in texts.items()}
    return Compiled(
        key=key, version=1, channel=channel, kind="text", locale="", parts=parts, slots={}, variables=(),
        used=frozenset(), segments=(), statics={}, tracking=Tracking(), filler=shared_filler(), links=Links(settings),
        settings=settings,
    )  # fmt: skip


def _with_subject(template: Template, subject: str) -> Template:
    """The template with another subject in every language, as a step of a campaign may say."""
    if not subject or template.channel != "email" or template.is_built_in:
        return template
    locales = {locale: {**parts, "subject": subject} for locale, parts in template.content.locales.items()}
    return replace(template, content=replace(template.content, locales=locales))


def campaign_facts(store: Store, programme: str, step: str = "", variant: str = "", locale: str = "") -> dict[str, Any]:
    """What templates may say of a campaign: name, key, step, variant; starts_on and ends_on in words, or empty."""
    facts: dict[str, Any] = {"name": programme, "key": programme, "step": step, "variant": variant}
    facts |= {"starts_on": "", "ends_on": ""}
    number = _campaign_id(programme)
    if number is not None:
        columns = (campaigns.c.name, campaigns.c.starts_at, campaigns.c.ends_at)
        query = sa.select(*columns).where(campaigns.c.campaign_id == number)
        with store.read() as connection:
            for row in rows_of(connection, query):
                facts["name"] = row["name"]
                days = {"starts_on": row["starts_at"], "ends_on": row["ends_at"]}
                facts |= {name: day_in_words(day.date(), locale) for name, day in days.items() if day}
    return facts


def _campaign_id(programme: str) -> int | None:
    numbered = _CAMPAIGN.fullmatch(programme)
    return int(numbered.group(1)) if numbered else None


def static_values(settings: Settings, template: Template, campaign: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are the same for everybody: `campaign`, `shop`, and variables that come from the campaign."""
    if template.is_built_in:
        return {}
    shop = {"name": settings.sender_name, "postal_address": settings.postal_address, "email": settings.sender_email}
    prefix = "campaign."
    sources = {v: v.source.removeprefix(prefix) for v in template.content.variables if v.source.startswith(prefix)}
    context = {variable.name: campaign.get(name) for variable, name in sources.items()}
    return {"campaign": dict(campaign), "shop": shop, **required_values(list(sources), context)}


def compile_content(
    template: Template,
    locale: str = "",
    *,
    statics: Mapping[str, Any] | None = None,
    tracking: Tracking | None = None,
    links: Links | None = None,
    filler: Filler | None = None,
) -> Compiled:
    """Compile one language of a template, kept or not.

    Args:
        template: what to compile.
        locale: the language wanted; a variant that there is not falls back to the one for everybody.
        statics: values that are the same for everybody: `campaign`, `shop`, and variables from `campaign.<name>`.
        tracking: how links are made; not at all by default.
        links: signs the clicks, when `tracking.wraps`.
        filler: the child; the one of this process by default.

    Raises:
        InvalidInputError: a part is wrong; names it with the line.
    """
    filler, tracking, fixed = filler or shared_filler(), tracking or Tracking(), dict(statics or {})
    sources = make_sources(template, locale, tracking)
    building = _Building(filler, fixed, tracking, is_trusted=template.is_built_in)
    parts = {part: building.part(part, source) for part, source in sources.items()}
    compiled = Compiled(
        key=template.key, version=template.version, channel=template.channel, kind=template.kind,
        locale=template.content.chosen_locale(locale), parts=parts, slots=building.slots,
        variables=template.content.variables, used=frozenset(building.used), segments=sorted(building.segments),
        statics=fixed, tracking=tracking, filler=filler, links=links, sources=sources,
    )  # fmt: skip
    weakref.finalize(compiled, _forget, filler, [part.number for part in parts.values()])
    return compiled


def _forget(filler: Filler, numbers: Sequence[str]) -> None:
    for number in numbers:
        filler.forget(number)


def make_sources(template: Template, locale: str, tracking: Tracking) -> dict[str, Source]:
    """The parts of a template as sources: markup made HTML, a text part, links in their filter.

    Raises:
        InvalidInputError: a part is wrong; names it with the line.
    """
    if template.is_built_in:
        wanted = FILE_PARTS if template.channel == "email" else ("text",)
        names = {part: f"{template.key}/{FILE_PARTS[part]}" for part in wanted}
        return {
            part: Source(f'{{% include "{name}" %}}', part == "html", part == "subject") for part, name in names.items()
        }
    content: Content = template.content
    markup = Markup(
        content.blocks, content.variables, content.chosen_locale(locale) or "en",
        has_links=bool(tracking.parameters or tracking.wraps), has_pixel=tracking.has_pixel,
    )  # fmt: skip
    parts = content.parts(locale)
    if template.channel == "email":
        return markup.mail(template.kind, parts)
    if template.kind == "json":
        return {"body": markup.data(parts.get("body", ""))}
    return {part: markup.lines(part, parts.get(part, "")) for part in PARTS[template.channel] if parts.get(part)}


class _Building:
    """Numbers the placeholders of all parts; equal plain values share one."""

    def __init__(self, filler: Filler, statics: Mapping[str, Any], tracking: Tracking, is_trusted: bool) -> None:
        self.filler, self.statics, self.tracking, self.is_trusted = filler, statics, tracking, is_trusted
        self.slots: dict[str, Slot] = {}
        self.used: set[str] = set()
        self.segments: set[str] = set()
        self._known: dict[tuple[Any, ...], str] = {}

    def part(self, name: str, source: Source) -> Part:
        number, found = self._split(name, source, is_whole=False)
        if not _is_unambiguous(found["pieces"]):
            self.filler.forget(number)
            number, found = self._split(name, source, is_whole=True)
        self.used |= set(found["variables"])
        self.segments |= set(found["segments"])
        slot_count = sum(1 for kind, *_ in found["pieces"] if kind == "slot")
        text = "".join(self._placeholders(name, source, found["pieces"]))
        if not slot_count:
            self.filler.forget(number)
        return Part(text, source, number, found["names"], slot_count)

    def _split(self, name: str, source: Source, is_whole: bool) -> tuple[str, dict[str, Any]]:
        job = {
            "source": source.text, "escapes": source.escapes, "statics": self.statics, "is_whole": is_whole,
            "tracking": self.tracking.as_job(), "is_trusted": self.is_trusted, "is_json": source.is_json,
        }  # fmt: skip
        return self.filler.split(job, "body" if name == "html" else name)

    def _placeholders(self, part: str, source: Source, pieces: Sequence[Sequence[str]]) -> Iterator[str]:
        place = 0
        for kind, word in pieces:
            if kind == "text":
                yield word.translate(ONE_LINE) if source.is_one_line else word
                continue
            slot = Slot(part, kind, str(place) if kind == "slot" else word)
            place += kind == "slot"
            is_flat = source.is_one_line or source.has_lines
            same = (part if kind == "slot" else "", kind, slot.word, source.escapes, is_flat)
            mark = self._known.setdefault(same, f"-dm{len(self.slots)}-")
            self.slots.setdefault(mark, slot)
            yield mark


def _is_unambiguous(pieces: Sequence[Sequence[str]]) -> bool:
    """Whether nothing in the fixed text is, or with a placeholder beside it becomes, another placeholder."""
    for number, (kind, text) in enumerate(pieces):
        if kind == "text" and (
            PLACEHOLDER.search(text)
            or (_UNSURE_END.search(text) and number + 1 < len(pieces))
            or (number > 0 and _UNSURE_START.search(text))
        ):
            return False
    return True
