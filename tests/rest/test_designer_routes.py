"""Services of a project over the control API: designed, tried with queries, made into versions, published."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs
from tests.deployer.processes import ControlPlane, wait_until
from tests.rest.test_control_api import assert_problem
from tests.studio.small_project import trained, write_project

from scoreline.core.service import PredictionEndpoint, Service
from scoreline.errors import Conflict

NUMBERS = itertools.count(1)
BASE = "/projects/cards/services"
QUERY = {"query": {"features": {"amount": 800.0, "card_id": "C_7"}}}


class World:
    """A control plane that knows the project `cards`, whose model is trained."""

    def __init__(self, folder: Path) -> None:
        self.project = write_project(folder / "cards")
        trained(self.project)
        self.running = ControlPlane(folder / "home")
        self.running.start()
        self.clients: list[httpx.Client] = []
        self.api = self.as_key(self.running.server.key)
        self.api.post("/projects", json={"folder": str(self.project)}).raise_for_status()

    def as_key(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{self.running.server.url}/api/v1"
        client = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)
        self.clients.append(client)
        return client

    def user(self, role: str) -> httpx.Client:
        """Somebody with a role on the project."""
        name = f"{role}{next(NUMBERS)}"
        self.api.post("/users", json={"name": name, "password": False}).raise_for_status()
        self.api.put(f"/roles/project:cards/user:{name}", json={"role": role}).raise_for_status()
        made = self.api.post("/keys", json={"label": "test", "user": name}).raise_for_status()
        return self.as_key(made.json()["key"])

    def service(self, **changes: Any) -> str:
        """A service of its own with a prediction endpoint; gives its id."""
        name = f"s{next(NUMBERS)}"
        endpoint = {
            "kind": "prediction",
            "id": "predict",
            "model": "fraud",
            "enrichments": [CARDS],
            **changes,
        }
        body = {"id": name, "definition": {"endpoints": [endpoint]}}
        self.api.post(BASE, json=body).raise_for_status()
        return name

    def ended(self, job: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.api.get(f"/projects/cards/jobs/{job}").raise_for_status().json()
            return found if found["finished_at"] else None

        return wait_until(look, f"{job} has ended", 120)

    def make(self, service: str, **wanted: Any) -> dict[str, Any]:
        """The job that made a version, once it has ended."""
        begun = self.api.post(f"{BASE}/{service}/versions", json=wanted)
        assert begun.status_code == 202, begun.text
        return self.ended(begun.json()["id"])


CARDS = {
    "dataset": "cards",
    "keys": [{"column": "card", "name": "card_id"}],
    "columns": [{"column": "age"}],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("designer"))
    try:
        yield made
    finally:
        for client in made.clients:
            client.close()
        made.running.clear()


def test_services_are_listed_with_their_endpoints(world: World) -> None:
    listed = {one["id"]: one for one in world.api.get(BASE).json()["items"]}["fraud_detection"]

    assert [(one["id"], one["kind"], one["model"]) for one in listed["endpoints"]] == [
        ("predict", "prediction", "fraud"),
        ("merchant", "lookup", None),
    ]
    assert listed["problem"] == ""


def test_a_service_whose_file_is_not_sound_is_listed_with_the_reason(world: World) -> None:
    file = world.project / "services" / "odd.yaml"
    file.write_text("endpointss: []\n")
    try:
        listed = {one["id"]: one for one in world.api.get(BASE).json()["items"]}
        one = world.api.get(f"{BASE}/odd").json()
    finally:
        file.unlink()

    assert "did you mean 'endpoints'" in listed["odd"]["problem"]
    assert one["definition"] is None


@pytest.mark.parametrize("name", ["über", "a b", "", "../x"])
def test_an_id_that_cannot_stand_in_a_url_is_refused_with_the_rule(world: World, name: str) -> None:
    refused = world.api.post(BASE, json={"id": name})

    assert_problem(refused, 400, "bad-id")
    assert "letters, digits" in refused.json()["message"]


def test_an_id_that_is_taken_is_refused_whatever_its_case(world: World) -> None:
    refused = world.api.post(BASE, json={"id": "Fraud_Detection"})

    assert_problem(refused, 409, "exists")
    assert "'fraud_detection'" in refused.json()["message"]


def test_the_second_of_two_who_change_a_service_is_refused(world: World) -> None:
    name = world.service()
    read = world.api.get(f"{BASE}/{name}")
    first = {**read.json()["definition"], "description": "Of the risk team"}
    second = {**read.json()["definition"], "name": "Cards"}
    tag = {"If-Match": read.headers["etag"]}

    saved = world.api.put(f"{BASE}/{name}", json=first, headers=tag)
    refused = world.api.put(f"{BASE}/{name}", json=second, headers=tag)

    assert saved.status_code == 200
    assert_problem(refused, 412, "stale-revision")
    assert world.api.get(f"{BASE}/{name}").json()["definition"]["description"] == "Of the risk team"


def test_who_may_only_deploy_cannot_change_a_service_but_may_try_it(world: World) -> None:
    name, deployer, viewer = world.service(), world.user("deploy"), world.user("view")
    definition = world.api.get(f"{BASE}/{name}").json()["definition"]
    run = f"{BASE}/{name}/endpoints/predict/test-queries"

    assert deployer.put(f"{BASE}/{name}", json=definition).status_code == 403
    assert deployer.post(run, json={"queries": [QUERY]}).status_code == 200
    assert viewer.post(run, json={"queries": [QUERY]}).status_code == 403
    assert viewer.get(f"{BASE}/{name}/endpoints/predict/schema").status_code == 200


def test_a_check_says_what_is_wrong_beside_its_field(world: World) -> None:
    wrong = {**CARDS, "columns": [{"column": "agee"}]}
    given = {"endpoints": [{"kind": "prediction", "id": "a b", "model": "fraudd", "enrichments": [wrong]}]}

    found = world.api.post(f"{BASE}/fraud_detection/check", json=given).json()["findings"]

    told = {one["field"]: one["message"] for one in found}
    assert set(told) == {
        "endpoints[0].id",
        "endpoints[0].model",
        "endpoints[0].enrichments[0].columns[0].column",
    }
    assert "did you mean 'fraud'?" in told["endpoints[0].model"]
    assert {one["stands_against"] for one in found} == {"saving"}


def test_a_check_of_what_is_no_definition_names_the_place(world: World) -> None:
    given = {"endpoints": [{"kind": "prediction", "id": 3, "model": "fraud"}]}

    (found,) = world.api.post(f"{BASE}/fraud_detection/check", json=given).json()["findings"]

    assert found["field"].startswith("endpoints")
    assert "Expected `str`" in found["message"]


def test_a_check_says_what_can_be_saved_and_not_packaged(world: World) -> None:
    (found,) = world.api.post(f"{BASE}/fraud_detection/check", json={}).json()["findings"]

    assert found["stands_against"] == "packaging"


def test_queries_that_are_not_saved_are_answered_with_timings_and_what_was_found(world: World) -> None:
    name = world.service()

    run = world.api.post(f"{BASE}/{name}/endpoints/predict/test-queries", json={"queries": [QUERY]})

    (outcome,) = run.json()["outcomes"]
    record = {one["name"]: one for one in outcome["record"]}
    assert outcome["passed"], outcome
    assert set(outcome["answer"]["result"]["probas"]) == {"yes", "no"}
    assert "postEnrichment" not in outcome["answer"]["result"]
    assert (record["age"]["source"], record["age"]["dataset"]) == ("lookup", "cards")
    assert record["amount"]["source"] == "query"
    assert {one["part"] for one in outcome["timings"]} == {"read", "enrich", "predict", "write"}
    assert "cards: found age" in outcome["log"]
    assert any(line.startswith("model fraud") for line in run.json()["log"])


def test_a_query_that_fails_says_why_and_the_others_are_answered(world: World) -> None:
    name = world.service()
    bad, other = {"query": {"features": {"amount": "much"}}}, {**QUERY, "expect": {"prediction": "maybe"}}

    run = world.api.post(
        f"{BASE}/{name}/endpoints/predict/test-queries", json={"queries": [bad, other, QUERY]}
    )

    passed = [one["passed"] for one in run.json()["outcomes"]]
    assert passed == [False, False, True]
    assert "amount" in run.json()["outcomes"][0]["message"]


def test_a_definition_is_tried_before_it_is_saved(world: World) -> None:
    name = world.service(enrichments=[])
    definition = world.api.get(f"{BASE}/{name}").json()["definition"]
    definition["endpoints"][0] |= {"enrichments": [CARDS], "return_post_enrichment": True}
    wanted = {"queries": [QUERY], "definition": definition}

    run = world.api.post(f"{BASE}/{name}/endpoints/predict/test-queries", json=wanted)

    assert "age" in run.json()["outcomes"][0]["answer"]["result"]["postEnrichment"]
    assert world.api.get(f"{BASE}/{name}").json()["definition"]["endpoints"][0]["enrichments"] == []


def test_the_rows_of_now_are_looked_up_however_often_one_asks(world: World) -> None:
    name, path = world.service(), world.project / "data/cards.csv"
    before = path.read_text()
    run = f"{BASE}/{name}/endpoints/predict/test-queries"

    def age() -> object:
        (outcome,) = world.api.post(run, json={"queries": [QUERY]}).json()["outcomes"]
        return {one["name"]: one["value"] for one in outcome["record"]}["age"]

    first, again = age(), age()
    path.write_text(before.replace("C_7,", "C_7_before,") + "C_7,99,2017-03-01\n")
    try:
        changed = age()
    finally:
        path.write_text(before)

    assert first == again != changed == 99


def test_a_lookup_endpoint_tells_the_columns_it_found(world: World) -> None:
    asked = {"queries": [{"query": {"data": {"merchant_id": "M_1"}}}]}

    run = world.api.post(f"{BASE}/fraud_detection/endpoints/merchant/test-queries", json=asked)

    record = {one["name"]: one["value"] for one in run.json()["outcomes"][0]["record"]}
    assert record == {"state": "Wyoming", "stores": 3}


def test_rows_of_a_dataset_are_offered_as_queries(world: World) -> None:
    path = f"{BASE}/{world.service()}/endpoints/predict/candidates"

    first = world.api.get(path, params={"dataset": "payments", "count": 2}).json()["queries"]
    next_one = world.api.get(path, params={"dataset": "payments", "count": 1, "skip": 1}).json()["queries"]

    assert [one["name"] for one in first] == ["payments row 1", "payments row 2"]
    assert set(first[0]["query"]["features"]) == {"amount", "age"}
    assert next_one == first[1:]


def test_a_schema_tells_what_an_endpoint_takes(world: World) -> None:
    takes = world.api.get(f"{BASE}/{world.service()}/endpoints/predict/schema").json()

    inputs = {one["name"]: one for one in takes["inputs"]}
    record = takes["query_schema"]["properties"]["features"]["properties"]
    assert set(inputs) == set(record) == {"amount", "age", "card_id"}
    assert (inputs["age"]["enriched_from"], inputs["amount"]["enriched_from"]) == ("cards", None)
    assert (takes["task"], takes["target"], takes["classes"]) == ("binary", "refused", ["no", "yes"])
    assert set(takes["example"]["features"]) == {"amount", "age", "card_id"}


def test_the_openapi_description_holds_every_endpoint(world: World) -> None:
    described = world.api.get(f"{BASE}/fraud_detection/openapi").json()

    assert "/public/api/v1/fraud_detection/predict/predict" in described["paths"]
    assert "/public/api/v1/fraud_detection/merchant/lookup" in described["paths"]


def test_a_version_is_made_by_a_job_and_published(world: World) -> None:
    name = world.service()

    job = world.make(name, release_notes="The first", publish_as=name)

    (made,) = world.api.get(f"{BASE}/{name}/versions").json()["items"]
    assert (job["outcome"], job["title"], job["result"]["version"]) == ("SUCCESS", f"make {name} v1", "v1")
    assert (made["id"], made["release_notes"], made["endpoints"]) == (
        "v1",
        "The first",
        {"predict": "prediction"},
    )
    assert made["digest"] == job["result"]["digest"]
    assert "is made" in world.api.get(f"/projects/cards/jobs/{job['id']}/log").text
    wait_until(lambda: world.api.get(f"/services/{name}").status_code == 200, "it is published")
    assert world.api.get(f"/services/{name}").json()["versions"][0]["digest"] == made["digest"]


def test_a_version_that_is_there_is_not_made_again(world: World) -> None:
    name = world.service()
    world.make(name, id="first")

    refused = world.api.post(f"{BASE}/{name}/versions", json={"id": "first"})

    assert_problem(refused, 409, "version-exists")


def test_what_a_new_version_would_change_is_told_before_it_is_made(world: World) -> None:
    name = world.service()
    new = world.api.get(f"{BASE}/{name}/changes").json()
    world.make(name)
    same = world.api.get(f"{BASE}/{name}/changes").json()
    definition = world.api.get(f"{BASE}/{name}").json()["definition"]
    definition["endpoints"][0]["return_post_enrichment"] = True
    definition["endpoints"].append({"kind": "lookup", "id": "find", "lookups": [CARDS]})
    world.api.put(f"{BASE}/{name}", json=definition).raise_for_status()

    told = world.api.get(f"{BASE}/{name}/changes").json()

    assert (new["next_version"], new["compared_with"], new["changes"]) == ("v1", None, None)
    assert (same["next_version"], same["compared_with"]) == ("v2", "v1")
    assert not any(same["changes"].values()), same["changes"]
    assert told["changes"]["endpoints_added"] == ["find"]
    assert told["changes"]["endpoints_changed"] == [{"id": "predict", "settings": ["return_post_enrichment"]}]
    assert told["changes"]["lookups"] == []


def test_a_version_is_published_later_and_deleted_in_the_project_alone(world: World) -> None:
    name = world.service()
    world.make(name)

    first = world.api.post(f"{BASE}/{name}/versions/v1/publish", json={"service": f"{name}-live"})
    again = world.api.post(f"{BASE}/{name}/versions/v1/publish", json={"service": f"{name}-live"})
    deleted = world.api.delete(f"{BASE}/{name}/versions/v1")

    assert (first.status_code, again.status_code, deleted.status_code) == (201, 200, 200)
    assert world.api.get(f"{BASE}/{name}/versions").json()["items"] == []
    assert len(world.api.get(f"/services/{name}-live").json()["versions"]) == 1


def test_a_service_is_renamed_until_it_has_versions(world: World) -> None:
    name = world.service()

    renamed = world.api.post(f"{BASE}/{name}/rename", json={"id": f"{name}-new"})
    world.make(f"{name}-new")
    refused = world.api.post(f"{BASE}/{name}-new/rename", json={"id": name})

    assert renamed.json()["service"]["id"] == f"{name}-new"
    assert world.api.get(f"{BASE}/{name}").status_code == 404
    assert_problem(refused, 409, "has-versions")


def test_a_deleted_service_is_gone_and_the_deed_is_in_the_audit(world: World) -> None:
    name = world.service()

    deleted = world.api.delete(f"{BASE}/{name}")

    assert deleted.status_code == 200
    assert_problem(world.api.get(f"{BASE}/{name}"), 404, "no-such-service")
    changes = world.api.get("/audit", params={"on": "project:cards", "limit": 1}).json()["items"]
    assert (changes[0]["what"], changes[0]["before"]["service"]) == ("delete service", name)


def test_a_key_of_a_service_is_told_once_and_kept_as_its_hash(world: World) -> None:
    name = world.service()

    made = world.api.post(f"{BASE}/{name}/api-keys", json={"label": "till"})
    last = world.api.delete(f"{BASE}/{name}/api-keys/till")

    definition = world.api.get(f"{BASE}/{name}").json()["definition"]
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert (definition["authorization"], definition["api_keys"][0]["label"]) == ("api_keys", "till")
    assert made.json()["key"] not in (world.project / "services" / f"{name}.yaml").read_text()
    assert_problem(last, 409, "last-key")


def test_the_sdk_designs_tries_makes_and_publishes(world: World) -> None:
    name = f"s{next(NUMBERS)}"
    endpoint = PredictionEndpoint(id="predict", model="fraud")
    with world.running.client() as client:
        made = client.create_project_service("cards", name, Service(endpoints=(endpoint,)))
        queries = client.candidate_queries("cards", name, "predict", "payments", 2)
        changed = structs.replace(endpoint, test_queries=queries)
        client.save_project_service("cards", name, Service(endpoints=(changed,)), revision=made.revision)
        run = client.run_designer_queries("cards", name, "predict")
        client.make_version("cards", name, "first")
        published = client.publish_made_version("cards", name, "first")

        assert [one.passed for one in run.outcomes] == [True, True]
        assert [one.id for one in client.made_versions("cards", name)] == ["first"]
        assert (published.service, published.version) == (name, "first")
        assert client.changes_of_service("cards", name).next_version == "v1"
        with pytest.raises(Conflict, match="has changed"):
            client.save_project_service("cards", name, Service(), revision=made.revision)


@pytest.mark.slow
def test_a_version_is_published_though_the_control_plane_was_killed_while_it_was_made(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        name = world.service()
        job = world.api.post(f"{BASE}/{name}/versions", json={"publish_as": name}).json()["id"]
        world.running.kill()
        world.running.start()
        world.api = world.as_key(world.running.server.key)

        assert world.ended(job)["outcome"] == "SUCCESS"
        wait_until(lambda: world.api.get(f"/services/{name}").status_code == 200, "it is published")
    finally:
        for client in world.clients:
            client.close()
        world.running.clear()
