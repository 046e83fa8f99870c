"""What Alembic runs around the migrations: all of them in the one transaction it is handed."""

from __future__ import annotations

from alembic import context

from scoreline.storage.catalog_tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()
