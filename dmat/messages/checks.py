"""Checks before use: a template is looked at as it would leave, and each finding says where, what and what to do.

Belongs here: which checks there are, variables, faults of the source with their line. Stays out: HTML
(`check_markup.py`), words (`check_words.py`), who would get it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dmat.channels.webhook import read_body
from dmat.errors import InvalidInputError
from dmat.messages.check_markup import check_html
from dmat.messages.check_words import check_parts, check_spam, check_subject
from dmat.messages.compiled import compile_content, static_values
from dmat.messages.contents import checked_content, checked_kind
from dmat.messages.findings import ERROR, HINT, WARNING, by_weight
from dmat.messages.findings import Check as Check
from dmat.messages.findings import has_errors as has_errors
from dmat.messages.included import put_in, with_blocks
from dmat.messages.jinja_source import Constructs
from dmat.messages.json_body import odd_values
from dmat.messages.library import Templates
from dmat.messages.mjml import mjml_faults
from dmat.messages.preview import SAMPLE_CAMPAIGN, easy_template, render_one, sample_links, seen_values
from dmat.messages.records import Content, Template, Variable
from dmat.messages.rendering import Failed, Rendered
from dmat.messages.slots import Compiled
from dmat.messages.sources import from_warehouse, required_values_sql, source_faults
from dmat.messages.tracking import SYSTEM_VALUES
from dmat.segments.catalogue import Catalogue
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.warehouse import Workspace

STATIC_NAMES = frozenset({"campaign", "shop", "segments"})
_LINE = re.compile(r"^line (\d+): ")


def check_content(
    settings: Settings,
    channel: str,
    kind: str,
    content: Content | Mapping[str, Any],
    *,
    store: Store | None = None,
    catalogue: Catalogue | None = None,
    is_marketing: bool = True,
) -> list[Check]:
    """Everything that is wrong or weak in a draft, the worst first; nothing is ever raised for a bad draft.

    Args:
        settings: the workspace.
        channel: of the template.
        kind: mjml, html or text.
        content: what the draft says.
        store: for saved blocks that the content does not hold yet.
        catalogue: for sources of variables; without it they are not looked at.
        is_marketing: whether people must be able to leave.
    """
    try:
        checked_kind(channel, kind)
        wanted = checked_content(channel, content)
        if store is not None:
            saved = {block.key: block.source for block in Templates(store, settings.clock).blocks()}
            wanted = with_blocks(wanted, saved)
    except InvalidInputError as error:
        return [Check(ERROR, error.field, error.problem, error.allowed)]
    template = Template("draft", "draft", channel, kind, wanted, version=0)
    return check_template(settings, template, catalogue=catalogue, is_marketing=is_marketing)


def check_template(
    settings: Settings, template: Template, *, catalogue: Catalogue | None = None, is_marketing: bool = True
) -> list[Check]:
    """Everything that is wrong or weak in a template, in all its languages."""
    found = [
        Check(ERROR, place, problem, allowed[:500])
        for place, problem, allowed in (source_faults(catalogue, template.content.variables) if catalogue else ())
    ]
    for locale in template.content.locales:
        found += [replace(check, locale=locale) for check in _check_locale(settings, template, locale, is_marketing)]
    return by_weight(found)


def _check_locale(settings: Settings, template: Template, locale: str, is_marketing: bool) -> Iterator[Check]:
    easy = easy_template(template)
    try:
        statics = static_values(settings, easy, SAMPLE_CAMPAIGN)
        compiled = compile_content(easy, locale, statics=statics)
    except InvalidInputError as error:
        yield from _source_faults(template, locale, error)
        return
    undeclared = _undeclared(template, compiled)
    try:
        yield from _variables(template, compiled, undeclared)
        values, _, _ = seen_values(compiled, {}, locale)
        seen = {**{name: name for name in undeclared}, **sample_links(settings), **values}
        rendered = render_one(compiled, seen)
        if template.kind == "json":
            yield from _json(compiled, seen, rendered)
            return
        yield from _rendered(settings, template, locale, compiled, rendered, is_marketing)
    except InvalidInputError as error:
        if not undeclared:  # a word stood in for what may be a list or a number
            yield Check(ERROR, "body", error.problem, "look at the expressions of the template")
    finally:
        compiled.close()


def _source_faults(template: Template, locale: str, error: InvalidInputError) -> Iterator[Check]:
    """The fault that stopped compiling; in MJML all of them, each with its line."""
    body = template.content.parts(locale).get("body", "")
    if template.kind == "mjml" and error.field == "body":
        source = put_in(body, template.content.blocks)
        constructs = Constructs(source)
        try:
            faults = mjml_faults(constructs.hide(source, "body", is_markup=True), constructs.statement)
        except InvalidInputError:
            faults = ()
        if faults:
            for fault in faults:
                todo = f"allowed: {fault.allowed}" if fault.allowed else ""
                yield Check(ERROR, "body", fault.problem, todo, fault.line)
            return
    line = _LINE.match(error.problem)
    yield Check(ERROR, error.field, _LINE.sub("", error.problem), error.allowed, int(line.group(1)) if line else None)


def _undeclared(template: Template, compiled: Compiled) -> list[str]:
    declared = {variable.name for variable in template.content.variables}
    derived = {f"{v.name}_{suffix}" for v in template.content.variables for suffix in _DERIVED.get(v.type, ())}
    return sorted(compiled.used - declared - derived - STATIC_NAMES - set(SYSTEM_VALUES))


def _variables(template: Template, compiled: Compiled, undeclared: Sequence[str]) -> Iterator[Check]:
    for name in undeclared:
        yield Check(ERROR, "variables", f"{name} is used but not declared", f"declare {name}, with a fallback")
    used = compiled.used | {name.removesuffix(f"_{suffix}") for name in compiled.used for suffix in ("cents", "iso")}
    for variable in template.content.variables:
        if variable.name not in used and not _used_elsewhere(template, variable):
            yield Check(HINT, "variables", f"{variable.name} is declared but not used here", "take it out, or use it")


_DERIVED = {"money": ("cents",), "date": ("iso",)}


def _used_elsewhere(template: Template, variable: Variable) -> bool:
    texts = [text for parts in template.content.locales.values() for text in parts.values()]
    return any(re.search(rf"\b{variable.name}\b", text) for text in [*texts, *template.content.blocks.values()])


def _rendered(
    settings: Settings, template: Template, locale: str, compiled: Compiled, rendered: Rendered, is_marketing: bool
) -> Iterator[Check]:
    if template.channel != "email":
        yield from check_parts(template.channel, rendered.parts)
        for part in ("title", "body", "text"):
            yield from check_spam(part, rendered.parts.get(part, ""))
        return
    parts = template.content.parts(locale)
    yield from check_subject(rendered.subject, parts.get("preheader", ""))
    yield from check_spam("subject", rendered.subject)
    yield from check_spam("body", rendered.text)
    yield from check_html(rendered.html)
    if is_marketing:
        yield from _ways_out(settings, compiled, rendered)


def _json(compiled: Compiled, values: Mapping[str, Any], rendered: Rendered) -> Iterator[Check]:
    """Whether a body is JSON, and stays so whatever a text holds."""
    try:
        read_body(rendered.parts.get("body", ""))
    except InvalidInputError as error:
        yield Check(ERROR, "body", f"it {error.problem}", error.allowed)
        return
    filled = compiled.fill([odd_values(values)])[0]
    if isinstance(filled, Failed):
        return  # it asks for more than any text: nothing is known then
    try:
        read_body(compiled.whole(filled).parts["body"])
    except InvalidInputError:
        todo = 'write "{{ first_name }}" with its quotation marks, or {{ first_name | tojson }}'
        yield Check(ERROR, "body", "a text stands outside of quotation marks", todo)


def _ways_out(settings: Settings, compiled: Compiled, rendered: Rendered) -> Iterator[Check]:
    if "unsubscribe_url" not in compiled.used:
        yield Check(ERROR, "body", "nobody can unsubscribe", '<a href="{{ unsubscribe_url }}">Unsubscribe</a>')
    elif "/u/preview" not in rendered.html:
        yield Check(ERROR, "body", "the unsubscribe link is not shown to everybody", "put it outside of conditions")
    if settings.postal_address not in rendered.text:
        yield Check(ERROR, "body", "the postal address is missing, which the law asks for", "{{ shop.postal_address }}")
    if "preferences_url" not in compiled.used:
        yield Check(HINT, "body", "there is no link to the preference centre", '<a href="{{ preferences_url }}">')
    if "view_url" not in compiled.used:
        yield Check(HINT, "body", "there is no link to see the mail in a browser", '<a href="{{ view_url }}">')


def missing_values(
    workspace: Workspace, catalogue: Catalogue, variables: Sequence[Variable], people_sql: str
) -> dict[str, int]:
    """For how many people of an audience a required variable is not known; 0 when all is well.

    Args:
        workspace: the published warehouse.
        catalogue: its fields.
        variables: of the template.
        people_sql: a query with a column `person_id`.
    """
    required = [v for v in variables if v.is_required and from_warehouse(v)]
    if not required:
        return {}
    inner = required_values_sql(catalogue, required, people_sql)
    counts = ", ".join(
        f'count(*) filter (where "{v.name}" is null or cast("{v.name}" as varchar) = \'\') as "{v.name}"'
        for v in required
    )
    row = workspace.rows(f"select {counts} from ({inner}) as known")[0]
    return {name: int(count) for name, count in row.items()}


def check_audience(
    workspace: Workspace, catalogue: Catalogue, variables: Sequence[Variable], people_sql: str
) -> list[Check]:
    """Required variables that nobody knows of some people: those would not get the message."""
    missing = missing_values(workspace, catalogue, variables, people_sql)
    return [
        Check(WARNING, "variables", f"{name} is not known of {count} people: they would not get the message",
              "give the variable a fallback, or leave those people out")
        for name, count in missing.items() if count
    ]  # fmt: skip
