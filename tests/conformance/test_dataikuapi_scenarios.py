"""The unmodified client `dataikuapi` works with scenarios and their runs: each method, and what it reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dataikuapi import DSSClient
from dataikuapi.dss.project import DSSProject
from dataikuapi.dss.scenario import DSSScenario, StepBasedScenarioSettings
from dataikuapi.utils import DataikuException
from tests.conformance.platform import PROJECT, SERVICE, dss_client
from tests.deployer.processes import ControlPlane, wait_until
from tests.studio.small_project import write_project

CODE = """
def run(variables):
    print('it says', variables['word'])
    return {'length': len(variables['word'])}
"""


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("scenarios")
    running = ControlPlane(folder / "home", trigger_seconds=1000)
    running.start()
    with running.client() as client:
        client.add_project(write_project(folder / "cards"))
    yield running
    running.clear()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[DSSClient]:
    with dss_client(control_plane) as opened:
        yield opened


@pytest.fixture
def project(client: DSSClient) -> DSSProject:
    return client.get_project(PROJECT)


def python(code: str = CODE, **more: Any) -> dict[str, Any]:
    return {"id": "say", "name": "Say it", "type": "custom_python", "params": {"script": code}, **more}


def made(project: DSSProject, name: str, *steps: dict[str, Any], **settings: Any) -> DSSScenario:
    return project.create_scenario(
        name, "step_based", {"params": {"steps": list(steps)}, "variables": {"word": "yes"}, **settings}
    )


def waiting(project: DSSProject, name: str) -> DSSScenario:
    """A scenario that waits until somebody ends it."""
    return made(project, name, {"id": "ask", "type": "scoreline_approval", "params": {"text": "go on?"}})


def running_step(scenario: DSSScenario) -> Any:
    """The current run, once its first step waits."""

    def look() -> Any:
        run = scenario.get_current_run()
        return run if run is not None and run.get_details()["stepRuns"] else None

    return wait_until(look, "the step waits")


# Scenarios


def test_scenarios_are_made_listed_and_deleted(project: DSSProject) -> None:
    scenario = project.create_scenario("Retrain & Deploy", "step_based")
    again = project.create_scenario("Retrain & deploy", "step_based")

    assert (scenario.id, again.id) == ("retrain_and_deploy", "retrain_and_deploy_2")
    items = {item.to_scenario().id: item for item in project.list_scenarios()}
    assert items["retrain_and_deploy"].id == "Retrain & Deploy"  # the client gives the name there
    assert items["retrain_and_deploy"].running is False
    assert scenario.id in [one.id for one in project.list_scenarios(as_type="objects")]
    again.delete()
    scenario.delete()
    assert "retrain_and_deploy" not in [one.id for one in project.list_scenarios(as_type="objects")]
    with pytest.raises(DataikuException, match="no scenario 'retrain_and_deploy'"):
        scenario.get_status()


def test_settings_are_read_changed_and_saved(project: DSSProject) -> None:
    scenario = made(project, "changed", python())
    settings = scenario.get_settings()
    assert isinstance(settings, StepBasedScenarioSettings)
    assert settings.active is True
    assert settings.run_as is None
    assert settings.effective_run_as
    assert [step["type"] for step in settings.raw_steps] == ["custom_python"]

    settings.active = False
    settings.raw_steps.append(
        {
            "id": "make",
            "type": "prepare_lambda_package",
            "runConditionType": "RUN_CONDITIONALLY",
            "runConditionExpression": "stepOutcome_say == 'SUCCESS' && outcome != 'FAILED'",
            "params": {"serviceId": SERVICE, "packageId": "auto", "targetVariable": "versionid"},
        }
    )
    settings.raw_reporters.append(
        {
            "phase": "END",
            "runConditionEnabled": True,
            "runCondition": "outcome == 'FAILED'",
            "messaging": {"type": "slack-scenario", "configuration": {"webhookUrl": "${env:SLACK}"}},
        }
    )
    settings.save()

    after = scenario.get_settings()
    assert after.active is False
    assert [step["id"] for step in after.raw_steps] == ["say", "make"]
    assert after.raw_steps[1]["runConditionExpression"].startswith("stepOutcome_say == 'SUCCESS'")
    assert after.raw_reporters[0]["runCondition"] == "outcome == 'FAILED'"
    before = after.get_raw().copy()
    after.save()
    again = scenario.get_settings().get_raw()
    assert {**again, "versionTag": 0} == {**before, "versionTag": 0}


def test_a_scenario_is_made_of_the_settings_of_another_one(project: DSSProject) -> None:
    first = made(project, "first", python())

    second = project.create_scenario("second", "step_based", first.get_settings().get_raw())

    assert second.id == "second"
    assert second.get_settings().raw_steps == first.get_settings().raw_steps
    first.delete()
    second.delete()


def test_what_is_read_and_saved_leaves_the_file_as_it_was(
    project: DSSProject, control_plane: ControlPlane
) -> None:
    template = (
        Path(__file__).parents[2] / "src/scoreline/templates/real-time-apis/scenarios/retrain_model.yaml"
    )
    with control_plane.client() as client:
        folder = Path(client.projects()[0].folder)
    text = template.read_text()
    for ours, theirs in (
        ("evaluation_of_predict_authorized_flag", "store"),
        ("predict_authorized_flag", "fraud"),
        ("new_transactions_prepared", "payments"),
    ):
        text = text.replace(ours, theirs)
    (folder / "evaluation-stores").mkdir(exist_ok=True)
    (folder / "evaluation-stores" / "store.yaml").write_text("checks: [{metric: data_drift, max: 0.6}]\n")
    (folder / "recipes" / "evaluate.yaml").write_text(
        "kind: evaluate\ninput: payments\nmodel: fraud\nstore: store\n"
    )
    file = folder / "scenarios" / "retrain_model.yaml"
    file.write_text(text)

    scenario = project.get_scenario("retrain_model")
    settings = scenario.get_settings()
    settings.save()

    assert file.read_text() == text
    named = text.replace("name: Retrain Model", "name: retrain_model")
    file.write_text(named)
    scenario.get_settings().save()
    assert file.read_text() == named
    assert [step["type"] for step in settings.raw_steps] == [
        "build_flowitem",
        "check_dataset",
        "scoreline_sql",
        "set_project_vars",
        "build_flowitem",
    ]
    scenario.delete()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw["params"]["steps"][0].update(wat=1), r"params.steps\[0\] has 'wat'"),
        (lambda raw: raw["params"]["steps"][0]["params"].update(env=1), r"\(say\): params has 'env'"),
        (
            lambda raw: raw["params"]["steps"][0].update(type="webapp"),
            r"\(say\): type 'webapp' cannot be kept",
        ),
        (lambda raw: raw.update(type="custom_python"), "type must be step_based"),
        (
            lambda raw: raw["triggers"].append({"type": "custom_python"}),
            r"triggers\[0\]: type 'custom_python'",
        ),
        (lambda raw: raw["params"]["steps"][0]["params"].update(script="x ="), "not Python"),
        (lambda raw: raw.update(runAsUser="ann"), "has 'runAsUser'"),
    ],
)
def test_what_a_scenario_cannot_be_is_refused_and_changes_nothing(
    project: DSSProject, change: Any, message: str
) -> None:
    scenario = made(project, "strict", python())
    settings = scenario.get_settings()
    before = scenario.get_settings().get_raw()
    change(settings.get_raw())

    with pytest.raises(DataikuException, match=message):
        settings.save()

    assert scenario.get_settings().get_raw() == before
    scenario.delete()


def test_scenarios_that_are_scripts_are_refused(project: DSSProject) -> None:
    with pytest.raises(DataikuException, match="type must be step_based"):
        project.create_scenario("script", "custom_python")


def test_triggers_are_added_with_the_clients_own_words(project: DSSProject) -> None:
    scenario = made(project, "timed", python())
    settings = scenario.get_settings()
    assert scenario.get_status().next_run is None
    settings.add_periodic_trigger(every_minutes=15)
    settings.add_hourly_trigger(minute_of_hour=20, repeat_every=6)
    settings.add_daily_trigger(hour=3, minute=30, timezone="Europe/Paris")
    settings.add_daily_trigger(hour=3, days=["Monday", "Friday"])
    settings.add_monthly_trigger(day=15, hour=4)
    settings.add_monthly_trigger(run_on="LAST_DAY_OF_THE_MONTH")
    settings.save()

    after = scenario.get_settings()
    assert [trigger["params"]["frequency"] for trigger in after.raw_triggers] == [
        "Minutely",
        "Hourly",
        "Daily",
        "Weekly",
        "Monthly",
        "Monthly",
    ]
    assert after.raw_triggers[2]["params"]["timezone"] == "Europe/Paris"
    status = scenario.get_status()
    assert status.running is False
    assert status.next_run - datetime.now(status.next_run.tzinfo) < timedelta(minutes=15)
    after.add_periodic_trigger(every_minutes=7)
    with pytest.raises(DataikuException, match=r"triggers\[6\]: repeatFrequency is 7"):
        after.save()
    scenario.delete()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_deprecated_methods_work_too(project: DSSProject) -> None:
    scenario = made(project, "old", python())
    light = scenario.get_definition()
    light["active"] = False
    scenario.set_definition(light)
    whole = scenario.get_definition(with_status=False)
    whole["name"] = "Older"
    scenario.set_definition(whole, with_status=False)

    assert scenario.get_payload() == ""
    with pytest.raises(DataikuException, match="scenarios are made of steps"):
        scenario.set_payload("import dataiku")
    assert scenario.get_settings().active is False
    assert scenario.get_settings().get_raw()["name"] == "Older"
    scenario.delete()


# Runs


def test_a_run_is_waited_for_and_looked_at(project: DSSProject) -> None:
    scenario = made(
        project,
        "looked_at",
        python(),
        {
            "id": "never",
            "type": "kill_scenario",
            "params": {"scenarioId": "looked_at"},
            "runConditionStatuses": [],
        },
    )

    run = scenario.run_and_wait({"word": "welcome"})

    assert run.outcome == "SUCCESS"
    assert run.running is False
    assert run.trigger["type"] == "manual"
    assert run.duration > 0
    assert run.start_time < run.end_time
    assert run.get_info()["scenario"] == {
        "id": "looked_at",
        "name": "looked_at",
        "projectKey": PROJECT,
        "markedAsTest": False,
    }
    details = run.get_details()
    assert [step["step"] for step in details.steps] == [
        {"id": "say", "name": "Say it", "type": "custom_python"}
    ]
    assert details.last_step.outcome == "SUCCESS"
    assert details.last_step.job_ids == []
    assert details.first_error_details is None
    assert [step["reason"] for step in details["stepsNotRun"]] == ["it never runs"]
    assert "it says welcome" in run.get_log("say")
    assert "step say SUCCESS" in run.get_log() or "say: SUCCESS" in run.get_log()
    assert scenario.get_run(run.id).outcome == "SUCCESS"
    run.refresh()
    assert run.get_info()["runId"] == run.id
    scenario.delete()


def test_a_run_that_fails_raises_unless_told_not_to(project: DSSProject) -> None:
    scenario = made(project, "fails", python("def run(variables):\n    raise ValueError('too hot')\n"))

    with pytest.raises(DataikuException, match="Scenario run returned status FAILED"):
        scenario.run_and_wait()
    run = scenario.run_and_wait(no_fail=True)

    assert run.outcome == "FAILED"
    thrown = run.get_details().first_error_details
    assert thrown["title"] == "Step Say it has failed"
    assert "too hot" in thrown["message"]
    assert run.get_info()["result"]["message"].startswith("Say it: ValueError: too hot")
    with pytest.raises(DataikuException, match="status FAILED"):
        run.wait_for_completion()
    run.wait_for_completion(no_fail=True)
    scenario.delete()


def test_the_last_runs_are_listed_newest_first(project: DSSProject) -> None:
    scenario = made(project, "listed", python())
    assert scenario.get_last_runs() == []
    assert scenario.get_current_run() is None
    assert scenario.get_average_duration() is None
    with pytest.raises(ValueError, match="No scenario run completed"):
        scenario.get_last_finished_run()
    runs = [scenario.run_and_wait() for _ in range(3)]

    found = scenario.get_last_runs(limit=2)
    assert [run.id for run in found] == [runs[2].id, runs[1].id]
    assert scenario.get_last_finished_run().id == scenario.get_last_successful_run().id == runs[2].id
    assert scenario.get_average_duration() == pytest.approx(sum(run.duration for run in runs) / 3)
    assert scenario.get_average_duration(limit=9) is None
    today = datetime.now(UTC)
    within = scenario.get_runs_by_date(today - timedelta(days=2), today + timedelta(days=2))
    assert [run.id for run in within] == [run.id for run in reversed(runs)]
    assert scenario.get_runs_by_date("2017-01-01", "2017-01-02") == []
    scenario.delete()


def test_a_run_goes_on_until_it_is_aborted(project: DSSProject, client: DSSClient) -> None:
    scenario = waiting(project, "waits")
    fire = scenario.run()
    run = fire.wait_for_scenario_run()
    running_step(scenario)

    assert run.running
    assert scenario.get_status().running is True
    assert scenario.get_current_run().id == run.id
    with pytest.raises(ValueError, match="not available"):
        _ = run.outcome
    with pytest.raises(ValueError, match="has not completed"):
        _ = run.end_time
    listed = client.list_running_scenarios(all_users=True)
    [mine] = [one for one in listed if one["payload"]["scenarioId"] == "waits"]
    assert mine["payload"]["projectKey"] == PROJECT
    assert client.get_future(mine["jobId"]).get_state()["hasResult"] is False
    assert mine["jobId"] not in [one.job_id for one in client.list_futures(all_users=True)]

    scenario.abort()
    run.wait_for_completion(no_fail=True)

    assert run.outcome == "ABORTED"
    assert client.get_future(mine["jobId"]).get_state()["result"]["result"]["outcome"] == "ABORTED"
    assert scenario.get_current_run() is None
    scenario.abort()  # nothing runs, and nothing happens
    scenario.delete()


def test_a_run_is_aborted_as_the_future_that_it_is(project: DSSProject, client: DSSClient) -> None:
    scenario = waiting(project, "future")
    run = scenario.run().wait_for_scenario_run()
    running_step(scenario)
    [mine] = [
        one for one in client.list_running_scenarios(all_users=True) if one["payload"]["runId"] == run.id
    ]

    client.get_future(mine["jobId"]).abort()

    assert client.get_future(mine["jobId"]).wait_for_result()["result"]["outcome"] == "ABORTED"
    scenario.delete()


def test_a_fire_while_the_scenario_runs_is_cancelled(project: DSSProject) -> None:
    scenario = waiting(project, "busy")
    first = scenario.run()
    run = first.wait_for_scenario_run()

    second = scenario.run()

    assert second.get_raw()["cancelled"] is True
    assert second.is_cancelled(refresh=True)
    assert second.get_scenario_run() is None
    assert second.wait_for_scenario_run(no_fail=True) is None
    with pytest.raises(DataikuException, match="cancelled"):
        second.wait_for_scenario_run()
    assert first.is_cancelled(refresh=True) is False
    again = scenario.get_trigger_fire(first.trigger_id, first.run_id)
    assert again.get_scenario_run().id == run.id
    with pytest.raises(DataikuException, match="scenario 'busy' is running; abort run"):
        scenario.delete()
    scenario.abort()
    run.wait_for_completion(no_fail=True)
    scenario.delete()


def test_steps_that_build_name_their_builds(project: DSSProject) -> None:
    build = {
        "id": "train",
        "type": "build_flowitem",
        "params": {
            "builds": [{"type": "SAVED_MODEL", "itemId": "fraud"}],
            "jobType": "NON_RECURSIVE_FORCED_BUILD",
        },
    }
    package = {
        "id": "make",
        "type": "prepare_lambda_package",
        "params": {"serviceId": SERVICE, "packageId": "auto", "targetVariable": "versionid"},
    }
    scenario = made(project, "builds", build, package)

    first, second = scenario.run_and_wait(), scenario.run_and_wait()

    assert len(first.get_details().steps[0].job_ids) == 1
    assert first.get_info()["variables"]["versionid"] == "auto"
    assert second.get_info()["variables"]["versionid"] == "auto1"
    packages = [one["id"] for one in project.get_api_service(SERVICE).list_packages()]
    assert {"auto", "auto1"} <= set(packages)
    scenario.delete()


def test_runs_of_others_are_not_found(project: DSSProject) -> None:
    one, other = made(project, "one", python()), made(project, "other", python())
    run = one.run_and_wait()

    for missing in (run.id, "999999", "x"):
        with pytest.raises(DataikuException, match=f"scenario 'other' has no run '{missing}'"):
            other.get_run(missing)
    with pytest.raises(DataikuException, match="the project has no scenario 'nothing'"):
        project.get_scenario("nothing").run()
    with pytest.raises(DataikuException, match="'two words' cannot be a variable"):
        one.run({"two words": 1})
    one.delete()
    other.delete()


def test_several_clients_wait_at_once(project: DSSProject) -> None:
    scenario = waiting(project, "shared")
    fire = scenario.run()
    outcomes: list[str] = []

    def wait() -> None:
        run = fire.wait_for_scenario_run()
        run.wait_for_completion(no_fail=True)
        outcomes.append(run.outcome)

    waiters = [threading.Thread(target=wait) for _ in range(3)]
    for one in waiters:
        one.start()
    running_step(scenario)
    scenario.abort()
    for one in waiters:
        one.join(60)

    assert outcomes == ["ABORTED"] * 3
    scenario.delete()
