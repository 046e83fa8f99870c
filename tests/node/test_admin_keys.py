"""Admin keys are made and deleted over the admin API; the key of the key file is always good."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.node.processes import NodeProcess, wait_until

StartNode = Callable[..., NodeProcess]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Any:
    running = NodeProcess(tmp_path_factory.mktemp("node") / "data", workers=2).start()
    yield running
    running.clear()


def statuses(node: NodeProcess, key: str) -> set[int]:
    """What some calls with a key are answered, whichever worker gets them."""
    return {
        httpx.get(f"{node.url}/admin/api/services", auth=(key, ""), trust_env=False, timeout=60).status_code
        for _ in range(8)
    }


def test_a_key_is_shown_once_and_good_at_once_on_every_worker(node: NodeProcess) -> None:
    wanted = {"label": "ci", "description": "of the pipeline", "createdBy": "me", "expiry": None}

    made = node.done("POST", "keys", json=wanted)

    assert statuses(node, made["key"]) == {200}
    (listed,) = node.done("GET", "keys")
    assert listed == {name: made[name] for name in made if name != "key"}
    assert {name: listed[name] for name in wanted} == wanted
    assert datetime.now(UTC) - datetime.fromisoformat(listed["createdAt"]) < timedelta(minutes=1)
    assert node.admin("DELETE", f"keys/{made['key']}").json() == {"ok": True}
    assert statuses(node, made["key"]) == {401}
    assert node.done("GET", "keys") == []


def test_a_key_is_good_after_a_restart_and_the_key_of_the_file_is_always_good(start_node: StartNode) -> None:
    node = start_node()
    kept = node.done("POST", "keys", json={})
    gone = node.done("POST", "keys", json={})
    node.done("DELETE", f"keys/{gone['id']}/key")

    node.kill()
    node.start()

    assert statuses(node, kept["key"]) == {200}
    assert statuses(node, gone["key"]) == {401}
    node.done("DELETE", f"keys/{kept['id']}/key")
    assert statuses(node, node.key) == {200}


@pytest.mark.parametrize("form", ["text", "milliseconds"])
def test_a_key_expires(node: NodeProcess, form: str) -> None:
    soon = time.time() + 2.5
    expiry = datetime.fromtimestamp(soon, UTC).isoformat() if form == "text" else int(soon * 1000)
    made = node.done("POST", "keys", json={"expiry": expiry})

    assert statuses(node, made["key"]) == {200} or time.time() >= soon
    assert abs(datetime.fromisoformat(made["expiry"]).timestamp() - soon) <= 1
    wait_until(lambda: time.time() > soon, "it has expired")
    assert statuses(node, made["key"]) == {401}
    node.done("DELETE", f"keys/{made['id']}/key")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"expiry": "2001-01-01"}, "bad-key"),
        ({"expiry": 5}, "bad-key"),
        ({"expiry": "soon"}, "bad-key"),
        ({"expiry": 1e300}, "bad-key"),
        ({"label": "x" * 501}, "bad-key"),
        ({"label": 7}, "bad-query"),
        (["x"], "bad-query"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(node: NodeProcess, body: Any, code: str) -> None:
    before = node.done("GET", "keys")

    answer = node.admin("POST", "keys", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert node.done("GET", "keys") == before


def test_keys_that_are_not_there_are_not_deleted(node: NodeProcess) -> None:
    for path in ("keys/nothing", "keys/nothing/key"):
        answer = node.admin("DELETE", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "no-such-key")
    answer = node.admin("DELETE", f"keys/{node.key}")
    assert (answer.status_code, answer.json()["code"]) == (409, "key-of-the-file")


def test_a_node_has_a_bounded_number_of_keys(start_node: StartNode) -> None:
    node = start_node()
    with httpx.Client(
        base_url=f"{node.url}/admin/api/", auth=(node.key, ""), trust_env=False, timeout=60
    ) as admin:
        answers = [admin.post("keys", json={}) for _ in range(101)]
    assert [answer.status_code for answer in answers] == [200] * 100 + [409]
    assert answers[-1].json()["code"] == "too-many-keys"


def test_a_call_of_another_method_is_told_which_there_are(node: NodeProcess, tmp_path: Path) -> None:
    for method, path, allowed in (
        ("GET", "/admin/api/services/cards/actions/enable", "POST"),
        ("DELETE", "/admin/api/services", "GET, POST"),
        ("POST", "/admin/api/services/cards/generations/v1", "PUT, DELETE"),
        ("POST", "/isAlive/", "GET, HEAD"),
        ("DELETE", "/metrics", "GET, HEAD"),
    ):
        answer = node.send(method, path, auth=(node.key, ""))
        assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
        assert answer.headers["allow"] == allowed
