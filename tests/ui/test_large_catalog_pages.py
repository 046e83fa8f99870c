"""Pages of the deployer over 2,000 deployments: they come in parts. How quickly: `bench/pages.py`."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from tests.deployer.processes import ControlPlane
from tests.rest.test_large_catalog import control_plane

__all__ = ["control_plane"]


@pytest.fixture
def site(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    server = control_plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=f"{server.url}/deployer", headers=headers, timeout=60) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "/deployments",
        "/deployments?contains=service-05",
        "/deployments?view=list",
        "/deployments?view=list&stage=Development&after=service-0900-on-local",
        "/services",
        "/services?contains=99",
        "/services/service-0500",
        "/services/service-0500/versions/v10",
        "/infrastructures",
        "/infrastructures/local",
        "/deploy",
        "/deploy?service=service-0500",
        "/deployments/service-0500-on-local/status",
        "/deployments/service-0500-on-local/settings",
        "/deployments/service-0500-on-local/update",
        "/deployments/service-0500-on-local/updates",
    ],
)
def test_pages_over_a_large_catalog_stay_small(site: httpx.Client, path: str) -> None:
    answer = site.get(path)

    assert answer.status_code == 200
    assert len(answer.content) < 500_000


@pytest.mark.slow
def test_the_board_leads_to_what_it_does_not_show(site: httpx.Client) -> None:
    board = site.get("/deployments").text

    assert 'href="/deployer/deployments?view=list&amp;stage=Development"' in board
    assert "service-0000-on-local" in board
    assert "service-0999-on-local" not in board
