"""Runs with real processes: steps are done once, ended whole when they are to end, and tell how they went."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.automation.running import Running, lives, outcomes, running
from tests.deployer.processes import wait_until

from scoreline.automation.runs import Runs
from scoreline.core.scenario_run import Fire, step_run
from scoreline.errors import Conflict, Invalid, NotFound

SLEEPS = """
steps:
  - id: sleep
    kind: python
    code: |
      import os, subprocess, time
      def run(variables):
          child = subprocess.Popen(["sleep", "600"])
          open("HERE/pids", "w").write(f"{os.getpid()} {child.pid}")
          time.sleep(600)
  - {id: after, kind: set_variables, variables: {done: true}, when: always}
"""


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as found:
        yield found


def are_gone(cards: Running) -> bool:
    """Whether none of those lives. On a busy machine there may have been none."""
    written = cards.folder / "pids"
    return not any(lives(int(one)) for one in (written.read_text().split() if written.exists() else ()))


def pids(cards: Running) -> list[int]:
    """The processes of the step that sleeps, and of what it has started."""
    return wait_until(lambda: [int(one) for one in cards.appears("pids").split()], "both are there")


def test_a_run_tells_what_each_step_was_to_do_what_it_gave_and_why_it_ran(cards: Running) -> None:
    cards.scenario(
        "nightly",
        """
variables: {limit: 3}
steps:
  - id: count
    kind: python
    code: |
      def run(variables):
          print("counting for", variables["shop"])
          return {"rows": 7, "list": [1, {"a": None}]}
  - id: note
    kind: set_variables
    variables: {seen: "${steps.count.output.rows}"}
    when: steps.count.output.rows > limit
  - {id: few, kind: set_variables, variables: {seen: 0}, when: steps.count.output.rows <= limit}
""",
    )

    ended = cards.run("nightly", limit=5)

    count, note, few = ended.steps
    assert (ended.outcome.value, ended.by, ended.fire.reason) == ("SUCCESS", "ann", "ann ran it")
    assert count.outputs == {"rows": 7, "list": [1, {"a": None}]}
    assert note.inputs["variables"] == {"seen": 7}
    assert note.why == "steps.count.output.rows > limit holds: limit is 5, steps.count.output.rows is 7"
    assert (few.outcome.value, few.started_at) == ("SKIPPED", None)
    assert ended.variables == {"shop": "corner", "limit": 5, "seen": 7}
    assert "counting for corner" in cards.runs.log(ended.id, "count")
    assert "step few skipped" in cards.runs.log(ended.id)


def test_a_step_is_tried_again_until_it_succeeds(cards: Running) -> None:
    cards.scenario(
        "flaky",
        """
steps:
  - id: third
    kind: python
    retries: 3
    retry_delay: 0.2
    code: |
      from pathlib import Path
      def run(variables):
          counter = Path("HERE/tries")
          tries = counter.read_text() + "x" if counter.exists() else "x"
          counter.write_text(tries)
          print("this is try", len(tries))
          assert len(tries) == 3, "not yet"
""",
    )

    ended = cards.run("flaky")

    (third,) = ended.steps
    assert (ended.outcome.value, third.attempt) == ("SUCCESS", 3)
    log = cards.runs.log(ended.id, "third")
    assert [f"this is try {number}" in log for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert "AssertionError: not yet (the step's code line 7)" in cards.runs.log(ended.id)


def test_a_step_that_fails_to_the_last_try_fails_the_run_and_keeps_the_others_from_running(
    cards: Running,
) -> None:
    cards.scenario(
        "broken",
        """
steps:
  - {id: raise, kind: python, retries: 1, retry_delay: 0, code: "def run(given):\\n    raise OSError(1)"}
  - {id: after, kind: set_variables, variables: {x: 1}}
  - {id: mourn, kind: set_variables, variables: {y: "${steps.raise.message}"}, when: some_failure}
  - {id: unknown, kind: set_variables, variables: {z: "${steps.raise.output.rows}"}, when: always}
""",
    )

    ended = cards.run("broken")

    assert outcomes(ended) == {"raise": "FAILED", "after": "SKIPPED", "mourn": "SUCCESS", "unknown": "FAILED"}
    assert ended.outcome.value == "FAILED"
    assert ended.steps[0].attempt == 2
    assert ended.message.startswith("raise: OSError: 1")
    assert "rows" in ended.steps[3].message


def test_failures_are_reset_and_proceeded_on(cards: Running) -> None:
    fails = "kind: python, code: \"def run(variables):\\n    raise ValueError('no')\""
    cards.scenario(
        "cured",
        f"""
steps:
  - {{id: check, {fails}}}
  - {{id: cure, kind: set_variables, variables: {{x: 1}}, when: some_failure, reset_failure: true}}
  - {{id: extra, {fails}, proceed_on_failure: true}}
  - {{id: last, kind: set_variables, variables: {{y: 1}}}}
""",
    )

    ended = cards.run("cured")

    assert outcomes(ended) == {"check": "FAILED", "cure": "SUCCESS", "extra": "FAILED", "last": "SUCCESS"}
    assert ended.outcome.value == "WARNING"
    assert ended.message.startswith("extra: ")


def test_an_aborted_run_kills_its_step_with_all_that_it_started(cards: Running) -> None:
    cards.scenario("long", SLEEPS)
    begun = cards.start("long")
    step, child = pids(cards)

    cards.runs.abort(begun.id, "bob")
    ended = cards.ended(begun)

    assert (ended.outcome.value, ended.message) == ("ABORTED", "bob has ended it")
    assert outcomes(ended) == {"sleep": "ABORTED"}
    wait_until(lambda: not lives(step) and not lives(child), "both processes are gone")
    with pytest.raises(Conflict, match="has ended already"):
        cards.runs.abort(begun.id, "bob")


@pytest.mark.slow
def test_a_step_whose_run_is_aborted_while_its_process_only_starts_does_nothing(cards: Running) -> None:
    cards.scenario(
        "late",
        """
variables: {file: none}
steps:
  - {id: write, kind: python, code: "def run(given):\\n    open('HERE/' + given['file'], 'w').close()"}
""",
    )
    for number in range(8):
        begun = cards.start("late", file=f"written-{number}")
        time.sleep(0.02 * number)  # somewhere between its beginning and its work
        cards.runs.abort(begun.id, "bob")
        ended = cards.ended(begun)
        was_done = (cards.folder / f"written-{number}").exists()
        assert ended.outcome.value == "ABORTED" or was_done

    done = {one.name for one in cards.folder.glob("written-*")}
    time.sleep(1.0)  # one that was left would have its time
    assert {one.name for one in cards.folder.glob("written-*")} == done


def test_a_step_that_takes_too_long_is_killed_and_fails(cards: Running) -> None:
    cards.scenario("long", SLEEPS.replace("id: sleep\n", "id: sleep\n    timeout: 3\n"))

    ended = cards.run("long")

    assert outcomes(ended) == {"sleep": "FAILED", "after": "SUCCESS"}
    assert ended.steps[0].message == "it took longer than its 3 seconds"
    wait_until(lambda: are_gone(cards), "its processes are gone")


def test_a_run_that_takes_too_long_is_ended_in_the_midst_of_a_step(cards: Running) -> None:
    cards.scenario("long", "timeout: 3\n" + SLEEPS)

    ended = cards.run("long")

    assert outcomes(ended) == {"sleep": "FAILED"}
    assert (ended.outcome.value, ended.message) == ("FAILED", "the run took longer than its 3 seconds")
    wait_until(lambda: are_gone(cards), "its processes are gone")


def test_a_process_that_is_killed_or_ends_itself_fails_its_step(cards: Running) -> None:
    cards.scenario(
        "killed",
        """
steps:
  - {id: killed, kind: python, code: "import os\\ndef run(variables):\\n    os.kill(os.getpid(), 9)"}
  - {id: gone, kind: python, when: always, code: "import os\\ndef run(variables):\\n    os._exit(0)"}
  - id: forked
    kind: python
    when: always
    code: |
      import os, time
      def run(variables):
          if os.fork() == 0:
              time.sleep(600)
          open("HERE/forked", "w").write(str(os.getpid()))
          os._exit(3)
""",
    )

    ended = cards.run("killed")  # what was forked holds nobody up
    os.killpg(int(cards.appears("forked")), signal.SIGKILL)

    assert outcomes(ended) == {"killed": "FAILED", "gone": "FAILED", "forked": "FAILED"}
    assert "killed by signal 9" in ended.steps[0].message
    assert "cut off" in ended.steps[1].message


@pytest.mark.parametrize("approved", [True, False])
def test_a_step_waits_until_somebody_decides_once(cards: Running, approved: bool) -> None:
    cards.scenario(
        "release",
        """
variables: {version: v1}
steps:
  - {id: ask, kind: approval, text: "Ship ${version}?"}
  - {id: ship, kind: set_variables, variables: {shipped: true}}
""",
    )
    begun = cards.start("release", version="v3")
    waiting = cards.waits(begun, "ask")
    assert waiting.message == "Ship v3?"

    cards.runs.decide(begun.id, "ask", approved=approved, by="ann", comment="as agreed")
    with pytest.raises(Conflict) as refused:
        cards.runs.decide(begun.id, "ask", approved=not approved, by="bob")
    ended = cards.ended(begun)

    said = "approved" if approved else "rejected"
    assert refused.value.code == "not-waiting"
    assert ended.steps[0].message == f"ann has {said} it: as agreed"
    assert ended.steps[0].outputs == {"approved": approved, "by": "ann", "comment": "as agreed"}
    assert (ended.variables.get("shipped"), ended.outcome.value) == (
        (True, "SUCCESS") if approved else (None, "FAILED")
    )


def test_only_what_waits_can_be_decided(cards: Running) -> None:
    cards.scenario("release", "steps: [{id: ask, kind: approval, timeout: 1}]\n")

    ended = cards.run("release")

    assert ended.steps[0].message == "it took longer than its 1 seconds"
    with pytest.raises(Conflict):
        cards.runs.decide(ended.id, "ask", approved=True, by="ann")
    with pytest.raises(NotFound, match="did you mean 'ask'"):
        cards.runs.decide(ended.id, "asks", approved=True, by="ann")


def test_a_scenario_runs_once_at_a_time_and_others_beside_it(cards: Running) -> None:
    for name in ("one", "two"):
        cards.scenario(name, "steps: [{id: ask, kind: approval}]\n")
    first, beside = cards.start("one"), cards.start("two")

    with pytest.raises(Conflict) as refused:
        cards.start("one")
    for run in (first, beside):
        cards.waits(run, "ask")
        cards.runs.decide(run.id, "ask", approved=True, by="ann")
        cards.ended(run)
    again = cards.start("one")

    assert refused.value.code == "scenario-running"
    assert again.id > first.id


def test_names_that_no_variable_can_have_are_refused(cards: Running) -> None:
    cards.scenario("quick", "steps: [{id: a, kind: set_variables, variables: {x: 1}}]\n")

    for name in ("steps", "a-b", "__class__", "x" * 200):
        with pytest.raises(Invalid):
            cards.start("quick", **{name: 1})
    with pytest.raises(NotFound, match="did you mean 'quick'"):
        cards.start("quik")


def test_a_scenario_runs_another_and_takes_its_outcome(cards: Running) -> None:
    cards.scenario(
        "outer",
        """
variables: {day: sunday}
steps:
  - {id: inner, kind: run_scenario, scenario: inner, parameters: {day: "${day}"}}
  - {id: note, kind: set_variables, variables: {seen: "${steps.inner.output.outcome}"}}
""",
    )
    cards.scenario(
        "inner",
        "variables: {day: sunday}\n"
        "steps: [{id: a, kind: python, code: \"def run(given):\\n    assert given['day'] != 'sunday'\"}]\n",
    )

    well = cards.run("outer", day="monday")
    badly = cards.run("outer", day="sunday")

    inner = cards.runs.one(well.steps[0].outputs["run"])
    assert (well.outcome.value, well.variables["seen"]) == ("SUCCESS", "SUCCESS")
    assert (inner.fire.kind, inner.fire.run, inner.by) == (
        "run_scenario",
        well.id,
        f"scenario outer (run {well.id})",
    )
    assert outcomes(badly) == {"inner": "FAILED", "note": "SKIPPED"}
    assert "FAILED" in badly.message


def test_an_aborted_run_ends_the_run_that_it_has_started_and_no_other(cards: Running) -> None:
    cards.scenario("outer", "steps: [{id: inner, kind: run_scenario, scenario: inner}]\n")
    cards.scenario("inner", "steps: [{id: ask, kind: approval}]\n")
    outer = cards.start("outer")
    started = wait_until(lambda: cards.runs.newest(limit=1, scenario="inner"), "the inner one runs")[0]
    cards.runs.abort(outer.id, "bob")
    assert cards.ended(started).outcome.value == "ABORTED"
    assert cards.ended(outer).outcome.value == "ABORTED"

    mine = cards.start("inner")
    other = cards.run("outer")

    assert outcomes(other) == {"inner": "FAILED"}
    assert "running already" in other.steps[0].message
    assert cards.runs.one(mine.id).finished_at is None


def test_a_scenario_stops_another_or_starts_it_without_waiting(cards: Running) -> None:
    cards.scenario("long", "steps: [{id: ask, kind: approval}]\n")
    cards.scenario("begin", "steps: [{id: go, kind: run_scenario, scenario: long, wait: false}]\n")
    cards.scenario("end", "steps: [{id: stop, kind: stop_scenario, scenario: long}]\n")

    begun = cards.run("begin")
    number = begun.steps[0].outputs["run"]
    stopped = cards.run("end")
    long = cards.ended(cards.runs.one(number))
    again = cards.run("end")

    assert (begun.outcome.value, begun.steps[0].outputs["outcome"]) == ("SUCCESS", "RUNNING")
    assert stopped.steps[0].outputs == {"run": number}
    assert (long.outcome.value, long.message) == ("ABORTED", f"scenario end (run {stopped.id}) has ended it")
    assert again.steps[0].message == "long did not run"


def test_variables_of_the_project_are_set_in_its_file(cards: Running) -> None:
    cards.file("project.yaml", "id: cards  # ours\nvariables: {shop: corner, rows: 1}   # all shops\n")
    cards.scenario("note", "steps: [{id: a, kind: set_variables, scope: project, variables: {rows: 2}}]\n")

    ended = cards.run("note")

    assert ended.variables["rows"] == 2
    assert (cards.folder / "project.yaml").read_text() == (
        "id: cards  # ours\nvariables: {shop: corner, rows: 2}   # all shops\n"
    )


RESUMABLE = """
steps:
  - {id: first, kind: python, code: "def run(variables):\\n    print('the first')\\n    return {'rows': 7}"}
  - {id: mark, kind: set_variables, variables: {stage: "marked ${steps.first.output.rows}"}}
  - id: breaks
    kind: python
    retries: 1
    retry_delay: 0
    code: |
      from pathlib import Path
      def run(variables):
          assert Path("HERE/mended").exists(), "not mended"
          return {"stage": variables["stage"]}
  - {id: after, kind: set_variables, variables: {stage: "after ${steps.breaks.output.stage}"}}
  - {id: always, kind: set_variables, variables: {stage: over}, when: always}
"""


@pytest.mark.slow
def test_a_run_is_resumed_from_the_step_that_failed(cards: Running) -> None:
    cards.scenario("nightly", RESUMABLE)
    old = cards.run("nightly")
    cards.file("mended", "")
    cards.scenario("nightly", "steps: []\n")  # it runs as it was

    resumed = cards.ended(cards.runs.start_from(old.id, "breaks", "bob"))

    assert outcomes(old)["breaks"] == "FAILED"
    assert old.variables["stage"] == "over"
    assert set(outcomes(resumed).values()) == {"SUCCESS"}
    assert resumed.steps[2].outputs == {"stage": "marked 7"}
    assert (resumed.by, resumed.resumed_from) == ("bob", old.id)
    assert (resumed.fire.kind, resumed.fire.reason) == ("resume", f"run {old.id} again, from step breaks")
    assert resumed.steps[0] == old.steps[0]
    assert "the first" in cards.runs.log(resumed.id, "first")
    assert "step first begins" not in cards.runs.log(resumed.id)


@pytest.mark.slow
def test_a_failure_that_is_taken_over_counts_and_is_not_tried_again(cards: Running) -> None:
    cards.scenario("nightly", RESUMABLE)
    old = cards.run("nightly")
    cards.file("mended", "")

    resumed = cards.ended(cards.runs.start_from(old.id, "after", "bob"))
    again = cards.ended(cards.runs.start_from(resumed.id, "breaks", "bob"))

    assert outcomes(resumed) == {**outcomes(old), "after": "SKIPPED"}
    assert resumed.outcome.value == "FAILED"
    assert again.outcome.value == "SUCCESS"
    assert "the first" in cards.runs.log(again.id, "first")  # two runs before


def test_a_run_that_goes_on_cannot_be_resumed(cards: Running) -> None:
    cards.scenario("release", "steps: [{id: ask, kind: approval}]\n")
    begun = cards.start("release")

    with pytest.raises(Conflict) as refused:
        cards.runs.start_from(begun.id, "ask", "bob")

    assert refused.value.code == "run-going"


COUNTS = """
steps:
  - id: count
    kind: python
    repeatable: REPEATABLE
    code: |
      import time
      from pathlib import Path
      def run(variables):
          with open("HERE/runs", "a") as file:
              file.write("x")
          while not Path("HERE/go-on").exists():
              time.sleep(0.05)
          return {"runs": Path("HERE/runs").read_text()}
  - {id: ask, kind: approval}
"""


@pytest.mark.parametrize(("repeatable", "times"), [("false", "x"), ("true", "xx")])
def test_a_run_goes_on_with_the_next_control_plane(cards: Running, repeatable: str, times: str) -> None:
    cards.scenario("count", COUNTS.replace("REPEATABLE", repeatable))
    begun = cards.start("count")
    cards.appears("runs")

    cards.comes_back()
    wait_until(lambda: (cards.folder / "runs").read_text() == times, f"it has run {len(times)} times")
    cards.file("go-on", "")
    cards.waits(begun, "ask")
    cards.comes_back()
    cards.waits(begun, "ask")
    cards.runs.decide(begun.id, "ask", approved=True, by="ann")
    ended = cards.ended(begun)

    assert ended.outcome.value == "SUCCESS"
    assert ended.steps[0].outputs == {"runs": times}
    assert cards.runs.log(begun.id).count("a control plane that was started anew goes on with it") == 2


def test_an_abort_is_remembered_by_the_next_control_plane(cards: Running) -> None:
    cards.scenario("long", SLEEPS)
    begun = cards.start("long")
    processes = pids(cards)
    cards.automation.stop()
    cards.plane.control.catalog.runs.abort(cards.runs.one(begun.id), "bob")

    cards.comes_back()
    ended = cards.ended(begun)

    assert (ended.outcome.value, ended.message) == ("ABORTED", "bob has ended it")
    wait_until(lambda: not any(lives(one) for one in processes), "its processes are gone")


def test_a_run_that_cannot_go_on_is_ended_and_says_so(cards: Running) -> None:
    cards.scenario("quick", "steps: [{id: a, kind: set_variables, variables: {x: 1}}]\n")

    def report(*_: Any) -> None:
        raise RuntimeError("nobody has thought of this")

    runs = Runs(
        cards.plane.control.catalog.runs,
        cards.registry,
        cards.folder / "runs",
        SimpleNamespace(),  # type: ignore[arg-type]
        SimpleNamespace(report=report),  # type: ignore[arg-type]
    )
    begun = runs.start("cards", "quick", Fire(kind="manual"), by="ann")
    ended = cards.ended(begun)
    runs.stop()

    assert (ended.outcome.value, ended.message) == ("FAILED", "it could not go on: unexpected RuntimeError")
    assert cards.run("quick").outcome.value == "SUCCESS"


@pytest.mark.slow
def test_numbers_of_data_are_told_and_decide(cards: Running) -> None:
    cards.file("data/orders.csv", "id,amount\n1,10\n2,\n3,30\n")
    cards.file("datasets/orders.yaml", "kind: files\npath: data/orders.csv\n")
    cards.scenario(
        "count",
        """
steps:
  - id: sum
    kind: sql
    inputs: [orders]
    query: SELECT sum(amount) AS total, count(*) AS orders FROM orders
  - {id: metrics, kind: compute_metrics, dataset: orders}
  - id: note
    kind: set_variables
    variables: {total: "${steps.sum.output.value}"}
    when: steps.metrics.output.rows == 3 and steps.metrics.output.columns.amount.nulls == 1
  - {id: wrong, kind: sql, inputs: [orders], query: SELECT nothing FROM orders, proceed_on_failure: true}
""",
    )

    ended = cards.run("count")

    total, metrics, note, wrong = ended.steps
    assert total.outputs["columns"] == ["total", "orders"]
    assert total.outputs["rows"] == [[40, 3]]
    assert metrics.outputs["columns"]["amount"]["max"] == 30
    assert note.outcome.value == "SUCCESS"
    assert ended.variables["total"] == 40
    assert "nothing" in wrong.message
    assert ended.outcome.value == "WARNING"


@pytest.mark.slow
def test_a_python_step_must_return_json_and_define_its_function(cards: Running) -> None:
    cards.file("jobs/count.py", "def count(variables):\n    return [1, 2]\n")
    cards.scenario(
        "various",
        """
steps:
  - {id: file, kind: python, file: jobs/count.py, function: count}
  - {id: object, kind: python, when: always, code: "def run(variables):\\n    return object()"}
  - {id: large, kind: python, when: always, code: "def run(variables):\\n    return 'x' * 200000"}
  - {id: none, kind: python, when: always, code: "run = 3"}
""",
    )

    ended = cards.run("various")

    assert ended.steps[0].outputs == {"value": [1, 2]}
    assert [one.outcome.value for one in ended.steps] == ["SUCCESS", "FAILED", "FAILED", "FAILED"]
    assert "no JSON" in ended.steps[1].message
    assert "at most 100000" in ended.steps[2].message
    assert "no function 'run'" in ended.steps[3].message
    assert step_run(ended, "file") == ended.steps[0]
