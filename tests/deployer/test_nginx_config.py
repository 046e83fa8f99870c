"""The nginx configuration that is ready made: behind it a node may die, and no query fails."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.nginx import Nginx, find_nginx, free_port
from tests.deployer.packages import make_package
from tests.node.processes import NodeProcess

from scoreline.deployer.nginx_config import nginx_config
from scoreline.errors import Invalid

QUERY = "/public/api/v1/merchants/merchant_lookup/lookup"
BODY = {"data": {"merchant_id": "M_1"}}

needs_nginx = pytest.mark.skipif(find_nginx() is None, reason="there is no nginx here")


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[NodeProcess]]:
    """Two nodes that answer for `merchants`, each with a state of its own."""
    started = []
    for number in (1, 2):
        folder = tmp_path / f"package{number}"
        folder.mkdir()
        node = NodeProcess(tmp_path / f"node{number}" / "data", workers=2)
        node.data.parent.mkdir()
        started.append(node.start())
        node.install(make_package(folder, state=f"Node {number}"))
    yield started
    for node in started:
        node.clear()


@pytest.fixture
def balance(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """`balance({id: url}, **options)`: an nginx that is made for these nodes and runs."""
    started: list[Nginx] = []

    def start(urls: dict[str, str], **options: str) -> Nginx:
        port = free_port()
        configuration = nginx_config("pool", urls, listen=f"127.0.0.1:{port}", **options)
        started.append(Nginx(tmp_path / f"nginx{len(started)}", configuration, port))
        return started[-1].start()

    yield start
    for nginx in started:
        nginx.end()


def urls_of(nodes: list[NodeProcess]) -> dict[str, str]:
    return {f"node-{number}": node.url for number, node in enumerate(nodes, 1)}


class Load:
    """Several clients that ask all the time, each over a connection that it keeps."""

    def __init__(self, url: str, clients: int = 8) -> None:
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._url = url
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=20, trust_env=False, verify=False) as client:
            while not self._ending.wait(0.002):
                try:
                    answer = client.post(QUERY, json=BODY)
                    self.answers[answer.json()["results"][0]["data"]["state"]] += 1
                except Exception as error:
                    self.wrong.append(repr(error))


@needs_nginx
@pytest.mark.slow
def test_no_query_fails_when_one_of_two_nodes_is_killed_and_it_gets_its_share_again_when_it_is_back(
    nodes: list[NodeProcess], balance: Callable[..., Nginx]
) -> None:
    first = nodes[0]
    nginx = balance(urls_of(nodes))

    with Load(nginx.url) as load:
        time.sleep(1)
        before = Counter(load.answers)
        first.kill()
        time.sleep(2)
        alone = Counter(load.answers)
        again = NodeProcess(first.data, workers=2, port=first.port).start()
        time.sleep(5)

    again.clear()
    assert load.wrong == []
    assert min(before["Node 1"], before["Node 2"]) > 0.3 * before.total()
    assert alone["Node 2"] - before["Node 2"] > 100
    assert load.answers["Node 1"] - alone["Node 1"] > 100


@needs_nginx
@pytest.mark.slow
def test_no_query_fails_when_a_node_is_ended_in_order(
    nodes: list[NodeProcess], balance: Callable[..., Nginx]
) -> None:
    nginx = balance(urls_of(nodes))

    with Load(nginx.url) as load:
        time.sleep(0.5)
        assert nodes[0].end() == 0
        time.sleep(0.5)

    assert load.wrong == []
    assert load.answers["Node 1"] > 0


@needs_nginx
def test_when_no_node_answers_the_refusal_has_the_shape_of_every_error(
    balance: Callable[..., Nginx],
) -> None:
    nginx = balance(
        {"gone": f"http://127.0.0.1:{free_port()}", "gone-too": f"http://127.0.0.1:{free_port()}"}
    )

    for _ in range(12):  # also when both are known to be down
        answer = httpx.post(nginx.url + QUERY, json=BODY, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (503, "no-node")
        assert answer.headers["content-type"] == "application/json"


@needs_nginx
def test_both_nodes_answer_again_at_once_when_they_are_back_together(
    nodes: list[NodeProcess], balance: Callable[..., Nginx]
) -> None:
    nginx = balance(urls_of(nodes))
    ports = [node.port for node in nodes]
    for node in nodes:
        node.kill()
    for _ in range(12):
        assert httpx.post(nginx.url + QUERY, json=BODY, timeout=60).status_code == 503

    back = [NodeProcess(node.data, port=port).start() for node, port in zip(nodes, ports, strict=True)]

    answer = httpx.post(nginx.url + QUERY, json=BODY, timeout=60)
    for node in back:
        node.clear()
    assert answer.status_code == 200


@needs_nginx
def test_refusals_of_a_node_are_handed_on_and_cost_it_nothing(
    nodes: list[NodeProcess], balance: Callable[..., Nginx]
) -> None:
    nginx = balance(urls_of(nodes))
    for node in nodes:
        node.done("POST", "services/", json={"serviceId": "asleep"})
    asleep = "/public/api/v1/asleep/any/predict"

    for _ in range(20):
        assert httpx.post(nginx.url + asleep, json={}, timeout=60).json()["code"] == "no-generation"
        assert (
            httpx.post(nginx.url + "/public/api/v1/none/any/predict", json={}, timeout=60).status_code == 404
        )

    states = {
        httpx.post(nginx.url + QUERY, json=BODY, timeout=60).json()["results"][0]["data"]["state"]
        for _ in range(8)
    }
    assert states == {"Node 1", "Node 2"}


@needs_nginx
@pytest.mark.parametrize(
    "path",
    [
        "/admin/api/services",
        "//admin//api/services",
        "/%61dmin/api/services",
        "/admin%2fapi/services",
        "/public/../admin/api/services",
        "/public/%2e%2e/admin/api/services",
        "/./admin/api/services",
        "/admin",
        "/metrics",
        "/metrics/",
        "//metrics",
    ],
)
def test_the_admin_api_and_the_metrics_are_out_of_reach_in_every_spelling(
    reachable: tuple[str, str, int], path: str
) -> None:
    host, key, port = reachable
    connection = http.client.HTTPConnection(host, port, timeout=20)
    token = httpx.BasicAuth(key, "")._auth_header
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.putheader("Authorization", token)
    connection.endheaders()

    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 404, body
    assert b"nginx" in body or b"no-such-path" in body


@pytest.fixture(scope="module")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, int]]:
    """Host and port of an nginx before one node, and the node's admin key."""
    folder = tmp_path_factory.mktemp("admin")
    node = NodeProcess(folder / "data").start()
    port = free_port()
    nginx = Nginx(folder / "nginx", nginx_config("pool", {"n": node.url}, listen=f"127.0.0.1:{port}"), port)
    nginx.start()
    assert httpx.get(f"{nginx.url}/isAlive/", timeout=60).status_code == 200
    assert node.admin("GET", "services").status_code == 200
    yield "127.0.0.1", node.key, port
    nginx.end()
    node.clear()


@needs_nginx
def test_a_body_may_be_as_long_as_the_node_takes_it_and_no_longer(
    nodes: list[NodeProcess], balance: Callable[..., Nginx]
) -> None:
    nginx = balance(urls_of(nodes))
    most = 8 * 1024 * 1024

    taken = httpx.post(nginx.url + QUERY, content=json.dumps(BODY).ljust(most), timeout=30)
    refused = httpx.post(nginx.url + QUERY, content=json.dumps(BODY).ljust(most + 1), timeout=30)

    assert taken.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (413, "body-too-large")


@needs_nginx
def test_the_upgrade_that_java_offers_is_not_passed_on(
    nodes: list[NodeProcess], balance: Callable[..., Nginx]
) -> None:
    nginx = balance(urls_of(nodes))
    offer = {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    }

    answer = httpx.post(nginx.url + QUERY, json=BODY, headers=offer, timeout=60)

    assert answer.status_code == 200
    assert answer.json()["results"][0]["data"]["state"].startswith("Node")


@needs_nginx
def test_paths_before_the_balancer_and_before_the_nodes_are_translated(
    nodes: list[NodeProcess], balance: Callable[..., Nginx]
) -> None:
    inner = balance(urls_of(nodes), public_url="http://inside.example/nodes/one")
    under_a_path = {"inner": f"{inner.url}/nodes/one/"}
    outer = balance(under_a_path, public_url="https://api.example/fraud")

    answer = httpx.post(f"{outer.url}/fraud{QUERY}", json=BODY, timeout=60)

    assert answer.status_code == 200
    assert httpx.get(f"{outer.url}/fraud/admin/api/services", timeout=60).status_code == 404
    assert httpx.post(outer.url + QUERY, json=BODY, timeout=60).status_code == 404


@pytest.mark.parametrize(
    ("urls", "options", "message"),
    [
        ({}, {}, "no node"),
        ({"a": "https://10.0.0.1"}, {}, "plain http"),
        ({"a": "http://10.0.0.1/x", "b": "http://10.0.0.2/y"}, {}, "different paths"),
        ({"a": "http://10.0.0.1/{x;}"}, {}, "characters"),
        ({"a": "http://10.0.0.1"}, {"listen": "80; }"}, "cannot listen"),
    ],
)
def test_what_nginx_cannot_do_is_refused(urls: dict[str, str], options: dict[str, str], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        nginx_config("pool", urls, **options)
