"""A dry run tells what a scenario would have decided on each day, changes nothing and never looks ahead."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest
from tests.automation.dated_project import (
    FILES,
    LEARNED,
    copy_dated,
    days,
    fingerprint,
    write_dated,
    write_payments,
)

from scoreline.automation.dry_run import dry_run
from scoreline.core.dry_run import DryDay, DryRun, DryStep
from scoreline.errors import Invalid, NotFound

MAY = (date(2018, 5, 1), date(2018, 5, 30))
WEEK = (date(2018, 5, 1), date(2018, 5, 7))


def fired(run: DryRun) -> list[str]:
    """The days on which the model would have been trained."""
    return [day.day for day in run.days if day.trained]


def of_step(day: DryDay, id_: str) -> DryStep:
    return next(step for step in day.steps if step.step == id_)


def with_scenario(steps: str, triggers: str = "[]") -> dict[str, str]:
    return {"scenarios/retrain.yaml": f"triggers: {triggers}\nsteps:\n{steps}"}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without drift."""
    return write_dated(tmp_path_factory.mktemp("quiet"))


@pytest.mark.slow
def test_it_fires_on_the_planted_day_and_on_no_other(quiet: Path, tmp_path: Path) -> None:
    folder = copy_dated(quiet, tmp_path, drifted=[date(2018, 5, 12)])

    run = dry_run(folder, "retrain", *MAY)

    assert len(run.days) == 30
    assert fired(run) == ["2018-05-12"]
    [day] = [day for day in run.days if day.trained]
    checks = of_step(day, "checks")
    assert checks.outcome.value == "FAILED"
    assert checks.message.startswith("Drift: data_drift")
    assert "column_psi of amount" in checks.message
    assert [(step.step, step.outcome.value, step.simulated) for step in day.steps] == [
        ("evaluate", "SUCCESS", False),
        ("checks", "FAILED", False),
        ("train", "SUCCESS", True),
        ("package", "SUCCESS", True),
        ("deploy", "SUCCESS", True),
    ]
    assert of_step(day, "deploy").message == (
        "would bring auto live on fraud_detection-on-local (light update)"
    )
    assert of_step(run.days[0], "train").outcome.value == "SKIPPED"
    assert of_step(run.days[0], "train").why == "nothing before it has failed"


@pytest.mark.slow
def test_a_drift_that_lasts_fires_until_what_is_compared_with_has_it(quiet: Path, tmp_path: Path) -> None:
    folder = copy_dated(quiet, tmp_path, drifted=days(date(2018, 5, 4), date(2018, 5, 30)))

    everything = dry_run(folder, "retrain", *WEEK)
    newest = dry_run(folder, "retrain", *WEEK, reference_days=1)

    assert fired(newest) == ["2018-05-04"]
    assert fired(everything) == [f"2018-05-0{day}" for day in (4, 5, 6, 7)]
    assert of_step(newest.days[3], "train").message == (
        "fraud: would train version t2; from now on its evaluations compare with the 400 rows of prepared "
        "up to 2018-05-04"
    )
    assert [of_step(day, "package").outputs.get("version") for day in everything.days[3:]] == [
        "auto",
        "auto1",
        "auto2",
        "auto3",
    ]


@pytest.mark.slow
def test_without_drift_alarms_are_as_rare_as_the_level_of_the_check(
    quiet: Path, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    check = "checks:\n  - {metric: column_p_value, columns: [amount, age, shop], min: 0.01}\n"
    folder = copy_dated(quiet, tmp_path, files={"evaluation-stores/quality.yaml": check})
    seeds = repetitions(quick=1, whole=20)
    alarms = 0

    for seed in range(seeds):
        write_payments(folder, seed=seed)
        run = dry_run(folder, "retrain", *MAY, reference_days=30)
        alarms += len(fired(run))

    # A binomial of 30 days each at 0.01: beyond these in one of a thousand.
    assert alarms <= {1: 3, 20: 15}[seeds]


@pytest.mark.slow
def test_two_dry_runs_print_the_same_bytes_and_change_nothing(quiet: Path, tmp_path: Path) -> None:
    folder = copy_dated(quiet, tmp_path, drifted=[date(2018, 5, 3)])
    before = fingerprint(folder)

    command = [sys.executable, "-m", "scoreline", "scenario", "dry-run", "retrain", "--json"]
    command += ["--from", "2018-05-01", "--to", "2018-05-06"]

    printed = [
        subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert printed[0] == printed[1]
    assert fingerprint(folder) == before
    assert [day["trained"] for day in json.loads(printed[0])["days"]] == [[], [], ["fraud"], [], [], []]


def test_later_rows_are_never_seen(tmp_path: Path, quiet: Path) -> None:
    last = date(2018, 5, 3)
    without_later = copy_dated(quiet, tmp_path / "cut", until=last)
    with_junk = copy_dated(quiet, tmp_path / "junk", drifted=days(date(2018, 5, 4), date(2018, 5, 31)))

    runs = [
        msgspec.json.encode(dry_run(folder, "retrain", LEARNED, last).days)
        for folder in (quiet, without_later, with_junk)
    ]

    assert runs[0] == runs[1] == runs[2]


def test_a_model_that_has_learned_from_later_rows_is_told_and_not_compared_with(tmp_path: Path) -> None:
    files = {"project.yaml": FILES["project.yaml"].replace("2018-05-01", "2018-05-20")}
    folder = write_dated(tmp_path, files=files)

    run = dry_run(folder, "retrain", *(date(2018, 5, 10), date(2018, 5, 11)))

    [told] = [note for note in run.notes if "model" in note]
    assert told.startswith("model fraud is version t1, which was trained on other rows than were known on")
    assert told.endswith("compare with the 15600 rows of prepared up to 2018-05-09")
    # What the model learns from has grown by a day: a real evaluation would train first.
    assert of_step(run.days[0], "evaluate").message.startswith("evaluation e1 of 400 rows; before, what it ")
    assert fired(run) == ["2018-05-10", "2018-05-11"]


@pytest.mark.slow
def test_training_really_uses_what_was_known_and_stays_out_of_the_project(tmp_path: Path) -> None:
    files = {"project.yaml": FILES["project.yaml"].replace("2018-05-01", "2018-05-20")}
    folder = write_dated(tmp_path, files=files)
    before = fingerprint(folder)

    run = dry_run(folder, "retrain", date(2018, 5, 10), date(2018, 5, 11), train=True)

    assert fingerprint(folder) == before
    assert run.trained_really
    [told] = [note for note in run.notes if "model" in note]
    assert told.startswith(
        "model fraud as of 2018-05-09: trained on 15600 rows; version t2 is active: auc 0."
    )
    assert "trained on 16000 rows; version t3 is active" in of_step(run.days[0], "evaluate").message
    assert "trained on 16400 rows; version t4 is active" in of_step(run.days[1], "evaluate").message


def test_a_window_of_several_days_smooths(quiet: Path) -> None:
    run = dry_run(quiet, "retrain", date(2018, 5, 8), date(2018, 5, 9), window=7)

    assert [of_step(day, "evaluate").message for day in run.days] == [
        "evaluation e1 of 2800 rows",
        "evaluation e2 of 2800 rows",
    ]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("{kind: time, cron: '0 3 * * MON', zone: Europe/Paris}", ["2018-05-07"]),
        ("{kind: time, cron: '30 23 4 * *', zone: America/New_York}", ["2018-05-05"]),
        ("{kind: dataset_changed, datasets: [prepared]}", ["2018-05-04", "2018-05-06", "2018-05-07"]),
        (
            "{kind: sql_changed, inputs: [payments], query: SELECT count(*) > 12000 + 800 FROM payments}",
            ["2018-05-06"],
        ),
    ],
)
def test_triggers_fire_by_the_virtual_clock(
    quiet: Path, tmp_path: Path, trigger: str, expected: list[str]
) -> None:
    gaps = [date(2018, 5, 2), date(2018, 5, 3), date(2018, 5, 5)]
    steps = "  - {id: count, kind: compute_metrics, dataset: payments}\n"
    folder = copy_dated(quiet, tmp_path, without=gaps, files=with_scenario(steps, f"[{trigger}]"))

    run = dry_run(folder, "retrain", date(2018, 5, 2), date(2018, 5, 7), dates={"payments": "paid_at"})

    assert [day.day for day in run.days if day.outcome is not None] == expected
    assert all(day.fired for day in run.days if day.outcome is not None)


def test_triggers_that_cannot_be_told_are_left_out(quiet: Path, tmp_path: Path) -> None:
    triggers = "[{kind: webhook}, {kind: time, cron: '0 3 * * *', enabled: false}]"
    files = with_scenario("  - {id: set, kind: set_variables, variables: {a: 1}}\n", triggers)
    folder = copy_dated(quiet, tmp_path, files=files)

    run = dry_run(folder, "retrain", date(2018, 5, 1), date(2018, 5, 2), dates={"payments": "paid_at"})

    assert [day.fired for day in run.days] == [("once a day",)] * 2
    assert run.notes == (
        "triggers of kind webhook are left out: what they wait for is not known",
        "it is run once a day, since no trigger says when",
    )


EFFECTS = """
  - {id: build, kind: build}
  - {id: count, kind: compute_metrics, dataset: prepared}
  - {id: ask, kind: sql, inputs: [prepared], query: SELECT min(paid_at) AS first FROM prepared}
  - {id: remember, kind: set_variables, scope: project, variables: {last_rows: '${steps.count.output.rows}'}}
  - {id: py, kind: python, code: "def run(variables):\\n    return 1 / 0\\n"}
  - {id: made, kind: create_version, service: fraud_detection}
  - {id: again, kind: create_version, service: fraud_detection, variable: made, published_service: other}
  - id: mapping
    kind: set_mapping
    deployment: d
    shares: [{version: '${steps.made.output.version}', share: 0.25}, {version: '${made}', share: 0.75}]
  - {id: try, kind: run_test_queries, deployment: d}
  - {id: wait, kind: approval}
  - {id: other, kind: run_scenario, scenario: other}
  - {id: stop, kind: stop_scenario, scenario: other}
  - {id: tell, kind: message, message: {kind: mail, to: [risk@example.com]}}
  - {id: hook, kind: message, message: {kind: slack, url: '${secret:hook}'}}
  - {id: db, kind: sql, connection: bank, query: DELETE FROM payments}
  - {id: dependent, kind: build, when: steps.py.output.x > 1}
"""


def test_what_has_effects_is_told_and_taken_to_succeed(quiet: Path, tmp_path: Path) -> None:
    files = {
        **with_scenario(EFFECTS),
        "scenarios/other.yaml": "steps: []\n",
        "connections/bank.yaml": "url: sqlite:///bank.sqlite\n",
    }
    folder = copy_dated(quiet, tmp_path, files=files)
    before = fingerprint(folder)

    run = dry_run(folder, "retrain", date(2018, 5, 1), date(2018, 5, 2))

    assert fingerprint(folder) == before
    first, second = run.days
    told = {step.step: step.message for step in first.steps if step.simulated}
    assert told == {
        "py": "would run its code; what it gives is not known",
        "made": "would make version v1 of fraud_detection, and publish it as one of fraud_detection",
        "again": "would make version v2 of fraud_detection, and publish it as one of other",
        "mapping": "would let v1 0.25, v2 0.75 answer on d",
        "try": "would ask d its test queries",
        "wait": "would wait for an approval; taken as approved",
        "other": "would run scenario other",
        "stop": "would end the run of scenario other, if one goes on",
        "tell": "would send a mail to risk@example.com",
        "hook": "would send a message (slack)",
        "db": "would ask connection bank; what it answers is not known",
    }
    assert of_step(first, "build").message == "would build the whole flow; evaluation e1 of 400 rows"
    assert of_step(first, "count").outputs["rows"] == 400
    assert of_step(second, "ask").outputs["value"].startswith("2018-05-02")
    assert of_step(first, "dependent").message.startswith("its condition 'steps.py.output.x > 1' cannot be")
    assert of_step(second, "made").outputs["version"] == "v3"
    assert first.outcome == "FAILED"


def test_a_python_recipe_runs_on_the_rows_of_the_day_and_leaves_nothing_behind(tmp_path: Path) -> None:
    files = {
        "recipes/prepare.sql": None,
        "recipes/prepare.yaml": "kind: python\ninputs: [payments]\noutputs: [prepared]\n",
        "recipes/prepare.py": (
            "import sys\n\nsys.path.append('lib')\nimport shapes\n\n\n"
            "def run(payments):\n    return shapes.doubled(payments)\n"
        ),
        "lib/shapes.py": "def doubled(rows):\n    return rows.assign(amount=rows.amount * 2)\n",
    }
    folder = write_dated(tmp_path, files=files)
    shutil.rmtree(folder / "lib" / "__pycache__", ignore_errors=True)
    before = fingerprint(folder)

    run = dry_run(folder, "retrain", date(2018, 5, 1), date(2018, 5, 1))

    assert fingerprint(folder) == before
    assert of_step(run.days[0], "evaluate").message == "evaluation e1 of 400 rows"


def test_what_cannot_be_is_refused_with_what_to_do(tmp_path: Path, quiet: Path) -> None:
    first, last = date(2018, 5, 1), date(2018, 5, 2)
    with pytest.raises(NotFound, match="no scenario 'retrian'; did you mean 'retrain'"):
        dry_run(quiet, "retrian", first, last)
    with pytest.raises(Invalid, match="is before the first"):
        dry_run(quiet, "retrain", last, first)
    with pytest.raises(Invalid, match="3660 days at most"):
        dry_run(quiet, "retrain", date(1990, 1, 1), last)
    with pytest.raises(Invalid, match="of one day at least"):
        dry_run(quiet, "retrain", first, last, window=0)
    with pytest.raises(NotFound, match="no dataset 'payment'; did you mean 'payments'"):
        dry_run(quiet, "retrain", first, last, dates={"payment": "at"})
    with pytest.raises(Invalid, match="no column 'paidat'; did you mean 'paid_at'"):
        dry_run(quiet, "retrain", first, last, dates={"payments": "paidat"})
    with pytest.raises(Invalid, match="'amount' of dataset 'payments' is double, not dates"):
        dry_run(quiet, "retrain", first, last, dates={"payments": "amount"})
    with pytest.raises(Invalid, match="'prepared' is made by recipe 'prepare'; name the dates of what it is"):
        dry_run(quiet, "retrain", first, last, dates={"prepared": "paid_at"})
    (tmp_path / "project.yaml").write_text("id: x\n")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "a.yaml").write_text("steps: []\n")
    with pytest.raises(Invalid, match="say which one it is, as DATASET=COLUMN"):
        dry_run(tmp_path, "a", first, last)


def test_a_model_that_was_never_trained_is_told_or_trained(quiet: Path, tmp_path: Path) -> None:
    copy_dated(quiet, tmp_path)
    shutil.rmtree(tmp_path / ".scoreline")
    first, last = date(2018, 5, 1), date(2018, 5, 1)

    with pytest.raises(
        NotFound, match="'fraud' has no version yet: scoreline build fraud, or let the dry run"
    ):
        dry_run(tmp_path, "retrain", first, last)
    run = dry_run(tmp_path, "retrain", first, last, train=True)

    assert run.notes[-1].startswith(
        "model fraud as of 2018-04-30: trained on 12000 rows; version t1 is active"
    )
    assert fired(run) == []
    assert not (tmp_path / ".scoreline").exists()


def test_rows_that_are_too_few_or_on_other_days_are_noted(tmp_path: Path) -> None:
    folder = write_dated(tmp_path, rows=40, until=date(2018, 5, 10))

    few = dry_run(folder, "retrain", date(2018, 5, 1), date(2018, 5, 1))
    none = dry_run(folder, "retrain", date(2019, 5, 1), date(2019, 5, 1))

    assert few.notes[0] == (
        "payments has about 40 rows in a day, and so few differ by chance; a window of 25 days has about 1000"
    )
    assert none.notes[0] == "payments has rows of 2018-04-01 to 2018-05-10: none of these days"
    assert none.days[0].outcome == "WARNING"


def test_a_scenario_sees_the_triggers_and_variables_of_a_run(quiet: Path, tmp_path: Path) -> None:
    steps = (
        "  - {id: say, kind: approval, text: '${trigger.due_at} ${run.id} ${learn_until} ${seen}'}\n"
        "  - {id: keep, kind: set_variables, scope: project, variables: {learn_until: '2018-05-02'}}\n"
    )
    text = with_scenario(steps, "[{kind: time, cron: '0 3 * * *'}]")["scenarios/retrain.yaml"]
    folder = copy_dated(quiet, tmp_path, files={"scenarios/retrain.yaml": text + "variables: {seen: 1}\n"})

    run = dry_run(folder, "retrain", date(2018, 5, 1), date(2018, 5, 2), dates={"payments": "paid_at"})

    assert [day.outcome for day in run.days] == ["SUCCESS", "SUCCESS"]
    assert run.days[0].fired == ("it was due at 2018-05-01T03:00:00+00:00 (0 3 * * *, UTC)",)
