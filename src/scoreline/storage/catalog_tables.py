"""The tables of the catalog. `migrations/` brings a database to this state; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
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
    Column("digest", Text, nullable=False),
    Column("archive", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("manifest", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("release_notes", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("versions_by_age", "service", "at"),
    Index("versions_by_archive", "archive"),
)

infrastructures = Table(
    "infrastructures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("kind", Text, nullable=False),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("infrastructure", Text, ForeignKey("infrastructures.id"), nullable=False),
    Column("version", Text),
    # A node serves a service under its own id, so one infrastructure holds it once.
    UniqueConstraint("service", "infrastructure", name="deployments_once_per_infrastructure"),
    ForeignKeyConstraint(["service"], ["services.id"], name="deployments_of_a_service"),
    ForeignKeyConstraint(
        ["service", "version"], ["versions.service", "versions.version"], name="deployments_of_a_version"
    ),
    Index("deployments_by_infrastructure", "infrastructure"),
)

updates = Table(
    "updates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("deployment", Text, ForeignKey("deployments.id", ondelete="CASCADE"), nullable=False),
    Column("from_version", Text),
    Column("to_version", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("log", Text, nullable=False),
    Index("updates_of_a_deployment", "deployment", "id"),
    # The database itself keeps a second update of the same deployment out.
    Index("updates_one_running", "deployment", unique=True, sqlite_where=text("outcome = 'RUNNING'")),
    sqlite_autoincrement=True,
)

keys = Table(
    "keys",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)
