"""Who may only look is told so, and what it takes, before he tries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape

import httpx
import pytest
from tests.acceptance.running import CommandLine
from tests.deployer.processes import ControlPlane

from scoreline.ui.rights import lacking
from scoreline.wire.access import Me, RoleName

PROJECT = "real-time-apis"
FLOW = f"/projects/{PROJECT}/flow"
Read = Callable[[str, str, RoleName, str], str]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("rights")
    CommandLine(folder, folder / "home").run("init", "fraud", "--template", "real-time-apis")
    running = ControlPlane(folder / "home")
    running.start()
    with running.client() as client:
        client.add_project(folder / "fraud")
    yield running
    running.clear()


@pytest.fixture
def read(plane: ControlPlane) -> Read:
    """`read(path, who, role, on)`: the note on a page for a user of that name, who gets this role."""

    def reading(path: str, who: str, role: RoleName, on: str) -> str:
        with plane.client() as client:
            client.create_user(who, password=False)
            client.grant_role(role, on, f"user:{who}")
            key = client.create_key("pages", user=who).key
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.get(plane.server.url + path, headers=headers, trust_env=False, timeout=60)
        assert answer.status_code == 200
        found = re.search(r'class="bar-note">.*?<span>(.*?)</span>', answer.text, re.DOTALL)
        return unescape(found[1]) if found else ""

    return reading


def test_who_may_only_look_at_a_project_reads_what_it_takes_to_run_it(read: Read) -> None:
    said = read(FLOW, "viewer", "view", f"project:{PROJECT}")

    assert said == (
        f"To build, run, make versions or publish here, you need the role deploy on project:{PROJECT}."
    )


def test_who_may_run_a_project_reads_what_it_takes_to_change_it(read: Read) -> None:
    said = read(FLOW, "deployer", "deploy", f"project:{PROJECT}")

    assert said == f"To change what is defined here, you need the role admin on project:{PROJECT}."


@pytest.mark.parametrize("on", [f"project:{PROJECT}", "control-plane"])
def test_who_may_do_everything_reads_nothing(read: Read, on: str) -> None:
    assert read(FLOW, f"admin-of-{on.replace(':', '-')}", "admin", on) == ""


def test_a_page_that_is_about_no_object_says_nothing(read: Read) -> None:
    assert read("/projects", "visitor", "view", "control-plane") == ""


def me(
    roles: dict[str, RoleName], *, most: RoleName = "admin", services: tuple[str, ...] | None = None
) -> Me:
    return Me(name="me", user="me", key="", groups=(), roles=roles, most=most, services=services)


ABOUT = {"service": "fraud", "infrastructure": "live"}


@pytest.mark.parametrize(
    ("roles", "needed"),
    [
        (
            {"service:fraud": "admin"},
            "the role deploy on service:fraud and the role deploy on infrastructure:live",
        ),
        ({"service:fraud": "admin", "infrastructure:live": "deploy"}, ""),
        ({"service:fraud": "deploy", "infrastructure:live": "admin"}, "the role admin on service:fraud"),
        ({"project:of-the-service": "admin", "infrastructure:live": "view"}, ""),
        ({"project:of-the-service": "view"}, "the role deploy on service:fraud"),
    ],
)
def test_of_a_deployment_the_roles_on_its_service_and_its_infrastructure_count(
    roles: dict[str, RoleName], needed: str
) -> None:
    said = lacking(me(roles), ABOUT)

    assert (needed in said) if needed else said == ""


def test_a_key_of_small_scope_is_named() -> None:
    said = lacking(me({"control-plane": "admin"}, most="view"), {"service": "fraud"})

    assert said.endswith("and a key whose scope allows it.")


def test_the_audit_is_asked_for_what_the_page_is_about(plane: ControlPlane) -> None:
    with plane.client() as client:
        model = next(iter(client.models(PROJECT))).id
    headers = {"Authorization": f"Bearer {plane.server.key}"}
    answer = httpx.get(
        f"{plane.server.url}/projects/{PROJECT}/models/{model}", headers=headers, trust_env=False, timeout=60
    )

    assert f'href="/administration/audit?on=project%3A{PROJECT}"' in answer.text
