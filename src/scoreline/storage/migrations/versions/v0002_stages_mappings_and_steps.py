"""Stages, nodes of infrastructures, generations mappings, steps of updates, and summaries of versions."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_STAGES = (
    ("Development", "Where changes are tried."),
    ("Test", "Where they are proved."),
    ("Production", "Where customers are answered."),
)


def upgrade() -> None:
    _stages()
    _infrastructures()
    _versions()
    _deployments()
    _steps()
    _updates()


def _stages() -> None:
    stages = op.create_table(
        "stages",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
    )
    used = op.get_bind().execute(sa.text("SELECT DISTINCT stage FROM infrastructures ORDER BY stage"))
    known = [name for name, _ in _STAGES]
    found = [*_STAGES, *((name, "") for name in used.scalars() if name not in known)]
    rows = [{"id": name, "position": at, "description": text} for at, (name, text) in enumerate(found)]
    op.bulk_insert(stages, rows)


def _infrastructures() -> None:
    with op.batch_alter_table("infrastructures") as table:
        table.add_column(sa.Column("nodes", sa.Text))
        table.add_column(sa.Column("public_url", sa.Text))
        table.add_column(sa.Column("connections", sa.Text))
    op.execute("UPDATE infrastructures SET nodes = '[]', connections = '{}'")
    _require("infrastructures", "nodes", "connections")


def _versions() -> None:
    names = ("project", "created_by", "created_at", "models", "endpoints")
    with op.batch_alter_table("versions") as table:
        for name in names:
            table.add_column(sa.Column(name, sa.Text))
    bind = op.get_bind()
    statement = sa.text(
        "UPDATE versions SET project = :project, created_by = :created_by, created_at = :created_at, "
        "models = :models, endpoints = :endpoints WHERE service = :service AND version = :version"
    )
    for row in bind.execute(sa.text("SELECT service, version, manifest, definition FROM versions")).all():
        manifest, definition = json.loads(row.manifest), json.loads(row.definition)
        models = {model: packaged["version"] for model, packaged in manifest.get("models", {}).items()}
        endpoints = {one["id"]: one["kind"] for one in definition.get("endpoints", ())}
        values = {
            "service": row.service,
            "version": row.version,
            "project": manifest["project"],
            "created_by": manifest["created_by"],
            "created_at": manifest["created_at"],
            "models": json.dumps(models),
            "endpoints": json.dumps(endpoints),
        }
        bind.execute(statement, values)
    _require("versions", *names)


def _deployments() -> None:
    with op.batch_alter_table("deployments") as table:
        table.add_column(sa.Column("deployed_service", sa.Text))
        table.add_column(sa.Column("enabled", sa.Boolean))
        table.add_column(sa.Column("tags", sa.Text))
        table.add_column(sa.Column("mapping", sa.Text))
        table.add_column(sa.Column("live", sa.Text))
        table.add_column(sa.Column("live_enabled", sa.Boolean))
        table.add_column(sa.Column("revision", sa.Integer))
    op.execute(
        "UPDATE deployments SET deployed_service = service, enabled = 1, tags = '[]', live_enabled = 1, "
        "revision = 1"
    )
    bind = op.get_bind()
    statement = sa.text("UPDATE deployments SET mapping = :mapping, live = :mapping WHERE id = :id")
    for row in bind.execute(sa.text("SELECT id, version FROM deployments")).all():
        bind.execute(statement, {"id": row.id, "mapping": _single(row.version)})
    with op.batch_alter_table("deployments") as table:
        table.drop_constraint("deployments_of_a_version", type_="foreignkey")
        table.drop_constraint("deployments_once_per_infrastructure", type_="unique")
        table.drop_column("version")
        table.create_unique_constraint(
            "deployments_once_per_infrastructure", ["deployed_service", "infrastructure"]
        )
    _require("deployments", "deployed_service", "enabled", "tags", "live_enabled", "revision")
    op.create_index("deployments_by_service", "deployments", ["service"])


def _steps() -> None:
    op.create_table(
        "update_steps",
        sa.Column("update_id", sa.Integer, sa.ForeignKey("updates.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
    )
    lines = op.create_table(
        "update_lines",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("update_id", sa.Integer, sa.ForeignKey("updates.id", ondelete="CASCADE"), nullable=False),
        sa.Column("step", sa.Integer),
        sa.Column("line", sa.Text, nullable=False),
    )
    op.create_index("update_lines_of_an_update", "update_lines", ["update_id", "id"])
    for number, log in op.get_bind().execute(sa.text("SELECT id, log FROM updates ORDER BY id")).all():
        op.bulk_insert(
            lines, [{"update_id": number, "step": None, "line": line} for line in log.splitlines()]
        )


def _updates() -> None:
    with op.batch_alter_table("updates", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("kind", sa.Text))
        table.add_column(sa.Column("rolling", sa.Boolean))
        table.add_column(sa.Column("enabled", sa.Boolean))
        table.add_column(sa.Column("from_mapping", sa.Text))
        table.add_column(sa.Column("to_mapping", sa.Text))
    op.execute("UPDATE updates SET kind = 'light', rolling = 0, enabled = 1")
    bind = op.get_bind()
    statement = sa.text("UPDATE updates SET from_mapping = :before, to_mapping = :after WHERE id = :id")
    for row in bind.execute(sa.text("SELECT id, from_version, to_version FROM updates")).all():
        values = {"id": row.id, "before": _single(row.from_version), "after": _single(row.to_version)}
        bind.execute(statement, values)
    with op.batch_alter_table("updates", table_kwargs={"sqlite_autoincrement": True}) as table:
        for name in ("from_version", "to_version", "log"):
            table.drop_column(name)
        for name, kind in (("kind", sa.Text), ("rolling", sa.Boolean), ("enabled", sa.Boolean)):
            table.alter_column(name, existing_type=kind(), nullable=False)
        table.alter_column("to_mapping", existing_type=sa.Text(), nullable=False)


def _single(version: str | None) -> str | None:
    """The mapping by which one version answers everything."""
    return None if version is None else json.dumps({"entries": [{"generation": version, "proba": 1.0}]})


def _require(table_name: str, *columns: str) -> None:
    with op.batch_alter_table(table_name) as table:
        for name in columns:
            table.alter_column(name, nullable=False)
