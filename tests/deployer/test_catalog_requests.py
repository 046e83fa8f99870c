"""The catalog keeps requests with their answers, for a while and not too many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from scoreline.core.infrastructure import Infrastructure
from scoreline.storage import catalog_requests, catalog_tables
from scoreline.storage.catalog import Catalog
from scoreline.storage.catalog_requests import KeptAnswer, KnownRequest
from scoreline.storage.transactions import working_for

EARLY, NOON, LATE = "2030-01-01T06:00:00", "2030-01-01T12:00:00", "2030-01-01T18:00:00"
ANSWER = KeptAnswer(fingerprint="f", status=201, headers=(("content-type", "x"),), body=b"\0\xff")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog.open(tmp_path / "catalog.sqlite")
    yield opened
    opened.close()


def test_a_request_is_known_with_its_answer(catalog: Catalog) -> None:
    assert catalog.requests.begin("k", NOON, since=EARLY) is None

    catalog.requests.keep("k", ANSWER)

    assert catalog.requests.begin("k", LATE, since=EARLY) == KnownRequest(has_effect=False, answer=ANSWER)


def test_an_old_request_is_forgotten(catalog: Catalog) -> None:
    catalog.requests.begin("k", EARLY, since=EARLY)
    catalog.requests.keep("k", ANSWER)

    assert catalog.requests.begin("k", LATE, since=NOON) is None


def test_a_request_that_wrote_anything_is_marked_in_the_same_transaction(catalog: Catalog) -> None:
    catalog.requests.begin("k", NOON, since=EARLY)

    with working_for("k"):
        catalog.infrastructures.add(Infrastructure(id="somewhere"))
    catalog.requests.forget("k")

    assert catalog.requests.begin("k", NOON, since=EARLY) == KnownRequest(has_effect=True, answer=None)


def test_a_write_that_fails_leaves_no_mark(catalog: Catalog) -> None:
    catalog.requests.begin("k", NOON, since=EARLY)

    with working_for("k"), pytest.raises(ZeroDivisionError), catalog.transactions.writing():
        _ = 1 / 0

    assert catalog.requests.begin("k", NOON, since=EARLY) == KnownRequest(has_effect=False, answer=None)
    catalog.requests.forget("k")
    assert catalog.requests.begin("k", NOON, since=EARLY) is None


def test_too_many_requests_push_out_the_oldest(catalog: Catalog) -> None:
    most = catalog_requests.MOST_REQUESTS
    rows = [{"key": f"k{n:06}", "at": f"{NOON}.{n:06}", "has_effect": False} for n in range(most)]
    with catalog.transactions.writing() as connection:
        connection.execute(sa.insert(catalog_tables.requests), rows)

    assert catalog.requests.begin("new", LATE, since=EARLY) is None

    assert catalog.requests.begin("k000001", LATE, since=EARLY) is not None
    assert catalog.requests.begin("k000000", LATE, since=EARLY) is None
