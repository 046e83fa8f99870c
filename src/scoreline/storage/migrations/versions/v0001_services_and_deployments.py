"""Services, versions, infrastructures, deployments, updates and keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("services", sa.Column("id", sa.Text, primary_key=True))
    _versions()
    op.create_table(
        "infrastructures",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
    )
    _deployments()
    _updates()
    op.create_table(
        "keys",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
    )


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("service", sa.Text, sa.ForeignKey("services.id"), primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("archive", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("release_notes", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_index("versions_by_age", "versions", ["service", "at"])
    op.create_index("versions_by_archive", "versions", ["archive"])


def _deployments() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("infrastructure", sa.Text, sa.ForeignKey("infrastructures.id"), nullable=False),
        sa.Column("version", sa.Text),
        sa.UniqueConstraint("service", "infrastructure", name="deployments_once_per_infrastructure"),
        sa.ForeignKeyConstraint(["service"], ["services.id"], name="deployments_of_a_service"),
        sa.ForeignKeyConstraint(
            ["service", "version"], ["versions.service", "versions.version"], name="deployments_of_a_version"
        ),
    )
    op.create_index("deployments_by_infrastructure", "deployments", ["infrastructure"])


def _updates() -> None:
    op.create_table(
        "updates",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("deployment", sa.Text, sa.ForeignKey("deployments.id", ondelete="CASCADE"), nullable=False),
        sa.Column("from_version", sa.Text),
        sa.Column("to_version", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("log", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("updates_of_a_deployment", "updates", ["deployment", "id"])
    op.create_index(
        "updates_one_running",
        "updates",
        ["deployment"],
        unique=True,
        sqlite_where=sa.text("outcome = 'RUNNING'"),
    )
