"""The company's own doings go on in the living world: ads cost, posts are seen, sales meets people and deals move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dmat.connectors.catalogue import CONNECTORS
from dmat.connectors.contract import Cursor
from dmat.simulate.business import OFFICE_HOURS, Pace, measure_pace
from dmat.simulate.diary import Diary
from dmat.simulate.records import Records
from dmat.simulate.vendors.running import RunningVendors
from dmat.simulate.world import World

END = datetime(2026, 10, 1, 9)
DAYS = 30
GROWING = (
    "hubspot_contacts", "hubspot_deals", "meta_posts", "meta_ad_insights", "linkedin_posts", "linkedin_ad_analytics",
    "ga4_ad_costs",
)  # fmt: skip
OURS = {"ads", "post", "post_seen", "contacts_met", "contact_called", "deals_begun", "deal_moved"}


@pytest.fixture
def world(tmp_path: Path, company_file: Path):
    """`world(steps)` -> records of a copy of the company that has lived for DAYS days in so many steps."""

    def live(name: str, hours: int) -> Records:
        import shutil

        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(company_file, folder / "company.duckdb")
        records = Records.open(folder / "company.duckdb")
        living = World(records, Diary(folder / "world.sqlite"), lambda: END)
        assert living.stepped_to <= END
        at = END
        while at < END + timedelta(days=DAYS):
            at = min(at + timedelta(hours=hours), END + timedelta(days=DAYS))
            living.step(at)
            if hours < 24:  # the server of the vendors may be started again at any time
                living = World(records, Diary(folder / "world.sqlite"), lambda: END)
        return records

    return live


def rows(records: Records, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return records.cursor().execute(sql, list(values)).fetchall()


@pytest.fixture
def lived(world: Callable[[str, int], Records]) -> Records:
    return world("lived", 24)


def test_days_that_pass_bring_every_source_of_the_company_something_new(start: Callable[[], RunningVendors], client):
    running = start()
    running.settings.clock.advance(timedelta(days=10))
    client.post(f"{running.url}/control/step", timeout=120).raise_for_status()
    for name in GROWING:
        vendor, _, resource = name.partition("_")
        connector = CONNECTORS[vendor](running.settings)
        found = [record for page in connector.read(resource, Cursor(since=END)) for record in page.records]
        connector.close()
        assert [record for record in found if record.updated_at >= END.replace(hour=0)], name


def test_ads_cost_every_day_about_what_they_did_and_a_day_is_settled_in_the_next(lived):
    before, after = (
        rows(lived, f"select sum(spend_cents), count(distinct day) from ad_days where day {sign} ?", END.date())[0]
        for sign in ("<=", ">")
    )
    first = END.date() - timedelta(days=27)
    recent = rows(lived, "select sum(spend_cents) from ad_days where day between ? and ?", first, END.date())[0][0]
    assert after[1] == DAYS
    assert before[1] > DAYS
    assert 0.5 < (after[0] / DAYS) / (recent / 28) < 2
    figures = rows(lived, "select min(spend_cents), min(impressions - clicks), min(clicks) from ad_days")[0]
    assert min(figures) >= 0
    day = END.date() + timedelta(days=7)
    settled = {row[0] for row in rows(lived, "select updated_at from ad_days where day = ?", day)}
    assert settled == {datetime.combine(day + timedelta(days=1), datetime.min.time()) + timedelta(hours=4)}


def test_posts_are_seen_more_and_more_until_a_week_is_over(lived):
    posts = rows(lived, "select posted_at, updated_at, impressions, reach, likes, platform from social_posts"
                 " where posted_at > ?", END)  # fmt: skip
    assert {platform for *_, platform in posts} == {"instagram", "linkedin"}
    for posted, updated, impressions, reach, likes, _ in posts:
        assert posted <= updated <= posted + timedelta(hours=168)
        assert reach <= impressions
        assert likes <= impressions
    old = [row for row in posts if row[0] < END + timedelta(days=DAYS - 8)]
    assert old
    assert all(updated == posted + timedelta(hours=168) and impressions > 0 for posted, updated, impressions, *_ in old)


def test_deals_begin_move_forward_and_end_and_their_contacts_know_it(lived):
    new = rows(lived, "select count(*) from deals where created_at > ?", END)[0][0]
    moved = rows(lived, "select count(*) from deals where created_at <= ? and updated_at > ?", END, END)[0][0]
    assert new > 0
    assert moved > 0
    assert rows(lived, "select count(*) from deals where (closed_at is null) <> (stage not like 'closed%')") == [(0,)]
    assert rows(lived, "select count(*) from deals where is_won <> (stage = 'closedwon')") == [(0,)]
    assert rows(lived, "select count(*) from deals where currency_code is null or amount_cents < 5000") == [(0,)]
    strange = rows(lived, "select count(*) from deals as d join crm_contacts as c using (contact_id) where d.is_won"
                   " and d.closed_at > ? and c.lifecycle_stage not in ('customer', 'opportunity')", END)  # fmt: skip
    assert strange == [(0,)]


def test_sales_meets_people_at_the_office_and_calls_them_once(lived):
    met = rows(lived, "select created_at, person_id, lead_status from crm_contacts"
               " where source = 'OFFLINE' and created_at > ?", END)  # fmt: skip
    assert met
    assert all(OFFICE_HOURS[0] <= at.hour < OFFICE_HOURS[1] and at.weekday() < 5 for at, _, _ in met)
    assert len({person for _, person, _ in met}) == len(met)
    assert {"ATTEMPTED_TO_CONTACT"} <= {status for _, _, status in met}
    assert rows(lived, "select count(*) from records where resource = 'hubspot_contacts'") == rows(
        lived, "select count(*) from crm_contacts"
    )


def test_what_ads_cost_and_when_posts_go_out_depends_neither_on_the_steps_nor_on_restarts(world):
    by_days, by_hours = world("days", 24), world("hours", 7)
    for sql in (
        "select * from ad_days where day > ? order by all",
        "select * from social_posts where posted_at > ? order by all",
    ):
        assert rows(by_days, sql, END) == rows(by_hours, sql, END) != []


def test_a_world_whose_past_has_no_ads_posts_or_deals_gets_none(tmp_path):
    from dmat.simulate.tables import create_tables

    records = Records.open(tmp_path / "empty.duckdb")
    create_tables(records.cursor())
    assert measure_pace(records.cursor(), END) == Pace(10, (), (), 0.0, 0.0)
    diary = Diary(tmp_path / "world.sqlite")
    World(records, diary, lambda: END).step(END + timedelta(days=3))
    assert diary.waiting()["happenings"] == 0
    assert diary.read_state("business_planned") == date(2026, 10, 4).isoformat()
