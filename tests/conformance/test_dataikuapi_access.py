"""What clients of Dataiku may do is what their key may, and each change is in the audit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dataikuapi.utils import DataikuException
from tests.conformance.platform import PROJECT, SERVICE, client_of, dss_client, make_project
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Knows the project, and has `merchants` deployed on `local`."""
    folder = tmp_path_factory.mktemp("access")
    running = ControlPlane(folder / "home")
    running.start()
    running.wait_for_node()
    with running.client() as client:
        client.add_project(make_project(folder / PROJECT))
        client.publish(make_package(folder, "v1"))
        client.deploy("merchants", "v1")
    yield running
    running.clear()


def test_nobodys_objects_are_not_there_for_somebody_else(control_plane: ControlPlane) -> None:
    client = client_of(control_plane, "stranger", {})
    deployer = client.get_apideployer()

    assert client.list_project_keys() == []
    assert deployer.list_services() == deployer.list_deployments() == deployer.list_infras() == []
    for call in (
        client.get_project(PROJECT).list_api_services,
        client.get_project(PROJECT).get_api_service(SERVICE).get_settings,
        deployer.get_service("merchants").get_status,
        deployer.get_deployment("merchants-on-local").get_status,
        deployer.get_deployment("merchants-on-local").start_update,
        deployer.get_infra("local").get_settings,
        client.get_future("update-1").get_state,
    ):
        with pytest.raises(DataikuException, match=r"NotFound: (no|there is no) "):
            call()
    with pytest.raises(DataikuException, match="NotAllowed"):
        deployer.create_infra("mine", "Test", "STATIC")
    client._session.close()


def test_who_may_see_may_not_change(control_plane: ControlPlane, tmp_path: Path) -> None:
    roles = {f"project:{PROJECT}": "view", "service:merchants": "view", "infrastructure:local": "view"}
    client = client_of(control_plane, "viewer", roles)
    service = client.get_project(PROJECT).get_api_service(SERVICE)
    deployer = client.get_apideployer()
    deployment = deployer.get_deployment("merchants-on-local")

    assert client.list_project_keys() == [PROJECT]
    assert [one.id() for one in deployer.list_services()] == ["merchants"]
    assert [one.id() for one in deployer.list_deployments()] == ["merchants-on-local"]
    assert deployment.get_status().get_health() == "HEALTHY"
    assert deployment.list_updates()[0].status == "SUCCESS"
    settings = deployment.get_settings()
    for call in (
        service.get_settings().save,
        lambda: service.create_package("v1"),
        lambda: client.get_project(PROJECT).create_api_service("mine"),
        lambda: deployer.create_service("mine"),
        lambda: deployer.get_service("merchants").delete_version("v1"),
        lambda: deployer.get_service("merchants").get_version_stream("v1"),
        lambda: deployer.create_deployment("d", "merchants", "local", "v1"),
        deployer.get_infra("local").get_settings().save,
        settings.save,
        deployment.start_update,
        deployment.run_test_queries,
        lambda: deployment.run_queries([]),
        client.get_future("update-1").abort,
        lambda: client._perform_empty("DELETE", "/api-deployer/deployments/merchants-on-local"),
    ):
        with pytest.raises(
            DataikuException, match=r"(NotAllowed: viewer may not do this|NotFound: no service 'mine')"
        ):
            call()
    client._session.close()


def test_who_may_deploy_releases_and_each_change_is_audited(control_plane: ControlPlane) -> None:
    roles = {f"project:{PROJECT}": "deploy", "infrastructure:local": "deploy"}
    client = client_of(control_plane, "releaser", roles)
    service = client.get_project(PROJECT).get_api_service(SERVICE)

    service.create_package("r1", release_notes="by CI")
    service.publish_package("r1")
    deployment = client.get_apideployer().create_deployment("released", SERVICE, "local", "r1")
    result = deployment.start_update().wait_for_result()
    service.delete_package("r1")

    assert result["status"] == "SUCCESS"
    assert deployment.get_update().requester == "releaser"
    with pytest.raises(DataikuException, match="NotAllowed"):
        service.get_settings().save()
    with dss_client(control_plane) as own:
        own.get_apideployer().create_service("of_nobody")
    service.create_package("r2")
    with pytest.raises(DataikuException, match="NotFound: no service 'of_nobody'"):
        service.publish_package("r2", published_service_id="of_nobody")
    with control_plane.client() as own:
        changes = [(one.what, one.who) for one in own.audit(on=f"project:{PROJECT}")]
    assert ("create version", "releaser") in changes
    assert ("delete version", "releaser") in changes
    assert ("add", own_name(control_plane)) in changes
    client._session.close()


def test_settings_that_are_saved_are_in_the_audit_as_they_were_and_are(control_plane: ControlPlane) -> None:
    client = client_of(control_plane, "designer", {f"project:{PROJECT}": "admin"})
    made = client.get_project(PROJECT).create_api_service("audited")
    settings = made.get_settings()
    settings.add_prediction_endpoint("score", "fraud")
    settings.save()

    with control_plane.client() as own:
        saved, created = own.audit(who="designer")[:2]
    assert (created.what, created.after) == ("create service", {"service": "audited"})
    assert saved.what == "update service"
    assert saved.before["definition"]["endpoints"] == []
    assert saved.after["definition"]["endpoints"][0]["model"] == "fraud"
    client._session.close()


def own_name(control_plane: ControlPlane) -> str:
    """Who the key of the machine is."""
    with control_plane.client() as own:
        return own.whoami().name
