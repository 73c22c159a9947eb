"""A mail as RFC 5322 text, put together by hand: the standard library's classes take thirty times as long.

Belongs here: headers (folded, RFC 2047), the two parts and their encoding, the boundary. Stays out: SMTP's own dots and
addresses of the envelope (`dmat/connectors/smtp.py`).

Every line ends in CRLF and is at most 998 characters long. A part of ASCII leaves as it is, or as quoted-printable when
its lines are too long; anything else as base64. `=_` begins the boundary and can stand in none of them, so no text can
end a part.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from dmat.channels.contract import OutgoingMail
from dmat.errors import InvalidInputError

_BREAKS = re.compile(r"[\x00-\x1f\x7f]+")
_NAME = re.compile(r"[!-9;-~]{1,70}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_LINE, _LONGEST_LINE = 76, 998  # that we write, and that may be
_LONGEST_NAME = 300
_WORD_BYTES = 42  # bytes of text in one encoded word: 56 as base64 and 12 around it
_OURS = frozenset(
    {"from", "to", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding",
     "reply-to", "bcc", "cc", "sender", "return-path"}
)  # fmt: skip


def as_bytes(mail: OutgoingMail, sent_at: datetime | None = None) -> bytes:
    """The whole mail, headers and both parts.

    Args:
        mail: control characters in its headers become spaces.
        sent_at: UTC, for the header Date; None leaves it out.

    Raises:
        InvalidInputError: a header or an address that cannot be put in a mail.
    """
    boundary = f"=_{mail.message_id}"
    lines = [*_headers(mail, sent_at), f'Content-Type: multipart/alternative; boundary="{boundary}"']
    dashes = f"--{boundary}".encode()
    pieces = ["\r\n".join(lines).encode("ascii"), b""]
    for kind, text in (("plain", mail.text), ("html", mail.html)):
        if text:
            head, content = _part(kind, text)
            pieces += [dashes, head, content]
    pieces += [dashes + b"--", b""]
    return b"\r\n".join(pieces)


def message_id_header(mail: OutgoingMail) -> str:
    """The Message-ID of a mail: our id at the sender's domain."""
    return f"<{mail.message_id}@{mail.from_email.rpartition('@')[2]}>"


def _headers(mail: OutgoingMail, sent_at: datetime | None) -> list[str]:
    lines = [
        f"From: {mailbox(mail.from_name, mail.from_email)}",
        f"To: {mailbox(mail.to_name, mail.to_email)}",
        unstructured("Subject", mail.subject),
        f"Message-ID: {message_id_header(mail)}",
        "MIME-Version: 1.0",
    ]
    if sent_at is not None:
        lines.append(f"Date: {_date(sent_at.replace(microsecond=0))}")
    if mail.reply_to:
        lines.append(f"Reply-To: {mailbox('', mail.reply_to)}")
    for name, value in mail.headers.items():
        if _NAME.fullmatch(name) is None or name.lower() in _OURS:
            raise InvalidInputError("header", f"{name!r} cannot be set", "a header that the mail has not already")
        lines.append(unstructured(name, value))
    return lines


@lru_cache(maxsize=16)
def _date(moment: datetime) -> str:
    return format_datetime(moment.replace(tzinfo=UTC))


def _part(kind: str, text: str) -> tuple[bytes, bytes]:
    content = _crlf(text).encode("utf-8", "replace")
    if not content.isascii():
        encoding, coded = "base64", _base64_lines(content)
    elif b"\x00" in content or b"=_" in content or max(map(len, content.split(b"\r\n"))) > _LONGEST_LINE:
        encoding, coded = "quoted-printable", _quoted_printable(content)
    else:
        encoding, coded = "7bit", content
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return head.encode(), coded


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def _quoted_printable(content: bytes) -> bytes:
    coded = binascii.b2a_qp(content, istext=True)  # breaks lines with LF unless it has seen CRLF
    return coded.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _base64_lines(content: bytes) -> bytes:
    coded = binascii.b2a_base64(content, newline=False)
    return b"\r\n".join([coded[i : i + _LINE] for i in range(0, len(coded), _LINE)])


def mailbox(name: str, address: str) -> str:
    """`Name <address>`; the name quoted or encoded where it must be.

    Raises:
        InvalidInputError: the address cannot stand in a header.
    """
    if not address.isascii() or re.search(r"[\s<>,;\x00-\x1f\x7f]", address) or address.count("@") != 1:
        raise InvalidInputError("address", f"{address!r} cannot be put in a header", "one ASCII address")
    shown = " ".join(_BREAKS.sub(" ", name).split())
    if not shown:
        return address
    if shown.isascii() and "=?" not in shown and len(shown) <= _LONGEST_NAME:
        if not _ATOMS.fullmatch(shown):
            shown = '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{shown} <{address}>" if len(shown) + len(address) < 66 else f"{shown}\r\n <{address}>"
    return "\r\n ".join([*_words(shown), f"<{address}>"])


def unstructured(name: str, value: str) -> str:
    """A header of free text: ASCII folded at its spaces, anything else as encoded words."""
    text = " ".join(_BREAKS.sub(" ", value).split(" ")).strip()
    if not text.isascii() or "=?" in text:
        return f"{name}: " + "\r\n ".join(_words(text))
    if len(name) + 2 + len(text) <= _LINE:
        return f"{name}: {text}"
    return _folded(f"{name}:", text)


def _folded(line: str, text: str) -> str:
    """Fold at single spaces, so that unfolding gives the same text again."""
    lines = []
    for word in text.split(" "):
        is_full = len(line) + 1 + len(word) > _LINE and line.strip() and not line.endswith(":")
        if is_full and word:
            lines.append(line)
            line = ""
        line += " " + word
    if len(max([*lines, line], key=len)) > _LONGEST_LINE:
        raise InvalidInputError("header", "it holds a word that no line of a mail can hold", "up to 900 characters")
    return "\r\n".join([*lines, line])


def _words(text: str) -> list[str]:
    """RFC 2047: encoded words of UTF-8 in base64, none cut within a character."""
    raw = text.encode("utf-8", "replace")
    words, start = [], 0
    while start < len(raw):
        end = min(start + _WORD_BYTES, len(raw))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?b?{base64.b64encode(raw[start:end]).decode()}?=")
        start = end
    return words
