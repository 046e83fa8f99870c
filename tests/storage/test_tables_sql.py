"""Tables behind a connection: read whole, typed, in a stable order; secrets stay secret."""

from __future__ import annotations

import datetime
import sqlite3
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa

from scoreline.core.dataset import SqlDataset
from scoreline.core.project import Connection, Project, ProjectSettings
from scoreline.core.schema import Column, ColumnType
from scoreline.errors import Invalid, NotFound, ScorelineError, Unavailable
from scoreline.storage.tables import Tables, open_tables

PASSWORD = "p@ss/w:rd#1"
SECRET = "hunter2" * 2


def tables(
    folder: Path, url: str, table: str, columns: tuple[Column, ...] | None = None, **environment: str
) -> Tables:
    project = Project(
        settings=ProjectSettings(id="p"),
        connections={"bank": Connection(url=url)},
        datasets={"cards": SqlDataset(connection="bank", table=table, columns=columns)},
    )
    return open_tables(project, folder, environment)


@pytest.fixture
def cards(postgres_url: str) -> str:
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS bank CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA bank")
        connection.exec_driver_sql(
            "CREATE TABLE bank.cards (id bigint PRIMARY KEY, score numeric(10,2), name text, ok boolean, "
            "day date, at timestamptz, kind uuid, small smallint, ratio real)"
        )
        connection.exec_driver_sql(
            "INSERT INTO bank.cards VALUES "
            "(2, 1.25, 'Zoë', true, '2017-01-05', '2017-01-05 10:00+02', "
            "'00000000-0000-0000-0000-000000000001', 3, 0.5), "
            "(1, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL)"
        )
    engine.dispose()
    return postgres_url


def test_a_postgresql_table_is_read_with_its_types(tmp_path: Path, cards: str) -> None:
    found = tables(tmp_path, cards, "bank.cards")

    assert [column.type.value for column in found.schema("cards")] == [
        "int", "double", "string", "boolean", "date", "date", "string", "int", "double",
    ]  # fmt: skip
    assert found.read("cards").to_pylist()[1] == {
        "id": 2,
        "score": 1.25,
        "name": "Zoë",
        "ok": True,
        "day": datetime.date(2017, 1, 5),
        "at": datetime.datetime(2017, 1, 5, 8, tzinfo=datetime.UTC),
        "kind": "00000000-0000-0000-0000-000000000001",
        "small": 3,
        "ratio": 0.5,
    }
    assert list(found.rows("cards", ["id", "name", "day"])) == [(1, None, None), (2, "Zoë", "2017-01-05")]


def test_declared_columns_are_the_ones_that_are_read(tmp_path: Path, cards: str) -> None:
    declared = (Column("name", ColumnType.STRING), Column("small", ColumnType.DOUBLE))

    assert tables(tmp_path, cards, "bank.cards", declared).read("cards").to_pylist() == [
        {"name": None, "small": None},
        {"name": "Zoë", "small": 3.0},
    ]


def test_a_value_that_is_not_of_the_declared_type_is_named(tmp_path: Path, cards: str) -> None:
    with pytest.raises(Invalid, match=r"dataset 'cards', row 2, column score: .* is not an int"):
        tables(tmp_path, cards, "bank.cards", (Column("score", ColumnType.INT),)).read("cards")


def test_a_declared_column_that_is_not_there_is_refused(tmp_path: Path, cards: str) -> None:
    with pytest.raises(Invalid, match="no column 'nmae' in the table; did you mean 'name'"):
        tables(tmp_path, cards, "bank.cards", (Column("nmae", ColumnType.STRING),)).read("cards")


def test_a_table_that_is_not_there_is_refused(tmp_path: Path, cards: str) -> None:
    with pytest.raises(NotFound, match=r"'bank': there is no table 'bank\.card'"):
        tables(tmp_path, cards, "bank.card").read("cards")


def test_columns_of_types_that_no_dataset_has_are_refused_unless_left_out(tmp_path: Path, cards: str) -> None:
    engine = sa.create_engine(cards)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bank.odd (id int, body jsonb)")
    engine.dispose()

    with pytest.raises(Invalid, match=r"column body: values of type JSONB.*declare the columns"):
        tables(tmp_path, cards, "bank.odd").read("cards")
    assert len(tables(tmp_path, cards, "bank.odd", (Column("id", ColumnType.INT),)).read("cards")) == 0


def test_the_digest_follows_the_rows_and_not_their_order_in_the_table(tmp_path: Path, cards: str) -> None:
    engine = sa.create_engine(cards)

    def do(*statements: str) -> str:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        return tables(tmp_path, cards, "bank.pairs").digest("cards")

    first = do("CREATE TABLE bank.pairs (a int, b text)", "INSERT INTO bank.pairs VALUES (1, 'x'), (2, 'y')")
    turned = do("DELETE FROM bank.pairs", "INSERT INTO bank.pairs VALUES (2, 'y'), (1, 'x')")
    changed = do("UPDATE bank.pairs SET b = 'z' WHERE a = 2")
    engine.dispose()

    assert first == turned
    assert first != changed


def test_names_of_tables_are_never_sql(tmp_path: Path, cards: str) -> None:
    with pytest.raises(NotFound):
        tables(tmp_path, cards, "cards; DROP TABLE bank.cards").read("cards")
    assert len(tables(tmp_path, cards, "bank.cards").read("cards")) == 2


@pytest.fixture
def role(cards: str) -> str:
    """A URL whose password is a reference."""
    engine = sa.create_engine(cards)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY reader" if _has_reader(connection) else "SELECT 1")
        connection.exec_driver_sql("DROP ROLE IF EXISTS reader")
        connection.exec_driver_sql(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA bank TO reader")
        connection.exec_driver_sql("GRANT SELECT ON bank.cards TO reader")
    engine.dispose()
    url = sa.make_url(cards).set(username="reader", password="REFERENCE")
    return url.render_as_string(hide_password=False).replace("REFERENCE", "${env:BANK_PASSWORD}")


def _has_reader(connection: sa.Connection) -> bool:
    return connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = 'reader'").first() is not None


def test_a_secret_of_any_characters_is_taken_from_the_environment(tmp_path: Path, role: str) -> None:
    assert len(tables(tmp_path, role, "bank.cards", BANK_PASSWORD=PASSWORD).read("cards")) == 2


def test_a_secret_that_is_not_set_is_named(tmp_path: Path, role: str) -> None:
    with pytest.raises(Invalid, match="needs the environment variable BANK_PASSWORD"):
        tables(tmp_path, role, "bank.cards").read("cards")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://reader:${env:BANK_PASSWORD}@127.0.0.1:1/cards",
        "postgresql+psycopg://reader:${env:BANK_PASSWORD}@no-such-host.invalid/cards",
        "postgresql+psycopg://reader:${env:BANK_PASSWORD}@127.0.0.1:port/cards",
        "nonsense://reader:${env:BANK_PASSWORD}@127.0.0.1/cards",
        "${env:BANK_PASSWORD}",
        "sqlite:////nowhere/at/all/${env:BANK_PASSWORD}",
    ],
)
def test_no_error_shows_a_secret(tmp_path: Path, url: str) -> None:
    with pytest.raises(ScorelineError) as caught:
        tables(tmp_path, url, "cards", BANK_PASSWORD=SECRET).read("cards")

    assert SECRET not in caught.value.message
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="connection 'bank'") as caught:
        tables(tmp_path, "postgresql+psycopg://x@127.0.0.1:1/cards", "cards").read("cards")
    assert len(caught.value.message) < 400


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    file = tmp_path / "data" / "cards.db"
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE cards (id INTEGER, score REAL, name TEXT, day DATE, at DATETIME)")
        connection.execute("INSERT INTO cards VALUES (2, 1.5, 'b', '2017-01-05', '2017-01-05 10:00:00')")
        connection.execute("INSERT INTO cards VALUES (1, NULL, '', NULL, NULL)")
    connection.close()
    return file


def test_a_sqlite_file_is_found_from_the_projects_folder(
    tmp_path: Path, sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")

    found = tables(tmp_path, "sqlite:///data/cards.db", "cards").read("cards")

    assert found.to_pylist() == [
        {"id": 1, "score": None, "name": None, "day": None, "at": None},
        {
            "id": 2,
            "score": 1.5,
            "name": "b",
            "day": datetime.date(2017, 1, 5),
            "at": datetime.datetime.fromisoformat("2017-01-05T10:00:00"),
        },
    ]


def test_text_in_a_number_column_of_sqlite_is_named(tmp_path: Path, sqlite_file: Path) -> None:
    with sqlite3.connect(sqlite_file) as connection:
        connection.execute("INSERT INTO cards (id, score) VALUES (3, 'high')")
    connection.close()

    with pytest.raises(Invalid, match="dataset 'cards', row 3, column score: 'high' is not a double"):
        tables(tmp_path, "sqlite:///data/cards.db", "cards").read("cards")


def test_an_unknown_connection_names_the_nearest(tmp_path: Path) -> None:
    project = Project(
        settings=ProjectSettings(id="p"),
        connections={"bank": Connection(url="sqlite://")},
        datasets={"d": SqlDataset(connection="bnak", table="t")},
    )

    with pytest.raises(NotFound, match="no connection 'bnak'; did you mean 'bank'"):
        open_tables(project, tmp_path, {}).read("d")
