"""Segments: what they are, every version of their rules, drafts, who uses them, how their last evaluation went.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_segment(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    key = sa.ForeignKeyConstraint(
        ["segment_id"], ["segments.segment_id"], name=op.f(f"fk_{table}_segment_id")
    )  # fmt: skip
    return sa.Column("segment_id", _big(), autoincrement=False, nullable=False), key


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "segments",
        sa.Column("segment_id", _big(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("folder", sa.String(length=200), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_segments")),
        sa.UniqueConstraint("key", name=op.f("uq_segments_key")),
    )
    _create_drafts()
    _create_evaluations()
    _create_uses()
    _create_versions()


def _create_drafts() -> None:
    op.create_table(
        "segment_drafts",
        sa.Column("user_email", sa.String(length=320), nullable=False),
        sa.Column("segment_key", sa.String(length=100), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("based_on_version", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_email", "segment_key", name=op.f("pk_segment_drafts")),
    )


def _create_evaluations() -> None:
    op.create_table(
        "segment_evaluations",
        *_of_segment("segment_evaluations"),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("size", _big(), nullable=False),
        sa.Column("data_version", sa.Integer(), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_segment_evaluations")),
    )


def _create_uses() -> None:
    op.create_table(
        "segment_uses",
        *_of_segment("segment_uses"),
        sa.Column("user_kind", sa.String(length=20), nullable=False),
        sa.Column("user_key", sa.String(length=200), nullable=False),
        sa.Column("user_name", sa.String(length=300), nullable=False),
        sa.Column("since_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", "user_kind", "user_key", name=op.f("pk_segment_uses")),
    )
    with op.batch_alter_table("segment_uses", schema=None) as batch_op:
        batch_op.create_index("ix_segment_uses_user_kind_user_key", ["user_kind", "user_key"], unique=False)


def _create_versions() -> None:
    op.create_table(
        "segment_versions",
        *_of_segment("segment_versions"),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("rule_hash", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=320), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", "version", name=op.f("pk_segment_versions")),
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for table in ("segment_versions", "segment_uses", "segment_evaluations", "segment_drafts", "segments"):
        op.drop_table(table)
