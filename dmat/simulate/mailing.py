"""How people took what was sent: newsletters delivered, opened, clicked, left; text messages and their answers.

Belongs here: drawing reactions from each person's hidden habits, and the SendGrid and Twilio rows that result.
Stays out: what was sent and when (`media.py`), and what a message sent from now on does (`world.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np

from dmat.simulate.columns import NONE, moments, numbers, stage
from dmat.simulate.media import mailing_moments, text_moments
from dmat.simulate.people import People
from dmat.simulate.rhythm import DAY, HOUR, Calendar

EVENTS = ("delivered", "open", "click", "bounce", "dropped", "deferred", "spamreport", "unsubscribe")
DELIVERED, OPEN, CLICK, BOUNCE, DROPPED, DEFERRED, SPAM, UNSUBSCRIBE = range(len(EVENTS))
TEXT_BODIES = (
    "The Shop: our sale is on, 20 % on everything. https://shop.example/s Reply STOP to opt out",
    "The Shop: new in today. Have a look: https://shop.example/n Reply STOP to opt out",
)


@dataclass(frozen=True)
class MailReactions:
    """E-mail events of one chunk (parallel arrays), and when each person withdrew consent by mail (-1: did not)."""

    person: np.ndarray
    mailing: np.ndarray
    kind: np.ndarray
    moment: np.ndarray
    is_machine: np.ndarray
    withdrawn: np.ndarray


def draw_mail_reactions(rng: np.random.Generator, people: People, calendar: Calendar) -> MailReactions:
    """Send every newsletter of the past to those who had agreed, and draw what they did."""
    sent = mailing_moments(calendar)
    truth, shape = people.truth, (len(people), len(sent))
    agreed = (people.email_consent[:, None] != NONE) & (people.email_consent[:, None] <= sent[None, :])
    leaves = agreed & (rng.random(shape) < truth["unsubscribe_rate"][:, None]) & ~truth["is_bouncing"][:, None]
    complains = agreed & (rng.random(shape) < truth["complaint_rate"][:, None]) & ~truth["is_bouncing"][:, None]
    ended = np.cumsum(leaves | complains, axis=1) - (leaves | complains)
    reached = agreed & (ended == 0)
    person, mailing = np.nonzero(reached)
    nth = np.cumsum(reached, axis=1)[person, mailing]
    parts = _draw_events(rng, people, calendar, person, mailing, nth, sent[mailing])
    gone = _draw_farewells(rng, people, person, mailing, sent[mailing], leaves, complains)
    kept = [[column[part[3] < calendar.end_second] for column in part] for part in [*parts, *gone]]
    columns = [np.concatenate([part[number] for part in kept]) for number in range(5)]
    withdrawn = np.full(len(people), NONE)
    left = np.isin(columns[2], (SPAM, UNSUBSCRIBE))
    withdrawn[columns[0][left]] = columns[3][left]
    person, mailing, kind, moment, is_machine = columns
    return MailReactions(person, mailing, kind, moment, is_machine, withdrawn)


Part = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _part(
    person: np.ndarray, mailing: np.ndarray, kind: int, moment: np.ndarray, is_machine: bool = False
) -> Part:  # fmt: skip
    size = len(person)
    return person, mailing, np.full(size, kind), moment, np.full(size, is_machine)


def _draw_events(
    rng: np.random.Generator, people: People, calendar: Calendar, person: np.ndarray, mailing: np.ndarray,
    nth: np.ndarray, sent: np.ndarray,
) -> list[Part]:  # fmt: skip
    truth, size = people.truth, len(person)
    bad = truth["is_bouncing"][person]
    delivered = sent + np.minimum(rng.exponential(40, size).astype(np.int64) + 2, 3 * HOUR)
    opens = ~bad & (rng.random(size) < truth["open_rate"][person])
    opened = draw_open_moments(rng, people, calendar, person, delivered)
    clicks = opens & (rng.random(size) < truth["click_rate"][person])
    machine = ~bad & truth["is_machine_opener"][person] & (rng.random(size) < 0.95)
    slow = ~bad & (rng.random(size) < 0.012)
    again = opens & (rng.random(size) < 0.22)
    first, later = bad & (nth == 1), bad & (nth > 1)

    def some(mask: np.ndarray, kind: int, moment: np.ndarray, is_machine: bool = False) -> Part:
        return _part(person[mask], mailing[mask], kind, moment[mask], is_machine)

    return [
        some(~bad, DELIVERED, delivered), some(first, BOUNCE, delivered), some(later, DROPPED, sent + 2),
        some(slow, DEFERRED, sent + 1), some(opens, OPEN, opened),
        some(again, OPEN, opened + rng.integers(HOUR, 3 * DAY, size)),
        some(machine, OPEN, delivered + rng.integers(5, 1800, size), True),
        some(clicks, CLICK, opened + rng.integers(4, 240, size)),
    ]  # fmt: skip


def draw_open_moments(
    rng: np.random.Generator, people: People, calendar: Calendar, person: np.ndarray, delivered: np.ndarray
) -> np.ndarray:
    """When each delivered mail is opened: at the person's next best hour in 6 of 10 cases, else some hours later."""
    size = len(person)
    offset = calendar.offsets[people.zone[person], calendar.day_of(delivered)]
    wanted = people.truth["best_hour"][person] * HOUR + rng.integers(0, HOUR, size)
    at_best = delivered + (wanted - (delivered + offset)) % DAY
    anytime = delivered + rng.exponential(7 * HOUR, size).astype(np.int64) + 30
    return np.where(rng.random(size) < 0.6, at_best, anytime)


def _draw_farewells(
    rng: np.random.Generator, people: People, person: np.ndarray, mailing: np.ndarray, sent: np.ndarray,
    leaves: np.ndarray, complains: np.ndarray,
) -> list[Part]:  # fmt: skip
    moment = sent + rng.integers(600, 20 * HOUR, len(person))
    asks, marks = leaves[person, mailing], complains[person, mailing] & ~leaves[person, mailing]
    return [
        _part(person[mask], mailing[mask], kind, moment[mask])
        for mask, kind in ((asks, UNSUBSCRIBE), (marks, SPAM))
    ]  # fmt: skip


def write_email_events(connection: duckdb.DuckDBPyConnection, people: People, mail: MailReactions) -> None:
    """Write `email_events` in the vendor's words; `people` and `mailings` must be there."""
    stage(connection, "drawn_events", {
        "person_id": people.ids[mail.person], "mailing_id": mail.mailing + 1, "kind": mail.kind,
        "moment": mail.moment, "is_machine": mail.is_machine, "number": np.arange(len(mail.person)),
    })  # fmt: skip
    connection.execute(_INSERT_EVENTS)
    connection.unregister("drawn_events")


_AGENTS = (
    "['Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15',"
    " 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0',"
    " 'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/131.0 Mobile']"
)
_INSERT_EVENTS = f"""
    insert into email_events by name
    select left(md5(d.person_id || ':' || d.mailing_id || ':' || d.number), 22) as sg_event_id,
        left(md5(d.person_id || '/' || d.mailing_id), 22) || '.recvd-5f9-' || d.mailing_id || '.0' as sg_message_id,
        list_extract({list(EVENTS)}, d.kind + 1) as event, p.email, d.moment as "timestamp", m.category,
        case when d.kind in ({OPEN}, {CLICK}) then case when d.is_machine then 'Mozilla/5.0'
            else list_extract({_AGENTS}, (d.person_id % 3 + 1)::bigint) end end as useragent,
        case when d.kind in ({OPEN}, {CLICK}) then
            case when d.is_machine then '192.0.2.' || (d.person_id % 200) else '198.51.100.' || (d.person_id % 250) end
        end as ip,
        case when d.kind = {CLICK} then 'https://shop.example/?utm_source=newsletter&utm_medium=email&utm_campaign='
            || m.name end as url,
        case when d.kind = {OPEN} then d.is_machine end as sg_machine_open,
        case when d.kind = {BOUNCE} then 'bounce' end as "type",
        case when d.kind = {BOUNCE} then '550 5.1.1 The email account does not exist'
            when d.kind = {DROPPED} then 'Bounced Address' when d.kind = {DEFERRED} then '421 try again later'
        end as reason,
        case when d.kind = {BOUNCE} then '5.1.1' end as status, d.person_id, d.mailing_id
    from drawn_events as d join people as p using (person_id) join mailings as m using (mailing_id)"""


@dataclass(frozen=True)
class TextReactions:
    """Text messages of one chunk (parallel arrays); `withdrawn` is when each person answered STOP (-1: did not)."""

    person: np.ndarray
    campaign: np.ndarray
    sent: np.ndarray
    is_failed: np.ndarray
    replied: np.ndarray
    is_stop: np.ndarray
    withdrawn: np.ndarray


def draw_text_reactions(rng: np.random.Generator, people: People, calendar: Calendar) -> TextReactions:
    """Send every text campaign of the past to those who had agreed, and draw the answers."""
    sent = text_moments(calendar)
    shape = (len(people), len(sent))
    agreed = (people.sms_consent[:, None] != NONE) & (people.sms_consent[:, None] <= sent[None, :])
    stops = agreed & (rng.random(shape) < 0.015)
    reached = agreed & ((np.cumsum(stops, axis=1) - stops) == 0)
    person, campaign = np.nonzero(reached)
    is_stop = stops[person, campaign]
    failed = ~is_stop & (rng.random(len(person)) < 0.03)
    answers = is_stop | (~failed & (rng.random(len(person)) < people.truth["reply_rate"][person]))
    replied = np.where(answers, sent[campaign] + rng.integers(60, 9 * HOUR, len(person)), NONE)
    withdrawn = np.full(len(people), NONE)
    withdrawn[person[is_stop]] = replied[is_stop]
    return TextReactions(person, campaign, sent[campaign], failed, replied, is_stop, withdrawn)


def write_text_messages(connection: duckdb.DuckDBPyConnection, people: People, texts: TextReactions) -> None:
    """Write `text_messages`: what went out and what came back; `people` must be there."""
    stage(connection, "drawn_texts", {
        "person_id": people.ids[texts.person], "campaign": texts.campaign, "sent_at": moments(texts.sent),
        "is_failed": texts.is_failed, "replied_at": moments(texts.replied), "is_stop": texts.is_stop,
        "variant": numbers(texts.campaign % len(TEXT_BODIES)),
    })  # fmt: skip
    connection.execute(_INSERT_TEXTS)
    connection.unregister("drawn_texts")


_INSERT_TEXTS = f"""
    insert into text_messages by name
    with sent as (select d.*, p.phone from drawn_texts as d join people as p using (person_id))
    select 'SM' || md5('out:' || person_id || ':' || campaign) as sid, person_id, phone as to_number,
        '+4915999000111' as from_number, list_extract({list(TEXT_BODIES)}, variant + 1) as body,
        case when is_failed then 'undelivered' else 'delivered' end as status, 'outbound-api' as direction,
        sent_at - interval 1 second as created_at, sent_at, sent_at + interval 6 second as updated_at,
        '-0.07500' as price, case when is_failed then 30003 end as error_code
    from sent
    union all
    select 'SM' || md5('in:' || person_id || ':' || campaign), person_id, '+4915999000111', phone,
        case when is_stop then 'STOP' when person_id % 2 = 0 then 'Thanks!' else 'Is this still available?' end,
        'received', 'inbound', replied_at, replied_at, replied_at, '-0.00750', null
    from sent where replied_at is not null"""
