"""Channels as people call them: a name, an icon, and whether it has a text of its own.

Belongs here: words. Stays out: what a channel can do (`dmat/channels`). Colours are in `assets/campaigns.css`.
"""

from __future__ import annotations

from dmat.metrics.naming import CHANNELS

NAMES = CHANNELS
ICONS = {
    "email": "mail", "sms": "phone", "whatsapp": "chat", "push": "bolt", "in_app": "form", "banner": "table",
    "social": "globe", "retargeting": "people", "webhook": "code",
}  # fmt: skip


def channel_name(channel: str) -> str:
    """email -> E-mail."""
    return NAMES.get(channel, channel.replace("_", " ").capitalize())


def channel_icon(channel: str) -> str:
    """The name of its icon."""
    return ICONS.get(channel, "send")
