"""The lineage of a figure: its definition, SQL, models and commit, runs, inputs with their freshness, sample rows.

Belongs here: putting these together for one metric of a question. Stays out: dbt's files (`models.py`), layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dmat.metrics.asking import BUILDS, NO_CURRENCY, Row, Value, Warehouse, ask, main_currency
from dmat.metrics.catalogue import Base, Catalogue, Metric, load
from dmat.metrics.compiling import compile_rows
from dmat.metrics.models import RAW, Model, commit, model_of, upstream
from dmat.metrics.question import Question
from dmat.settings import Settings

SAMPLE = 20
OUTCOMES = "raw.capture_outcomes"
_HIDDEN = ("_build", "payload_hash")


@dataclass(frozen=True)
class Origin:
    """A table on the way from raw data to the figure.

    Attributes:
        built_at: when a build last made it, `run_id` which one; None and empty when that was not written down.
        is_counted: the figure is counted over this table itself.
    """

    model: Model
    built_at: datetime | None
    run_id: str
    is_counted: bool

    @property
    def table(self) -> str:
        """`schema.table`."""
        return self.model.table


@dataclass(frozen=True)
class Input:
    """A raw table that the figure is made of: how fresh it is, and the run that last filled it."""

    table: str
    rows_count: int
    fresh_at: datetime | None
    newest_record_at: datetime | None
    run_id: str


@dataclass(frozen=True)
class Lineage:
    """Where a figure comes from.

    Attributes:
        metric: its definition, and `parts` the simple metrics that it is made of.
        value: the figure over the whole range of the question.
        statements: base -> the SQL that gives it.
        origins: tables from the counted ones down to what is next to raw data; `inputs` the raw ones.
        commit: of the code that defines all this.
        sample: up to twenty of the counted rows, the newest first; `raw` rows as they came, of the same records.
        data_version: the published version that was read, `as_of` up to when its data reach.
    """

    metric: Metric
    parts: tuple[Metric, ...]
    question: Question
    value: Value
    currency: str
    statements: Mapping[str, str]
    origins: tuple[Origin, ...]
    inputs: tuple[Input, ...]
    commit: str
    sample: list[Row]
    raw: list[Row]
    as_of: datetime
    data_version: int


def of(
    warehouse: Warehouse, settings: Settings, question: Question, metric: str, catalogue: Catalogue | None = None
) -> Lineage:
    """Where a metric of a question comes from.

    Args:
        warehouse: the published warehouse.
        settings: of the workspace.
        question: its days, filters and segment are kept, its grain and dimensions are not.
        metric: key of one of its metrics, or of any other that has its filters.
        catalogue: another one than that of `dbt/metrics`.

    Raises:
        InvalidInputError: no such metric, or the question cannot be asked of it.
    """
    catalogue = catalogue or load()
    found = catalogue.metric(metric)
    alone = question.model_copy(
        update={"metrics": (metric,), "grain": "", "dimensions": (), "compare": "", "order": ""}
    )
    answer = ask(warehouse, settings, alone, catalogue)
    parts = catalogue.parts(found)
    bases = [catalogue.bases[key] for key in dict.fromkeys(part.base for part in parts)]
    tables = upstream(settings, answer.tables)
    there = set(warehouse.tables())
    sample = sample_rows(warehouse, settings, answer.question, parts[0], catalogue)
    return Lineage(
        metric=found,
        parts=parts,
        question=answer.question,
        value=answer.totals[metric],
        currency=answer.currency,
        statements=answer.statements,
        origins=_origins(warehouse, settings, [t for t in tables if not t.startswith(RAW)], answer.tables, there),
        inputs=_inputs(warehouse, _raw_tables(tables, bases), there),
        commit=commit(),
        sample=sample,
        raw=raw_rows(warehouse, catalogue.base_of(parts[0]), [row.get("record_id") for row in sample]),
        as_of=answer.as_of,
        data_version=answer.data_version,
    )


def sample_rows(
    warehouse: Warehouse, settings: Settings, question: Question, part: Metric, catalogue: Catalogue
) -> list[Row]:
    """The newest rows that count for a simple metric; none when its table is not published."""
    base = catalogue.base_of(part)
    there = set(warehouse.tables())
    currency = question.currency or main_currency(warehouse, there)
    sql, tables = compile_rows(question, catalogue, part, settings.workspace_time_zone, currency, ["base.*"])
    if any(table not in there for table in tables):
        return []
    rows = warehouse.rows(f"{sql}\norder by {base.times[part.time]} desc limit {SAMPLE}")
    return [{name: value for name, value in row.items() if name not in _HIDDEN} for row in rows]


def raw_rows(warehouse: Warehouse, base: Base, record_ids: Sequence[str | None]) -> list[Row]:
    """The rows of raw tables with these records, the newest version of each last: what a vendor sent, by which run."""
    wanted = [record for record in record_ids if record]
    there = set(warehouse.tables())
    found: list[Row] = []
    for table in base.raw if wanted else ():
        if table in there:
            found += warehouse.rows(
                f"select '{table}' as table_name, record_id, record_updated_at, payload, _loaded_at as loaded_at,"
                f" _run_id as run_id from {table} where record_id in (select unnest(?::varchar[]))"
                " order by record_id, record_updated_at, loaded_at",
                [wanted],
            )
    return found


def _raw_tables(tables: Sequence[str], bases: Sequence[Base]) -> list[str]:
    """Raw tables, those of the counted rows first."""
    named = [table for base in bases for table in base.raw]
    return list(dict.fromkeys([*named, *(table for table in tables if table.startswith(RAW))]))


def _origins(
    warehouse: Warehouse, settings: Settings, tables: Sequence[str], counted: Sequence[str], there: set[str]
) -> tuple[Origin, ...]:
    builds: dict[str, Row] = {}
    if BUILDS in there:
        query = f"select * from {BUILDS} where table_name in (select unnest(?::varchar[]))"
        builds = {row["table_name"]: row for row in warehouse.rows(query, [list(tables)])}
    found = []
    for table in tables:
        build = builds.get(table, {})
        origin = Origin(model_of(settings, table), build.get("built_at"), build.get("run_id", ""), table in counted)
        found.append(origin)
    return tuple(found)


def _inputs(warehouse: Warehouse, tables: Sequence[str], there: set[str]) -> tuple[Input, ...]:
    records = set(_record_tables(warehouse))
    wanted = [table for table in tables if table in records]
    if not wanted:
        return ()
    each = " union all ".join(
        f"select '{table}' as table_name, count(*) as rows_count, max(_loaded_at) as loaded_at,"
        f" max(record_updated_at) as record_at from {table}"
        for table in wanted
    )
    runs = _last_runs(warehouse) if OUTCOMES in there else {}
    found = {row["table_name"]: row for row in warehouse.rows(each)}
    return tuple(
        Input(
            table,
            int(row["rows_count"]),
            row["loaded_at"],
            row["record_at"],
            runs.get(table) or _run_of_newest(warehouse, table),
        )
        for table in wanted
        if (row := found[table])["rows_count"]
    )


def _run_of_newest(warehouse: Warehouse, table: str) -> str:
    """The run that brought the newest row, for tables that no source is captured into (our own doors, the ledger)."""
    rows = warehouse.rows(f"select _run_id as run_id from {table} order by _loaded_at desc limit 1")
    return str(rows[0]["run_id"] or "") if rows else ""


def _record_tables(warehouse: Warehouse) -> list[str]:
    query = (
        "select table_schema || '.' || table_name as name from information_schema.columns"
        " where table_schema = 'raw' and column_name in ('_loaded_at', 'record_updated_at')"
        " group by name having count(*) = 2"
    )
    return [str(row["name"]) for row in warehouse.rows(query)]


def _last_runs(warehouse: Warehouse) -> dict[str, str]:
    query = (
        "select table_name, run_id from (select 'raw.' || source || '_' || resource as table_name, run_id,"
        " row_number() over (partition by source, resource order by finished_at desc, run_id) as place"
        f" from {OUTCOMES}) as ranked where place = 1"
    )
    return {str(row["table_name"]): str(row["run_id"]) for row in warehouse.rows(query)}


def currency_words(found: Lineage) -> str:
    """The currency of a figure in cents; empty for other figures."""
    is_money = found.metric.unit == "cents" and found.currency != NO_CURRENCY
    return found.currency if is_money else ""
