"""Infrastructures are made, changed and deleted over the control API, on real control planes and nodes."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.deployer.nginx import free_port
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until
from tests.node.processes import NodeProcess, is_alive

from scoreline import Client

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("infrastructures") / "home")
    running.start()
    running.wait_for_node()
    yield running
    running.clear()


@pytest.fixture
def own_control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """One that the test may kill."""
    running = ControlPlane(tmp_path / "own-home")
    running.start()
    yield running
    running.clear()


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[Callable[[], NodeProcess]]:
    started: list[NodeProcess] = []

    def start() -> NodeProcess:
        folder = tmp_path / f"somebody-elses-{len(started)}"
        folder.mkdir()
        started.append(NodeProcess(folder / "data", port=free_port()))
        return started[-1].start()

    yield start
    for node in started:
        node.clear()


class Api:
    """The control API as a plain HTTP client sees it."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane

    def send(
        self, method: str, path: str, body: Any = None, *, timeout: float = 60, **headers: str
    ) -> httpx.Response:
        server = self._control_plane.server
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(
            method,
            f"{server.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {server.key}", **headers},
            timeout=timeout,
            verify=False,  # reading certificates takes longer than the request, and http needs none
        )

    def done(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.send(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def make(self, body: Any) -> Any:
        return self.done("POST", "infrastructures", body, 201)

    def one(self, infrastructure: str) -> Any:
        return self.done("GET", f"infrastructures/{infrastructure}")

    def when_up(self, infrastructure: str) -> Any:
        """The infrastructure once all its nodes are up."""

        def all_up() -> Any:
            found = self.one(infrastructure)
            return found if all(node["up"] for node in found["nodes"]) else None

        return wait_until(all_up, f"the nodes of {infrastructure} are up")


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    return Api(control_plane)


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with control_plane.client() as found:
        yield found


def refused(answer: httpx.Response, status: int, code: str) -> str:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    return str(problem["message"])


def node_of(node: NodeProcess, **more: str) -> dict[str, str]:
    return {"url": node.url, "admin_key": node.key, **more}


def state_at(url: str, service: str) -> str | None:
    """What one node answers for a service; None when it does not."""
    query = {"data": {"merchant_id": "M_1"}}
    try:
        answer = httpx.post(
            f"{url}/public/api/v1/{service}/merchant_lookup/lookup", json=query, verify=False, timeout=60
        )
        return str(answer.raise_for_status().json()["results"][0]["data"]["state"])
    except httpx.HTTPError:
        return None


# Of kind static


def test_a_service_is_deployed_on_nodes_of_somebody_else(
    api: Api, client: Client, start_node: Callable[[], NodeProcess], tmp_path: Path
) -> None:
    nodes = [start_node(), start_node()]
    made = api.make(
        {"id": "pool", "kind": "static", "stage": "Test", "nodes": [node_of(node) for node in nodes]}
    )
    client.publish(make_package(tmp_path, service="pooled"))

    client.deploy("pooled", "v1", infrastructure="pool")

    assert [(node["id"], node["url"], node["up"]) for node in made["nodes"]] == [
        ("pool-1", nodes[0].url, True),
        ("pool-2", nodes[1].url, True),
    ]
    found = client.deployment("pooled-on-pool")
    assert (found.health.value, found.serving) == ("HEALTHY", {"pool-1": "v1", "pool-2": "v1"})
    assert found.endpoints[0].urls == tuple(
        f"{node.url}/public/api/v1/pooled/merchant_lookup" for node in nodes
    )
    assert [state_at(node.url, "pooled") for node in nodes] == ["State of v1"] * 2


def test_a_key_that_is_given_is_kept_and_never_told(
    api: Api, control_plane: ControlPlane, start_node: Callable[[], NodeProcess]
) -> None:
    node = start_node()

    api.make({"id": "silent", "kind": "static", "nodes": [node_of(node)]})

    shown = [api.send("GET", path).text for path in ("infrastructures", "infrastructures/silent", "status")]
    assert not [text for text in shown if node.key in text]
    assert re.fullmatch(r"secret:silent~[0-9a-f]+", api.one("silent")["nodes"][0]["admin_key"])
    holding = [
        path
        for path in control_plane.home.rglob("*")
        if path.is_file() and node.key.encode() in path.read_bytes()
    ]
    assert {path.parent.name for path in holding} == {"secrets"}


def test_settings_go_back_as_they_were_read_and_the_node_stays_in_hand(
    api: Api, start_node: Callable[[], NodeProcess]
) -> None:
    made = api.make({"id": "again", "kind": "static", "nodes": [node_of(start_node(), id="first")]})
    nodes = [{name: node[name] for name in ("id", "url", "admin_key")} for node in made["nodes"]]

    saved = api.done("PUT", "infrastructures/again", {"stage": "Production", "nodes": nodes})

    assert saved["nodes"] == made["nodes"]
    assert (saved["stage"], saved["revision"]) == ("Production", made["revision"] + 1)


def test_a_new_key_replaces_the_old_one_and_a_wrong_one_is_told(
    api: Api, control_plane: ControlPlane, start_node: Callable[[], NodeProcess]
) -> None:
    node = start_node()
    made = api.make({"id": "keys", "kind": "static", "nodes": [node_of(node, admin_key="not-the-key")]})
    secrets = control_plane.home / "secrets"

    saved = api.done("PUT", "infrastructures/keys", {"nodes": [node_of(node)]})

    assert not made["nodes"][0]["up"]
    assert "refuses the admin key" in made["nodes"][0]["message"]
    assert saved["nodes"][0]["up"]
    assert saved["nodes"][0]["id"] == made["nodes"][0]["id"]  # of the same URL
    assert len(list(secrets.glob("keys~*"))) == 1


def test_a_node_that_is_added_gets_what_is_deployed_by_itself(
    api: Api, client: Client, start_node: Callable[[], NodeProcess], tmp_path: Path
) -> None:
    first, second = start_node(), start_node()
    api.make({"id": "growing", "kind": "static", "nodes": [node_of(first)]})
    client.publish(make_package(tmp_path, service="grown"))
    client.deploy("grown", "v1", infrastructure="growing")

    api.done("PUT", "infrastructures/growing", {"nodes": [node_of(first), node_of(second)]})

    wait_until(lambda: state_at(second.url, "grown") == "State of v1", "the new node answers")


def test_endpoints_are_shown_where_clients_reach_them(
    api: Api, client: Client, start_node: Callable[[], NodeProcess], tmp_path: Path
) -> None:
    node = start_node()
    api.make({"id": "public", "kind": "static", "nodes": [node_of(node)]})
    client.publish(make_package(tmp_path, service="seen"))
    client.deploy("seen", "v1", infrastructure="public")
    settings = {"nodes": [node_of(node)], "public_url": "https://api.example.com/scores/"}

    api.done("PUT", "infrastructures/public", settings)

    base = "https://api.example.com/scores/public/api/v1/seen"
    assert client.deployment("seen-on-public").endpoints[0].urls == (f"{base}/merchant_lookup",)
    listed = next(one for one in client.status().deployments if one.id == "seen-on-public")
    assert listed.endpoints[0].urls == (f"{base}/merchant_lookup",)


def test_a_node_that_is_down_is_shown_so_with_the_reason_and_may_be_added_all_the_same(api: Api) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    made = api.make({"id": "later", "kind": "static", "nodes": [{"url": url, "admin_key": "some-admin-key"}]})

    assert not made["nodes"][0]["up"]
    assert made["nodes"][0]["message"] == f"node 'later-1' at {url} does not answer"


def test_nginx_is_configured_for_the_nodes(api: Api, start_node: Callable[[], NodeProcess]) -> None:
    nodes = [start_node(), start_node()]
    api.make({"id": "before", "kind": "static", "nodes": [node_of(node) for node in nodes]})

    text = api.done("GET", "infrastructures/before/nginx-config?listen=127.0.0.1:9000")["configuration"]

    for node in nodes:
        assert f"server {node.url.removeprefix('http://')} max_fails" in text
        assert node.key not in text
    assert "listen 127.0.0.1:9000;" in text


def test_deleting_leaves_the_nodes_as_they_are_and_drops_their_keys(
    api: Api, control_plane: ControlPlane, start_node: Callable[[], NodeProcess]
) -> None:
    node = start_node()
    api.make(
        {
            "id": "gone",
            "kind": "static",
            "nodes": [node_of(node)],
            "connections": {"dwh": "postgresql://u:p@h/d"},
        }
    )
    kept = list((control_plane.home / "secrets").glob("gone~*"))

    api.done("DELETE", "infrastructures/gone")

    refused(api.send("GET", "infrastructures/gone"), 404, "no-such-infrastructure")
    assert len(kept) == 2
    assert not list((control_plane.home / "secrets").glob("gone~*"))
    assert node.readiness()["ready"]


def test_a_connection_is_shown_by_its_reference(api: Api) -> None:
    given = {"dwh": "postgresql://me:my-password@db/dwh", "other": "env:OTHER_DWH"}

    made = api.make({"id": "connected", "kind": "static", "connections": given})

    assert made["connections"]["other"] == "env:OTHER_DWH"
    assert made["connections"]["dwh"].startswith("secret:connected~")
    assert "my-password" not in str(made)


# Of kind local


def test_a_local_infrastructure_has_as_many_nodes_as_it_is_to_have(
    api: Api, client: Client, control_plane: ControlPlane, tmp_path: Path
) -> None:
    api.make({"id": "three", "stage": "Test", "local_nodes": 3})
    made = api.when_up("three")
    client.publish(make_package(tmp_path, service="many"))
    client.deploy("many", "v1", infrastructure="three")

    api.done("PUT", "infrastructures/three", {"stage": "Test", "local_nodes": 1})
    fewer = api.one("three")
    api.done("PUT", "infrastructures/three", {"stage": "Test", "local_nodes": 2})
    more = api.when_up("three")

    assert [node["id"] for node in made["nodes"]] == ["three", "three-2", "three-3"]
    assert len({node["url"] for node in made["nodes"]}) == 3
    assert [(node["id"], node["pid"]) for node in fewer["nodes"]] == [("three", made["nodes"][0]["pid"])]
    assert [is_alive(node["pid"]) for node in made["nodes"]] == [True, False, False]
    assert not list((control_plane.home / "nodes" / "three").glob("three-3*"))
    assert [node["id"] for node in more["nodes"]] == ["three", "three-2"]
    wait_until(lambda: state_at(more["nodes"][1]["url"], "many") == "State of v1", "the new node answers")


def test_an_infrastructure_is_not_deleted_while_something_is_deployed_on_it(
    api: Api, client: Client, tmp_path: Path
) -> None:
    api.make({"id": "used"})
    api.when_up("used")
    client.publish(make_package(tmp_path, service="using"))
    client.deploy("using", "v1", infrastructure="used")

    said = refused(api.send("DELETE", "infrastructures/used"), 409, "infrastructure-used")

    assert "has deployments" in said
    assert api.one("used")["nodes"][0]["up"]


def test_a_deleted_local_infrastructure_leaves_neither_processes_nor_files(
    api: Api, control_plane: ControlPlane
) -> None:
    api.make({"id": "short", "local_nodes": 2})
    pids = [node["pid"] for node in api.when_up("short")["nodes"]]

    api.done("DELETE", "infrastructures/short")

    assert not [pid for pid in pids if is_alive(pid)]
    assert not (control_plane.home / "nodes" / "short").exists()


def test_all_local_nodes_outlive_a_control_plane_that_is_killed_and_are_adopted(
    own_control_plane: ControlPlane,
) -> None:
    api = Api(own_control_plane)
    api.make({"id": "two", "local_nodes": 2})
    before = [(node["id"], node["pid"], node["url"]) for node in api.when_up("two")["nodes"]]

    own_control_plane.kill()
    own_control_plane.start()

    after = [(node["id"], node["pid"], node["url"]) for node in api.when_up("two")["nodes"]]
    assert after == before


def test_what_a_killed_control_plane_left_of_a_deletion_is_cleared_at_the_next_start(
    own_control_plane: ControlPlane, start_node: Callable[[], NodeProcess]
) -> None:
    api = Api(own_control_plane)
    node = start_node()
    api.make({"id": "doomed", "local_nodes": 2})
    api.make({"id": "kept", "kind": "static", "nodes": [node_of(node)]})
    pids = [node["pid"] for node in api.when_up("doomed")["nodes"]]
    local = api.when_up("local")["nodes"][0]["pid"]
    os.kill(pids[0], signal.SIGSTOP)  # ending it takes its time, and the control plane is killed meanwhile
    with pytest.raises(httpx.ReadTimeout):
        api.send("DELETE", "infrastructures/doomed", timeout=1.0)
    own_control_plane.kill()
    (own_control_plane.home / "secrets" / "doomed~0123").write_text("left behind")

    own_control_plane.start()

    assert not [pid for pid in pids if is_alive(pid)]
    assert is_alive(local)
    assert not (own_control_plane.home / "nodes" / "doomed").exists()
    assert [path.name.partition("~")[0] for path in (own_control_plane.home / "secrets").iterdir()] == [
        "kept"
    ]
    assert api.one("kept")["nodes"][0]["up"]


# What is refused


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"id": "no good"}, 400, "bad-id"),
        ({"id": "x", "kind": "cloud"}, 400, "invalid"),
        ({"id": "x", "stage": "Testing"}, 404, "no-such-stage"),
        ({"id": "local"}, 409, "infrastructure-exists"),
        ({"id": "x", "local_nodes": 0}, 400, "invalid"),
        ({"id": "x", "local_nodes": 33}, 400, "invalid"),
        ({"id": "x", "nodes": [{"url": "http://h", "admin_key": "some-key"}]}, 400, "invalid"),
        ({"id": "x", "kind": "static", "local_nodes": 2}, 400, "invalid"),
        (
            {"id": "x", "kind": "static", "nodes": [{"url": "ftp://h", "admin_key": "some-key"}]},
            400,
            "bad-url",
        ),
        ({"id": "x", "kind": "static", "nodes": [{"url": "http://u:p@h", "admin_key": "k"}]}, 400, "bad-url"),
        ({"id": "x", "kind": "static", "nodes": [{"url": "http://h:0", "admin_key": "k"}]}, 400, "bad-url"),
        ({"id": "x", "kind": "static", "nodes": [{"url": "http://h/?q", "admin_key": "k"}]}, 400, "bad-url"),
        ({"id": "x", "kind": "static", "nodes": [{"url": "http://h", "admin_key": ""}]}, 400, "bad-secret"),
        ({"id": "x", "kind": "static", "nodes": [{"url": "http://h"}]}, 400, "bad-json"),
        (
            {
                "id": "x",
                "kind": "static",
                "nodes": [{"url": u, "admin_key": "k"} for u in ("http://h", "http://h/")],
            },
            400,
            "invalid",
        ),
        ({"id": "x", "public_url": "api.example.com"}, 400, "bad-url"),
        ({"id": "x", "connections": {"a b": "env:A"}}, 400, "bad-id"),
        ({"id": "x", "colour": "blue"}, 400, "bad-json"),
    ],
)
def test_what_cannot_be_an_infrastructure_is_refused_and_leaves_nothing(
    api: Api, control_plane: ControlPlane, body: Any, status: int, code: str
) -> None:
    before = (
        sorted((control_plane.home / "secrets").glob("*")),
        sorted((control_plane.home / "nodes").iterdir()),
    )

    refused(api.send("POST", "infrastructures", body), status, code)

    after = (
        sorted((control_plane.home / "secrets").glob("*")),
        sorted((control_plane.home / "nodes").iterdir()),
    )
    assert after == before


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(api: Api) -> None:
    api.make({"id": "contested", "kind": "static"})
    read = api.send("GET", "infrastructures/contested").headers["ETag"]
    mine = api.send("PUT", "infrastructures/contested", {"stage": "Test"}, If_Match=read)

    theirs = api.send("PUT", "infrastructures/contested", {"stage": "Production"}, If_Match=read)

    assert mine.status_code == 200
    assert theirs.status_code in (409, 412)
    assert theirs.json()["code"] == "stale-revision"
    assert api.one("contested")["stage"] == "Test"


def test_what_is_not_there_is_said_not_to_be_there(api: Api) -> None:
    for method, path in [
        ("GET", "infrastructures/loca"),
        ("PUT", "infrastructures/loca"),
        ("DELETE", "infrastructures/loca"),
        ("GET", "infrastructures/loca/nginx-config"),
    ]:
        said = refused(api.send(method, path, {} if method == "PUT" else None), 404, "no-such-infrastructure")
        assert "did you mean 'local'?" in said


def test_only_admins_of_the_control_plane_let_an_infrastructure_refer_to_its_machine(
    api: Api, control_plane: ControlPlane
) -> None:
    api.make({"id": "theirs", "kind": "static", "connections": {"old": "env:OLD"}})
    api.done("POST", "users", {"name": "keeper", "password": False}, 201)
    api.done("PUT", "roles/infrastructure:theirs/user:keeper", {"role": "admin"})
    key = api.done("POST", "keys", {"user": "keeper", "label": "a test"}, 201)["key"]
    server_file = f"file:{control_plane.home / 'server.json'}"  # a node could be made to send it anywhere

    def change(connections: dict[str, str]) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {key}"}
        return api.send("PUT", "infrastructures/theirs", {"connections": connections}, **bearer)

    refused(change({"old": "env:OLD", "new": server_file}), 403, "no-right")
    refused(change({"new": "env:NEW"}), 403, "no-right")
    refused(change({"new": "secret:local~0"}), 400, "bad-secret")
    assert change({"old": "env:OLD", "new": "the secret itself"}).status_code == 200
    api.done("PUT", "infrastructures/theirs", {"connections": {"new": server_file}})


# Stages


def test_there_are_three_stages_at_first(own_control_plane: ControlPlane) -> None:
    stages = Api(own_control_plane).done("GET", "stages")

    assert [stage["id"] for stage in stages] == ["Development", "Test", "Production"]
    assert all(stage["description"] for stage in stages)


def test_stages_are_added_described_ordered_and_removed(own_control_plane: ControlPlane) -> None:
    api = Api(own_control_plane)

    api.done("POST", "stages", {"id": "Staging", "description": "As production."}, 201)
    api.done("PUT", "stages/Staging", {"description": "Like production."})
    api.done("PUT", "stages", {"order": ["Development", "Test", "Staging", "Production"]})
    api.done("DELETE", "stages/Test")
    own_control_plane.end()
    own_control_plane.start()

    stages = api.done("GET", "stages")
    assert [stage["id"] for stage in stages] == ["Development", "Staging", "Production"]
    assert stages[1]["description"] == "Like production."


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "stages", {"id": "Test"}, 409, "stage-exists"),
        ("POST", "stages", {"id": "no good"}, 400, "bad-id"),
        ("POST", "stages", {"id": "X", "description": "x" * 1_001}, 400, "invalid"),
        ("PUT", "stages/Tests", {}, 404, "no-such-stage"),
        ("PUT", "stages", {"order": ["Test", "Development"]}, 400, "invalid"),
        ("PUT", "stages", {"order": ["Test", "Development", "Test"]}, 400, "invalid"),
        ("DELETE", "stages/Tests", None, 404, "no-such-stage"),
        ("DELETE", "stages/Development", None, 409, "stage-used"),
    ],
)
def test_what_cannot_be_done_with_stages_is_refused(
    api: Api, method: str, path: str, body: Any, status: int, code: str
) -> None:
    refused(api.send(method, path, body), status, code)


def test_changes_of_infrastructures_and_stages_are_in_the_audit(api: Api) -> None:
    api.make(
        {"id": "noted", "kind": "static", "nodes": [{"url": "http://h", "admin_key": "not-to-be-noted"}]}
    )
    api.done("PUT", "infrastructures/noted", {"stage": "Test"})
    api.done("DELETE", "infrastructures/noted")

    text = api.send("GET", "audit").text
    changes = [one for one in api.done("GET", "audit")["items"] if one["on"] == "infrastructure:noted"]

    assert [one["what"] for one in changes] == ["delete", "update", "create"]
    assert (changes[1]["before"]["stage"], changes[1]["after"]["stage"]) == ("Development", "Test")
    assert "not-to-be-noted" not in text
