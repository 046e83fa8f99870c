"""The control API is closed without a key, bounded, and always answers in one shape."""

from __future__ import annotations

import base64
import os
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(
        tmp_path_factory.mktemp("rest") / "home", max_package_bytes=300_000, upload_idle_seconds=0.5
    )
    running.start()
    yield running
    running.clear()


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    server = control_plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
        yield client


def assert_problem(response: httpx.Response, status: int, code: str) -> str:
    """Every refusal is this one JSON object; gives its message."""
    assert response.headers["content-type"] == "application/json"
    problem = response.json()
    assert sorted(problem) == ["code", "detailedMessage", "errorType", "message"]
    assert (response.status_code, problem["code"]) == (status, code)
    assert len(response.content) < 5_000
    return str(problem["message"])


def test_without_a_key_only_the_sign_of_life_answers(control_plane: ControlPlane) -> None:
    with httpx.Client(base_url=control_plane.server.url, timeout=60) as nobody:
        assert nobody.get("/isAlive/").status_code == 200
        for method, path in [
            ("GET", "/api/v1/status"),
            ("GET", "/api/v1/openapi.json"),
            ("POST", "/api/v1/versions"),
            ("POST", "/api/v1/deployments"),
            ("GET", "/api/v1/nowhere"),
            ("GET", "/public/api/projects"),
        ]:
            response = nobody.request(method, path)
            assert_problem(response, 401, "unauthenticated")
            assert response.headers["www-authenticate"] == "Bearer"


def test_a_page_leads_who_has_not_signed_in_to_the_sign_in(control_plane: ControlPlane) -> None:
    with httpx.Client(base_url=control_plane.server.url, timeout=60) as nobody:
        for path in ("/projects", "/deployer/deployments", "/administration/users", "/runs"):
            response = nobody.get(path)
            assert (response.status_code, response.text) == (303, "")
            assert response.headers["location"].startswith("/sign-in?next=%2F")


def test_a_wrong_key_is_refused(control_plane: ControlPlane) -> None:
    for header in ("Bearer sk-wrong", "Basic " + base64.b64encode(b"sk-wrong:").decode(), "Bearer x" * 500):
        response = httpx.get(
            f"{control_plane.server.url}/api/v1/status", headers={"Authorization": header}, timeout=60
        )
        assert_problem(response, 401, "unknown-key")


def test_the_key_opens_as_bearer_and_as_user_name(control_plane: ControlPlane) -> None:
    server = control_plane.server

    as_user = httpx.get(f"{server.url}/api/v1/status", auth=(server.key, ""), timeout=60)
    as_bearer = httpx.get(
        f"{server.url}/api/v1/status", headers={"Authorization": f"bearer {server.key}"}, timeout=60
    )

    assert (as_user.status_code, as_bearer.status_code) == (200, 200)


def test_the_key_is_kept_as_a_hash_and_only_the_owner_can_read_it(control_plane: ControlPlane) -> None:
    key = control_plane.server.key.encode()

    assert (control_plane.home / "server.json").stat().st_mode & 0o777 == 0o600
    for path in control_plane.home.rglob("*"):
        if path.is_file() and path.name != "server.json":
            assert key not in path.read_bytes(), path.name


def test_the_description_names_every_route_and_its_messages(api: httpx.Client) -> None:
    described = api.get("/api/v1/openapi.json").json()

    assert described["openapi"].startswith("3.1")
    assert "/api/v1/deployments/{deployment}/updates" in described["paths"]
    for path in described["paths"].values():
        for call in path.values():
            assert "422" not in call["responses"]
    references = [
        text.split('"')[0] for text in api.get("/api/v1/openapi.json").text.split("#/components/schemas/")[1:]
    ]
    assert references
    assert set(references) <= set(described["components"]["schemas"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/services/merchant", "no-such-service"),
        ("/api/v1/deployments/merchant", "no-such-deployment"),
        ("/api/v1/deployments/merchant/updates", "no-such-deployment"),
        ("/api/v1/deployments/merchant/updates/1", "no-such-deployment"),
        ("/api/v1/nothing", "no-such-path"),
    ],
)
def test_what_is_not_there_is_said_not_to_be_there(api: httpx.Client, path: str, code: str) -> None:
    assert_problem(api.get(path), 404, code)


def test_a_wrong_method_and_a_wrong_number_are_refused(api: httpx.Client) -> None:
    assert_problem(api.delete("/api/v1/status"), 405, "method-not-allowed")
    for number in ("first", "0", "-1", "9" * 30):
        assert_problem(api.delete(f"/api/v1/keys/{number}"), 400, "bad-parameter")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"service": 1}',
        b'{"service": "a", "version": "v1", "x": 1}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_not_the_message_is_refused(api: httpx.Client, body: bytes) -> None:
    assert_problem(api.post("/api/v1/deployments", content=body), 400, "bad-json")


def test_a_huge_json_body_is_refused(api: httpx.Client) -> None:
    response = api.post("/api/v1/deployments", content=b" " * (2 << 20))

    assert_problem(response, 413, "body-too-large")


def test_a_package_is_published_once_and_the_same_again_changes_nothing(
    api: httpx.Client, tmp_path: Path
) -> None:
    archive = make_package(tmp_path, service="once", release_notes="the first").read_bytes()

    first = api.post("/api/v1/versions", content=archive)
    again = api.post("/api/v1/versions", content=archive)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["release_notes"] == "the first"
    assert api.get("/api/v1/services/once").json()["versions"] == [first.json()]


def test_the_same_content_frozen_at_another_time_is_the_same_version(
    api: httpx.Client, tmp_path: Path
) -> None:
    api.post("/api/v1/versions", content=make_package(tmp_path, service="again").read_bytes())
    later = make_package(tmp_path, service="again", created_at="2031-01-01T00:00:00+00:00").read_bytes()

    assert api.post("/api/v1/versions", content=later).status_code == 200


def test_another_content_under_the_same_id_is_a_conflict(api: httpx.Client, tmp_path: Path) -> None:
    api.post("/api/v1/versions", content=make_package(tmp_path, service="twice").read_bytes())
    other = make_package(tmp_path, service="twice", state="Elsewhere").read_bytes()

    message = assert_problem(api.post("/api/v1/versions", content=other), 409, "version-exists")

    assert "twice v1 is published already" in message


def test_unknown_names_get_the_nearest_known_one(api: httpx.Client, tmp_path: Path) -> None:
    api.post("/api/v1/versions", content=make_package(tmp_path, service="fraud_detection").read_bytes())

    service = api.get("/api/v1/services/fraud_detecton")
    version = api.post("/api/v1/deployments", json={"service": "fraud_detection", "version": "v11"})
    infrastructure = api.post(
        "/api/v1/deployments", json={"service": "fraud_detection", "version": "v1", "infrastructure": "locl"}
    )

    assert "did you mean 'fraud_detection'?" in assert_problem(service, 404, "no-such-service")
    assert "did you mean 'v1'?" in assert_problem(version, 404, "no-such-version")
    assert "did you mean 'local'?" in assert_problem(infrastructure, 404, "no-such-infrastructure")


def test_an_id_that_cannot_stand_in_a_url_is_refused(api: httpx.Client, tmp_path: Path) -> None:
    api.post("/api/v1/versions", content=make_package(tmp_path, service="ids").read_bytes())

    response = api.post("/api/v1/deployments", json={"service": "ids", "version": "v1", "id": "../x"})

    assert_problem(response, 400, "bad-id")


def test_hostile_archives_are_refused_and_nothing_of_them_stays(
    api: httpx.Client, control_plane: ControlPlane, tmp_path: Path
) -> None:
    sound = make_package(tmp_path, service="hostile").read_bytes()
    escape = tmp_path / "escape.zip"
    with zipfile.ZipFile(escape, "w") as archive:
        archive.writestr("../../escaped", b"x")
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"0" * 100_000_000)
    changed = bytearray(sound)
    changed[len(sound) // 2] ^= 0xFF
    before = sorted(path.name for path in (control_plane.home / "packages").iterdir())

    for hostile in (
        b"",
        b"PK",
        sound[:-50],
        bytes(changed),
        escape.read_bytes(),
        bomb.read_bytes(),
        os.urandom(9999),
    ):
        response = api.post("/api/v1/versions", content=hostile)
        assert response.status_code == 400, response.text
        assert_problem(response, 400, response.json()["code"])

    assert sorted(path.name for path in (control_plane.home / "packages").iterdir()) == before
    assert_problem(api.get("/api/v1/services/hostile"), 404, "no-such-service")


def test_a_package_larger_than_allowed_is_refused_announced_or_not(
    api: httpx.Client, control_plane: ControlPlane
) -> None:
    announced = api.post("/api/v1/versions", content=b"x" * 400_000)
    streamed = api.post("/api/v1/versions", content=(b"x" * 10_000 for _ in range(40)))

    assert_problem(announced, 413, "body-too-large")
    assert_problem(streamed, 413, "body-too-large")
    assert not list((control_plane.home / "packages").glob(".unfinished-*"))


def test_an_upload_that_stalls_is_given_up(control_plane: ControlPlane) -> None:
    server = control_plane.server
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as slow:
        head = f"POST /api/v1/versions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
        slow.sendall(f"{head}Content-Length: 1000\r\n\r\nPK".encode())
        began = time.monotonic()
        answer = slow.recv(65536)

    assert b" 408 " in answer.split(b"\r\n")[0]
    assert time.monotonic() - began < 18


def test_an_upload_that_breaks_off_leaves_nothing(control_plane: ControlPlane) -> None:
    server = control_plane.server
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as rude:
        head = f"POST /api/v1/versions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
        rude.sendall(f"{head}Content-Length: 1000\r\n\r\nPK".encode())

    deadline = time.monotonic() + 10
    while list((control_plane.home / "packages").glob(".unfinished-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not list((control_plane.home / "packages").glob(".unfinished-*"))
    assert httpx.get(f"{server.url}/isAlive/", timeout=60).status_code == 200


def test_refusals_leave_no_trace_of_an_error_inside(control_plane: ControlPlane, api: httpx.Client) -> None:
    api.post("/api/v1/versions", content=b"PK")
    api.get("/api/v1/services/none")

    assert "Traceback" not in control_plane.log
