"""The gate: the one place where it is asked whether a message may leave, in the transaction that claims it.

Belongs here: the questions and their order. Stays out: the answers' sources (`dmat/campaigns/facts.py`, and what it
reads), pure rules on times (`dmat/campaigns/pace.py`).

    still in time? -> person known, address valid? -> address suppressed? -> consent? -> held out of everything?
    -> frequency, and does somebody
    more important need the place? -> quiet hours, country rules? -> a sender for the channel, its window? -> warm-up?
    -> programme paused? -> hold-out?
    (the provider's dynamic throttle is kept by the sender, on real time)

A held-out person waits as the others would and is marked at the moment at which a message would have left, so that
both groups are compared from the same moment on.
What somebody asked for or must know (purpose `transactional`) needs no consent to marketing and knows no caps, quiet
hours or hold-out, but never goes to an address that is dead, complained about, erased, or that said STOP.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from dmat.campaigns.country_rules import CountryRule, find_rule, has_rules
from dmat.campaigns.facts import TRANSACTIONAL, Facts, read_facts
from dmat.campaigns.holdout import GLOBAL, is_held_out_of_all
from dmat.campaigns.pace import capped_until, find_zone, place_kept_until, quiet_until, rests_until
from dmat.campaigns.programmes import step_programme
from dmat.channels.addresses import find_invalid, is_valid
from dmat.channels.contract import OURS, PULLED
from dmat.channels.whatsapp import may_write_freely
from dmat.consent.permission import NO_RECORD
from dmat.ledger.claim import Gate, Verdict
from dmat.ledger.control import plain_reason
from dmat.ledger.entries import CLAIMED, EXPIRED, HELD_OUT, PLANNED, SUPPRESSED, Entry
from dmat.settings import Settings

LOOK_AGAIN = timedelta(minutes=5)
NO_SENDER_AGAIN = timedelta(hours=1)
NO_HOUR_AGAIN = timedelta(days=1)
ASKED_OF_CONTEXT = ("time_zone", "country_code")  # of what is personal; nothing else of it is looked at here
PASSED = Verdict(CLAIMED, "passed the gate")
HELD = Verdict(HELD_OUT, "held out to measure the effect of the programme")


def make_gate(settings: Settings) -> Gate:
    """The gate of a workspace, to be given to `dmat.ledger.claim.claim`."""

    def gate(connection: Connection, entries: Sequence[Entry], now: datetime) -> dict[str, Verdict]:
        facts = read_facts(connection, settings, entries, now)
        asked = _worth_asking(facts, entries)
        if len({entry.person_id for entry in entries}) == len(entries) and not facts.allowances.left:
            verdicts = {entry.message_id: HELD if entry.is_holdout else PASSED for entry in entries}
            for entry in _whom_to_ask(facts, entries, asked):
                verdicts[entry.message_id] = judge(entry, facts, asked)
            return verdicts
        verdicts = {}
        for entry in sorted(entries, key=lambda entry: -entry.priority):
            verdicts[entry.message_id] = verdict = judge(entry, facts, asked)
            if verdict is PASSED:
                _count(entry, facts)  # for the next one in this batch
        facts.allowances.write(connection)
        return verdicts

    return gate


def _count(entry: Entry, facts: Facts) -> None:
    if facts.allowances.left:
        facts.allowances.take(facts.providers[entry.channel], entry.address)
    if entry.purpose != TRANSACTIONAL:
        facts.sent_at[entry.person_id].append(facts.now)


def _worth_asking(facts: Facts, entries: Sequence[Entry]) -> tuple[Question, ...]:
    """The questions without those that have one answer for the whole batch: nobody is late, nothing is paused, ..."""
    people = {entry.person_id for entry in entries}
    is_each_once, channels = len(people) == len(entries), {entry.channel for entry in entries}
    moot: dict[Question, bool] = {
        _in_time: not any(entry.expires_at is not None and entry.expires_at <= facts.now for entry in entries),
        _person: min(people, default=1) > 0,
        _suppression: not facts.suppressed,
        _global_holdout: not facts.settings.global_holdout_share,
        _frequency: is_each_once and not (facts.sent_at or facts.personal_caps or facts.more_important),
        _channel: all(facts.providers.get(channel) or channel in PULLED for channel in channels),
        _window: "whatsapp" not in channels,
        _warm_up: not facts.allowances.left,
        _paused: not facts.paused,
    }
    return tuple(question for question in _ASKED if not moot.get(question))


def _whom_to_ask(facts: Facts, entries: Sequence[Entry], asked: Sequence[Question]) -> Sequence[Entry]:
    """Those whom one of the questions may keep back: most of a batch are not, which is seen at once for all of them."""
    marketing = [entry for entry in entries if entry.purpose != TRANSACTIONAL]
    found = {entry.message_id: entry for entry in entries if entry.purpose == TRANSACTIONAL}
    for question in asked:
        if question not in _FINDING:
            return entries
        found |= {entry.message_id: entry for entry in _FINDING[question](marketing, facts)}
    return list(found.values())


def judge(entry: Entry, facts: Facts, asked: Sequence[Question] = ()) -> Verdict:
    """Ask every question in order; the first that does not say "go on" decides.

    Args:
        entry: a due message.
        facts: what is known.
        asked: the questions that matter for marketing in this batch; empty: all of them.
    """
    for question in _ASKED_OF_TRANSACTIONS if entry.purpose == TRANSACTIONAL else asked or _ASKED:
        verdict = question(entry, facts)
        if verdict is not None:
            return _while_it_lasts(entry, verdict)
    return HELD if entry.is_holdout else PASSED


def _later(reason: str, at: datetime) -> Verdict:
    return Verdict(PLANNED, f"later, at {at:%Y-%m-%d %H:%M} UTC: {reason}", at)


def _while_it_lasts(entry: Entry, verdict: Verdict) -> Verdict:
    """A message that may leave only when its time is over never leaves: it is said at once."""
    if verdict.at is None or entry.expires_at is None or verdict.at < entry.expires_at:
        return verdict
    words = f"{plain_reason(verdict.reason)}, and later is too late | not before {verdict.at:%Y-%m-%d %H:%M} UTC"
    return Verdict(EXPIRED, f"{words}, its time is over at {entry.expires_at:%Y-%m-%d %H:%M} UTC"[:500])


def _in_time(entry: Entry, facts: Facts) -> Verdict | None:
    if entry.expires_at is not None and entry.expires_at <= facts.now:
        return Verdict(EXPIRED, f"its time was over at {entry.expires_at:%Y-%m-%d %H:%M} UTC | {entry.reason}"[:500])
    return None


def _person(entry: Entry, _facts: Facts) -> Verdict | None:
    return Verdict(SUPPRESSED, "the person is not known") if entry.person_id <= 0 else None


def _address(entry: Entry, _facts: Facts) -> Verdict | None:
    return None if is_valid(entry.channel, entry.address) else Verdict(SUPPRESSED, "the address is not valid")


def _suppression(entry: Entry, facts: Facts) -> Verdict | None:
    reason = facts.suppressed.get((entry.address, entry.channel))
    if reason is None:
        return None
    if entry.purpose == TRANSACTIONAL and entry.channel == "email" and reason == "unsubscribed":
        return None  # left the newsletter; the mail that was asked for still comes
    return Verdict(SUPPRESSED, f"the address is suppressed: {reason}")


def _consent(entry: Entry, facts: Facts) -> Verdict | None:
    if entry.person_id in facts.granted[(entry.channel, entry.purpose)]:
        return None
    answer = facts.permissions.get((entry.person_id, entry.channel, entry.purpose), NO_RECORD)
    if answer is NO_RECORD and entry.channel in OURS:
        return None
    return Verdict(SUPPRESSED, f"no consent: {answer.why}")


def _global_holdout(entry: Entry, facts: Facts) -> Verdict | None:
    return Verdict(SUPPRESSED, GLOBAL) if is_held_out_of_all(facts.settings, entry.person_id) else None


def _frequency(entry: Entry, facts: Facts) -> Verdict | None:
    sent_at = facts.sent_at.get(entry.person_id, ())
    cap = facts.settings.frequency_cap_per_week
    own = facts.personal_caps.get(entry.person_id)
    if own is not None:
        window = timedelta(days=own.days)
        until = capped_until(sent_at, own.most, facts.now, window) if own.most else facts.now + window
        if until:
            return _later(f"the person wants at most {own.most} messages in {own.days} days", until)
    until = capped_until(sent_at, cap, facts.now) if sent_at else None
    if until:
        return _later(f"{cap} messages in seven days are enough", until)
    return _place(entry, facts, sent_at, cap) if entry.person_id in facts.more_important else None


def _place(entry: Entry, facts: Facts, sent_at: Sequence[datetime], cap: int) -> Verdict | None:
    """Whether this message would take the place of a more important one that is planned."""
    due = [at for priority, at in facts.more_important[entry.person_id] if priority > entry.priority]
    until = place_kept_until(sent_at, due, cap, facts.now)
    return _later("a more important message keeps this place in the week", until) if until else None


def _rest(entry: Entry, facts: Facts) -> Verdict | None:
    if entry.channel in PULLED:
        return None  # the person is on our pages at this moment
    zone, country = (str(entry.context.get(name) or "") for name in ASKED_OF_CONTEXT)
    rule = find_rule(country, entry.channel, entry.address)
    key = (zone, rule.country_code if rule else "")
    if key not in facts.rests:
        facts.rests[key] = _resting(facts, zone, rule)
    return facts.rests[key]


def _resting(facts: Facts, zone: str, rule: CountryRule | None) -> Verdict | None:
    """Worked out once for each time zone and country of a batch."""
    settings, place = facts.settings, find_zone(zone, facts.settings.workspace_time_zone)
    hours = settings.quiet_hours_start, settings.quiet_hours_end
    try:
        until = rests_until(facts.now, place, *hours, rule)
    except ValueError as error:
        return _later(str(error), facts.now + NO_HOUR_AGAIN)
    if until is None:
        return None
    if rule is None or quiet_until(facts.now, place, *hours) is not None:
        return _later(f"quiet hours in {place.key}", until)
    return _later(f"{rule.words}; {place.key}", until)


def _channel(entry: Entry, facts: Facts) -> Verdict | None:
    if facts.providers[entry.channel] or entry.channel in PULLED:
        return None
    return _later(f"nothing sends by {entry.channel} yet", facts.now + NO_SENDER_AGAIN)


def _window(entry: Entry, facts: Facts) -> Verdict | None:
    """WhatsApp takes free words for a day after a person wrote, and approved templates at any time."""
    if entry.channel != "whatsapp" or may_write_freely(facts.replied_at.get(entry.address), facts.now):
        return None
    name, language = facts.whatsapp_templates.get((entry.template, entry.template_version, entry.locale), ("", ""))
    if not name:
        return Verdict(SUPPRESSED, "the person did not write within 24 hours, and WhatsApp takes only templates then")
    why_not = facts.approvals.why_not(name, language)
    return _later(why_not, facts.now + NO_SENDER_AGAIN) if why_not else None


def _warm_up(entry: Entry, facts: Facts) -> Verdict | None:
    refusal = facts.allowances.refusal(facts.providers[entry.channel], entry.address)
    return _later(refusal, facts.allowances.again_at) if refusal else None


def _paused(entry: Entry, facts: Facts) -> Verdict | None:
    paused = facts.paused
    if not paused:
        return None
    names = (
        (entry.programme, "programme"), (f"{entry.programme}/{entry.channel}", "channel"),
        (step_programme(entry.programme, entry.step), "step"),
    )  # fmt: skip
    for name, what in names:
        if name in paused:
            return _later(f"the {what} is paused ({paused[name] or 'no reason given'})", facts.now + LOOK_AGAIN)
    return None


Question = Callable[[Entry, Facts], Verdict | None]
_ASKED: tuple[Question, ...] = (
    _in_time, _person, _address, _suppression, _consent, _global_holdout, _frequency, _rest, _channel, _window,
    _warm_up, _paused,
)  # fmt: skip
_ASKED_OF_TRANSACTIONS: tuple[Question, ...] = (
    _in_time, _address, _suppression, _channel, _window, _warm_up, _paused,
)  # fmt: skip


def _with_invalid_address(entries: Sequence[Entry], _facts: Facts) -> Sequence[Entry]:
    addresses: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        addresses[entry.channel].append(entry.address)
    invalid = {channel: find_invalid(channel, given) for channel, given in addresses.items()}
    return [entry for entry in entries if entry.address in invalid[entry.channel]] if any(invalid.values()) else ()


def _suppressed_ones(entries: Sequence[Entry], facts: Facts) -> Sequence[Entry]:
    suppressed = facts.suppressed
    return [entry for entry in entries if (entry.address, entry.channel) in suppressed]


def _without_consent(entries: Sequence[Entry], facts: Facts) -> Sequence[Entry]:
    granted = facts.granted
    return [entry for entry in entries if entry.person_id not in granted[(entry.channel, entry.purpose)]]


def _written_to(entries: Sequence[Entry], facts: Facts) -> Sequence[Entry]:
    people = facts.sent_at.keys() | facts.personal_caps.keys() | facts.more_important.keys()
    return [entry for entry in entries if entry.person_id in people]


def _resting_ones(entries: Sequence[Entry], facts: Facts) -> Sequence[Entry]:
    """Where no country has a rule, people of one time zone rest together."""
    ruled = {channel for channel in {entry.channel for entry in entries} if has_rules(channel)}
    found = [entry for entry in entries if entry.channel in ruled and _rest(entry, facts) is not None]
    others = [entry for entry in entries if entry.channel not in ruled]
    zones = {_zone_of(entry): entry for entry in others}
    resting = {zone for zone, entry in zones.items() if _rest(entry, facts) is not None}
    return found + [entry for entry in others if _zone_of(entry) in resting] if resting else found


def _held_out_of_all(entries: Sequence[Entry], facts: Facts) -> Sequence[Entry]:
    return [entry for entry in entries if is_held_out_of_all(facts.settings, entry.person_id)]


def _paused_ones(entries: Sequence[Entry], facts: Facts) -> Sequence[Entry]:
    first: dict[Any, Entry] = {}
    for entry in entries:
        first.setdefault((entry.programme, entry.channel, entry.step), entry)
    paused = {place for place, entry in first.items() if _paused(entry, facts) is not None}
    return [e for e in entries if (e.programme, e.channel, e.step) in paused] if paused else ()


def _zone_of(entry: Entry) -> tuple[str, str]:
    return entry.channel, str(entry.context.get("time_zone") or "")


_FINDING: dict[Question, Callable[[Sequence[Entry], Facts], Sequence[Entry]]] = {
    _address: _with_invalid_address, _suppression: _suppressed_ones, _consent: _without_consent,
    _global_holdout: _held_out_of_all, _frequency: _written_to, _rest: _resting_ones, _paused: _paused_ones,
}  # fmt: skip
"""What answers a question with anything but "go on" for no others than these."""
