"""What the screens of journeys share: the library of journeys, and segments, templates and codes beside it.

Belongs here: putting them together once for all pages of one server; names that the inspector offers. Stays out: what
they do (`dmat/journeys`, `dmat/segments`, `dmat/messages`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.context import Context
from apps.screens.campaigns.desk import desks_of
from dmat.journeys.entries import Source
from dmat.journeys.library import JourneyLibrary
from dmat.loyalty.giving import code_sources
from dmat.messages.records import Template
from dmat.segments.catalogue import Catalogue


@dataclass(frozen=True)
class Known:
    """What a journey may name.

    Attributes:
        segments, events, fields: key -> name.
        properties: event -> key -> name.
        templates: those that are active.
        codes: pools of discount codes and offers of the loyalty programme, as a step names them -> name.
    """

    segments: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    templates: tuple[Template, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)

    @property
    def template_names(self) -> Mapping[str, str]:
        """Key of a template -> its name."""
        return {each.key: each.name for each in self.templates}


class JourneyDesk:
    """Opened once for all pages of one server."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.desks = desks_of(context)
        self.source = Source(context.settings, context.store, self.desks.segments)
        self.library = JourneyLibrary(self.source)

    @property
    def has_tables(self) -> bool:
        """Whether anything has been published yet."""
        return self.context.version() is not None

    def known(self) -> Known:
        """What a journey may name, as of now."""
        catalogue = self.desks.segments.catalogue() if self.has_tables else Catalogue({}, {})
        with self.context.store.read() as connection:
            codes = code_sources(connection, self.context.now())
        return Known(
            {each.key: each.name for each in self.desks.segments.library.list()},
            {key: each.label for key, each in catalogue.events.items()},
            {key: each.label for key, each in catalogue.fields.items()},
            {key: {name: one.label for name, one in each.properties.items()}
             for key, each in catalogue.events.items()},
            tuple(self.desks.templates.list()), codes,
        )  # fmt: skip


def desk_of(context: Context) -> JourneyDesk:
    """The one of this server."""
    return context.part("journeys", JourneyDesk)
