"""Under test: mails as RFC 5322 text: the standard library reads what was written, whatever people typed."""

from __future__ import annotations

import email
import random
import re
from datetime import datetime
from email import policy
from email.header import decode_header, make_header

import pytest

from dmat.channels.contract import OutgoingMail
from dmat.channels.mime import as_bytes, mailbox, unstructured
from dmat.errors import InvalidInputError

ID = "0b1f6a52-7a5e-5d5c-9a55-1d1f0c1e2a3b"


def make_mail(subject="Hello", html="<p>Hi</p>", text="Hi", to_name="Ann", headers=None, **changes):
    return OutgoingMail(
        ID, "ann@example.com", to_name, "hello@shop.example", "The Shop", subject, html, text, headers or {}, **changes
    )


def read(mail):
    raw = as_bytes(mail)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert raw.isascii()
    return email.message_from_bytes(raw, policy=policy.default)


def part(message, kind):
    return message.get_body((kind,)).get_payload(decode=True).decode().replace("\r\n", "\n")


CONTENTS = {
    "short": "<p>Hi</p>", "umlauts": "<p>Grüße 🎉</p>" * 200, "one long line": "<p>" + "word " * 2000 + "</p>",
    "equal signs": "a=b=C3=BC " * 500, "a boundary": f"--=_{ID}--\nmore", "dots": ".\n..\n.x\n",
    "ends in spaces": "a  \nb\t",
    "old Mac": "a\rb\rc", "Windows": "a\r\nb\r\n", "zeros": "a\x00b", "long and ASCII": "x" * 5000,
    "from": "From the shop\nFrom here",
}  # fmt: skip


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_both_parts_are_read_as_they_were_written(content):
    message = read(make_mail(html=content, text=content))
    expected = content.replace("\r\n", "\n").replace("\r", "\n")
    assert (part(message, "html"), part(message, "plain")) == (expected, expected)


def test_a_mail_without_text_has_one_part():
    assert [p.get_content_type() for p in read(make_mail(text="")).iter_parts()] == ["text/html"]


SUBJECTS = {
    "plain": "Hello", "umlauts": "Grüße", "long": "word " * 60, "long umlauts": "schöne Grüße aus der Küche " * 12,
    "emoji": "🎉" * 90, "looks encoded": "=?utf-8?b?SGk=?=", "double space": "a  b",
    "arabic": "مرحبا بكم في متجرنا" * 5,
}  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_subject_is_read_as_it_was_written(subject):
    raw = as_bytes(make_mail(subject=subject)).decode()
    lines = re.search(r"(?ms)^Subject: .*?(?=^\S+:)", raw).group()
    assert all(len(line) <= 78 for line in lines.split("\r\n"))
    unfolded = lines.removeprefix("Subject: ").replace("\r\n", "").strip()
    assert str(make_header(decode_header(unfolded))) == subject.strip()


@pytest.mark.parametrize("name", [
    "Ann", "Ann O'Neil", 'Ann "A" B', "B, Ann", "Änn", "a@b.example", "Ann <x@y.example>", "back\\slash",
    "word " * 14, "=?utf-8?q?x?=", "Ann (of Shop)", "x" * 70,
])  # fmt: skip
def test_a_name_is_read_as_it_was_written_and_the_address_stays_one(name):
    [address] = read(make_mail(to_name=name))["To"].addresses
    assert (address.display_name, address.addr_spec) == (" ".join(name.split()), "ann@example.com")


def test_a_long_name_in_other_letters_is_cut_into_words_that_read_as_one():
    lines = re.search(r"(?ms)^To: (.*?) <ann@example.com>", mailbox_line("🎉" * 40)).group(1)
    assert str(make_header(decode_header(lines.replace("\r\n", "")))) == "🎉" * 40
    assert all(len(line) <= 76 for line in lines.split("\r\n"))


def mailbox_line(name):
    return f"To: {mailbox(name, 'ann@example.com')}".replace("\r\n <", " <")


@pytest.mark.parametrize("typed", ["a\r\nBcc: x@y.example", "a\nBcc: x@y.example", "a\r\rb", "a\x00b", "\r\n\r\n<p>"])
def test_nobody_can_put_a_header_or_a_body_into_a_header(typed):
    message = read(make_mail(subject=typed, to_name=typed, headers={"X-Note": typed}))
    assert "Bcc" not in message
    assert len(message["To"].addresses) == 1
    assert part(message, "html") == "<p>Hi</p>"


@pytest.mark.parametrize("name", ["From", "bcc", "Content-Type", "X Y", "X:Y", "", "X\r\nBcc", "Ü"])
def test_a_header_that_the_mail_has_or_that_is_none_is_refused(name):
    with pytest.raises(InvalidInputError, match="header"):
        as_bytes(make_mail(headers={name: "x"}))


@pytest.mark.parametrize("address", ["", "ann", "a@b@c", "a b@c.example", "a@b.example\r\nBcc: x@y.example",
                                     "ü@x.example",
                                     "a@b.example, c@d.example", "<a@b.example>"])  # fmt: skip
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InvalidInputError, match="address"):
        mailbox("Ann", address)


def test_a_long_link_in_a_header_stays_whole():
    url = f"<https://api.example/u/{'t' * 300}>"
    assert read(make_mail(headers={"List-Unsubscribe": url}))["List-Unsubscribe"] == url
    with pytest.raises(InvalidInputError, match="header"):
        unstructured("X-Long", "x" * 1200)


def test_dates_and_ids_are_those_of_the_sender():
    message = email.message_from_bytes(as_bytes(make_mail(), datetime(2026, 3, 4, 12, 0, 7)), policy=policy.default)
    assert message["Date"].datetime.isoformat() == "2026-03-04T12:00:07+00:00"
    assert message["Message-ID"] == f"<{ID}@shop.example>"


def test_whatever_is_typed_the_mail_reads_the_same():
    chance = random.Random(4)
    letters = 'aZ =.-_?"<>,;:\\\r\n\tüß漢🎉\u200b'
    for _ in range(300):
        typed = "".join(chance.choices(letters, k=chance.randrange(1, 400)))
        message = read(make_mail(subject=typed, html=typed, text=typed, to_name=typed))
        assert part(message, "html") == typed.replace("\r\n", "\n").replace("\r", "\n")
        assert [address.addr_spec for address in message["To"].addresses] == ["ann@example.com"]
        assert {name.lower() for name in message} == {
            "from", "to", "subject", "message-id", "mime-version", "content-type",
        }  # fmt: skip
