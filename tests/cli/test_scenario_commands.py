"""The commands on scenarios and their runs: on a real control plane, and in a folder without one."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import Commands, Said
from tests.deployer.processes import ControlPlane, wait_until

NUMBERS = itertools.count(1)
QUICK = """\
variables: {rows: 1}   # how many
steps:
  - {id: note, kind: set_variables, variables: {seen: "${rows}"}}
  - {id: many, kind: set_variables, variables: {big: true}, when: rows > 2}
"""
ASKS = "steps: [{id: ask, kind: approval, text: 'Ship it?'}]\n"
FAILS = """\
steps:
  - {id: breaks, kind: python, code: "def run(given):\\n    print('so far')\\n    raise OSError('no disk')"}
  - {id: mourn, kind: set_variables, variables: {x: 1}, when: some_failure}
"""


class Scenarios(Commands):
    """Commands about the project `cards`, which stands in a folder."""

    def __init__(self, home: Path, folder: Path) -> None:
        super().__init__(home)
        self.folder = folder

    def write(self, text: str) -> str:
        """A scenario of its own; gives its id."""
        name = f"s{next(NUMBERS)}"
        path = self.folder / "scenarios" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return name

    def text(self, scenario: str) -> str:
        return (self.folder / "scenarios" / f"{scenario}.yaml").read_text()

    def here(self, *arguments: str, code: int = 0) -> Said:
        """A command that is told the folder."""
        return self(*arguments, "--project", str(self.folder), code=code)

    def json_here(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.here(*arguments, "--json", code=code).out)

    def begun(self, scenario: str, *arguments: str) -> int:
        """The number of a run that is not waited for."""
        return int(self.json_here("scenario", "run", scenario, "--no-wait", *arguments)["id"])

    def waits(self, run: int) -> None:
        """Return when its last step waits."""

        def look() -> bool:
            steps = self.json("run", "show", str(run))["steps"]
            return bool(steps) and steps[-1]["outcome"] == "WAITING"

        wait_until(look, f"run {run} waits")


def project(folder: Path) -> Path:
    (folder / "cards").mkdir()
    (folder / "cards" / "project.yaml").write_text("id: cards\n")
    return folder / "cards"


@pytest.fixture(scope="module")
def scoreline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenarios]:
    folder = tmp_path_factory.mktemp("scenario-commands")
    control_plane = ControlPlane(folder / "home")
    control_plane.start()
    try:
        commands = Scenarios(control_plane.home, project(folder))
        commands("project", "add", str(commands.folder))
        yield commands
    finally:
        control_plane.clear()


def test_a_run_is_told_step_by_step_with_its_reasons(scoreline: Scenarios) -> None:
    name = scoreline.write(QUICK)

    few = scoreline.here("scenario", "run", name)
    many = scoreline.json_here("scenario", "run", name, "--set", "rows=5", "--set", "who=ann")

    assert "note begins: nothing before it has failed" in few.err
    assert "note SUCCESS after " in few.err
    assert "many SKIPPED: rows > 2 does not hold: rows is 1" in few.err
    assert few.out.startswith("run ")
    assert "SUCCESS" in few.out
    assert (many["outcome"], many["variables"]) == (
        "SUCCESS",
        {"rows": 5, "who": "ann", "seen": 5, "big": True},
    )


def test_the_exit_code_is_that_of_the_outcome(scoreline: Scenarios) -> None:
    fails, asks = scoreline.write(FAILS), scoreline.write(ASKS)
    warns = scoreline.write(FAILS.replace("kind: python,", "kind: python, proceed_on_failure: true,"))

    failed = scoreline.here("scenario", "run", fails, code=1)
    warned = scoreline.here("scenario", "run", warns)
    run = scoreline.begun(asks)
    scoreline.waits(run)
    scoreline("run", "abort", str(run))
    aborted = scoreline("run", "log", str(run), "--follow", code=10)

    assert "breaks FAILED after" in failed.err
    assert "FAILED" in failed.out
    assert "no disk" in failed.out
    assert "WARNING" in warned.out
    assert f"run {run} of {asks}: ABORTED" in aborted.err


def test_values_are_numbers_true_false_or_text(scoreline: Scenarios) -> None:
    name = scoreline.write(QUICK)
    given = ("a=1", "b=2.5", "c=true", "d=text", 'e="7"', "f=[1]", "g=", "h=x=y", "i=null")

    run = scoreline.json_here("scenario", "run", name, *(part for one in given for part in ("--set", one)))

    assert {key: value for key, value in run["variables"].items() if len(key) == 1} == {
        "a": 1,
        "b": 2.5,
        "c": True,
        "d": "text",
        "e": "7",
        "f": "[1]",
        "g": "",
        "h": "x=y",
        "i": "null",
    }
    for wrong in ("a", "=1", "a-b=1", "steps=1"):
        scoreline.here("scenario", "run", name, "--set", wrong, code=4)


def test_a_list_and_a_view_tell_what_starts_a_scenario_and_how_it_fared(scoreline: Scenarios) -> None:
    timed = "triggers: [{kind: time, cron: '0 3 * * *', zone: Europe/Paris}]\n"
    name = scoreline.write(timed + "description: Every night\n" + QUICK)
    scoreline.here("scenario", "run", name)

    listed = scoreline.here("scenario", "list").out
    shown = scoreline.here("scenario", "show", name).out
    runs = scoreline.here("scenario", "runs", name).out
    as_json = {one["id"]: one for one in scoreline.json_here("scenario", "list")}[name]

    (line,) = [line for line in listed.splitlines() if line.startswith(f"{name} ")]
    assert "time" in line
    assert "SUCCESS" in line
    assert "time: 0 3 * * * (Europe/Paris); next " in shown
    assert "Every night" in shown
    assert "rows > 2" in shown
    assert "variables={'seen': '${rows}'}" in shown
    assert f"cards    {name}" in runs
    assert (as_json["last_run"]["outcome"], as_json["running"]) == ("SUCCESS", None)
    assert scoreline.json_here("scenario", "show", name)["definition"]["steps"][0]["id"] == "note"


def test_a_run_is_shown_with_every_step_and_its_log(scoreline: Scenarios) -> None:
    name = scoreline.write(FAILS)
    run = str(scoreline.json_here("scenario", "run", name, code=1)["id"])

    shown = scoreline("run", "show", run).out
    log = scoreline("run", "log", run).out
    of_step = scoreline("run", "log", run, "--step", "breaks").out
    as_json = scoreline.json("run", "log", run, "--step", "breaks")

    assert "breaks has failed" in shown
    assert "no disk" in shown
    assert "step breaks begins: nothing before it has failed" in log
    assert "so far" in of_step
    assert "OSError: no disk" in of_step
    assert as_json == {"run": int(run), "step": "breaks", "lines": of_step.splitlines()}
    assert [one["step"] for one in scoreline.json("run", "show", run)["steps"]] == ["breaks", "mourn"]
    assert "did you mean 'breaks'" in scoreline("run", "log", run, "--step", "break", code=3).err
    assert "did you mean" in scoreline("run", "log", run, "--step", "break", "--follow", code=3).err
    scoreline("run", "show", "999999", code=3)


def test_a_log_is_followed_to_its_end(scoreline: Scenarios, tmp_path: Path) -> None:
    code = f"""
    code: |
      import time
      from pathlib import Path
      def run(given):
          print("first", flush=True)
          while not Path({str(tmp_path / "go-on")!r}).exists():
              time.sleep(0.05)
          print("last")
"""
    name = scoreline.write(f"steps:\n  - id: talk\n    kind: python{code}")
    run = str(scoreline.begun(name))
    threading.Timer(1.0, (tmp_path / "go-on").touch).start()

    followed = scoreline("run", "log", run, "--step", "talk", "--follow")
    lines = scoreline("run", "log", run, "--follow", "--json").out.splitlines()

    assert followed.out.splitlines()[:2] == ["first", "last"]
    assert f"run {run} of {name}: SUCCESS" in followed.err
    assert [json.loads(line)["line"] for line in lines] == scoreline("run", "log", run).out.splitlines()


def test_a_step_is_approved_or_rejected_and_a_run_resumed(scoreline: Scenarios) -> None:
    name = scoreline.write(ASKS)
    first = scoreline.begun(name)
    scoreline.waits(first)
    rejected = scoreline("run", "reject", str(first), "ask", "--comment", "not yet")
    scoreline("run", "log", str(first), "--follow", code=1)
    second = scoreline.json("run", "resume", str(first), "--step", "ask", "--no-wait")["id"]
    scoreline.waits(second)
    scoreline("run", "approve", str(second), "ask")

    ended = scoreline("run", "log", str(second), "--follow")
    shown = scoreline("run", "show", str(second)).out

    assert f"step ask of run {first} is rejected" in rejected.err
    assert "SUCCESS" in ended.err
    assert f"run {first}" in shown
    assert "not yet" in scoreline("run", "show", str(first)).out
    scoreline("run", "approve", str(second), "ask", code=5)
    scoreline("run", "abort", str(second), code=5)


def test_a_run_that_waits_says_how_to_go_on(scoreline: Scenarios) -> None:
    name = scoreline.write(ASKS)

    def approve() -> None:
        wait_until(lambda: scoreline.json("run", "list", "--scenario", name), "it has begun")
        run = scoreline.json("run", "list", "--scenario", name)[0]["id"]
        scoreline.waits(run)
        scoreline("run", "approve", str(run), "ask")

    # A shell that started the tests in the background would have them ignore Ctrl-C.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    started = f"{heeding}; import scoreline.wiring as w; raise SystemExit(w.main())"
    command = [sys.executable, "-c", started, "scenario", "run", name]
    where = ["--project", str(scoreline.folder), "--home", str(scoreline.home)]
    with subprocess.Popen(
        [*command, *where], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as told:
        approve()
        out, err = told.communicate(timeout=120)

    assert told.returncode == 0, err
    assert "ask WAITING: Ship it?" in err
    assert "scoreline run approve" in err
    assert "SUCCESS" in out


def test_one_who_stops_watching_is_told_how_to_go_on(scoreline: Scenarios) -> None:
    name = scoreline.write(ASKS)
    # A shell that started the tests in the background would have them ignore Ctrl-C.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    started = f"{heeding}; import scoreline.wiring as w; raise SystemExit(w.main())"
    command = [sys.executable, "-c", started, "scenario", "run", name]
    where = ["--project", str(scoreline.folder), "--home", str(scoreline.home)]
    with subprocess.Popen([*command, *where], stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        read = itertools.takewhile(lambda line: "WAITING" not in line, watching.stderr)
        (run,) = {int(line.split()[1]) for line in read if line.startswith("run ")}
        os.kill(watching.pid, signal.SIGINT)
        rest = watching.stderr.read()

    assert watching.returncode == 130
    assert f"run {run} goes on; see: scoreline run log {run} --follow" in rest
    assert f"or end it: scoreline run abort {run}" in rest
    assert scoreline.json("run", "show", str(run))["outcome"] == "RUNNING"
    scoreline("run", "abort", str(run))
    scoreline("run", "log", str(run), "--follow", code=10)


def test_a_scenario_is_copied_enabled_disabled_and_deleted(scoreline: Scenarios) -> None:
    name, new = scoreline.write(QUICK), f"s{next(NUMBERS)}"

    copied = scoreline.here("scenario", "duplicate", name, new)
    scoreline.here("scenario", "enable", new)
    enabled = scoreline.text(new)
    scoreline.here("scenario", "disable", new)
    scoreline.here("scenario", "delete", new, code=4)  # there is nobody to ask
    scoreline.here("scenario", "delete", new, "--yes")

    assert f"next: scoreline scenario enable {new}" in copied.err
    assert enabled == QUICK + "enabled: true\n"
    scoreline.here("scenario", "show", new, code=3)
    asks = scoreline.write(ASKS)
    run = scoreline.begun(asks)
    assert f"abort run {run}" in scoreline.here("scenario", "delete", asks, "--yes", code=5).err
    assert "is running" in scoreline.here("scenario", "run", asks, code=5).err
    scoreline("run", "abort", str(run))


def test_a_project_is_named_by_its_key_by_its_folder_or_by_standing_in_it(
    scoreline: Scenarios, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = scoreline.write(QUICK)

    by_key = scoreline.json("scenario", "run", name, "--project", "cards")
    monkeypatch.chdir(scoreline.folder / "scenarios")
    standing = scoreline.json("scenario", "run", name)
    listed = scoreline.json("scenario", "runs", name)
    of_all = scoreline.json("run", "list", "--scenario", name, "--project", "cards", "--outcome", "SUCCESS")

    assert [one["id"] for one in listed] == [standing["id"], by_key["id"]]
    assert of_all == listed
    assert "did you mean 'cards'" in scoreline("scenario", "run", name, "--project", "card", code=3).err


def test_a_folder_that_the_control_plane_does_not_know_is_told_how_to_be_known(
    scoreline: Scenarios, tmp_path: Path
) -> None:
    folder = project(tmp_path)
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "own.yaml").write_text(QUICK)

    refused = scoreline("scenario", "run", "own", "--project", str(folder), code=3)
    listed = scoreline("scenario", "list", "--project", str(folder))
    scoreline("scenario", "disable", "own", "--project", str(folder))

    assert f"let it: scoreline project add {folder}" in refused.err
    assert "own" in listed.out
    assert "the control plane does not know it" in listed.err
    assert (folder / "scenarios" / "own.yaml").read_text() == QUICK + "enabled: false\n"


def test_in_a_folder_scenarios_are_looked_at_and_changed_without_a_server(tmp_path: Path) -> None:
    scoreline = Scenarios(tmp_path / "no-home", project(tmp_path))
    name = scoreline.write("triggers: [{kind: time, cron: '@daily'}]\n" + QUICK)

    listed = scoreline.here("scenario", "list")
    shown = scoreline.json_here("scenario", "show", name)
    scoreline.here("scenario", "duplicate", name, "copied")
    scoreline.here("scenario", "enable", "copied")
    deleted = scoreline.here("scenario", "delete", name, "--yes")
    refused = scoreline.here("scenario", "run", "copied", code=7)

    assert "no control plane is up" in listed.err
    assert "audit" not in listed.err
    assert "this change stands in no audit" in deleted.err
    assert shown["scenario"]["next_due"] is not None
    assert [one["id"] for one in scoreline.json_here("scenario", "list")] == ["copied"]
    assert "scoreline up" in refused.err
    assert "did you mean 'copied'" in scoreline.here("scenario", "show", "copyed", code=3).err
    scoreline("scenario", "list", "--project", str(tmp_path), code=3)
