"""The people behind a figure: who they are, page by page, and their numbers, to make a segment of them.

Belongs here: those lists. Stays out: saving a segment (`dmat/segments`), who may see people (`apps`).
"""

from __future__ import annotations

from collections.abc import Sequence

from dmat.errors import InvalidInputError
from dmat.metrics.asking import Row, Warehouse, main_currency
from dmat.metrics.catalogue import Catalogue, Metric, load
from dmat.metrics.compiling import compile_rows
from dmat.metrics.periods import today_in
from dmat.metrics.question import Question
from dmat.settings import Settings

PARTS = ("", "numerator", "denominator")
MOST = 1000
PEOPLE = "people.dim_people"
IS_SOUGHT = "? = '%%' or lower(coalesce(people.full_name, '')) like ? or lower(coalesce(people.email, '')) like ?"
"""Whether a row of `people` has words in the name or the address; each question mark is `like(search)`."""


def behind(
    warehouse: Warehouse, settings: Settings, question: Question, metric: str, limit: int = 50, offset: int = 0,
    part: str = "", search: str = "",
) -> tuple[int, list[Row]]:  # fmt: skip
    """People whose rows count for a figure, those with the newest row first.

    Args:
        warehouse: the published warehouse.
        settings: of the workspace.
        question: its days, filters and segment; one row of an answer is asked for by filters on its dimensions.
        metric: key of the metric.
        limit: at most so many, up to 1,000.
        offset: so many are passed over.
        part: of a quotient: `numerator` (also when empty) or `denominator`.
        search: words in the name or the address.

    Returns:
        How many people there are in all, and rows with `person_id`, `name`, `email`, `rows_count`, `last_at`.

    Raises:
        InvalidInputError: no such metric, or there are no people behind it.
    """
    check_page(limit, offset)
    counted = counted_rows(warehouse, settings, question, metric, part)
    words = like(search)
    listed = (
        f"with counted as (\n{counted}\n),\nby_person as (select person_id, count(*) as rows_count,"
        " max(happened_at) as last_at from counted where person_id is not null group by person_id),\n"
        "listed as (select by_person.*, coalesce(people.full_name, people.email, '') as name, people.email as email"
        f" from by_person left join {PEOPLE} as people on people.person_id = by_person.person_id"
        f" where {IS_SOUGHT})\n"
    )
    total = warehouse.rows(f"{listed}select count(*) as people_count from listed", [words] * 3)
    rows = warehouse.rows(
        f"{listed}select person_id, name, email, rows_count, last_at from listed"
        f" order by last_at desc nulls last, person_id limit {int(limit)} offset {int(offset)}",
        [words] * 3,
    )
    return int(total[0]["people_count"]), rows


def ids_behind(warehouse: Warehouse, settings: Settings, question: Question, metric: str, part: str = "") -> list[int]:
    """The numbers of all people behind a figure, in ascending order; see `behind`.

    Raises:
        InvalidInputError: no such metric, or there are no people behind it.
    """
    counted = counted_rows(warehouse, settings, question, metric, part)
    distinct = "select distinct person_id from counted where person_id is not null order by 1"
    return [int(row["person_id"]) for row in warehouse.rows(f"with counted as (\n{counted}\n)\n{distinct}")]


def check_page(limit: int, offset: int) -> None:
    """Refuse a page that is none.

    Raises:
        InvalidInputError: names the most that a page holds.
    """
    if not 1 <= limit <= MOST or offset < 0:
        raise InvalidInputError("limit", f"is {limit} from {offset}", f"1 to {MOST}, from 0 on")


def like(search: str) -> str:
    """Words that were typed, as a pattern of SQL; `%%` when there are none."""
    return f"%{' '.join(search.lower().split())[:80].replace('%', '').replace('_', '')}%"


def has_people(metric: str, catalogue: Catalogue | None = None) -> bool:
    """Whether there are people behind a metric."""
    catalogue = catalogue or load()
    return any(catalogue.base_of(part).person for part in catalogue.parts(catalogue.metric(metric)))


def counted_rows(
    warehouse: Warehouse, settings: Settings, question: Question, metric: str, part: str = "", more: Sequence[str] = ()
) -> str:
    """The SQL of the rows that count for a figure: `person_id`, `happened_at` and more columns of `base`.

    Raises:
        InvalidInputError: no such metric, there are no people behind it, or its tables are not published yet.
    """
    catalogue = load()
    zone = settings.workspace_time_zone
    simple = _part(catalogue, catalogue.metric(metric), part)
    base = catalogue.base_of(simple)
    alone = question.dated(today_in(zone, settings.clock.now())).model_copy(
        update={"metrics": (simple.key,), "grain": "", "dimensions": (), "compare": "", "order": ""}
    )
    alone.check(catalogue)
    there = set(warehouse.tables())
    currency = question.currency or main_currency(warehouse, there)
    columns = [f"{base.person} as person_id", f"{base.times[simple.time]} as happened_at", *more]
    sql, tables = compile_rows(alone, catalogue, simple, zone, currency, columns)
    lacking = [table for table in (*tables, PEOPLE) if table not in there]
    if lacking:
        raise InvalidInputError("metric", f"{lacking[0]} is not published yet", "a metric whose tables are published")
    return sql


def _part(catalogue: Catalogue, metric: Metric, part: str) -> Metric:
    """The simple metric whose rows are meant: the first with people of the part that is asked for."""
    if part not in PARTS:
        raise InvalidInputError("part", f"{part[:20]!r} is not known", "numerator, denominator")
    terms = metric.denominator if part == "denominator" else metric.numerator
    simple = [each for key, _ in terms for each in catalogue.parts(catalogue.metrics[key])] or [metric]
    for each in simple:
        if not each.is_made and catalogue.base_of(each).person:
            return each
    raise InvalidInputError("metric", f"there are no people behind {metric.key}", "a metric over rows of people")
