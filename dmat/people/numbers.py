"""Under which numbers a person is known: the one that stays, and those of people who turned out to be the same.

Belongs here: asking the tables for them. Stays out: who is the same person (dbt resolves it, `people.person_merges`).
"""

from __future__ import annotations

from dmat.errors import NotFoundError
from dmat.warehouse import Workspace

MERGES = "people.person_merges"
_STAYS = f"select surviving_person_id as number from {MERGES} where merged_person_id = ?"
_GONE = f"select merged_person_id as number from {MERGES} where surviving_person_id = ? order by merged_person_id"


def numbers_of(workspace: Workspace, person_id: int) -> tuple[int, ...]:
    """The number that stays, then those that came to it.

    Raises:
        NotFoundError: nobody has this number. NotPublishedError: there are no tables yet.
    """
    has_merges = MERGES in workspace.tables()
    found = workspace.rows(_STAYS, [person_id]) if has_merges else []
    stays = int(found[0]["number"]) if found else person_id
    if not workspace.rows("select 1 from people.dim_people where person_id = ?", [stays]):
        raise NotFoundError(f"there is no person {person_id}")
    gone = workspace.rows(_GONE, [stays]) if has_merges else []
    return (stays, *(int(row["number"]) for row in gone))
