"""Values of dimensions as people read them: the same words on screens, in PDFs, mails, alerts and insights.

Belongs here: these names. Stays out: names that people gave (an answer's labels), how figures are written.
"""

from __future__ import annotations

from collections.abc import Mapping

from dmat.source_names import NAMES as SOURCES
from dmat.source_names import named

CHANNELS = {
    "email": "E-mail", "sms": "SMS", "whatsapp": "WhatsApp", "push": "Push", "in_app": "In-app message",
    "banner": "Web banner", "social": "Social post", "retargeting": "Retargeting", "webhook": "Webhook",
}  # fmt: skip
STAGES = {
    "appointmentscheduled": "Appointment scheduled", "qualifiedtobuy": "Qualified to buy",
    "presentationscheduled": "Presentation scheduled", "decisionmakerboughtin": "Decision maker bought in",
    "contractsent": "Contract sent", "closedwon": "Closed won", "closedlost": "Closed lost",
    "mql": "Marketing qualified", "sql": "Sales qualified",
}  # fmt: skip
"""Names of stages: those that a new HubSpot account has, and ours."""

UNKNOWN = "Not known"
NONE = {"campaign": "Outside campaigns", "variant": "Without a test", "tier": "No member", "discount_code": "No code",
        "utm_campaign": "Without a tag"}  # fmt: skip
"""What it means that there is no value, where that is more than not being known."""
_OF_SOURCES = {"source", "provider", "platform", "lead_source"}
_AS_THEY_ARE = {"country", "currency", "locale", "campaign", "segment", "company", "product", "email_domain",
                "template", "city", "landing_page", "discount_code", "utm_campaign", "ad_campaign", "medium", "page",
                "browser"}  # fmt: skip


def value_words(dimension: str, value: str | None, labels: Mapping[str, Mapping[str, str]]) -> str:
    """A value of a dimension in words: its name where there is one; `labels` are dimension -> value -> name."""
    if value is None or value == "":
        return NONE.get(dimension, UNKNOWN)
    if value in labels.get(dimension, {}):
        return labels[dimension][value]
    if dimension == "stage":
        return STAGES.get(value, sentence_case(value))
    if dimension == "channel":
        return CHANNELS.get(value, sentence_case(value))
    if dimension in _OF_SOURCES:
        return named(value) if value in SOURCES else sentence_case(value)
    return value if dimension in _AS_THEY_ARE else sentence_case(value)


def sentence_case(word: str) -> str:
    """held_out -> Held out; names inside, such as UTC or Europe/London, stay as they are written."""
    plain = word.replace("_", " ")
    return plain[:1].upper() + plain[1:]
