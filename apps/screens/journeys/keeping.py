"""Where the canvas keeps what it changes: the library of journeys and drafts, behind one face.

Belongs here: saving, switching on and off, copies; which scope each button needs. Stays out: what they do
(`dmat/journeys/library.py`).
"""

from __future__ import annotations

from apps.screens.journeys.graph import Document, compact
from dmat.errors import ConflictError, NotFoundError
from dmat.journeys.definition import Definition, parse_definition
from dmat.journeys.drafts import DRAFTS
from dmat.journeys.library import JourneyLibrary
from dmat.journeys.playbook import install
from dmat.journeys.records import Journey
from dmat.keys import key_of
from dmat.store.drafts import Draft

WRITE, SEND = "campaigns:write", "campaigns:send"
SCOPES = {"pause": SEND, "resume": SEND, "archive": SEND, "start": SEND}
"""What each button needs."""


class Keeping:
    """The journeys and drafts of one workspace."""

    def __init__(self, library: JourneyLibrary) -> None:
        self.library = library

    def save(self, key: str, plan: Document, by: str, version: int | None, note: str = "") -> Journey:
        """A new journey, or a new version of one.

        Raises:
            InvalidInputError: it is not whole. ConflictError: somebody else changed it in the meantime.
        """
        document = compact(plan)
        if key:
            return self.library.change(key, parse_definition(document), by, note, version)
        return self.library.create(
            parse_definition(document | {"key": self.free_key(document.get("name", ""))}), by, note
        )

    def free_key(self, name: str) -> str:
        """A key made of a name, that no journey has."""
        base = key_of(str(name), 50) or "journey"
        number, key = 1, base
        while self._is_taken(key):
            number += 1
            key = f"{base}-{number}"
        return key

    def _is_taken(self, key: str) -> bool:
        try:
            self.library.get(key)
        except NotFoundError:
            return False
        return True

    def copy(self, key: str, by: str) -> Journey:
        """The newest version of a journey once more, as a draft of its own."""
        definition = self.library.version(key).definition
        name = f"{definition.name} (copy)"[:200]
        copied: Definition = definition.model_copy(update={"key": self.free_key(name), "name": name})
        return self.library.create(parse_definition(copied), by, note=f"a copy of {definition.name}")

    def install(self, playbook: str, by: str) -> Journey:
        """A playbook as a draft; the journey itself when it is there already.

        Raises:
            NotFoundError: there is no such playbook. InvalidRuleError: a segment of it cannot be made here.
        """
        try:
            return install(self.library, playbook, by)
        except ConflictError:
            return self.library.get(playbook)

    def act(self, name: str, key: str, by: str, words: str = "") -> Journey:
        """What a button says; `words` are the reason.

        Raises:
            NotFoundError: there is no such button. ConflictError: the journey's status does not allow it.
        """
        if name == "start":
            return self.library.start(key, by)
        if name == "pause":
            return self.library.pause(key, by, words)
        if name == "resume":
            return self.library.resume(key, by)
        if name == "archive":
            return self.library.archive(key, by)
        raise NotFoundError(f"there is nothing called {name!r} to do with a journey")

    # -- drafts --------------------------------------------------------------------------------------------------

    def keep_draft(self, user: str, key: str, plan: Document, version: int | None) -> Draft:
        """Keep what a canvas holds."""
        return DRAFTS.save(self.library.store, user, key, plan, self.library.settings.clock.now(), version)

    def find_draft(self, user: str, key: str) -> Draft | None:
        """What this user did not save, or None."""
        return DRAFTS.load(self.library.store, user, key)

    def drop_draft(self, user: str, key: str) -> None:
        """Forget it."""
        DRAFTS.drop(self.library.store, user, key)
