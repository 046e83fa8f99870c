"""Several nodes of a local infrastructure, and revisions of infrastructures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("infrastructures") as table:
        table.add_column(sa.Column("local_nodes", sa.Integer))
        table.add_column(sa.Column("revision", sa.Integer))
    op.execute("UPDATE infrastructures SET local_nodes = 1, revision = 1")
    with op.batch_alter_table("infrastructures") as table:
        table.alter_column("local_nodes", nullable=False)
        table.alter_column("revision", nullable=False)
