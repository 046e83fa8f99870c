"""The catalog keeps what it is told, whole, and refuses what it does not understand."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.deployer.packages import make_package

from scoreline.core.deployment import Deployment, Update, UpdateOutcome, single
from scoreline.core.infrastructure import Infrastructure
from scoreline.core.package import PublishedVersion, summary
from scoreline.errors import Conflict, Unavailable
from scoreline.storage.archives import read_archive
from scoreline.storage.catalog import Catalog
from scoreline.storage.catalog_tables import metadata

NOW = "2030-01-01T00:00:00.000+00:00"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog.open(tmp_path / "catalog.sqlite")


def published(folder: Path, version: str = "v1", service: str = "merchants") -> PublishedVersion:
    archive = make_package(folder, version, service=service)
    manifest, definition = read_archive(archive)
    return PublishedVersion(
        service_id=service, manifest=manifest, service=definition, archive="ab" * 32, size=9, by="ann", at=NOW
    )


def update(version: str = "v1", before: str | None = None) -> Update:
    return Update(
        id=0,
        deployment="merchants-on-local",
        from_mapping=single(before) if before else None,
        to_mapping=single(version),
        by="ann",
        started_at=NOW,
    )


def deployed(catalog: Catalog, folder: Path) -> Update:
    """A catalog with the versions v1 and v2 and one deployment whose first update runs."""
    catalog.infrastructures.add(Infrastructure(id="local"))
    catalog.versions.add(published(folder))
    catalog.versions.add(published(folder, "v2"))
    deployment = Deployment(
        id="merchants-on-local", service="merchants", infrastructure="local", deployed_service="merchants"
    )
    return catalog.deployments.add_with(deployment, update())


def test_the_migrated_schema_is_the_one_of_the_tables(tmp_path: Path) -> None:
    Catalog.open(tmp_path / "catalog.sqlite").close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'catalog.sqlite'}")

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    engine.dispose()
    assert differences == []


def test_a_version_comes_back_as_it_was_added(catalog: Catalog, tmp_path: Path) -> None:
    version = published(tmp_path)

    catalog.versions.add(version)

    assert catalog.versions.one("merchants", "v1") == version
    assert catalog.versions.of("merchants") == catalog.versions.all() == [summary(version)]
    assert catalog.versions.service_ids() == ["merchants"]


def test_a_version_is_added_once(catalog: Catalog, tmp_path: Path) -> None:
    catalog.versions.add(published(tmp_path))

    with pytest.raises(Conflict, match="published already"):
        catalog.versions.add(published(tmp_path))


def test_a_second_update_is_refused_while_one_runs(catalog: Catalog, tmp_path: Path) -> None:
    first = deployed(catalog, tmp_path)

    with pytest.raises(Conflict, match="another update"):
        catalog.updates.add(update("v2"))

    catalog.updates.finish(first, UpdateOutcome.SUCCESS, "", NOW)
    assert catalog.updates.add(update("v2", "v1")).id > first.id


def test_success_and_the_wanted_version_change_together(catalog: Catalog, tmp_path: Path) -> None:
    first = deployed(catalog, tmp_path)

    catalog.updates.finish(first, UpdateOutcome.SUCCESS, "", NOW)

    found = catalog.deployments.one("merchants-on-local")
    assert found is not None
    assert found.version == "v1"


def test_an_update_ends_once(catalog: Catalog, tmp_path: Path) -> None:
    first = deployed(catalog, tmp_path)
    catalog.updates.finish(first, UpdateOutcome.FAILED, "no room", NOW)

    catalog.updates.finish(first, UpdateOutcome.SUCCESS, "", NOW)

    ended = catalog.updates.one(first.id)
    assert ended is not None
    assert (ended.outcome, ended.message) == (UpdateOutcome.FAILED, "no room")
    assert catalog.deployments.one("merchants-on-local").version is None


def test_a_deployment_that_cannot_be_added_leaves_no_update(catalog: Catalog, tmp_path: Path) -> None:
    deployed(catalog, tmp_path)
    other = Deployment(
        id="another", service="merchants", infrastructure="local", deployed_service="merchants"
    )

    with pytest.raises(Conflict, match="already"):
        catalog.deployments.add_with(other, update())

    assert len(catalog.updates.of("merchants-on-local", limit=10)) == 1
    assert [found.id for found in catalog.deployments.all()] == ["merchants-on-local"]


def test_the_log_of_an_update_keeps_its_lines_in_order(catalog: Catalog, tmp_path: Path) -> None:
    first = deployed(catalog, tmp_path)

    for line in ("one", "two", "three"):
        catalog.updates.log(first.id, line)

    found = catalog.updates.one(first.id)
    assert found is not None
    assert found.log == ("one", "two", "three")


def test_a_catalog_of_a_newer_scoreline_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    Catalog.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    before = path.read_bytes()

    with pytest.raises(Unavailable, match="newer Scoreline"):
        Catalog.open(path)

    assert path.read_bytes() == before


def test_a_file_that_is_no_catalog_is_refused_with_words(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 40)

    with pytest.raises(Unavailable, match="catalog"):
        Catalog.open(tmp_path / "catalog.sqlite")


def test_writers_wait_for_one_another(catalog: Catalog, tmp_path: Path) -> None:
    first = deployed(catalog, tmp_path)

    def write(name: int) -> None:
        for number in range(20):
            catalog.updates.log(first.id, f"{name}:{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = catalog.updates.one(first.id)
    assert found is not None
    assert len(found.log) == 80


@pytest.mark.slow
def test_a_migration_that_was_killed_can_be_run_again(
    tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    program = (
        "import sys, pathlib; from scoreline.storage.catalog import Catalog; "
        "Catalog.open(pathlib.Path(sys.argv[1]))"
    )
    path = tmp_path / "catalog.sqlite"
    for attempt in range(repetitions(quick=3, whole=30)):
        process = subprocess.Popen([sys.executable, "-c", program, str(path)])
        while not path.exists() and process.poll() is None:
            time.sleep(0.001)
        time.sleep(0.002 * (attempt % 15))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

        Catalog.open(path).close()
        path.unlink()
        for leftover in tmp_path.glob("catalog.sqlite-*"):
            leftover.unlink()
