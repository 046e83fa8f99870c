"""`scoreline apply` shows what it would do, does it, and then finds nothing to do."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.commands import Commands, running_commands
from tests.deployer.packages import make_package

WHOLE = """\
stages:
  - id: Development
  - id: Test
  - id: Production
infrastructures:
  - id: local
  - id: east
    kind: static
    stage: Test
    nodes:
      - url: http://127.0.0.1:9/
        admin_key: env:EAST_KEY
deployments:
  - service: merchants
    version: v1
    tags: [bank]
  - id: split
    service: merchants
    deployed_service: split
    mapping: {v1: 0.25, v2: 0.75}
  - service: shops
    version: v1
    enabled: false
"""


@pytest.fixture(scope="module")
def scoreline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """`merchants` v1, v2, v9 (whose test query fails) and `shops` v1 are published."""
    folder = tmp_path_factory.mktemp("apply")
    with running_commands(folder) as commands:
        for version in ("v1", "v2"):
            commands("publish", "--file", str(make_package(folder, version)))
        commands("publish", "--file", str(make_package(folder, "v9", expect="Nowhere")))
        commands("publish", "--file", str(make_package(folder, service="shops")))
        yield commands


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bank.yaml"


@pytest.fixture(autouse=True)
def _empty_before(scoreline: Commands, tmp_path: Path) -> None:
    """Each begins with the usual infrastructure and no deployment."""
    nothing = tmp_path / "nothing.yaml"
    nothing.write_text("infrastructures: [{id: local}]\ndeployments: []\n")
    scoreline("apply", str(nothing), "--prune", "--yes")


def test_a_plan_is_shown_applied_and_then_there_is_nothing_to_do(scoreline: Commands, file: Path) -> None:
    file.write_text(WHOLE)

    would = scoreline("apply", str(file), "--check", code=8)
    nothing_done = scoreline.json("deployment", "list")
    unasked = scoreline("apply", str(file), code=4)
    done = scoreline("apply", str(file), "--yes")
    again = scoreline("apply", str(file))
    checked = scoreline("apply", str(file), "--check")

    assert "+ deployment split" in would.out
    assert "    + version: v1 0.25, v2 0.75" in would.out
    assert "4 to create; 4 as declared" in would.err
    assert nothing_done == []
    assert "make 4 changes; say --yes" in unasked.err
    assert "everything is as declared now" in done.err
    assert "nothing to do: 8 things as declared" in again.err
    assert "nothing to do" in checked.err
    found = {one["id"]: one for one in scoreline.json("deployment", "list")}
    assert found["merchants-on-local"]["tags"] == ["bank"]
    assert [one["proba"] for one in found["split"]["live"]["entries"]] == [0.25, 0.75]
    assert (found["shops-on-local"]["enabled"], found["shops-on-local"]["health"]) == (False, "NO_STATUS")


def test_a_change_is_told_as_a_difference_and_the_rest_is_left_in_peace(
    scoreline: Commands, file: Path
) -> None:
    file.write_text(WHOLE)
    scoreline("apply", str(file), "--yes")
    before = scoreline.json("deployment", "history", "split")
    file.write_text(WHOLE.replace("version: v1\n    tags: [bank]", "version: v2\n    tags: [bank, eu]"))

    told = scoreline("apply", str(file), "--yes").out
    changed = scoreline.json("apply", str(file), "--check")

    assert "~ deployment merchants-on-local\n    - version: v1\n    + version: v2\n" in told
    assert "    - tags: bank\n    + tags: bank, eu\n" in told
    assert "  deployment split\n" in told
    assert scoreline.json("deployment", "history", "split") == before
    assert {one["action"] for one in changed["changes"]} == {"nothing"}


def test_what_is_not_declared_goes_only_when_pruning(scoreline: Commands, file: Path) -> None:
    file.write_text(WHOLE)
    scoreline("apply", str(file), "--yes")
    file.write_text("deployments:\n  - service: merchants\n    version: v1\n    tags: [bank]\n")

    kept = scoreline("apply", str(file), "--yes")
    would = scoreline("apply", str(file), "--prune", "--check", code=8).out
    scoreline("apply", str(file), "--prune", "--yes")

    assert "nothing to do" in kept.err
    assert "- deployment split\n" in would
    assert "infrastructure" not in would  # of a section that is not there nothing is said
    assert [one["id"] for one in scoreline.json("deployment", "list")] == ["merchants-on-local"]
    assert "east" in [one["id"] for one in scoreline.json("infra", "list")]


def test_a_deployment_in_the_place_of_one_that_goes(scoreline: Commands, file: Path) -> None:
    scoreline("deploy", "merchants", "v1", "--id", "old")
    file.write_text("deployments:\n  - {id: new, service: merchants, version: v1}\n")

    refused = scoreline("apply", str(file), "--yes", code=4)
    scoreline("apply", str(file), "--yes", "--prune")

    assert "bank.yaml:2: deployments[0]: deployment 'old', which is not declared, has" in refused.out
    assert [one["id"] for one in scoreline.json("deployment", "list")] == ["new"]


def test_what_a_person_changed_is_brought_back(scoreline: Commands, file: Path) -> None:
    file.write_text("deployments:\n  - {service: merchants, version: v1}\n")
    scoreline("apply", str(file), "--yes")
    scoreline("update", "merchants-on-local", "v2")
    scoreline("deployment", "disable", "merchants-on-local")
    scoreline("deployment", "settings", "merchants-on-local", "--tag", "odd")

    told = scoreline("apply", str(file), "--yes").out

    assert "- version: v2\n    + version: v1" in told
    assert "- enabled: no\n    + enabled: yes" in told
    assert "- tags: odd\n" in told
    found = scoreline.json("deployment", "show", "merchants-on-local")
    assert (found["version"], found["enabled"], found["health"]) == ("v1", True, "HEALTHY")


def test_an_update_that_fails_ends_it_and_is_tried_again(scoreline: Commands, file: Path) -> None:
    file.write_text("deployments:\n  - {service: merchants, version: v1}\n")
    scoreline("apply", str(file), "--yes")
    file.write_text("deployments:\n  - {service: merchants, version: v9}\n")

    failed = scoreline("apply", str(file), "--yes", code=7)

    assert "v1 goes on answering" in failed.err
    scoreline("apply", str(file), "--check", code=8)


def test_problems_are_told_with_their_lines_and_the_nearest_names(scoreline: Commands, file: Path) -> None:
    file.write_text("""\
stages:
  - id: Development
    describtion: x
infrastructures:
  - id: east
    kind: statik
deployments:
  - service: merchants
    version: 1
""")
    shapes = scoreline("apply", str(file), code=4).out
    file.write_text("""\
infrastructures:
  - id: east
    kind: static
    nodes:
      - url: http://127.0.0.1:9
        admin_key: hunter2
deployments:
  - service: merchants
  - service: merchants
    id: other
    mapping: {v1: 0.5, v2: 0.6}
""")
    themselves = scoreline("apply", str(file), code=4).out
    file.write_text("""\
deployments:
  - service: merchant
    version: v1
  - service: merchants
    infrastructure: lokal
    version: v8
""")
    beside = scoreline.json("apply", str(file), code=4)

    assert "bank.yaml:3: stages[0]: unknown key 'describtion'; did you mean 'description'?" in shapes
    assert "bank.yaml:6: infrastructures[0].kind: 'statik' is not known; did you mean 'static'?" in shapes
    assert "bank.yaml:9: deployments[0].version: must be text" in shapes
    assert "hunter2" not in themselves
    assert "bank.yaml:6: infrastructures[0].nodes[0].admin_key: a secret does not belong" in themselves
    assert "bank.yaml:8: deployments[0]: give a version or a mapping" in themselves
    assert "bank.yaml:11: deployments[1].mapping: " in themselves
    assert [(one["line"], one["message"].partition(": ")[0]) for one in beside["problems"]] == [
        (2, "deployments[0].service"),
        (5, "deployments[1].infrastructure"),
        (6, "deployments[1].version"),
    ]


def test_a_file_that_is_none_is_told(scoreline: Commands, file: Path) -> None:
    scoreline("apply", str(file), code=3)
    for text in ("", "- a", "stages: [", "deployments: {}", "\x00"):
        file.write_text(text)
        scoreline("apply", str(file), code=4)
    file.write_bytes(b"\xff\xfe\xfa")
    scoreline("apply", str(file), code=4)
    scoreline("apply", str(file.parent), code=4)


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 130)])
def test_at_a_terminal_it_asks(scoreline: Commands, file: Path, typed: str, code: int) -> None:
    file.write_text("deployments:\n  - {service: merchants, version: v1}\n")
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "scoreline", "apply", str(file), "--home", str(scoreline.home)]

    with os.fdopen(controller, "wb", buffering=0) as keyboard:
        process = subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        keyboard.write(f"{typed}\n".encode())
        out, _ = process.communicate(timeout=60)

    assert process.returncode == code
    assert b"+ deployment merchants-on-local" in out
    assert len(scoreline.json("deployment", "list")) == (1 if typed == "y" else 0)
