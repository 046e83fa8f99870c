"""Brings a catalog to the newest schema, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from scoreline.errors import Unavailable

_HERE = Path(__file__).parent


def migrate(connection: Connection) -> None:
    """Run the missing migrations inside the transaction of `connection`.

    Raises Unavailable when a newer Scoreline has written the catalog; nothing is changed then.
    """
    known = {step.name[1:5] for step in (_HERE / "versions").glob("v[0-9]*.py")}
    current = _revision(connection)
    if current == max(known):
        return
    if current is not None and current not in known:
        raise Unavailable(
            f"the catalog was written by a newer Scoreline (its schema is {current[:40]!r}, this one knows "
            f"up to {max(known)!r}): upgrade Scoreline, or use another home folder",
            code="newer-catalog",
        )
    # Here: it takes a while to load, and most starts have nothing to migrate.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    """The step that the catalog has come to; None for a new one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found
