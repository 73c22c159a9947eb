"""WhatsApp: when a free text may be written, which templates are approved, and the handshake of its webhook.

Belongs here: rules of the channel. Stays out: vendors (`dmat/connectors/whatsapp.py`, `dmat/connectors/twilio.py`) and
asking these rules (`dmat/campaigns/gate.py`).

Within 24 hours after a person wrote to us anything may be written; outside of them only a template that Meta approved.
The state of approval is read from the vendor and kept in the store, so that asking costs nothing.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dmat.channels.providers import SANDBOX, chosen_name
from dmat.errors import PermanentError, TransientError, UnverifiedError
from dmat.settings import Settings
from dmat.store.engine import Store
from dmat.store.workspace_values import get_value, set_value

WINDOW = timedelta(hours=24)
MARGIN = timedelta(minutes=5)  # what is handed over in the last minutes may arrive too late
FRESH = timedelta(hours=1)
APPROVED = "approved"
CATEGORIES = ("marketing", "utility", "authentication")
_KEY = "whatsapp_templates"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,200}")


def may_write_freely(last_reply_at: datetime | None, now: datetime) -> bool:
    """Whether the 24 hours since the person last wrote to us still run."""
    return last_reply_at is not None and now < last_reply_at + WINDOW - MARGIN


def template_name(parts: Mapping[str, str], locale: str) -> tuple[str, str]:
    """Name and language at WhatsApp of the parts of a message; the name is empty when they are free words."""
    return parts.get("template_name", ""), parts.get("template_language", "") or locale or "en"


@dataclass(frozen=True)
class Approvals:
    """What the vendor said of the templates, as (name, language) -> state; without a vendor all are taken."""

    is_sandbox: bool
    read_at: datetime | None = None
    states: Mapping[tuple[str, str], str] = field(default_factory=dict)
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def why_not(self, name: str, language: str) -> str:
        """Why a template cannot be sent, in words; empty when it can."""
        if self.is_sandbox:
            return ""
        if self.read_at is None:
            return "the state of WhatsApp's templates was not read yet"
        state = self.states.get((name, language), "")
        if state == APPROVED:
            return ""
        reason = self.reasons.get((name, language), "")
        told = f"is {state}" + (f" ({reason})" if reason else "") if state else "is not known to WhatsApp"
        return f"the template {name} in {language} {told}"


def load_approvals(settings: Settings, store: Store) -> Approvals:
    """The states that were read last; one question to the store."""
    if chosen_name(settings, "whatsapp") == SANDBOX:
        return Approvals(is_sandbox=True)
    kept = get_value(store, _KEY) or {}
    items = [item for item in kept.get("templates", []) if kept.get("provider") == chosen_name(settings, "whatsapp")]
    return Approvals(
        is_sandbox=False,
        read_at=datetime.fromisoformat(kept["read_at"]) if items else None,
        states={(item["name"], item["language"]): item["status"] for item in items},
        reasons={(item["name"], item["language"]): item["reason"] for item in items if item.get("reason")},
    )


def is_approved(settings: Settings, store: Store, name: str, language: str) -> bool:
    """Whether this template may be sent in this language."""
    return not load_approvals(settings, store).why_not(name, language)


def refresh_approvals(settings: Settings, store: Store) -> list[dict[str, Any]]:
    """Read the templates of the connected vendor and keep their states; gives them, none for the sandbox.

    Raises:
        VendorRefusedError, VendorUnavailableError, RateLimitedError: they could not be read; the old states stay.
    """
    provider = chosen_name(settings, "whatsapp")
    if provider == SANDBOX:
        return []
    templates = _read_templates(settings, provider)
    now = settings.clock.now()
    set_value(store, _KEY, {"provider": provider, "read_at": now.isoformat(), "templates": templates}, now)
    return templates


def freshen_approvals(settings: Settings, store: Store, older_than: timedelta = FRESH) -> str:
    """Read the states again when they are old; gives why that did not go, in words, or nothing.

    Whoever sends calls it: until states were read once, no template leaves, and old states are better than none.
    """
    approvals = load_approvals(settings, store)
    now = settings.clock.now()
    if approvals.is_sandbox or (approvals.read_at is not None and now - approvals.read_at < older_than):
        return ""
    try:
        refresh_approvals(settings, store)
    except (PermanentError, TransientError) as error:
        return str(error)
    return ""


def _read_templates(settings: Settings, provider: str) -> list[dict[str, Any]]:
    from dmat.connectors.twilio import TwilioTemplates
    from dmat.connectors.whatsapp import WhatsApp

    connector = TwilioTemplates(settings) if provider == "twilio" else WhatsApp(settings)
    try:
        return connector.read_templates()
    finally:
        connector.close()


def answer_handshake(settings: Settings, query: Mapping[str, str]) -> str:
    """What to answer when Meta asks whether the address of the webhook is ours.

    Raises:
        UnverifiedError: no word is set, or another one was said.
    """
    word, said = settings.whatsapp_handshake.get_secret_value(), query.get("hub.verify_token", "")
    challenge = query.get("hub.challenge", "")
    is_ours = bool(word) and hmac.compare_digest(word.encode(), said.encode("utf-8", "replace"))
    if not is_ours or query.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
        raise UnverifiedError("this is not the handshake that was agreed with WhatsApp")
    return challenge
