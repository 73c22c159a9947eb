"""A test to oneself: the message as a person would get it, through the real provider, outside of every audience.

Belongs here: planning such a message. Stays out: sending it (the sender does, as it does with all).

It is a message of the programme `test`, for nobody in particular, to an address that somebody named; figures of
campaigns never hold it. Its text is kept ready before it is planned, so a draft need not be kept as a template.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from dmat.channels.addresses import is_valid
from dmat.channels.webhook import read_body
from dmat.errors import InvalidInputError, NotPermittedError
from dmat.ledger.post import NewEntry, message_id_of, plan_entries
from dmat.messages.archive import keep_parts
from dmat.messages.compiled import TEST_PREFIX, compile_content, static_values
from dmat.messages.links import Links
from dmat.messages.preview import (
    SAMPLE_CAMPAIGN,
    draft_template,
    easy_template,
    person_context,
    render_one,
    seen_values,
)
from dmat.messages.records import Content
from dmat.messages.rendering import Rendered
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.users import list_users
from dmat.store.workspace_values import workspace_id, write_audit
from dmat.warehouse import Workspace

PROGRAMME, MARK, IS_TEST = "test", "[Test] ", "is_test"
CHANNELS = ("email", "sms", "whatsapp", "push", "webhook")
NOBODY = "person:0"  # who a test of a webhook is about; the address is the workspace's


def send_test(
    settings: Settings,
    store: Store,
    workspace: Workspace | None,
    *,
    channel: str,
    kind: str,
    content: Content | Mapping[str, Any],
    to: str,
    by: str,
    locale: str = "",
    person_id: int | None = None,
    template_key: str = "draft",
    campaign: Mapping[str, Any] | None = None,
) -> str:
    """Plan a test message and give its id; the sender sends it within seconds.

    Args:
        settings, store, workspace: as in `preview`.
        channel, kind, content, locale, person_id, campaign: as in `preview`.
        to: where to; mails only to users of this workspace. A webhook goes to the workspace's address, whatever this
            says.
        by: who asked, for the audit trail.
        template_key: which template it is about.

    Raises:
        InvalidInputError: a wrong draft, address or channel.
        NotPermittedError: a mail to somebody who is no user of this workspace.
    """
    to = NOBODY if channel == "webhook" else to
    _check_address(store, channel, to)
    template = draft_template(store, settings, channel, kind, content, template_key)
    new = NewEntry(
        person_id=0, programme=PROGRAMME, programme_version=1, step=template_key, occurrence=str(uuid.uuid4()),
        channel=channel, address=to, context={}, purpose="transactional", locale=locale,
    )  # fmt: skip
    now = settings.clock.now()
    with store.write() as connection:
        message_id = message_id_of(workspace_id(connection, now), new)
    links = _links(Links(settings), message_id, to, channel)
    facts = SAMPLE_CAMPAIGN | dict(campaign or {})
    compiled = compile_content(template, locale, statics=static_values(settings, easy_template(template), facts))
    context = person_context(workspace, template.content.variables, person_id)
    values, _, _ = seen_values(compiled, context, locale or str(context.get("locale") or ""))
    fingerprint = keep_parts(store, template, locale, _marked(channel, render_one(compiled, values | links)), now)
    with store.write() as connection:
        plan_entries(connection, [replace(new, template=f"{TEST_PREFIX}{fingerprint}", template_version=1)], now)
        write_audit(connection, now, by, "test message sent", template_key, to=to, channel=channel)
    return message_id


def _check_address(store: Store, channel: str, to: str) -> None:
    if channel not in CHANNELS:
        raise InvalidInputError("channel", f"tests of {channel} are seen in the preview", ", ".join(CHANNELS))
    if not is_valid(channel, to):
        raise InvalidInputError("to", f"{to[:100]!r} is not an address of {channel}", "e.g. ann@shop.example")
    if channel == "email" and to.lower() not in {user.email.lower() for user in list_users(store)}:
        raise NotPermittedError("test mails go to users of this workspace only")


def _links(links: Links, message_id: str, to: str, channel: str) -> dict[str, str]:
    return {
        "unsubscribe_url": links.unsubscribe_url(message_id, to, channel),
        "preferences_url": links.preferences_url(message_id), "view_url": links.view_url(message_id),
        "pixel_url": links.open_url(message_id), "message_id": message_id,
    }  # fmt: skip


def _marked(channel: str, rendered: Rendered) -> dict[str, str]:
    """The parts of the message, marked as a test where people (or a program) see it first."""
    if channel == "email":
        return {"subject": MARK + rendered.subject, "html": rendered.html, "text": rendered.text}
    if channel == "webhook":
        body = read_body(rendered.parts.get("body", ""))
        return {"body": orjson.dumps({**body, IS_TEST: True}).decode()}
    first = "title" if channel == "push" else "text"
    return {**rendered.parts, first: MARK + rendered.parts.get(first, "")}
