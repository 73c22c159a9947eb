"""The preference centre behind a link in a message: channels, purposes, how often; and leaving altogether.

Belongs here: reading the form and answering with a page. Stays out: what a change means
(`dmat/consent/preferences.py`).
A GET changes nothing. Leaving takes one button; coming back takes two, so that nobody is subscribed by a slip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from apps.api.bodies import read_body
from apps.api.committer import Committer
from apps.api.links import agent_of, suppress_again, unsubscribe_event
from apps.api.pages import Pages
from dmat.consent.preferences import (
    CHANNELS,
    FREQUENCIES,
    Change,
    Preferences,
    Proof,
    Whose,
    apply_change,
    compare,
    read_preferences,
)
from dmat.errors import InvalidInputError, NotFoundError, UnverifiedError
from dmat.ledger.entries import get_entry
from dmat.messages.links import Links, Unsubscribe
from dmat.settings import Settings
from dmat.store import Store

LARGEST, MOST_FIELDS = 16 * 1024, 200
TITLE, SOURCE = "Your preferences", "preference centre"
SAVED = "Saved. Your preferences are as you see them here."
LEFT = "You are unsubscribed from everything. You can come back at any time."


@dataclass(frozen=True)
class Asked:
    """What the form says."""

    action: str
    choices: tuple[tuple[str, str], ...]
    frequency: str


class PreferenceCentre:
    """The door of one workspace."""

    def __init__(self, settings: Settings, store: Store, committer: Committer) -> None:
        self._settings, self._store, self._committer = settings, store, committer
        self._links, self._pages = Links(settings), Pages(settings.workspace_name)

    async def show(self, token: str) -> Response:
        """The page, as things stand."""
        try:
            whose, _ = await asyncio.to_thread(self._whose, token)
        except (UnverifiedError, NotFoundError):
            return self._pages.unknown()
        return self._page(whose, await asyncio.to_thread(self._read, whose))

    async def change(self, token: str, request: Request) -> Response:
        """Carry out what the form asks, or ask back first when something is to be granted."""
        try:
            whose, message_id = await asyncio.to_thread(self._whose, token)
            asked = read_form(await read_body(request, LARGEST))
        except (UnverifiedError, NotFoundError):
            return self._pages.unknown()
        except InvalidInputError:
            return self._unfit()
        current = await asyncio.to_thread(self._read, whose)
        if asked.action == "nothing":
            return await self._leave(whose, message_id, current, request)
        if asked.action == "back":
            return self._page(whose, current)
        try:
            wanted = compare(current, asked.choices, asked.frequency)
        except InvalidInputError:
            return self._unfit()
        if wanted.granted and asked.action != "confirm":
            return self._ask_back(whose, current, wanted, asked)
        await self._apply(whose, wanted, message_id, request)
        return self._page(whose, await asyncio.to_thread(self._read, whose), SAVED)

    def _unfit(self) -> Response:
        return self._pages.say("That did not work", "The form does not fit this page. Please open it again.", 422)

    def _whose(self, token: str) -> tuple[Whose, str]:
        message_id = self._links.read_preferences(token)
        entry = get_entry(self._store, message_id)
        return Whose(entry.person_id, entry.address, entry.channel), message_id

    def _read(self, whose: Whose) -> Preferences:
        with self._store.read() as connection:
            return read_preferences(connection, whose)

    async def _apply(self, whose: Whose, wanted: Change, message_id: str, request: Request) -> None:
        now = self._settings.clock.now()
        proof = proof_of(message_id, request, now)

        def write() -> None:
            with self._store.write() as connection:
                apply_change(connection, whose, wanted, proof, now)

        if not wanted.is_empty:
            await asyncio.to_thread(write)

    async def _leave(self, whose: Whose, message_id: str, current: Preferences, request: Request) -> Response:
        """Everything off, and the address suppressed, as by one-click."""
        await self._apply(whose, compare(current, (), current.frequency), message_id, request)
        await asyncio.to_thread(suppress_again, self._store, whose.address, whose.channel, self._settings.clock.now())
        event = unsubscribe_event(Unsubscribe(message_id, whose.address, whose.channel), self._settings.clock.now())
        await self._committer.write([event])
        return self._page(whose, await asyncio.to_thread(self._read, whose), LEFT)

    def _ask_back(self, whose: Whose, current: Preferences, wanted: Change, asked: Asked) -> HTMLResponse:
        names = {each.purpose: each.name for each in current.purposes}
        return self._pages.show(
            "confirm_choices", title="Is this right?", address=covered(whose.address), frequency=asked.frequency,
            lines=[f"{names[purpose]}, by {CHANNELS[channel]}" for channel, purpose in wanted.granted],
            chosen=[f"{channel}:{purpose}" for channel, purpose in asked.choices],
        )  # fmt: skip

    def _page(self, whose: Whose, current: Preferences, note: str = "") -> HTMLResponse:
        return self._pages.show(
            "preferences", title=TITLE, note=note, address=covered(whose.address), frequency=current.frequency,
            purposes=purposes_shown(current), frequencies=[(key, words) for key, (words, _) in FREQUENCIES.items()],
        )  # fmt: skip


def preferences_router(settings: Settings, store: Store, committer: Committer) -> APIRouter:
    """GET and POST /p/<token>."""
    router = APIRouter(tags=["links"])
    centre = PreferenceCentre(settings, store, committer)

    @router.get("/p/{token}")
    async def show(token: str) -> Response:
        """The preferences of the person who got the message; changes nothing."""
        return await centre.show(token)

    @router.post("/p/{token}")
    async def change(token: str, request: Request) -> Response:
        """Change them."""
        return await centre.change(token, request)

    return router


def read_form(body: bytes) -> Asked:
    """What was sent: `action`, any number of `choice=<channel>:<purpose>`, `frequency`.

    Raises:
        InvalidInputError: it has more fields than any page of ours.
    """
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InvalidInputError("form", "it has too many fields", str(MOST_FIELDS)) from None
    pairs = [value.partition(":") for value in fields.get("choice", [])]
    return Asked(
        action=fields.get("action", ["save"])[0],
        choices=tuple((channel, purpose) for channel, _, purpose in pairs),
        frequency=fields.get("frequency", ["any"])[0],
    )


def proof_of(message_id: str, request: Request, now: datetime) -> Proof:
    """What proves that it was the person who got the message."""
    words = f"link of message {message_id}, {now:%Y-%m-%d %H:%M:%S} UTC, by {agent_of(request)[:200] or 'unknown'}"
    return Proof(SOURCE, words)


def purposes_shown(current: Preferences) -> list[Mapping[str, Any]]:
    """The purposes with a box for each channel of the person."""
    found = []
    for each in current.purposes:
        keys = [(channel, each.purpose) for channel in current.channels if (channel, each.purpose) in current.choices]
        boxes = [
            {"value": f"{channel}:{purpose}", "name": CHANNELS[channel], "is_on": current.choices[channel, purpose]}
            for channel, purpose in keys
        ]
        if boxes:
            found.append({"key": each.purpose, "name": each.name, "description": each.description, "choices": boxes})
    return found


def covered(address: str) -> str:
    """An address as its owner knows it and a passer-by does not: `a***@example.com`, `***4567`."""
    local, at, domain = address.partition("@")
    return f"{local[:1]}***@{domain}" if at else f"***{address[-4:]}"
