"""A service that is not public answers whoever shows one of its keys, and says which was used."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.node.card_packages import PLAIN, make_package
from tests.node.processes import NodeProcess

from scoreline.core.package import FileEntry, Manifest, content_digest
from scoreline.core.service_key import ServiceKey, make_service_key

StartNode = Callable[..., NodeProcess]
TILL, OF_TILL = make_service_key("till", b"t" * 32)
TEAM, OF_TEAM = make_service_key("fraud-team", b"f" * 32)
NEWER, OF_NEWER = make_service_key("newer", b"n" * 32)
PATH = "/public/api/v1/cards/plain/predict"


def basic(name: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:".encode()).decode()}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Answers for `cards` with v1, which has two keys, and for the public service `open`."""
    folder = tmp_path_factory.mktemp("node")
    running = NodeProcess(folder / "data", workers=2).start()
    running.install(make_package(folder, "v1", endpoints=PLAIN, keys=(OF_TILL, OF_TEAM)))
    running.install(make_package(folder, "w1", service="open", endpoints=PLAIN))
    yield running
    running.clear()


def status(node: NodeProcess, headers: dict[str, str], forced: str | None = None) -> int:
    body = {"features": {}, **({"dispatch": {"forcedGeneration": forced}} if forced else {})}
    return node.send("POST", PATH, json=body, headers=headers).status_code


@pytest.mark.parametrize(
    "headers",
    [
        basic(TILL),
        bearer(TILL),
        {"Authorization": f"BEARER   {TEAM}"},
        {"X-API-Key": TEAM},
        {"x-api-key": TILL},
        {"X-API-Key": "wrong", **bearer(TILL)},
    ],
)
def test_a_key_is_shown_in_any_of_three_ways(node: NodeProcess, headers: dict[str, str]) -> None:
    assert status(node, headers) == 200
    answer = node.send("GET", "/public/api/v1/cards/plain/predict-simple?amount=1", headers=headers)
    assert answer.json()["apiContext"]["serviceGeneration"] == "v1"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(NEWER),
        bearer(NEWER),
        {"X-API-Key": ""},
        {"Authorization": ""},
        {"Authorization": "Basic not base64!"},
        {"Authorization": f"Digest {TILL}"},
        {"Authorization": TILL},
        bearer(OF_TILL.sha256),
        bearer("till"),
        bearer(TILL + "x"),
        bearer("x" * 5_000),
    ],
)
def test_without_a_key_every_call_is_refused_in_the_shape_of_errors(
    node: NodeProcess, headers: dict[str, str]
) -> None:
    for method, path in (
        ("POST", PATH),
        ("POST", "/public/api/v1/cards/plain/predict-multi"),
        ("GET", "/public/api/v1/cards/plain/predict-simple?amount=1"),
        ("POST", "/public//api/v1/cards/plain/nothing"),
        ("POST", "/public/api/v1/cards/none/predict"),
    ):
        answer = node.send(method, path, content=b'{"features":{}}' * (method == "POST"), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert answer.json()["errorType"] == "NotAllowed"
        assert answer.json()["message"] == answer.json()["detailedMessage"]
        assert TILL not in answer.text
        assert "slk_" not in answer.text


def test_a_public_service_takes_any_key_and_none(node: NodeProcess) -> None:
    for headers in ({}, bearer("whatever"), {"X-API-Key": TILL}):
        answer = node.send(
            "POST", "/public/api/v1/open/plain/predict", json={"features": {}}, headers=headers
        )
        assert answer.status_code == 200


def test_the_admin_keys_open_every_service(node: NodeProcess) -> None:
    made = node.done("POST", "keys", json={"label": "ci"})

    assert status(node, basic(node.key)) == 200
    assert status(node, bearer(made["key"])) == 200
    node.done("DELETE", f"keys/{made['id']}/key")
    assert status(node, bearer(made["key"])) == 401


def test_the_queries_of_each_key_are_counted_under_its_label(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(workers=2)
    node.install(make_package(tmp_path, "v1", endpoints=PLAIN, keys=(OF_TILL, OF_TEAM)))
    node.ask_many("cards/plain/predict", [{"features": {}}] * 40, headers=f"X-API-Key: {TILL}\r\n")
    for headers in (bearer(TEAM), bearer(NEWER), {}, basic(node.key)):
        status(node, headers)
    node.install(make_package(tmp_path, "v2", endpoints=PLAIN, keys=(OF_TILL,)))
    assert status(node, bearer(TILL)) == 200

    text = node.send("GET", "/metrics").text

    assert 'scoreline_service_key_requests_total{service="cards",key="till"} 41\n' in text
    assert 'scoreline_service_key_requests_total{service="cards",key="fraud-team"} 1\n' in text
    assert 'scoreline_requests_total{service="",generation="",endpoint="",status="401"} 2\n' in text
    assert OF_TILL.sha256 not in text
    told = node.done("GET", "metrics")["serviceKeys"]
    assert {(one["label"], one["requests"]) for one in told} == {("till", 41), ("fraud-team", 1)}


def test_a_key_that_was_taken_away_opens_nothing_old_or_new(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node()
    node.install(make_package(tmp_path, "v1", endpoints=PLAIN, keys=(OF_TILL,)))
    node.install(make_package(tmp_path, "v2", endpoints=PLAIN, keys=(OF_NEWER,)), switch=False)
    node.done("POST", "services/cards/actions/switchTo/v2", params={"keepPrevious": "true"})

    assert status(node, bearer(TILL)) == 401
    assert status(node, bearer(TILL), forced="v1") == 401
    assert status(node, bearer(NEWER)) == 200
    assert status(node, bearer(NEWER), forced="v1") == 401
    assert status(node, basic(node.key), forced="v1") == 200


def test_a_generation_with_keys_is_closed_before_it_answers(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node()
    node.install(make_package(tmp_path, "v1", endpoints=PLAIN))
    node.install(make_package(tmp_path, "v2", endpoints=PLAIN, keys=(OF_NEWER,)), switch=False)
    node.done("POST", "services/cards/generations/v2/preload")

    assert status(node, {}) == 200
    assert status(node, {}, forced="v2") == 401
    assert status(node, bearer(NEWER), forced="v2") == 200


def test_one_generation_with_keys_closes_all_that_answer_beside_it(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node()
    node.install(make_package(tmp_path, "v1", endpoints=PLAIN), switch=False)
    node.install(make_package(tmp_path, "v2", endpoints=PLAIN, keys=(OF_TILL, OF_TEAM)), switch=False)
    node.install(make_package(tmp_path, "v3", endpoints=PLAIN, keys=(OF_TILL, OF_NEWER)), switch=False)
    entries = [{"generation": f"v{n}", "proba": share} for n, share in ((1, 0.5), (2, 0.25), (3, 0.25))]
    node.done("POST", "services/cards/actions/setMapping", json={"entries": entries})

    for forced in (None, "v1", "v2", "v3"):
        assert status(node, {}, forced) == 401
        assert {status(node, bearer(key), forced) for key in (TILL, TEAM, NEWER)} == {200}


def with_keys(archive: Path, keys: tuple[ServiceKey, ...]) -> Path:
    """A package that was changed by hand, digests included."""
    with zipfile.ZipFile(archive) as file:
        members = {name: file.read(name) for name in file.namelist()}
    changed = {**json.loads(members["service.json"]), "api_keys": msgspec.to_builtins(keys)}
    members["service.json"] = service = json.dumps(changed).encode()
    manifest = msgspec.json.decode(members["manifest.json"], type=Manifest)
    entry = FileEntry(size=len(service), sha256=hashlib.sha256(service).hexdigest())
    files = {**manifest.files, "service.json": entry}
    manifest = msgspec.structs.replace(manifest, files=files, digest=content_digest(files))
    members["manifest.json"] = msgspec.json.encode(manifest)
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return archive


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ((OF_TILL, OF_TILL), "two keys have the label"),
        ((ServiceKey(label='x",y="', sha256=OF_TILL.sha256),), "cannot be a label"),
        ((ServiceKey(label="x", sha256=TILL),), "the hash, not the key"),
    ],
)
def test_a_package_with_keys_that_cannot_be_is_refused(
    node: NodeProcess, tmp_path: Path, keys: tuple[ServiceKey, ...], message: str
) -> None:
    archive = with_keys(make_package(tmp_path, "v9", endpoints=PLAIN), keys)

    answer = node.upload(archive, service="cards", generation="v9")

    assert (answer.status_code, answer.json()["code"]) == (400, "bad-package")
    assert message in answer.json()["message"]


def test_keys_are_nowhere_on_the_disk_of_the_node(node: NodeProcess) -> None:
    made = node.done("POST", "keys", json={"label": "ci", "description": "of the test"})

    files = [path for path in node.data.rglob("*") if path.is_file()]

    assert any(OF_TILL.sha256.encode() in path.read_bytes() for path in files)
    assert msgspec.json.decode((node.data / "state.json").read_bytes())["keys"][0]["label"] == "ci"
    for secret in (TILL, TEAM, made["key"], node.key):
        assert not any(secret.encode() in path.read_bytes() for path in files)
    assert not (node.data / "state.json").stat().st_mode & 0o077
    node.done("DELETE", f"keys/{made['id']}/key")
