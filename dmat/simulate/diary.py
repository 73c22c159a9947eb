"""The diary of the living world: mails taken, things that are due to happen, webhooks to post.

Belongs here: the durable state that is not a vendor's record, in `<home>/simulation/world.sqlite`; each call is one
short transaction, so that a mail acknowledged is a mail kept. Stays out: what happens and why (`world.py`,
`reactions.py`). One process owns the file.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

SCHEMA = """
create table if not exists mails (
    sg_message_id text primary key, dmat_message_id text, to_email text, from_email text, subject text,
    accepted_at text, status text default 'processed', opens integer default 0, clicks integer default 0,
    last_event_at text, body text);
create index if not exists mails_ours on mails (dmat_message_id);
create index if not exists mails_to on mails (to_email);
create table if not exists happenings (
    happening_id integer primary key, due_at text not null, kind text not null, payload text not null);
create index if not exists happenings_due on happenings (due_at, happening_id);
create table if not exists posts (
    post_id integer primary key, hook text not null, due_at text not null, body text not null,
    attempts integer not null default 0);
create index if not exists posts_due on posts (hook, due_at, post_id);
create table if not exists mail_counts (
    category text, day text, metric text, count integer not null, primary key (category, day, metric));
create table if not exists counts (name text primary key, count integer not null);
create table if not exists state (name text primary key, value text not null);
create table if not exists blocked (email text primary key, reason text not null);
"""


@dataclass(frozen=True)
class Happening:
    """Something that will happen in the world at `due_at`."""

    due_at: datetime
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Post:
    """One thing to post to a webhook; for SendGrid one event, which is posted together with others."""

    post_id: int
    hook: str
    due_at: datetime
    body: str
    attempts: int


@dataclass(frozen=True)
class Mail:
    """One accepted mail."""

    sg_message_id: str
    dmat_message_id: str
    to_email: str
    from_email: str
    subject: str
    accepted_at: datetime
    status: str
    opens: int
    clicks: int
    last_event_at: datetime
    body: str


class Diary:
    """The world's own small database; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._lock = threading.RLock()
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; may be nested."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("begin immediate")
            with self._connection:  # commits; whatever is raised undoes it
                yield self._connection

    def query(self, sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        with self._lock:
            return self._connection.execute(sql, tuple(values)).fetchall()

    def read_state(self, name: str, default: str = "") -> str:
        """A value that was written with `write_state`."""
        found = self.query("select value from state where name = ?", [name])
        return str(found[0][0]) if found else default

    def write_state(self, name: str, value: str) -> None:
        """Keep a value under a name."""
        with self.transaction() as connection:
            connection.execute("insert or replace into state values (?, ?)", [name, value])

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter shown by the control door."""
        with self.transaction() as connection:
            connection.execute(
                "insert into counts values (?, ?) on conflict (name) do update set count = count + excluded.count",
                [name, by],
            )

    def counts(self) -> dict[str, int]:
        """All counters."""
        return {name: count for name, count in self.query("select name, count from counts order by name")}

    def add_mail(self, mail: Mail) -> None:
        """Keep an accepted mail."""
        with self.transaction() as connection:
            values = [
                mail.sg_message_id, mail.dmat_message_id, mail.to_email, mail.from_email, mail.subject,
                mail.accepted_at.isoformat(), mail.status, mail.opens, mail.clicks, mail.last_event_at.isoformat(),
                mail.body,
            ]  # fmt: skip
            connection.execute("insert into mails values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def mails(self, where: str = "1", values: Iterable[Any] = (), limit: int = -1) -> list[Mail]:
        """Accepted mails that fit, in the order of acceptance."""
        sql = f"select * from mails where {where} order by rowid limit ?"
        return [_mail(row) for row in self.query(sql, [*values, limit])]

    def mail_ordinal(self, mail: Mail) -> int:
        """The how-manieth mail to its address this is."""
        until = "(select rowid from mails where sg_message_id = ?)"
        sql = f"select count(*) from mails where to_email = ? and rowid <= {until}"
        return int(self.query(sql, [mail.to_email, mail.sg_message_id])[0][0])

    def mark_mail(self, sg_message_id: str, event: str, at: datetime) -> None:
        """Note on a mail what became of it."""
        status = {"delivered": "delivered", "bounce": "not_delivered", "dropped": "not_delivered"}.get(event)
        with self.transaction() as connection:
            connection.execute(
                "update mails set last_event_at = ?, status = coalesce(?, status), opens = opens + ?,"
                " clicks = clicks + ? where sg_message_id = ?",
                [at.isoformat(), status, event == "open", event == "click", sg_message_id],
            )

    def count_mails(self, categories: Iterable[str], day: date, metrics: Iterable[str], by: int = 1) -> None:
        """Add to the vendor's own statistics by category and day."""
        rows = [(category, day.isoformat(), metric, by) for category in dict.fromkeys(categories) for metric in metrics]
        with self.transaction() as connection:
            connection.executemany(
                "insert into mail_counts values (?, ?, ?, ?)"
                " on conflict (category, day, metric) do update set count = count + excluded.count",
                rows,
            )

    def mail_categories(self, limit: int, offset: int) -> list[str]:
        """Categories that mails had, by name."""
        sql = "select distinct category from mail_counts order by category limit ? offset ?"
        return [str(name) for (name,) in self.query(sql, [limit, offset])]

    def mail_counts(self, since: date, until: date) -> dict[tuple[str, str], dict[str, int]]:
        """(category, day) -> metric -> count, both days within."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        sql = "select category, day, metric, count from mail_counts where day between ? and ?"
        for category, day, metric, count in self.query(sql, [since.isoformat(), until.isoformat()]):
            found.setdefault((category, day), {})[metric] = count
        return found

    def block(self, email: str, reason: str) -> None:
        """Put an address on the vendor's own suppression list: later mails to it are dropped."""
        with self.transaction() as connection:
            connection.execute("insert or ignore into blocked values (?, ?)", [email, reason])

    def blocked_reason(self, email: str) -> str | None:
        """Why the vendor would drop a mail to this address, or None."""
        found = self.query("select reason from blocked where email = ?", [email])
        return str(found[0][0]) if found else None

    def expect(self, happenings: Iterable[Happening]) -> None:
        """Write down what is going to happen."""
        rows = [(one.due_at.isoformat(), one.kind, orjson.dumps(one.payload).decode()) for one in happenings]
        with self.transaction() as connection:
            connection.executemany("insert into happenings (due_at, kind, payload) values (?, ?, ?)", rows)

    def take_due(self, now: datetime, limit: int = 10_000) -> list[Happening]:
        """Take out what is due, in order; to be called inside a transaction that does it."""
        sql = (
            "delete from happenings where happening_id in (select happening_id from happenings where due_at <= ?"
            " order by due_at, happening_id limit ?) returning due_at, happening_id, kind, payload"
        )
        rows = sorted(self.query(sql, [now.isoformat(), limit]))
        return [Happening(datetime.fromisoformat(due), kind, orjson.loads(text)) for due, _, kind, text in rows]

    def add_posts(self, hook: str, posts: Iterable[tuple[datetime, dict[str, Any]]]) -> None:
        """Queue bodies for a webhook."""
        rows = [(hook, due.isoformat(), orjson.dumps(body).decode()) for due, body in posts]
        with self.transaction() as connection:
            connection.executemany("insert into posts (hook, due_at, body) values (?, ?, ?)", rows)

    def due_posts(self, hook: str, now: datetime, limit: int) -> list[Post]:
        """The next posts of a hook, oldest first; they stay until `remove_posts`."""
        sql = "select post_id, hook, due_at, body, attempts from posts where hook = ? and due_at <= ?"
        rows = self.query(sql + " order by due_at, post_id limit ?", [hook, now.isoformat(), limit])
        return [Post(number, name, datetime.fromisoformat(due), body, tries) for number, name, due, body, tries in rows]

    def remove_posts(self, posts: Iterable[Post]) -> None:
        """They arrived, or are given up."""
        with self.transaction() as connection:
            connection.executemany("delete from posts where post_id = ?", [(post.post_id,) for post in posts])

    def count_attempt(self, posts: Iterable[Post]) -> None:
        """They did not arrive this time."""
        with self.transaction() as connection:
            connection.executemany(
                "update posts set attempts = attempts + 1 where post_id = ?", [(post.post_id,) for post in posts]
            )

    def waiting(self) -> dict[str, int]:
        """How many happenings and posts are still to come."""
        happenings = self.query("select count(*) from happenings")[0][0]
        return {"happenings": int(happenings), "posts": int(self.query("select count(*) from posts")[0][0])}


def _mail(row: tuple[Any, ...]) -> Mail:
    moment = datetime.fromisoformat
    sg_id, ours, to, sender, subject, accepted, status, opens, clicks, last, body = row
    return Mail(sg_id, ours, to, sender, subject, moment(accepted), status, opens, clicks, moment(last), body)
