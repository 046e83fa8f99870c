"""The unmodified client `dataikuapi` reads, checks and builds evaluation stores, and asks for drift."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dataikuapi import DSSClient
from dataikuapi.dss.drift import (
    DataDriftParams,
    DriftParams,
    DriftResult,
    PerColumnDriftParamBuilder,
)
from dataikuapi.dss.evaluationstore import DSSEvaluationStore
from dataikuapi.dss.future import DSSFuture
from dataikuapi.dss.job import DSSJobWaiter
from dataikuapi.dss.modelevaluationstore import DSSModelEvaluationStore
from dataikuapi.utils import DataikuException
from tests.conformance.evaluated import MODEL, evaluated_platform
from tests.conformance.platform import PROJECT, client_of, dss_client
from tests.deployer.processes import ControlPlane, wait_until
from tests.studio.evaluated_project import STORE
from tests.studio.small_project import write

METRIC, LABEL = DSSEvaluationStore.MetricDefinition, DSSEvaluationStore.LabelDefinition
SLEEPER = "import time\ndef run(payments):\n    print('sleeping', flush=True)\n    time.sleep(300)\n"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with evaluated_platform(tmp_path_factory.mktemp("stores")) as running:
        yield running


@pytest.fixture
def project(control_plane: ControlPlane) -> Path:
    with control_plane.client() as client:
        return Path(client.projects()[0].folder)


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[DSSClient]:
    with dss_client(control_plane) as opened:
        yield opened


@pytest.fixture
def store(client: DSSClient) -> DSSModelEvaluationStore:
    return client.get_project(PROJECT).get_model_evaluation_store(STORE)


@pytest.fixture
def given(client: DSSClient) -> Iterator[DSSModelEvaluationStore]:
    """A store of its own, without evaluations."""
    made = client.get_project(PROJECT).create_model_evaluation_store("given")
    try:
        yield made
    finally:
        made.delete()


def test_stores_are_listed(client: DSSClient) -> None:
    project = client.get_project(PROJECT)

    (found,) = project.list_model_evaluation_stores()
    assert isinstance(found, DSSModelEvaluationStore)
    assert (found.id, found.mes_id) == (STORE, STORE)
    assert [one.id for one in project.list_evaluation_stores()] == [STORE]
    assert [one.id for one in project.list_evaluation_stores("TABULAR")] == [STORE]
    assert project.list_evaluation_stores("LLM") == []
    assert project.get_evaluation_store(STORE).id == STORE


def test_a_store_is_made_changed_and_deleted(client: DSSClient, project: Path) -> None:
    made = client.get_project(PROJECT).create_evaluation_store("Quality of the night", "TABULAR")
    file = project / "evaluation-stores/Quality_of_the_night.yaml"
    try:
        assert made.id == "Quality_of_the_night"
        assert file.read_text() == "name: Quality of the night\n"
        assert made.get_latest_evaluation() is None
        assert made.list_evaluations() == []
        settings = made.get_settings()
        settings.get_raw()["description"] = "made by a script"
        settings.get_raw()["metricsChecks"]["checks"].append(
            {
                "type": "numericRange",
                "meta": {"label": "Drift below 0.6", "name": "Value in range"},
                "metricId": "dataDrift",
                "computeOnBuildMode": "PARTITION",
                "maximum": 0.6,
                "maximumEnabled": True,
                "softMaximum": 0.55,
                "softMaximumEnabled": True,
                "minimum": 0.0,
                "minimumEnabled": False,
            }
        )
        settings.save()

        assert file.read_text() == (
            "name: Quality of the night\n"
            "checks:\n"
            "  - metric: data_drift\n"
            "    name: Drift below 0.6\n"
            "    soft_max: 0.55\n"
            "    max: 0.6\n"
            "description: made by a script\n"
        )
        (check,) = made.get_settings().get_raw()["metricsChecks"]["checks"]
        assert (check["metricId"], check["maximum"], check["minimumEnabled"]) == ("dataDrift", 0.6, False)
        with pytest.raises(DataikuException, match=r"Conflict: .*exists already"):
            client.get_project(PROJECT).create_evaluation_store("Quality of the night", "TABULAR")
    finally:
        made.delete()
    assert not file.exists()
    with pytest.raises(DataikuException, match="NotFound: the project has no evaluation store"):
        made.get_settings()


def test_other_kinds_of_stores_and_settings_are_refused(
    client: DSSClient, store: DSSModelEvaluationStore
) -> None:
    with pytest.raises(DataikuException, match="flavor 'LLM' cannot be made here"):
        client.get_project(PROJECT).create_evaluation_store("words", "LLM")
    with pytest.raises(DataikuException, match="cannot be the id of an evaluation store"):
        client.get_project(PROJECT).create_model_evaluation_store("…")
    for change, words in (
        ({"id": "x"}, "settings of another store"),
        ({"metricsChecks": {"checks": [{"type": "python", "metricId": "auc"}]}}, "of type 'python'"),
        ({"metricsChecks": {"checks": [{"metricId": "auc", "enabled": False}]}}, "is not enabled"),
        ({"metricsChecks": {"checks": [{"metricId": "auc"}]}}, "needs at least one bound"),
        ({"metricsChecks": {"checks": "x"}}, "must be a list"),
        ({"retention": {"days": 3}}, "'retention', which cannot be kept here"),
    ):
        settings = store.get_settings()
        settings.get_raw().update(change)
        with pytest.raises(DataikuException, match=words):
            settings.save()


def test_settings_read_and_saved_leave_the_file_as_it_is(
    store: DSSModelEvaluationStore, project: Path
) -> None:
    file = project / f"evaluation-stores/{STORE}.yaml"
    before = file.read_bytes()

    settings = store.get_settings()
    settings.get_raw()["metricsChecks"]["displayedState"] = {"checks": ["Data drift"]}
    settings.save()

    assert file.read_bytes() == before
    assert settings.model_evaluation_store is store


def test_usages_are_told_and_a_store_in_use_is_not_deleted(store: DSSModelEvaluationStore) -> None:
    assert [(one["objectType"], one["objectId"]) for one in store.get_usages()] == [
        ("RECIPE", "evaluate_fraud")
    ]
    with pytest.raises(DataikuException, match="Conflict: evaluation store 'quality' is used by recipe"):
        store.delete()


def test_evaluations_are_listed_the_oldest_first(store: DSSModelEvaluationStore, client: DSSClient) -> None:
    assert [one.evaluation_id for one in store.list_model_evaluations()][:2] == ["e1", "e2"]
    plain = client.get_project(PROJECT).get_evaluation_store(STORE)
    assert [one.evaluation_id for one in plain.list_evaluations()][:2] == ["e1", "e2"]
    newest = store.list_model_evaluations()[-1].evaluation_id
    assert store.get_latest_model_evaluation().evaluation_id == newest
    assert plain.get_latest_evaluation().evaluation_id == newest


def test_an_evaluation_is_read_whole(store: DSSModelEvaluationStore) -> None:
    evaluation = store.get_model_evaluation("e1")
    assert evaluation.full_id == evaluation.get_full_id() == f"ME-{PROJECT}-{STORE}-e1"
    assert evaluation.mes_id == STORE

    info = evaluation.get_full_info()

    assert info.full_id == evaluation.full_id
    assert info.model_evaluation is evaluation
    assert info.model_full_id == f"S-{PROJECT}-{MODEL}-t1"
    assert (info.prediction_type, info.prediction_variable, info.target_variable) == (
        "BINARY_CLASSIFICATION",
        "prediction",
        "refused",
    )
    assert info.has_model
    assert info.creation_date > 1_700_000_000_000
    assert 0.5 < info.metrics["auc"] <= 1
    assert info.metrics["dataDrift"] > 0.6
    assert info.metrics["logLoss"] > 0
    assert info.get_raw()["evaluation"]["dataset"] == "news"
    plain = store.get_evaluation("e1").get_full_info()
    assert plain.metrics == info.metrics


def test_what_people_say_of_an_evaluation_is_saved(store: DSSModelEvaluationStore) -> None:
    info = store.get_model_evaluation("e1").get_full_info()
    assert info.user_meta == {"name": "e1", "description": "", "labels": []}
    info.user_meta["name"] = "April"
    info.user_meta["labels"] = [{"key": "month", "value": "2017-04"}]

    info.save_user_meta()

    again = store.get_model_evaluation("e1").get_full_info().user_meta
    assert (again["name"], again["labels"]) == ("April", [{"key": "month", "value": "2017-04"}])
    info.user_meta["labels"].append({"key": "month", "value": "twice"})
    with pytest.raises(DataikuException, match="two labels have the key 'month'"):
        info.save_user_meta()


def test_metrics_are_read_of_one_of_the_last_and_over_time(store: DSSModelEvaluationStore) -> None:
    of_e1 = store.get_model_evaluation("e1").get_metrics()
    assert {"auc", "dataDrift", "predictionDriftPsi", "rows"} <= {
        one["metric"]["id"] for one in of_e1["metrics"]
    }
    newest = store.get_latest_model_evaluation()
    last = store.get_last_metric_values()
    assert last.get_global_value("auc") == newest.get_full_info().metrics["auc"]
    assert last.get_global_data("dataDrift")["partition"] == "NP"
    history = store.get_metric_history("dataDrift")
    assert [one["evaluationId"] for one in history["values"]][:2] == ["e1", "e2"]
    assert history["values"][0]["value"] > 0.6 > history["values"][1]["value"]
    # A metric as a dict raises NameError inside the client on Python 3; as JSON it is the same.
    assert store.get_metric_history('{"metric": {"id": "dataDrift"}}') == history
    assert store.get_metric_history("neverMeasured")["values"] == []
    with pytest.raises(DataikuException, match="is no metric"):
        store.get_metric_history('{"metric": 3}')


def test_metrics_are_computed_by_the_recipe_and_told(store: DSSModelEvaluationStore) -> None:
    whole = store.compute_metrics()
    assert whole == store.get_last_metric_values().get_raw()
    some = store.compute_metrics(metric_ids=["auc", "data_drift"])
    assert [one["metric"]["id"] for one in some["metrics"]] == ["auc", "dataDrift"]
    with pytest.raises(DataikuException, match="there are no probes"):
        store.compute_metrics(probes={"probes": [{"type": "basic"}]})


def test_checks_are_run_on_the_last_or_another_evaluation(store: DSSModelEvaluationStore) -> None:
    report = store.run_checks("e1")
    assert (report["evaluationId"], report["outcome"]) == ("e1", "ERROR")
    drift, auc = report["results"]
    assert drift["check"]["meta"]["label"] == "Data drift"
    assert drift["value"]["outcome"] == "ERROR"
    assert "more than 0.6 (max); by amount" in drift["value"]["message"]
    assert auc["value"]["outcome"] == "OK"
    assert report["startTime"] <= report["endTime"]
    assert store.run_checks("e2")["outcome"] == "OK"
    newest = store.get_latest_model_evaluation().evaluation_id
    assert store.run_checks()["evaluationId"] == newest


def test_some_checks_or_others_are_run(store: DSSModelEvaluationStore) -> None:
    by_label = store.run_checks("e1", checks=["auc"])
    assert [one["check"]["metricId"] for one in by_label["results"]] == ["auc"]
    assert by_label["outcome"] == "OK"
    soft = {"metricId": "auc", "softMinimum": 1.5, "softMinimumEnabled": True, "meta": {"label": "Too much"}}
    whole = store.run_checks("e1", checks={"checks": [{"type": "numericRange", **soft}]})
    assert whole["results"][0]["value"]["outcome"] == "WARNING"
    with pytest.raises(DataikuException, match="NotFound: no check 'drift'; did you mean 'Data drift'"):
        store.run_checks("e1", checks=["drift"])
    with pytest.raises(DataikuException, match="needs at least one bound"):
        store.run_checks("e1", checks={"checks": [{"metricId": "auc"}]})
    with pytest.raises(DataikuException, match="has no evaluation 'e99'"):
        store.run_checks("e99")


def test_evaluations_with_metrics_of_ones_own_are_added_checked_and_deleted(
    given: DSSModelEvaluationStore, client: DSSClient
) -> None:
    settings = given.get_settings()
    settings.get_raw()["metricsChecks"]["checks"] = [
        {"metricId": "accuracy", "minimum": 0.9, "minimumEnabled": True},
        {"metricId": "costMatrix", "maximum": 40, "maximumEnabled": True, "meta": {"label": "Costs"}},
    ]
    settings.save()
    version = client.get_project(PROJECT).get_saved_model(MODEL).get_version_details("t2")
    given.add_custom_model_evaluation(
        [METRIC("accuracy", 0.95, "Accuracy"), METRIC("costMatrix", 42, "Costs", "in dollars")],
        evaluation_id="march-1",
        name="March",
        labels=[LABEL("custom:by", "ann")],
        model=version,
    )

    evaluation = given.get_model_evaluation("march-1")
    info = evaluation.get_full_info()
    assert info.metrics == {"accuracy": 0.95, "costMatrix": 42.0}
    assert info.model_full_id == version.full_id
    assert info.user_meta["name"] == "March"
    assert info.user_meta["labels"] == [{"key": "custom:by", "value": "ann"}]
    report = given.run_checks()
    assert [(one["check"]["meta"]["label"], one["value"]["outcome"]) for one in report["results"]] == [
        ("accuracy", "OK"),
        ("Costs", "ERROR"),
    ]
    assert given.get_metric_history("costMatrix")["values"][0]["value"] == 42.0

    added = DSSEvaluationStore.add_custom_evaluation(given, [METRIC("other", 1)])
    assert added["evaluation"]["ref"]["evaluationId"] == "g1"
    assert added["evaluation"]["hasModel"] is False
    assert [one.evaluation_id for one in given.list_evaluations()] == ["march-1", "g1"]
    evaluation.delete()
    given.delete_model_evaluations(["g1"])
    assert given.list_evaluations() == []


@pytest.mark.parametrize(
    ("metrics", "options", "words"),
    [
        ([], {}, "give at least one metric"),
        ([METRIC("auc", 1), METRIC("auc", 2)], {}, "'auc' is given twice"),
        ([METRIC("the cost", 1)], {}, "cannot be the id of a metric"),
        ([METRIC("auc", "much")], {}, "Expected `float`"),
        ([METRIC("auc", 1)], {"evaluation_id": "e5"}, "choose another id than 'e5'"),
        ([METRIC("auc", 1)], {"model": f"S-{PROJECT}-{MODEL}-t99"}, "no version of a saved model"),
        ([METRIC("auc", 1)], {"model": "A-OTHER-x-y"}, "take the full_id of one"),
    ],
)
def test_metrics_that_cannot_be_are_refused(
    store: DSSModelEvaluationStore, metrics: list[Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataikuException, match=words):
        store.add_custom_model_evaluation(metrics, **options)


def test_all_named_evaluations_are_deleted_or_none(given: DSSModelEvaluationStore) -> None:
    for name in ("a", "b", "c"):
        given.add_custom_model_evaluation([METRIC("auc", 0.5)], evaluation_id=name)

    with pytest.raises(DataikuException, match="has no evaluation 'z'"):
        given.delete_evaluations(["a", "z"])
    given.delete_evaluations([given.get_evaluation("a"), {"evaluation_id": "b"}, "c"])

    assert given.list_evaluations() == []


def test_the_drift_that_is_kept_comes_at_once(store: DSSModelEvaluationStore) -> None:
    evaluation = store.get_model_evaluation("e1")

    result = evaluation.compute_drift()

    assert isinstance(result, DriftResult)
    accuracy = result.drift_model_result.drift_model_accuracy
    assert accuracy.value == evaluation.get_full_info().metrics["dataDrift"]
    assert accuracy.lower_confidence_interval < accuracy.value < accuracy.upper_confidence_interval
    assert accuracy.pvalue < 0.001
    assert set(accuracy.get_raw()) == {"value", "lower", "upper", "pvalue"}
    importance = result.drift_model_result.feature_drift_importance
    assert importance["columns"] == ["amount", "age"]
    assert importance["columnDriftScores"][0] > importance["columnDriftScores"][1]
    assert importance["columnImportanceScores"][0] > importance["columnImportanceScores"][1]
    amount = result.univariate_drift_result.per_column_drift_data["amount"]
    assert amount["type"] == "NUMERICAL"
    assert amount["ksTestPvalue"] < 0.001
    assert amount["populationStabilityIndex"] > 0.25
    assert sum(amount["histogram"]["current"]) == 300
    assert [
        (one.name, one.actual_column_handling, one.error_message) for one in result.per_column_settings
    ] == [
        ("amount", "NUMERICAL", None),
        ("age", "NUMERICAL", None),
    ]
    assert result.per_column_settings[0].default_column_handling == "NUMERICAL"
    assert result.prediction_drift_result.chiSquare is not None
    assert result.prediction_drift_result.ks is not None
    assert result.prediction_drift_result.psi > 0.1
    for part in (
        result,
        result.drift_model_result,
        result.univariate_drift_result,
        result.prediction_drift_result,
        result.per_column_settings[0],
    ):
        assert part.get_raw()
    usual = DriftParams.from_params({})
    assert evaluation.compute_drift(f"S-{PROJECT}-{MODEL}-t1", usual).get_raw() == result.get_raw()


def test_drift_against_something_else_is_a_future(store: DSSModelEvaluationStore, client: DSSClient) -> None:
    evaluation = store.get_model_evaluation("e1")
    columns = PerColumnDriftParamBuilder()
    columns.with_column_drift_param("age", handling="CATEGORICAL")
    columns.with_column_drift_param("amount", enabled=False)
    params = DriftParams.from_params(columns.build(), confidence_level=0.9)

    future = evaluation.compute_drift(store.get_model_evaluation("e2"), params, wait=False)
    assert isinstance(future, DSSFuture)
    assert future.job_id.startswith("job-")
    result = future.wait_for_result()

    assert set(result.univariate_drift_result.per_column_drift_data) == {"age"}
    handled = {one.name: one for one in result.per_column_settings}
    assert handled["age"].actual_column_handling == "CATEGORICAL"
    assert handled["age"].default_column_handling == "NUMERICAL"
    assert handled["amount"].actual_column_handling == "IGNORED"
    assert "result" not in future.peek_state()
    assert client.get_future(future.job_id).get_state()["hasResult"]
    of_model = client.get_project(PROJECT).get_saved_model(MODEL).get_version_details("t2")
    assert evaluation.compute_drift(of_model).drift_model_result.drift_model_accuracy.value > 0.6


def test_the_older_call_is_answered_too(store: DSSModelEvaluationStore) -> None:
    evaluation = store.get_model_evaluation("e1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)

        result = evaluation.compute_data_drift(data_drift_params=DataDriftParams.from_params({}))

    assert result.get_raw() == evaluation.compute_drift().get_raw()
    assert result.drift_model_result.drift_model_accuracy.value > 0.6
    assert "DriftParams" in repr(DriftParams.from_params({}))


def test_drift_that_cannot_be_computed_raises(
    store: DSSModelEvaluationStore, given: DSSModelEvaluationStore
) -> None:
    evaluation = store.get_model_evaluation("e1")
    for reference, params, words in (
        ("S-nothing", None, "NotFound: this project has no version of a saved model"),
        (f"ME-{PROJECT}-{STORE}-e99", None, "take the full_id of one"),
        (None, DriftParams.from_params({}, nb_bins=50), "distributions have 10 cells here"),
        (None, DriftParams.from_params({}, confidence_level=2), "give a number between 0 and 1"),
        (None, DriftParams.from_params({"age": {"handling": "TEXT"}}), "has handling 'TEXT'"),
        (None, DriftParams.from_params({"aeg": {"handling": "NUMERICAL"}}), "did you mean 'age'"),
    ):
        with pytest.raises(DataikuException, match=words):
            evaluation.compute_drift(reference, params)
    given.add_custom_model_evaluation([METRIC("auc", 0.5)], evaluation_id="numbers")
    with pytest.raises(DataikuException, match="has no drift: its numbers were given"):
        given.get_model_evaluation("numbers").compute_drift()


def test_the_sample_is_a_frame(store: DSSModelEvaluationStore, given: DSSModelEvaluationStore) -> None:
    sample = store.get_model_evaluation("e1").get_sample_df()

    assert list(sample.columns) == ["amount", "age", "prediction", "proba_no", "proba_yes", "truth", "row"]
    assert len(sample) == 300
    assert sample["amount"].mean() > 600
    assert sample["truth"].isna().sum() == 100
    assert set(sample["prediction"]) == {"no", "yes"}
    assert sorted(sample["row"]) == list(range(300))
    given.add_custom_model_evaluation([METRIC("auc", 0.5)], evaluation_id="numbers")
    with pytest.raises(DataikuException, match="NotFound: evaluation 'numbers' has kept no rows"):
        given.get_model_evaluation("numbers").get_sample_df()


def test_a_store_is_built_by_a_job(store: DSSModelEvaluationStore, client: DSSClient) -> None:
    before = store.get_latest_model_evaluation().evaluation_id

    job = store.build()

    newest = store.get_latest_model_evaluation()
    assert newest.evaluation_id != before
    status = job.get_status()
    assert status["baseStatus"]["state"] == "DONE"
    assert status["recipes"] == {"train_fraud": "up_to_date", "evaluate_fraud": "built"}
    assert "evaluate_fraud built in" in job.get_log()
    assert "done in" in job.get_log(activity="evaluate_fraud")
    listed = client.get_project(PROJECT).list_jobs()
    item = next(one for one in listed if one.job_id == job.id)
    assert (item.project_key, item["state"]) == (PROJECT, "DONE")
    assert item.start_time < item.end_time
    assert item.to_job().get_status() == status
    assert client.get_project(PROJECT).get_job(job.id).get_status() == status
    assert job.id in [one.id for one in client.get_project(PROJECT).list_jobs(as_type="objects")]
    newest.delete()


def test_a_running_job_is_listed_and_aborted(
    store: DSSModelEvaluationStore, client: DSSClient, project: Path
) -> None:
    write(project, "datasets/slept.yaml", "kind: managed\n")
    write(project, "recipes/sleep.yaml", "kind: python\ninputs: [payments]\noutputs: [slept]\n")
    write(project, "recipes/sleep.py", SLEEPER)
    theirs = client.get_project(PROJECT)
    job = theirs.new_job("RECURSIVE_BUILD").with_output("slept", "DATASET").start()
    try:
        wait_until(lambda: "sleep:" in job.get_log(activity="sleep"), "the recipe has begun")
        assert [one.job_id for one in theirs.list_running_jobs()] == [job.id]
        assert [one.job_id for one in client.list_running_jobs(all_users=True)] == [job.id]
        assert job.get_status()["baseStatus"]["endTime"] == 0

        assert job.abort()["message"].endswith("cancelled it")

        assert DSSJobWaiter(job).wait(no_fail=True) == "ABORTED"
        with pytest.raises(DataikuException, match=r"did not finish\. Status: ABORTED"):
            DSSJobWaiter(job).wait()
        with pytest.raises(DataikuException, match=r"Conflict: job .* has ended"):
            job.abort()
        assert theirs.list_running_jobs() == []
    finally:
        if job.get_status()["baseStatus"]["state"] == "RUNNING":
            job.abort()
        for name in ("datasets/slept.yaml", "recipes/sleep.yaml", "recipes/sleep.py"):
            (project / name).unlink()


def test_a_job_that_fails_raises_and_says_why(client: DSSClient, project: Path) -> None:
    write(project, "datasets/wrong.yaml", "kind: managed\n")
    write(project, "recipes/wrong.yaml", "kind: sql\ninputs: [payments]\noutput: wrong\n")
    write(project, "recipes/wrong.sql", "SELECT nothing_there FROM payments\n")
    theirs = client.get_project(PROJECT)
    try:
        with pytest.raises(DataikuException, match=r"did not finish\. Status: FAILED"):
            theirs.new_job().with_output("wrong").start_and_wait()
        failed = theirs.list_jobs()[0]
        assert "nothing_there" in failed["message"]
        assert "nothing_there" in failed.to_job().get_log()
        definition = {"type": "RECURSIVE_FORCED_BUILD", "outputs": [{"id": "wrong", "type": "DATASET"}]}
        assert theirs.start_job_and_wait(definition, no_fail=True) == "FAILED"
    finally:
        for name in ("datasets/wrong.yaml", "recipes/wrong.yaml", "recipes/wrong.sql"):
            (project / name).unlink()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"id": "qualities", "type": "MODEL_EVALUATION_STORE"}, "did you mean 'quality'"),
        ({"id": "payments", "type": "DATASET"}, "nothing builds 'payments': no recipe writes it"),
        ({"id": "x", "type": "MANAGED_FOLDER"}, "is of type 'MANAGED_FOLDER'"),
        ({"id": STORE, "projectKey": "OTHER"}, "is of another project"),
        ({"id": STORE, "partition": "2017-04"}, "has no partitions"),
    ],
)
def test_what_cannot_be_built_is_refused_at_once(
    client: DSSClient, output: dict[str, str], words: str
) -> None:
    with pytest.raises(DataikuException, match=words):
        client.get_project(PROJECT).start_job({"type": "RECURSIVE_BUILD", "outputs": [output]})


def test_a_job_without_outputs_or_of_another_kind_is_refused(client: DSSClient) -> None:
    theirs = client.get_project(PROJECT)
    with pytest.raises(DataikuException, match="the job has no outputs"):
        theirs.new_job().start()
    with pytest.raises(DataikuException, match="Invalid enum value 'SOME_BUILD'"):
        theirs.start_job({"type": "SOME_BUILD", "outputs": [{"id": STORE}]})
    with pytest.raises(DataikuException, match="NotFound: there is no job 'job-999'"):
        theirs.get_job("job-999").get_status()


def test_a_future_is_aborted(store: DSSModelEvaluationStore, client: DSSClient) -> None:
    future = store.get_model_evaluation("e1").compute_drift(store.get_model_evaluation("e2"), wait=False)

    future.abort()

    state = future.peek_state()
    assert not state["alive"]
    if state["aborted"]:  # it may have been quicker
        with pytest.raises(
            DataikuException, match=r"Conflict: drift of evaluation e1 of quality: .*cancelled it"
        ):
            future.wait_for_result()
    assert future.job_id not in [one["jobId"] for one in client.list_futures(as_objects=False)]


def test_who_may_only_look_gets_what_is_kept_but_no_rows_and_no_work(
    control_plane: ControlPlane, store: DSSModelEvaluationStore
) -> None:
    viewer = client_of(control_plane, "looker", {f"project:{PROJECT}": "view"})
    theirs = viewer.get_project(PROJECT).get_model_evaluation_store(STORE)
    evaluation = theirs.get_model_evaluation("e1")
    own = store.get_model_evaluation("e1").compute_drift(store.get_model_evaluation("e2"), wait=False)

    assert evaluation.compute_drift().get_raw() == store.get_model_evaluation("e1").compute_drift().get_raw()
    assert theirs.run_checks("e1")["outcome"] == "ERROR"
    assert DSSFuture(viewer, own.job_id).wait_for_result()["perColumnSettings"]
    info = evaluation.get_full_info()
    for call in (
        lambda: evaluation.compute_drift(f"ME-{PROJECT}-{STORE}-e2"),
        evaluation.get_sample_df,
        evaluation.delete,
        info.save_user_meta,
        lambda: theirs.add_custom_model_evaluation([METRIC("auc", 1)]),
        theirs.build,
        theirs.delete,
        theirs.get_settings().save,
        lambda: viewer.get_project(PROJECT).create_model_evaluation_store("mine"),
        lambda: viewer.get_project(PROJECT).get_saved_model(MODEL).set_active_version("t2"),
        DSSFuture(viewer, own.job_id).abort,
    ):
        with pytest.raises(DataikuException, match="NotAllowed: looker may not do this"):
            call()
    viewer._session.close()
    stranger = client_of(control_plane, "passer", {})
    with pytest.raises(DataikuException, match="NotFound: there is no job"):
        DSSFuture(stranger, own.job_id).get_state()
    stranger._session.close()


def test_changes_are_in_the_audit(control_plane: ControlPlane, given: DSSModelEvaluationStore) -> None:
    given.add_custom_model_evaluation([METRIC("auc", 0.5)], evaluation_id="audited")
    given.delete_evaluations(["audited"])

    with control_plane.client() as client:
        found = [one.what for one in client.audit(on=f"project:{PROJECT}")][:3]
    assert found == ["delete evaluation", "add evaluation", "create evaluation store"]
