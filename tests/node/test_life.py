"""A node starts, ends and starts again: what it remembers, what it says when it cannot, who it waits for."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.node.card_packages import PLAIN, make_package, probability
from tests.node.processes import NodeProcess, is_alive

StartNode = Callable[..., NodeProcess]
QUERY = b"POST /public/api/v1/cards/plain/predict HTTP/1.1\r\nHost: n\r\nContent-Length: 15\r\n\r\n"


def refusal(node: NodeProcess) -> str:
    """What a node says that is not to start."""
    node.begin()
    assert node.process is not None
    assert node.process.stdout is not None
    output = node.process.stdout.read()
    assert node.process.wait(30) == 1
    assert output == b""
    node.process.stdout.close()
    assert "Traceback" not in node.log
    return node.log


def test_a_node_that_starts_again_answers_as_before(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(workers=2)
    node.install(make_package(tmp_path, "v1", bias=1.0, endpoints=PLAIN))
    node.install(make_package(tmp_path, "v2", bias=2.0, endpoints=PLAIN))
    node.install(make_package(tmp_path, "v3", bias=3.0, endpoints=PLAIN), switch=False)
    node.done("POST", "services/cards/actions/switchTo/v1")
    node.done("POST", "services/cards/generations/v3/preload")
    node.install(make_package(tmp_path, "w1", service="other", endpoints=PLAIN))
    node.done("POST", "services/other/actions/disable")
    before = node.done("GET", "services/cards/generations")

    assert node.end() == 0
    node.start()

    assert node.done("GET", "services/cards/generations") == before
    answer = node.ask("cards/plain/predict", {"features": {}})
    assert answer["apiContext"]["serviceGeneration"] == "v1"
    forced = {"features": {}, "dispatch": {"forcedGeneration": "v3"}}
    answer = node.ask("cards/plain/predict", forced)
    assert answer["result"]["probas"]["yes"] == pytest.approx(probability(3.0))
    assert node.post("other/plain/predict", {"features": {}}).json()["code"] == "service-disabled"


def test_queries_in_flight_are_answered_when_a_node_ends(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(workers=2)
    node.install(make_package(tmp_path, endpoints=PLAIN))
    assert node.process is not None
    half = []
    for _ in range(10):
        connection = socket.create_connection(("127.0.0.1", node.port), timeout=20)
        connection.sendall(QUERY)
        half.append(connection)
    time.sleep(0.1)
    node.process.terminate()
    time.sleep(0.3)
    for connection in half:
        connection.sendall(b'{"features":{}}')
    for connection in half:
        answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in answer
        connection.close()
    assert node.end() == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", node.port), timeout=2)


def test_two_nodes_do_not_share_a_data_folder(start_node: StartNode) -> None:
    node = start_node()
    assert "another node uses the data folder" in refusal(NodeProcess(node.data))


def test_a_port_that_is_taken_is_named(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node()
    said = refusal(NodeProcess(tmp_path / "second", port=node.port))
    assert f"cannot listen on 127.0.0.1:{node.port}: Address already in use" in said


def test_a_state_that_cannot_be_read_is_named(start_node: StartNode, tmp_path: Path) -> None:
    for number, text in enumerate((b"", b"{", b'{"services": 5}', b"\xff", b'{"format": 99}')):
        folder = tmp_path / f"broken{number}"
        folder.mkdir()
        (folder / "state.json").write_bytes(text)
        said = refusal(NodeProcess(folder))
        assert "state.json" in said or "upgrade this node" in said


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    assert "cannot be used: Not a directory" in refusal(NodeProcess(tmp_path / "data"))


def damage_golden(folder: Path) -> None:
    (folder / "models/fraud/golden.json").write_bytes(b"[]x")


def damage_scorer(folder: Path) -> None:
    (folder / "models/fraud/scorer.json").write_bytes(b"\0" * 100)


def damage_rows(folder: Path) -> None:
    for file in folder.glob("lookups/*/data.mdb"):
        file.write_bytes(file.read_bytes()[:5_000])


def damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    "damage", [damage_golden, damage_scorer, damage_rows, damage_manifest, shutil.rmtree]
)
def test_a_generation_damaged_on_disk_is_told_and_mended_by_installing_it_again(
    start_node: StartNode, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    node = start_node(workers=2)
    archive = make_package(tmp_path, "v1", bias=1.0)
    node.install(archive)
    node.install(make_package(tmp_path, "w1", service="other", bias=2.0, endpoints=PLAIN))
    node.end()
    damage(node.data / "generations/cards/v1")

    node.start()

    answer = node.post("cards/plain/predict", {"features": {}})
    assert (answer.status_code, answer.json()["code"]) == (503, "generation-not-loaded")
    assert "generation 'v1' of service 'cards' could not be loaded" in answer.json()["message"]
    readiness = node.send("GET", "/isReady/")
    assert readiness.status_code == 503
    assert set(readiness.json()["failures"]) == {"cards/v1"}
    other = node.ask("other/plain/predict", {"features": {}})
    assert other["result"]["probas"]["yes"] == pytest.approx(probability(2.0))
    refused = node.admin("POST", "services/cards/actions/switchTo/v1")
    assert (refused.status_code, refused.json()["code"]) == (400, "cannot-load")

    node.install(archive)

    found = node.ask("cards/predict/predict", {"features": {"card_id": "C_1"}})
    assert found["result"]["probas"]["yes"] == pytest.approx(probability(1.0, age=50))
    assert node.send("GET", "/isReady/").status_code == 200


def test_a_file_makes_a_node_say_that_it_is_not_alive(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node()
    node.install(make_package(tmp_path, endpoints=PLAIN))
    assert node.send("GET", "/isAlive/").status_code == 200
    (node.data / "apinode-not-alive.txt").touch()
    answer = node.send("GET", "/isAlive/")
    assert (answer.status_code, answer.json()["code"]) == (503, "not-alive")
    assert answer.json()["errorType"] == "Unavailable"
    assert "apinode-not-alive.txt" in answer.json()["message"]
    node.ask("cards/plain/predict", {"features": {}})


def test_a_node_that_is_ended_while_it_starts_ends(tmp_path: Path) -> None:
    for pause in (0.15, 0.3, 0.45):
        node = NodeProcess(tmp_path / f"data{pause}", workers=2)
        node.begin()
        time.sleep(pause)
        assert node.process is not None
        pid = node.pid
        assert node.end() in (0, -15)
        assert not is_alive(pid)


def test_metrics_add_up_over_workers_and_survive_a_switch(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(workers=2)
    node.install(make_package(tmp_path, "v1", endpoints=PLAIN))
    for body in [b'{"features": {}}'] * 7 + [b"x"] * 3:
        node.post("cards/plain/predict", body)
    node.post("cards/plain/predict-multi", {"items": [{"features": {}}] * 5 + [{"features": {"amount": []}}]})
    node.post("cards/nothing/predict", {})
    node.install(make_package(tmp_path, "v2", endpoints=PLAIN))

    text = node.send("GET", "/metrics").text
    labels = 'service="cards",generation="v1",endpoint="plain"'
    for line in (
        f'scoreline_requests_total{{{labels},status="200"}} 8',
        f'scoreline_requests_total{{{labels},status="400"}} 3',
        f"scoreline_records_total{{{labels}}} 13",
        f'scoreline_ignored_records_total{{{labels},reason="INVALID_RECORD"}} 1',
        f"scoreline_request_duration_seconds_count{{{labels}}} 11",
        'scoreline_requests_total{service="",generation="",endpoint="",status="404"} 1',
        'scoreline_active_generation{service="cards",generation="v2"} 1',
        "scoreline_workers 2",
        "scoreline_ready 1",
    ):
        assert f"{line}\n" in text
