"""From a step that sends to rows of the ledger: address, values, codes, who shares an address; the same in a replay.

Belongs here: these rows for many members at once. Stays out: whether and when a message leaves
(`dmat/campaigns/gate.py`), writing (`dmat/ledger`).

A row is for (person, journey, version, step, entry): planned twice it is there once. Of people who share an address the
first one gets the message of a step within a day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.addressing import NO_ADDRESS, SHARED, Question, read_addressed
from dmat.campaigns.plan import CampaignPlan
from dmat.campaigns.plan import Step as CampaignStep
from dmat.campaigns.planning import device_tokens
from dmat.campaigns.templates_of_steps import Needs, needs_of
from dmat.journeys.entries import Source
from dmat.journeys.records import JourneyVersion
from dmat.journeys.steps import Send
from dmat.ledger.entries import EXPIRED, REJECTED, SUPPRESSED
from dmat.ledger.post import NewEntry
from dmat.loyalty.giving import take_codes
from dmat.messages.library import Templates
from dmat.store.engine import chunks
from dmat.store.sets import among
from dmat.store.tables import ledger_entries

SHARES_FOR = timedelta(days=1)
_AT_ONCE = 5_000
Earlier = Mapping[str, Sequence[tuple[datetime, int]]]


class Sending(NamedTuple):
    """A member that a step sends to, at a logical moment."""

    person_id: int
    entry_key: str
    at: datetime
    is_holdout: bool
    values: Mapping[str, Any]
    variant: str = ""


class Prepared(NamedTuple):
    """The rows of a step, and what they need of a pool of codes."""

    rows: list[NewEntry]
    needs: Needs


def needs_of_step(source: Source, version: JourneyVersion, step: Send) -> Needs:
    """What the messages of a step need.

    Raises:
        NotFoundError: its template or a segment that this asks about is gone.
    """
    templates = Templates(source.store, source.settings.clock)
    return needs_of(source.desk, templates, _as_campaign_step(step), _template_version(version, step))


def _template_version(version: JourneyVersion, step: Send) -> int:
    return step.template_version or version.templates.get(step.template, 0)


def prepare(
    source: Source, version: JourneyVersion, step: Send, sendings: Sequence[Sending], needs: Needs
) -> Prepared:  # fmt: skip
    """The rows of a step for many members, before codes are taken and shared addresses looked at."""
    asked, template = _as_campaign_step(step), _template_version(version, step)
    people = np.unique(np.fromiter((each.person_id for each in sendings), np.int64, len(sendings)))
    question = Question(
        programme=version.definition.programme, plan=CampaignPlan(steps=(asked,), holdout=version.definition.holdout),
        step=asked, day=None, starts_at=sendings[0].at, zone=source.settings.workspace_time_zone, needs=needs,
        addresses=_tokens(source) if step.channel == "push" else None,
    )  # fmt: skip
    found = {
        row.person_id: row for batch in read_addressed(source.desk.workspace, people, question) for row in batch
    }  # fmt: skip
    rows = []
    for each in sendings:
        who = found[each.person_id]
        rows.append(NewEntry(
            person_id=each.person_id, programme=version.definition.programme, programme_version=version.version,
            step=step.key, occurrence=each.entry_key, channel=step.channel, address=who.address,
            context=orjson.loads(who.context) | given_values(each.values) | step.values, is_holdout=each.is_holdout,
            expires_at=each.at + step.expires_after, suppressed_because="" if who.address else NO_ADDRESS,
            not_before=each.at, purpose=step.purpose or version.definition.purpose,
            priority=version.definition.priority, template=step.template, template_version=template, locale=who.locale,
            variant=each.variant,
        ))  # fmt: skip
    return Prepared(rows, needs)


def given_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the trigger gave, as templates read it: a total in cents becomes an amount of money."""
    found = {name: value for name, value in values.items() if value is not None}
    if values.get("total_cents") is not None and values.get("currency_code"):
        found["total"] = {"cents": values["total_cents"], "currency_code": values["currency_code"]}
    return found


def _as_campaign_step(step: Send) -> CampaignStep:
    return CampaignStep(
        key=step.key, channel=step.channel, template=step.template, template_version=step.template_version,
        code_pool=step.code_pool,
    )  # fmt: skip


def _tokens(source: Source) -> Mapping[int, str]:
    with source.store.read() as connection:
        return device_tokens(connection)


def with_cart_lines(source: Source, rows: Sequence[NewEntry]) -> list[NewEntry]:
    """Rows about a cart with the products that are in it now."""
    carts = sorted({str(row.context["cart_id"]) for row in rows if row.context.get("cart_id")})
    if not carts or "commerce.fct_cart_lines" not in source.desk.workspace.tables():
        return list(rows)
    query = """
        select cart_id, product_id, title, quantity, unit_price_cents as price_cents, image_url
        from commerce.fct_cart_lines
        where cart_id in (select unnest(?::varchar[])) order by cart_id, line_number
    """
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in source.desk.workspace.rows(query, [carts]):
        lines[str(line.pop("cart_id"))].append({name: value for name, value in line.items() if value is not None})
    return [_with_products(row, lines.get(str(row.context.get("cart_id")), [])) for row in rows]


def _with_products(row: NewEntry, lines: Sequence[Mapping[str, Any]]) -> NewEntry:
    currency = row.context.get("currency_code")
    products = [{**line, "currency_code": currency} if currency else dict(line) for line in lines]
    return replace(row, context={**row.context, "products": products})


def without_shared(rows: Iterable[NewEntry], step: Send, earlier: Earlier) -> list[NewEntry]:
    """Rows in the order of time; whoever shares an address with somebody who was written to within a day gets none."""
    known: dict[str, list[tuple[datetime, int]]] = {address: list(sent) for address, sent in earlier.items()}
    found = []
    for row in sorted(rows, key=lambda row: (row.expires_at or datetime.max, row.person_id, row.occurrence)):
        at = logical_moment(row, step)
        if row.address:
            others = [
                each for each in known.get(row.address, ())
                if each[1] != row.person_id and at - SHARES_FOR < each[0] <= at
            ]  # fmt: skip
            if others:
                row = replace(row, suppressed_because=SHARED)
            else:
                known.setdefault(row.address, []).append((at, row.person_id))
        found.append(row)
    return found


def logical_moment(row: NewEntry, step: Send) -> datetime:
    """When a row's step was due: its end less the span for which it may leave."""
    assert row.expires_at is not None  # noqa: S101 - every message of a journey has an end
    return row.expires_at - step.expires_after


def earlier_of_addresses(connection: Connection, programme: str, step: Send, rows: Sequence[NewEntry]) -> Earlier:
    """Who was written to at these addresses by this step, and when."""
    table, found = ledger_entries.c, defaultdict[str, list[tuple[datetime, int]]](list)
    first = min(logical_moment(row, step) for row in rows) - SHARES_FOR
    for batch in chunks(sorted({row.address for row in rows if row.address}), _AT_ONCE):
        query = sa.select(table.address, table.person_id, table.expires_at).where(
            among(connection, table.address, batch), table.channel == step.channel, table.programme == programme,
            table.step == step.key, table.state.not_in((SUPPRESSED, EXPIRED, REJECTED)),
            table.expires_at > first + step.expires_after,
        )  # fmt: skip
        for row in connection.execute(query):
            found[row.address].append((row.expires_at - step.expires_after, row.person_id))
    return found


def with_codes(
    connection: Connection, step: Send, prepared: Prepared, rows: Sequence[NewEntry], now: datetime
) -> list[NewEntry]:
    """Rows with a code each, of the step's pool or offer, taken inside the caller's transaction; once for each entry.

    Raises:
        CodesExhaustedError: the pool has too few.
    """
    pool, name = prepared.needs.code_pool, prepared.needs.code_variable
    if not pool:
        return list(rows)
    found = []
    days: dict[str, list[NewEntry]] = defaultdict(list)
    for row in rows:
        days[f"{logical_moment(row, step):%Y-%m-%d}"].append(row)
    for day, group in sorted(days.items()):
        takers = [row.person_id for row in group if not row.suppressed_because and not row.is_holdout]
        codes = take_codes(connection, pool, takers, f"{group[0].programme}/{step.key}/{day}", now) if takers else {}
        found += [
            replace(row, context={**row.context, name: codes[row.person_id]}) if row.person_id in codes else row
            for row in group
        ]
    return found
