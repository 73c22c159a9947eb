"""What may be shown of a segment's members: columns by key, who may see them, and reading them in order.

Belongs here: which columns there are, choosing some of them, one page or a stream of people. Stays out: who is a member
(`engine.py`) and the shape of files (`export.py`).
Personal columns are those that the catalogue calls personal, and the names and addresses below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dmat.errors import InvalidInputError
from dmat.segments.catalogue import PEOPLE_TABLE, PERSON_COLUMN, Catalogue
from dmat.warehouse import Workspace

Ids = npt.NDArray[np.int64]
BATCH_PEOPLE = 10_000
MOST_COLUMNS = 60


@dataclass(frozen=True)
class PersonColumn:
    """One column about people: `key` is how it is asked for and what it is called in files."""

    key: str
    label: str
    type: str
    table: str = PEOPLE_TABLE
    column: str = ""
    person_column: str = PERSON_COLUMN
    is_personal: bool = False
    currency_column: str = ""


PERSON = PersonColumn(PERSON_COLUMN, "Person", "number", column=PERSON_COLUMN)
ALWAYS = (
    PersonColumn("email", "E-mail", "text", column="email", is_personal=True),
    PersonColumn("phone", "Phone", "text", column="phone", is_personal=True),
    PersonColumn("first_name", "First name", "text", column="first_name", is_personal=True),
    PersonColumn("last_name", "Last name", "text", column="last_name", is_personal=True),
    PersonColumn("full_name", "Name", "text", column="full_name", is_personal=True),
    PersonColumn("birthday", "Birthday", "date", column="birthday", is_personal=True),
    PersonColumn("country_code", "Country", "geography", column="country_code"),
    PersonColumn("lifecycle", "Lifecycle", "text", column="lifecycle"),
)
CONSENT = (
    PersonColumn("has_email_consent", "E-mail consent", "consent", column="has_email_consent"),
    PersonColumn("has_sms_consent", "SMS consent", "consent", column="has_sms_consent"),
)
USUAL = ("full_name", "email", "country_code", "lifecycle")
_PERSONAL = frozenset(column.key for column in ALWAYS if column.is_personal)


def known_columns(catalogue: Catalogue) -> dict[str, PersonColumn]:
    """Every column that may be asked for, by key."""
    known = {column.key: column for column in (PERSON, *ALWAYS, *CONSENT)}
    for field in catalogue.fields.values():
        if field.key == PERSON_COLUMN:
            continue
        known[field.key] = PersonColumn(
            field.key, field.label, field.type, field.table, field.column, field.person_column,
            field.is_personal or field.column in _PERSONAL, field.currency_column,
        )  # fmt: skip
    return known


def choose_columns(
    catalogue: Catalogue, fields: Sequence[str], sees_people: bool, with_consent: bool = True
) -> list[PersonColumn]:
    """The columns to show: the person's number first, the consent columns last.

    Args:
        catalogue: what there is.
        fields: keys; none means the usual ones, as far as the reader may see them.
        sees_people: whether the reader may see personal columns.
        with_consent: whether consent is shown even when nobody asked for it.

    Raises:
        InvalidInputError: an unknown key, a personal one for a reader who may not see it, or too many.
    """
    known = known_columns(catalogue)
    wanted = list(dict.fromkeys(fields)) or [key for key in USUAL if sees_people or not known[key].is_personal]
    if len(wanted) > MOST_COLUMNS:
        raise InvalidInputError("fields", f"{len(wanted)} are too many", f"at most {MOST_COLUMNS}")
    visible = [key for key, column in known.items() if sees_people or not column.is_personal]
    for key in wanted:
        if key not in known:
            raise InvalidInputError("fields", f"there is no field {key[:100]!r}", ", ".join(visible))
        if key not in visible:
            raise InvalidInputError("fields", f"{key} is personal, and you may not see people", ", ".join(visible))
    consent = [key for key, column in known.items() if column.type == "consent"] if with_consent else []
    keys = dict.fromkeys([PERSON_COLUMN, *wanted, *consent])
    return [known[key] for key in keys]


def read_people(workspace: Workspace, ids: Ids, columns: Sequence[PersonColumn]) -> list[dict[str, Any]]:
    """What the columns say about these people, in order of their numbers; money in cents, with `<key>_currency`."""
    if not len(ids):
        return []
    return workspace.rows(_people_sql(columns), [[int(number) for number in ids]])


def stream_people(
    workspace: Workspace, ids: Ids, columns: Sequence[PersonColumn], batch: int = BATCH_PEOPLE
) -> Iterator[dict[str, Any]]:
    """The same for many people, a batch at a time, so that memory does not grow with their number."""
    for first in range(0, len(ids), batch):
        yield from read_people(workspace, ids[first : first + batch], columns)


def _people_sql(columns: Sequence[PersonColumn]) -> str:
    """Identifiers come from the catalogue alone; the numbers of the people are bound."""
    aliases = _aliases(columns)
    shown = [f"p.id as {_quoted(PERSON_COLUMN)}"]
    for column in columns:
        if column.key == PERSON_COLUMN:
            continue
        alias = aliases[column.table, column.person_column]
        shown.append(f"{alias}.{_quoted(column.column)} as {_quoted(column.key)}")
        if column.type == "money" and column.currency_column:
            shown.append(f"{alias}.{_quoted(column.currency_column)} as {_quoted(column.key + '_currency')}")
    joins = " ".join(
        f"left join {_quoted_table(table)} as {alias} on {alias}.{_quoted(key)} = p.id"
        for (table, key), alias in aliases.items()
    )
    return f"select {', '.join(shown)} from (select unnest(?::bigint[]) as id) as p {joins} order by p.id"


def _aliases(columns: Sequence[PersonColumn]) -> Mapping[tuple[str, str], str]:
    places = dict.fromkeys((column.table, column.person_column) for column in columns if column.key != PERSON_COLUMN)
    return {place: f"t{number}" for number, place in enumerate(places)}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted_table(name: str) -> str:
    return ".".join(_quoted(part) for part in name.split("."))
