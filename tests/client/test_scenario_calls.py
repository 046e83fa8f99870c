"""Scenarios from Python: run and waited for, watched over broken connections, steered, changed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.client.test_control_plane_calls import CutOff
from tests.deployer.processes import ControlPlane, wait_until

from scoreline import Client, Conflict, Invalid, NotFound
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_run import RunOutcome
from scoreline.core.scenario_step import ApprovalStep, PythonStep, SetVariablesStep
from scoreline.wire.control_scenarios import Run, RunLog

NUMBERS = itertools.count(1)
NOTE = SetVariablesStep(id="note", variables={"noted": "${value}"})
ASK = ApprovalStep(id="ask", text="Ship it?")


def talk(go_on: Path) -> PythonStep:
    """A step that says two lines, waits for a file, and says a third one."""
    code = f"""
import time
from pathlib import Path
def run(variables):
    print("one")
    print("two", flush=True)
    while not Path({str(go_on)!r}).exists():
        time.sleep(0.05)
    print("three")
"""
    return PythonStep(id="talk", code=code)


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("scenario-calls")
    (folder / "cards").mkdir()
    (folder / "cards" / "project.yaml").write_text("id: cards\n")
    running = ControlPlane(folder / "home")
    running.start()
    with running.client() as client:
        client.add_project(folder / "cards")
    yield running
    running.clear()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with control_plane.client() as client:
        yield client


def made(client: Client, *steps: object, **more: object) -> str:
    """A scenario of its own; gives its id."""
    name = f"s{next(NUMBERS)}"
    variables = {"value": 0}
    client.create_scenario("cards", name, Scenario(steps=steps, variables=variables, **more))  # type: ignore[arg-type]
    return name


def waits(client: Client, run: int) -> None:
    """Return when the last step of a run waits."""
    wait_until(lambda: [one for one in client.run(run).steps if one.outcome.value == "WAITING"], "it waits")


def test_a_scenario_is_run_with_parameters_and_waited_for(client: Client) -> None:
    name = made(client, NOTE, msgspec.structs.replace(NOTE, id="never", when="never"))
    lines: list[str] = []

    run = client.run_scenario("cards", name, parameters={"value": 3}, progress=lines.append)

    assert (run.outcome, run.variables["noted"]) == (RunOutcome.SUCCESS, 3)
    assert [line for line in lines if not line.startswith("note SUCCESS")] == [
        "note begins: nothing before it has failed",
        "never SKIPPED: it never runs",
    ]
    assert client.run(run.id) == run
    assert client.runs("cards", name, outcome=RunOutcome.SUCCESS) == (run,)
    assert client.runs("cards", name, outcome="FAILED") == ()
    assert "step note begins" in client.run_log(run.id)


def test_a_run_that_fails_is_given_and_raises_nothing(client: Client) -> None:
    name = made(client, PythonStep(id="breaks", code="def run(v):\n    raise OSError('no disk')"))

    run = client.run_scenario("cards", name)

    assert run.outcome is RunOutcome.FAILED
    assert "no disk" in run.message
    assert "Traceback" in client.run_log(run.id, "breaks")


def test_a_run_is_approved_rejected_aborted_and_resumed(client: Client) -> None:
    name = made(client, NOTE, ASK)
    lines: list[str] = []

    first = client.run_scenario("cards", name, wait=False)
    waits(client, first.id)
    with pytest.raises(Conflict) as busy:
        client.run_scenario("cards", name)
    client.reject(first.id, "ask", "not today")
    rejected = client.wait_for_run(first.id, progress=lines.append)
    again = client.resume_run(first.id, "ask", wait=False)
    waits(client, again.id)
    client.approve(again.id, "ask")
    approved = client.wait_for_run(again.id)
    third = client.run_scenario("cards", name, wait=False)
    waits(client, third.id)
    client.abort_run(third.id)
    aborted = client.wait_for_run(third.id)

    assert busy.value.code == "scenario-running"
    assert (rejected.outcome, rejected.steps[1].message[-9:]) == (RunOutcome.FAILED, "not today")
    assert lines[-1].startswith("ask FAILED after")
    assert (approved.outcome, approved.resumed_from) == (RunOutcome.SUCCESS, first.id)
    assert aborted.outcome is RunOutcome.ABORTED
    with pytest.raises(Conflict):
        client.abort_run(third.id)
    with pytest.raises(Conflict):
        client.approve(third.id, "ask")


def test_a_scenario_is_listed_changed_copied_enabled_and_deleted(client: Client) -> None:
    name, new = made(client, NOTE), f"s{next(NUMBERS)}"

    read = client.scenario("cards", name)
    assert read.definition is not None
    named = msgspec.structs.replace(read.definition, name="Named")
    saved = client.save_scenario("cards", name, named, revision=read.revision)
    copied = client.duplicate_scenario("cards", name, new)
    enabled = client.enable_scenario("cards", new)
    disabled = client.disable_scenario("cards", name)
    listed = {one.id: one for one in client.scenarios("cards")}
    client.delete_scenario("cards", new)

    assert (saved.definition, saved.scenario.name) == (named, "Named")
    assert copied.definition == msgspec.structs.replace(named, enabled=False)
    assert (enabled.scenario.enabled, disabled.scenario.enabled) == (True, False)
    assert (listed[name].enabled, listed[new].enabled) == (False, True)
    with pytest.raises(NotFound):
        client.scenario("cards", new)
    with pytest.raises(Conflict) as stale:
        client.save_scenario("cards", name, named, revision=read.revision)
    assert stale.value.code == "stale-revision"


def test_what_is_not_there_or_cannot_be_is_refused(client: Client) -> None:
    name = made(client, NOTE)

    with pytest.raises(NotFound, match="did you mean"):
        client.run_scenario("cards", f"{name}x")
    with pytest.raises(NotFound, match="did you mean 'cards'"):
        client.scenarios("card")
    with pytest.raises(Invalid, match="meaning of its own"):
        client.run_scenario("cards", name, parameters={"steps": 1})
    for call in (client.run, client.run_log, client.abort_run, client.wait_for_run):
        with pytest.raises(NotFound):
            call(999_999)
    with pytest.raises(NotFound):
        list(client.follow_run(999_999))


def test_a_run_is_followed_over_connections_that_break_off(
    control_plane: ControlPlane, client: Client, tmp_path: Path
) -> None:
    name = made(client, talk(tmp_path / "go-on"))
    run = client.run_scenario("cards", name, wait=False)
    server = control_plane.server
    states: list[Run] = []
    lines: list[str] = []

    with CutOff(server.url) as cut, Client(cut.url, server.key) as reader:
        for news in reader.follow_run(run.id):
            if isinstance(news, Run):
                states.append(news)
                continue
            lines += news.lines if news.step == "talk" else ()
            if "two" in lines and not (tmp_path / "go-on").exists():
                cut.cut()
                (tmp_path / "go-on").touch()

    assert lines[:3] == ["one", "two", "three"]
    assert lines.count("two") == 1
    assert states[-1] == client.run(run.id)
    assert all(one != other for one, other in itertools.pairwise(states))


def test_a_run_is_waited_for_while_the_control_plane_is_started_anew(
    control_plane: ControlPlane, client: Client, tmp_path: Path
) -> None:
    name = made(client, talk(tmp_path / "go-on"), NOTE)
    run = client.run_scenario("cards", name, wait=False)
    news = client.follow_run(run.id)
    next(one for one in news if isinstance(one, RunLog) and "two" in one.lines)
    port = control_plane.server.url.rpartition(":")[2]

    control_plane.kill()
    (tmp_path / "go-on").touch()
    again = threading.Timer(1.5, control_plane.start, kwargs={"port": port})
    again.start()
    rest = list(news)
    again.join()

    last = next(one for one in reversed(rest) if isinstance(one, Run))
    told = [line for one in rest if isinstance(one, RunLog) and one.step == "talk" for line in one.lines]
    assert last.outcome is RunOutcome.SUCCESS
    assert "three" in told
    assert "one" not in told
    assert [one.attempt for one in last.steps] == [1, 1]


def test_whoever_comes_late_is_told_the_whole_run(client: Client) -> None:
    name = made(client, NOTE)
    run = client.run_scenario("cards", name)

    news = list(client.follow_run(run.id))

    assert [one for one in news if isinstance(one, Run)] == [run]
    lines = [line for one in news if isinstance(one, RunLog) for line in one.lines]
    assert lines == client.run_log(run.id).splitlines()
