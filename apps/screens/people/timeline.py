"""What happened between a person and us, one thing after the other, from the warehouse and the store.

Belongs here: the queries of the timeline and their words. Stays out: the person's record (`knowing.py`) and layout.
Each source gives its newest rows; the timeline is their union in the order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import quote

from apps.context import Context
from apps.parts.channels import channel_icon, channel_name
from apps.parts.words import local, money, plural, sentence_case, source_name, stage_name
from apps.screens.people.knowing import Asker, Person360
from apps.screens.people.messages import message_moments
from apps.screens.people.moment import Moment

Row = Mapping[str, Any]
EACH = 300
KINDS = {
    "message": ("Messages", "mail"), "web": ("Site and forms", "globe"), "order": ("Orders and carts", "order"),
    "consent": ("Consent", "shield"), "group": ("Segments and journeys", "people"), "score": ("Score", "chart"),
    "loyalty": ("Loyalty", "tag"), "note": ("Notes and tasks", "edit"), "record": ("Record", "person"),
}  # fmt: skip
"""Kinds of moments by which the timeline can be narrowed: words and icon."""


@dataclass(frozen=True)
class Day:
    """The moments of one day, each with its time, by the clocks of the workspace."""

    words: str
    moments: tuple[tuple[str, Moment], ...]


@dataclass(frozen=True)
class Told:
    """The moments that are shown, by day, how many there are of each kind, and how many fit in all."""

    days: tuple[Day, ...]
    shown: int
    counts: tuple[tuple[str, int], ...]
    fitting: int


def read_timeline(context: Context, person: Person360) -> tuple[Moment, ...]:
    """Everything that happened, the newest first."""
    ask = Asker(context.workspace)
    found: list[Moment] = [*message_moments(context, person.ids), *_journeys(person)]
    for table, sql, tell in _TOLD:
        rows = ask.rows(table, sql, [person.person_id])
        found += [moment for row in rows for moment in tell(row) if moment.at is not None]
    found += [*_memberships(ask, person), *_proofs(person), *_notes(person)]
    return tuple(sorted(found, key=lambda moment: moment.at, reverse=True))


def narrowed(moments: Sequence[Moment], kind: str, most: int, zone: str) -> Told:
    """The moments of one kind, or all, at most so many."""
    counts = {name: 0 for name in KINDS}
    for moment in moments:
        counts[moment.kind] += 1
    fitting = [moment for moment in moments if not kind or moment.kind == kind]
    known = tuple((name, count) for name, count in counts.items() if count)
    return Told(by_day(fitting[:most], zone), len(fitting[:most]), known, len(fitting))


def by_day(moments: Sequence[Moment], zone: str) -> tuple[Day, ...]:
    """The moments grouped by the day on the workspace's calendar, in their order."""
    timed = ((local(moment.at, zone), moment) for moment in moments)
    return tuple(
        Day(f"{day:%A}, {day.day} {day:%B %Y}", tuple((f"{at:%H:%M}", moment) for at, moment in of_day))
        for day, of_day in groupby(timed, key=lambda pair: pair[0].date())
    )


def _visit(row: Row) -> Iterable[Moment]:
    origin = sentence_case(str(row["channel"] or "direct"))
    tag = str(row["campaign"] or "")
    campaign = f", campaign {tag}" if tag and not tag.startswith("(") else ""  # GA4 writes (direct) for none
    pages = plural(int(row["page_views"] or 0), "page")
    detail = f"{origin}{campaign} · {pages}" + (f" · {row['device']}" if row["device"] else "")
    yield Moment(row["started_at"], "web", "globe", "", f"Visited {row['landing_page'] or 'the site'}", detail)


def _form(row: Row) -> Iterable[Moment]:
    origin = f"From {row['source']}" if row["source"] else ""
    yield Moment(row["submitted_at"], "web", "form", "info", f"Filled in {row['form_name'] or 'a form'}", origin)


def _cart(row: Row) -> Iterable[Moment]:
    amount = money(row["total_cents"], row["currency_code"])
    done = "became an order" if row["status"] == "ordered" else "not ordered"
    detail = f"{plural(int(row['item_count'] or 0), 'piece')}, {done}"
    link = f"/follow?id={quote(str(row['cart_id']))}"
    yield Moment(row["last_touched_at"], "order", "cart", "", f"Cart of {amount}", detail, link, "Follow it")


def _order(row: Row) -> Iterable[Moment]:
    name = f" {row['order_name']}" if row["order_name"] else ""
    code = f" with the code {row['discount_code']}" if row["discount_code"] else ""
    detail = f"{source_name(row['source'])}, {sentence_case(row['status']).lower()}{code}"
    yield Moment(row["ordered_at"], "order", "order", "success",
                 f"Ordered{name} for {money(row['net_cents'], row['currency_code'])}", detail)  # fmt: skip


def _points(row: Row) -> Iterable[Moment]:
    points = int(row["points"])
    sign = "+" if points > 0 else "−"
    detail = "" if row["source"] == "message" else f"{row['subject'] or ''}"  # a message has a key, no name
    words = f"{sign}{plural(abs(points), 'point')}: {row['label']}"
    yield Moment(row["occurred_at"], "score", "chart", "", words, detail)


def _consent(row: Row) -> Iterable[Moment]:
    yield _decision(row["decided_at"], bool(row["is_granted"]), row["channel"], row["purpose"], row["source"],
                    row["evidence"])  # fmt: skip


def _decision(at: datetime, is_yes: bool, channel: str, purpose: str, source: str, evidence: str | None) -> Moment:
    what = f"{'Agreed to' if is_yes else 'Refused'} {sentence_case(purpose).lower()} by {channel_name(channel)}"
    detail = ": ".join(filter(None, (source_name(source), evidence or "")))
    return Moment(at, "consent", "shield", "success" if is_yes else "warning", what, detail)


def _proofs(person: Person360) -> Iterable[Moment]:
    """Decisions of the log of proofs that the warehouse does not have yet, and changes of the frequency."""
    known = {(row["channel"], row["purpose"], row["decided_at"]) for row in person.consents}
    for row in person.proofs:
        if (row["channel"], row["purpose"], row["decided_at"]) in known:
            continue
        if row["what"] in {"granted", "withdrawn"}:
            yield _decision(row["decided_at"], row["what"] == "granted", row["channel"], row["purpose"], row["source"],
                            row["evidence"])  # fmt: skip
        else:
            words = f"Changed {sentence_case(row['what']).lower()}" + (f" to {row['value']}" if row["value"] else "")
            yield Moment(row["decided_at"], "consent", "shield", "", words, source_name(row["source"]))


_CAUSES = {"data": "new data", "time": "time passed", "rule": "the rule changed", "freeze": "it was frozen"}


def _memberships(ask: Asker, person: Person360) -> Iterable[Moment]:
    sql = (
        "select segment_key, entered_at, left_at, entered_cause, left_cause from segments.segment_memberships"
        f" where person_id in ({', '.join('?' * len(person.ids))}) order by entered_at desc limit {EACH}"
    )
    for row in ask.rows("segments.segment_memberships", sql, list(person.ids)):
        key = str(row["segment_key"])
        name, link = person.segment_names.get(key, key), f"/segments?id={quote(key)}"
        cause = _CAUSES.get(str(row["entered_cause"]), "")
        yield Moment(row["entered_at"], "group", "people", "info", f"Entered the segment {name}", cause, link, "See it")
        if row["left_at"] is not None:
            cause = _CAUSES.get(str(row["left_cause"]), "")
            yield Moment(row["left_at"], "group", "people", "", f"Left the segment {name}", cause, link, "See it")


def _notes(person: Person360) -> Iterable[Moment]:
    for note in person.notes:
        who = note.created_by.split("@")[0]
        if not note.is_task:
            yield Moment(note.created_at, "note", "edit", "", f"Note by {who}", note.words)
        elif note.done_at is not None:
            by = note.done_by.split("@")[0]
            yield Moment(note.done_at, "note", "check", "success", f"Task done by {by}", note.words)


def _journeys(person: Person360) -> Iterable[Moment]:
    for row in person.journeys:
        detail = "Held out, to measure what the journey brings" if row["is_holdout"] else str(row["why"] or "")
        link = f"/journeys?id={quote(str(row['key']))}"
        yield Moment(row["entered_at"], "group", "right", "info", f"Entered the journey {row['name']}", detail, link,
                     "See it")  # fmt: skip
        if row["reached_goal_at"] is not None:
            yield Moment(row["reached_goal_at"], "group", "check", "success", f"Reached the goal of {row['name']}")


def _loyalty(row: Row) -> Iterable[Moment]:
    points = int(row["points"])
    words = f"{'+' if points > 0 else '−'}{plural(abs(points), 'loyalty point')}"
    yield Moment(row["occurred_at"], "loyalty", "tag", "", words, str(row["reason"] or row["kind"]))


def _merge(row: Row) -> Iterable[Moment]:
    yield Moment(row["merged_at"], "record", "people", "", "Two records became one person", str(row["reason"] or ""))


def _contact(row: Row) -> Iterable[Moment]:
    joined = "" if row["matched_by"] in (None, "nothing") else f"joined by the same {row['matched_by']}"
    yield Moment(row["created_at"], "record", "person", "", f"Known to {source_name(row['source'])}", joined)


def _deal(row: Row) -> Iterable[Moment]:
    amount = "" if row["amount_cents"] is None else money(row["amount_cents"], row["currency_code"])
    title = f"Deal {row['deal_name']}{' of ' if amount else ''}{amount}"
    yield Moment(row["created_at"], "order", "coins", "info", title, stage_name(row["stage"]))
    if row["outcome"] in {"won", "lost"} and row["closed_at"] is not None:
        tone = "success" if row["outcome"] == "won" else "warning"
        yield Moment(row["closed_at"], "order", "coins", tone, f"Deal {row['deal_name']} {row['outcome']}", amount)


def _event(row: Row) -> Iterable[Moment]:
    """Events of messages that another system sent before us; those of our own come from the store."""
    who = " by a machine" if row["is_machine"] else ""
    what = f"{channel_name(row['channel'])} {row['event_type']}{who}"
    detail = str(row["reason"] or row["url"] or "Sent by another system")
    yield Moment(row["occurred_at"], "message", channel_icon(row["channel"]), "", what, detail)


def _newest(table: str, columns: str, at: str, where: str = "") -> str:
    return f"select {columns} from {table} where person_id = ?{where} order by {at} desc nulls last limit {EACH}"


_TOLD: tuple[tuple[str, str, Callable[[Row], Iterable[Moment]]], ...] = (
    ("engagement.fct_visits", _newest("engagement.fct_visits", "started_at, channel, campaign, device, landing_page,"
     " page_views", "started_at"), _visit),
    ("engagement.fct_form_submissions", _newest("engagement.fct_form_submissions", "submitted_at, form_name, source",
     "submitted_at"), _form),
    ("engagement.fct_message_events", _newest("engagement.fct_message_events", "occurred_at, channel, event_type,"
     " is_machine, reason, url", "occurred_at", " and message_id is null and event_type not in ('accepted',"
     " 'deferred')"), _event),
    ("commerce.fct_carts", _newest("commerce.fct_carts", "cart_id, last_touched_at, status, item_count, total_cents,"
     " currency_code", "last_touched_at"), _cart),
    ("commerce.fct_orders", _newest("commerce.fct_orders", "ordered_at, order_name, source, status, net_cents,"
     " currency_code, discount_code", "ordered_at"), _order),
    ("crm.fct_deals", _newest("crm.fct_deals", "deal_name, stage, outcome, amount_cents, currency_code, created_at,"
     " closed_at", "created_at"), _deal),
    ("scores.fct_score_points", _newest("scores.fct_score_points", "occurred_at, label, source, subject, points",
     "occurred_at"), _points),
    ("consent.person_channel_consent", _newest("consent.person_channel_consent", "channel, purpose, is_granted,"
     " decided_at, source, evidence", "decided_at"), _consent),
    ("loyalty.fct_loyalty_points", _newest("loyalty.fct_loyalty_points", "occurred_at, kind, points, reason",
     "occurred_at", " and account = 'member'"), _loyalty),
    ("people.person_merges", "select merged_at, reason from people.person_merges where surviving_person_id = ?",
     _merge),
    ("people.person_contacts", _newest("people.person_contacts", "created_at, source, matched_by", "created_at"),
     _contact),
)  # fmt: skip
