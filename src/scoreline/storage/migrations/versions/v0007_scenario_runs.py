"""Runs of scenarios, their steps and what came of these; what triggers have seen; why an update ran."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "scenario_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("scenario", sa.Text, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("fire", sa.Text, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("variables", sa.Text, nullable=False),
        sa.Column("resumed_from", sa.Integer),
        sa.Column("abort_by", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("scenario_runs_of_a_scenario", "scenario_runs", ["project", "scenario", "id"])
    op.create_index(
        "scenario_runs_one_running",
        "scenario_runs",
        ["project", "scenario"],
        unique=True,
        sqlite_where=sa.text("outcome = 'RUNNING'"),
    )
    op.create_index("scenario_runs_by_cause", "scenario_runs", ["cause"], unique=True)
    op.create_table(
        "scenario_steps",
        sa.Column(
            "run_id", sa.Integer, sa.ForeignKey("scenario_runs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("outputs", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text),
        sa.Column("finished_at", sa.Text),
        sa.Column("decision", sa.Text),
    )
    op.create_table(
        "scenario_effects",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column(
            "run_id", sa.Integer, sa.ForeignKey("scenario_runs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("position", sa.Integer, primary_key=True),
    )
    op.create_index("scenario_effects_of_a_run", "scenario_effects", ["run_id", "position"])
    op.create_table(
        "scenario_triggers",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("scenario", sa.Text, primary_key=True),
        sa.Column("trigger", sa.Text, primary_key=True),
        sa.Column("seen", sa.Text, nullable=False),
    )
    with op.batch_alter_table("updates") as table:
        table.add_column(sa.Column("cause", sa.Text))
    op.create_index("updates_by_cause", "updates", ["cause"], unique=True)
