"""Services and their versions over the control API: listing, downloading, deleting, pruning."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane
from tests.rest.test_control_api import assert_problem
from tests.rest.test_deployment_routes import ended, publish


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("versions") / "home")
    running.start()
    running.wait_for_node()
    yield running
    running.clear()


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    server = control_plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=60) as client:
        yield client


def published(api: httpx.Client, folder: Path, service: str, *versions: str) -> list[Path]:
    archives = [make_package(folder, version, service=service) for version in versions]
    publish(api, *archives)
    return archives


def test_versions_are_listed_newest_first_page_by_page(api: httpx.Client, tmp_path: Path) -> None:
    published(api, tmp_path, "listed", *(f"v{n}" for n in range(1, 6)))

    pages, after = [], ""
    while True:
        page = api.get(f"/services/listed/versions?limit=2{after}").json()
        pages.append([one["version"] for one in page["items"]])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert pages == [["v5", "v4"], ["v3", "v2"], ["v1"]]
    assert_problem(api.get("/services/listed/versions?after=v9"), 400, "bad-parameter")


def test_a_version_says_where_it_comes_from_and_what_changed(api: httpx.Client, tmp_path: Path) -> None:
    published(api, tmp_path, "told", "v1")
    publish(api, make_package(tmp_path, "v2", service="told", rows=5))
    publish(api, make_package(tmp_path, "v3", service="told", rows=5, state="State of v2"))

    second = api.get("/services/told/versions/v2").json()
    third = api.get("/services/told/versions/v3?compared_with=v1").json()

    assert second["version"]["digest"]
    assert second["endpoints"] == {"merchant_lookup": "lookup"}
    assert second["used_by"] == []
    assert second["compared_with"] == "v1"
    assert second["changes"]["lookups"][0]["rows_after"] == 5
    assert third["compared_with"] == "v1"
    assert api.get("/services/told/versions/v1").json()["changes"] is None
    assert_problem(api.get("/services/told/versions/v9"), 404, "no-such-version")
    assert_problem(api.get("/services/told/versions/v1?compared_with=v9"), 404, "no-such-version")


def test_a_package_comes_back_byte_for_byte(api: httpx.Client, tmp_path: Path) -> None:
    (archive,) = published(api, tmp_path, "bytes", "v1")

    response = api.get("/services/bytes/versions/v1/archive")

    assert response.content == archive.read_bytes()
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["etag"] == f'"{hashlib.sha256(response.content).hexdigest()}"'
    assert "bytes-v1.zip" in response.headers["content-disposition"]
    again = api.get(
        "/services/bytes/versions/v1/archive", headers={"If-None-Match": response.headers["etag"]}
    )
    assert again.status_code == 304
    part = api.get("/services/bytes/versions/v1/archive", headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, b"PK")


def test_a_package_can_be_published_as_another_service(api: httpx.Client, tmp_path: Path) -> None:
    archive = make_package(tmp_path, "v1", service="original").read_bytes()

    response = api.post("/versions?service=renamed", content=archive)

    assert (response.status_code, response.json()["service"]) == (201, "renamed")
    assert_problem(api.get("/services/original"), 404, "no-such-service")
    assert_problem(api.post("/versions?service=../x", content=archive), 400, "bad-id")


def test_versions_in_use_stay_and_the_rest_can_go(api: httpx.Client, tmp_path: Path) -> None:
    published(api, tmp_path, "used", "v1", "v2", "v3", "v4")
    assert ended(api, api.post("/deployments", json={"service": "used", "version": "v2"})) == "SUCCESS"

    message = assert_problem(api.delete("/services/used/versions/v2"), 409, "version-used")
    assert "used-on-local" in message
    assert_problem(api.delete("/services/used"), 409, "service-used")
    dry = api.post("/services/prune", json={"service": "used", "dry_run": True}).json()["versions"]
    pruned = api.post("/services/prune", json={"service": "used"}).json()["versions"]

    assert [one["version"] for one in dry] == [one["version"] for one in pruned] == ["v1", "v3"]
    left = [one["version"] for one in api.get("/services/used").json()["versions"]]
    assert left == ["v2", "v4"]
    assert api.delete("/services/used/versions/v4").json() == {"id": "v4"}
    assert_problem(api.delete("/services/used/versions/v4"), 404, "no-such-version")
    assert_problem(api.post("/services/prune", json={"keep_last": -1}), 400, "bad-number")


def test_a_service_is_made_and_deleted(api: httpx.Client) -> None:
    assert api.post("/services", json={"id": "empty"}).status_code == 201
    assert_problem(api.post("/services", json={"id": "empty"}), 409, "service-exists")
    assert_problem(api.post("/services", json={"id": "a/b"}), 400, "bad-id")
    assert api.get("/services/empty").json() == {"id": "empty", "versions": []}

    assert api.delete("/services/empty").json() == {"id": "empty"}

    assert_problem(api.delete("/services/empty"), 404, "no-such-service")


def test_a_version_names_only_the_deployments_that_the_caller_may_see(
    api: httpx.Client, control_plane: ControlPlane, tmp_path: Path
) -> None:
    published(api, tmp_path, "shared", "v1")
    with control_plane.client() as client:
        client.create_infrastructure("hidden", kind="static")
        client.create_deployment("shared", "v1")
        client.create_deployment("shared", "v1", infrastructure="hidden")
        client.create_user("ada")
        for place in ("service:shared", "infrastructure:local"):
            client.grant_role("view", place, "user:ada")
        key = client.create_key("hers", user="ada").key

    path = "/services/shared/versions/v1"
    hers = api.get(path, headers={"Authorization": f"Bearer {key}"}).json()

    assert api.get(path).json()["used_by"] == ["shared-on-hidden", "shared-on-local"]
    assert hers["used_by"] == ["shared-on-local"]
