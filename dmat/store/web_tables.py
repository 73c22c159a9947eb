"""The tables of the doors to the web: what people prefer, devices, banners and in-app messages, webhooks that we send.

Belongs here: names, types and keys. Stays out: answering (`apps/api`), deciding (`dmat/consent`, `dmat/channels`,
`dmat/outgoing`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from dmat.store.tables import Big, metadata

purposes = Table(
    "purposes",
    metadata,
    Column("purpose", String(40), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("channels", sa.JSON, nullable=False),
    Column("position", Integer, nullable=False, default=0),
    Column("is_shown", Boolean, nullable=False, default=True),
    Column("updated_at", DateTime, nullable=False),
    Column("updated_by", String(320), nullable=False, default=""),
)

personal_caps = Table(
    "personal_caps",
    metadata,
    Column("person_id", Big, primary_key=True, autoincrement=False),
    Column("most", Integer, nullable=False),
    Column("days", Integer, nullable=False),
    Column("source", String(200), nullable=False, default=""),
    Column("decided_at", DateTime, nullable=False),
)

preference_log = Table(
    "preference_log",
    metadata,
    Column("log_id", Big, primary_key=True, autoincrement=True),
    Column("decision_id", String(36), nullable=False, unique=True),
    Column("person_id", Big, nullable=False, index=True),
    Column("address", String(320), nullable=False, default=""),
    Column("channel", String(20), nullable=False, default=""),
    Column("purpose", String(40), nullable=False, default=""),
    Column("what", String(40), nullable=False),
    Column("value", String(100), nullable=False, default=""),
    Column("source", String(200), nullable=False),
    Column("evidence", Text, nullable=False, default=""),
    Column("decided_at", DateTime, nullable=False),
    Column("landed_at", DateTime),
    Index(
        "ix_preference_log_unlanded",
        "log_id",
        sqlite_where=sa.text("landed_at is null"),
        postgresql_where=sa.text("landed_at is null"),
    ),
)

double_opt_ins = Table(
    "double_opt_ins",
    metadata,
    Column("opt_in_id", String(36), primary_key=True),
    Column("address_hash", String(64), nullable=False, index=True),
    Column("address", String(320), nullable=False),
    Column("person_id", Big, nullable=False, default=0),
    Column("channel", String(20), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("source", String(200), nullable=False, default=""),
    Column("asked", sa.JSON, nullable=False),
    Column("asked_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("confirmed_at", DateTime),
    Column("evidence", Text, nullable=False, default=""),
)

devices = Table(
    "devices",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("token", Text, nullable=False),
    Column("platform", String(20), nullable=False),
    Column("provider", String(40), nullable=False),
    Column("person_id", Big, nullable=False, default=0, index=True),
    Column("email", String(320), nullable=False, default=""),
    Column("client_id", String(200), nullable=False, default=""),
    Column("locale", String(20), nullable=False, default=""),
    Column("has_consent", Boolean, nullable=False, default=False),
    Column("consent_source", String(200), nullable=False, default=""),
    Column("consent_at", DateTime),
    Column("registered_at", DateTime, nullable=False),
    Column("unregistered_at", DateTime),
    Column("unregistered_because", String(200), nullable=False, default=""),
    Column("updated_at", DateTime, nullable=False),
    Column("revision", Integer, nullable=False, default=1),
    Column("landed_revision", Integer, nullable=False, default=0),
    Index(
        "ix_devices_unlanded",
        "updated_at",
        sqlite_where=sa.text("landed_revision < revision"),
        postgresql_where=sa.text("landed_revision < revision"),
    ),
)

web_placements = Table(
    "web_placements",
    metadata,
    Column("placement_id", String(36), primary_key=True),
    Column("channel", String(20), nullable=False),
    Column("programme", String(100), nullable=False),
    Column("programme_version", Integer, nullable=False),
    Column("step", String(100), nullable=False),
    Column("variant", String(100), nullable=False, default=""),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("content", sa.JSON, nullable=False),
    Column("look", sa.JSON, nullable=False),
    Column("pages", sa.JSON, nullable=False),
    Column("starts_at", DateTime),
    Column("ends_at", DateTime),
    Column("cap_count", Integer, nullable=False, default=3),
    Column("cap_days", Integer, nullable=False, default=7),
    Column("share", Float, nullable=False, default=1.0),
    Column("weight", Float, nullable=False, default=1.0),
    Column("priority", Integer, nullable=False, default=0),
    Column("updated_at", DateTime, nullable=False),
    Index("ix_web_placements_programme_step", "programme", "step"),
)

web_views = Table(
    "web_views",
    metadata,
    Column("view_id", String(36), primary_key=True),
    Column("placement_id", String(36), nullable=False),
    Column("message_id", String(36), nullable=False, default="", index=True),
    Column("visitor", String(200), nullable=False),
    Column("person_id", Big, nullable=False, default=0),
    Column("page_url", Text, nullable=False, default=""),
    Column("shown_at", DateTime, nullable=False),
    Column("clicked_at", DateTime),
    Column("closed_at", DateTime),
    Index("ix_web_views_visitor_placement_id", "visitor", "placement_id"),
)

web_visitors = Table(
    "web_visitors",
    metadata,
    Column("client_id", String(200), primary_key=True),
    Column("person_id", Big, nullable=False, index=True),
    Column("known_by", String(40), nullable=False),
    Column("seen_at", DateTime, nullable=False),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("endpoint_id", String(36), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("url", String(2000), nullable=False),
    Column("events", sa.JSON, nullable=False),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text, nullable=False, default=""),
    Column("old_secret_until", DateTime),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("disabled_because", Text, nullable=False, default=""),
    Column("failing_since", DateTime),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(320), nullable=False),
    Column("updated_at", DateTime, nullable=False),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("kind", String(60), nullable=False),
    Column("payload", sa.JSON, nullable=False),
    Column("occurred_at", DateTime, nullable=False),
    Column("created_at", DateTime, nullable=False, index=True),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("delivery_id", Big, primary_key=True, autoincrement=True),
    Column("endpoint_id", String(36), ForeignKey("webhook_endpoints.endpoint_id", ondelete="CASCADE"), nullable=False),
    Column("event_id", String(36), ForeignKey("webhook_events.event_id", ondelete="CASCADE"), nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", DateTime),
    Column("claimed_until", DateTime),
    Column("last_status", Integer),
    Column("last_error", Text, nullable=False, default=""),
    Column("created_at", DateTime, nullable=False),
    Column("first_tried_at", DateTime),
    Column("delivered_at", DateTime),
    Unique("endpoint_id", "event_id"),
    Index("ix_webhook_deliveries_state_next_at", "state", "next_at"),
)
