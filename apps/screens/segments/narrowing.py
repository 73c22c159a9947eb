"""A part of an audience that a number on the screen leads to: one country, one channel, one stage.

Belongs here: from `country_code:DE` to a rule, and to words. Stays out: showing them, and who is reached by a channel:
suppressed addresses are no condition of a rule, so that the engine alone knows (`Engine.reachable`).
"""

from __future__ import annotations

from typing import Any

from dmat.segments.rules import Rule, as_document, parse

Narrow = tuple[str, str]
CHANNELS = {
    "email": ("E-mail", "has_email_consent", "email"), "sms": ("SMS", "has_sms_consent", "phone"),
    "whatsapp": ("WhatsApp", "has_whatsapp_consent", "phone"), "push": ("Push", "has_push_consent", ""),
}  # fmt: skip
"""Channel: its name, the field of its consent and that of its address."""
FIELDS = ("country_code", "lifecycle", "reach")


def read_narrow(text: str) -> Narrow | None:
    """`country_code:DE` as a pair; None for anything else."""
    field, _, value = text.partition(":")
    if field not in FIELDS or (field == "reach" and value not in CHANNELS):
        return None
    return field, value[:200]


def as_text(narrow: Narrow | None) -> str:
    """The pair as `country_code:DE`, as addresses have it; empty for none."""
    return ":".join(narrow) if narrow else ""


def conditions(narrow: Narrow) -> list[dict[str, Any]]:
    """The conditions that pick this part; of a channel, consent and an address, which is what a rule can say."""
    field, value = narrow
    if field == "reach":
        _, consent, address = CHANNELS[value]
        known = [{"field": address, "op": "is_known"}] if address else []
        return [{"field": consent, "op": "is_granted"}, *known]
    if not value:
        return [{"field": field, "op": "is_unknown"}]
    return [{"field": field, "op": "one_of", "value": [value]}]


def channel_of(narrow: Narrow | None) -> str:
    """The channel that this part is reached by; empty for other parts."""
    return narrow[1] if narrow and narrow[0] == "reach" else ""


def narrowed(rule: Rule, narrow: Narrow | None) -> Rule:
    """The rule for this part of its people; a channel stays to be asked of the engine."""
    if narrow is None or channel_of(narrow):
        return rule
    document = as_document(rule)
    return parse({**document, "where": {"all": [document["where"], *conditions(narrow)]}})


def in_words(narrow: Narrow | None) -> str:
    """What the part is, in a few words."""
    if narrow is None:
        return ""
    field, value = narrow
    if field == "reach":
        return f"who can be reached by {CHANNELS[value][0]}"
    return value.replace("_", " ") or "unknown"


def as_title(narrow: Narrow) -> str:
    """What a segment of this part is called; of a channel it says what the rule says."""
    channel = channel_of(narrow)
    if not channel:
        return in_words(narrow)
    name, _, address = CHANNELS[channel]
    return f"{name} consent and {address}" if address else f"{name} consent"
