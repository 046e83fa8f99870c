"""The unmodified client `dataikuapi` designs and packages API services."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dataikuapi import DSSClient
from dataikuapi.dss.apiservice import DSSAPIService
from dataikuapi.utils import DataikuException
from tests.conformance.platform import PROJECT, SERVICE, dss_client, make_project
from tests.deployer.processes import ControlPlane

from scoreline.storage.archives import read_archive


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("designer")
    running = ControlPlane(folder / "home")
    running.start()
    with running.client() as client:
        client.add_project(make_project(folder / PROJECT))
    yield running
    running.clear()


@pytest.fixture
def project(control_plane: ControlPlane) -> Path:
    with control_plane.client() as client:
        return Path(client.projects()[0].folder)


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[DSSClient]:
    with dss_client(control_plane) as opened:
        yield opened


@pytest.fixture
def service(client: DSSClient) -> DSSAPIService:
    return client.get_project(PROJECT).get_api_service(SERVICE)


def test_projects_are_listed(client: DSSClient) -> None:
    assert client.list_project_keys() == [PROJECT]
    assert [(one["projectKey"], one["name"]) for one in client.list_projects(include_location=True)] == [
        (PROJECT, PROJECT)
    ]


def test_services_are_listed_in_both_ways(client: DSSClient) -> None:
    project = client.get_project(PROJECT)

    item = next(one for one in project.list_api_services() if one.id == SERVICE)
    assert (item.name, item.auth_method) == (SERVICE, "PUBLIC")
    assert [(one["id"], one["type"]) for one in item.endpoints] == [
        ("predict", "STD_PREDICTION"),
        ("merchant", "DATASETS_LOOKUP"),
    ]
    assert item.to_api_service().id == SERVICE
    assert SERVICE in [one.id for one in project.list_api_services(as_type="objects")]


def test_a_service_is_made_and_gets_an_endpoint(client: DSSClient, project: Path) -> None:
    made = client.get_project(PROJECT).create_api_service("scored")
    assert made.get_settings().endpoints == []

    settings = made.get_settings()
    settings.add_prediction_endpoint("score", "fraud")
    settings.save()
    settings.get_raw()["endpoints"][0]["testQueries"] = [{"name": "young", "q": {"features": {"age": 18}}}]
    settings.save()

    again = client.get_project(PROJECT).get_api_service("scored").get_settings()
    assert again.auth_method == "PUBLIC"
    assert again.endpoints[0]["modelRef"] == "fraud"
    assert (project / "services/scored.yaml").read_text() == (
        "endpoints:\n"
        "  - kind: prediction\n"
        "    id: score\n"
        "    model: fraud\n"
        "    test_queries:\n"
        "      - name: young\n"
        "        query:\n"
        "          features:\n"
        "            age: 18\n"
    )
    with pytest.raises(DataikuException, match="exists already"):
        client.get_project(PROJECT).create_api_service("scored")


def test_settings_read_and_saved_leave_the_file_as_it_is(service: DSSAPIService, project: Path) -> None:
    before = (project / "services/fraud_detection.yaml").read_bytes()

    settings = service.get_settings()
    settings.get_raw()["versionTag"] = {"versionNumber": 3}
    settings.endpoints[0].update(useJava=True, outputProbabilities=False, packagingType=None)
    settings.save()

    assert (project / "services/fraud_detection.yaml").read_bytes() == before


def test_a_lookup_is_changed_through_the_settings(client: DSSClient) -> None:
    made = client.get_project(PROJECT).create_api_service("found")
    settings = made.get_settings()
    lookup = {"datasetRef": "merchants", "keys": [{"column": "merchant_id"}], "onNoMatch": "error"}
    settings.endpoints.append({"id": "where", "type": "DATASETS_LOOKUP", "lookups": [lookup]})
    settings.save()

    kept = made.get_settings().endpoints[0]["lookups"][0]
    assert kept["columns"] == "all"
    assert (kept["onNoMatch"], kept["onSeveralMatches"]) == ("error", "ignore_record")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw["endpoints"].append({"id": "f", "type": "PY_FUNCTION", "code": "x"}), "PY_FUNCTION"),
        (lambda raw: raw["endpoints"][0].update(threshold=0.3), "has 'threshold', which cannot be kept here"),
        (lambda raw: raw["endpoints"][0].update(testQuery=[{}]), "did you mean 'testQueries'"),
        (lambda raw: raw["endpoints"][0].update(modelRef="frod"), "did you mean 'fraud'"),
        (lambda raw: raw["endpoints"][0].update(modelRef=7), r"\$\.endpoints\[0\]\.modelRef"),
        (lambda raw: raw["endpoints"].append("x"), "an endpoint must be an object"),
        (lambda raw: raw.update(endpoints=None), "no 'endpoints'"),
        (lambda raw: raw.update(authMethod="OAUTH2"), "authMethod 'OAUTH2'"),
        (lambda raw: raw.update(id="other"), "another service"),
        (lambda raw: raw["endpoints"].append(raw["endpoints"][0]), "two endpoints have the id 'predict'"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_changes(
    service: DSSAPIService, project: Path, change: Any, message: str
) -> None:
    before = (project / "services/fraud_detection.yaml").read_bytes()
    settings = service.get_settings()
    change(settings.get_raw())

    with pytest.raises(DataikuException, match=message):
        settings.save()

    assert (project / "services/fraud_detection.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "helper", ["multitarget_prediction", "clustering", "forecasting", "causal_prediction"]
)
def test_kinds_of_endpoints_that_cannot_be_served_are_refused(service: DSSAPIService, helper: str) -> None:
    settings = service.get_settings()
    getattr(settings, f"add_{helper}_endpoint")("other", "fraud")

    with pytest.raises(
        DataikuException, match=r"Invalid: endpoint 'other' is of type 'STD_.*cannot be served"
    ):
        settings.save()


def test_a_package_is_made_described_downloaded_and_deleted(service: DSSAPIService, tmp_path: Path) -> None:
    service.create_package("v1")
    service.create_package("v2", release_notes="looks up & scores / ü")

    listed = service.list_packages()
    assert [one["id"] for one in listed] == ["v2", "v1"]
    assert listed[0]["createdOn"] >= listed[1]["createdOn"] > 1.7e12
    summary = service.get_package_summary("v2")
    assert summary["releaseNotes"] == "looks up & scores / ü"
    assert summary["endpoints"] == [
        {"id": "predict", "type": "STD_PREDICTION"},
        {"id": "merchant", "type": "DATASETS_LOOKUP"},
    ]
    assert summary["lookups"] == {"cards": 200, "merchants": 4}

    service.download_package_to_file("v2", str(tmp_path / "v2.zip"))
    manifest, _ = read_archive(tmp_path / "v2.zip")
    assert (manifest.version, manifest.digest) == ("v2", summary["digest"])
    stream = service.download_package_stream("v2")
    assert io.BytesIO(stream.read()).getbuffer() == (tmp_path / "v2.zip").read_bytes()

    with pytest.raises(DataikuException, match="has a version 'v2' already"):
        service.create_package("v2")
    service.delete_package("v2")
    assert [one["id"] for one in service.list_packages()] == ["v1"]
    for gone in (service.get_package_summary, service.download_package_stream, service.delete_package):
        with pytest.raises(DataikuException, match=r"NotFound: .* has no version 'v2'"):
            gone("v2")


def test_a_package_is_published_also_as_another_service(
    control_plane: ControlPlane, service: DSSAPIService
) -> None:
    service.create_package("p1")

    service.publish_package("p1")
    service.publish_package("p1", published_service_id="fraud_eu")
    service.publish_package("p1")  # again: nothing changes

    with control_plane.client() as client:
        versions = {one.id: [version.version for version in one.versions] for one in client.services()}
    assert versions == {SERVICE: ["p1"], "fraud_eu": ["p1"]}
    with pytest.raises(DataikuException, match="NotFound"):
        service.publish_package("p2")
    with pytest.raises(DataikuException, match="cannot be the id of a service"):
        service.publish_package("p1", published_service_id="a/b")


def test_what_is_not_there_is_told(client: DSSClient) -> None:
    with pytest.raises(DataikuException, match="NotFound: no project 'crads'; did you mean 'cards'"):
        client.get_project("crads").list_api_services()
    with pytest.raises(DataikuException, match="did you mean 'fraud_detection'"):
        client.get_project(PROJECT).get_api_service("fraud_detektion").get_settings()
    with pytest.raises(DataikuException, match="Invalid: 'a b' cannot be the id of a service"):
        client.get_project(PROJECT).create_api_service("a b")
    with pytest.raises(DataikuException, match="NotFound: the control API has no such path"):
        client.get_project(PROJECT).list_datasets()


def test_a_project_that_vanished_is_told_and_harms_no_other(
    control_plane: ControlPlane, client: DSSClient, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone/project.yaml").write_text("id: gone\n")
    with control_plane.client() as own:
        own.add_project(tmp_path / "gone")
        (tmp_path / "gone/project.yaml").unlink()

        assert "gone" in client.list_project_keys()
        with pytest.raises(DataikuException, match="Unavailable: project 'gone' cannot be used"):
            client.get_project("gone").list_api_services()
        assert client.get_project(PROJECT).list_api_services()
        own.remove_project("gone")


@pytest.mark.parametrize("base", ["/dip/publicapi", "/public/api", "//dip/publicapi", "//public//api"])
@pytest.mark.parametrize("path", ["/projects/", "/projects", "//projects//"])
def test_paths_are_the_same_under_both_prefixes_however_many_slashes(
    control_plane: ControlPlane, base: str, path: str
) -> None:
    server = control_plane.server
    basic = httpx.get(server.url + base + path, auth=(server.key, ""), timeout=60)
    bearer = httpx.get(
        server.url + base + path, headers={"Authorization": f"Bearer {server.key}"}, timeout=60
    )

    assert basic.status_code == 200
    assert basic.json() == bearer.json()
    assert httpx.get(server.url + base + path, timeout=60).status_code == 401
    assert httpx.get(server.url + base + path, auth=("wrong", ""), timeout=60).status_code == 401


def test_a_host_that_ends_in_a_slash_is_fine(control_plane: ControlPlane) -> None:
    with dss_client(control_plane, "/") as client:
        assert client.list_project_keys() == [PROJECT]
