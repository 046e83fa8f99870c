"""Control plane and steps killed in runs of scenarios: each step takes effect once, every run has an end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.automation.running import lives
from tests.deployer.processes import ControlPlane, wait_until
from tests.faults.deployed import assert_consistent

from scoreline.core.scenario_run import RunOutcome, StepRunOutcome
from scoreline.wire.control_scenarios import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

DEPLOYMENT, PROJECT = "merchants-on-local", "cards"
APPEND = """
import os, time

def run(variables):
    time.sleep({seconds})
    with open("{file}", "a") as file:
        file.write(f"{{variables['mark']}} {{os.getpid()}}\\n")
    return {{"mark": variables["mark"]}}
"""
FILES = {
    "project.yaml": "id: cards\n",
    "data/merchants.csv": "merchant_id,state\nM_1,Wyoming\nM_2,Ohio\n",
    "datasets/merchants.yaml": "kind: files\npath: data/merchants.csv\n",
    "services/merchants.yaml": """
endpoints:
  - kind: lookup
    id: merchant_lookup
    lookups: [{dataset: merchants, keys: [{column: merchant_id}]}]
    test_queries: [{query: {data: {merchant_id: M_1}}, expect: {data: {state: Wyoming}}}]
""",
    "lib/outer.py": APPEND.format(file="outer.txt", seconds=0.2),
    "lib/inner.py": APPEND.format(file="inner.txt", seconds=0.1),
    "lib/slow.py": APPEND.format(file="slow.txt", seconds=1.5),
    "lib/hanging.py": APPEND.format(file="hanging.txt", seconds=600),
    "scenarios/inner.yaml": """
variables: {mark: none}
steps:
  - {id: append, kind: python, file: lib/inner.py}
""",
    "scenarios/outer.yaml": """
variables: {mark: none}
steps:
  - {id: append, kind: python, file: lib/outer.py}
  - {id: make, kind: create_version, service: merchants, version: auto, variable: versionid}
  - {id: update, kind: update_deployment, deployment: merchants-on-local, version: "${versionid}"}
  - {id: sub, kind: run_scenario, scenario: inner, parameters: {mark: "${mark}"}}
  - {id: note, kind: set_variables, scope: project, variables: {last: "${mark}"}}
""",
    "scenarios/slow.yaml": """
variables: {mark: none}
steps:
  - {id: append, kind: python, file: lib/slow.py}
  - {id: after, kind: set_variables, variables: {done: true}, when: always}
""",
    "scenarios/hanging.yaml": """
variables: {mark: none}
steps:
  - {id: append, kind: python, file: lib/hanging.py}
""",
    "scenarios/tried_again.yaml": """
variables: {mark: none}
steps:
  - {id: append, kind: python, file: lib/slow.py, retries: 1, retry_delay: 0}
""",
}


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    folder = tmp_path / "cards"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def control_plane(tmp_path: Path, cards: Path) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path / "home")
    running.start()
    running.wait_for_node()
    with running.client() as client:
        client.add_project(cards)
    yield running
    running.clear()


def begun(control_plane: ControlPlane, scenario: str, mark: str) -> int:
    with control_plane.client() as client:
        return client.run_scenario(PROJECT, scenario, parameters={"mark": mark}, wait=False).id


def ended(control_plane: ControlPlane, number: int) -> Run:
    def look() -> Run | None:
        with control_plane.client() as client:
            found = client.run(number)
        return found if found.finished_at else None

    return wait_until(look, f"run {number} has ended", 120)


def marks(file: Path) -> Counter[str]:
    lines = file.read_text().splitlines() if file.exists() else []
    return Counter(line.split()[0] for line in lines)


def the_process_of(control_plane: ControlPlane, number: int, position: int = 0, attempt: int = 1) -> int:
    """The process of a step, once it does its work."""
    folder = control_plane.home / "runs" / str(number) / f"{position}-{attempt}"

    def look() -> int | None:
        if not (folder / "started").exists():
            return None
        return int((folder / "lock").read_text())

    return wait_until(look, "the process of the step does its work")


def first_version(control_plane: ControlPlane) -> None:
    """A run without trouble, and a deployment of the version that it makes."""
    run = ended(control_plane, begun(control_plane, "outer", "first"))
    assert {one.step: one.outcome for one in run.steps}["make"] is StepRunOutcome.SUCCESS
    with control_plane.client() as client:
        client.deploy("merchants", "auto")


def test_whenever_the_control_plane_is_killed_each_step_takes_effect_once(
    control_plane: ControlPlane, cards: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(5)
    first_version(control_plane)
    made, updates = 1, 1

    for turn in range(repetitions(quick=5, whole=100)):
        mark = f"m{turn}"
        number = begun(control_plane, "outer", mark)
        for _ in range(draw.choice([1, 1, 2, 3])):
            time.sleep(draw.uniform(0, 3))
            control_plane.kill()
            control_plane.start()

        run = ended(control_plane, number)

        assert run.outcome is RunOutcome.SUCCESS, (run.message, run.steps)
        assert [one.outcome for one in run.steps] == [StepRunOutcome.SUCCESS] * 5
        assert [one.attempt for one in run.steps] == [1] * 5
        assert marks(cards / "outer.txt")[mark] == marks(cards / "inner.txt")[mark] == 1
        made, updates = made + 1, updates + 1
        with control_plane.client() as client:
            assert len(client.service("merchants").versions) == made
            history = client.updates(DEPLOYMENT, last=1000)
            assert len(history) == updates
            assert client.deployment(DEPLOYMENT).version == f"auto{made - 1}"
            inner = [one for one in client.runs(PROJECT, "inner", last=1000) if one.variables["mark"] == mark]
            assert [(one.outcome, one.fire.run) for one in inner] == [(RunOutcome.SUCCESS, number)]
        assert (cards / "project.yaml").read_text().count(mark) == 1
        assert_consistent(control_plane)


def test_a_control_plane_that_is_stopped_in_the_middle_goes_on_where_it_was(
    control_plane: ControlPlane, cards: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(6)
    first_version(control_plane)

    for turn in range(repetitions(quick=2, whole=20)):
        number = begun(control_plane, "outer", f"m{turn}")
        time.sleep(draw.uniform(0, 4))
        assert control_plane.end() == 0
        control_plane.start()

        run = ended(control_plane, number)

        assert run.outcome is RunOutcome.SUCCESS, (run.message, run.steps)
        assert marks(cards / "outer.txt")[f"m{turn}"] == marks(cards / "inner.txt")[f"m{turn}"] == 1
        with control_plane.client() as client:
            assert len(client.service("merchants").versions) == turn + 2
            assert len(client.updates(DEPLOYMENT, last=100)) == turn + 2
        assert_consistent(control_plane)


def test_a_step_whose_process_is_killed_has_failed_and_the_run_goes_on(
    control_plane: ControlPlane, cards: Path
) -> None:
    number = begun(control_plane, "slow", "killed")
    os.kill(the_process_of(control_plane, number), signal.SIGKILL)

    run = ended(control_plane, number)

    assert run.outcome is RunOutcome.FAILED
    assert {one.step: one.outcome for one in run.steps} == {
        "append": StepRunOutcome.FAILED,
        "after": StepRunOutcome.SUCCESS,
    }
    assert "killed by signal 9" in run.steps[0].message
    assert marks(cards / "slow.txt") == {}


def test_a_step_that_may_be_tried_again_is_after_its_process_was_killed(
    control_plane: ControlPlane, cards: Path
) -> None:
    number = begun(control_plane, "tried_again", "again")
    os.kill(the_process_of(control_plane, number), signal.SIGKILL)

    run = ended(control_plane, number)

    assert (run.outcome, run.steps[0].attempt) == (RunOutcome.SUCCESS, 2)
    assert marks(cards / "slow.txt") == {"again": 1}


def test_control_plane_and_step_killed_at_once_leave_a_step_that_failed_and_is_never_done_twice(
    control_plane: ControlPlane, cards: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(7)

    for turn in range(repetitions(quick=2, whole=20)):
        number = begun(control_plane, "slow", f"m{turn}")
        process = the_process_of(control_plane, number)
        time.sleep(draw.uniform(0, 1.6))
        control_plane.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        control_plane.start()

        run = ended(control_plane, number)

        done = marks(cards / "slow.txt")[f"m{turn}"]
        append, after = run.steps
        if append.outcome is StepRunOutcome.SUCCESS:
            assert done == 1
        else:
            assert done <= 1
            assert "it was cut off" in append.message
        assert after.outcome is StepRunOutcome.SUCCESS
        assert run.outcome is (
            RunOutcome.SUCCESS if append.outcome is StepRunOutcome.SUCCESS else RunOutcome.FAILED
        )


def test_a_run_that_was_to_end_when_the_control_plane_was_killed_ends_with_its_step(
    control_plane: ControlPlane, cards: Path
) -> None:
    number = begun(control_plane, "hanging", "gone")
    process = the_process_of(control_plane, number)
    with control_plane.client() as client:
        client.abort_run(number)
    control_plane.kill()
    control_plane.start()

    run = ended(control_plane, number)

    assert (run.outcome, run.steps[0].outcome) == (RunOutcome.ABORTED, StepRunOutcome.ABORTED)
    assert not lives(process)
    assert not (cards / "hanging.txt").exists()
