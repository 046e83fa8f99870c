"""Models, evaluation stores and jobs of a project, through the control API and the SDK."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.processes import ControlPlane, wait_until
from tests.studio.evaluated_project import STORE, evaluated, write_evaluated_project, write_news
from tests.studio.small_project import trained, write

from scoreline.client.client import Client
from scoreline.core.drift import DriftSettings
from scoreline.core.drift_reference import EvaluationReference, VersionReference
from scoreline.core.evaluation import CustomMetric
from scoreline.core.evaluation_check import EvaluationCheck, Outcome
from scoreline.core.job import JobOutcome
from scoreline.core.notes import Notes
from scoreline.errors import Conflict, Invalid, NotFound, Unavailable
from scoreline.studio.job_files import LOCK
from scoreline.wire.control_evaluations import ChangedStore

P = "cards"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Knows a project with two versions of a model, t1 active, and two evaluations, e2 without drift."""
    folder = tmp_path_factory.mktemp("models")
    project = write_evaluated_project(folder / P)
    evaluated(project)
    write_news(project, shift=0, seed=2)
    evaluated(project)
    trained(project, seed=5)
    running = ControlPlane(folder / "home")
    running.start()
    with running.client() as client:
        client.add_project(project)
        client.activate(P, "fraud", "t1")
    yield running
    assert "Traceback" not in running.log
    running.clear()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with control_plane.client() as opened:
        yield opened


@pytest.fixture
def folder(client: Client) -> Path:
    return Path(client.projects()[0].folder)


def test_models_are_listed_with_their_versions(client: Client) -> None:
    (model,) = client.models(P)

    assert (model.id, model.active, model.versions) == ("fraud", "t1", ("t2", "t1"))
    assert model.trained_by == "train_fraud"
    assert client.model(P, "fraud") == model
    versions = client.model_versions(P, "fraud")
    assert [(one.id, one.active, one.algorithm) for one in versions] == [
        ("t2", False, "logistic"),
        ("t1", True, "logistic"),
    ]
    assert versions[0].metrics["auc"] > 0.5


def test_a_version_is_shown_whole(client: Client) -> None:
    shown = client.model_version(P, "fraud")

    assert (shown.model, shown.version.id, shown.active) == ("fraud", "t1", True)
    assert [feature.name for feature in shown.signature.features] == ["amount", "age"]
    assert shown.report.performance.confusion is not None
    assert not client.model_version(P, "fraud", "t2").active


def test_what_is_not_there_is_named_with_what_is(client: Client) -> None:
    with pytest.raises(NotFound, match="did you mean 'fraud'"):
        client.model(P, "frauds")
    with pytest.raises(NotFound, match="no version 't9'"):
        client.activate(P, "fraud", "t9")
    with pytest.raises(NotFound, match="did you mean 'quality'"):
        client.evaluation_store(P, "qualities")
    with pytest.raises(NotFound, match="no project 'nothing'"):
        client.models("nothing")
    with pytest.raises(NotFound, match="did you mean 'cards'"):
        client.evaluation_stores("card")


def test_another_version_is_activated_and_audited(client: Client) -> None:
    assert client.activate(P, "fraud", "t2").active == "t2"
    assert client.activate(P, "fraud", "t1").active == "t1"

    change = next(one for one in client.audit(on=f"project:{P}") if one.what == "activate model version")
    assert change.before == {"model": "fraud", "version": "t2"}
    assert change.after == {"model": "fraud", "version": "t1"}


def test_only_a_version_that_is_not_active_is_deleted(client: Client, folder: Path) -> None:
    version = trained(folder, seed=6).id
    with pytest.raises(Conflict, match="is active; activate another one first"):
        client.delete_model_version(P, "fraud", version)
    client.activate(P, "fraud", "t1")

    client.delete_model_version(P, "fraud", version)

    assert version not in client.model(P, "fraud").versions
    with pytest.raises(NotFound):
        client.delete_model_version(P, "fraud", version)


def test_versions_and_evaluations_are_noted(client: Client) -> None:
    client.note_model_version(P, "fraud", "t2", name="second", labels={"by": "ann"})
    client.note_evaluation(P, STORE, "e1", description="after the change of prices")

    assert client.model_version(P, "fraud", "t2").notes == Notes(name="second", labels={"by": "ann"})
    assert client.evaluation(P, STORE, "e1").notes.description == "after the change of prices"


def test_stores_and_evaluations_are_listed_newest_first(client: Client) -> None:
    (store,) = client.evaluation_stores(P)

    assert (store.id, store.name) == (STORE, "Quality of fraud")
    assert [check.label for check in store.checks] == ["Data drift", "auc"]
    assert {"e1", "e2"} <= set(store.evaluations)
    found = {one.id: one for one in client.evaluations(P, STORE)}
    assert found["e1"].outcome is Outcome.ERROR
    assert found["e2"].outcome is Outcome.OK
    assert found["e1"].numbers["data_drift"] > 0.6
    assert (found["e1"].model, found["e1"].model_version, found["e1"].dataset) == ("fraud", "t1", "news")


def test_pages_of_evaluations_follow_each_other(control_plane: ControlPlane) -> None:
    server = control_plane.server
    url = f"{server.url}/api/v1/projects/{P}/evaluation-stores/{STORE}/evaluations"
    with httpx.Client(headers={"Authorization": f"Bearer {server.key}"}, timeout=60) as api:
        whole = api.get(url).json()["items"]
        found, after = [], None
        while True:
            page = api.get(url, params={"limit": 1, **({"after": after} if after else {})}).json()
            found += page["items"]
            after = page["next"]
            if after is None:
                break
        gone = api.get(url, params={"after": "e99"})
    assert found == whole
    assert (gone.status_code, gone.json()["code"]) == (400, "bad-parameter")


def test_checks_are_held_against_the_newest_or_another_one(client: Client) -> None:
    assert client.run_checks(P, STORE, "e2").outcome is Outcome.OK
    worst = client.run_checks(P, STORE, "e1")
    assert (worst.evaluation, worst.outcome) == ("e1", Outcome.ERROR)
    assert "by amount" in worst.results[0].message
    newest = client.evaluation_store(P, STORE).evaluations[0]
    assert client.run_checks(P, STORE).evaluation == newest
    shown = client.evaluation(P, STORE, "e1")
    assert shown.checks == worst
    assert shown.evaluation.drift is not None


def test_an_evaluation_that_was_measured_elsewhere_is_added_checked_and_deleted(client: Client) -> None:
    metrics = {"auc": 0.31, "cost": CustomMetric(value=7.5, name="Cost of errors")}

    added = client.add_evaluation(P, STORE, metrics, model="fraud", version="t2", name="by hand")
    try:
        assert (added.id, added.recipe, added.outcome) == ("g1", "", Outcome.ERROR)
        assert added.numbers == {"auc": 0.31, "custom_cost": 7.5}
        shown = client.evaluation(P, STORE)
        assert shown.evaluation.id == "g1"
        assert shown.evaluation.custom["cost"].name == "Cost of errors"
        assert shown.notes.name == "by hand"
        client.add_evaluation(P, STORE, {"cost": 1.0}, evaluation="march")
        with pytest.raises(Conflict, match="'march' exists already"):
            client.add_evaluation(P, STORE, {"cost": 1.0}, evaluation="march")
        with pytest.raises(Invalid, match="choose another id than 'e5'"):
            client.add_evaluation(P, STORE, {"cost": 1.0}, evaluation="e5")
        with pytest.raises(Invalid, match="cannot be the id of a metric"):
            client.add_evaluation(P, STORE, {"the cost": 1.0})
        with pytest.raises(Invalid, match="at least one metric"):
            client.add_evaluation(P, STORE, {})
        with pytest.raises(NotFound, match="no version 't9'"):
            client.add_evaluation(P, STORE, {"cost": 1.0}, model="fraud", version="t9")
    finally:
        for evaluation in client.evaluation_store(P, STORE).evaluations:
            if evaluation not in ("e1", "e2"):
                client.delete_evaluation(P, STORE, evaluation)
    assert set(client.evaluation_store(P, STORE).evaluations) == {"e1", "e2"}


def test_drift_is_computed_anew(client: Client) -> None:
    from_e2 = client.compute_drift(
        P, STORE, "e1", reference=EvaluationReference(store=STORE, evaluation="e2")
    )
    assert from_e2.columns["amount"].psi > 0.25  # type: ignore[operator]
    only_age = DriftSettings(columns={"amount": "leave_out"})
    from_t2 = client.compute_drift(
        P, STORE, "e1", reference=VersionReference(model="fraud", version="t2"), settings=only_age
    )
    assert set(from_t2.columns) == {"age"}
    with pytest.raises(Unavailable, match="has no version 't7'"):
        client.compute_drift(P, STORE, "e1", reference=VersionReference(model="fraud", version="t7"))
    with pytest.raises(NotFound, match="no evaluation 'e7'"):
        client.compute_drift(P, STORE, "e7")


def test_a_build_is_a_job_with_a_log_and_a_result(client: Client) -> None:
    built = client.build(P, STORE, force=True)
    try:
        assert built.outcome is JobOutcome.SUCCESS
        newest = client.evaluation(P, STORE).evaluation
        assert newest.id == "e3"
        assert newest.created_by == built.by
        assert "evaluate_fraud built in" in client.project_job_log(P, built.id)
        assert next(client.project_jobs(P)) == built
    finally:
        client.delete_evaluation(P, STORE, "e3")
    with pytest.raises(NotFound, match="did you mean 'quality'"):
        client.build(P, "qualitie")
    with pytest.raises(NotFound, match="there is no job 'job-999'"):
        client.project_job(P, "job-999")


def test_a_job_is_cancelled(client: Client, folder: Path) -> None:
    write(folder, "datasets/slept.yaml", "kind: managed\n")
    write(folder, "recipes/sleep.yaml", "kind: python\ninputs: [payments]\noutputs: [slept]\n")
    write(folder, "recipes/sleep.py", "import time\ndef run(payments):\n    time.sleep(300)\n")
    started = client.build(P, "slept", wait=False)
    wait_until(lambda: "sleep:" in client.project_job_log(P, started.id), "the recipe has begun")

    cancelled = client.cancel_project_job(P, started.id)

    assert cancelled.outcome is JobOutcome.CANCELLED
    assert cancelled.message.endswith("cancelled it")
    with pytest.raises(Conflict, match="has ended"):
        client.cancel_project_job(P, started.id)
    with pytest.raises(Conflict, match="cancelled it"):
        client.wait_for_job(started)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into the process, as Linux shows it")
def test_none_of_it_loads_anything_heavy_into_the_control_plane(
    control_plane: ControlPlane, client: Client
) -> None:
    client.model_version(P, "fraud")
    client.evaluation(P, STORE, "e1")
    client.run_checks(P, STORE)
    client.compute_drift(P, STORE, "e1")
    list(client.project_jobs(P))

    loaded = Path(f"/proc/{control_plane.server.pid}/maps").read_text()

    assert [name for name in ("pandas", "sklearn", "pyarrow", "scipy", "duckdb") if name in loaded] == []


@pytest.mark.slow
def test_jobs_outlive_a_killed_control_plane_and_lost_ones_end_with_an_outcome(tmp_path: Path) -> None:
    project = write_evaluated_project(tmp_path / P)
    for name in ("first", "second"):
        write(project, f"datasets/{name}.yaml", "kind: managed\n")
        write(project, f"recipes/{name}.yaml", f"kind: python\ninputs: [payments]\noutputs: [{name}]\n")
    write(project, "recipes/first.py", "import time\ndef run(payments):\n    time.sleep(300)\n")
    write(project, "recipes/second.py", "def run(payments):\n    return payments\n")
    running = ControlPlane(tmp_path / "home")
    running.start()
    try:
        with running.client() as client:
            client.add_project(project)
            lost = client.build(P, "first", wait=False)
            wait_until(lambda: "first:" in client.project_job_log(P, lost.id), "the recipe has begun")
            going_on = client.build(P, "second", wait=False)
            wait_until(lambda: "waiting for" in client.project_job_log(P, going_on.id), "the other waits")
        running.kill()
        process = int((tmp_path / "home/jobs" / str(lost.number) / LOCK).read_text())
        os.killpg(process, signal.SIGKILL)
        running.start()

        with running.client() as client:
            found = client.project_job(P, lost.id)
            assert (found.outcome, found.code) == (JobOutcome.FAILED, "lost")
            assert "ended without a result" in found.message
            assert client.wait_for_job(going_on, seconds=120).outcome is JobOutcome.SUCCESS
    finally:
        running.clear()


def test_checks_of_a_store_are_changed_and_a_wrong_one_is_refused_by_its_place(client: Client) -> None:
    before = client.evaluation_store(P, STORE)
    checks = (*before.checks, EvaluationCheck(metric="log_loss", max=10))

    changed = client.save_evaluation_store(P, STORE, ChangedStore(name=before.name, checks=checks))

    assert changed.checks == checks
    assert client.audit(on=f"project:{P}")[0].what == "change evaluation store"
    wrong = ChangedStore(checks=(EvaluationCheck(metric="aux", max=1),))
    with pytest.raises(Invalid, match=r"checks\[0\]\.metric.*did you mean 'auc'"):
        client.save_evaluation_store(P, STORE, wrong)
    client.save_evaluation_store(P, STORE, ChangedStore(name=before.name, checks=before.checks))
    assert client.evaluation_store(P, STORE) == before
