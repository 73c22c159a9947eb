"""One thing that happened, as the timeline shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Moment:
    """One thing that happened.

    Attributes:
        kind: by what the timeline can be narrowed (`timeline.KINDS`).
        tone: success, warning, danger, info or empty.
        link: where more is told, with its words.
        message_id: a message of ours that can be looked at as it was sent.
    """

    at: datetime
    kind: str
    icon: str
    tone: str
    title: str
    detail: str = ""
    link: str = ""
    link_words: str = ""
    message_id: str = ""
