"""Brings a catalog to the newest schema, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from scoreline.errors import Unavailable


def migrate(connection: Connection) -> None:
    """Run the missing migrations inside the transaction of `connection`.

    Raises Unavailable when a newer Scoreline has written the catalog; nothing is changed then.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {step.revision for step in script.walk_revisions()}:
        raise Unavailable(
            f"the catalog was written by a newer Scoreline (its schema is {current[:40]!r}, this one knows "
            f"up to {script.get_current_head()!r}): upgrade Scoreline, or use another home folder",
            code="newer-catalog",
        )
    command.upgrade(config, "head")
