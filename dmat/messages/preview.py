"""A message seen before anybody gets it: as a real person, with what stood in for what is not known.

Belongs here: that person's values now, rendering a draft or a kept version. Stays out: screens, sending a test
(`test_sends.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from dmat.errors import InvalidInputError, NotFoundError, NotPublishedError
from dmat.messages.compiled import compile_content, static_values
from dmat.messages.contents import checked_content, checked_kind
from dmat.messages.included import with_blocks
from dmat.messages.library import Templates
from dmat.messages.records import Content, Template, Variable
from dmat.messages.rendering import Failed, Rendered
from dmat.messages.slots import Compiled
from dmat.messages.sources import PRODUCTS, is_code, required_values_sql, source_of
from dmat.messages.tracking import Tracking
from dmat.messages.variables import personal_values
from dmat.segments.catalogue import Catalogue, read_catalogue
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.warehouse import Workspace

SAMPLE_CODE = "SAMPLE-7K2M"
SAMPLE_CAMPAIGN = {"name": "Sample campaign", "key": "sample", "step": "first", "variant": "", "starts_on": "",
                   "ends_on": ""}  # fmt: skip
DRAFT = "draft"
_PEOPLE = "select ?::bigint as person_id"
_MEMBER = "select segment_key from segments.segment_memberships where person_id = ? and left_at is null"


@dataclass(frozen=True)
class Preview:
    """A message as one person would get it.

    Attributes:
        values: what the template saw.
        fallbacks: variables for which the fallback stood in.
        missing: required variables that nobody knows of this person: the message would not be sent to them.
        locale: the language variant that was chosen.
    """

    subject: str
    preheader: str
    from_line: str
    html: str
    text: str
    parts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    fallbacks: Sequence[str] = ()
    missing: Sequence[str] = ()
    locale: str = ""


def preview(
    settings: Settings,
    store: Store,
    workspace: Workspace | None,
    *,
    channel: str,
    kind: str,
    content: Content | Mapping[str, Any],
    locale: str = "",
    person_id: int | None = None,
    campaign: Mapping[str, Any] | None = None,
) -> Preview:
    """A draft as a person would get it; without a person examples and fallbacks stand in.

    Raises:
        InvalidInputError: the draft is wrong; names the part and the line.
        NotFoundError: there is no such person.
    """
    template = draft_template(store, settings, channel, kind, content)
    return preview_template(settings, workspace, template, locale, person_id, campaign)


def preview_template(
    settings: Settings,
    workspace: Workspace | None,
    template: Template,
    locale: str = "",
    person_id: int | None = None,
    campaign: Mapping[str, Any] | None = None,
) -> Preview:
    """A template as a person would get it; raises as `preview`."""
    facts = SAMPLE_CAMPAIGN | dict(campaign or {})
    if template.is_built_in:
        raise InvalidInputError("template", f"{template.key} is built in: its values come from what happened", "a copy")
    compiled = compile_content(template, locale, statics=static_values(settings, easy_template(template), facts))
    context = person_context(workspace, template.content.variables, person_id)
    locale = locale or str(context.get("locale") or "")
    try:
        values, fallbacks, missing = seen_values(compiled, context, locale)
        rendered = render_one(compiled, {**sample_links(settings), **values})
        preheader = _preheader(settings, template, locale, facts, values)
    finally:
        compiled.close()
    return Preview(
        rendered.subject, preheader, f"{settings.sender_name} <{settings.sender_email}>", rendered.html,
        rendered.text, rendered.parts, values, fallbacks, missing, compiled.locale,
    )  # fmt: skip


def draft_template(
    store: Store, settings: Settings, channel: str, kind: str, content: Content | Mapping[str, Any], key: str = DRAFT
) -> Template:
    """A template that is not kept, with the saved blocks as they are now.

    Raises:
        InvalidInputError: a bad kind or content.
    """
    checked_kind(channel, kind)
    blocks = {block.key: block.source for block in Templates(store, settings.clock).blocks()}
    return Template(key, key, channel, kind, with_blocks(checked_content(channel, content), blocks), version=0)


def render_one(compiled: Compiled, values: Mapping[str, Any]) -> Rendered:
    """One person's message.

    Raises:
        InvalidInputError: a value is missing, or the template fails on these values.
    """
    filled = compiled.fill([values])[0]
    if isinstance(filled, Failed):
        raise InvalidInputError("template", filled.reason)
    return compiled.whole(filled)


def seen_values(
    compiled: Compiled, context: Mapping[str, Any], locale: str
) -> tuple[dict[str, Any], list[str], list[str]]:
    """(what the template sees, fallbacks that stood in, what is missing); examples stand in for what is missing."""
    variables = [v for v in compiled.variables if not v.source.startswith("campaign.")]
    found = personal_values(variables, context, locale)
    for variable in variables:
        if variable.name in found.missing:
            sample = {variable.name: _example(variable)}
            found.seen |= personal_values([variable], sample, locale).seen or sample
    missing = [name for name in found.missing if name not in {v.name for v in variables if is_code(v)}]
    return found.seen | {"segments": list(context.get("segments", ()))}, found.fallbacks, missing


def _example(variable: Variable) -> Any:
    if variable.example is not None:
        return variable.example
    if is_code(variable):
        return SAMPLE_CODE
    return {"number": 0, "list": [], "money": {"cents": 0, "currency_code": "EUR"}, "date": "2026-01-01",
            "url": "https://shop.example/"}.get(variable.type, f"[{variable.name}]")  # fmt: skip


def easy_template(template: Template) -> Template:
    """The template with examples for what only a campaign knows, so that a draft can be seen without one."""
    easy = [
        replace(v, fallback=_example(v)) if v.source.startswith("campaign.") and v.fallback is None else v
        for v in template.content.variables
    ]
    return replace(template, content=replace(template.content, variables=tuple(easy)))


def person_context(workspace: Workspace | None, variables: Sequence[Variable], person_id: int | None) -> dict[str, Any]:
    """What is known now of a person, as it would be frozen with an audience; nothing without a person.

    Raises:
        NotFoundError: there is no such person.
    """
    if workspace is None or person_id is None:
        return {}
    try:
        if not workspace.rows("select 1 from people.dim_people where person_id = ?", [person_id]):
            raise NotFoundError(f"there is no person {person_id}")
        rows = _known_values(workspace, read_catalogue(workspace), variables, person_id)
        segments = [row["segment_key"] for row in workspace.rows(_MEMBER, [person_id])]
    except NotPublishedError:
        return {}
    known = {name: value for name, value in rows[0].items() if value is not None} if rows else {}
    return known | {"segments": segments}


def _known_values(
    workspace: Workspace, catalogue: Catalogue, variables: Sequence[Variable], person_id: int
) -> list[dict[str, Any]]:
    """What the warehouse says; a version that was published before there were recommendations has none."""
    try:
        return workspace.rows(required_values_sql(catalogue, variables, _PEOPLE), [person_id])
    except duckdb.CatalogException:
        fields = [variable for variable in variables if source_of(variable) not in PRODUCTS]
        return workspace.rows(required_values_sql(catalogue, fields, _PEOPLE), [person_id])


def sample_links(settings: Settings) -> dict[str, str]:
    """Links that look right and lead nowhere: a preview must not unsubscribe anybody."""
    base = settings.resolved_public_url.rstrip("/")
    return {
        "unsubscribe_url": f"{base}/u/preview", "preferences_url": f"{base}/p/preview",
        "view_url": f"{base}/v/preview", "pixel_url": f"{base}/o/preview.gif", "message_id": "",
    }  # fmt: skip


def _preheader(
    settings: Settings, template: Template, locale: str, facts: Mapping[str, Any], values: Mapping[str, Any]
) -> str:
    """The preheader alone, as inboxes show it beside the subject."""
    words = template.content.parts(locale).get("preheader", "") if template.channel == "email" else ""
    if not words:
        return ""
    alone = Content({"": {"subject": words, "body": "-"}}, template.content.variables, template.content.blocks)
    compiled = compile_content(
        replace(template, content=alone, kind="html"),
        statics=static_values(settings, easy_template(template), facts),
        tracking=Tracking(),
    )
    try:
        return render_one(compiled, {**sample_links(settings), **values}).subject
    finally:
        compiled.close()
