"""The search over everything: who may see a thing finds it, by what he remembers of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from tests.cli.commands import Commands
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane

from scoreline.studio.projects import create_project

DATASET = "kind: files\npath: known.csv\ndescription: what is known of cards\n"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("search")
    running = ControlPlane(folder / "home")
    running.start()
    running.wait_for_node()
    create_project(folder / "cards")
    with running.client() as client:
        client.add_project(folder / "cards")
        client.publish(make_package(folder))
        client.deploy("merchants", "v1")
    running.wait_for_update("merchants-on-local")
    yield running
    running.clear()


@pytest.fixture(scope="module")
def admin(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    with caller(control_plane, control_plane.server.key) as client:
        yield client


def caller(running: ControlPlane, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"{running.server.url}/api/v1", headers=headers, timeout=60, trust_env=False)


def somebody(admin: httpx.Client, running: ControlPlane, name: str, **roles: str) -> httpx.Client:
    admin.post("/users", json={"name": name, "password": False})
    for kind, on in (("service", "merchants"), ("project", "cards"), ("infrastructure", "local")):
        if kind in roles:
            granted = admin.put(f"/roles/{kind}:{on}/user:{name}", json={"role": roles[kind]})
            assert granted.status_code == 200, granted.text
    key = admin.post("/keys", json={"label": "search", "user": name}).json()["key"]
    return caller(running, key)


def found(client: httpx.Client, q: str, **query: int) -> list[tuple[str, str]]:
    answer = client.get("/search", params={"q": q, **query})
    assert answer.status_code == 200, answer.text
    return [(one["kind"], one["id"]) for one in answer.json()["items"]]


def test_everything_with_a_name_is_found(admin: httpx.Client) -> None:
    assert found(admin, "merchants") == [
        ("published-service", "merchants"),
        ("deployment", "merchants-on-local"),
        ("version", "v1"),
    ]
    assert ("project", "cards") in found(admin, "cards")
    assert ("infrastructure", "local") in found(admin, "local")
    assert found(admin, "admin") == [("user", "admin")]


def test_what_is_new_in_a_project_or_on_the_deployer_is_found_at_once(
    admin: httpx.Client, control_plane: ControlPlane
) -> None:
    assert found(admin, "known_cards") == found(admin, "newcomer") == []

    folder = control_plane.home.parent / "cards" / "datasets"
    folder.mkdir(exist_ok=True)
    (folder / "known_cards.yaml").write_text(DATASET)
    (folder / "not_sound.yaml").write_text("kind: nonsense\n")
    admin.post("/services", json={"id": "newcomer"})

    assert found(admin, "known_cards") == [("dataset", "known_cards")]
    assert found(admin, "not_sound") == [("dataset", "not_sound")]
    assert found(admin, "newcomer") == [("published-service", "newcomer")]


def test_a_limit_is_kept_and_it_is_told_that_there_is_more(admin: httpx.Client) -> None:
    part = admin.get("/search", params={"q": "merchants", "limit": 1}).json()

    assert len(part["items"]) == 1
    assert part["more"] is True


def test_everyone_finds_only_what_he_may_see(admin: httpx.Client, control_plane: ControlPlane) -> None:
    with somebody(admin, control_plane, "stranger") as stranger:
        for q in ("merchants", "v1", "local", "cards", "admin", "merchnats"):
            assert found(stranger, q) == [], q
    with somebody(admin, control_plane, "viewer", service="view") as viewer:
        assert found(viewer, "merchants") == [("published-service", "merchants"), ("version", "v1")]
        assert found(viewer, "local") == found(viewer, "cards") == []
    with somebody(admin, control_plane, "deployer", service="view", infrastructure="view") as deployer:
        assert ("deployment", "merchants-on-local") in found(deployer, "merchants")


def test_a_key_for_one_service_finds_nothing_else(admin: httpx.Client, control_plane: ControlPlane) -> None:
    scope = {"label": "one service", "services": ["merchants"]}
    key = admin.post("/keys", json=scope).json()["key"]
    with caller(control_plane, key) as client:
        assert ("published-service", "merchants") in found(client, "merchants")
        assert found(client, "cards") == found(client, "admin") == []


def test_the_command_line_searches_in_the_same_words(control_plane: ControlPlane) -> None:
    scoreline = Commands(control_plane.home)

    found = scoreline.json("search", "merchants", "local")

    assert [(one["kind"], one["id"]) for one in found["items"]] == [("deployment", "merchants-on-local")]
    assert "merchants-on-local" in scoreline("search", "merchants").out
    assert "nothing fits" in scoreline("search", "zebra").out + scoreline("search", "zebra").err
    assert "there is more" in scoreline("search", "merchants", "--most", "1").err
