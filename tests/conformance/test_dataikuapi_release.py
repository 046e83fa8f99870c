"""A release from CI, as teams of that platform write it: the script of the how-to, run as it stands there."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dataikuapi import APINodeClient, DSSClient
from tests.conformance.platform import PROJECT, SERVICE, dss_client, make_project
from tests.deployer.processes import ControlPlane
from tests.docs.pages import read_page

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "come-from-dataiku.md"
RIGHT = {"name": "never", "q": {"features": {"amount": 900, "age": 40}}, "expect": {"prediction": "yes"}}
WRONG = {**RIGHT, "expect": {"prediction": "no"}}


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("release")
    running = ControlPlane(folder / "home")
    running.start()
    running.wait_for_node()
    with running.client() as client:
        client.add_project(make_project(folder / PROJECT))
    yield running
    running.clear()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[DSSClient]:
    with dss_client(control_plane) as opened:
        yield opened


@pytest.fixture
def script(tmp_path: Path) -> Path:
    text = next(step.text for step in read_page(PAGE).steps if step.path == "release.py")
    asked = 'predict_record("predict_fraud", {"purchase_amount": 3704.17, "card_age": 48})'
    assert asked in text
    target = tmp_path / "release.py"
    target.write_text(text.replace(asked, 'predict_record("predict", {"amount": 900, "age": 40})'))
    return target


def set_test_queries(client: DSSClient, *queries: object) -> None:
    settings = client.get_project(PROJECT).get_api_service(SERVICE).get_settings()
    settings.endpoints[0]["testQueries"] = list(queries)
    settings.save()


def release(control_plane: ControlPlane, script: Path, version: str) -> tuple[int, str]:
    """Run the script; its exit code, and what it printed."""
    server = control_plane.server
    arguments = [server.url, server.key, PROJECT, SERVICE, version, "local"]
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


class Caller:
    """Asks the deployed service all the time."""

    def __init__(self, client: DSSClient) -> None:
        status = client.get_apideployer().get_deployment(f"{SERVICE}-on-local").get_status()
        self._client = APINodeClient(status.get_heavy()["apiNodes"][0]["url"], SERVICE)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.generations: list[str] = []
        self.error: Exception | None = None

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                answer = self._client.predict_record("predict", {"amount": 900, "age": 40})
            except Exception as error:
                self.error = error
                return
            self.generations.append(answer["apiContext"]["serviceGeneration"])

    def __enter__(self) -> Caller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client._session.close()


def test_versions_are_released_and_one_whose_test_queries_fail_is_taken_back(
    control_plane: ControlPlane, client: DSSClient, script: Path
) -> None:
    set_test_queries(client, RIGHT)
    assert release(control_plane, script, "v1") == (
        0,
        "update: SUCCESS\nhealth: HEALTHY\nanswers: v1\n",
    )

    with Caller(client) as caller:
        assert release(control_plane, script, "v2") == (0, "update: SUCCESS\nhealth: HEALTHY\nanswers: v2\n")

        set_test_queries(client, RIGHT, WRONG)
        code, printed = release(control_plane, script, "v3")

    assert code == 2
    lines = printed.splitlines()
    assert lines[:2] == ["update: FAILED", "health: WARNING"]
    because = [line for line in lines if line.startswith("because:")]
    assert any("test query 2" in line for line in because), because
    assert lines[-2:] == ["rollback: SUCCESS", "health: HEALTHY"]
    assert caller.error is None
    assert caller.generations[0] == "v1"
    assert caller.generations[-1] == "v2"
    assert set(caller.generations) == {"v1", "v2"}
    deployment = client.get_apideployer().get_deployment(f"{SERVICE}-on-local")
    assert deployment.get_settings().get_raw()["generationsMapping"]["generation"] == "v2"
    assert [one.status for one in deployment.list_updates()] == ["SUCCESS", "FAILED", "SUCCESS", "SUCCESS"]


def test_a_first_version_whose_test_queries_fail_is_not_healthy(
    control_plane: ControlPlane, client: DSSClient
) -> None:
    service = client.get_project(PROJECT).create_api_service("never_right")
    settings = service.get_settings()
    settings.add_prediction_endpoint("predict", "fraud")
    settings.endpoints[0]["testQueries"] = [WRONG]
    settings.save()
    service.create_package("v1")
    service.publish_package("v1")
    deployer = client.get_apideployer()
    deployment = deployer.create_deployment("never_right-on-local", "never_right", "local", "v1")

    assert deployment.start_update().wait_for_result()["status"] == "FAILED"

    assert deployment.get_status().get_health() != "HEALTHY"


@pytest.mark.slow
def test_waiting_goes_on_over_a_killed_control_plane_and_ends(
    tmp_path: Path,
) -> None:
    control_plane = ControlPlane(tmp_path / "home")
    control_plane.start()
    try:
        control_plane.wait_for_node()
        with control_plane.client() as own:
            own.add_project(make_project(tmp_path / PROJECT))
        with dss_client(control_plane) as client:
            set_test_queries(client, *[RIGHT] * 300)
            service = client.get_project(PROJECT).get_api_service(SERVICE)
            service.create_package("v1")
            service.publish_package("v1")
            deployment = client.get_apideployer().create_deployment("d", SERVICE, "local", "v1")
            future = deployment.start_update()
            control_plane.kill()
        control_plane.start()
        with dss_client(control_plane) as client:
            result = client.get_future(future.job_id).wait_for_result()
            assert result["status"] == "SUCCESS"
            assert client.get_apideployer().get_deployment("d").get_status().get_health() == "HEALTHY"
    finally:
        control_plane.clear()
