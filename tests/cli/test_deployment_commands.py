"""The commands on deployments and their updates, on a real control plane and its node."""

from __future__ import annotations

import io
import itertools
import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.cli.commands import Commands, running_commands
from tests.deployer.packages import make_package
from tests.deployer.processes import wait_until

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def scoreline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Two services are published: `merchants` v1 to v3 and v9, whose test query fails; `shops` v1."""
    folder = tmp_path_factory.mktemp("deployment-commands")
    packages = [make_package(folder, version) for version in ("v1", "v2", "v3")]
    packages.append(make_package(folder, "v9", expect="Nowhere"))
    packages.append(make_package(folder, service="shops"))
    with running_commands(folder) as commands:
        for package in packages:
            commands("publish", "--file", str(package))
        yield commands


@pytest.fixture
def deployment(scoreline: Commands) -> Iterator[str]:
    """A deployment that answers with v1, under an id and a service of its own."""
    name = f"d{next(NUMBERS)}"
    scoreline("deploy", "merchants", "v1", "--id", name, "--as", name)
    yield name
    if name in [one["id"] for one in scoreline.json("deployment", "list")]:
        scoreline("deployment", "delete", name, "--yes")


def test_settings_are_saved_first_and_brought_live_by_an_update(scoreline: Commands, deployment: str) -> None:
    scoreline("deployment", "settings", deployment, "--mapping", "v1=0.3,v2=0.7", "--tag", "a", "--tag", "b")
    saved = scoreline.json("deployment", "show", deployment)
    scoreline("update", deployment)
    live = scoreline.json("deployment", "show", deployment)

    assert (saved["tags"], saved["live"]["entries"][0]["generation"]) == (["a", "b"], "v1")
    assert {one["generation"]: one["proba"] for one in saved["mapping"]["entries"]} == {"v1": 0.3, "v2": 0.7}
    assert live["live"] == saved["mapping"]
    assert live["health"] == "HEALTHY"


def test_show_says_what_is_saved_and_not_live(scoreline: Commands, deployment: str) -> None:
    scoreline("deployment", "settings", deployment, "--version", "v2", "--disabled")

    shown = scoreline("deployment", "show", deployment).out

    assert f"v2 (scoreline update {deployment} brings it live)" in shown
    assert "enabled" in shown


def test_tags_are_taken_away_and_nothing_else(scoreline: Commands, deployment: str) -> None:
    scoreline("deployment", "settings", deployment, "--tag", "a")
    before = scoreline.json("deployment", "settings", deployment)
    after = scoreline.json("deployment", "settings", deployment, "--no-tags")

    assert (before["tags"], after["tags"]) == (["a"], [])
    assert (after["mapping"], after["enabled"]) == (before["mapping"], True)


def test_an_update_is_light_or_full_and_at_once_or_rolling(scoreline: Commands, deployment: str) -> None:
    light = scoreline.json("deployment", "update", deployment, "v2")
    full = scoreline.json("update", deployment, "--full", "--rolling")

    assert (light["kind"], light["rolling"], light["outcome"]) == ("light", False, "SUCCESS")
    assert (full["kind"], full["rolling"], full["outcome"]) == ("full", True, "SUCCESS")
    assert any("every worker was replaced" in line for line in full["log"])


def test_a_version_whose_test_query_fails_leaves_the_old_one_and_ends_with_7(
    scoreline: Commands, deployment: str
) -> None:
    failed = scoreline("update", deployment, "v9", code=7)
    history = scoreline("deployment", "history", deployment).out
    logs = scoreline("deployment", "logs", deployment).out

    assert "v1 goes on answering" in failed.err
    assert "FAILED" in history
    assert "differs from what is expected" in history
    assert "differs from what is expected" in logs
    assert scoreline.json("deployment", "show", deployment)["version"] == "v1"


def test_back_is_to_what_was_before_or_to_a_version(scoreline: Commands, deployment: str) -> None:
    scoreline("update", deployment, "v2")
    scoreline("update", deployment, "v3")

    before = scoreline.json("deployment", "rollback", deployment)
    first = scoreline.json("deployment", "rollback", deployment, "v1")

    assert (before["to_version"], first["to_version"]) == ("v2", "v1")


def test_a_disabled_deployment_refuses_until_it_is_enabled(scoreline: Commands, deployment: str) -> None:
    ask = ("query", deployment, "merchant_lookup", '{"merchant_id": "M_1"}')
    told = scoreline("deployment", "disable", deployment)

    refused = scoreline(*ask, code=7)
    scoreline("deployment", "enable", deployment)
    answered = scoreline(*ask)

    assert f"{deployment} is disabled" in told.err
    assert "disabled" in refused.err
    assert json.loads(answered.out)["results"][0]["found"] is True


def test_an_ab_test_is_asked_and_told_by_generation(scoreline: Commands, deployment: str) -> None:
    scoreline("update", deployment, "--mapping", "v1=0.5,v2=0.5")

    run = scoreline.json("deployment", "test", deployment)
    table = scoreline("deployment", "test", deployment).out
    asked: set[str] = set()
    for _ in range(40):
        said = json.loads(scoreline("query", deployment, "merchant_lookup", '{"merchant_id": "M_1"}').out)
        asked.add(said["apiContext"]["serviceGeneration"])
        if len(asked) == 2:
            break

    assert {(one["generation"], one["passed"]) for one in run} == {("v1", True), ("v2", True)}
    assert "State of v1" in table
    assert asked == {"v1", "v2"}


@pytest.mark.parametrize("mapping", ["v1=0.5,v2", "v1=0.5,v1=0.5", "v1=0.5,v2=0.6", "v1=nan", "", "v1=0"])
def test_a_mapping_that_cannot_be_is_refused(scoreline: Commands, deployment: str, mapping: str) -> None:
    scoreline("deployment", "settings", deployment, "--mapping", mapping, code=4)

    assert scoreline.json("deployment", "show", deployment)["mapping"]["entries"][0]["generation"] == "v1"


def test_unknown_names_are_told_with_the_nearest(scoreline: Commands, deployment: str) -> None:
    assert "did you mean" in scoreline("update", f"{deployment}x", code=3).err
    assert "is not published" in scoreline("update", deployment, "v7", code=3).err
    assert "did you mean 'merchants'" in scoreline("deploy", "merchant", "v1", code=3).err
    sample = scoreline("deployment", "sample-code", deployment, "merchant_lookups", code=3)
    assert "did you mean 'merchant_lookup'" in sample.err


def test_without_waiting_the_update_is_followed_later(scoreline: Commands, deployment: str) -> None:
    begun = scoreline.json("update", deployment, "v2", "--no-wait")
    followed = scoreline("deployment", "logs", deployment, str(begun["id"]), "--follow").out
    ended = scoreline("deployment", "cancel", deployment, code=5)

    assert begun["outcome"] == "RUNNING"
    assert "v2 is live" in followed
    assert "SUCCESS after" in followed
    assert "has ended already" in ended.err


def test_an_update_is_cancelled_and_whoever_waits_for_it_is_told(scoreline: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        pool = ("infra", "create", "silent", "--kind", "static", "--node", url, "--admin-key", "-")
        scoreline(*pool, given="key\n")
        begun = scoreline.json("deploy", "merchants", "v1", "--infra", "silent", "--no-wait")
        scoreline("deployment", "cancel", "merchants-on-silent")
        told = scoreline("deployment", "logs", "merchants-on-silent", str(begun["id"]), "--follow", code=5)
    scoreline("deployment", "delete", "merchants-on-silent", "--ignore-errors", "--yes")
    scoreline("infra", "delete", "silent", "--yes")

    assert "was cancelled" in told.err


def test_what_is_made_and_not_started_is_brought_live_later(scoreline: Commands) -> None:
    scoreline("deployment", "create", "shops", "v1", "--no-start", "--tag", "x")
    made = scoreline.json("deployment", "show", "shops-on-local")
    scoreline("update", "shops-on-local")

    assert (made["live"], made["tags"]) == (None, ["x"])
    assert scoreline.json("deployment", "list", "--service", "shops")[0]["version"] == "v1"
    scoreline("deployment", "delete", "shops-on-local", "--yes")


def test_copy_and_promote_bring_the_same_to_the_next_stage(scoreline: Commands) -> None:
    scoreline("infra", "create", "second", "--stage", "Test")
    scoreline("infra", "create", "third", "--stage", "Test")
    scoreline("deploy", "merchants", "v1")

    several = scoreline("deployment", "promote", "merchants-on-local", code=5)
    scoreline("deployment", "copy", "merchants-on-local", "second")
    scoreline("update", "merchants-on-local", "v2")
    promoted = scoreline.json("deployment", "promote", "merchants-on-local")
    last = scoreline("deployment", "promote", "merchants-on-second", code=5)

    assert "second" in several.err
    assert "third" in several.err
    assert (promoted["deployment"], promoted["to_version"]) == ("merchants-on-second", "v2")
    assert "no infrastructure in the stage after" in last.err
    assert "merchants-on-second" in scoreline("deployment", "list", "--infra", "second").out
    for name in ("merchants-on-local", "merchants-on-second"):
        scoreline("deployment", "delete", name, "--yes")
    for name in ("second", "third"):
        scoreline("infra", "delete", name, "--yes")


def test_what_is_deleted_for_good_is_not_without_a_yes(scoreline: Commands, deployment: str) -> None:
    refused = scoreline("deployment", "delete", deployment, code=4)
    scoreline("deployment", "delete", deployment, "--yes")

    assert "say --yes" in refused.err
    assert scoreline("deployment", "show", deployment, code=3).out == ""


def test_urls_openapi_and_sample_code_lead_to_the_node(scoreline: Commands, deployment: str) -> None:
    urls = scoreline.json("deployment", "urls", deployment)
    described = json.loads(scoreline("deployment", "openapi", deployment).out)
    program = scoreline(
        "deployment", "sample-code", deployment, "merchant_lookup", "--language", "python"
    ).out
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    (url,) = urls["merchant_lookup"]
    assert url.endswith(f"/public/api/v1/{deployment}/merchant_lookup/lookup")
    assert url in scoreline("deployment", "urls", deployment).out
    assert f"/public/api/v1/{deployment}/merchant_lookup/lookup" in described["paths"]
    assert json.loads(printed.stdout)["data"] == {"state": "State of v1"}


def test_every_node_is_asked_through_the_control_plane(scoreline: Commands, deployment: str) -> None:
    said = scoreline("query", deployment, "merchant_lookup", '{"merchant_id": "M_1"}', "--every-node").out

    assert [(one["node"], one["passed"]) for one in json.loads(said)] == [("local", True)]


def test_traffic_is_told_by_generation(scoreline: Commands, deployment: str) -> None:
    scoreline("query", deployment, "merchant_lookup", '{"merchant_id": "M_1"}', "--every-node")

    told = wait_until(
        lambda: "v1" in (said := scoreline("deployment", "traffic", deployment).out) and said,
        "the query is counted",
    )

    assert "queries" in told
    assert scoreline.json("deployment", "traffic", deployment)["generations"]["v1"]["errors"] == 0


def test_deployments_are_listed_by_stage_and_text(scoreline: Commands, deployment: str) -> None:
    listed = scoreline.json("deployment", "list", "--stage", "Development", "--contains", deployment.upper())

    assert [one["id"] for one in listed] == [deployment]
    assert scoreline.json("deployment", "list", "--stage", "Production") == []


def test_jobs_and_events_tell_what_was_done(scoreline: Commands, deployment: str) -> None:
    (job,) = scoreline.json("job", "list", "--last", "1")
    shown = scoreline("job", "show", job["id"]).out
    events = io.StringIO(scoreline("events", "--after", "0", "--count", "3", "--json").out)

    assert (job["deployment"], job["outcome"]) == (deployment, "SUCCESS")
    assert "v1 is live" in shown
    assert [set(json.loads(line)) >= {"id", "who", "what", "kind"} for line in events] == [True] * 3
    scoreline("job", "cancel", job["id"], code=5)
    scoreline("job", "show", "nonsense", code=3)
