"""Where variables come from: the SQL that gives, for an audience, one column a variable; and what else must be frozen.

Belongs here: sources of variables and their SQL on the published warehouse. Stays out: who is in the audience
(`dmat/campaigns`), codes (`codes.py`), how a value is written (`variables.py`).

A source is the key of a field of the segment catalogue (`industry`), `recommendations`, `best_sellers`,
`last_product`, `code:<pool>`, `campaign.<name>`, or `context` (given by whoever plans the message).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dmat.errors import InvalidInputError
from dmat.messages.included import put_in
from dmat.messages.library import Templates
from dmat.messages.records import Content, Variable
from dmat.segments.catalogue import PERSON_COLUMN, Catalogue
from dmat.segments.people_columns import PersonColumn, known_columns

CODE, CAMPAIGN, CONTEXT = "code", "campaign.", "context"
RECOMMENDATIONS, BEST_SELLERS, LAST_PRODUCT = "recommendations", "best_sellers", "last_product"
PRODUCTS = frozenset({RECOMMENDATIONS, BEST_SELLERS, LAST_PRODUCT})
_PRODUCT = "'title': {0}.title, 'url': {0}.url, 'image_url': {0}.image_url, 'price_cents': {0}.price_cents,"
_PRODUCT += " 'currency_code': {0}.currency_code, 'category': {0}.category, 'product_id': {0}.product_id"


@dataclass(frozen=True)
class Column:
    """One column of the answer: its SQL, its name, and the join that it needs."""

    expression: str
    name: str
    join: str = ""


def source_of(variable: Variable) -> str:
    """The source of a variable; without one it is the field of the same name."""
    return variable.source or variable.name


def is_code(variable: Variable) -> bool:
    """Whether the variable is a unique discount code."""
    return source_of(variable) == CODE or source_of(variable).startswith(f"{CODE}:")


def code_variable(variables: Sequence[Variable]) -> str:
    """The name of the variable that holds the discount code; empty when there is none."""
    return next((variable.name for variable in variables if is_code(variable)), "")


def code_pool(variables: Sequence[Variable]) -> str:
    """The pool that the template itself names (`code:<pool>`); empty when the campaign says it."""
    named = (source_of(variable).partition(":")[2] for variable in variables if is_code(variable))
    return next((pool for pool in named if pool), "")


def from_warehouse(variable: Variable) -> bool:
    """Whether the variable is read from the warehouse."""
    source = source_of(variable)
    return not (is_code(variable) or source.startswith(CAMPAIGN) or source == CONTEXT)


def template_variables(templates: Templates, key: str, version: int = 0) -> Sequence[Variable]:
    """The declared variables of a version of a template.

    Raises:
        NotFoundError: there is none.
    """
    return templates.version(key, version).content.variables


def segments_used(templates: Templates, key: str, version: int = 0) -> Sequence[str]:
    """Keys of the segments that a template asks about: memberships to freeze, as `segments`, with the audience."""
    return segments_asked(templates.version(key, version).content)


def segments_asked(content: Content) -> Sequence[str]:
    """Keys of the segments that a content asks about."""
    texts = [put_in(text, content.blocks) for parts in content.locales.values() for text in parts.values()]
    asked = re.compile(r"""in_segment\(\s*["']([a-z0-9][a-z0-9_-]*)["']\s*\)""")
    return sorted({found for text in texts for found in asked.findall(text.replace("&quot;", '"'))})


def source_faults(catalogue: Catalogue, variables: Sequence[Variable]) -> list[tuple[str, str, str]]:
    """Variables whose source there is not: (name, what is wrong, what is allowed)."""
    known = known_columns(catalogue)
    found = []
    for number, variable in enumerate(variables):
        source = source_of(variable)
        if from_warehouse(variable) and source not in PRODUCTS and _key_of(source) not in known:
            allowed = ", ".join([*sorted(PRODUCTS), CODE, "campaign.<name>", CONTEXT, *sorted(known)])
            found.append((f"variables[{number}].source", f"{source!r} is not a source", allowed))
    return found


def required_values_sql(catalogue: Catalogue, variables: Sequence[Variable], people_sql: str) -> str:
    """A query that gives, for each person of `people_sql`, `person_id` and one column a variable.

    Money has `<name>` in cents and `<name>_currency`; lists of products are JSON text. Variables that do not come from
    the warehouse have no column.

    Args:
        catalogue: the fields that there are.
        variables: of the template.
        people_sql: a query with a column `person_id`.

    Raises:
        InvalidInputError: a variable whose source there is not.
    """
    columns = value_columns(catalogue, variables)
    shown = "".join(f", {column.expression} as {_quoted(column.name)}" for column in columns)
    joins = " ".join(dict.fromkeys(column.join for column in columns if column.join))
    return f"select audience.person_id{shown} from ({people_sql}) as audience {joins}".strip()


def value_columns(catalogue: Catalogue, variables: Sequence[Variable]) -> list[Column]:
    """The columns of `required_values_sql`, for whoever builds a larger query (`audience` is the people's alias).

    Raises:
        InvalidInputError: a variable whose source there is not.
    """
    for place, problem, allowed in source_faults(catalogue, variables):
        raise InvalidInputError(place, problem, allowed)
    known = known_columns(catalogue)
    wanted = [variable for variable in variables if from_warehouse(variable)]
    aliases: dict[tuple[str, str], str] = {}
    return [column for variable in wanted for column in _columns(variable, known, aliases)]


def _columns(
    variable: Variable, known: Mapping[str, PersonColumn], aliases: dict[tuple[str, str], str]
) -> list[Column]:
    source = source_of(variable)
    if source in PRODUCTS:
        return [_products(variable, source)]
    field = known[_key_of(source)]
    if field.key == PERSON_COLUMN:
        return [Column("audience.person_id", variable.name)]
    alias = aliases.setdefault((field.table, field.person_column), f"v{len(aliases)}")
    join = f"left join {_table(field.table)} as {alias} on {alias}.{_quoted(field.person_column)} = audience.person_id"
    columns = [Column(f"{alias}.{_quoted(field.column)}", variable.name, join)]
    if variable.type == "money" and field.currency_column:
        columns.append(Column(f"{alias}.{_quoted(field.currency_column)}", f"{variable.name}_currency", join))
    return columns


def _products(variable: Variable, source: str) -> Column:
    count = int(variable.count)
    best = (
        f"(select cast(to_json(list({{{_PRODUCT.format('b')}}} order by b.sales_rank)) as varchar)"
        f" from commerce.best_sellers as b where b.sales_rank <= {count})"
    )
    if source == BEST_SELLERS:
        return Column(best, variable.name)
    if source == LAST_PRODUCT:
        join = "left join commerce.last_products as lp on lp.person_id = audience.person_id"
        word = "lp.url" if variable.type == "url" else "lp.title"
        listed = "cast(to_json([{'title': lp.title, 'url': lp.url, 'image_url': lp.image_url}]) as varchar)"
        shown = f"case when lp.title is not null then {listed} end" if variable.type == "list" else word
        return Column(shown, variable.name, join)
    alias = f"rec{count}"
    join = (
        f"left join (select r.person_id, cast(to_json(list({{{_PRODUCT.format('r')}, 'because': r.because_title,"
        f" 'reason': r.reason}} order by r.place)) as varchar) as items from commerce.product_recommendations as r"
        f" where r.place <= {count} group by r.person_id) as {alias} on {alias}.person_id = audience.person_id"
    )
    return Column(f"coalesce({alias}.items, {best})", variable.name, join)


def _key_of(source: str) -> str:
    """`people.dim_people.industry` and `dim_people.industry` name the field too."""
    return source.rpartition("dim_people.")[2]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(name: str) -> str:
    return ".".join(_quoted(part) for part in name.split("."))
