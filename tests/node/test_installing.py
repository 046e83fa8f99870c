"""Packages come to a node whole and sound, or not at all; generations go and leave nothing behind."""

from __future__ import annotations

import base64
import json
import random
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.node.card_packages import CARDS, PLAIN, make_package, probability
from tests.node.processes import NodeProcess, mapped_files, wait_until

from scoreline.core.service import LookupEndpoint


@pytest.fixture
def node(start_node: Callable[..., NodeProcess]) -> NodeProcess:
    return start_node(workers=2)


def generations(node: NodeProcess) -> list[str]:
    """The package folders on disk, with anything unfinished beside them."""
    return sorted(str(path.relative_to(node.data)) for path in node.data.glob("generations/*/*"))


def active_probability(node: NodeProcess) -> float:
    answer = node.ask("cards/plain/predict", {"features": {}})
    return float(answer["result"]["probas"]["yes"])


def damaged(archive: Path, how: str) -> bytes:
    data = archive.read_bytes()
    draw = random.Random(how)
    if how == "truncated":
        return data[: len(data) // 2]
    if how == "empty":
        return b""
    if how == "garbage":
        return draw.randbytes(50_000)
    if how == "flipped":
        place = data.index(b'"bias') if b'"bias' in data else len(data) // 3
        return data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
    rewritten = archive.with_name("rewritten.zip")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(rewritten, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if how == "changed" and entry.filename.endswith("scorer.json"):
                content = content.replace(b"0.002", b"0.003")
            target.writestr(entry, content)
        if how == "escaping":
            target.writestr("../../escaped.txt", "x")
        if how == "more":
            target.writestr("models/fraud/model.pkl", "x")
    return rewritten.read_bytes()


HOW = ["truncated", "empty", "garbage", "flipped", "changed", "escaping", "more"]


@pytest.mark.parametrize("how", HOW)
def test_an_archive_that_is_not_sound_is_refused_and_nothing_is_left(
    shared_node: NodeProcess, tmp_path: Path, how: str
) -> None:
    before = generations(shared_node)
    archive = make_package(tmp_path, "v7", endpoints=PLAIN)

    path = "services/cards/generations/v7"
    answer = shared_node.admin("PUT", path, content=damaged(archive, how))

    assert answer.status_code == 400, answer.text
    assert answer.json()["errorType"] == "Invalid"
    assert len(answer.json()["message"]) < 300
    assert generations(shared_node) == before
    assert list((shared_node.data / "uploads").iterdir()) == []
    assert not list(shared_node.data.parent.rglob("escaped.txt"))


def test_the_same_package_again_is_fine_and_another_of_its_name_is_refused(
    node: NodeProcess, tmp_path: Path
) -> None:
    node.install(make_package(tmp_path, bias=1.0, endpoints=PLAIN))
    node.install(make_package(tmp_path, bias=1.0, endpoints=PLAIN))
    other = make_package(tmp_path, bias=2.0, endpoints=PLAIN)

    answer = node.upload(other, service="cards", generation="v1")

    assert (answer.status_code, answer.json()["code"]) == (409, "generation-exists")
    assert "another version id" in answer.json()["message"]
    assert active_probability(node) == pytest.approx(probability(1.0))
    assert generations(node) == ["generations/cards/v1"]


@pytest.mark.parametrize(("service", "generation"), [("carts", "v1"), ("cards", "v2"), ("..", "v1")])
def test_a_package_goes_under_its_own_name_only(
    shared_node: NodeProcess, tmp_path: Path, service: str, generation: str
) -> None:
    archive = make_package(tmp_path, endpoints=PLAIN)
    before = generations(shared_node)
    if (service, generation) == ("cards", "v2"):
        archive = make_package(tmp_path, "v8", endpoints=PLAIN)
    path = f"services/{service.replace('.', '%2e')}/generations/{generation}"
    answer = shared_node.admin("PUT", path, content=archive.read_bytes())
    assert answer.status_code == 400, answer.text
    assert generations(shared_node) == before


def test_an_upload_that_is_broken_off_leaves_nothing(node: NodeProcess, tmp_path: Path) -> None:
    data = make_package(tmp_path, more_cards=20_000).read_bytes()
    head = b"PUT /admin/api/services/cards/generations/v1 HTTP/1.1\r\nAuthorization: Bearer %b\r\n" % (
        node.key.encode()
    )
    for sent in (0, 1, len(data) // 2, len(data) - 1):
        with node.connect() as connection:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(data) + data[:sent])
    wait_until(lambda: not list((node.data / "uploads").iterdir()), "the uploads are gone")
    assert generations(node) == []
    node.install(make_package(tmp_path, more_cards=20_000))


def test_a_large_archive_comes_in_chunks_too(node: NodeProcess, tmp_path: Path) -> None:
    archive = make_package(tmp_path, more_cards=50_000)
    data = archive.read_bytes()

    def chunks() -> object:
        for at in range(0, len(data), 70_001):
            yield data[at : at + 70_001]

    node.done("PUT", "services/cards/generations/v1", content=chunks())
    node.done("POST", "services/cards/actions/switchTo/v1")
    answer = node.ask("cards/both/lookup", {"data": {"card_id": "D_49999"}})
    assert answer["results"][0]["data"]["age"] == 49_999


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        "Basic !!!",
        basic("wrong:"),
        basic(":the-admin-key-of-tests"),
        "the-admin-key-of-tests",
        "Digest the-admin-key-of-tests",
        "Bearer the-admin-key-of-test",
    ],
)
def test_the_admin_api_is_closed_without_its_key(shared_node: NodeProcess, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    for method, path in (
        ("GET", "services"),
        ("POST", "services/cards/actions/disable"),
        ("DELETE", "services/cards"),
        ("PUT", "services/cards/generations/v9"),
        ("GET", "nothing"),
    ):
        answer = shared_node.send(method, f"/admin/api/{path}", headers=headers)
        assert answer.status_code == 401, answer.text
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="scoreline"'
        assert "the-admin-key" not in answer.text


@pytest.mark.parametrize("given", ["Bearer {}", "bearer {}", "BASIC"])
def test_the_admin_key_opens_as_user_name_and_as_token(shared_node: NodeProcess, given: str) -> None:
    value = given.format(shared_node.key) if "{" in given else basic(f"{shared_node.key}:")
    answer = shared_node.send("GET", "/admin//api/services/", headers={"Authorization": value})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/admin/api/services/cards/generations/v9", "/metrics", "/isReady/"])
def test_nothing_is_stored_for_who_has_no_key(shared_node: NodeProcess, path: str) -> None:
    with shared_node.connect() as connection:
        connection.sendall(b"PUT %b HTTP/1.1\r\nContent-Length: 3000000000\r\n\r\n" % path.encode())
        connection.sendall(b"x" * 10_000)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(4096)
        assert answer.split()[1] in (b"401", b"405")
        assert list((shared_node.data / "uploads").iterdir()) == []
        connection.shutdown(socket.SHUT_RDWR)


def test_generations_share_the_rows_they_have_in_common(node: NodeProcess, tmp_path: Path) -> None:
    for version in ("v1", "v2", "v3"):
        node.install(make_package(tmp_path, version, bias=len(version)))
    files = sorted(node.data.glob("generations/cards/*/lookups/*/data.mdb"))
    assert len(files) == 9
    assert len({file.stat().st_ino for file in files}) == 3


def test_rows_that_were_damaged_on_disk_are_not_shared(node: NodeProcess, tmp_path: Path) -> None:
    node.install(make_package(tmp_path, "v1"))
    for file in node.data.glob("generations/cards/v1/lookups/*/data.mdb"):
        copy = file.with_name("copy")
        copy.write_bytes(b"\0" * file.stat().st_size)
        copy.rename(file)

    node.install(make_package(tmp_path, "v2"))

    assert node.ask("cards/both/lookup", {"data": {"card_id": "C_1"}})["results"][0]["found"] is False
    assert node.ask("cards/predict/predict", {"features": {"card_id": "C_1"}})["result"]["ignored"] is False


def test_a_generation_that_is_gone_frees_its_files_and_its_memory(node: NodeProcess, tmp_path: Path) -> None:
    endpoints = (LookupEndpoint(id="card", lookups=(CARDS,)), *PLAIN)
    node.install(make_package(tmp_path, "v1", endpoints=endpoints))
    node.install(make_package(tmp_path, "v2", endpoints=endpoints, more_cards=10))
    pids = node.worker_pids()
    wait_until(lambda: not mapped(pids, "v1"), "v1 is no longer in memory")
    assert mapped(pids, "v2")

    refused = node.admin("DELETE", "services/cards/generations/v2")
    assert (refused.status_code, refused.json()["code"]) == (409, "generation-active")
    node.done("DELETE", "services/cards/generations/v1")
    assert generations(node) == ["generations/cards/v2"]
    node.done("DELETE", "services/cards")
    assert generations(node) == []
    wait_until(lambda: not mapped(pids, ".mdb"), "no rows are in memory")
    assert node.worker_pids() == pids


def mapped(pids: list[int], what: str) -> list[str]:
    found = [name for pid in pids for name in mapped_files(pid)]
    return [name for name in found if name.endswith((".mdb", "(deleted)")) and what in name]


def test_a_package_that_cannot_be_loaded_leaves_the_old_one_answering(
    node: NodeProcess, tmp_path: Path
) -> None:
    node.install(make_package(tmp_path, "v1", bias=1.0, endpoints=PLAIN))
    wrong = make_package(tmp_path, "v2", bias=-1.0, endpoints=PLAIN, golden=False)
    node.install(wrong, switch=False)

    for path in ("generations/v2/preload", "actions/switchTo/v2", "actions/switchToNewest"):
        answer = node.admin("POST", f"services/cards/{path}")
        assert (answer.status_code, answer.json()["code"]) == (400, "cannot-load")
        assert "golden row" in answer.json()["message"]
        assert active_probability(node) == pytest.approx(probability(1.0))
    readiness = node.readiness()
    assert readiness["ready"] is True
    assert readiness["services"] == {"cards": "v1"}
    state = json.loads((node.data / "state.json").read_text())
    assert state["services"]["cards"]["mapping"]["entries"] == [{"generation": "v1", "proba": 1.0}]
