"""Nothing of the client is left out, and nothing that is sent to its routes breaks anything inside."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dataikuapi.dss.apideployer
import dataikuapi.dss.apiservice
import dataikuapi.dss.drift
import dataikuapi.dss.evaluationstore
import dataikuapi.dss.future
import dataikuapi.dss.job
import dataikuapi.dss.modelevaluationstore
import dataikuapi.dss.savedmodel
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.platform import PROJECT
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane
from tests.studio.evaluated_project import write_evaluated_project

TESTS = Path(__file__).parent
# The client makes these itself: no request comes of them.
INSIDE = {
    "from_resp",
    "get_result_wait_if_needed",
    "retrieve_used_env",
    "retrieve_used_containerized_exec_config",
    "set_core_external_metadata",
}
# There are no zones, discussions and time series here; and Databricks asks of it before it asks us.
NOT_HERE = {
    "get_zone",
    "move_to_zone",
    "share_to_zone",
    "unshare_from_zone",
    "get_object_discussions",
    "get_per_timeseries_metrics",
    "import_mlflow_version_from_databricks",
}


@pytest.mark.parametrize(
    "module",
    [
        dataikuapi.dss.apideployer,
        dataikuapi.dss.apiservice,
        dataikuapi.dss.future,
        dataikuapi.dss.savedmodel,
        dataikuapi.dss.evaluationstore,
        dataikuapi.dss.modelevaluationstore,
        dataikuapi.dss.drift,
        dataikuapi.dss.job,
    ],
)
def test_every_method_of_the_client_is_called_by_a_test(module: Any) -> None:
    called = "".join(path.read_text() for path in TESTS.glob("test_dataikuapi_*.py"))
    called += (TESTS.parents[1] / "docs" / "how-to" / "come-from-dataiku.md").read_text()
    classes = [
        one for _, one in inspect.getmembers(module, inspect.isclass) if one.__module__ == module.__name__
    ]
    names = {
        name
        for one in classes
        for name, member in vars(one).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    }

    # Kinds of endpoints are added by a name that is put together.
    added = {name for name in names if re.fullmatch(r"add_\w+_endpoint", name)} - {"add_prediction_endpoint"}
    missing = {name for name in names - added - INSIDE - NOT_HERE if not re.search(rf"\.{name}\b", called)}
    missing |= {
        name for name in added if f'"{name.removeprefix("add_").removesuffix("_endpoint")}"' not in called
    }

    assert missing == set()


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Knows the project, and has `merchants` deployed on `local`."""
    folder = tmp_path_factory.mktemp("whole")
    running = ControlPlane(folder / "home")
    running.start()
    running.wait_for_node()
    with running.client() as client:
        client.add_project(write_evaluated_project(folder / PROJECT))
        client.publish(make_package(folder, "v1"))
        client.deploy("merchants", "v1")
    yield running
    assert "Traceback" not in running.log
    running.clear()


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    server = control_plane.server
    with httpx.Client(base_url=f"{server.url}/dip/publicapi", auth=(server.key, ""), timeout=30) as client:
        yield client


SERVICE = f"/projects/{PROJECT}/apiservices/fraud_detection/settings"
DEPLOYMENT = "/api-deployer/deployments/merchants-on-local/settings"
INFRA = "/api-deployer/infras/local/settings"
MODEL = f"/projects/{PROJECT}/savedmodels/fraud"
STORE = f"/projects/{PROJECT}/evaluationstores/quality"
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield at
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*at, step))


def put(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """A JSON value with another one at a place."""
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = put(value[at[0]], at[1:], new)
    return copy


@pytest.mark.parametrize("path", [SERVICE, DEPLOYMENT, INFRA, MODEL, STORE])
def test_settings_with_anything_anywhere_are_kept_or_refused(api: httpx.Client, path: str) -> None:
    whole = api.get(path).json()
    known = list(places(whole))

    @settings(max_examples=120)
    @given(st.sampled_from(known), _JSON)
    def check(at: tuple[Any, ...], new: Any) -> None:
        body = json.dumps(put(whole, at, new)).encode("utf-8", "surrogatepass")

        answer = api.put(path, content=body)

        assert answer.status_code in (200, 400, 404, 409), answer.text
        if answer.status_code >= 400:
            assert set(answer.json()) == {"errorType", "message", "detailedMessage", "code"}
        else:
            assert api.put(path, content=json.dumps(whole)).status_code == 200

    check()
    assert api.get(path).json() == whole


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api-deployer/services", {"publishedServiceId": "merchants"}),
        (
            "/api-deployer/deployments",
            {"deploymentId": "d", "publishedServiceId": "merchants", "infraId": "local", "version": "v1"},
        ),
        (
            "/api-deployer/infras",
            {"id": "local", "stage": "Test", "type": "STATIC", "governCheckPolicy": "x"},
        ),
        (f"/projects/{PROJECT}/evaluationstores", {"projectKey": PROJECT, "name": "quality"}),
        (f"{STORE}/evaluations", {"evaluationId": "e1", "name": "x", "metrics": "", "fullModelId": "S-x"}),
        (f"{STORE}/actions/runChecks", {"checks": "x"}),
        (f"{STORE}/evaluations/e1/computeDrift", {"referenceId": "x", "driftParams": "x"}),
        (f"/projects/{PROJECT}/jobs", {"type": "RECURSIVE_BUILD", "outputs": "nothing"}),
    ],
)
def test_what_is_to_be_made_of_anything_is_refused_in_one_shape(
    api: httpx.Client, path: str, body: dict[str, str]
) -> None:
    @settings(max_examples=60)
    @given(st.sampled_from(sorted(body)), _JSON)
    def check(name: str, new: Any) -> None:
        answer = api.post(path, content=json.dumps({**body, name: new}).encode("utf-8", "surrogatepass"))

        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.json()["detailedMessage"]

    check()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/futures/update-{10**30}"),
        ("GET", f"/futures/update-{'9' * 5000}"),
        ("DELETE", "/futures/update-9999999999999999999"),
        ("GET", f"/api-deployer/deployments/merchants-on-local/update/{10**40}"),
        ("GET", f"/api-deployer/deployments/merchants-on-local/update/{'1' * 5000}"),
        ("GET", "/api-deployer/deployments/merchants-on-local/update/-1"),
        ("GET", "/api-deployer/deployments/merchants-on-local/update/x"),
        ("POST", "/api-deployer/deployments/merchants-on-local/actions/run-queries"),
        ("POST", "/api-deployer/deployments/merchants-on-local/actions/run-queries?queries=[{]"),
        ("POST", "/api-deployer/deployments/merchants-on-local/actions/run-test-queries?testQueriesParam=7"),
        ("GET", "/projects/%2e%2e/apiservices/"),
        ("GET", f"/projects/{PROJECT}/apiservices/..%2f..%2fproject/settings"),
        ("GET", f"/projects/{PROJECT}/apiservices/fraud_detection/packages/..%2f..%2fx/archive"),
        ("POST", f"/projects/{PROJECT}/apiservices/%00"),
        ("POST", f"/projects/{PROJECT}/apiservices/fraud_detection/packages/%2e%2e"),
        ("POST", f"/projects/{PROJECT}/apiservices/fraud_detection/packages/v1"),
        ("GET", f"/futures/job-{'9' * 5000}"),
        ("GET", f"/futures/job-{10**40}"),
        ("GET", f"{MODEL}/versions/..%2f..%2fx/details"),
        ("POST", f"{MODEL}/versions/%2e%2e/actions/setActive"),
        ("POST", f"{MODEL}/actions/delete-versions"),
        ("GET", f"{MODEL}/versions/t1/anything/else"),
        ("GET", f"{STORE}/evaluations/..%2f..%2f..%2fproject"),
        ("GET", f"{STORE}/evaluations/%00/sample"),
        ("GET", f"{STORE}/metrics/last"),
        ("GET", f"{STORE}/metrics/history?metricLookup={{"),
        ("DELETE", f"{STORE}/evaluations"),
        ("POST", f"{STORE}/actions/computeMetricsFromIds"),
        ("POST", f"{STORE}/evaluations/e1/computeDrift"),
        ("POST", f"/projects/{PROJECT}/evaluationstores"),
        ("POST", f"/projects/{PROJECT}/jobs"),
        ("GET", f"/projects/{PROJECT}/jobs/job-1/log?activity=../../x"),
        ("GET", f"/projects/{PROJECT}/jobs/..%2f1"),
        ("DELETE", "/projects"),
        ("PATCH", "/api-deployer/services/merchants"),
        ("GET", "/nothing/here"),
    ],
)
def test_odd_paths_are_refused_in_one_shape(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path)

    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()) == {"errorType", "message", "detailedMessage", "code"}
    assert len(answer.json()["message"]) < 2_001
