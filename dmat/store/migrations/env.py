"""Alembic's entry: runs the steps on the connection that `upgrade_tables` opened.

Belongs here: nothing but that. Stays out: engines and settings.
"""

from alembic import context

from dmat.store import (  # noqa: F401  (their tables are in `metadata`)
    alert_tables,
    arrival_tables,
    audience_tables,
    campaign_tables,
    experiment_tables,
    journey_tables,
    lead_tables,
    loyalty_tables,
    message_tables,
    question_tables,
    web_tables,
)
from dmat.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
