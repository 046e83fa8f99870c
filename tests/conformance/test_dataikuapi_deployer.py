"""The unmodified client `dataikuapi` works with the API deployer: each of its methods, and what it reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dataikuapi import APINodeClient, DSSClient
from dataikuapi.dss.apideployer import DSSAPIDeployer, DSSAPIDeployerDeployment
from dataikuapi.dss.future import DSSFuture
from dataikuapi.utils import DataikuException
from tests.conformance.platform import dss_client
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane
from tests.node.processes import NodeProcess

from scoreline.storage.archives import read_archive

QUERY = {"q": {"data": {"merchant_id": "M_1"}}}


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("deployer") / "home")
    running.start()
    running.wait_for_node()
    yield running
    running.clear()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[DSSClient]:
    with dss_client(control_plane) as opened:
        yield opened


@pytest.fixture
def deployer(client: DSSClient) -> DSSAPIDeployer:
    return client.get_apideployer()


def publish(deployer: DSSAPIDeployer, folder: Path, as_service: str, *versions: str, **package: Any) -> None:
    """Versions of a service that looks merchants up, imported as files."""
    if as_service not in [one.id() for one in deployer.list_services()]:
        deployer.create_service(as_service)
    for version in versions:
        with make_package(folder, version, **{"service": as_service, **package}).open("rb") as file:
            deployer.get_service(as_service).import_version(file)


def deployed(
    deployer: DSSAPIDeployer, folder: Path, service: str, **package: Any
) -> DSSAPIDeployerDeployment:
    """A service with v1 and v2, of which v1 is live on the local infrastructure."""
    publish(deployer, folder, service, "v1", "v2", **package)
    deployment = deployer.create_deployment(f"{service}-on-local", service, "local", "v1")
    assert deployment.start_update().wait_for_result()["status"] == "SUCCESS"
    return deployment


def answering(deployment: DSSAPIDeployerDeployment) -> str:
    """The generation that a client of the node is answered by."""
    url, _, service = deployment.get_status().get_service_urls()[0].rpartition("/public/api/v1/")
    node = APINodeClient(url, service)
    answer = node.lookup_records("merchant_lookup", [{"data": {"merchant_id": "M_1"}}])
    node._session.close()
    return str(answer["apiContext"]["serviceGeneration"])


def test_stages_are_listed(deployer: DSSAPIDeployer) -> None:
    stages = deployer.list_stages()

    assert [stage["id"] for stage in stages] == ["Development", "Test", "Production"]
    assert all(stage["desc"] for stage in stages)


def test_infrastructures_are_listed_made_changed_and_deleted(
    deployer: DSSAPIDeployer, control_plane: ControlPlane
) -> None:
    made = deployer.create_infra("bank", "Production", "STATIC")
    assert made.id() == "bank"
    assert {"local", "bank"} <= {infra.id() for infra in deployer.list_infras()}
    basics = {
        one["infraBasicInfo"]["id"]: one["infraBasicInfo"] for one in deployer.list_infras(as_objects=False)
    }
    assert (basics["bank"]["type"], basics["bank"]["stage"]) == ("STATIC", "Production")
    assert basics["local"]["type"] == "LOCAL"

    settings = made.get_settings()
    assert settings.get_type() == "STATIC"
    settings.add_apinode("http://127.0.0.1:9/", "sk-very-secret")
    settings.add_apinode("http://127.0.0.1:10", "sk-other-secret", graphite_prefix="x")
    settings.get_raw()["stage"] = "Test"
    settings.save()

    again = made.get_settings()
    assert again.get_raw()["stage"] == "Test"
    assert [node["url"] for node in again.get_raw()["apiNodes"]] == [
        "http://127.0.0.1:9",
        "http://127.0.0.1:10",
    ]
    assert "very-secret" not in str(again.get_raw())
    again.remove_apinode("http://127.0.0.1:10")
    again.save()
    assert [node["url"] for node in made.get_settings().get_raw()["apiNodes"]] == ["http://127.0.0.1:9"]
    assert made.get_status().get_deployments() == []
    assert made.get_status().get_raw()["infraBasicInfo"]["id"] == "bank"
    made.delete()
    assert "bank" not in {infra.id() for infra in deployer.list_infras()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.update(type="STATIC"), "the id and the type of an infrastructure cannot be changed"),
        (lambda raw: raw.update(apiNodes=[]), "started by the control plane itself"),
        (lambda raw: raw.update(stage="Prduction"), "no stage 'Prduction'"),
        (lambda raw: raw.update(governCheckPolicy="PREVENT"), "NoneType|PREVENT|governCheckPolicy"),
        (lambda raw: raw.update(carbonAPISettings={"x": 1}), "has 'carbonAPISettings'"),
    ],
)
def test_what_an_infrastructure_cannot_be_is_refused(
    deployer: DSSAPIDeployer, change: Any, message: str
) -> None:
    settings = deployer.get_infra("local").get_settings()
    before = dict(settings.get_raw())
    change(settings.get_raw())

    with pytest.raises(DataikuException, match=message):
        settings.save()

    assert deployer.get_infra("local").get_settings().get_raw() == before


@pytest.mark.parametrize("kind", ["K8S", "SAGEMAKER", "AZURE_ML", "VERTEX_AI", "SNOWPARK"])
def test_kinds_of_infrastructures_that_there_are_not_are_refused(deployer: DSSAPIDeployer, kind: str) -> None:
    with pytest.raises(DataikuException, match="Invalid"):
        deployer.create_infra("elsewhere", "Test", kind)


def test_a_service_is_made_filled_described_and_deleted(deployer: DSSAPIDeployer, tmp_path: Path) -> None:
    service = deployer.create_service("filled")
    assert service.id() == "filled"
    assert service.get_status().get_versions() == []
    publish(deployer, tmp_path, "filled", "v1", "v2")

    assert "filled" in [one.id() for one in deployer.list_services()]
    assert "filled" in [one["serviceBasicInfo"]["id"] for one in deployer.list_services(as_objects=False)]
    versions = service.get_status().get_versions()
    assert [one["id"] for one in versions] == ["v2", "v1"]
    assert versions[0]["publishedOn"] > 1.7e12
    assert service.get_status().get_deployments() == service.get_status().get_deployments("local") == []

    service.download_version_to_file("v1", str(tmp_path / "down.zip"))
    assert (tmp_path / "down.zip").read_bytes() == (tmp_path / "filled-v1.zip").read_bytes()
    with service.get_version_stream("v2") as stream:
        (tmp_path / "stream.zip").write_bytes(stream.raw.read())
    assert read_archive(tmp_path / "stream.zip")[0].version == "v2"

    settings = service.get_settings()
    settings.save()
    settings.get_raw()["permissions"] = [{"group": "bank", "admin": True}]
    with pytest.raises(DataikuException, match="has 'permissions', which cannot be kept here"):
        settings.save()

    service.delete_version("v1")
    assert [one["id"] for one in service.get_status().get_versions()] == ["v2"]
    service.delete()
    assert "filled" not in [one.id() for one in deployer.list_services()]
    with pytest.raises(DataikuException, match="NotFound: no service 'filled'"):
        service.get_status()


def test_a_stream_that_is_downloaded_can_be_imported_as_it_is(
    deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    publish(deployer, tmp_path, "streamed", "v1")
    copy = deployer.create_service("copied")

    copy.import_version(deployer.get_service("streamed").get_version_stream("v1").raw)

    assert [one["id"] for one in copy.get_status().get_versions()] == ["v1"]


def test_what_is_no_package_is_refused(deployer: DSSAPIDeployer, client: DSSClient, tmp_path: Path) -> None:
    service = deployer.create_service("strict")
    (tmp_path / "no.zip").write_bytes(b"PK no archive")
    with (
        (tmp_path / "no.zip").open("rb") as file,
        pytest.raises(DataikuException, match=r"Invalid: .*archive"),
    ):
        service.import_version(file)
    path = "/api-deployer/services/strict/versions"
    with pytest.raises(DataikuException, match="Invalid: the body is no form"):
        client._perform_empty("POST", path, raw_body=b"PK")
    with pytest.raises(DataikuException, match="not exactly one whole file in its field 'file'"):
        client._perform_empty("POST", path, files={"other": b"PK"})
    with pytest.raises(DataikuException, match="not exactly one whole file in its field 'file'"):
        client._perform_empty("POST", path, files=[("file", b"PK"), ("file", b"PK")])
    with pytest.raises(DataikuException, match="NotFound: no service 'strct'; did you mean 'strict'"):
        client._perform_empty("POST", path.replace("strict", "strct"), files={"file": b"PK"})
    assert service.get_status().get_versions() == []


def test_a_deployment_is_made_but_does_not_answer_before_its_first_update(
    deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    publish(deployer, tmp_path, "idle", "v1")

    deployment = deployer.create_deployment(
        "idle-on-local", "idle", "local", "v1", endpoint_id="merchant_lookup"
    )

    assert deployment.id() == "idle-on-local"
    assert "idle-on-local" in [one.id() for one in deployer.list_deployments()]
    assert "idle-on-local" in [one["deploymentBasicInfo"]["id"] for one in deployer.list_deployments(False)]
    status = deployment.get_status()
    assert status.get_health() == "NO_STATUS"
    assert status.get_health_messages()["messages"][0]["message"]
    light = status.get_light()["deploymentBasicInfo"]
    assert (light["publishedServiceId"], light["deployedServiceId"], light["enabled"]) == (
        "idle",
        "idle",
        True,
    )
    assert deployment.list_updates() == []
    with pytest.raises(DataikuException, match=r"NotFound: .* was never updated"):
        deployment.get_update()
    with pytest.raises(DataikuException, match=r"Conflict: .* has no version yet"):
        deployment.run_queries([QUERY])
    assert [one.id() for one in deployer.get_service("idle").get_status().get_deployments("local")] == [
        "idle-on-local"
    ]
    raw = deployer.get_service("idle").get_status().get_raw()["deployments"]
    assert [(one["id"], one["infraId"]) for one in raw] == [("idle-on-local", "local")]
    assert "idle-on-local" in [one.id() for one in deployer.get_infra("local").get_status().get_deployments()]
    for again in ("idle-on-local", "another"):
        with pytest.raises(DataikuException, match="Conflict"):
            deployer.create_deployment(again, "idle", "local", "v1")
    with pytest.raises(DataikuException, match="Conflict"):
        deployer.get_service("idle").delete()


@pytest.mark.parametrize(
    ("service", "infra", "version", "message"),
    [
        ("merchnts", "local", "v1", "no service 'merchnts'"),
        ("merchants", "lokal", "v1", "did you mean 'local'"),
        ("merchants", "local", "v7", "merchants 'v7' is not published"),
    ],
)
def test_a_deployment_of_what_is_not_there_is_refused(
    deployer: DSSAPIDeployer, tmp_path: Path, service: str, infra: str, version: str, message: str
) -> None:
    publish(deployer, tmp_path, "merchants", "v1")

    with pytest.raises(DataikuException, match=f"NotFound: .*{message}"):
        deployer.create_deployment("wrong", service, infra, version)
    assert "wrong" not in [one.id() for one in deployer.list_deployments()]


def test_a_right_to_query_through_the_deployer_is_not_given_here(
    deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    publish(deployer, tmp_path, "rights", "v1")
    given = [{"group": "bank", "queryThroughDeployer": True}]

    with pytest.raises(
        DataikuException, match="has 'authorizationsToQueryThroughDeployer', which cannot be kept"
    ):
        deployer.create_deployment(
            "r", "rights", "local", "v1", authorizations_to_query_through_deployer=given
        )


def test_an_update_is_a_future_that_ends_with_a_result(deployer: DSSAPIDeployer, tmp_path: Path) -> None:
    publish(deployer, tmp_path, "future", "v1")
    deployment = deployer.create_deployment("future-on-local", "future", "local", "v1")

    future = deployment.start_update()
    assert future.job_id
    assert "hasResult" in future.peek_state()
    result = future.wait_for_result()

    assert (result["status"], result["deploymentId"]) == ("SUCCESS", "future-on-local")
    assert future.has_result() is True
    assert future.get_result() == result
    assert future.get_state()["hasResult"] is True
    peeked = future.peek_state()
    assert peeked["hasResult"] is True
    assert "result" not in peeked
    assert future.get_result() == result
    future.abort()  # it is over: nothing to do
    assert deployment.get_status().get_health() == "HEALTHY"
    assert answering(deployment) == "v1"


def test_futures_that_run_are_listed_and_aborted(
    client: DSSClient, deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    # 300 test queries on a node: long enough to be seen while it runs.
    deployment = deployed(deployer, tmp_path, "slow", queries=300)
    settings = deployment.get_settings()
    settings.set_single_version("v2")
    settings.save()

    future = deployment.start_update()
    listed = client.list_futures(all_users=True)
    handles = client.list_futures(as_objects=True)
    with pytest.raises(DataikuException, match="Conflict"):
        deployment.start_update()
    client.get_future(future.job_id).abort()
    result = future.wait_for_result()

    assert [one["jobId"] for one in listed] == [future.job_id]
    assert [one.job_id for one in handles] == [future.job_id]
    assert client.list_running_scenarios(all_users=True) == []
    assert result["status"] == "CANCELLED"
    assert future.get_state()["aborted"] is True
    assert client.list_futures() == []
    assert answering(deployment) == "v1"
    assert deployment.get_status().get_health() == "WARNING"


@pytest.mark.parametrize("job", ["nobody", "update-", "update-0", "update-999999", "update-x"])
def test_waiting_for_a_future_that_is_not_there_ends_at_once(client: DSSClient, job: str) -> None:
    with pytest.raises(DataikuException, match="NotFound"):
        DSSFuture(client, job).wait_for_result()


def test_an_update_that_fails_on_the_node_ends_with_a_result_and_health_tells(
    deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    deployment = deployed(deployer, tmp_path, "failing")
    publish(deployer, tmp_path, "failing", "v3", expect="Nowhere")
    settings = deployment.get_settings()
    settings.set_single_version("v3")
    settings.save()

    result = deployment.start_update().wait_for_result()

    assert result["status"] == "FAILED"
    assert "test query 1 of endpoint 'merchant_lookup' fails" in result["message"]
    status = deployment.get_status()
    assert status.get_health() == "WARNING"
    messages = status.get_health_messages()
    assert messages["warning"] is True
    assert messages["maxSeverity"] == "WARNING"
    assert any("test query 1" in one["message"] for one in messages["messages"])
    assert answering(deployment) == "v1"

    settings.set_single_version("v1")
    settings.save()
    assert deployment.start_update().wait_for_result()["status"] == "SUCCESS"
    assert deployment.get_status().get_health() == "HEALTHY"


def test_updates_are_listed_and_read_one_by_one(deployer: DSSAPIDeployer, tmp_path: Path) -> None:
    deployment = deployed(deployer, tmp_path, "history")
    settings = deployment.get_settings()
    settings.set_single_version("v2")
    settings.save()
    time.sleep(0.002)  # their start in milliseconds tells updates apart
    deployment.start_update().wait_for_result()

    newest, first = deployment.list_updates()
    assert newest.start_time > first.start_time > 1.7e12
    assert (newest.type, newest.status) == ("LIGHT", "SUCCESS")
    assert newest.get_raw()["startTimestamp"] == newest.start_time
    whole = newest.get_full_update()
    assert whole.get_raw() == deployment.get_update().get_raw()
    assert whole.get_raw() == deployment.get_update(newest.start_time).get_raw()
    assert whole.end_time >= whole.start_time
    assert whole.requester
    assert whole.status == "SUCCESS"
    assert any("v2" in line for line in whole.logs)
    assert deployment.get_update(first.start_time).start_time == first.start_time
    with pytest.raises(DataikuException, match=r"NotFound: .* no update of 12"):
        deployment.get_update(12)


def test_settings_are_changed_and_bring_generations_live_by_their_shares(
    deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    deployment = deployed(deployer, tmp_path, "split")
    settings = deployment.get_settings()
    raw = settings.get_raw()
    assert raw["generationsMapping"] == {"mode": "SINGLE_GENERATION", "generation": "v1"}
    assert (raw["id"], raw["infraId"], raw["enabled"]) == ("split-on-local", "local", True)

    entries = [{"generation": "v2", "proba": 0.7}, {"generation": "v1", "proba": 0.3}]
    raw["generationsMapping"] = {"mode": "MULTI_GENERATION", "entries": entries}
    raw["tags"] = ["bank", "a-b"]
    settings.save(ignore_warnings=True)
    assert answering(deployment) == "v1"  # saving changes nothing on the nodes
    deployment.start_update().wait_for_result()

    assert deployment.get_settings().get_raw()["generationsMapping"]["entries"] == entries
    assert deployment.get_status().get_light()["deploymentBasicInfo"]["tags"] == ["bank", "a-b"]
    seen = [answering(deployment) for _ in range(40)]
    assert {"v1", "v2"} == set(seen)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw["generationsMapping"].update(generation="v9"), "v9"),
        (
            lambda raw: raw.update(generationsMapping={"mode": "MULTI_GENERATION", "entries": []}),
            "0 generations",
        ),
        (lambda raw: raw.update(infraId="other"), "cannot be changed"),
        (lambda raw: raw.update(enabledd=True), "did you mean 'enabled'"),
        (lambda raw: raw.update(tags="x"), "tags"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    deployer: DSSAPIDeployer, tmp_path: Path, change: Any, message: str
) -> None:
    publish(deployer, tmp_path, "saved", "v1")
    if "saved-on-local" not in [one.id() for one in deployer.list_deployments()]:
        deployer.create_deployment("saved-on-local", "saved", "local", "v1")
    settings = deployer.get_deployment("saved-on-local").get_settings()
    change(settings.get_raw())

    with pytest.raises(DataikuException, match=message):
        settings.save()

    again = deployer.get_deployment("saved-on-local").get_settings().get_raw()
    assert again["generationsMapping"] == {"mode": "SINGLE_GENERATION", "generation": "v1"}


def test_a_deployment_is_disabled_and_deleted(deployer: DSSAPIDeployer, tmp_path: Path) -> None:
    deployment = deployed(deployer, tmp_path, "leaving")
    with pytest.raises(Exception, match="must be disabled first"):
        deployment.delete()
    settings = deployment.get_settings()
    settings.set_enabled(False)
    settings.save()
    deployment.start_update().wait_for_result()
    with pytest.raises(DataikuException, match="disabled"):
        answering(deployment)
    assert deployment.get_status().get_health() == "NO_STATUS"

    deployment.delete()
    assert "leaving-on-local" not in [one.id() for one in deployer.list_deployments()]
    with pytest.raises(DataikuException, match="NotFound"):
        deployment.get_status()

    again = deployed(deployer, tmp_path, "leaving")
    again.delete(disable_first=True, ignore_pre_delete_errors=True)
    assert "leaving-on-local" not in [one.id() for one in deployer.list_deployments()]
    deployer.get_service("leaving").delete()


def test_test_queries_are_run_on_the_nodes(deployer: DSSAPIDeployer, tmp_path: Path) -> None:
    deployment = deployed(deployer, tmp_path, "asked", queries=2)

    own = deployment.run_test_queries()
    assert own["success"] is True
    assert [one["response"]["results"][0]["data"]["state"] for one in own["results"]] == ["State of v1"] * 2
    given = deployment.run_test_queries(
        endpoint_id="merchant_lookup", test_queries=[QUERY, {"q": {"data": {"merchant_id": 7}}}]
    )
    assert len(given["results"]) == 2
    with pytest.raises(DataikuException, match="did you mean 'merchant_lookup'"):
        deployment.run_test_queries(endpoint_id="merchant_lokup")


def test_queries_are_run_through_the_deployer_with_their_headers(
    deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    deployment = deployed(deployer, tmp_path, "through")
    query = {**QUERY, "headers": [{"key": "X-Request-Id", "value": "a b"}]}

    answered = deployment.run_queries([query, QUERY], adapt_query_for_infra_type=False)

    assert answered["success"] is True
    assert [one["response"]["apiContext"]["serviceId"] for one in answered["results"]] == ["through"] * 2
    refused = deployment.run_queries([{"q": {"features": {}}}], endpoint_id="merchant_lookup")
    assert refused["success"] is False
    assert refused["results"][0]["message"]
    for bad in ({"key": "Host", "value": "x"}, {"key": "a", "value": "x\r\ny: z"}, {"key": "é", "value": ""}):
        with pytest.raises(DataikuException, match="cannot go with a query"):
            deployment.run_queries([{**QUERY, "headers": [bad]}])
    with pytest.raises(DataikuException, match="Invalid: the queries are wrong"):
        deployment.run_queries("x")


def test_a_very_long_url_of_queries_is_fine(deployer: DSSAPIDeployer, tmp_path: Path) -> None:
    deployment = deployed(deployer, tmp_path, "long")
    queries = [{"q": {"data": {"merchant_id": "M_1"}, "context": {"why": "x" * 1_000}}}] * 50

    answered = deployment.run_test_queries(test_queries=queries)

    assert len(answered["results"]) == 50


def test_governance_has_nothing_to_say(deployer: DSSAPIDeployer, tmp_path: Path) -> None:
    deployment = deployed(deployer, tmp_path, "governed")

    assert deployment.get_governance_status()["messages"] == []
    assert deployment.get_governance_status("v1")["anyMessage"] is False
    with pytest.raises(DataikuException, match="NotFound"):
        deployer.get_deployment("governd").get_governance_status()


def test_the_description_of_a_deployment_names_its_endpoints(
    deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    deployment = deployed(deployer, tmp_path, "described")

    described = deployment.get_open_api()

    assert described.get()["openapi"].startswith("3.1")
    assert "/public/api/v1/described/merchant_lookup/lookup" in described.get()["paths"]
    assert described.get_raw().startswith("{")


def test_a_version_published_as_another_service_answers_under_that_id(
    deployer: DSSAPIDeployer, tmp_path: Path
) -> None:
    publish(deployer, tmp_path, "shops-eu", "v1", service="shops")
    deployment = deployer.create_deployment("shops-eu-on-local", "shops-eu", "local", "v1")

    result = deployment.start_update().wait_for_result()

    assert result["status"] == "SUCCESS", result
    assert deployment.get_status().get_service_urls()[0].endswith("/public/api/v1/shops-eu")
    assert answering(deployment) == "v1"
    assert deployment.get_status().get_health() == "HEALTHY"


def test_nodes_of_somebody_else_are_deployed_to_and_answer(deployer: DSSAPIDeployer, tmp_path: Path) -> None:
    nodes = [NodeProcess(tmp_path / name).start() for name in ("one", "two")]
    try:
        infra = deployer.create_infra("static", "Test", "STATIC")
        settings = infra.get_settings()
        for node in nodes:
            settings.add_apinode(node.url, node.key)
        settings.save()
        publish(deployer, tmp_path, "abroad", "v1")
        deployment = deployer.create_deployment("abroad-on-static", "abroad", "static", "v1")
        assert deployment.start_update().wait_for_result()["status"] == "SUCCESS"

        status = deployment.get_status()
        assert status.get_health() == "HEALTHY"
        assert status.get_service_urls() == [f"{node.url}/public/api/v1/abroad" for node in nodes]
        assert len(deployment.run_test_queries()["results"]) == 2

        again = infra.get_settings()
        again.get_raw()["publicURL"] = "http://cards.example.com/"
        again.save()  # the keys, sent back as references, stay what they were
        assert deployment.get_status().get_service_urls() == ["http://cards.example.com/public/api/v1/abroad"]
        assert deployment.get_status().get_health() == "HEALTHY"
        deployment.delete(disable_first=True)
        infra.delete()
    finally:
        for node in nodes:
            node.clear()
