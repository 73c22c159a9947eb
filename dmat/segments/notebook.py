"""Segments in notebooks: `w.segments()`, `w.segment("vip")`, `w.segment_from(...)`, `w.compare("a", "b")`.

Belongs here: data frames of what `desk.py` answers. Stays out: rules and their answers; who may see what (whoever opens
the workspace's folder may read it).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from dmat.clock import as_utc
from dmat.errors import InvalidInputError
from dmat.segments.catalogue import PEOPLE_TABLE
from dmat.segments.compiler import MEMBERSHIPS_TABLE
from dmat.segments.desk import Desk, Ids
from dmat.segments.export import header
from dmat.segments.frame_rules import people_in, rule_from_emails, rule_from_text
from dmat.segments.people_columns import choose_columns, stream_people
from dmat.segments.records import Segment
from dmat.segments.rules import InvalidRuleError, Rule, as_document
from dmat.store import open_store

if TYPE_CHECKING:
    import pandas as pd

    from dmat.warehouse import Workspace

SIZES_TABLE = "segments.segment_sizes"
_LOCK = threading.Lock()


def desk_of(workspace: Workspace) -> Desk:
    """The desk of a workspace; the store is opened at the first question."""
    with _LOCK:
        if "desk" not in workspace.__dict__:
            workspace.__dict__["desk"] = Desk(workspace.settings, open_store(workspace.settings), workspace)
        found: Desk = workspace.__dict__["desk"]
        return found


class RuleView:
    """People for whom a rule is true, kept as a segment or not yet."""

    def __init__(self, desk: Desk, rule: Rule) -> None:
        self._desk, self._rule = desk, rule

    @property
    def rule(self) -> dict[str, Any]:
        """The rule as a document."""
        return as_document(self._rule)

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return self._desk.sentence(self._rule)

    def ids(self) -> Ids:
        """Numbers of the people, in ascending order."""
        return self._desk.people_of(self._rule)

    def members(self, fields: Sequence[str] = ()) -> pd.DataFrame:
        """One row a person: number, the usual fields or those that are named, consents. Money is in cents.

        Raises:
            InvalidInputError: a field that is not known.
        """
        import pandas as pd

        columns = choose_columns(self._desk.catalogue(), fields, sees_people=True)
        return pd.DataFrame(list(stream_people(self._desk.workspace, self.ids(), columns)), columns=header(columns))

    def save(self, name: str, key: str = "", kind: str = "dynamic", by: str = "notebook", **card: Any) -> SegmentView:
        """Keep it as a segment.

        Raises:
            InvalidInputError: a bad name, key or kind. ConflictError: the key is taken.
        """
        return SegmentView(
            self._desk, self._desk.library.create(name=name, rule=self._rule, by=by, key=key, kind=kind, **card)
        )

    def __len__(self) -> int:
        return len(self.ids())

    def __repr__(self) -> str:
        return f"{len(self):,} people. {self.sentence}"


class SegmentView(RuleView):
    """A kept segment."""

    def __init__(self, desk: Desk, segment: Segment) -> None:
        super().__init__(desk, segment.rule)
        self.segment = segment

    def ids(self) -> Ids:
        """Numbers of the members, in ascending order."""
        return self._desk.members(self.segment)

    def size_at(self, moment: datetime | date | str, as_known_at: datetime | None = None) -> int:
        """How many members it had at a moment (UTC), as far as was known then or is known now.

        Memberships are written down from the segment's first evaluation on; before that it is 0.
        """
        at = _utc(moment)
        known = as_known_at or datetime.max
        query = (
            f"select count(distinct person_id) as found from {MEMBERSHIPS_TABLE} where segment_key = ?"
            " and entered_at <= ? and recorded_at <= ?"
            " and (left_at is null or left_at > ? or left_recorded_at > ?)"
        )
        rows = self._desk.workspace.rows(query, [self.segment.key, at, known, at, known])
        return int(rows[0]["found"])

    def growth(self) -> pd.DataFrame:
        """One row a day: members at its end, how many came and went."""
        query = (
            f"select day, members_count, entered_count, left_count from {SIZES_TABLE} where segment_key = ? order by 1"
        )
        return self._desk.workspace.sql(query, [self.segment.key])

    def versions(self) -> pd.DataFrame:
        """Every version of the rule, the newest first."""
        import pandas as pd

        return pd.DataFrame([
            {"version": found.version, "sentence": self._desk.sentence(found.rule), "note": found.note,
             "created_by": found.created_by, "created_at": found.created_at}
            for found in self._desk.library.versions(self.segment.key)
        ])  # fmt: skip

    def __repr__(self) -> str:
        return f"{self.segment.name} ({self.segment.key}): {super().__repr__()}"


def list_segments(workspace: Workspace) -> pd.DataFrame:
    """The active segments: key, name, kind, size at the last evaluation, rule in words."""
    import pandas as pd

    desk = desk_of(workspace)
    names = ["key", "name", "kind", "size", "evaluated_at", "folder", "tags", "owner", "version", "sentence"]
    rows = [
        {
            "key": found.key, "name": found.name, "kind": found.kind, "folder": found.folder,
            "size": found.evaluation.size if found.evaluation else None,
            "evaluated_at": found.evaluation.evaluated_at if found.evaluation else None,
            "tags": ", ".join(found.tags), "owner": found.owner, "version": found.version,
            "sentence": desk.sentence(found.rule),
        }
        for found in desk.library.list()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names).astype({"size": "Int64"})


def get_segment(workspace: Workspace, key: str) -> SegmentView:
    """One segment.

    Raises:
        NotFoundError: there is none with that key.
    """
    desk = desk_of(workspace)
    return SegmentView(desk, desk.library.get(key))


def segment_from(workspace: Workspace, people: pd.DataFrame | str | dict[str, Any]) -> RuleView:
    """A segment in the making: from a condition as pandas takes it, a data frame of people, or a rule.

    A data frame becomes a rule about addresses: who shares an address with one of these people comes along.

    Raises:
        InvalidInputError: it cannot be read, or names people that have no e-mail address.
        InvalidRuleError: the rule does not fit the catalogue.
    """
    desk = desk_of(workspace)
    if isinstance(people, str):
        rule = rule_from_text(people, desk.catalogue())
    elif isinstance(people, dict):
        rule = desk.read_rule(people)
    else:
        name, values = people_in(people)
        rule = rule_from_emails(_emails_of(workspace, values) if name == "person_id" else [str(v) for v in values])
    faults = desk.library.faults("", rule)
    if faults:
        raise InvalidRuleError(list(faults))
    return RuleView(desk, rule)


def _emails_of(workspace: Workspace, person_ids: Sequence[Any]) -> list[str]:
    wanted = [int(number) for number in person_ids]
    query = f"select email from {PEOPLE_TABLE} where person_id in (select unnest(?::bigint[])) and email is not null"
    found = [str(row["email"]) for row in workspace.rows(query, [wanted])]
    if len(found) < len(wanted):
        problem = f"{len(wanted) - len(found)} of {len(wanted)} people are not known or have no e-mail address"
        raise InvalidInputError("people", problem, "people with an address; drop the others first")
    return found


def compare_segments(workspace: Workspace, first: str, second: str) -> pd.DataFrame:
    """Three rows: people only in the first, in both, only in the second; how many, what they buy, their consent."""
    import numpy as np

    desk = desk_of(workspace)
    one, two = (desk.members(desk.library.get(key)) for key in (first, second))
    groups = {
        f"only {first}": np.setdiff1d(one, two), "both": np.intersect1d(one, two),
        f"only {second}": np.setdiff1d(two, one),
    }  # fmt: skip
    found = workspace.sql(
        "with chosen as (select unnest(?::bigint[]) as person_id, unnest(?::varchar[]) as part)"
        " select part, count(*) as people, avg(orders_count) as orders_a_person,"
        " avg(has_email_consent::int) as email_consent_rate"
        f" from chosen join {PEOPLE_TABLE} using (person_id) group by part",
        [[int(n) for ids in groups.values() for n in ids], [name for name, ids in groups.items() for _ in ids]],
    ).set_index("part")
    found = found.reindex(list(groups)).fillna({"people": 0}).astype({"people": "int64"})
    found.insert(1, "share", found["people"] / max(int(found["people"].sum()), 1))
    return found


def _utc(moment: datetime | date | str) -> datetime:
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day)
    return as_utc(found)
