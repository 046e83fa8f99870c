"""The data that the template real-time-apis generates: its shape, its proportions, its bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
from tests.acceptance.template import generator

TABLES = ("transactions", "cardholder_info", "merchant_info", "new_transactions")


@pytest.fixture(scope="module")
def template() -> ModuleType:
    return generator()


@pytest.fixture(scope="module")
def small(template: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("small")
    template.generate(folder, "small", 7)
    return _open(folder)


def _open(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in TABLES:
        connection.execute(f"CREATE VIEW {table} AS FROM read_csv('{folder}/data/{table}.csv.gz')")
    return connection


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[object, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def _digests(folder: Path) -> list[str]:
    return [hashlib.sha256((folder / "data" / f"{t}.csv.gz").read_bytes()).hexdigest() for t in TABLES]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    template: ModuleType, tmp_path: Path
) -> None:
    template.generate(tmp_path / "a", "small", 7)
    template.generate(tmp_path / "b", "small", 7)
    template.generate(tmp_path / "c", "small", 8)

    assert _digests(tmp_path / "a") == _digests(tmp_path / "b")
    assert not set(_digests(tmp_path / "a")) & set(_digests(tmp_path / "c"))


def test_the_tables_have_the_columns_and_cardinalities_of_the_use_case(
    small: duckdb.DuckDBPyConnection,
) -> None:
    columns = {t: [row[0] for row in small.execute(f"DESCRIBE {t}").fetchall()] for t in TABLES}

    assert columns["transactions"] == [
        "transaction_id", "authorized_flag", "purchase_date", "card_id", "merchant_id",
        "merchant_category_id", "item_category", "purchase_amount", "signature_provided",
    ]  # fmt: skip
    assert columns["cardholder_info"] == [
        "internal_card_mapping", "first_active_month", "reward_program", "latitude", "longitude",
        "fico_score", "age",
    ]  # fmt: skip
    assert columns["merchant_info"] == [
        "merchant_id", "merchant_category_id", "subsector_description", "state", "latitude", "longitude",
    ]  # fmt: skip
    distinct = "SELECT count(DISTINCT fico_score), count(DISTINCT age), count(DISTINCT first_active_month)"
    assert _one(small, distinct + " FROM cardholder_info") == (551, 83, 74)
    distinct = "SELECT count(DISTINCT subsector_description), count(DISTINCT merchant_category_id)"
    assert _one(small, distinct + " FROM merchant_info") == (38, 269)


def test_every_card_and_merchant_of_a_transaction_is_in_its_table_once(
    small: duckdb.DuckDBPyConnection,
) -> None:
    orphans = """
        SELECT count(*) FROM transactions
        ANTI JOIN cardholder_info ON internal_card_mapping = card_id
        UNION ALL SELECT count(*) FROM transactions ANTI JOIN merchant_info USING (merchant_id)
        UNION ALL SELECT count(*) - count(DISTINCT internal_card_mapping) FROM cardholder_info
        UNION ALL SELECT count(*) - count(DISTINCT merchant_id) FROM merchant_info
        UNION ALL SELECT count(*) FROM transactions JOIN merchant_info USING (merchant_id)
            WHERE transactions.merchant_category_id <> merchant_info.merchant_category_id
    """
    assert small.execute(orphans).fetchall() == [(0,)] * 5


def test_the_tutorials_card_and_merchant_are_there(small: duckdb.DuckDBPyConnection) -> None:
    card = "SELECT fico_score, age FROM cardholder_info WHERE internal_card_mapping = 'C_ID_23626074d5'"
    merchant = "SELECT subsector_description, state FROM merchant_info WHERE merchant_id = 'M_ID_000572bc62'"

    assert _one(small, card) == (679, 59)
    assert _one(small, merchant) == ("gas", "Vermont")


def test_about_a_tenth_of_the_known_transactions_is_refused_and_the_newest_are_open(
    small: duckdb.DuckDBPyConnection,
) -> None:
    refused, known, last_known = _one(
        small,
        "SELECT 1 - avg(authorized_flag), count(authorized_flag), max(purchase_date) "
        "FILTER (authorized_flag IS NOT NULL) FROM transactions",
    )
    (first_open,) = _one(small, "SELECT min(purchase_date) FROM transactions WHERE authorized_flag IS NULL")

    assert refused == pytest.approx(0.0947, abs=0.0001)
    assert known == 25_422
    assert last_known <= first_open


def test_the_last_months_drift(small: duckdb.DuckDBPyConnection) -> None:
    shares = small.execute("""
        SELECT avg(purchase_amount), avg((subsector_description IN ('electronics', 'travel agencies'))::INT)
        FROM transactions JOIN merchant_info USING (merchant_id)
        GROUP BY purchase_date < '2017-10-01' ORDER BY purchase_date < '2017-10-01'
    """).fetchall()

    (late_amount, late_share), (early_amount, early_share) = shares
    assert late_amount > 1.15 * early_amount
    assert late_share > 1.15 * early_share


def test_new_transactions_go_on_where_the_others_end(small: duckdb.DuckDBPyConnection) -> None:
    after = "SELECT min(transaction_id) - (SELECT max(transaction_id) FROM transactions), count(*) "
    after += "FROM new_transactions WHERE purchase_date >= '2018-05-01' AND purchase_date < '2018-06-01'"
    orphans = (
        "SELECT count(*) FROM new_transactions ANTI JOIN cardholder_info ON internal_card_mapping = card_id"
    )

    assert _one(small, after) == (1, 4_000)
    assert _one(small, orphans) == (0,)
    described = [
        small.execute(f"DESCRIBE {table}").fetchall() for table in ("transactions", "new_transactions")
    ]
    assert described[0] == described[1]
    assert _one(
        small,
        "SELECT count(authorized_flag), max(purchase_date) < (SELECT max(purchase_date) "
        "FROM new_transactions) FROM new_transactions WHERE authorized_flag IS NOT NULL",
    ) == (2_666, True)


def test_new_transactions_drift(small: duckdb.DuckDBPyConnection) -> None:
    told = "SELECT median(purchase_amount), avg(signature_provided), 1 - avg(authorized_flag) FROM "

    amount, signed, refused = _one(small, told + "transactions WHERE purchase_date < '2017-11-15'")
    new_amount, new_signed, new_refused = _one(small, told + "new_transactions")

    assert new_amount > 1.3 * amount
    assert new_signed < 0.5 * signed
    assert new_refused > refused


def test_new_transactions_can_be_made_without_drift_beside_the_same_tables(
    template: ModuleType, small: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    template.generate(tmp_path, "small", 7, drifting=False)
    usual = _open(tmp_path)
    told = "SELECT median(purchase_amount), avg(signature_provided), 1 - avg(authorized_flag) FROM "

    before = _one(small, told + "transactions WHERE purchase_date < '2017-10-01'")
    without = _one(usual, told + "new_transactions")

    assert without == pytest.approx(before, rel=0.1)
    for table in ("transactions", "cardholder_info", "merchant_info"):
        digests = [_one(one, f"SELECT bit_xor(hash({table})) FROM {table}") for one in (small, usual)]
        assert digests[0] == digests[1]


@pytest.mark.slow
def test_the_full_size_is_the_use_cases_own(template: ModuleType, tmp_path: Path) -> None:
    template.generate(tmp_path, "full", 7)
    connection = _open(tmp_path)

    counts = [_one(connection, f"SELECT count(*) FROM {table}")[0] for table in TABLES]
    assert counts == [327_005, 44_335, 70_086, 40_000]
    flags = "SELECT count(*) FILTER (authorized_flag = 1), count(*) FILTER (authorized_flag = 0)"
    assert _one(connection, flags + " FROM transactions") == (230_144, 24_080)
    assert _one(connection, "SELECT count(*) FROM transactions WHERE purchase_amount < 0") == (265,)
    assert _one(connection, "SELECT count(DISTINCT card_id) FROM transactions") == (44_335,)
