"""What is told of a deployment beside its settings: its traffic, its test queries, its place in lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("traffic")
    running = ControlPlane(folder / "home", traffic_seconds=0.1)
    running.start()
    running.wait_for_node()
    with running.client() as client:
        for version in ("v1", "v2"):
            client.publish(make_package(folder, version))
        client.deploy("merchants", mapping={"v1": 0.5, "v2": 0.5}, tags=["Shop"])
    yield running
    running.clear()


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    server = control_plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=60) as client:
        yield client


def test_traffic_is_told_by_generation(control_plane: ControlPlane, api: httpx.Client) -> None:
    before = {name: one["requests"] for name, one in traffic(api)["generations"].items()}
    with control_plane.client() as client:
        forced = [
            {"data": {"merchant_id": "M_1"}, "dispatch": {"forcedGeneration": generation}}
            for generation in ("v1", *["v2"] * 10)
        ]
        client.ask("merchants-on-local", forced)

    def counted() -> dict[str, Any] | None:
        told = traffic(api)
        since = {name: one["requests"] - before.get(name, 0) for name, one in told["generations"].items()}
        return told if sum(since.values()) >= 11 else None

    told = wait_until(counted, "the queries are counted")
    assert set(told["generations"]) == {"v1", "v2"}
    assert told["generations"]["v2"]["requests"] > told["generations"]["v1"]["requests"] > 0
    assert told["total"]["requests"] == sum(one["requests"] for one in told["generations"].values())
    assert 0 < told["total"]["p50_milliseconds"] <= told["total"]["p99_milliseconds"]
    assert max(told["total"]["recent"]) > 0
    assert {(one["node"], one["endpoint"]) for one in told["details"]} == {("local", "merchant_lookup")}
    shown = api.get("/deployments/merchants-on-local").json()["traffic"]
    assert shown["requests"] >= told["total"]["requests"]


def test_the_test_queries_of_every_live_generation_are_listed(api: httpx.Client) -> None:
    listed = api.get("/deployments/merchants-on-local/test-queries").json()

    assert [(one["generation"], one["endpoint"], one["number"]) for one in listed] == [
        ("v1", "merchant_lookup", 1),
        ("v2", "merchant_lookup", 1),
    ]
    assert listed[0]["query"] == {"data": {"merchant_id": "M_1"}}
    assert listed[0]["expects"] is True


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("stage=Development", True),
        ("stage=Test", False),
        ("contains=MERCH", True),
        ("contains=shop", True),
        ("contains=%25", False),
        ("contains=nothing", False),
        ("stage=Development&contains=on-local", True),
    ],
)
def test_deployments_are_found_by_stage_and_text(api: httpx.Client, asked: str, found: bool) -> None:
    listed = [one["id"] for one in api.get(f"/deployments?{asked}").json()["items"]]

    assert listed == (["merchants-on-local"] if found else [])


@pytest.mark.parametrize(("text", "found"), [("CHANT", ["merchants"]), ("_", [])])
def test_services_are_found_by_text(api: httpx.Client, text: str, found: list[str]) -> None:
    listed = api.get("/services", params={"contains": text}).json()["items"]

    assert [one["id"] for one in listed] == found
    assert all(one["versions"] for one in listed)


def traffic(api: httpx.Client) -> dict[str, Any]:
    told: dict[str, Any] = api.get("/deployments/merchants-on-local/traffic").json()
    return told
