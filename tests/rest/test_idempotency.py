"""A POST under an idempotency key is done once, whatever happens to its answer."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane
from tests.rest.test_control_api import assert_problem


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("idempotency") / "home")
    running.start()
    yield running
    running.clear()


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    with connect(control_plane) as client:
        yield client


def connect(control_plane: ControlPlane) -> httpx.Client:
    server = control_plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    return httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=30)


def under(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def published(api: httpx.Client, folder: Path, service: str) -> None:
    archive = make_package(folder, service=service).read_bytes()
    assert api.post("/versions", content=archive).status_code == 201


def test_the_same_request_under_the_same_key_gets_the_first_answer_again(
    api: httpx.Client, tmp_path: Path
) -> None:
    published(api, tmp_path, "once")
    wanted, key = {"service": "once", "version": "v1"}, under(uuid.uuid4().hex)

    first = api.post("/deployments", json=wanted, headers=key)
    again = api.post("/deployments", json=wanted, headers=key)

    assert first.status_code == again.status_code == 202
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == "application/json"
    assert len(api.get("/deployments/once-on-local/updates").json()["items"]) == 1


def test_a_refusal_is_the_answer_too(api: httpx.Client, tmp_path: Path) -> None:
    key = under(uuid.uuid4().hex)
    wanted = {"service": "late", "version": "v1"}

    first = api.post("/deployments", json=wanted, headers=key)
    published(api, tmp_path, "late")
    again = api.post("/deployments", json=wanted, headers=key)

    assert_problem(first, 404, "no-such-service")
    assert_problem(again, 404, "no-such-service")


@pytest.mark.parametrize("change", ["body", "path", "query"])
def test_another_request_under_the_same_key_is_a_conflict(api: httpx.Client, change: str) -> None:
    key = under(uuid.uuid4().hex)
    api.post("/deployments", json={"service": "a", "version": "v1"}, headers=key)

    path = {"path": "/projects", "query": "/deployments?x=1"}.get(change, "/deployments")
    body = {"service": "b" if change == "body" else "a", "version": "v1"}
    other = api.post(path, json=body, headers=key)

    assert_problem(other, 409, "key-of-another-request")


def test_a_package_under_a_key_is_taken_in_once_and_compared_to_the_last_byte(
    api: httpx.Client, tmp_path: Path
) -> None:
    key = under(uuid.uuid4().hex)
    archive = make_package(tmp_path, service="keyed").read_bytes()

    first = api.post("/versions", content=archive, headers=key)
    again = api.post(
        "/versions", content=(archive[at : at + 999] for at in range(0, len(archive), 999)), headers=key
    )
    other = api.post("/versions", content=archive + b"x", headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert_problem(other, 409, "key-of-another-request")


def test_twins_sent_at_once_are_done_once(
    api: httpx.Client, control_plane: ControlPlane, tmp_path: Path
) -> None:
    published(api, tmp_path, "twins")
    key, together = under(uuid.uuid4().hex), threading.Barrier(8)

    def send(_: int) -> httpx.Response:
        with connect(control_plane) as own:
            together.wait()
            return own.post("/deployments", json={"service": "twins", "version": "v1"}, headers=key)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(8)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "caf\u00e9"])
def test_a_key_that_is_none_is_refused(api: httpx.Client, key: str) -> None:
    response = api.post("/deployments", json={}, headers=[(b"Idempotency-Key", key.encode())])

    assert_problem(response, 400, "bad-parameter")


def test_without_a_key_every_request_is_its_own(api: httpx.Client, tmp_path: Path) -> None:
    archive = make_package(tmp_path, service="unkeyed").read_bytes()

    assert [api.post("/versions", content=archive).status_code for _ in range(2)] == [201, 200]


@pytest.mark.slow
def test_answers_are_given_again_after_a_kill(tmp_path: Path) -> None:
    control_plane = ControlPlane(tmp_path / "home")
    control_plane.start()
    try:
        key = under("from-the-build-server-4711")
        with connect(control_plane) as api:
            published(api, tmp_path, "killed")
            first = api.post("/deployments", json={"service": "killed", "version": "v1"}, headers=key)
        control_plane.kill()
        control_plane.start()
        with connect(control_plane) as api:
            again = api.post("/deployments", json={"service": "killed", "version": "v1"}, headers=key)

        assert (first.status_code, again.status_code) == (202, 202)
        assert first.content == again.content
    finally:
        control_plane.clear()
