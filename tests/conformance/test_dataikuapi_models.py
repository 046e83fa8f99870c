"""The unmodified client `dataikuapi` reads saved models, activates and deletes their versions."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dataikuapi import DSSClient
from dataikuapi.dss.ml import DSSTrainedPredictionModelDetails
from dataikuapi.dss.savedmodel import DSSSavedModel
from dataikuapi.utils import DataikuException
from tests.conformance.evaluated import MODEL, evaluated_platform
from tests.conformance.platform import PROJECT, dss_client
from tests.deployer.processes import ControlPlane
from tests.studio.evaluated_project import STORE
from tests.studio.small_project import trained, write


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with evaluated_platform(tmp_path_factory.mktemp("models")) as running:
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
def model(client: DSSClient) -> DSSSavedModel:
    return client.get_project(PROJECT).get_saved_model(MODEL)


def test_saved_models_are_listed(client: DSSClient) -> None:
    for include_shared in (False, True):
        (found,) = client.get_project(PROJECT).list_saved_models(include_shared=include_shared)
        assert (found["id"], found["name"], found["projectKey"]) == (MODEL, MODEL, PROJECT)
        assert (found["type"], found["savedModelType"], found["activeVersion"]) == (
            "PREDICTION",
            "DSS_MANAGED",
            "t1",
        )


def test_versions_are_listed_newest_first_and_one_is_active(model: DSSSavedModel) -> None:
    assert model.id == MODEL
    assert [(one["id"], one["active"]) for one in model.list_versions()] == [("t2", False), ("t1", True)]
    active = model.get_active_version()
    assert active["fullModelId"] == f"S-{PROJECT}-{MODEL}-t1"
    assert active["algorithm"] == "LOGISTIC"
    assert active["createdOn"] > 1_700_000_000_000


def test_the_details_of_a_version_can_be_read_in_every_way(model: DSSSavedModel) -> None:
    details = model.get_version_details("t1")

    assert isinstance(details, DSSTrainedPredictionModelDetails)
    assert details.full_id == f"S-{PROJECT}-{MODEL}-t1"
    assert details.get_raw()["coreParams"]["prediction_type"] == "BINARY_CLASSIFICATION"
    assert details.get_raw_snippet()["predictionType"] == "BINARY_CLASSIFICATION"
    train = details.get_train_info()
    assert train["trainRows"] + train["testRows"] == 400
    performance = details.get_performance_metrics()
    assert performance["auc"] > 0.5
    assert {"logLoss", "averagePrecision", "balancedAccuracy"} <= set(performance)
    roc = details.get_roc_curve_data()
    assert set(roc[0]) == {"x", "y", "p"}
    assert details.get_preprocessing_settings()["per_feature"]["amount"]["type"] == "NUMERIC"
    assert details.get_modeling_settings() == {"algorithm": "LOGISTIC", "kind": "logistic", "c": 1.0}
    assert details.get_actual_modeling_params()["resolved"]["c"] == 1.0
    assert details.get_assertions_metrics().get_metrics("any") is None
    assert details.get_diagnostics() == []
    assert details.get_origin_analysis_trained_model() is None
    with pytest.raises(ValueError, match="No hyperparameter search result"):
        details.get_hyperparameter_search_points()


def test_what_people_say_of_a_version_is_saved(model: DSSSavedModel) -> None:
    details = model.get_version_details("t2")
    meta = details.get_user_meta()
    assert meta == {"name": "t2", "description": "", "labels": []}
    meta["name"] = "second try"
    meta["labels"].append({"key": "by", "value": "ann"})

    details.save_user_meta()

    again = model.get_version_details("t2").get_user_meta()
    assert (again["name"], again["labels"]) == ("second try", [{"key": "by", "value": "ann"}])
    meta["activeClassifierThreshold"] = 0.3
    with pytest.raises(DataikuException, match="activeClassifierThreshold"):
        details.save_user_meta()


def test_metrics_of_a_version_are_read(model: DSSSavedModel) -> None:
    metrics = model.get_metric_values("t1")

    assert "auc" in metrics.get_all_ids()
    assert metrics.get_global_value("auc") == model.get_version_details("t1").get_performance_metrics()["auc"]
    assert metrics.get_partition_value("logLoss", "NP") == metrics.get_global_value("logLoss")
    assert metrics.get_first_partition_data("auc")["dataType"] == "DOUBLE"


def test_another_version_is_activated(model: DSSSavedModel, client: DSSClient) -> None:
    model.set_active_version("t2")
    try:
        assert model.get_active_version()["id"] == "t2"
    finally:
        model.set_active_version("t1")

    with pytest.raises(DataikuException, match="NotFound: model 'fraud' has no version 't9'"):
        model.set_active_version("t9")


def test_versions_are_deleted_but_never_the_active_one(model: DSSSavedModel, project: Path) -> None:
    made = [trained(project, seed=seed).id for seed in (11, 12)]
    model.set_active_version("t1")

    with pytest.raises(DataikuException, match="has no version 't99'"):
        model.delete_versions([made[0], "t99"])
    assert {one["id"] for one in model.list_versions()} >= set(made)
    with pytest.raises(DataikuException, match="Conflict: version 't1' of model 'fraud' is active"):
        model.delete_versions("t1")

    model.delete_versions(made, remove_intermediate=False)

    assert [one["id"] for one in model.list_versions()] == ["t2", "t1"]


def test_settings_tell_what_is_learned_and_keep_name_and_description(
    model: DSSSavedModel, project: Path
) -> None:
    file = project / f"models/{MODEL}.yaml"
    before = file.read_bytes()
    settings = model.get_settings()
    assert settings.prediction_type == "BINARY_CLASSIFICATION"
    assert settings.prediction_metrics_settings["evaluationMetric"] == "ROC_AUC"
    assert settings.prediction_metrics_settings["thresholdOptimizationMetric"] == "F1"
    assert settings.get_raw()["miniTask"]["targetVariable"] == "refused"
    settings.save()
    assert file.read_bytes() == before

    settings.get_raw().update(name="Fraud", description="who will refuse", tags=["x"])
    settings.save()

    assert file.read_text() == "name: Fraud\ndescription: who will refuse\n"
    file.write_bytes(before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activeVersion": "t2"}, "call set_active_version"),
        ({"id": "other"}, "another 'id' than before"),
        ({"contentType": "x"}, "contentType"),
        ({"name": 3}, "Expected `str`"),
    ],
)
def test_other_settings_are_refused(model: DSSSavedModel, change: dict[str, Any], words: str) -> None:
    settings = model.get_settings()
    settings.get_raw().update(change)

    with pytest.raises(DataikuException, match=words):
        settings.save()


def test_what_is_learned_is_not_changed_in_the_settings(model: DSSSavedModel) -> None:
    settings = model.get_settings()
    settings.prediction_metrics_settings["evaluationMetric"] = "F1"

    with pytest.raises(DataikuException, match="what is learned stands in recipe 'train_fraud'"):
        settings.save()


def test_usages_and_origin_are_told(model: DSSSavedModel) -> None:
    found = {(one["objectType"], one["objectId"]) for one in model.get_usages()}

    assert found == {
        ("RECIPE", "train_fraud"),
        ("RECIPE", "evaluate_fraud"),
        ("API_SERVICE", "fraud_detection"),
    }
    assert model.get_origin_ml_task() is None


def test_a_model_that_is_used_is_not_deleted(model: DSSSavedModel, client: DSSClient, project: Path) -> None:
    with pytest.raises(DataikuException, match="is used by recipe 'evaluate_fraud'"):
        model.delete()
    write(project, "models/unused.yaml", "name: nobody uses me\n")
    unused = client.get_project(PROJECT).get_saved_model("unused")
    assert unused.get_settings().prediction_type is None
    assert unused.get_active_version() is None
    assert unused.list_versions() == []

    unused.delete()

    assert not (project / "models/unused.yaml").exists()
    with pytest.raises(DataikuException, match="NotFound: the project has no model 'unused'"):
        unused.get_settings()


def test_models_that_were_not_trained_here_are_refused_with_what_to_do(
    client: DSSClient, model: DSSSavedModel, tmp_path: Path
) -> None:
    project = client.get_project(PROJECT)
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "weights").write_bytes(b"0" * 3_000_000)
    refused = "Invalid: not supported: models of MLflow cannot be imported yet: train the model"

    with pytest.raises(DataikuException, match=refused):
        project.create_mlflow_pyfunc_model("theirs", "BINARY_CLASSIFICATION")
    with pytest.raises(DataikuException, match="models that others serve cannot be added yet"):
        project.create_external_model("theirs", "REGRESSION", {"protocol": "sagemaker", "region": "r"})
    with pytest.raises(DataikuException, match="language models cannot be kept here"):
        project.create_finetuned_llm_saved_model("theirs")
    with pytest.raises(DataikuException, match=refused):
        model.import_mlflow_version_from_path("v1", str(tmp_path))
    with pytest.raises(DataikuException, match=refused):
        model.import_mlflow_version_from_managed_folder("v1", "folder", "model")
    with pytest.raises(DataikuException, match=refused):
        model.create_external_model_version("v1", {"protocol": "sagemaker"}, evaluate=False)
    handler = model.get_external_model_version_handler("t1")
    with pytest.raises(DataikuException, match=refused):
        handler.get_settings()
    with pytest.raises(DataikuException, match=refused):
        handler.set_core_metadata("refused", ["no", "yes"])
    with pytest.raises(DataikuException, match=refused):
        handler.evaluate("payments")


def test_what_a_version_cannot_give_is_refused_with_what_to_do(model: DSSSavedModel) -> None:
    details = model.get_version_details("t1")

    for ask in (
        details.get_scoring_python_stream,
        details.get_scoring_mlflow_stream,
        details.get_scoring_pmml_stream,
        details.get_scoring_jar_stream,
    ):
        with pytest.raises(DataikuException, match="not supported: a version is exported in the package"):
            ask()
    for compute in (details.compute_shapley_feature_importance, details.get_global_explanations):
        with pytest.raises(DataikuException, match="not supported: the importance of features is in"):
            compute()
    with pytest.raises(DataikuException, match="scoreline model show"):
        details.generate_documentation()
    with pytest.raises(DataikuException, match="scoreline model show"):
        details.generate_documentation_from_custom_template(io.BytesIO(b"x"))


def test_what_is_not_there_is_told(client: DSSClient, model: DSSSavedModel) -> None:
    with pytest.raises(DataikuException, match="NotFound: the project has no model 'frauds'; did you mean"):
        client.get_project(PROJECT).get_saved_model("frauds").list_versions()
    with pytest.raises(DataikuException, match="NotFound: no project 'nothing'"):
        client.get_project("nothing").list_saved_models()
    with pytest.raises(DataikuException, match="has no version 't9'"):
        model.get_version_details("t9")
    with pytest.raises(DataikuException, match="has no version 't9'"):
        model.get_metric_values("t9")


def test_a_model_is_built_by_a_job(client: DSSClient, model: DSSSavedModel, project: Path) -> None:
    """Nothing is new in it, so its version is the one that was there."""
    job = client.get_project(PROJECT).new_job("RECURSIVE_BUILD").with_output(MODEL, "SAVED_MODEL")

    done = job.start_and_wait()

    assert done.get_status()["recipes"] == {"train_fraud": "up_to_date"}
    assert [one["id"] for one in model.list_versions()] == ["t2", "t1"]
    assert STORE not in done.get_log()
