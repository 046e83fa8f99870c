"""The commands on stages, infrastructures and published services, on a real control plane."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.commands import Commands, running_commands
from tests.deployer.packages import make_package


@pytest.fixture(scope="module")
def scoreline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with running_commands(tmp_path_factory.mktemp("pool-commands")) as commands:
        yield commands


def test_stages_are_added_described_ordered_and_deleted(scoreline: Commands) -> None:
    scoreline("stage", "add", "QA", "--description", "Where testers look.")
    ordered = scoreline.json("stage", "order", "Development", "QA", "Test", "Production")
    described = scoreline("stage", "describe", "QA", "Where all look.").out
    wrong = scoreline("stage", "order", "QA", code=4)
    left = scoreline.json("stage", "delete", "QA")

    assert [one["id"] for one in ordered] == ["Development", "QA", "Test", "Production"]
    assert "Where all look." in described
    assert "each stage once" in wrong.err
    assert [one["id"] for one in left] == ["Development", "Test", "Production"]
    assert "did you mean 'Test'" in scoreline("stage", "delete", "Tset", code=3).err
    scoreline("stage", "delete", "Development", code=5)


def test_an_infrastructure_of_nodes_that_run_elsewhere(scoreline: Commands) -> None:
    made = scoreline(
        *("infra", "create", "east", "--kind", "static", "--stage", "Test"),
        *("--node", "http://127.0.0.1:9", "--node", "http://127.0.0.1:10/api", "--admin-key", "env:EAST_KEY"),
        *("--connection", "bank=file:/keys/bank"),
    )
    changed = scoreline.json("infra", "change", "east", "--public-url", "https://api.example.com")
    nodes = {node["id"]: (node["url"], node["admin_key"], node["up"]) for node in changed["nodes"]}

    assert "env:EAST_KEY" in made.out
    assert nodes == {
        "east-1": ("http://127.0.0.1:9", "env:EAST_KEY", False),
        "east-2": ("http://127.0.0.1:10/api", "env:EAST_KEY", False),
    }
    assert (changed["stage"], changed["connections"]) == ("Test", {"bank": "file:/keys/bank"})
    assert "https://api.example.com" in scoreline("infra", "show", "east").out
    assert scoreline.json("infra", "change", "east", "--public-url", "")["public_url"] is None
    assert "east-2" in scoreline("infra", "list").out
    scoreline("infra", "delete", "east", "--yes")


def test_a_secret_comes_from_standard_input_and_is_never_told(scoreline: Commands) -> None:
    arguments = ("infra", "create", "west", "--kind", "static", "--node", "http://127.0.0.1:9")

    open_ = scoreline(*arguments, "--admin-key", "hunter2", code=4)
    made = scoreline(*arguments, "--admin-key", "-", given="hunter2\n")

    assert "hunter2" not in open_.err + made.out + made.err
    assert "secret:west~" in made.out
    kept = list((scoreline.home / "secrets").iterdir())
    assert [path.read_text() for path in kept] == ["hunter2"]
    scoreline("infra", "delete", "west", "--yes")


def test_nodes_and_keys_go_together(scoreline: Commands) -> None:
    create = ("infra", "create", "odd", "--kind", "static", "--node", "http://127.0.0.1:9")

    assert "one for all, or one for each" in scoreline(*create, code=4).err
    scoreline(*create, "--admin-key", "env:A", "--admin-key", "env:B", code=4)
    scoreline("infra", "create", "odd", "--connection", "bank", code=4)
    scoreline("infra", "create", "odd", "--kind", "other", code=4)
    scoreline("infra", "change", "lokal", "--stage", "Test", code=3)


def test_nginx_stands_before_the_nodes(scoreline: Commands) -> None:
    text = scoreline("infra", "nginx-config", "local", "--listen", "8099").out

    assert "listen 8099;" in text
    assert scoreline.json("infra", "nginx-config", "local")["configuration"].startswith("# nginx")


def test_an_infrastructure_with_deployments_stays(scoreline: Commands, tmp_path: Path) -> None:
    scoreline("publish", "--file", str(make_package(tmp_path, service="held")))
    scoreline("deploy", "held", "v1")

    assert "has deployments" in scoreline("infra", "delete", "local", "--yes", code=5).err
    scoreline("deployment", "delete", "held-on-local", "--yes")


def test_versions_are_listed_shown_compared_downloaded_and_deleted(
    scoreline: Commands, tmp_path: Path
) -> None:
    first = make_package(tmp_path, "v1", release_notes="The first.")
    scoreline("publish", "--file", str(first))
    scoreline("publish", "--file", str(make_package(tmp_path, "v2", rows=9)))
    scoreline("publish", "--file", str(make_package(tmp_path, "v3", rows=9)))
    (tmp_path / "into").mkdir()

    shown = scoreline("service", "show", "merchants", "v1").out
    newest = scoreline.json("service", "show", "merchants")
    compared = scoreline("service", "diff", "merchants", "v1", "v2").out
    path = scoreline("service", "download", "merchants", "v1", "--to", str(tmp_path / "into")).out.strip()
    scoreline("service", "delete-version", "merchants", "v1", "--yes")

    assert "The first." in shown
    assert (newest["version"]["version"], newest["compared_with"]) == ("v3", "v2")
    assert "2 rows -> 9 rows" in compared
    assert Path(path) == tmp_path / "into" / "merchants-v1.zip"
    assert digest(Path(path)) == digest(first)
    assert list((tmp_path / "into").iterdir()) == [Path(path)]
    assert [one["version"] for one in scoreline.json("service", "versions", "merchants")] == ["v2", "v3"]
    assert "merchants  2" in scoreline("service", "list").out
    scoreline("service", "download", "merchants", "v1", code=3)
    scoreline("service", "download", "merchants", "v2", "--to", str(tmp_path / "no" / "where.zip"), code=4)


def test_pruning_leaves_what_is_needed_and_the_newest(scoreline: Commands, tmp_path: Path) -> None:
    for version in ("v1", "v2", "v3", "v4"):
        scoreline("publish", "--file", str(make_package(tmp_path, version, service="pruned")))
    scoreline("deploy", "pruned", "v2")

    would = scoreline.json("service", "prune", "pruned", "--dry-run")
    scoreline("service", "prune", "pruned", code=4)
    pruned = scoreline("service", "prune", "pruned", "--yes")
    again = scoreline("service", "prune", "pruned", "--yes")

    assert [one["version"] for one in would] == ["v1", "v3"]
    assert "2 versions deleted" in pruned.err
    assert "all are needed" in again.err
    assert [one["version"] for one in scoreline.json("service", "versions", "pruned")] == ["v2", "v4"]
    assert "pruned-on-local" in scoreline("service", "delete-version", "pruned", "v2", "--yes", code=5).err
    scoreline("deployment", "delete", "pruned-on-local", "--yes")
    scoreline("service", "delete", "pruned", "--yes")
    scoreline("service", "show", "pruned", code=3)


def test_a_package_is_published_as_another_service(scoreline: Commands, tmp_path: Path) -> None:
    scoreline("service", "create", "twins")
    empty = scoreline("service", "show", "twins", code=3)
    scoreline("publish", "--file", str(make_package(tmp_path, service="single")), "--as", "twins")

    assert "no version yet" in empty.err
    assert [one["service"] for one in scoreline.json("service", "versions", "twins")] == ["twins"]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
