"""A catalog of 1,000 services with 10 versions each and 2,000 deployments: lists come quickly, and whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane

from scoreline.deployer.clock import now
from scoreline.storage import catalog_tables as tables
from scoreline.storage.archives import read_archive
from scoreline.storage.catalog import Catalog

SERVICES, VERSIONS = 1_000, 10
_MAPPING = '{"entries":[{"generation":"v10","proba":1.0}]}'


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("large")
    # It must not begin to bring 2,000 services to its node.
    running = ControlPlane(folder / "home", reconcile_seconds=3600)
    running.start()
    running.wait_for_node()
    running.end()
    _fill(folder / "home" / "catalog.sqlite", make_package(folder))
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


def _fill(path: Path, archive: Path) -> None:
    manifest, service = read_archive(archive)
    base = {
        "project": "cards", "digest": manifest.digest, "archive": "0" * 64, "size": 1, "release_notes": "",
        "manifest": msgspec.json.encode(manifest).decode(),
        "definition": msgspec.json.encode(service).decode(),
        "created_by": "x", "created_at": now(), "models": "{}", "endpoints": '{"merchant_lookup": "lookup"}',
        "by": "x", "at": now(),
    }  # fmt: skip
    services = [f"service-{n:04}" for n in range(SERVICES)]
    versions = [
        {**base, "service": one, "version": f"v{v}", "at": f"2030-01-01T00:00:{v:02}"}
        for one in services
        for v in range(1, VERSIONS + 1)
    ]
    deployments = [
        {
            "id": f"{one}-on-{place}", "service": one, "infrastructure": place, "deployed_service": one,
            "enabled": True, "tags": "[]", "mapping": _MAPPING, "live": _MAPPING, "live_enabled": True,
            "former": "[]", "leaving": False, "revision": 1,
        }
        for one in services
        for place in ("local", "other")
    ]  # fmt: skip
    update = {
        "kind": "light", "rolling": False, "enabled": True, "from_mapping": None, "to_mapping": _MAPPING,
        "by": "x", "started_at": now(), "finished_at": now(), "outcome": "SUCCESS", "message": "",
    }  # fmt: skip
    catalog = Catalog.open(path)
    with catalog.transactions.writing() as connection:
        connection.execute(sa.insert(tables.services), [{"id": one} for one in services])
        connection.execute(sa.insert(tables.versions), versions)
        local = connection.execute(sa.select(tables.infrastructures)).one()
        other = {**local._mapping, "id": "other", "kind": "static", "local_nodes": 0}
        connection.execute(sa.insert(tables.infrastructures).values(other))
        connection.execute(sa.insert(tables.deployments), deployments)
        rows = [{**update, "deployment": one["id"]} for one in deployments for _ in range(2)]
        connection.execute(sa.insert(tables.updates), rows)
    catalog.close()


def paged(api: httpx.Client, path: str, limit: int) -> Iterator[list[str]]:
    after: dict[str, str] = {}
    while True:
        page = api.get(path, params={"limit": str(limit), **after}).json()
        yield [str(one["id"]) for one in page["items"]]
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def milliseconds(pid: int, call: Callable[[], httpx.Response]) -> float:
    """The processor time that a call takes of a process: the clock would count what runs beside it, too."""
    began = _processor_seconds(pid)
    for _ in range(8):
        assert call().status_code == 200
    return 1000 * (_processor_seconds(pid) - began) / 8


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
@pytest.mark.parametrize("limit", [37, 100, 1_000])
def test_2000_deployments_are_paged_through_each_once_and_in_order(api: httpx.Client, limit: int) -> None:
    pages = list(paged(api, "/deployments", limit))

    seen = [one for page in pages for one in page]
    assert len(seen) == len(set(seen)) == 2 * SERVICES
    assert seen == sorted(seen)
    assert {len(page) for page in pages[:-1]} <= {limit}


@pytest.mark.slow
def test_all_services_and_jobs_are_paged_through(api: httpx.Client) -> None:
    services = [one for page in paged(api, "/services", 300) for one in page]
    jobs = [one for page in paged(api, "/jobs", 999) for one in page]

    assert len(set(services)) == SERVICES
    assert len(set(jobs)) == 4 * SERVICES


@pytest.mark.slow
def test_what_was_deleted_between_two_pages_does_not_disturb_the_rest(api: httpx.Client) -> None:
    first = api.get("/deployments?limit=3&infrastructure=other").json()
    gone = api.delete(f"/deployments/{first['next']}?ignore_errors=true")
    assert gone.status_code == 200

    after = {"after": first["next"], "limit": "3", "infrastructure": "other"}
    second = api.get("/deployments", params=after).json()

    assert [one["id"] for one in second["items"]] == [f"service-{n:04}-on-other" for n in (3, 4, 5)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "within"),
    [
        ("/deployments", 100),
        ("/deployments?limit=20&after=service-0900", 100),
        ("/services", 100),
        ("/services/service-0500/versions", 100),
        ("/deployments/service-0500-on-local/updates", 100),
        ("/infrastructures", 100),
        ("/jobs", 100),
        ("/audit", 100),
        ("/deployments/service-0500-on-local", 100),
        ("/status", 300),
        ("/search?q=service-0500", 100),
        ("/search?q=servise+0500", 100),
    ],
)
def test_lists_of_a_large_catalog_come_quickly(
    control_plane: ControlPlane, api: httpx.Client, path: str, within: float
) -> None:
    taken = milliseconds(control_plane.server.pid, lambda: api.get(path))

    assert taken < within
