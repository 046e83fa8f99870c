"""What was live before on a deployment, and whether it is being deleted."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("deployments") as table:
        table.add_column(sa.Column("former", sa.Text))
        table.add_column(sa.Column("leaving", sa.Boolean))
    op.execute("UPDATE deployments SET former = '[]', leaving = false")
    bind = op.get_bind()
    history = sa.text(
        "SELECT deployment, from_mapping FROM updates "
        "WHERE outcome = 'SUCCESS' AND from_mapping IS NOT NULL ORDER BY id"
    )
    statement = sa.text("UPDATE deployments SET former = :former WHERE id = :id AND live != :before")
    for row in bind.execute(history).all():
        former = json.dumps([json.loads(row.from_mapping)])
        bind.execute(statement, {"id": row.deployment, "former": former, "before": row.from_mapping})
    with op.batch_alter_table("deployments") as table:
        table.alter_column("former", nullable=False)
        table.alter_column("leaving", nullable=False)
