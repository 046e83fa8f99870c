"""Deployments over the control API: settings, updates as jobs, ways back and on, and trying them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until
from tests.node.card_packages import make_package as make_cards
from tests.rest.test_control_api import assert_problem


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("routes") / "home")
    running.start()
    running.wait_for_node()
    yield running
    running.clear()


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[httpx.Client]:
    server = control_plane.server
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=60, verify=False) as client:
        yield client


@pytest.fixture
def deployed(api: httpx.Client, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A deployment of a service of the test's own, with v1 live and v2 published."""
    service = f"s{abs(hash(request.node.nodeid)) % 10**9}"
    publish(api, make_package(tmp_path, "v1", service=service), make_package(tmp_path, "v2", service=service))
    deployment = f"{service}-on-local"
    assert ended(api, api.post("/deployments", json={"service": service, "version": "v1"})) == "SUCCESS"
    return deployment


def publish(api: httpx.Client, *archives: Path) -> None:
    for archive in archives:
        assert api.post("/versions", content=archive.read_bytes()).status_code == 201


def ended(api: httpx.Client, started: httpx.Response) -> str:
    """How an update ended that was started just now."""
    assert started.status_code == 202, started.text
    update = started.json()

    def outcome() -> str | None:
        job = api.get(f"/jobs/update-{update['id']}").json()
        return job["outcome"] if job["finished_at"] else None

    return wait_until(outcome, "the job has ended")


def live(api: httpx.Client, deployment: str) -> str | None:
    version = api.get(f"/deployments/{deployment}").json()["version"]
    assert version is None or isinstance(version, str)
    return version


def mapping(**shares: float) -> dict[str, Any]:
    return {"entries": [{"generation": name, "proba": share} for name, share in shares.items()]}


def test_settings_are_saved_apart_from_what_is_live(api: httpx.Client, deployed: str) -> None:
    before = api.get(f"/deployments/{deployed}/settings").json()

    saved = api.put(
        f"/deployments/{deployed}/settings", json={"mapping": mapping(v1=0.25, v2=0.75), "tags": ["a"]}
    )

    assert saved.status_code == 200
    assert saved.json()["revision"] == before["revision"] + 1
    assert saved.json()["mapping"] == mapping(v1=0.25, v2=0.75)
    assert saved.json()["tags"] == ["a"]
    assert api.get(f"/deployments/{deployed}/settings").json() == saved.json()
    assert live(api, deployed) == "v1"
    assert ended(api, api.post(f"/deployments/{deployed}/updates", json={})) == "SUCCESS"
    assert api.get(f"/deployments/{deployed}").json()["live"] == mapping(v1=0.25, v2=0.75)


def test_what_is_left_out_of_a_change_stays(api: httpx.Client, deployed: str) -> None:
    changed = api.patch(f"/deployments/{deployed}", json={"tags": ["x", "y", "x"]}).json()

    assert (changed["tags"], changed["mapping"], changed["enabled"]) == (["x", "y"], mapping(v1=1.0), True)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"mapping": mapping(v1=0.5)},
        {"mapping": mapping(v1=0.5, v2=0.6)},
        {"mapping": {"entries": []}},
        {"version": "v1", "mapping": mapping(v2=1.0)},
        {"version": "v1", "tags": "a"},
        {"version": "v1", "unknown": 1},
    ],
)
def test_settings_that_cannot_be_are_refused(api: httpx.Client, deployed: str, wanted: Any) -> None:
    response = api.put(f"/deployments/{deployed}/settings", json=wanted)

    assert_problem(response, 400, response.json()["code"])
    assert api.get(f"/deployments/{deployed}/settings").json()["revision"] == 1


def test_a_second_editor_is_told_what_the_first_one_changed(api: httpx.Client, deployed: str) -> None:
    path = f"/deployments/{deployed}/settings"
    tag = api.get(path).headers["etag"]
    mine = api.put(path, json={"version": "v2"}, headers={"If-Match": tag})
    assert mine.status_code == 200

    for method, at in (
        ("PUT", path),
        ("PATCH", f"/deployments/{deployed}"),
        ("DELETE", f"/deployments/{deployed}"),
    ):
        late = api.request(method, at, json={"version": "v1"}, headers={"If-Match": tag})
        message = assert_problem(late, 412, "stale-revision")
        me = api.get("/me").json()["name"]
        assert f"{me} changed mapping (v1 100 % → v2 100 %)" in message

    again = api.put(path, json={"version": "v1"}, headers={"If-Match": mine.headers["etag"]})
    assert again.status_code == 200


@pytest.mark.parametrize(
    "tag", ["x", '"', "-1", "1", '"1', '"1.5e9x"', '"1", "2"', '""', '"' + "9" * 19 + '"']
)
def test_an_etag_that_is_none_is_refused(api: httpx.Client, deployed: str, tag: str) -> None:
    response = api.patch(f"/deployments/{deployed}", json={"tags": ["t"]}, headers={"If-Match": tag})

    assert_problem(response, 400, "bad-parameter")
    assert api.get(f"/deployments/{deployed}").json()["tags"] == []


@pytest.mark.parametrize("tag", ['"1"', '"1.abcdef012345"', 'W/"1.abcdef012345"', "*"])
def test_an_etag_counts_by_its_revision(api: httpx.Client, deployed: str, tag: str) -> None:
    response = api.patch(f"/deployments/{deployed}", json={"tags": ["t"]}, headers={"If-Match": tag})

    assert response.status_code == 200


def test_an_answer_that_the_reader_has_already_is_not_sent_again(api: httpx.Client, deployed: str) -> None:
    for path in (f"/deployments/{deployed}/settings", f"/deployments/{deployed}"):
        first = api.get(path)

        again = api.get(path, headers={"If-None-Match": first.headers["etag"]})

        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == first.headers["etag"]
    api.patch(f"/deployments/{deployed}", json={"tags": ["new"]})
    tag = first.headers["etag"]
    assert api.get(f"/deployments/{deployed}", headers={"If-None-Match": tag}).status_code == 200


def test_a_rollback_goes_to_what_was_live_before(api: httpx.Client, deployed: str) -> None:
    path = f"/deployments/{deployed}"
    assert ended(api, api.post(f"{path}/updates", json={"version": "v2"})) == "SUCCESS"

    assert ended(api, api.post(f"{path}/rollback")) == "SUCCESS"
    assert live(api, deployed) == "v1"
    assert ended(api, api.post(f"{path}/rollback", json={"version": "v2"})) == "SUCCESS"
    assert live(api, deployed) == "v2"


def test_a_disabled_deployment_refuses_until_it_is_enabled(api: httpx.Client, deployed: str) -> None:
    path = f"/deployments/{deployed}"
    url = api.get(path).json()["endpoints"][0]["urls"][0]
    query = {"data": {"merchant_id": "M_1"}}

    assert ended(api, api.post(f"{path}/disable")) == "SUCCESS"
    refused = httpx.post(f"{url}/lookup", json=query, timeout=60)
    assert ended(api, api.post(f"{path}/enable")) == "SUCCESS"
    answered = httpx.post(f"{url}/lookup", json=query, timeout=60)

    assert (refused.status_code, answered.status_code) == (503, 200)


def test_an_update_is_a_job_with_progress_and_log(api: httpx.Client, deployed: str) -> None:
    started = api.post(f"/deployments/{deployed}/updates", json={"version": "v2", "kind": "full"})
    assert ended(api, started) == "SUCCESS"

    job = api.get(f"/jobs/update-{started.json()['id']}").json()
    newest = api.get("/jobs?limit=1").json()

    assert job["kind"] == "update"
    assert job["deployment"] == deployed
    assert job["title"] == f"full update of {deployed} to v2"
    assert job["progress"] == 1.0
    assert any("v2 is live" in line for line in job["log"])
    assert newest["items"] == [job]
    older = api.get(f"/jobs?limit=1&after={newest['next']}").json()["items"]
    assert older[0]["number"] < job["number"]
    history = api.get(f"/deployments/{deployed}/updates?limit=1").json()
    assert history["items"][0]["id"] == job["number"]
    assert history["next"] == str(job["number"])


def test_a_job_that_ended_cannot_be_cancelled_and_an_unknown_one_is_not_there(
    api: httpx.Client, deployed: str
) -> None:
    number = api.get(f"/deployments/{deployed}/updates").json()["items"][0]["id"]

    assert_problem(api.delete(f"/jobs/update-{number}"), 409, "update-ended")
    for job in ("update-999999", "update-0", "x", "update-", "update-1e3", "%20"):
        assert_problem(api.get(f"/jobs/{job}"), 404, "no-such-job")
        assert_problem(api.delete(f"/jobs/{job}"), 404, "no-such-job")


def test_a_deployment_can_be_made_without_bringing_it_live(api: httpx.Client, tmp_path: Path) -> None:
    publish(api, make_package(tmp_path, service="later"))

    made = api.post("/deployments", json={"service": "later", "version": "v1", "start": False})

    assert made.status_code == 201
    assert made.json()["mapping"] == mapping(v1=1.0)
    assert made.headers["etag"].startswith('"1.')
    assert api.get("/deployments/later-on-local").json()["health"] == "NO_STATUS"
    assert_problem(api.post("/deployments/later-on-local/queries", json={"queries": [{}]}), 409, "conflict")
    assert ended(api, api.post("/deployments/later-on-local/updates")) == "SUCCESS"


def test_lists_can_be_narrowed_to_a_service_and_an_infrastructure(api: httpx.Client, deployed: str) -> None:
    service = deployed.removesuffix("-on-local")

    def listed(**query: str) -> list[str]:
        return [one["id"] for one in api.get("/deployments", params=query).json()["items"]]

    assert listed(service=service) == [deployed]
    assert deployed in listed(infrastructure="local")
    assert listed(infrastructure="other") == []


def test_a_copy_and_a_promotion_end_on_other_infrastructures(api: httpx.Client, deployed: str) -> None:
    for name, stage in (("beside", "Development"), ("testing", "Test")):
        if api.get(f"/infrastructures/{name}").status_code == 404:
            made = api.post("/infrastructures", json={"id": name, "stage": stage})
            assert made.status_code == 201
    service = deployed.removesuffix("-on-local")

    assert (
        ended(api, api.post(f"/deployments/{deployed}/copy", json={"infrastructure": "beside"})) == "SUCCESS"
    )
    assert ended(api, api.post(f"/deployments/{deployed}/promote")) == "SUCCESS"

    assert live(api, f"{service}-on-beside") == "v1"
    assert live(api, f"{service}-on-testing") == "v1"
    no_next = api.post(f"/deployments/{service}-on-testing/promote")
    assert_problem(no_next, 409, "no-next-infrastructure")


def test_a_deleted_deployment_is_gone_with_its_jobs_and_from_the_node(
    api: httpx.Client, deployed: str
) -> None:
    url = api.get(f"/deployments/{deployed}").json()["endpoints"][0]["urls"][0]
    number = api.get(f"/deployments/{deployed}/updates").json()["items"][0]["id"]

    assert api.delete(f"/deployments/{deployed}").json() == {"id": deployed}

    assert_problem(api.get(f"/deployments/{deployed}"), 404, "no-such-deployment")
    assert_problem(api.get(f"/jobs/update-{number}"), 404, "no-such-job")
    assert httpx.post(f"{url}/lookup", json={"data": {}}, timeout=60).status_code == 404


def test_own_queries_are_asked_of_the_nodes_as_clients_do(api: httpx.Client, deployed: str) -> None:
    queries = [{"data": {"merchant_id": "M_1"}}, {"data": "wrong"}]

    answers = api.post(f"/deployments/{deployed}/queries", json={"queries": queries}).json()["answers"]
    each = api.post(
        f"/deployments/{deployed}/queries",
        json={"queries": queries[:1], "endpoint": "merchant_lookup", "every_node": True},
    ).json()["answers"]

    assert [one["passed"] for one in answers] == [True, False]
    assert answers[0]["answer"]["results"][0]["data"] == {"state": "State of v1"}
    assert answers[0]["generation"] == "v1"
    assert len(each) == 1
    wrong = api.post(
        f"/deployments/{deployed}/queries", json={"queries": queries, "endpoint": "merchant_lokup"}
    )
    assert "did you mean 'merchant_lookup'?" in assert_problem(wrong, 404, "no-such-endpoint")
    assert_problem(api.post(f"/deployments/{deployed}/queries", json={"queries": []}), 400, "bad-queries")


def test_the_description_of_a_deployment_is_true_of_its_answers(api: httpx.Client, tmp_path: Path) -> None:
    publish(api, make_cards(tmp_path, service="described"))
    assert ended(api, api.post("/deployments", json={"service": "described", "version": "v1"})) == "SUCCESS"

    described = api.get("/deployments/described-on-local/openapi").json()

    assert described["openapi"] == "3.1.0"
    assert described["info"]["version"] == "v1"
    server = described["servers"][0]["url"]
    tried = 0
    for path, calls in described["paths"].items():
        call = calls["post"]
        content = call["requestBody"]["content"]["application/json"]
        example = content["examples"]["first"]["value"]
        jsonschema.validate(example, content["schema"])
        answer = httpx.post(server + path, json=example, timeout=60)
        assert answer.status_code == 200, answer.text
        schema = call["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), schema)
        tried += 1
    assert tried == 12
    plain = described["paths"]["/public/api/v1/described/plain/predict"]["post"]
    result = plain["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["result"]
    assert result["properties"]["prediction"] == {"type": "string", "enum": ["no", "yes"]}
    strict = described["paths"]["/public/api/v1/described/strict/predict"]["post"]["requestBody"]
    features = strict["content"]["application/json"]["schema"]["properties"]["features"]
    assert features["required"] == ["amount", "sector"]


def test_sample_code_asks_what_is_live_where_it_answers(api: httpx.Client, deployed: str) -> None:
    url = api.get(f"/deployments/{deployed}").json()["endpoints"][0]["urls"][0]

    for language in ("shell", "python", "r", "java", "javascript"):
        sample = api.get(f"/deployments/{deployed}/sample-code?language={language}").json()
        assert (sample["language"], sample["endpoint"]) == (language, "merchant_lookup")
        assert f"{url}/lookup" in sample["code"]
        assert "M_1" in sample["code"]
    wrong = api.get(f"/deployments/{deployed}/sample-code?language=javascrip")
    assert "did you mean 'javascript'?" in assert_problem(wrong, 404, "no-such-language")
    unknown = api.get(f"/deployments/{deployed}/sample-code?endpoint=x")
    assert_problem(unknown, 404, "no-such-endpoint")


def test_what_is_done_is_told_in_events(
    control_plane: ControlPlane, api: httpx.Client, deployed: str
) -> None:
    told = []
    with httpx.stream(
        "GET",
        f"{control_plane.server.url}/api/v1/events",
        headers={"Authorization": f"Bearer {control_plane.server.key}", "Last-Event-ID": "0"},
        timeout=30,
    ) as response:
        for line in response.iter_lines():
            if line.startswith("data: "):
                event = json.loads(line[6:])
                if event["object"] in (deployed, deployed.removesuffix("-on-local")):
                    told.append((event["kind"], event["what"]))
                if event["what"] == "end update" and event["object"] == deployed:
                    break

    assert told == [
        ("service", "publish"),
        ("service", "publish"),
        ("deployment", "create"),
        ("deployment", "start update"),
        ("deployment", "end update"),
    ]
