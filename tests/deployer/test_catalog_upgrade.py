"""A catalog that an older Scoreline has written is brought to today's form, and nothing in it is lost."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from tests.deployer.packages import make_package

from scoreline.core.deployment import UpdateKind, UpdateOutcome, single
from scoreline.core.package import summary
from scoreline.core.stage import Stage
from scoreline.errors import Conflict
from scoreline.storage import migrations
from scoreline.storage.archives import read_archive
from scoreline.storage.catalog import Catalog

NOW = "2030-01-01T00:00:00.000+00:00"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The catalog of the first Scoreline: a deployment at v2, after v1, with a failed update to v3."""
    path = tmp_path / "catalog.sqlite"
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO services VALUES ('merchants')")
        raw.execute("INSERT INTO infrastructures VALUES ('local', 'Development', 'local')")
        raw.execute("INSERT INTO infrastructures VALUES ('lab', 'Experiments', 'local')")
        for version in ("v1", "v2", "v3"):
            manifest, service = read_archive(make_package(tmp_path, version, release_notes="notes"))
            values = ("merchants", version, manifest.digest, "ab" * 32, 9, _text(manifest), _text(service))
            raw.execute(
                "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, "notes", "ann", NOW)
            )
        raw.execute("INSERT INTO deployments VALUES ('merchants-on-local', 'merchants', 'local', 'v2')")
        raw.execute("INSERT INTO deployments VALUES ('merchants-on-lab', 'merchants', 'lab', NULL)")
        updates = [
            (1, None, "v1", NOW, "SUCCESS", "", "one\ntwo\n"),
            (2, "v1", "v2", NOW, "SUCCESS", "", "three\n"),
            (7, "v2", "v3", None, "RUNNING", "", ""),
        ]
        for number, before, after, ended, outcome, message, log in updates:
            raw.execute(
                "INSERT INTO updates VALUES (?, 'merchants-on-local', ?, ?, 'ann', ?, ?, ?, ?, ?)",
                (number, before, after, NOW, ended, outcome, message, log),
            )
        raw.execute("INSERT INTO keys VALUES ('hash', 'ann', ?)", (NOW,))
    raw.close()
    return path


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def test_versions_deployments_and_updates_are_as_they_were(old: Path, tmp_path: Path) -> None:
    catalog = Catalog.open(old)

    deployment = catalog.deployments.one("merchants-on-local")
    assert deployment is not None
    assert (deployment.mapping, deployment.live, deployment.former) == (
        single("v2"),
        single("v2"),
        (single("v1"),),
    )
    assert (deployment.deployed_service, deployment.enabled, deployment.tags) == ("merchants", True, ())
    never = catalog.deployments.one("merchants-on-lab")
    assert never is not None
    assert (never.mapping, never.live, never.version) == (None, None, None)
    updates = catalog.updates.of("merchants-on-local", limit=10)
    assert [(one.id, one.from_mapping, one.to_mapping, one.log) for one in updates] == [
        (7, single("v2"), single("v3"), ()),
        (2, single("v1"), single("v2"), ("three",)),
        (1, None, single("v1"), ("one", "two")),
    ]
    assert {(one.kind, one.by) for one in updates} == {(UpdateKind.LIGHT, "ann")}
    version = catalog.versions.one("merchants", "v1")
    assert version is not None
    assert version.manifest == read_archive(tmp_path / "merchants-v1.zip")[0]
    assert catalog.versions.of("merchants")[0] == summary(version)
    assert catalog.versions.endpoints(("merchants", "v1"))["merchants", "v1"] == {"merchant_lookup": "lookup"}


def test_the_stages_are_the_usual_ones_and_those_that_were_used(old: Path) -> None:
    catalog = Catalog.open(old)

    stages = catalog.infrastructures.stages()

    assert [stage.id for stage in stages] == ["Development", "Test", "Production", "Experiments"]
    assert stages[3] == Stage(id="Experiments")


def test_the_database_still_keeps_a_second_update_out_and_numbers_go_on(old: Path) -> None:
    catalog = Catalog.open(old)
    running = catalog.updates.one(7)
    assert running is not None

    with pytest.raises(Conflict, match="another update"):
        catalog.updates.add(running)

    catalog.updates.finish(running, UpdateOutcome.FAILED, "no room", NOW)
    assert catalog.updates.add(running).id == 8


def test_references_are_whole_after_the_upgrade(old: Path) -> None:
    Catalog.open(old).close()

    with sqlite3.connect(old) as raw:
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("DELETE FROM deployments WHERE id = 'merchants-on-local'")
        assert raw.execute("SELECT count(*) FROM updates").fetchone() == (0,)
        assert raw.execute("SELECT count(*) FROM update_lines").fetchone() == (0,)
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute("DELETE FROM infrastructures WHERE id = 'lab'")
    raw.close()


def test_a_mapping_is_kept_as_json_that_others_can_read(old: Path) -> None:
    Catalog.open(old).close()

    with sqlite3.connect(old) as raw:
        (text,) = raw.execute("SELECT live FROM deployments WHERE id = 'merchants-on-local'").fetchone()
    raw.close()

    assert json.loads(text) == {"entries": [{"generation": "v2", "proba": 1.0}]}
