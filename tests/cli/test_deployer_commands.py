"""The commands on the deployer do what they say, and end with codes that mean something."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.deployer.packages import make_package

from scoreline.storage.locks import is_locked

pytestmark = pytest.mark.slow


class Command:
    """`scoreline` with a home folder of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCORELINE_")}
        self.environment = {**inherited, "SCORELINE_HOME": str(home), "SCORELINE_RECONCILE_SECONDS": "0.2"}

    def __call__(self, *arguments: str, code: int = 0, given: str = "") -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            [sys.executable, "-m", "scoreline", *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.home.parent,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended

    def json(self, *arguments: str, given: str = "") -> Any:
        return json.loads(self(*arguments, given=given).stdout)


@pytest.fixture(scope="module")
def scoreline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    command = Command(tmp_path_factory.mktemp("cli") / "home")
    command("up", "--detach", "--port", "0", "--node-port", "0")
    yield command
    command("down")


@pytest.fixture
def cold(tmp_path: Path) -> Iterator[Command]:
    """A home folder where nothing runs yet."""
    command = Command(tmp_path / "home")
    yield command
    command("down")


def test_publish_deploy_update_and_query_from_the_command_line(scoreline: Command, tmp_path: Path) -> None:
    scoreline("publish", "--file", str(make_package(tmp_path, "v1")))
    published = scoreline.json("publish", "--file", str(make_package(tmp_path, "v2")), "--json")
    deployed = scoreline.json("deploy", "merchants", "v1", "--json")
    updated = scoreline("update", "merchants-on-local", "v2")
    answer = scoreline.json("query", "merchants-on-local", "merchant_lookup", '{"merchant_id": "M_1"}')

    assert (published["service"], published["version"]) == ("merchants", "v2")
    assert deployed["outcome"] == "SUCCESS"
    assert "merchants-on-local answers with v2" in updated.stderr
    assert "test queries passed" in updated.stderr
    assert answer["results"][0]["data"] == {"state": "State of v2"}


def test_a_query_comes_from_a_file_or_standard_input_or_whole(scoreline: Command, tmp_path: Path) -> None:
    scoreline("publish", "--file", str(make_package(tmp_path, service="asked")))
    scoreline("deploy", "asked", "v1")
    (tmp_path / "record.json").write_text('{"merchant_id": "M_2"}')

    from_file = scoreline.json("query", "asked-on-local", "merchant_lookup", f"@{tmp_path / 'record.json'}")
    from_input = scoreline.json(
        "query", "asked-on-local", "merchant_lookup", "-", given='{"merchant_id": "M_2"}'
    )
    whole = scoreline.json("query", "asked-on-local", "merchant_lookup", '{"data": {"merchant_id": "M_2"}}')
    several = scoreline.json(
        "query",
        "asked-on-local",
        "merchant_lookup",
        '{"items": [{"data": {"merchant_id": "M_1"}}, {"data": {"merchant_id": "M_2"}}]}',
        "--action",
        "lookup-multi",
    )

    assert from_file["results"] == from_input["results"] == whole["results"]
    assert len(several["results"]) == 2


def test_status_names_the_control_plane_the_nodes_and_the_deployments(
    scoreline: Command, tmp_path: Path
) -> None:
    scoreline("publish", "--file", str(make_package(tmp_path, service="seen")))
    scoreline("deploy", "seen", "v1")

    found = scoreline.json("status", "--json")
    words = scoreline("status").stdout

    node = found["infrastructures"][0]["nodes"][0]
    assert found["url"].startswith("http://127.0.0.1:")
    assert node["up"] is True
    assert {"seen-on-local": "HEALTHY"}.items() <= {
        d["id"]: d["health"] for d in found["deployments"]
    }.items()
    assert found["url"] in words
    assert node["url"] in words


def test_lists_show_and_history(scoreline: Command, tmp_path: Path) -> None:
    scoreline("publish", "--file", str(make_package(tmp_path, service="listed")))
    scoreline("deploy", "listed", "v1")

    assert "listed" in scoreline("service", "list").stdout
    assert "listed-on-local" in scoreline("deployment", "list").stdout
    assert (
        "/public/api/v1/listed/merchant_lookup/lookup"
        in scoreline("deployment", "show", "listed-on-local").stdout
    )
    assert scoreline.json("deployment", "history", "listed-on-local", "--json")[0]["to_version"] == "v1"
    assert "SUCCESS" in scoreline("deployment", "history", "listed-on-local").stdout


def test_exit_codes_say_what_went_wrong(scoreline: Command, tmp_path: Path) -> None:
    archive = str(make_package(tmp_path, service="codes"))
    scoreline("publish", "--file", archive)
    scoreline("deploy", "codes", "v1")
    bad = make_package(tmp_path, "v2", service="codes", expect="Nowhere")
    scoreline("publish", "--file", str(bad))
    (tmp_path / "broken.zip").write_bytes(b"PK")

    assert "did you mean 'codes-on-local'" in scoreline("update", "codes-on-loca", "v1", code=3).stderr
    scoreline("publish", "--file", str(tmp_path / "none.zip"), code=3)
    scoreline("publish", "--file", str(tmp_path / "broken.zip"), code=4)
    scoreline("query", "codes-on-local", "merchant_lookup", "{", code=4)
    scoreline("publish", code=4)
    scoreline("deploy", "codes", "v1", code=5)
    scoreline("status", "--key", "wrong", code=6)
    failed = scoreline("update", "codes-on-local", "v2", code=7)
    assert "test query 1 of endpoint 'merchant_lookup' fails" in failed.stderr
    assert "v1 goes on answering" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_up_again_is_no_harm_and_in_the_foreground_a_conflict(scoreline: Command) -> None:
    before = scoreline.json("status", "--json")["pid"]

    again = scoreline.json("up", "--detach", "--json")
    conflict = scoreline("up", code=5)

    assert again["pid"] == before
    assert "already" in conflict.stderr


def test_down_ends_both_and_up_brings_everything_back(cold: Command, tmp_path: Path) -> None:
    cold("up", "--detach", "--port", "0", "--node-port", "0")
    cold("publish", "--file", str(make_package(tmp_path)))
    cold("deploy", "merchants", "v1")

    cold("down")
    assert not is_locked(cold.home / "lock")
    assert not is_locked(cold.home / "nodes" / "local" / "local.lock")
    assert "`scoreline up` starts" in cold("status", code=7).stderr
    cold("up", "--detach", "--port", "0", "--node-port", "0")

    deadline = time.monotonic() + 20
    while cold.json("deployment", "show", "merchants-on-local", "--json")["health"] != "HEALTHY":
        assert time.monotonic() < deadline
    answer = cold.json("query", "merchants-on-local", "merchant_lookup", '{"merchant_id": "M_1"}')
    assert answer["results"][0]["data"] == {"state": "State of v1"}


def test_down_also_ends_the_node_of_a_control_plane_that_was_killed(cold: Command) -> None:
    found = cold.json("up", "--detach", "--port", "0", "--node-port", "0", "--json")
    os.kill(found["pid"], signal.SIGKILL)

    assert "stopped" in cold("down").stderr

    assert not is_locked(cold.home / "nodes" / "local" / "local.lock")
    assert "nothing was running" in cold("down").stderr


def test_ctrl_c_ends_a_control_plane_in_the_foreground_and_its_node(cold: Command) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "scoreline", "up", "--port", "0", "--node-port", "0"],
        env=cold.environment,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not is_locked(cold.home / "nodes" / "local" / "local.lock"):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 0
    assert not is_locked(cold.home / "nodes" / "local" / "local.lock")


def test_ports_in_use_are_stepped_around_unless_asked_for(cold: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = cold("up", "--detach", "--port", str(port), code=7)
    assert f"port {port} of 127.0.0.1 is in use" in refused.stderr

    with socket.socket() as first:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            first.bind(("127.0.0.1", 8460))
            first.listen()
        except OSError:
            pass  # someone else holds it, which is as good
        found = cold.json("up", "--detach", "--json")

    assert not found["url"].endswith(":8460")


def test_without_a_control_plane_the_commands_say_how_to_start_one(tmp_path: Path) -> None:
    nobody = Command(tmp_path / "home")

    assert "start one with `scoreline up`" in nobody("status", code=7).stderr
