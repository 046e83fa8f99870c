"""What a scenario would do, told by the control API: what will fail in it, and dry runs as jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.automation.dated_project import write_dated
from tests.deployer.processes import ControlPlane

from scoreline.cli.main import run
from scoreline.client.client import Client
from scoreline.core.dry_run import DryRunSettings
from scoreline.core.job import JobOutcome
from scoreline.errors import Conflict, Invalid, NotFound

WEEK = DryRunSettings(since=date(2018, 5, 1), until=date(2018, 5, 7), window=7)
YEARS = DryRunSettings(since=date(2009, 1, 1), until=date(2018, 5, 7), window=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dated(tmp_path_factory.mktemp("dated") / "payments", drifted=[date(2018, 5, 5)], rows=60)


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("dry") / "home")
    running.start()
    yield running
    running.clear()


@pytest.fixture(scope="module")
def client(control_plane: ControlPlane, folder: Path) -> Iterator[Client]:
    with control_plane.client() as client:
        client.add_project(str(folder))
        yield client


def test_a_check_names_the_step_that_will_fail(client: Client) -> None:
    found = client.check_scenario("payments", "retrain")

    assert [(one.severity, one.step) for one in found] == [("error", "deploy")]
    assert "no deployment" in found[0].message


@pytest.mark.usefixtures("client")
def test_the_command_asks_the_control_plane_where_the_project_is_named_as_it_knows_it(
    control_plane: ControlPlane, capfd: pytest.CaptureFixture[str]
) -> None:
    place = ["--project", "payments", "--home", str(control_plane.home)]

    assert run(["scenario", "check", *place]) == 1
    assert "no deployment" in capfd.readouterr().out
    assert run(["scenario", "dry-run", "retrain", "--from", "2018-05-02", "--to", "2018-05-01", *place]) == 4
    assert "before the first" in capfd.readouterr().err


def test_a_check_of_a_broken_file_names_the_step_that_is_wrong(client: Client, folder: Path) -> None:
    file = folder / "scenarios" / "broken.yaml"
    file.write_text("steps:\n  - {id: learn, kind: train, model: nobody}\n")
    try:
        found = client.check_scenario("payments", "broken")
    finally:
        file.unlink()

    assert [(one.scenario, one.step) for one in found] == [("broken", "learn")]


def test_a_check_of_a_scenario_that_is_not_there_names_the_nearest(client: Client) -> None:
    with pytest.raises(NotFound, match="retrain"):
        client.check_scenario("payments", "retrian")


@pytest.mark.slow
def test_a_dry_run_is_a_job_that_tells_each_day(client: Client) -> None:
    found = client.dry_run("payments", "retrain", WEEK)
    [job] = client.dry_runs("payments", "retrain")

    assert [day.day for day in found.days] == [f"2018-05-0{day}" for day in range(1, 8)]
    assert found.days[-1].steps[0].outcome.value == "SUCCESS"
    assert (job.outcome, job.title) == (
        JobOutcome.SUCCESS,
        "dry run of retrain from 2018-05-01 to 2018-05-07",
    )
    assert "day 7 of 7, 2018-05-07" in client.project_job_log("payments", job.id)
    assert list(client.dry_runs("payments", "another")) == []


@pytest.mark.slow
def test_a_dry_run_can_be_cancelled(client: Client) -> None:
    job = client.start_dry_run("payments", "retrain", YEARS)

    cancelled = client.cancel_project_job("payments", job.id)

    assert cancelled.outcome is JobOutcome.CANCELLED
    with pytest.raises(Conflict):
        client.wait_for_job(cancelled)


def test_days_that_cannot_be_are_refused_before_a_job_begins(client: Client) -> None:
    backwards = DryRunSettings(since=date(2018, 5, 2), until=date(2018, 5, 1))

    with pytest.raises(Invalid, match="before the first") as refused:
        client.dry_run("payments", "retrain", backwards)
    with pytest.raises(NotFound):
        client.dry_run("payments", "retrian", WEEK)

    assert refused.value.code == "bad-days"


def test_the_names_of_a_project_are_told_by_kind_without_what_is_broken(client: Client, folder: Path) -> None:
    file = folder / "datasets" / "broken.yaml"
    file.write_text("kind: nothing\n")
    try:
        names = client.project_names("payments")
    finally:
        file.unlink()

    assert names.datasets == ("known", "payments", "prepared")
    assert (names.models, names.evaluation_stores, names.services) == (
        ("fraud",),
        ("quality",),
        ("fraud_detection",),
    )
    assert (names.scenarios, names.connections, names.variables) == (("retrain",), (), ("learn_until",))
