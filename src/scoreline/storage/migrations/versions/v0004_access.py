"""Users, groups, roles, personal keys, and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _users()
    _groups()
    _grants()
    _keys()
    _audit()


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("password_hash", sa.Text),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
    )


def _groups() -> None:
    op.create_table("groups", sa.Column("name", sa.Text, primary_key=True))
    op.create_table(
        "members",
        sa.Column("group", sa.Text, sa.ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("user", sa.Text, sa.ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("members_by_user", "members", ["user"])


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("object", sa.Text, primary_key=True),
        sa.Column("subject_kind", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
    )
    op.create_index("grants_by_subject", "grants", ["subject_kind", "subject"])


def _keys() -> None:
    # Before, there was only the key of the machine, which is made anew when it is not known.
    op.drop_table("keys")
    op.create_table(
        "keys",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("user", sa.Text, sa.ForeignKey("users.name", ondelete="CASCADE")),
        sa.Column("most", sa.Text, nullable=False),
        sa.Column("services", sa.Text),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text),
        sa.Column("last_used_at", sa.Text),
        sa.UniqueConstraint("hash", name="keys_by_hash"),
        sa.UniqueConstraint("user", "label", name="keys_of_a_user"),
        sqlite_autoincrement=True,
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_who", "audit", ["who", "id"])
    op.create_index("audit_by_target", "audit", ["target", "id"])
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_without_{verb.lower()} BEFORE {verb} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END"
        )
