"""What the company itself does from day to day: ads cost, posts are seen, sales meets people, deals move.

Belongs here: planning each day at the pace of the written past, and writing what happened into the typed tables.
Stays out: what people do (`crowd.py`, `shopping.py`) and the written past (`media.py`, `deals.py`, `contacts.py`).

A day is drawn from the seed and its date alone, and the pace is measured once, so neither the steps of the clock nor a
restart change what ads cost and how posts do. A world whose past has no ads, posts or deals gets none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import duckdb
import numpy as np
import orjson

from dmat.simulate.deals import LOST, OPEN_STAGES, STAGES, SUBJECTS, WIN_SHARE, WON
from dmat.simulate.diary import Diary, Happening
from dmat.simulate.media import CAPTIONS
from dmat.simulate.rhythm import HOUR_FACTORS, MONTH_FACTORS, WEEKDAY_FACTORS
from dmat.simulate.shopping import Shopping

AD_HOURS = (3, 6, 9, 12, 15, 18, 21, 24)
SETTLED_HOURS = 28  # figures of a day are final at four in the morning of the next
SEEN_HOURS = (1, 6, 24, 48, 96, 168)
POST_FADES_HOURS = 30.0
POST_ID_STEP = 137
OFFICE_HOURS = (8, 17)
PACE_DAYS = 28
SALES_DAYS = 90
AD_RECORDS = {"meta": "meta_ad_insights", "linkedin": "linkedin_ad_analytics", "google": "ga4_ad_costs"}
POST_RECORDS = {"instagram": "meta_posts", "linkedin": "linkedin_posts"}
REACTIONS = {"clicks": 0.012, "likes": 0.045, "comments": 0.004, "shares": 0.003, "saved": 0.006}


@dataclass(frozen=True)
class Campaign:
    """One campaign as it ran in the last weeks of the past: clicks on the average day, and what they cost."""

    platform: str
    campaign_id: int
    campaign: str
    currency_code: str
    clicks: float
    click_cents: float
    impressions: float


@dataclass(frozen=True)
class Outlet:
    """One place of posts: how many a day, and how many people see one."""

    platform: str
    posts: float
    impressions: float


@dataclass(frozen=True)
class Pace:
    """How busy the company was when its written past ended, in month `month`."""

    month: int
    campaigns: tuple[Campaign, ...]
    outlets: tuple[Outlet, ...]
    contacts: float
    deals: float

    @classmethod
    def parse(cls, text: str) -> Pace:
        """Read what `orjson.dumps` wrote of one."""
        kept = orjson.loads(text)
        campaigns = tuple(Campaign(**one) for one in kept.pop("campaigns"))
        return cls(campaigns=campaigns, outlets=tuple(Outlet(**one) for one in kept.pop("outlets")), **kept)


class Business:
    """The company's own doings; the diary keeps what is planned."""

    def __init__(self, diary: Diary, seed: int) -> None:
        self.diary, self.seed = diary, seed
        self._pace: Pace | None = None
        self.doings: dict[str, Callable[[Shopping, Happening], None]] = {
            "ads": self._ads, "post": self._post, "post_seen": self._post_seen, "contacts_met": self._contacts_met,
            "contact_called": self._contact_called, "deals_begun": self._deals_begun, "deal_moved": self._deal_moved,
        }  # fmt: skip

    def plan(self, connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime) -> None:
        """Plan every day up to that of `until` that is not planned yet; the first time, from `since` on."""
        planned = self.diary.read_state("business_planned")
        if planned and date.fromisoformat(planned) >= until.date():
            return
        pace = self._read_pace(connection, since)
        day = date.fromisoformat(planned) + timedelta(days=1) if planned else since.date()
        while day <= until.date():
            self.diary.expect(one for one in self._day(pace, day, has_ads=bool(planned)) if one.due_at >= since)
            planned = day.isoformat()
            day += timedelta(days=1)
        self.diary.write_state("business_planned", planned)

    def _read_pace(self, connection: duckdb.DuckDBPyConnection, since: datetime) -> Pace:
        """The pace as it was measured when the past ended; deals that were open then get their future."""
        if self._pace is None:
            kept = self.diary.read_state("business_pace")
            if not kept:
                kept = orjson.dumps(measure_pace(connection, since)).decode()
                self.diary.write_state("business_pace", kept)
                self.diary.expect(self._open_deals(connection, since))
            self._pace = Pace.parse(kept)
        return self._pace

    def _open_deals(self, connection: duckdb.DuckDBPyConnection, since: datetime) -> Iterator[Happening]:
        sql = "select deal_id, stage from deals where closed_at is null order by deal_id"
        for deal_id, stage in connection.execute(sql).fetchall():
            yield from self._deal_future(deal_id, STAGES.index(stage), since)

    def _deal_future(self, deal_id: int, reached: int, at: datetime) -> Iterator[Happening]:
        """The stages that are left, and the end."""
        rng = np.random.default_rng([self.seed, deal_id])
        step = timedelta(days=(float(rng.gamma(2.0, 24.0)) + 1) / OPEN_STAGES)
        end = WON if rng.random() < WIN_SHARE else LOST
        due = at + step * float(rng.random())
        for stage in [*range(reached + 1, OPEN_STAGES), end]:
            yield Happening(due, "deal_moved", {"deal_id": deal_id, "stage": stage})
            due += step

    def _day(self, pace: Pace, day: date, has_ads: bool) -> Iterator[Happening]:
        midnight = datetime.combine(day, time())
        rng = np.random.default_rng([self.seed, day.toordinal()])
        if has_ads and pace.campaigns:
            for hour in (*AD_HOURS, SETTLED_HOURS):
                share = float(HOUR_FACTORS[:hour].sum() / HOUR_FACTORS.sum())
                yield Happening(midnight + timedelta(hours=hour), "ads", {"day": day.isoformat(), "share": share})
        for outlet in pace.outlets:
            draw, second = rng.random(), int(rng.integers(9 * 3600, 19 * 3600))
            if draw < outlet.posts:
                facts = {
                    "platform": outlet.platform,
                    "impressions": outlet.impressions,
                    "seed": int(rng.integers(2**32)),
                }
                yield Happening(midnight + timedelta(seconds=second), "post", facts)
        for kind, rate in (("contacts_met", pace.contacts), ("deals_begun", pace.deals)):
            for hour in range(*OFFICE_HOURS):
                count = int(rng.poisson(rate * 7 / 5 / (OFFICE_HOURS[1] - OFFICE_HOURS[0])))
                minute, drawn = int(rng.integers(60)), int(rng.integers(2**32))
                if count and day.weekday() < 5:
                    due = midnight + timedelta(hours=hour, minutes=minute)
                    yield Happening(due, kind, {"count": count, "seed": drawn})

    # what happens

    def _ads(self, shopping: Shopping, happening: Happening) -> None:
        """What each campaign has cost by now on that day."""
        day, share = date.fromisoformat(happening.payload["day"]), happening.payload["share"]
        pace = self._read_pace(shopping.connection, happening.due_at)
        season = WEEKDAY_FACTORS[day.weekday()] * MONTH_FACTORS[day.month - 1] / MONTH_FACTORS[pace.month - 1]
        for one in pace.campaigns:
            rng = np.random.default_rng([self.seed, day.toordinal(), one.campaign_id])
            clicks = int(rng.poisson(one.clicks * season))
            impressions = clicks + int(rng.poisson(one.impressions * season))
            spend = max(0.0, clicks * one.click_cents * float(rng.normal(1, 0.06)))
            shopping.connection.execute(
                "delete from ad_days where campaign_id = ? and platform = ? and day = ?",
                [one.campaign_id, one.platform, day],
            )
            shopping.add("ad_days", platform=one.platform, campaign_id=one.campaign_id, campaign=one.campaign, day=day,
                         spend_cents=round(spend * share), currency_code=one.currency_code,
                         impressions=int(impressions * share), clicks=int(clicks * share),
                         updated_at=happening.due_at)  # fmt: skip
            shopping.touch(AD_RECORDS[one.platform], f"{one.campaign_id}:{day.isoformat()}")

    def _post(self, shopping: Shopping, happening: Happening) -> None:
        facts, at = happening.payload, happening.due_at
        rng = np.random.default_rng(facts["seed"])
        newest = shopping.one("select max(post_id) as id from social_posts where platform = ?", [facts["platform"]])
        post_id = (newest or {"id": 0})["id"] + POST_ID_STEP
        nothing_yet = dict.fromkeys(("impressions", "reach", *REACTIONS), 0)
        shopping.add("social_posts", post_id=post_id, platform=facts["platform"], posted_at=at, updated_at=at,
                     media_type=str(rng.choice(["IMAGE", "VIDEO", "CAROUSEL_ALBUM"], p=[0.6, 0.25, 0.15])),
                     body=CAPTIONS[int(rng.integers(len(CAPTIONS)))], **nothing_yet)  # fmt: skip
        shopping.touch(POST_RECORDS[facts["platform"]], post_id)
        self.diary.expect(
            Happening(at + timedelta(hours=hours), "post_seen", {**facts, "post_id": post_id, "hours": hours})
            for hours in SEEN_HOURS
        )

    def _post_seen(self, shopping: Shopping, happening: Happening) -> None:
        """How a post has done by now: most look on the first days, and after a week it is settled."""
        facts = happening.payload
        share = float(-np.expm1(-facts["hours"] / POST_FADES_HOURS) / -np.expm1(-SEEN_HOURS[-1] / POST_FADES_HOURS))
        rng = np.random.default_rng([facts["seed"], 1])
        seen = int(facts["impressions"] * np.exp(rng.normal(-0.125, 0.5))) + 20
        settled = {"impressions": seen, "reach": int(seen * rng.uniform(0.7, 0.95))}
        settled |= {name: int(rng.binomial(seen, rate)) for name, rate in REACTIONS.items()}
        sets = ", ".join(f"{name} = ?" for name in settled)
        shopping.connection.execute(
            f"update social_posts set {sets}, updated_at = ? where post_id = ?",
            [*(int(figure * share) for figure in settled.values()), happening.due_at, facts["post_id"]],
        )
        shopping.touch(POST_RECORDS[facts["platform"]], facts["post_id"])

    def _contacts_met(self, shopping: Shopping, happening: Happening) -> None:
        """Sales writes down people whom the CRM does not know yet, those who buy for a company first."""
        people = _rows(shopping, "select p.*, c.name as company_name from people as p left join companies as c"
                       " using (company_id) where person_id not in (select person_id from crm_contacts"
                       " where person_id is not null) order by company_id is null, hash(person_id + ?) limit ?",
                       [happening.payload["seed"], happening.payload["count"]])  # fmt: skip
        for person in people:
            contact_id = shopping.know_contact(person, happening.due_at)
            shopping.connection.execute(
                "update crm_contacts set source = 'OFFLINE', job_title = ?, company_id = ?, company_name = ?"
                " where contact_id = ?",
                [person["job_title"], person["company_id"], person["company_name"], contact_id],
            )
            rng = np.random.default_rng([self.seed, happening.payload["seed"], person["person_id"]])
            due = happening.due_at + timedelta(days=float(rng.uniform(0.5, 5)))
            self.diary.expect([Happening(due, "contact_called", {"contact_id": contact_id})])

    def _contact_called(self, shopping: Shopping, happening: Happening) -> None:
        sql = "lead_status = 'ATTEMPTED_TO_CONTACT', lifecycle_stage = 'marketingqualifiedlead'"
        self._change_contact(shopping, happening, happening.payload["contact_id"], f"{sql} where lead_status = 'NEW'")

    def _change_contact(self, shopping: Shopping, happening: Happening, contact_id: int, changes: str) -> None:
        where = "and" if " where " in changes else "where"
        shopping.connection.execute(
            f"update crm_contacts set updated_at = ?, {changes} {where} contact_id = ?", [happening.due_at, contact_id]
        )
        shopping.touch("hubspot_contacts", contact_id)

    def _deals_begun(self, shopping: Shopping, happening: Happening) -> None:
        """Deals with business contacts that have none open."""
        contacts = _rows(shopping, "select contact_id, company_id, company_name from crm_contacts as c"
                         " where company_id is not null and not exists (select 1 from deals as d"
                         " where d.contact_id = c.contact_id and d.closed_at is null)"
                         " order by hash(contact_id + ?) limit ?",
                         [happening.payload["seed"], happening.payload["count"]])  # fmt: skip
        currency = shopping.one("select any_value(currency_code) as code from deals") or {"code": None}
        for contact in contacts:
            deal_id = shopping.next_id("deals", "deal_id")
            rng = np.random.default_rng([happening.payload["seed"], contact["contact_id"]])
            amount = max(50, round(float(np.exp(rng.normal(7.2, 0.9))))) * 100
            name = f"{SUBJECTS[int(rng.integers(len(SUBJECTS)))]} for {contact['company_name']}"
            shopping.add("deals", deal_id=deal_id, contact_id=contact["contact_id"], company_id=contact["company_id"],
                         name=name, amount_cents=amount, currency_code=currency["code"], stage=STAGES[0],
                         created_at=happening.due_at, updated_at=happening.due_at, is_won=False)  # fmt: skip
            shopping.touch("hubspot_deals", deal_id)
            opened = "lead_status = 'OPEN_DEAL', lifecycle_stage = 'opportunity'"
            self._change_contact(shopping, happening, contact["contact_id"], opened)
            self.diary.expect(self._deal_future(deal_id, 0, happening.due_at))

    def _deal_moved(self, shopping: Shopping, happening: Happening) -> None:
        deal_id, stage = happening.payload["deal_id"], happening.payload["stage"]
        deal = shopping.one("select * from deals where deal_id = ? and closed_at is null", [deal_id])
        if deal is None:
            return
        closed_at = happening.due_at if stage in (WON, LOST) else None
        shopping.connection.execute(
            "update deals set stage = ?, updated_at = ?, closed_at = ?, is_won = ? where deal_id = ?",
            [STAGES[stage], happening.due_at, closed_at, stage == WON, deal_id],
        )
        shopping.touch("hubspot_deals", deal_id)
        if stage == WON:
            self._change_contact(shopping, happening, deal["contact_id"], "lifecycle_stage = 'customer'")


def measure_pace(connection: duckdb.DuckDBPyConnection, until: datetime) -> Pace:
    """How busy the company was up to `until`."""
    campaigns = connection.execute(
        "select platform, campaign_id, campaign, currency_code, avg(clicks) as clicks,"
        " sum(spend_cents) / greatest(sum(clicks), 1) as click_cents, avg(impressions - clicks) as impressions"
        f" from ad_days where day > (select max(day) from ad_days) - {PACE_DAYS} group by all order by campaign_id"
    ).fetchall()
    outlets = connection.execute(
        "select platform, (count(*) - 1) * 86400.0 / (epoch(max(posted_at)) - epoch(min(posted_at))), avg(impressions)"
        " from social_posts group by platform having count(distinct posted_at) > 1 order by platform"
    ).fetchall()
    since = until - timedelta(days=SALES_DAYS)
    contacts, deals = (_count_since(connection, table, since) / SALES_DAYS for table in ("crm_contacts", "deals"))
    return Pace(
        month=until.month, campaigns=tuple(Campaign(*row) for row in campaigns),
        outlets=tuple(Outlet(*row) for row in outlets), contacts=contacts, deals=deals,
    )  # fmt: skip


def _count_since(connection: duckdb.DuckDBPyConnection, table: str, since: datetime) -> int:
    found = connection.execute(f"select count(*) from {table} where created_at > ?", [since]).fetchone()
    return int(found[0]) if found else 0


def _rows(shopping: Shopping, sql: str, values: Iterable[Any]) -> list[dict[str, Any]]:
    cursor = shopping.connection.execute(sql, list(values))
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
