"""The tables of the catalog. `migrations/` brings a database to this state; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

services = Table("services", metadata, Column("id", Text, primary_key=True))

versions = Table(
    "versions",
    metadata,
    Column("service", Text, ForeignKey("services.id"), primary_key=True),
    Column("version", Text, primary_key=True),
    Column("project", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("archive", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("manifest", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("release_notes", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    # What lists show, so that they need not read the manifest: JSON objects.
    Column("models", Text, nullable=False),
    Column("endpoints", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("versions_by_age", "service", "at"),
    Index("versions_by_archive", "archive"),
)

stages = Table(
    "stages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("description", Text, nullable=False),
)

infrastructures = Table(
    "infrastructures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("local_nodes", Integer, nullable=False),
    Column("nodes", Text, nullable=False),
    Column("public_url", Text),
    Column("connections", Text, nullable=False),
    Column("revision", Integer, nullable=False),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("infrastructure", Text, ForeignKey("infrastructures.id"), nullable=False),
    Column("deployed_service", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("tags", Text, nullable=False),
    Column("mapping", Text),
    Column("live", Text),
    Column("live_enabled", Boolean, nullable=False),
    Column("former", Text, nullable=False),
    Column("leaving", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    # A node serves a service under one id, so one infrastructure holds that id once.
    UniqueConstraint("deployed_service", "infrastructure", name="deployments_once_per_infrastructure"),
    ForeignKeyConstraint(["service"], ["services.id"], name="deployments_of_a_service"),
    Index("deployments_by_infrastructure", "infrastructure"),
    Index("deployments_by_service", "service"),
)

updates = Table(
    "updates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("deployment", Text, ForeignKey("deployments.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("rolling", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("from_mapping", Text),
    Column("to_mapping", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    # The step of a scenario's run that started it; null: a person did.
    Column("cause", Text),
    Index("updates_of_a_deployment", "deployment", "id"),
    Index("updates_by_cause", "cause", unique=True),
    # The database itself keeps a second update of the same deployment out.
    Index("updates_one_running", "deployment", unique=True, sqlite_where=text("outcome = 'RUNNING'")),
    sqlite_autoincrement=True,
)

update_steps = Table(
    "update_steps",
    metadata,
    Column("update_id", Integer, ForeignKey("updates.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("node", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("outcome", Text, nullable=False),
)

update_lines = Table(
    "update_lines",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("update_id", Integer, ForeignKey("updates.id", ondelete="CASCADE"), nullable=False),
    Column("step", Integer),
    Column("line", Text, nullable=False),
    Index("update_lines_of_an_update", "update_id", "id"),
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    # Null: he cannot sign in with a password.
    Column("password_hash", Text),
    Column("must_change", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Text, nullable=False),
)

groups = Table("groups", metadata, Column("name", Text, primary_key=True))

members = Table(
    "members",
    metadata,
    Column("group", Text, ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True),
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    Index("members_by_user", "user"),
)

grants = Table(
    "grants",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("object", Text, primary_key=True),
    Column("subject_kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Index("grants_by_subject", "subject_kind", "subject"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("label", Text, nullable=False),
    # Null: the key of the machine on which the control plane runs.
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE")),
    Column("most", Text, nullable=False),
    Column("services", Text),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text),
    Column("last_used_at", Text),
    UniqueConstraint("hash", name="keys_by_hash"),
    UniqueConstraint("user", "label", name="keys_of_a_user"),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", Text, nullable=False),
    Column("last_used_at", Text, nullable=False),
    Index("sessions_of_a_user", "user"),
)

# Triggers keep rows from being changed or removed.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Index("audit_by_who", "who", "id"),
    Index("audit_by_target", "target", "id"),
    sqlite_autoincrement=True,
)

scenario_runs = Table(
    "scenario_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project", Text, nullable=False),
    Column("scenario", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("fire", Text, nullable=False),
    # The step of another run that started it; null: something else did.
    Column("cause", Text),
    Column("by", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("variables", Text, nullable=False),
    Column("resumed_from", Integer),
    Column("abort_by", Text),
    Index("scenario_runs_of_a_scenario", "project", "scenario", "id"),
    Index(
        "scenario_runs_one_running",
        "project",
        "scenario",
        unique=True,
        sqlite_where=text("outcome = 'RUNNING'"),
    ),
    Index("scenario_runs_by_cause", "cause", unique=True),
    sqlite_autoincrement=True,
)

scenario_steps = Table(
    "scenario_steps",
    metadata,
    Column("run_id", Integer, ForeignKey("scenario_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("step", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("outputs", Text, nullable=False),
    Column("started_at", Text),
    Column("finished_at", Text),
    # What somebody said who was asked for his approval.
    Column("decision", Text),
)

# What steps brought about, so that it is known of a version or an update which step it was.
scenario_effects = Table(
    "scenario_effects",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("project", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("run_id", Integer, ForeignKey("scenario_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Index("scenario_effects_of_a_run", "run_id", "position"),
)

# What each trigger has seen last, so that what it fires for next is new.
scenario_triggers = Table(
    "scenario_triggers",
    metadata,
    Column("project", Text, primary_key=True),
    Column("scenario", Text, primary_key=True),
    Column("trigger", Text, primary_key=True),
    Column("seen", Text, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("has_effect", Boolean, nullable=False),
    Column("fingerprint", Text),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", LargeBinary),
    Index("requests_by_age", "at"),
)
