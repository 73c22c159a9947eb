"""The people whom a campaign reached, and how far each of them came: delivered, opened, clicked, answered, ordered.

Belongs here: that list, page by page. Stays out: how many there are of each (the metrics), one person's whole way
(`dmat/people`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dmat.metrics.asking import Row, Warehouse
from dmat.metrics.people import IS_SOUGHT, PEOPLE, check_page, counted_rows, like
from dmat.metrics.question import Filter, Question
from dmat.settings import Settings

STATIONS = ("delivered", "opened", "clicked", "replied", "ordered")
CONVERSIONS = "campaigns.fct_campaign_conversions"
_MOMENTS = {"delivered": "delivered_at", "opened": "first_opened_at", "clicked": "first_clicked_at",
            "replied": "replied_at"}  # fmt: skip


@dataclass(frozen=True)
class Reached:
    """One person: when the last message left, and the stations they came to, in their order."""

    person_id: int
    name: str
    email: str
    sent_at: datetime
    stations: tuple[str, ...]


def reached_people(
    warehouse: Warehouse, settings: Settings, question: Question, campaign_id: int, search: str = "", limit: int = 20,
    offset: int = 0,
) -> tuple[int, list[Reached]]:  # fmt: skip
    """People to whom messages of a campaign left in the days of a question, those who came furthest first.

    Args:
        warehouse, settings: where the figures are.
        question: its days and segment.
        campaign_id: the campaign.
        search: words in the name or the address.
        limit, offset: the page; at most 1,000.

    Returns:
        How many there are in all, and those of the page. Opens and clicks are those of people, not of machines; an
        order counts within the campaign's window, also when it came after the last of the days.

    Raises:
        InvalidInputError: a table is not published yet, or the page is none.
    """
    check_page(limit, offset)
    only = (Filter(dimension="campaign", values=(str(campaign_id),)),)
    moments = [f"base.{column} as {station}_at" for station, column in _MOMENTS.items()]
    asked = question.model_copy(update={"filters": only})
    listed = _listed(counted_rows(warehouse, settings, asked, "sent", more=moments), CONVERSIONS in warehouse.tables())
    values = [int(campaign_id), *[like(search)] * 3]
    total = warehouse.rows(f"{listed} select count(*) as people_count from listed", values)
    rows = warehouse.rows(
        f"{listed} select * from listed order by {', '.join(f'was_{each} desc' for each in reversed(STATIONS))},"
        f" sent_at desc, person_id limit {int(limit)} offset {int(offset)}",
        values,
    )
    return int(total[0]["people_count"]), [_reached(row) for row in rows]


def _listed(counted: str, has_orders: bool) -> str:
    came = ", ".join(f"max(case when {each}_at is null then 0 else 1 end) as was_{each}" for each in _MOMENTS)
    orders = f"select distinct person_id from {CONVERSIONS} where campaign_id = ? and not is_holdout"
    if not has_orders:
        orders = "select null as person_id where ? is null"
    return (
        f"with counted as (\n{counted}\n),\nby_person as (select person_id, max(happened_at) as sent_at, {came}"
        f" from counted where person_id is not null group by person_id),\nordering as ({orders}),\n"
        "listed as (select by_person.*, case when ordering.person_id is null then 0 else 1 end as was_ordered,"
        " coalesce(people.full_name, '') as name, coalesce(people.email, '') as email from by_person"
        f" left join {PEOPLE} as people on by_person.person_id = people.person_id"
        " left join ordering on by_person.person_id = ordering.person_id"
        f" where {IS_SOUGHT})"
    )


def _reached(row: Row) -> Reached:
    stations = tuple(each for each in STATIONS if row[f"was_{each}"])
    return Reached(int(row["person_id"]), row["name"], row["email"], row["sent_at"], stations)
