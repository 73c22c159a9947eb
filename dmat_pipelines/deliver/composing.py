"""From claimed entries to parcels: each message put together for its channel, many in one request where that goes.

Belongs here: grouping, and which shape a channel's provider is given. Stays out: templates and values
(`dmat/messages`), sending (`lane.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple, Protocol

from dmat.campaigns.overrides import overrides_of
from dmat.channels.batches import cut_batch
from dmat.channels.contract import MailBatch, Packing, Provider, Recipient
from dmat.channels.email import one_line, shared_headers, unsubscribe_headers
from dmat.channels.outgoing import Part, build_outgoing
from dmat.consent.permission import MARKETING
from dmat.errors import DmatError
from dmat.ledger.entries import Entry
from dmat.ledger.kept import Request, line_of
from dmat.messages.compose import kept_row, make_mail, template_values
from dmat.messages.links import Links
from dmat.messages.rendering import Failed, Rendered, Renderer
from dmat.settings import Settings
from dmat.store import Store
from dmat_pipelines.deliver.parcels import Composed, Parcel, new_batch_id
from dmat_pipelines.deliver.shortening import CHANNELS as SHORTENED
from dmat_pipelines.deliver.shortening import Shortener

COMPILED_KEPT = 64
Filled = dict[str, str]


class Compiled(Protocol):
    """A compiled version of a template, see `dmat/messages/compiled.py`."""

    @property
    def subject(self) -> str:
        """With placeholders; so are the others."""
        ...

    @property
    def html(self) -> str:
        """Empty for channels without."""
        ...

    @property
    def text(self) -> str:
        """Plain."""
        ...

    def values(self, entry: Entry) -> Mapping[str, Any]:
        """The values of one person."""
        ...

    def fill(self, values: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Placeholder -> text, or `Failed`, for each person."""
        ...

    def whole(self, filled: Filled) -> Any:
        """The whole message of one person."""
        ...

    def to_keep(self, filled: Filled) -> Mapping[str, Any]:
        """What is kept of one person's message."""
        ...

    def fits_batch(self, filled: Filled) -> bool:
        """Whether a person's values may travel beside the common part."""
        ...


class Kind(NamedTuple):
    """What entries have in common that share a compiled template."""

    channel: str
    template: str
    version: int
    locale: str
    programme: str
    step: str
    variant: str
    wraps_links: bool
    programme_version: int = 0


Compile = Callable[[Kind], Compiled]


class Composer:
    """Puts messages together for one workspace; safe to share between threads."""

    def __init__(self, settings: Settings, store: Store, compile_kind: Compile | None = None) -> None:
        self.settings, self.store = settings, store
        self._links, self._renderer = Links(settings), Renderer()
        self._shorten = Shortener(settings, store, self._links)
        self._compiled = lru_cache(COMPILED_KEPT)(compile_kind or self._compile)
        self._said = lru_cache(COMPILED_KEPT)(partial(overrides_of, store))

    def close(self) -> None:
        """End the renderer."""
        self._renderer.close()

    def compose(self, entries: Sequence[Entry], provider: Provider, now: datetime) -> Composed:
        """Parcels for a provider; what cannot be put together is given back with its reason."""
        made = Composed()
        self._by_file([entry for entry in entries if not entry.template], provider, made, now)
        groups: dict[Kind, list[Entry]] = defaultdict(list)
        wraps = not provider.abilities.tracks_clicks
        for entry in entries:
            if entry.template:
                what = (entry.channel, entry.template, entry.template_version, entry.locale)
                place = (entry.programme, entry.step, entry.variant)
                groups[Kind(*what, *place, wraps, entry.programme_version)].append(entry)
        for kind, group in groups.items():
            self._by_template(kind, group, provider, made, now)
        return made

    def _compile(self, kind: Kind) -> Compiled:
        from dmat.messages.compiled import compile_message

        made: Compiled = compile_message(
            self.settings, self.store, kind.template, kind.version, kind.locale,
            channel=kind.channel, programme=kind.programme, step=kind.step, variant=kind.variant,
            wraps_links=kind.wraps_links, has_pixel=kind.wraps_links,
            campaign={"subject": self._said(kind.programme, kind.programme_version, kind.step, kind.variant).subject},
        )  # fmt: skip
        return made

    def _by_file(self, entries: Sequence[Entry], provider: Provider, made: Composed, now: datetime) -> None:
        """The programmes whose templates are files: one request each."""
        jobs = []
        for entry in entries:
            try:
                wraps = not provider.abilities.tracks_clicks
                jobs.append((entry, template_values(self.settings, self._links, entry, wraps)))
            except DmatError as error:
                made.failures.append((entry, str(error)))
        for (entry, (_, values)), found in zip(jobs, self._renderer.render_many([job for _, job in jobs]), strict=True):
            if isinstance(found, Rendered):
                mail = make_mail(self.settings, entry, found, values["unsubscribe_url"])
                made.parcels.append(Parcel([entry], mail, row=kept_row(mail, now)))
            else:
                made.failures.append((entry, found.reason))

    def _by_template(
        self, kind: Kind, entries: Sequence[Entry], provider: Provider, made: Composed, now: datetime
    ) -> None:
        try:
            compiled = self._compiled(kind)
        except DmatError as error:
            made.failures += [(entry, str(error)) for entry in entries]
            return
        ready, values = [], []
        for entry in entries:
            try:
                values.append(compiled.values(entry))
                ready.append(entry)
            except DmatError as error:
                made.failures.append((entry, str(error)))
        people: list[tuple[Entry, Mapping[str, Any], Filled]] = []
        texts = compiled.fill(values) if values else ()
        if kind.channel in SHORTENED:
            texts = self._shorten(texts, now)
        for entry, given, filled in zip(ready, values, texts, strict=True):
            if isinstance(filled, Failed):
                made.failures.append((entry, filled.reason))
            else:
                people.append((entry, given, filled))
        if provider.channel == "email" and provider.abilities.batch > 1 and len(people) > 1:
            people = self._batches(compiled, people, provider, made, now)
        for entry, given, filled in people:
            self._single(compiled, entry, given, filled, provider.channel, made, now)

    def _batches(
        self,
        compiled: Compiled,
        people: Sequence[tuple[Entry, Mapping[str, Any], Filled]],
        provider: Provider,
        made: Composed,
        now: datetime,
    ) -> list[tuple[Entry, Mapping[str, Any], Filled]]:
        """Batches of all whose values may travel so; gives the others."""
        known = {item[0].message_id: item for item in people}
        recipients = [_recipient(*item) for item in people if compiled.fits_batch(item[2])]
        if isinstance(provider, Packing):
            for person in recipients:
                person.packed = provider.pack(person)
        first = people[0][0]
        settings, (name, email) = self.settings, self._from(first)
        batch = MailBatch(
            email, name, one_line(compiled.subject, 900), compiled.html,
            compiled.text, recipients, categories=(first.programme, first.step),
            headers=shared_headers(settings, {"programme": first.programme, "step": first.step}),
            reply_to=settings.reply_to_email,
        )  # fmt: skip
        for part in cut_batch(provider.abilities, batch).parts:
            batch_id = new_batch_id()
            mine = [known.pop(person.message_id) for person in part.recipients]
            kept = {
                entry.message_id: _kept(entry, person, compiled.to_keep(filled))
                for (entry, _, filled), person in zip(mine, part.recipients, strict=True)
            }
            request = Request(batch_id, kept, _common(first, f"{name} <{email}>", now))
            message = replace(part, batch_id=batch_id)
            made.parcels.append(Parcel([item[0] for item in mine], message, request=request, size=len(mine)))
        return list(known.values())

    def _from(self, entry: Entry) -> tuple[str, str]:
        """Name and address of the sender: what the step of a campaign says, else the workspace's."""
        said = self._said(entry.programme, entry.programme_version, entry.step, entry.variant)
        return one_line(said.from_name or self.settings.sender_name), said.from_email or self.settings.sender_email

    def _single(
        self,
        compiled: Compiled,
        entry: Entry,
        values: Mapping[str, Any],
        filled: Filled,
        channel: str,
        made: Composed,
        now: datetime,
    ) -> None:
        whole = compiled.whole(filled)
        row = _common(entry, "", now) | {
            "message_id": entry.message_id, "to_address": entry.address, "subject": "", "html": "", "text": "",
            "headers": {}, "filled": dict(compiled.to_keep(filled)),
        }  # fmt: skip
        try:
            if channel != "email":
                shape = outgoing(self.settings, channel, entry, whole, str(values["unsubscribe_url"]))
                made.parcels.append(Parcel([entry], shape, row=row))
                return
            name, email = self._from(entry)
            mail = make_mail(self.settings, entry, whole, str(values["unsubscribe_url"]))
            mail = replace(mail, from_name=name, from_email=email)
        except DmatError as error:
            made.failures.append((entry, str(error)))
            return
        row |= {"from_address": f"{name} <{email}>", "to_address": kept_row(mail, now)["to_address"]}
        made.parcels.append(Parcel([entry], mail, row=row | {"headers": mail.headers}))


def _recipient(entry: Entry, values: Mapping[str, Any], filled: Filled) -> Recipient:
    headers = unsubscribe_headers(str(values["unsubscribe_url"]))
    name = one_line(str(entry.context.get("first_name") or ""))
    return Recipient(entry.message_id, entry.address, name, filled, headers)


def _kept(entry: Entry, person: Recipient, kept: Mapping[str, Any]) -> bytes:
    to = f"{person.to_name} <{person.to_email}>" if person.to_name else person.to_email
    return line_of(entry.message_id, to, person.headers, kept)


def _common(entry: Entry, sender: str, now: datetime) -> dict[str, Any]:
    return {
        "from_address": sender,
        "rendered_at": now,
        "template": entry.template,
        "template_version": entry.template_version,
        "locale": entry.locale,
    }


def outgoing(settings: Settings, channel: str, entry: Entry, whole: Any, unsubscribe_url: str) -> Any:
    """The shape that a channel's providers take; `whole.parts` maps parts to text."""
    part = Part(
        channel=channel,
        message_id=entry.message_id,
        address=entry.address,
        parts=whole.parts,
        locale=entry.locale,
        is_marketing=entry.purpose == MARKETING,
        opt_out_url=unsubscribe_url,
    )
    return build_outgoing(settings, part)
