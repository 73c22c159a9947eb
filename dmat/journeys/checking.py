"""Could this journey run? Segments, events, templates, pools of codes and fields that exist.

Belongs here: everything about a definition that needs store or catalogue. Stays out: what makes it whole in itself
(`definition.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.cart_recovery import PROGRAMME
from dmat.campaigns.checking import Finding
from dmat.campaigns.plan import Step as CampaignStep
from dmat.campaigns.templates_of_steps import template_fault
from dmat.errors import InvalidRuleError
from dmat.journeys.conditions import PersonIs, questions_of
from dmat.journeys.definition import CART_ORDERED, Definition
from dmat.journeys.entries import Source
from dmat.journeys.frequency import most_messages
from dmat.journeys.steps import Branch, Send
from dmat.journeys.triggers import CartAbandoned, Schedule, TierReached
from dmat.loyalty.giving import code_sources, unknown_source
from dmat.loyalty.rules import read_rules
from dmat.segments.catalogue import Catalogue
from dmat.segments.records import ACTIVE
from dmat.store.tables import programmes, segments

A_YEAR = timedelta(days=366)


def check_definition(source: Source, definition: Definition) -> list[Finding]:
    """Everything that keeps a journey from running, and what is worth a second look.

    Raises:
        NotPublishedError: there are no tables yet, so that nobody knows which events there are.
    """
    catalogue = source.desk.catalogue()
    found = [*_events(catalogue, definition), *_fields(catalogue, definition)]
    found += _moment(definition, source.settings.clock.now())
    with source.store.read() as connection:
        found += _segments(connection, definition)
        found += _templates(connection, definition, source.settings.clock.now())
        found += _tiers(connection, definition)
        found += _doubled(connection, definition)
    if not definition.sends:
        found.append(Finding("steps", "it sends nothing", is_blocking=False))
    if definition.goal is None:
        found.append(Finding("goal", "it has no goal: its effect cannot be told", is_blocking=False))
    return [*found, *_over_the_cap(definition, source.settings.frequency_cap_per_week)]


def refuse_unfit(source: Source, definition: Definition) -> None:
    """Stop a journey that could not run.

    Raises:
        InvalidRuleError: everything that is wrong.
    """
    wrong = [(each.place, each.what, each.allowed) for each in check_definition(source, definition) if each.is_blocking]
    if wrong:
        raise InvalidRuleError(wrong)


def _over_the_cap(definition: Definition, cap: int) -> Iterator[Finding]:
    """The first message on the way that sends the most within a week that the frequency cap would hold back."""
    most = most_messages(definition)
    if len(most) <= cap:
        return
    number = next(number for number, step in enumerate(definition.steps) if step.key == most[cap])
    what = (
        f"one person may get {len(most)} messages within seven days on this way, the frequency cap lets {cap} of them"
        " leave: this one waits, and never leaves if its time is over first"
    )
    yield Finding(f"steps[{number}]", what, f"at most {cap} (DMAT_FREQUENCY_CAP_PER_WEEK)", is_blocking=False)


def _events(catalogue: Catalogue, definition: Definition) -> Iterator[Finding]:
    for place, key in definition.events:
        if key != CART_ORDERED and key not in catalogue.events:
            yield Finding(place, f"there is no event {key!r}", ", ".join(sorted(catalogue.events)))
    for watched in definition.watched:
        event = catalogue.events.get(watched.event)
        for where in watched.where if event else ():
            if event and where.name not in event.properties:
                what = f"the event {watched.event} has no property {where.name!r}"
                yield Finding("exit_when", what, ", ".join(sorted(event.properties)))


def _fields(catalogue: Catalogue, definition: Definition) -> Iterator[Finding]:
    for number, step in enumerate(definition.steps):
        for place, case in enumerate(step.cases if isinstance(step, Branch) else ()):
            for question in questions_of(case.when):
                if isinstance(question, PersonIs) and question.is_.name not in catalogue.fields:
                    where = f"steps[{number}].cases[{place}].when.is.name"
                    yield Finding(where, f"there is no field {question.is_.name!r}", "a field of the catalogue")


def _moment(definition: Definition, now: datetime) -> Iterator[Finding]:
    """A journey that begins once, at a moment that nobody set, or that is over."""
    moment = definition.trigger.moment if isinstance(definition.trigger, Schedule) else None
    if moment is not None and moment <= now:
        yield Finding("trigger.moment", f"{moment:%Y-%m-%d %H:%M} UTC is over: nobody comes in", is_blocking=False)
    elif moment is not None and moment > now + A_YEAR:
        what = f"it begins only at {moment:%Y-%m-%d %H:%M} UTC: set its start"
        yield Finding("trigger.moment", what, is_blocking=False)


def _segments(connection: Connection, definition: Definition) -> Iterator[Finding]:
    query = sa.select(segments.c.key).where(segments.c.key.in_(definition.segments), segments.c.state == ACTIVE)
    known: set[str] = set(connection.execute(query).scalars())
    for key in definition.segments:
        if key not in known:
            yield Finding("segments", f"there is no active segment {key!r}", "keys of active segments")


def _tiers(connection: Connection, definition: Definition) -> Iterator[Finding]:
    if not isinstance(definition.trigger, TierReached):
        return
    rules = read_rules(connection)
    known = [tier.key for tier in rules.tiers] if rules else []
    if not known:
        yield Finding("trigger", "there is no loyalty programme yet: nobody would enter", is_blocking=False)
    for key in definition.trigger.tiers:
        if known and key not in known:
            yield Finding("trigger.tiers", f"there is no tier {key!r}", ", ".join(known))


def _doubled(connection: Connection, definition: Definition) -> Iterator[Finding]:
    """The built-in programme writes about left carts too, as long as nobody takes it out."""
    if not isinstance(definition.trigger, CartAbandoned):
        return
    table = programmes.c
    runs = connection.execute(sa.select(table.is_paused).where(table.programme == PROGRAMME)).scalar()
    if runs is False:
        what = "the built-in cart recovery is on too: pause it first, or people get two mails for a cart"
        yield Finding("trigger", what, is_blocking=False)


def _templates(connection: Connection, definition: Definition, now: datetime) -> Sequence[Finding]:
    known = code_sources(connection, now)
    found = []
    for number, step in enumerate(definition.steps):
        if not isinstance(step, Send):
            continue
        asked = CampaignStep(key=step.key, channel=step.channel, template=step.template)
        fault = template_fault(connection, asked, step.template)
        if fault:
            found.append(Finding(f"steps[{number}].template", fault, f"an active template for {step.channel}"))
        if step.code_pool and step.code_pool not in known:
            found.append(Finding(f"steps[{number}].code_pool", *unknown_source(step.code_pool, known)))
    return found
