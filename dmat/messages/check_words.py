"""What is wrong or weak in words: subjects, what spam filters dislike, texts of phones and sites.

Belongs here: looking at rendered text. Stays out: HTML (`check_markup.py`), variables (`checks.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dmat.channels.contract import PULLED
from dmat.channels.sms import count_segments, look_at
from dmat.messages.findings import ERROR, HINT, WARNING, Check

SUBJECT_SHOWN, SUBJECT_LONGEST = 60, 100
LENGTHS = {
    "push": {"title": 65, "body": 178}, "in_app": {"title": 80, "body": 400, "button_text": 30},
    "banner": {"title": 60, "body": 120, "button_text": 25},
}  # fmt: skip
NEEDED = {"sms": ("text",), "push": ("title", "body"), "in_app": ("title",), "banner": ("title",),
          "whatsapp": ("template_name", "template_language"), "social": ("text",)}  # fmt: skip
SPAM = re.compile(
    r"\b(?:100 ?% free|act now|as seen on|cash bonus|click here now|congratulations|dear friend|double your|"
    r"earn money|free money|guaranteed|make money|no obligation|risk[- ]free|this is not spam|urgent|viagra|"
    r"winner|you have been selected|gratis geld|geld verdienen|garantiert|jetzt zuschlagen)\b",
    re.IGNORECASE,
)


def check_subject(subject: str, preheader: str) -> Iterator[Check]:
    """A mail's subject and preheader."""
    words = subject.strip()
    if not words:
        yield Check(ERROR, "subject", "there is no subject", "say in a few words what the mail is about")
    elif len(words) > SUBJECT_SHOWN:
        level = WARNING if len(words) > SUBJECT_LONGEST else HINT
        yield Check(level, "subject", f"the subject has {len(words)} characters",
                    f"phones show about 40, others about {SUBJECT_SHOWN}")  # fmt: skip
    letters = [sign for sign in words if sign.isalpha()]
    if len(letters) > 8 and sum(sign.isupper() for sign in letters) > 0.7 * len(letters):
        yield Check(WARNING, "subject", "the subject is written in capitals", "filters and people dislike it")
    if re.search(r"[!?]{2,}", words):
        yield Check(HINT, "subject", "several exclamation or question marks in a row", "one is enough")
    if re.match(r"(?:re|fw|fwd|aw)\s*:", words, re.IGNORECASE):
        yield Check(WARNING, "subject", "the subject looks like an answer to a mail", "that misleads people")
    if words and not preheader.strip():
        yield Check(HINT, "preheader", "there is no preheader", "inboxes show the first words of the mail instead")


def check_spam(place: str, text: str) -> Iterator[Check]:
    """Words that filters have learnt."""
    for found in sorted({match.group().lower() for match in SPAM.finditer(text)}):
        yield Check(HINT, place, f'"{found}" is often seen in spam', "say it in other words")


def check_parts(channel: str, parts: Mapping[str, str]) -> Iterator[Check]:
    """The parts of a message that is no mail."""
    for part in NEEDED.get(channel, ()):
        if not parts.get(part, "").strip():
            yield Check(ERROR, part, "it is empty", "every message of this channel needs it")
    for part, longest in LENGTHS.get(channel, {}).items():
        if len(parts.get(part, "")) > longest:
            yield Check(WARNING, part, f"it has {len(parts[part])} characters", f"about {longest} are shown")
    if parts.get("image_url") and channel in PULLED and not parts.get("image_alt", "").strip():
        yield Check(WARNING, "image_alt", "the picture has no alternative text", "say what it shows")
    if channel == "sms" and parts.get("text", "").strip():
        yield from _sms(parts["text"])


def _sms(text: str) -> Iterator[Check]:
    segments = count_segments(text)
    if segments.count > 1:
        level = WARNING if segments.count > 3 else HINT
        yield Check(level, "text", f"the text travels in {segments.count} parts ({segments.encoding}), each is paid",
                    "shorten it; an emoji or a typographic sign halves the room")  # fmt: skip
    for hint in look_at(text):
        yield Check(ERROR if hint.is_fault else HINT, "text", hint.what)
