"""What became of segments over time: sizes by day, who entered and left, and the size to expect.

Belongs here: reading `segments.segment_sizes` and `segments.segment_memberships`. Stays out: how membership is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from apps.screens.home.data import missing_tables

if TYPE_CHECKING:
    from apps.screens.segments.answers import Answers

SIZES, MEMBERSHIPS = "segments.segment_sizes", "segments.segment_memberships"
SPARK_DAYS, CHART_DAYS, MOVES = 30, 90, 20
CAUSES = {"data": "their data changed", "time": "time passed", "rule": "the rule changed", "freeze": "frozen on saving"}


@dataclass(frozen=True)
class Trend:
    """Sizes by day, oldest first, and how the size moved in the last seven days."""

    points: tuple[int, ...] = ()
    week: int = 0

    @property
    def days(self) -> int:
        """How many days the move is of: seven, or as many as there are."""
        return min(7, max(0, len(self.points) - 1))


@dataclass(frozen=True)
class Day:
    """One day of a segment: its size at the end of it, and how many came and went."""

    day: date
    size: int
    entered: int
    left: int


@dataclass(frozen=True)
class Move:
    """Somebody entered or left, when and why."""

    person_id: str
    name: str
    is_entry: bool
    at: datetime
    cause: str
    version: int


def read_trends(answers: Answers) -> dict[str, Trend]:
    """The trend of every segment, by key."""
    number = answers.context.workspace.version.number
    return answers.memory.get(("trends", number), lambda: _read_trends(answers))


def _read_trends(answers: Answers) -> dict[str, Trend]:
    if missing_tables(answers.context, (SIZES,)):
        return {}
    rows = answers.context.workspace.rows(
        f"select segment_key, list(members_count order by day) as sizes from (select *, row_number() over"
        f" (partition by segment_key order by day desc) as recency from {SIZES}) where recency <= {SPARK_DAYS}"
        " group by segment_key"
    )
    return {row["segment_key"]: _trend([int(size) for size in row["sizes"]]) for row in rows}


def _trend(sizes: list[int]) -> Trend:
    return Trend(tuple(sizes), sizes[-1] - sizes[max(0, len(sizes) - 8)])


def read_days(answers: Answers, key: str) -> tuple[Day, ...]:
    """The last days of a segment, oldest first."""
    if missing_tables(answers.context, (SIZES,)):
        return ()
    rows = answers.context.workspace.rows(
        f"select * from {SIZES} where segment_key = ? order by day desc limit {CHART_DAYS}", [key]
    )
    return tuple(
        Day(row["day"], int(row["members_count"]), int(row["entered_count"]), int(row["left_count"]))
        for row in reversed(rows)
    )


def read_moves(answers: Answers, key: str) -> tuple[Move, ...]:
    """Who entered and left last, the newest first."""
    if missing_tables(answers.context, (MEMBERSHIPS,)):
        return ()
    rows = answers.context.workspace.rows(
        f"""
        with moves as (
            select person_id, true as is_entry, entered_at as moved_at, entered_cause as cause, rule_version
            from {MEMBERSHIPS} where segment_key = $key
            union all
            select person_id, false, left_at, left_cause, rule_version
            from {MEMBERSHIPS} where segment_key = $key and left_at is not null
        )
        select moves.*, coalesce(nullif(people.full_name, ''), nullif(people.email, ''), 'No name') as name
        from moves left join people.dim_people as people using (person_id)
        order by moved_at desc, person_id limit {MOVES}
        """.replace("$key", "?"),
        [key, key],
    )
    return tuple(
        Move(
            str(row["person_id"]),
            row["name"],
            row["is_entry"],
            row["moved_at"],
            CAUSES.get(row["cause"], ""),
            row["rule_version"],
        )
        for row in rows
    )
