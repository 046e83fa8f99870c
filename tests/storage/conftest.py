"""A real PostgreSQL for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.postgres import running_postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a database of a PostgreSQL server that lives as long as the tests of this process."""
    with running_postgres() as url:
        yield url
