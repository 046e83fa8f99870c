"""Scenarios over the control API: listed, changed, run, watched and steered by those who may."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.deployer.processes import ControlPlane, wait_until
from tests.rest.test_control_api import assert_problem

NUMBERS = itertools.count(1)
QUICK = "steps: [{id: note, kind: set_variables, variables: {noted: true}}]\n"
ASKS = "steps: [{id: ask, kind: approval, text: 'Ship it?'}]\n"
COMMENTED = """\
# Of the risk team.
name: Nightly   # shown in lists
triggers:
  - {kind: time, cron: "0 3 * * *", zone: Europe/Paris}   # at night
  - {kind: webhook, name: bank}
steps:
  - {id: note, kind: set_variables, variables: {noted: true}}   # the first
"""


class World:
    """A control plane that knows the project `cards`, and short words for what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "cards"
        self.project.mkdir()
        (self.project / "project.yaml").write_text("id: cards\n")
        (self.project / "scenarios").mkdir()
        self.running = ControlPlane(folder / "home")
        self.running.start()
        self.clients: list[httpx.Client] = []
        self.api = self.as_key(self.running.server.key)
        self.api.post("/projects", json={"folder": str(self.project)}).raise_for_status()

    def as_key(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{self.running.server.url}/api/v1"
        client = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)
        self.clients.append(client)
        return client

    def user(self, role: str | None, on: str = "project:cards") -> httpx.Client:
        """Somebody with a role."""
        name = f"{role or 'nobody'}{next(NUMBERS)}"
        self.api.post("/users", json={"name": name, "password": False}).raise_for_status()
        if role is not None:
            self.api.put(f"/roles/{on}/user:{name}", json={"role": role}).raise_for_status()
        made = self.api.post("/keys", json={"label": "test", "user": name}).raise_for_status()
        return self.as_key(made.json()["key"])

    def write(self, text: str) -> str:
        """A scenario of its own; gives its id."""
        name = f"s{next(NUMBERS)}"
        self.file(name).write_text(text)
        return name

    def file(self, scenario: str) -> Path:
        return self.project / "scenarios" / f"{scenario}.yaml"

    def start(self, scenario: str, **parameters: Any) -> int:
        answer = self.api.post(f"/projects/cards/scenarios/{scenario}/runs", json={"parameters": parameters})
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    def ended(self, run: int) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.api.get(f"/runs/{run}").raise_for_status().json()
            return found if found["finished_at"] else None

        return wait_until(look, f"run {run} has ended", 120)

    def waits(self, run: int) -> None:
        """Return when its last step waits."""
        wait_until(lambda: self._last(run) == "WAITING", f"run {run} waits")

    def _last(self, run: int) -> str:
        steps = self.api.get(f"/runs/{run}").json()["steps"]
        return str(steps[-1]["outcome"]) if steps else ""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("scenarios"))
    yield made
    for client in made.clients:
        client.close()
    made.running.clear()


def of(scenario: str) -> str:
    return f"/projects/cards/scenarios/{scenario}"


def test_a_list_tells_what_starts_a_scenario_and_how_it_fared(world: World) -> None:
    name = world.write(COMMENTED)
    first = world.start(name)
    world.ended(first)

    listed = {one["id"]: one for one in world.api.get("/projects/cards/scenarios").json()["items"]}[name]

    time, hook = listed["triggers"]
    assert (listed["name"], listed["enabled"], listed["steps"], listed["problem"]) == ("Nightly", True, 1, "")
    assert (time["kind"], time["what"], time["next_due"][13:19]) == (
        "time",
        "0 3 * * * (Europe/Paris)",
        ":00:00",
    )
    assert (hook["kind"], hook["name"], hook["next_due"]) == ("webhook", "bank", None)
    assert listed["next_due"] == time["next_due"]
    assert listed["running"] is None
    assert (listed["last_run"]["id"], listed["last_run"]["outcome"]) == (first, "SUCCESS")


def test_a_list_tells_the_run_that_goes_on_beside_the_last_one(world: World) -> None:
    name = world.write(QUICK)
    first = world.start(name)
    world.ended(first)
    world.file(name).write_text(ASKS)
    second = world.start(name)

    listed = world.api.get(of(name)).json()["scenario"]
    world.api.post(f"/runs/{second}/abort").raise_for_status()

    assert (listed["running"]["id"], listed["last_run"]["id"]) == (second, first)
    assert world.ended(second)["outcome"] == "ABORTED"


def test_what_is_wrong_in_a_file_is_told_and_the_others_are_listed_all_the_same(world: World) -> None:
    good, bad = world.write(QUICK), world.write("stepps: []\n")
    try:
        listed = {one["id"]: one for one in world.api.get("/projects/cards/scenarios").json()["items"]}
        one = world.api.get(of(bad)).json()
        started = world.api.post(f"{of(good)}/runs", json={})
    finally:
        world.file(bad).unlink()

    assert "did you mean 'steps'" in listed[bad]["problem"]
    assert (listed[good]["problem"], listed[bad]["enabled"]) == ("", False)
    assert (one["definition"], len(one["revision"])) == (None, 64)
    assert_problem(started, 400, "invalid-project")


def test_a_scenario_is_made_changed_and_deleted_and_comments_stay(world: World) -> None:
    name = f"s{next(NUMBERS)}"
    made = world.api.post("/projects/cards/scenarios", json={"id": name})
    assert_problem(world.api.post("/projects/cards/scenarios", json={"id": name}), 409, "exists")
    world.file(name).write_text(COMMENTED)
    read = world.api.get(of(name))
    wanted = {**read.json()["definition"], "description": "Every night"}

    saved = world.api.put(of(name), json=wanted, headers={"If-Match": read.headers["etag"]})
    text = world.file(name).read_text()
    unchanged = world.api.get(of(name), headers={"If-None-Match": saved.headers["etag"]})
    deleted = world.api.delete(of(name))

    assert made.status_code == 201
    assert saved.status_code == 200
    assert saved.json()["definition"]["description"] == "Every night"
    assert text == COMMENTED + "description: Every night\n"
    assert unchanged.status_code == 304
    assert deleted.json() == {"id": name}
    assert not world.file(name).exists()
    assert_problem(world.api.get(of(name)), 404, "no-such-scenario")


def test_what_somebody_changed_since_is_not_overwritten(world: World) -> None:
    name = world.write(QUICK)
    read = world.api.get(of(name))
    world.file(name).write_text(COMMENTED)
    stale = {"If-Match": read.headers["etag"]}

    saved = world.api.put(of(name), json={"name": "Mine"}, headers=stale)
    deleted = world.api.delete(of(name), headers=stale)
    no_tag = world.api.delete(of(name), headers={"If-Match": '"7"'})

    assert_problem(saved, 412, "stale-revision")
    assert_problem(deleted, 412, "stale-revision")
    assert_problem(no_tag, 400, "bad-parameter")
    assert world.file(name).read_text() == COMMENTED


@pytest.mark.parametrize(
    "definition",
    [
        {"steps": [{"kind": "build", "id": "a", "items": ["nothing"]}]},
        {"steps": [{"kind": "bild", "id": "a"}]},
        {"steps": [{"kind": "sql", "id": "a", "query": "SELECT 1"}]},
        {"triggers": [{"kind": "time", "cron": "0 25 * * *"}]},
        {"unknown": 1},
        {"timeout": 0},
    ],
)
def test_a_definition_that_cannot_be_is_refused_and_nothing_changes(
    world: World, definition: dict[str, Any]
) -> None:
    name = world.write(QUICK)

    refused = world.api.put(of(name), json=definition)
    not_made = world.api.post("/projects/cards/scenarios", json={"id": "wrong", "definition": definition})

    assert (refused.status_code, not_made.status_code) == (400, 400)
    assert world.file(name).read_text() == QUICK
    assert not world.file("wrong").exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "nul", "x" * 200])
def test_an_id_that_cannot_be_makes_no_file(world: World, name: str) -> None:
    before = set(world.project.rglob("*.yaml"))
    name_of_one = world.write(QUICK)

    made = world.api.post("/projects/cards/scenarios", json={"id": name})
    copied = world.api.post(f"{of(name_of_one)}/duplicate", json={"id": name})

    assert_problem(made, 400, "bad-id")
    assert_problem(copied, 400, "bad-id")
    world.file(name_of_one).unlink()
    assert set(world.project.rglob("*.yaml")) == before


def test_a_copy_keeps_comments_and_is_not_enabled(world: World) -> None:
    name = world.write(COMMENTED)
    new = f"s{next(NUMBERS)}"

    copied = world.api.post(f"{of(name)}/duplicate", json={"id": new})
    again = world.api.post(f"{of(name)}/duplicate", json={"id": new})

    assert copied.status_code == 201
    assert copied.json()["scenario"]["enabled"] is False
    assert copied.json()["scenario"]["next_due"] is None
    assert world.file(new).read_text() == COMMENTED + "enabled: false\n"
    assert_problem(again, 409, "exists")


def test_a_scenario_is_enabled_and_disabled_and_runs_by_hand_all_the_same(world: World) -> None:
    name = world.write(COMMENTED)

    disabled = world.api.post(f"{of(name)}/disable").json()["scenario"]
    run = world.ended(world.start(name))
    hook = world.api.post(f"{of(name)}/webhook", json={})
    enabled = world.api.post(f"{of(name)}/enable").json()["scenario"]

    assert (disabled["enabled"], enabled["enabled"]) == (False, True)
    assert (disabled["next_due"], bool(enabled["next_due"])) == (None, True)
    assert run["outcome"] == "SUCCESS"
    assert_problem(hook, 404, "no-webhook")
    assert world.file(name).read_text() == COMMENTED + "enabled: true\n"


def test_a_scenario_that_runs_cannot_be_deleted_and_a_deleted_one_keeps_its_runs(world: World) -> None:
    name = world.write(ASKS)
    run = world.start(name)
    world.waits(run)

    refused = world.api.delete(of(name))
    second = world.api.post(f"{of(name)}/runs", json={})
    world.api.post(f"/runs/{run}/steps/ask/decision", json={"approved": True}).raise_for_status()
    world.ended(run)
    deleted = world.api.delete(of(name))

    assert_problem(refused, 409, "scenario-running")
    assert_problem(second, 409, "scenario-running")
    assert deleted.status_code == 200
    assert [one["id"] for one in world.api.get(f"{of(name)}/runs").json()["items"]] == [run]


def test_a_webhook_gives_its_fields_to_the_run(world: World) -> None:
    name = world.write(
        "triggers: [{kind: webhook}]\n"
        'steps: [{id: note, kind: set_variables, variables: {branch: "${trigger.parameters.ref}"}}]\n'
    )

    answer = world.api.post(f"{of(name)}/webhook", json={"ref": "main", "rows": 3})
    run = world.ended(answer.json()["id"])

    assert answer.status_code == 202
    assert (run["fire"]["kind"], run["variables"]) == ("webhook", {"branch": "main"})


def test_runs_are_found_by_project_scenario_and_outcome(world: World) -> None:
    name = world.write(
        QUICK.replace("noted: true", 'noted: "${value}"').replace("steps", "variables: {value: 1}\nsteps")
    )
    fails = world.write(
        "steps: [{id: a, kind: python, code: 'def run(given):\\n    raise OSError(1)'}]\n".replace("'", '"')
    )
    runs = [world.ended(world.start(name, value=value))["id"] for value in range(3)]
    failed = world.ended(world.start(fails))["id"]

    def found(**query: str) -> list[int]:
        return [one["id"] for one in world.api.get("/runs", params=query).raise_for_status().json()["items"]]

    assert found(project="cards", scenario=name) == runs[::-1]
    assert found(scenario=name, outcome="FAILED") == []
    assert failed in found(outcome="FAILED", project="cards")
    assert found(project="others") == []
    page = world.api.get("/runs", params={"scenario": name, "limit": 2}).json()
    rest = world.api.get("/runs", params={"scenario": name, "limit": 2, "after": page["next"]}).json()
    assert [one["id"] for one in (*page["items"], *rest["items"])] == runs[::-1]
    assert rest["next"] is None
    assert_problem(world.api.get("/runs", params={"outcome": "GREAT"}), 400, "bad-parameter")


def test_those_who_may_see_a_project_may_look_and_those_who_may_deploy_may_run(world: World) -> None:
    name = world.write(ASKS)
    viewer, deployer, nobody = world.user("view"), world.user("deploy"), world.user(None)

    refused = viewer.post(f"{of(name)}/runs", json={})
    started = deployer.post(f"{of(name)}/runs", json={})
    run = started.json()["id"]
    world.waits(run)

    assert_problem(refused, 403, "no-right")
    assert started.json()["by"].startswith("deploy")
    assert viewer.get(f"/runs/{run}").json()["id"] == run
    assert run in [one["id"] for one in viewer.get("/runs").json()["items"]]
    assert nobody.get("/runs").json()["items"] == []
    for path in (f"/runs/{run}", f"/runs/{run}/log", f"/runs/{run}/events"):
        assert_problem(nobody.get(path), 404, "no-such-run")
    for path, body in (
        (f"/runs/{run}/abort", {}),
        (f"/runs/{run}/resume", {"step": "ask"}),
        (f"/runs/{run}/steps/ask/decision", {"approved": True}),
    ):
        assert_problem(viewer.post(path, json=body), 403, "no-right")
        assert_problem(nobody.post(path, json=body), 404, "no-such-run")
    for path in (f"{of(name)}/disable", f"{of(name)}/duplicate"):
        assert_problem(deployer.post(path, json={"id": "copy"}), 403, "no-right")
    assert_problem(deployer.put(of(name), json={}), 403, "no-right")
    decided = deployer.post(f"/runs/{run}/steps/ask/decision", json={"approved": True, "comment": "ok"})
    assert decided.status_code == 200
    assert world.ended(run)["steps"][0]["message"].endswith("has approved it: ok")


def test_changes_of_scenarios_and_what_is_done_with_runs_are_audited(world: World) -> None:
    name = world.write(QUICK)
    read = world.api.get(of(name)).json()["definition"]
    world.api.put(of(name), json={**read, "name": "Named"}).raise_for_status()
    world.api.put(of(name), json={**read, "name": "Named"}).raise_for_status()  # changes nothing
    world.api.post(f"{of(name)}/disable").raise_for_status()
    run = world.start(name)
    world.ended(run)
    world.api.delete(of(name)).raise_for_status()

    changes = world.api.get("/audit", params={"on": f"scenario:cards/{name}"}).json()["items"][::-1]

    assert [one["what"] for one in changes] == ["save", "disable", "start run", "end run", "delete"]
    assert (changes[0]["before"]["name"], changes[0]["after"]["name"]) == ("", "Named")
    assert changes[2]["who"] == changes[0]["who"] != "scoreline"
    assert changes[3]["after"] == {"run": run, "outcome": "SUCCESS", "message": ""}


def test_events_of_scenarios_reach_those_who_may_see_the_project(world: World) -> None:
    name = world.write(QUICK)
    viewer, nobody = world.user("view"), world.user(None)
    last = newest_change(world)
    run = world.start(name)
    world.ended(run)
    newest = newest_change(world)

    def seen(client: httpx.Client) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        with client.stream("GET", "/events", headers={"Last-Event-ID": str(last)}) as answer:
            number = 0
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                number = int(value) if name == "id" else number
                if name == "data":
                    event = json.loads(value)
                    found.append((event["what"], event["object"]))
                if not line and number >= newest:
                    break
        return found

    assert seen(viewer) == [("start run", f"cards/{name}"), ("end run", f"cards/{name}")]
    assert seen(nobody) == []


def newest_change(world: World) -> int:
    """The number of the newest change; what nobody may see is told by its number alone."""
    return int(world.api.get("/audit", params={"limit": 1}).json()["items"][0]["id"])


def events_of(answer: httpx.Response) -> Iterator[tuple[str, str, Any]]:
    """Name, id and data of server-sent events."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "data" in fields:
            yield fields["event"], fields.get("id", ""), json.loads(fields["data"])
            fields = {}


TALKS = """
steps:
  - id: talk
    kind: python
    code: |
      import sys, time
      from pathlib import Path
      def run(given):
          print("one")
          print("two", flush=True)
          while not Path("HERE").exists():
              time.sleep(0.05)
          sys.stdout.write("three\\nand a half")
          return {"said": 4}
  - {id: note, kind: set_variables, variables: {noted: true}}
"""


def test_a_run_is_watched_until_its_end(world: World, tmp_path: Path) -> None:
    name = world.write(TALKS.replace("HERE", str(tmp_path / "go-on")))
    run = world.start(name)
    states: list[dict[str, Any]] = []
    lines: dict[str, list[str]] = {"": [], "talk": []}

    with world.api.stream("GET", f"/runs/{run}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for event, _, data in events_of(answer):
            if event == "run":
                states.append(data)
                continue
            lines[data["step"]] += data["lines"]
            if "two" in lines["talk"]:
                (tmp_path / "go-on").touch()

    assert states[-1]["outcome"] == "SUCCESS", states[-1]
    assert states[-1] == world.api.get(f"/runs/{run}").json()
    assert states == [state for number, state in enumerate(states) if state not in states[:number]]
    assert lines["talk"][:4] == ["one", "two", "three", "and a half" + lines["talk"][3][10:]]
    assert "\n".join(lines[""]) + "\n" == world.api.get(f"/runs/{run}/log").text


def test_a_reader_who_comes_back_gets_the_lines_that_he_has_missed(world: World, tmp_path: Path) -> None:
    name = world.write(TALKS.replace("HERE", str(tmp_path / "go-on")))
    run = world.start(name)
    last, before = "", []
    with world.api.stream("GET", f"/runs/{run}/events") as answer:
        for event, number, data in events_of(answer):
            if event == "log":
                last = number
                before += [(data["step"], line) for line in data["lines"]]
            if ("talk", "two") in before:
                break
    (tmp_path / "go-on").touch()
    ended = world.ended(run)
    assert ended["outcome"] == "SUCCESS", ended

    with world.api.stream("GET", f"/runs/{run}/events", headers={"Last-Event-ID": last}) as answer:
        events = list(events_of(answer))
    after = [(data["step"], line) for event, _, data in events if event == "log" for line in data["lines"]]

    assert [event for event, _, _ in events].count("run") == 1
    assert not set(after) & set(before)
    assert {line for step, line in after if step == "talk"} >= {"three"}
    whole = world.api.get(f"/runs/{run}/log").text.splitlines()
    assert sorted(line for step, line in (*before, *after) if not step) == sorted(whole)


@pytest.mark.parametrize("last", ["x", "1", "1.2.3", "1.2.3.-4", "1.2.3.4.5", "9" * 40])
def test_an_event_id_that_is_none_is_refused(world: World, last: str) -> None:
    run = world.start(world.write(QUICK))

    refused = world.api.get(f"/runs/{run}/events", headers={"Last-Event-ID": last})

    assert_problem(refused, 400, "bad-parameter")


def test_runs_that_are_not_there_are_told_so(world: World) -> None:
    for path in ("/runs/999999", "/runs/999999/log", "/runs/999999/events"):
        assert_problem(world.api.get(path), 404, "no-such-run")
    assert_problem(world.api.post("/runs/999999/abort"), 404, "no-such-run")
    assert_problem(world.api.post("/runs/999999/resume", json={"step": "a"}), 404, "no-such-run")
    run = world.start(world.write(QUICK))
    world.ended(run)
    assert_problem(world.api.get(f"/runs/{run}/log", params={"step": "nota"}), 404, "no-such-step")
    assert_problem(world.api.post(f"/runs/{run}/resume", json={"step": "nota"}), 404, "no-such-step")
    assert_problem(world.api.post(f"/runs/{run}/abort"), 409, "run-ended")


def test_a_run_is_resumed_from_a_step_as_a_run_of_its_own(world: World, tmp_path: Path) -> None:
    name = world.write(TALKS.replace("HERE", str(tmp_path / "go-on")))
    (tmp_path / "go-on").touch()
    first = world.ended(world.start(name))

    answer = world.api.post(f"/runs/{first['id']}/resume", json={"step": "note"})
    second = world.ended(answer.json()["id"])

    assert answer.status_code == 202
    assert (second["resumed_from"], second["outcome"]) == (first["id"], "SUCCESS")
    assert second["steps"][0] == first["steps"][0]
    assert "two" in world.api.get(f"/runs/{second['id']}/log", params={"step": "talk"}).text
