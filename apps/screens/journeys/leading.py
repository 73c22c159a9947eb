"""Switching a journey on and off, pausing it and letting it go on: what somebody must know before.

Belongs here: what the dialogs ask and tell. Stays out: doing it (`dmat/journeys/library.py`), layout (`head.jinja`).
"""

from __future__ import annotations

import asyncio

from apps.screens.journeys.building import Building
from apps.screens.journeys.desk import JourneyDesk
from apps.screens.journeys.judging import sentence
from apps.screens.journeys.keeping import Keeping
from dmat.errors import DmatError, InvalidInputError
from dmat.journeys.definition import Definition, read_definition
from dmat.journeys.resuming import OnResume, will_be_sent_on_resume

TOLD = {"pause": "It stands still: nobody comes in, no wait ends, nothing leaves.", "resume": "It goes on.",
        "archive": "It is archived. Everybody has left it."}  # fmt: skip


class Leading:
    """What one reader does with one journey as a whole."""

    def __init__(self, desk: JourneyDesk, keeping: Keeping, by: str) -> None:
        self._desk, self._keeping, self._by = desk, keeping, by
        self.shown, self.told = "", ""
        self.outlook: OnResume | None = None

    async def ask(self, name: str, model: Building) -> None:
        """Open a dialog, with what it must tell."""
        self.shown, self.outlook = name.removeprefix("ask-"), None
        if self.shown == "resume" and self._desk.has_tables:
            try:
                self.outlook = await asyncio.to_thread(will_be_sent_on_resume, self._desk.source, model.key)
            except DmatError as error:
                model.problem = sentence(str(error))

    async def act(self, name: str, key: str, words: str) -> str:
        """Do it; gives what went wrong, or nothing."""
        self.shown = ""
        try:
            await asyncio.to_thread(self._keeping.act, name, key, self._by, words)
        except DmatError as error:
            return sentence(str(error))
        self.told = TOLD.get(name, "")
        return ""

    def read_file(self, text: str, model: Building) -> Definition:
        """A definition that was pasted; a saved journey keeps its key.

        Raises:
            InvalidInputError: it is none, or has another key.
        """
        definition = read_definition(text)
        if not model.is_new and definition.key != model.key:
            raise InvalidInputError("key", "the key of a journey stays as it is", model.key)
        return definition
