"""The people who stand somewhere in a journey, kept as a segment that does not change.

Belongs here: which people, and making the segment. Stays out: the button (`people.jinja`), what a segment may say
(`dmat/segments`).
"""

from __future__ import annotations

import sqlalchemy as sa

from apps.context import Context
from apps.screens.journeys.desk import JourneyDesk
from apps.screens.journeys.members import Wanted, conditions
from dmat.errors import InvalidInputError
from dmat.journeys.records import Journey
from dmat.segments.frame_rules import MOST_PEOPLE, rule_from_emails
from dmat.segments.records import Segment
from dmat.store.journey_tables import journey_members

_EMAILS = "select distinct email from people.dim_people where person_id in (select unnest(?::bigint[])) and email <> ''"


def save_people(
    context: Context, desk: JourneyDesk, journey: Journey, wanted: Wanted, name: str, by: str
) -> tuple[Segment, int, int]:
    """Keep who fits now as a segment.

    Returns:
        The segment, how many people are in it, and how many were left out since they have no e-mail address.

    Raises:
        InvalidInputError: no name, nobody with an address, or more people than a segment can name.
    """
    if not name.strip():
        raise InvalidInputError("name", "is empty", "a name for the segment")
    table = journey_members.c
    mine = [table.journey_id == journey.journey_id, *conditions(wanted, context.now())]
    query = sa.select(table.person_id).where(*mine).distinct().order_by(table.person_id).limit(MOST_PEOPLE + 1)
    with context.store.read() as connection:
        people = [int(person) for person in connection.execute(query).scalars()]
    if len(people) > MOST_PEOPLE:
        raise InvalidInputError("people", "there are too many", f"at most {MOST_PEOPLE:,}; choose a step")
    emails = [str(row["email"]) for row in context.workspace.rows(_EMAILS, [people])]
    segment = desk.desks.segments.library.create(
        name=name, rule=rule_from_emails(emails), by=by, kind="static", note="from a journey",
        description=f"People of the journey {journey.name}{f', at the step {wanted.step}' if wanted.step else ''}.",
    )  # fmt: skip
    return segment, len(emails), len(people) - len(emails)
