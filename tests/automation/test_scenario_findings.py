"""`scoreline scenario check` finds what will fail in a scenario as things stand, without a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.automation.dated_project import FILES, fingerprint, write_dated
from tests.cli.commands import Commands, running_commands

from scoreline.automation.scenario_findings import Deployed, findings
from scoreline.cli.main import run
from scoreline.errors import NotFound
from scoreline.studio.packaging import create_version


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dated(tmp_path_factory.mktemp("built"), rows=40)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing of it was built yet."""
    folder = tmp_path_factory.mktemp("new")
    for name, text in FILES.items():
        write(folder, name, text)
    write(folder, "data/payments.csv", "paid_at,amount,age,shop,refused\n2018-04-01,1,2,a,no\n")
    return folder


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with running_commands(tmp_path_factory.mktemp("home")) as running:
        yield running


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.lstrip("\n"))


def said(folder: Path, steps: str, triggers: str = "[]", **more: object) -> list[str]:
    """What is found in a scenario of these steps, one a line."""
    lines = "".join(f"  - {step}\n" for step in steps.strip().splitlines())
    write(folder, "scenarios/it.yaml", f"triggers: {triggers}\nsteps:\n{lines}")
    try:
        found = findings(folder, "it", **more)  # type: ignore[arg-type]
    finally:
        (folder / "scenarios/it.yaml").unlink()
    return [f"{one.severity} {one.where}: {one.message}" for one in found]


def test_a_scenario_that_makes_what_it_needs_has_nothing_to_be_found(built: Path, new: Path) -> None:
    assert findings(built) == ()
    assert findings(new) == ()


def test_looking_changes_nothing(built: Path) -> None:
    before = fingerprint(built)

    findings(built)

    assert fingerprint(built) == before


def test_problems_of_the_files_come_first_with_their_lines(built: Path) -> None:
    found = said(built, "{id: a, kind: train, model: frod, when: steps.b.ran}")

    assert found == [
        "error scenarios/it.yaml:3: steps[0].when: there is no step 'b'; there is: a",
        "error scenarios/it.yaml:3: steps[0].model: there is no saved model 'frod'; did you mean 'fraud'?",
    ]


def test_what_was_never_made_and_that_nothing_before_makes_is_found(new: Path) -> None:
    steps = """
{id: package, kind: create_version, service: fraud_detection}
{id: checks, kind: run_checks, store: quality}
{id: count, kind: compute_metrics, dataset: known}
{id: old, kind: activate_version, model: fraud}
{id: older, kind: activate_version, model: fraud, version: t7}
{id: off, kind: run_checks, store: quality, enabled: false}
{id: never, kind: run_checks, store: quality, when: never}
"""
    made = "{id: all, kind: build}\n" + "\n".join(
        step for step in steps.strip().splitlines() if "older" not in step
    )

    assert said(new, steps) == [
        "error step package: model 'fraud' has no trained version, and no step before trains it",
        "error step checks: evaluation store 'quality' is empty, and no step before evaluates into it",
        "error step count: dataset 'known' has no rows yet, and no step before builds it",
        "error step old: model 'fraud' has no version yet, and no step before trains it",
        "error step older: model 'fraud' has no version 't7'; there is none yet",
    ]
    assert said(new, made) == []


def test_sources_that_are_not_there_are_found(tmp_path: Path) -> None:
    for name, text in FILES.items():
        write(tmp_path, name, text)

    found = said(
        tmp_path, "{id: train, kind: train, model: fraud}\n{id: x, kind: compute_metrics, dataset: payments}"
    )

    missing = "dataset 'payments': there is no file data/payments.csv in the project"
    assert found == [f"error step train: {missing}", f"error step x: {missing}"]


def test_a_store_without_checks_is_a_warning(built: Path) -> None:
    write(built, "evaluation-stores/bare.yaml", "{}\n")
    write(built, "recipes/bare.yaml", "{kind: evaluate, input: prepared, model: fraud, store: bare}\n")

    found = said(built, "{id: e, kind: evaluate, store: bare}\n{id: c, kind: run_checks, store: bare}")

    assert found == [
        "warning step c: evaluation store 'bare' has no checks; add some in evaluation-stores/bare.yaml"
    ]


def test_a_service_that_cannot_be_frozen_is_found(built: Path) -> None:
    write(built, "services/empty.yaml", "endpoints: []\n")
    write(
        built,
        "services/wrong.yaml",
        "endpoints: [{kind: lookup, id: find, lookups: [{dataset: known, keys: [{column: nobody}]}]}]\n",
    )
    steps = "{id: a, kind: create_version, service: empty}\n{id: b, kind: create_version, service: wrong}"

    empty, wrong = said(built, steps)

    assert empty == "error step a: service 'empty' has no endpoints; add one to services/empty.yaml"
    assert wrong.startswith(
        "error step b: endpoint 'find': dataset 'known' has no column 'nobody'; there is: "
    )


def test_a_version_that_is_there_already_is_found(tmp_path: Path) -> None:
    folder = write_dated(tmp_path, rows=40)
    create_version(folder, "fraud_detection", "v1", by="ann", progress=lambda _: None, environment={})
    steps = (
        "{id: a, kind: create_version, service: fraud_detection, version: v1, unique: false}\n"
        "{id: b, kind: create_version, service: fraud_detection, version: v1}"
    )

    [found] = said(folder, steps)

    assert found.startswith("error step a: service 'fraud_detection' has a version 'v1' already; let it be")


def test_sql_is_tried_on_the_columns_there_are(built: Path) -> None:
    steps = """
{id: good, kind: sql, inputs: [payments], query: SELECT avg(amount) FROM payments}
{id: typo, kind: sql, inputs: [payments], query: SELECT avg(amuont) FROM payments}
{id: two, kind: sql, inputs: [known], query: SELECT 1 FROM known; SELECT 2}
{id: later, kind: sql, inputs: [payments], query: 'SELECT ${steps.good.output.value} + amuont FROM payments'}
"""
    trigger = "[{kind: sql_changed, inputs: [payments], query: SELECT max(age) FROM payment, name: new}]"

    found = said(built, steps, trigger)

    assert [text.partition(":")[0] for text in found] == [
        "error trigger new",
        "error step typo",
        "error step two",
    ]
    assert "amuont" in found[1]
    assert found[2].endswith("the SQL must be one SELECT, and nothing else")


def test_deployments_and_versions_that_are_not_there_are_found(built: Path) -> None:
    deployed = Deployed(
        deployments={"fraud-on-local": "fraud_detection"}, versions={"fraud_detection": ("v1", "v2")}
    )
    steps = """
{id: a, kind: update_deployment, deployment: fraud-on-locl, version: v1}
{id: b, kind: update_deployment, deployment: fraud-on-local, version: v3}
{id: c, kind: create_version, service: fraud_detection, version: v3}
{id: d, kind: update_deployment, deployment: fraud-on-local, version: v3}
{id: e, kind: set_mapping, deployment: fraud-on-local, shares: [{version: v2, share: 1}]}
{id: f, kind: run_test_queries, deployment: other}
{id: g, kind: create_version, service: fraud_detection, version: v1, unique: false}
{id: h, kind: update_deployment, deployment: fraud-on-local, version: '${steps.c.output.version}'}
"""

    found = said(built, steps, deployed=deployed)

    assert found[:3] == [
        "error step a: there is no deployment 'fraud-on-locl'; did you mean 'fraud-on-local'?",
        "error step b: service 'fraud_detection' has no published version 'v3'; there is: v1, v2",
        "error step f: there is no deployment 'other'; there is: fraud-on-local",
    ]
    assert found[3].startswith(
        "error step g: service 'fraud_detection' has a version 'v1' already; let it be"
    )
    assert len(found) == 4
    assert said(built, steps) == []


def test_one_that_is_not_there_is_not_found(built: Path) -> None:
    with pytest.raises(NotFound, match="no scenario 'retrian'; did you mean 'retrain'"):
        findings(built, "retrian")


def test_the_command_prints_a_table_or_json_and_tells_by_its_exit_code(new: Path, commands: Commands) -> None:
    project = ("--project", str(new))
    write(new, "evaluation-stores/bare.yaml", "{}\n")
    write(new, "recipes/bare.yaml", "{kind: evaluate, input: prepared, model: fraud, store: bare}\n")
    write(
        new,
        "scenarios/warned.yaml",
        "steps:\n  - {id: e, kind: evaluate, store: bare}\n  - {id: c, kind: run_checks, store: bare}\n",
    )
    write(new, "scenarios/wrong.yaml", "steps: [{id: a, kind: run_checks, store: quality}]\n")
    try:
        fine = commands("scenario", "check", "retrain", *project)
        warned = commands("scenario", "check", "warned", *project, code=8)
        wrong = commands("scenario", "check", *project, code=1)
        listed = commands.json("scenario", "check", "wrong", *project, code=1)
        deployed = commands("scenario", "check", "retrain", "--deployed", *project, code=1)
    finally:
        (new / "scenarios/warned.yaml").unlink()
        (new / "scenarios/wrong.yaml").unlink()

    assert fine.err == "nothing was found: retrain can run\n"
    assert "warned    warning  step c  evaluation store 'bare' has no checks" in warned.out
    assert "wrong     error" in wrong.out
    assert [(one["severity"], one["where"]) for one in listed] == [("error", "step a")]
    assert "there is no deployment 'fraud_detection-on-local'; there is none yet" in deployed.out


def test_a_dry_run_is_printed_day_by_day(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["scenario", "dry-run", "retrain", "--from", "2018-05-01", "--to", "2018-05-02"]
    command += ["--project", str(built)]

    assert run(command) == 0
    shown = capsys.readouterr()
    assert run([*command, "--json", "--window", "7", "--dates", "payments=paid_at"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert run([*command, "--dates", "payments"]) == 4
    refused = capsys.readouterr()

    assert shown.out.splitlines()[1].startswith("2018-05-01 Tue  40")
    assert "note: payments has about 40 rows in a day" in shown.err
    assert (printed["window"], printed["dates"]) == (7, {"payments": "paid_at"})
    assert [day["day"] for day in printed["days"]] == ["2018-05-01", "2018-05-02"]
    assert "'payments' is not DATASET=COLUMN" in refused.err
