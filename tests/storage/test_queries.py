"""SELECTs over tables see those and nothing of the host, several on one connection, too."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from scoreline.errors import Invalid
from scoreline.storage.queries import select_rows, selecting

ROWS = pa.table({"a": [1, 2]})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM ROWS",
        "SELECT getenv('HOME')",
        "SELECT 1; SELECT 2",
        "COPY given TO 'out.csv'",
        "ATTACH 'other.db'",
        "SET threads = 4",
        "CREATE TABLE more AS SELECT 1",
    ],
)
def test_a_query_reaches_nothing_but_its_tables(sql: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        select_rows(sql, {"given": ROWS}, tmp_path)
    with selecting(tmp_path) as select:
        assert select("SELECT sum(a) AS n FROM given", {"given": ROWS}).to_pydict() == {"n": [3]}
        with pytest.raises(Invalid):
            select(sql, {"given": ROWS})


def test_tables_of_one_query_are_not_there_for_the_next(tmp_path: Path) -> None:
    with selecting(tmp_path) as select:
        with pytest.raises(Invalid):
            select("SELECT nothing FROM given", {"given": ROWS})
        with pytest.raises(Invalid, match="given does not exist"):
            select("SELECT * FROM given", {})
        found = select("SELECT * FROM given", {"given": pa.table({"b": ["x"]})})

    assert found.to_pydict() == {"b": ["x"]}
