"""Published services: made empty or by a first version, which may have been packaged under another id."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.deployer.packages import make_package

from scoreline.core.package import PublishedVersion
from scoreline.deployer.services import Services
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.storage.artifacts import Artifacts
from scoreline.storage.catalog import Catalog


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "packages", longest=1 << 30)


@pytest.fixture
def services(tmp_path: Path, artifacts: Artifacts) -> Services:
    return Services(Catalog.open(tmp_path / "catalog.sqlite"), artifacts)


def publish(
    services: Services, artifacts: Artifacts, archive: Path, service_id: str | None = None
) -> tuple[PublishedVersion, bool]:
    with artifacts.draft() as draft:
        draft.write(archive.read_bytes())
        return services.publish(draft, "ann", service_id)


def test_a_service_without_versions_is_there_and_listed(services: Services) -> None:
    services.create("empty")

    assert services.all() == {"empty": []}
    assert services.versions("empty") == []
    with pytest.raises(NotFound, match="there is none yet"):
        services.version("empty", "v1")
    with pytest.raises(Conflict, match="there is a service 'empty' already"):
        services.create("empty")
    with pytest.raises(Invalid, match="cannot be the id of a service"):
        services.create("a/b")


def test_a_version_can_be_published_as_another_service(
    services: Services, artifacts: Artifacts, tmp_path: Path
) -> None:
    archive = make_package(tmp_path, "v1", service="merchants")

    version, new = publish(services, artifacts, archive, "shops")

    assert new
    assert (version.service_id, version.manifest.service) == ("shops", "merchants")
    assert services.version("shops", "v1") == version
    assert [one.service for one in services.versions("shops")] == ["shops"]
    with pytest.raises(NotFound, match="no service 'merchants' is published"):
        services.versions("merchants")


def test_one_package_can_belong_to_two_services_and_is_kept_once(
    services: Services, artifacts: Artifacts, tmp_path: Path
) -> None:
    archive = make_package(tmp_path, "v1", service="merchants")

    first, _ = publish(services, artifacts, archive)
    second, new = publish(services, artifacts, archive, "shops")

    assert new
    assert services.archive(first) == services.archive(second)
    assert list(services.all()) == ["merchants", "shops"]
    assert publish(services, artifacts, archive, "shops") == (second, False)


def test_another_content_is_refused_under_the_id_it_was_to_have(
    services: Services, artifacts: Artifacts, tmp_path: Path
) -> None:
    publish(services, artifacts, make_package(tmp_path, "v1", service="merchants"), "shops")

    with pytest.raises(Conflict, match="shops v1 is published already with another content"):
        publish(services, artifacts, make_package(tmp_path, "v1", service="shops", state="Utah"))
    with pytest.raises(Invalid, match="cannot be the id of a service"):
        publish(services, artifacts, make_package(tmp_path, "v2"), "..")
