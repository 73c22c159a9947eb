"""Where and when each person of a step is written to: one question to the published warehouse for all of them.

Belongs here: addresses by channel, hold-out, variant, the second person of an address, whose hour is best, and the
values that a message needs, frozen as JSON. Stays out: who is in the audience (`audience.py`), the ledger
(`planning.py`), what a template declares (`dmat/messages`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from dmat.campaigns.audience import Ids
from dmat.campaigns.holdout import GLOBAL
from dmat.campaigns.languages import LOCALES
from dmat.campaigns.plan import CampaignPlan, Step
from dmat.campaigns.schedule import local_moment, next_local_moment, step_time
from dmat.campaigns.templates_of_steps import Needs
from dmat.channels.contract import OURS
from dmat.warehouse import Workspace

SHARED = "somebody who shares the address gets this message"
NO_ADDRESS = "there is no address for this channel"
TOO_OFTEN = "this campaign wrote to the person on this channel a short while ago"
PEOPLE_COLUMNS = {"email": "lower(trim(people.email))", "sms": "people.phone", "whatsapp": "people.phone"}
ALWAYS_FROZEN = {
    "first_name": "people.first_name",
    "country_code": "people.country_code",
    "time_zone": "people.time_zone",
}
_HEX = 16
NO_NEEDS = Needs()
_LOCALES = ", ".join(f"'{country}': '{locale}'" for country, locale in LOCALES.items())


class Addressed(NamedTuple):
    """One person of a step, ready for the ledger."""

    person_id: int
    address: str
    not_before: datetime
    context: str
    is_holdout: bool
    suppressed_because: str
    locale: str
    variant: str


@dataclass(frozen=True)
class Question:
    """What is asked of the warehouse for a step.

    Attributes:
        programme: salt of hold-out and variants: the same person is held out from every step of a campaign.
        day: the local day of the step, when it is in the person's own time.
        starts_at: nothing leaves before.
        zone: time zone of who has none.
        order: an expression on `person_id` (`MessageIds.order`).
        needs: the values that the templates of the step need.
        addresses: person -> address, for channels whose addresses are in the store; None when the warehouse has them.
        written_to: who got this channel of the campaign a short while ago and is left out.
        taken: address -> the person who has it planned already, when planning is taken up again.
        variants: of a test: the variant of each of the people ("" for none), parallel to them.
        why_not: variant -> why its people do not get the message.
        from_moment: of a test: a time of day that is waited for is the first one from here on.
        global_holdout: salt and share of those who get no marketing at all.
    """

    programme: str
    plan: CampaignPlan
    step: Step
    day: date | None
    starts_at: datetime
    zone: str
    order: str = "person_id"
    needs: Needs = NO_NEEDS
    addresses: Mapping[int, str] | None = None
    written_to: Ids | None = None
    taken: Mapping[str, int] = field(default_factory=dict)
    variants: pa.Array | None = None
    why_not: Mapping[str, str] = field(default_factory=dict)
    from_moment: datetime | None = None
    global_holdout: tuple[str, float] = ("", 0.0)


def read_addressed(
    workspace: Workspace, people: Ids, question: Question, skip: int = 0, size: int = 50_000
) -> Iterator[list[Addressed]]:
    """The people of a step in a fixed order, in lists of at most `size`; the first `skip` are left out."""
    cursor = open_cursor(workspace, people, question)
    moments = _Moments(question)
    reader = cursor.execute(address_sql(workspace, question), [skip]).to_arrow_reader(size)
    for batch in reader:
        columns = [batch.column(name).to_pylist() for name in _ANSWERED]
        yield [_addressed(row, moments, question) for row in zip(*columns, strict=True)]


def open_cursor(workspace: Workspace, people: Ids, question: Question) -> duckdb.DuckDBPyConnection:
    """A cursor that knows whom and what `address_sql` asks about."""
    cursor = workspace.cursor()
    frozen = {"person_id": people} if question.variants is None else {"person_id": people, "arm": question.variants}
    cursor.register("frozen_people", pa.table(frozen))
    cursor.register("known_addresses", _pairs(question.addresses))
    written_to = np.empty(0, np.int64) if question.written_to is None else question.written_to
    cursor.register("written_to", pa.table({"person_id": written_to}))
    for number, members in enumerate(question.needs.segments.values()):
        cursor.register(f"in_segment_{number}", pa.table({"person_id": members}))
    return cursor


_ANSWERED = (
    "person_id", "address", "time_zone", "best_hour", "context", "is_holdout", "is_second", "was_written_to", "locale",
    "variant", "is_left_alone",
)  # fmt: skip


def address_sql(workspace: Workspace, question: Question) -> str:
    """The query: one row a person of `frozen_people`, whoever has no address too."""
    step, has_hours = question.step, "engagement.person_best_hours" in workspace.tables()
    hours = step.clock == "best_hour" and has_hours
    return f"""
        with joined as (
            select
                frozen_people.person_id,
                {_address_of(step, question)} as address,
                people.time_zone, people.country_code,
                {"coalesce(hours.best_hour, countries.best_hour)" if hours else "null::integer"} as best_hour,
                {_context(question)} as context,
                {_below(question.programme, question.plan.holdout.share)} as is_holdout,
                {_below(*question.global_holdout)} as is_left_alone,
                {_variant(question)} as variant,
                written_to.person_id is not null as was_written_to,
                coalesce(map {{{_LOCALES}}}[people.country_code], '') as locale
            from frozen_people
            left join people.dim_people as people on frozen_people.person_id = people.person_id
            left join known_addresses on frozen_people.person_id = known_addresses.person_id
            left join written_to on frozen_people.person_id = written_to.person_id
            {_BEST_HOURS if hours else ""}
            {_joins(question.needs)}
        )
        select
            *, address <> '' and row_number() over (partition by address order by person_id) > 1 as is_second
        from joined
        order by {question.order}, person_id
        offset ?
    """


_BEST_HOURS = """
    left join engagement.person_best_hours as hours on frozen_people.person_id = hours.person_id
    left join engagement.country_best_hours as countries on people.country_code = countries.country_code
"""


def holdout_sql(programme: str, share: float) -> str:
    """Whether the person of a row is held out: the same answer as `dmat.campaigns.holdout.is_held_out`."""
    return _below(programme, share)


def _address_of(step: Step, question: Question) -> str:
    if step.channel in OURS:
        return "'person:' || frozen_people.person_id"
    if question.addresses is not None:
        return "coalesce(known_addresses.address, '')"
    return f"coalesce({PEOPLE_COLUMNS.get(step.channel, chr(39) * 2)}, '')"


def _context(question: Question) -> str:
    columns = dict(ALWAYS_FROZEN) | {name: f"needed.{_quoted(name)}" for name in question.needs.columns}
    if question.needs.segments:
        columns["segments"] = f"list_filter([{', '.join(_memberships(question.needs))}], lambda key: key is not null)"
    fields = ", ".join(f"{_quoted(name)} := {column}" for name, column in columns.items())
    return f"to_json(struct_pack({fields}))::varchar"


def _memberships(needs: Needs) -> list[str]:
    return [
        f"case when in_segment_{number}.person_id is not null then '{key.replace(chr(39), '')}' end"
        for number, key in enumerate(needs.segments)
    ]


def _joins(needs: Needs) -> str:
    joins = [f"left join ({needs.sql}) as needed on frozen_people.person_id = needed.person_id"] if needs.sql else []
    for number in range(len(needs.segments)):
        name = f"in_segment_{number}"
        joins.append(f"left join {name} on frozen_people.person_id = {name}.person_id")
    return "\n".join(joins)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _below(salt: str, share: float) -> str:
    """Whether the first 16 hex digits of a salted hash are below the share, as texts are compared."""
    if share <= 0:
        return "false"
    limit = min(int(share * 2**64), 2**64 - 1)
    return f"left(sha256('{salt}:' || frozen_people.person_id), {_HEX}) < '{limit:0{_HEX}x}'"


def _variant(question: Question) -> str:
    step = question.step
    if question.variants is not None:
        silent = (question.programme, question.plan.holdout.share), question.global_holdout
        return f"case when {' or '.join(_below(*each) for each in silent)} then '' else frozen_people.arm end"
    if not step.variants:
        return "''"
    salt, upto, cases = f"{question.programme}:{step.key}:variant", 0.0, []
    for variant in step.variants[:-1]:
        upto += variant.share
        cases.append(f"when {_below(salt, upto)} then '{variant.key}'")
    return f"case {' '.join(cases)} else '{step.variants[-1].key}' end" if cases else f"'{step.variants[0].key}'"


class _Moments:
    """When a person may be written to, by time zone and hour; few differ, so each is worked out once."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._known: dict[tuple[str | None, int | None, str], datetime] = {}

    def __call__(self, zone: str | None, hour: int | None, variant: str) -> datetime:
        key = (zone, hour, variant)
        if key not in self._known:
            self._known[key] = self._work_out(zone, hour, variant)
        return self._known[key]

    def _work_out(self, zone: str | None, hour: int | None, variant: str) -> datetime:
        asked = self._question
        begins = max(asked.starts_at, asked.from_moment or asked.starts_at)
        if asked.day is None:
            return begins
        at = step_time(asked.step, variant)
        if asked.step.clock == "best_hour" and hour is not None:
            at = at.replace(hour=hour, minute=0)
        lives = asked.zone if asked.step.clock == "workspace" else zone or ""
        if asked.from_moment is None:
            return max(local_moment(asked.day, at.hour, at.minute, lives, asked.zone), begins)
        return next_local_moment(begins, at.hour, at.minute, lives, asked.zone)


def _addressed(row: Sequence[Any], moments: _Moments, question: Question) -> Addressed:
    person, address, zone, hour, context, is_holdout, is_second, was_written_to, locale, variant, is_left_alone = row
    taken, why = question.taken, ""
    if is_left_alone:
        why = GLOBAL
    elif variant in question.why_not:
        why = question.why_not[variant]
    elif not address:
        why = NO_ADDRESS
    elif is_second or taken.get(address, person) != person:
        why = SHARED
    elif was_written_to:
        why = TOO_OFTEN
    return Addressed(person, address, moments(zone, hour, variant), context, is_holdout, why, locale, variant)


def _pairs(addresses: Mapping[int, str] | None) -> pa.Table:
    known = addresses or {}
    return pa.table({"person_id": pa.array(known.keys(), pa.int64()), "address": pa.array(known.values(), pa.string())})
