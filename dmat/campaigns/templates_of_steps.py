"""What a step needs of its templates: which version it takes, and which values of each person must be frozen.

Belongs here: asking the library of messages for campaigns. Stays out: templates themselves (`dmat/messages`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.audience import Ids
from dmat.campaigns.plan import Step
from dmat.errors import NotFoundError
from dmat.messages.library import Templates
from dmat.messages.records import Variable
from dmat.messages.rows import read_templates
from dmat.messages.sources import (
    code_pool,
    code_variable,
    required_values_sql,
    segments_asked,
    segments_used,
    template_variables,
    value_columns,
)
from dmat.messages.starters import built_in_templates
from dmat.segments.desk import Desk
from dmat.segments.records import ACTIVE
from dmat.store.message_tables import message_templates
from dmat.store.tables import segments

CODE = "discount_code"


@dataclass(frozen=True)
class Needs:
    """What is frozen of each person for a step.

    Attributes:
        sql: a query with `person_id` and one column a value; "" for none.
        columns: the names of its columns.
        segments: key -> its members; a message may ask whether its reader is in one.
        code_variable: name of the value that holds the person's code.
        code_pool: the pool of codes; "" for none.
    """

    sql: str = ""
    columns: Sequence[str] = ()
    segments: Mapping[str, Ids] = field(default_factory=dict)
    code_variable: str = CODE
    code_pool: str = ""


def newest_version(connection: Connection, key: str) -> int:
    """The newest version of a template; 0 for one that is built in."""
    query = sa.select(message_templates.c.version).where(message_templates.c.key == key)
    return int(connection.execute(query).scalar() or 0)


def templates_of(step: Step) -> list[str]:
    """Keys of the templates of a step and of its variants, each once."""
    return [key for key in dict.fromkeys([step.template, *(variant.template for variant in step.variants)]) if key]


def template_fault(connection: Connection, step: Step, key: str) -> str:
    """What is wrong with a template for a step, in words; empty when it fits."""
    found = read_templates(connection, message_templates.c.key == key)
    template = found[0] if found else built_in_templates().get(key)
    if template is None:
        return f"there is no template {key!r}"
    if template.channel != step.channel:
        return f"template {key!r} is for {template.channel}, not for {step.channel}"
    if template.state != "active":
        return f"template {key!r} is archived"
    asked = segments_asked(template.content)
    query = sa.select(segments.c.key).where(segments.c.key.in_(asked), segments.c.state == ACTIVE)
    lacking = sorted({*asked} - {*connection.execute(query).scalars()}) if asked else []
    return f"template {key!r} asks about the segment {lacking[0]!r}, which does not exist" if lacking else ""


def needs_of(desk: Desk, templates: Templates, step: Step, version: int = 0) -> Needs:
    """What the templates of a step need of each person of `frozen_people`.

    Raises:
        NotFoundError: a template or a segment is gone. InvalidInputError: a value comes from where there is nothing.
    """
    variables: dict[str, Variable] = {}
    members: dict[str, Ids] = {}
    for key in templates_of(step):
        wanted = version if key == step.template else _version_of(step, key)
        if templates.get(key).is_built_in:
            continue
        variables |= {variable.name: variable for variable in template_variables(templates, key, wanted)}
        for segment in segments_used(templates, key, wanted):
            members[segment] = _members(desk, segment, key)
    declared, catalogue = list(variables.values()), desk.catalogue()
    columns = [column.name for column in value_columns(catalogue, declared)]
    sql = required_values_sql(catalogue, declared, "select person_id from frozen_people") if columns else ""
    pool = step.code_pool or code_pool(declared)
    return Needs(sql, columns, members, code_variable(declared) or CODE, pool)


def _version_of(step: Step, key: str) -> int:
    return next((each.template_version or 0 for each in step.variants if each.template == key), 0)


def _members(desk: Desk, segment: str, template: str) -> Ids:
    try:
        return desk.members(desk.library.get(segment))
    except NotFoundError:
        raise NotFoundError(f"template {template!r} asks about the segment {segment!r}, which does not exist") from None
