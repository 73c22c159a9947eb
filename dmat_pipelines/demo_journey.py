"""The demo's journey: whoever orders while two days pass is thanked an hour later, and asked for their opinion.

Belongs here: switching the playbook on, and the checks that it adds up. Stays out: any rule of journeys.
"""

from __future__ import annotations

from dmat.journeys.entries import Source
from dmat.journeys.known import read_known
from dmat.journeys.library import JourneyLibrary
from dmat.journeys.playbook import install
from dmat.journeys.replay import differences, replay
from dmat.journeys.watchdog import find_stuck
from dmat.segments.desk import Desk
from dmat.settings import Settings
from dmat.store import open_store
from dmat_pipelines.proof import Check

PLAYBOOK = "thank-you"


def add_journey(settings: Settings, by: str) -> None:
    """Install the playbook and switch it on."""
    library = _library(settings)
    install(library, PLAYBOOK, by)
    library.start(PLAYBOOK, by)


def journey_checks(settings: Settings) -> list[Check]:
    """Nobody is stuck, and living the two days again gives the rows of the ledger."""
    library, now = _library(settings), settings.clock.now()
    journey, version = library.get(PLAYBOOK), library.version(PLAYBOOK)
    known = read_known(library.source, journey)
    again = replay(library.source, journey.journey_id, version, journey.started_at or now, now, known)
    return [
        Check("people stuck in a journey", sum(each.count for each in find_stuck(library.store, now))),
        Check("messages of the journey that a replay gives otherwise", len(differences(library.source, again))),
    ]  # fmt: skip


def _library(settings: Settings) -> JourneyLibrary:
    store = open_store(settings)
    return JourneyLibrary(Source(settings, store, Desk(settings, store)))
