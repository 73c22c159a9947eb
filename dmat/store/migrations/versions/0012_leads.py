"""Scores, routing and loyalty: points, assignments, tiers.

Revision 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNEXPORTED = sa.text("exported_revision < revision")
UNLANDED = sa.text("landed_at is null")
OPEN = sa.text("ended_at is null")


def upgrade() -> None:
    """Bring the tables to this revision."""
    _make_leads()
    _make_loyalty_entries()
    _make_loyalty_members()
    _make_loyalty_offers()
    _make_loyalty_tier_changes()
    _make_routing_versions()
    _make_sales_reps()
    _make_score_rules()
    _make_lead_activities()
    _make_lead_assignments()
    _make_lead_history()
    _make_lead_pushes()
    _make_loyalty_grants()
    _make_score_crossings()
    _make_score_states()


def _make_leads() -> None:
    op.create_table(
        "leads",
        sa.Column("lead_id", BIG, autoincrement=True, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("person_id", BIG, nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("company_name", sa.String(length=255), nullable=False),
        sa.Column("company_size", sa.String(length=20), nullable=False),
        sa.Column("industry", sa.String(length=100), nullable=False),
        sa.Column("job_title", sa.String(length=200), nullable=False),
        sa.Column("country_code", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("landing_page_id", BIG, nullable=True),
        sa.Column("campaign_id", BIG, nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("status_at", sa.DateTime(), nullable=False),
        sa.Column("assigned_to", sa.String(length=100), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_leads")),
        sa.UniqueConstraint("email", name=op.f("uq_leads_email")),
    )
    with op.batch_alter_table("leads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leads_assigned_to"), ["assigned_to"], unique=False)
        batch_op.create_index(batch_op.f("ix_leads_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_leads_status"), ["status"], unique=False)
        batch_op.create_index(
            "ix_leads_unexported", ["updated_at"], unique=False, sqlite_where=UNEXPORTED, postgresql_where=UNEXPORTED
        )


def _make_loyalty_entries() -> None:
    op.create_table(
        "loyalty_entries",
        sa.Column("entry_id", BIG, autoincrement=True, nullable=False),
        sa.Column("transaction_key", sa.String(length=200), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=20), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=320), nullable=False),
        sa.Column("landed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_loyalty_entries")),
        sa.UniqueConstraint("transaction_key", "line", name=op.f("uq_loyalty_entries_transaction_key_line")),
    )
    with op.batch_alter_table("loyalty_entries", schema=None) as batch_op:
        batch_op.create_index("ix_loyalty_entries_expires_at", ["expires_at"], unique=False)
        batch_op.create_index(
            "ix_loyalty_entries_person_id_account_occurred_at", ["person_id", "account", "occurred_at"], unique=False
        )
        batch_op.create_index(
            "ix_loyalty_entries_unlanded", ["entry_id"], unique=False, sqlite_where=UNLANDED, postgresql_where=UNLANDED
        )


def _make_loyalty_members() -> None:
    op.create_table(
        "loyalty_members",
        sa.Column("person_id", BIG, autoincrement=False, nullable=False),
        sa.Column("joined_at", sa.DateTime(), nullable=False),
        sa.Column("tier", sa.String(length=20), nullable=False),
        sa.Column("tier_since", sa.DateTime(), nullable=False),
        sa.Column("tier_until", sa.DateTime(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_loyalty_members")),
    )
    with op.batch_alter_table("loyalty_members", schema=None) as batch_op:
        batch_op.create_index(
            "ix_loyalty_members_unexported",
            ["updated_at"],
            unique=False,
            sqlite_where=UNEXPORTED,
            postgresql_where=UNEXPORTED,
        )


def _make_loyalty_offers() -> None:
    op.create_table(
        "loyalty_offers",
        sa.Column("offer_key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("tiers", sa.JSON(), nullable=False),
        sa.Column("points_cost", sa.Integer(), nullable=False),
        sa.Column("valid_days", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(), nullable=True),
        sa.Column("ends_at", sa.DateTime(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("offer_key", name=op.f("pk_loyalty_offers")),
    )


def _make_loyalty_tier_changes() -> None:
    op.create_table(
        "loyalty_tier_changes",
        sa.Column("change_id", BIG, autoincrement=True, nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("from_tier", sa.String(length=20), nullable=False),
        sa.Column("to_tier", sa.String(length=20), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("landed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_loyalty_tier_changes")),
    )
    with op.batch_alter_table("loyalty_tier_changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loyalty_tier_changes_person_id"), ["person_id"], unique=False)


def _make_routing_versions() -> None:
    op.create_table(
        "routing_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_routing_versions")),
    )


def _make_sales_reps() -> None:
    op.create_table(
        "sales_reps",
        sa.Column("rep_key", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("slack_channel", sa.String(length=80), nullable=False),
        sa.Column("crm_owner_id", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("territories", sa.JSON(), nullable=False),
        sa.Column("industries", sa.JSON(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("most_per_day", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("working_hours", sa.JSON(), nullable=False),
        sa.Column("away", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("rep_key", name=op.f("pk_sales_reps")),
    )


def _make_score_rules() -> None:
    op.create_table(
        "score_rules",
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("half_life_days", sa.Float(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("action", name=op.f("pk_score_rules")),
    )


def _make_lead_activities() -> None:
    op.create_table(
        "lead_activities",
        sa.Column("activity_id", BIG, autoincrement=True, nullable=False),
        sa.Column("lead_id", BIG, autoincrement=False, nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("points", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=320), nullable=False),
        sa.Column("landed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.lead_id"], name=op.f("fk_lead_activities_lead_id")),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_lead_activities")),
    )
    with op.batch_alter_table("lead_activities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_activities_landed_at"), ["landed_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_lead_activities_lead_id"), ["lead_id"], unique=False)


def _make_lead_assignments() -> None:
    op.create_table(
        "lead_assignments",
        sa.Column("assignment_id", BIG, autoincrement=True, nullable=False),
        sa.Column("lead_id", BIG, autoincrement=False, nullable=False),
        sa.Column("place", sa.String(length=10), nullable=False),
        sa.Column("rep_key", sa.String(length=100), nullable=True),
        sa.Column("is_priority", sa.Boolean(), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("explanation", sa.JSON(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("crossed_at", sa.DateTime(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(), nullable=False),
        sa.Column("respond_by", sa.DateTime(), nullable=True),
        sa.Column("contacted_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("ended_because", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.lead_id"], name=op.f("fk_lead_assignments_lead_id")),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_lead_assignments")),
    )
    with op.batch_alter_table("lead_assignments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_assignments_lead_id"), ["lead_id"], unique=False)
        batch_op.create_index(
            "ix_lead_assignments_open", ["lead_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
        )
        batch_op.create_index("ix_lead_assignments_rep_key_assigned_at", ["rep_key", "assigned_at"], unique=False)
        batch_op.create_index(
            "ix_lead_assignments_waiting",
            ["place", "respond_by"],
            unique=False,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        )


def _make_lead_history() -> None:
    op.create_table(
        "lead_history",
        sa.Column("history_id", BIG, autoincrement=True, nullable=False),
        sa.Column("lead_id", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("happened_at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.lead_id"], name=op.f("fk_lead_history_lead_id")),
        sa.PrimaryKeyConstraint("history_id", name=op.f("pk_lead_history")),
    )
    with op.batch_alter_table("lead_history", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_history_lead_id"), ["lead_id"], unique=False)


def _make_lead_pushes() -> None:
    op.create_table(
        "lead_pushes",
        sa.Column("push_id", BIG, autoincrement=True, nullable=False),
        sa.Column("push_key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("lead_id", BIG, autoincrement=False, nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("vendor_id", sa.String(length=200), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.lead_id"], name=op.f("fk_lead_pushes_lead_id")),
        sa.PrimaryKeyConstraint("push_id", name=op.f("pk_lead_pushes")),
        sa.UniqueConstraint("push_key", name=op.f("uq_lead_pushes_push_key")),
    )
    with op.batch_alter_table("lead_pushes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_pushes_lead_id"), ["lead_id"], unique=False)
        batch_op.create_index("ix_lead_pushes_state_next_at", ["state", "next_at"], unique=False)


def _make_loyalty_grants() -> None:
    op.create_table(
        "loyalty_grants",
        sa.Column("grant_id", BIG, autoincrement=True, nullable=False),
        sa.Column("offer_key", sa.String(length=60), nullable=False),
        sa.Column("person_id", BIG, nullable=False),
        sa.Column("occurrence", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("granted_at", sa.DateTime(), nullable=False),
        sa.Column("valid_until", sa.DateTime(), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(), nullable=True),
        sa.Column("order_id", sa.String(length=200), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exported_revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["offer_key"], ["loyalty_offers.offer_key"], name=op.f("fk_loyalty_grants_offer_key")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_loyalty_grants")),
        sa.UniqueConstraint("code", name=op.f("uq_loyalty_grants_code")),
        sa.UniqueConstraint(
            "offer_key", "person_id", "occurrence", name=op.f("uq_loyalty_grants_offer_key_person_id_occurrence")
        ),
    )
    with op.batch_alter_table("loyalty_grants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loyalty_grants_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "ix_loyalty_grants_unexported",
            ["granted_at"],
            unique=False,
            sqlite_where=UNEXPORTED,
            postgresql_where=UNEXPORTED,
        )


def _make_score_crossings() -> None:
    op.create_table(
        "score_crossings",
        sa.Column("lead_id", BIG, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("crossed_at", sa.DateTime(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.lead_id"], name=op.f("fk_score_crossings_lead_id")),
        sa.PrimaryKeyConstraint("lead_id", "number", name=op.f("pk_score_crossings")),
    )
    with op.batch_alter_table("score_crossings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_score_crossings_crossed_at"), ["crossed_at"], unique=False)


def _make_score_states() -> None:
    op.create_table(
        "score_states",
        sa.Column("lead_id", BIG, autoincrement=False, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("band", sa.String(length=10), nullable=False),
        sa.Column("is_above", sa.Boolean(), nullable=False),
        sa.Column("crossings_count", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.lead_id"], name=op.f("fk_score_states_lead_id")),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_score_states")),
    )


def downgrade() -> None:
    """Bring the tables back to the revision before."""
    op.drop_table("score_states")
    op.drop_table("score_crossings")
    op.drop_table("loyalty_grants")
    op.drop_table("lead_pushes")
    op.drop_table("lead_history")
    op.drop_table("lead_assignments")
    op.drop_table("lead_activities")
    op.drop_table("score_rules")
    op.drop_table("sales_reps")
    op.drop_table("routing_versions")
    op.drop_table("loyalty_tier_changes")
    op.drop_table("loyalty_offers")
    op.drop_table("loyalty_members")
    op.drop_table("loyalty_entries")
    op.drop_table("leads")
