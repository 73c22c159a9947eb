"""Batches of mails: cut to what a provider takes in one request, or put together into whole mails.

Belongs here: placeholders and sizes, for every provider alike. Stays out: any vendor's body (`dmat/connectors`) and
how the values come about (`dmat/messages`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from dmat.channels.contract import MESSAGE_ID_ARGUMENT, Abilities, MailBatch, OutgoingMail, Recipient

PLACEHOLDER = re.compile(r"-dm\d+-")
_BESIDES = 400  # bytes of JSON around one person's address and values
_LONGEST_SIGN = 6  # bytes of one character in JSON, at most


@dataclass(frozen=True)
class Cut:
    """A batch, cut: `parts` fit a request each; the mails of `whole` fit none and are to be sent one by one."""

    parts: Sequence[MailBatch]
    whole: Sequence[OutgoingMail]


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """`text` with each placeholder replaced once; what a value holds is not looked into again."""
    return PLACEHOLDER.sub(lambda found: values.get(found.group(), found.group()), text)


def whole_mail(batch: MailBatch, recipient: Recipient) -> OutgoingMail:
    """The mail of one person of a batch, as that person gets it."""
    return OutgoingMail(
        message_id=recipient.message_id,
        to_email=recipient.to_email,
        to_name=recipient.to_name,
        from_email=batch.from_email,
        from_name=batch.from_name,
        subject=fill_placeholders(batch.subject, recipient.values),
        html=fill_placeholders(batch.html, recipient.values),
        text=fill_placeholders(batch.text, recipient.values),
        headers={**batch.headers, **recipient.headers},
        custom_args={**recipient.custom_args, MESSAGE_ID_ARGUMENT: recipient.message_id},
        categories=list(batch.categories),
        reply_to=batch.reply_to,
    )


def cut_batch(abilities: Abilities, batch: MailBatch) -> Cut:
    """Cut a batch so that each part fits one request of a provider with these abilities.

    Sizes are counted on the safe side, so a part may be a little smaller than it could be.
    """
    content = _size(batch.html) + _size(batch.text) + _size(batch.subject)
    common, copy = (_BESIDES, content) if abilities.copies_content else (content + 4 * _BESIDES, 0)
    fitting: list[tuple[Recipient, int]] = []
    whole: list[Recipient] = []
    for person in batch.recipients:
        weight = _weight(abilities, person) + copy
        if _fits(abilities, common + weight, person, weight - copy):
            fitting.append((person, weight))
        else:
            whole.append(person)
    parts = [replace(batch, recipients=people) for people in _groups(abilities, common, fitting)]
    return Cut(parts, [whole_mail(batch, person) for person in whole])


def _groups(abilities: Abilities, common: int, people: Sequence[tuple[Recipient, int]]) -> Iterator[list[Recipient]]:
    most = abilities.batch_bytes or float("inf")
    group: list[Recipient] = []
    size = common
    for person, weight in people:
        if group and (len(group) >= abilities.batch or size + weight > most):
            yield group
            group, size = [], common
        group.append(person)
        size += weight
    if group:
        yield group


def _fits(abilities: Abilities, size: int, person: Recipient, weight: int) -> bool:
    """Whether a person may be in a batch; `weight` is never less than the size of the values, where it is known."""
    if abilities.batch < 2 or (abilities.batch_bytes and size > abilities.batch_bytes):
        return False
    if "-dm" in "\0".join(person.values.values()) and any(map(PLACEHOLDER.search, person.values.values())):
        return False  # a provider that looks through the text more than once would replace it again
    if not abilities.values_bytes or 0 < weight <= abilities.values_bytes:
        return True
    return _values_size(person) <= abilities.values_bytes


def _weight(abilities: Abilities, person: Recipient) -> int:
    """Bytes of one person in the body, at most; nothing is counted where no limit is known."""
    if not abilities.batch_bytes:
        return 0
    if person.packed:
        return len(person.packed) + 1
    most = _LONGEST_SIGN * _signs(person) + _BESIDES + 16 * len(person.values)
    if most <= min(abilities.values_bytes or most, abilities.batch_bytes // (2 * abilities.batch)):
        return most  # small enough in any case, and so would be a batch of the like: no need to know exactly
    names = (*person.headers, *person.custom_args)
    facts = (
        person.to_email, person.to_name, person.message_id, *names, *person.values.values(), *person.headers.values(),
        *person.custom_args.values(),
    )  # fmt: skip
    return _BESIDES + len(orjson.dumps(facts)) + 4 * len(names) + 16 * len(person.values)


def _signs(person: Recipient) -> int:
    """Characters of all that is written of one person, and some for what stands around each."""
    found = len(person.to_email) + len(person.to_name) + len(person.message_id)
    for texts in (person.values, person.headers, person.custom_args):
        for name, text in texts.items():
            found += len(name) + len(text) + 2
    return found


def _values_size(person: Recipient) -> int:
    return len(orjson.dumps(tuple(person.values.values()))) + 16 * len(person.values)


def _size(text: str) -> int:
    return len(orjson.dumps(text))
