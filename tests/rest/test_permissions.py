"""Every route of the control API says what it needs, and keeps to it, whoever asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until

from scoreline.core.access import Action, Kind, parse_place
from scoreline.rest.application import make_application
from scoreline.rest.permissions import Needs, NeedsNamed
from scoreline.studio.projects import create_project

OPEN = {"/isAlive/"}
SIGN_IN = "POST /api/v1/session"
"""Asked by somebody who is not known yet."""
FOR_EVERYONE_KNOWN = {"/api/v1/openapi.json"}

# How each route is asked: what the parameters of its path are called here.
NAMES = {
    "project": "cards",
    "service": "merchants",
    "infrastructure": "local",
    "infra": "local",
    "deployment": "merchants-on-local",
    "version": "v1",
    "package": "v1",
    "number": "1",
    "timestamp": "1",
    "job": "",  # it counts up
    "run": "",  # it counts up
    "endpoint": "predict",
    "label": "till",
    "scenario": "retrain",
    "trigger": "manual",
    "step": "note",
    "stage": "Test",
    "user": "ada",
    "group": "team",
    "key": "999999",
    "node": "local",
    "on": "service:merchants",
    "to": "user:ada",
    "model": "fraud",
    "dataset": "payments",
    "recipe": "train_fraud",
    "build": "20260101-000000-abcdef",
    "store": "quality",
    "evaluation": "e1",
    "what": "scoring-python",
}
NOWHERE = {"url": "http://127.0.0.1:9", "admin_key": "env:NOTHING"}
"""A node that is not there."""

SCENARIO = "steps:\n  - {id: note, kind: set_variables, variables: {noted: true}}\n"

SECRETS = ("merchants", "cards", '"local"')
"""What somebody without any role on them must not find in a list."""

# The table of permissions once more, as what each caller gets. OK: anything but a refusal of access.
OK = 0
CALLERS = ("viewer", "deployer", "owner", "stranger", "root")
TABLE: dict[tuple[Kind, Action], tuple[int, ...]] = {
    (Kind.CONTROL_PLANE, Action.VIEW): (OK, OK, OK, OK, OK),
    (Kind.CONTROL_PLANE, Action.DEPLOY): (403, 403, 403, 403, OK),
    (Kind.CONTROL_PLANE, Action.ADMIN): (403, 403, 403, 403, OK),
    (Kind.PROJECT, Action.VIEW): (OK, OK, OK, 404, OK),
    (Kind.PROJECT, Action.DEPLOY): (403, OK, OK, 404, OK),
    (Kind.PROJECT, Action.ADMIN): (403, 403, OK, 404, OK),
    (Kind.SERVICE, Action.VIEW): (OK, OK, OK, 404, OK),
    (Kind.SERVICE, Action.DEPLOY): (403, OK, OK, 404, OK),
    (Kind.SERVICE, Action.ADMIN): (403, 403, OK, 404, OK),
    (Kind.INFRASTRUCTURE, Action.VIEW): (OK, OK, OK, 404, OK),
    (Kind.INFRASTRUCTURE, Action.DEPLOY): (403, OK, OK, 404, OK),
    (Kind.INFRASTRUCTURE, Action.ADMIN): (403, 403, OK, 404, OK),
    (Kind.DEPLOYMENT, Action.VIEW): (OK, OK, OK, 404, OK),
    (Kind.DEPLOYMENT, Action.DEPLOY): (403, OK, OK, 404, OK),
    (Kind.DEPLOYMENT, Action.ADMIN): (403, 403, OK, 404, OK),
}
# Routes that ask for more, or of others, once they know which object the body names.
BEYOND = {
    "POST /api/v1/services": (403, OK, OK, OK, OK),  # whoever deploys in some project
    "POST /public/api/api-deployer/services": (403, OK, OK, OK, OK),
    "POST /dip/publicapi/api-deployer/services": (403, OK, OK, OK, OK),
    "GET /api/v1/audit": TABLE[Kind.CONTROL_PLANE, Action.ADMIN],  # of one object: of the admin of that
    "POST /api/v1/deployments/{deployment}/copy": TABLE[Kind.DEPLOYMENT, Action.DEPLOY],
    "POST /api/v1/deployments/{deployment}/promote": TABLE[Kind.DEPLOYMENT, Action.DEPLOY],
}
ROLES = {
    "viewer": {"project:cards": "view", "infrastructure:local": "view", "infrastructure:next": "view"},
    "deployer": {
        "project:cards": "deploy",
        "infrastructure:local": "deploy",
        "infrastructure:next": "deploy",
    },
    "owner": {"project:cards": "admin", "infrastructure:local": "admin", "infrastructure:next": "admin"},
    "stranger": {"project:others": "admin"},
    "root": {"control-plane": "admin"},
}


@dataclass(frozen=True)
class Route:
    """A method of a path, and what it says that it needs."""

    method: str
    path: str
    needs: Needs | NeedsNamed | None

    def address(self, update: int, run: int, *, missing: bool) -> str:
        """The path with the names of here, or with those of things that are not there."""
        names = {**NAMES, "job": f"update-{update}", "run": str(run)}
        if missing:
            names = {name: re.sub("cards|merchants|local", "missing", value) for name, value in names.items()}
        return re.sub(r"{(\w+)(:\w+)?}", lambda match: names[match[1]], self.path)

    @property
    def kind(self) -> Kind:
        assert self.needs is not None
        if isinstance(self.needs, NeedsNamed):
            return parse_place(NAMES[self.needs.parameter]).kind
        return self.needs.kind

    @property
    def is_list(self) -> bool:
        """Whether everyone may ask, and gets his part."""
        assert self.needs is not None
        whole = self.kind is Kind.CONTROL_PLANE
        return not whole and self.needs.action is Action.VIEW and "{" not in self.path

    def expected(self, who: str) -> int:
        """The status that a caller gets; OK for none in particular."""
        assert self.needs is not None
        if self.is_list:
            return OK
        if str(self) in BEYOND:
            return BEYOND[str(self)][CALLERS.index(who)]
        return TABLE[self.kind, self.needs.action][CALLERS.index(who)]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class _Nothing:
    """Stands for every part of a control plane: routes are only listed, not asked."""

    def __getattr__(self, _name: str) -> _Nothing:
        return self


def application() -> FastAPI:
    nothing: Any = _Nothing()
    return make_application(*[nothing] * 4, version="0", url="", max_package_bytes=1, upload_idle_seconds=1)


def all_routes() -> list[Route]:
    found = []
    for context in iter_route_contexts(application().routes):
        statements = [one.dependency for one in getattr(context, "dependencies", ())]
        needs = [one for one in statements if isinstance(one, Needs | NeedsNamed)]
        assert len(needs) <= 1, f"{context.path} states {len(needs)} needs"
        for method in sorted((context.methods or set()) - {"HEAD"}):
            found.append(Route(method, str(context.path), needs[0] if needs else None))
    return found


ROUTES = all_routes()
STATED = [route for route in ROUTES if route.needs is not None]


def test_every_route_states_what_it_needs() -> None:
    silent = {route.path for route in ROUTES if route.needs is None and str(route) != SIGN_IN}

    assert silent == OPEN | FOR_EVERYONE_KNOWN


def test_the_table_has_every_kind_and_action_in_it() -> None:
    assert set(TABLE) == {(kind, action) for kind in Kind for action in Action}


def test_every_route_can_be_asked_here() -> None:
    used = {name for route in ROUTES for name, _ in re.findall(r"{(\w+)(:\w+)?}", route.path)}

    assert used <= set(NAMES), "give the new parameter a name"


class World:
    """A control plane with one of everything, and a key for each caller."""

    def __init__(self, folder: Path) -> None:
        self.running = ControlPlane(folder / "home")
        self.project = folder / "cards"
        create_project(self.project)
        self.scenario = self.project / "scenarios" / "retrain.yaml"
        self.scenario.parent.mkdir()
        self.archive = make_package(folder).read_bytes()
        self.callers: dict[str, httpx.Client] = {}
        self.clients: list[httpx.Client] = []
        self.update = self.run = 0
        self.is_changed = True

    def start(self) -> None:
        """Let it begin, and give each caller his roles and his key."""
        self.running.start()
        self.admin = self.as_key(self.running.server.key)
        self.running.wait_for_node()
        pool = {"id": "next", "stage": "Test", "kind": "static", "nodes": [NOWHERE]}
        self.ask("POST", "/infrastructures", pool, {201})
        for who in CALLERS:
            self.ask("POST", "/users", {"name": who, "password": False}, {201})
            for on, role in ROLES[who].items():
                self.ask("PUT", f"/roles/{on}/user:{who}", {"role": role}, {200})
            key = self.ask("POST", "/keys", {"label": "walk", "user": who}, {201}).json()["key"]
            self.callers[who] = self.as_key(key)
        self.callers["nobody"] = self.as_key("")
        self.restore()

    def as_key(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(base_url=self.running.server.url, headers=headers, timeout=60, verify=False)
        self.clients.append(client)
        return client

    def ask(self, method: str, path: str, body: object, expected: set[int]) -> httpx.Response:
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        response = self.admin.request(method, f"/api/v1{path}", **content)  # type: ignore[arg-type]
        assert response.status_code in expected, (path, response.text)
        return response

    def restore(self) -> None:
        """See that one of everything is there: a request before may have deleted it."""
        if not self.is_changed:
            return
        self.is_changed = False
        self.scenario.write_text(SCENARIO)
        self.ask("POST", "/projects", {"folder": str(self.project)}, {201})
        if not self.run:
            self.run = self.ask("POST", "/projects/cards/scenarios/retrain/runs", {}, {202}).json()["id"]
        self.ask("POST", "/versions", self.archive, {200, 201})
        wait_until(self._is_idle, "no update runs")
        if self.admin.get("/api/v1/deployments/merchants-on-local").status_code == 404:
            self.ask("POST", "/deployments", {"service": "merchants", "version": "v1"}, {202})
            self.update = self.running.wait_for_update("merchants-on-local").id
        self.ask("POST", "/users", {"name": "ada"}, {201, 409})
        self.ask("POST", "/groups", {"name": "team"}, {201, 409})
        self.ask("PUT", "/roles/service:merchants/user:ada", {"role": "view"}, {200})

    def _is_idle(self) -> bool:
        """Whether no update runs; one that waits for the node that is not there is cancelled."""
        jobs = self.admin.get("/api/v1/jobs").json()["items"]
        running = [job for job in jobs if job["outcome"] == "RUNNING"]
        for job in running:
            if job["deployment"] == "merchants-on-next":
                self.ask("DELETE", f"/jobs/{job['id']}", {}, {202, 404, 409})
        return not running

    def send(self, route: Route, who: str, *, missing: bool = False) -> httpx.Response:
        """Ask a route as somebody; of a stream, its beginning. `missing`: about things that are not there."""
        update, run = (999_999, 999_999) if missing else (self.update, self.run)
        address = route.address(update, run, missing=missing)
        request = self.callers[who].build_request(route.method, address, **self._content(route))
        response = self.callers[who].send(request, stream=True)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            response.read()
        response.close()
        self.is_changed = self.is_changed or (route.method != "GET" and response.status_code < 400)
        return response

    def _content(self, route: Route) -> dict[str, Any]:
        theirs = {"publishedServiceId": "merchants", "infraId": "local", "deploymentId": "d", "version": "v1"}
        bodies: dict[tuple[str, str], object] = {
            ("POST", "/api/v1/deployments"): {"service": "merchants", "version": "v1", "id": "d"},
            ("POST", "/api-deployer/deployments"): theirs,
            ("POST", "/api-deployer/services"): {"publishedServiceId": "brand"},
            ("POST", "/api/v1/services"): {"id": "brand"},
            ("POST", "/services/prune"): {"service": "merchants", "dry_run": True},
            ("POST", "/copy"): {"infrastructure": "next"},
            ("POST", "/scenarios"): {"id": "other"},
            ("POST", "/duplicate"): {"id": "other"},
            ("POST", "/resume"): {"step": "note"},
            ("POST", "/decision"): {"approved": True},
            ("DELETE", ""): None,
            ("GET", ""): None,
        }
        if str(route) == "POST /api/v1/versions":
            return {"content": self.archive}
        for (method, ending), body in bodies.items():
            if route.method == method and route.path.endswith(ending):
                return {} if body is None else {"json": body}
        return {"json": {}}

    def end(self) -> None:
        for client in self.clients:
            client.close()
        self.running.clear()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.mark.slow
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_nobody_gets_nothing(world: World, route: Route) -> None:
    response = world.send(route, "nobody")

    if str(route) == SIGN_IN:
        assert response.status_code == 400, "it does not say who it is"
    else:
        assert response.status_code == (200 if route.path in OPEN else 401)


@pytest.mark.slow
@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("route", STATED, ids=str)
def test_each_caller_gets_what_the_table_says(world: World, route: Route, who: str) -> None:
    world.restore()

    response = world.send(route, who)

    expected = route.expected(who)
    if expected == OK:
        assert response.status_code not in (401, 403), response.text
        if response.status_code == 404:
            assert response.json()["code"] != f"no-such-{route.kind.value}", response.text
    elif expected == 404 and "{" not in route.path:
        # Who may do this with nothing at all is told so, before it is looked what the body names.
        assert response.status_code in (403, 404), response.text
    else:
        assert response.status_code == expected, response.text
    if route.is_list and who == "stranger":
        assert not [name for name in SECRETS if name in response.text], response.text


HIDDEN = [route for route in STATED if "{" in route.path and route.expected("stranger") == 404]


@pytest.mark.slow
@pytest.mark.parametrize("route", HIDDEN, ids=str)
def test_what_one_may_not_see_looks_like_what_is_not_there(world: World, route: Route) -> None:
    world.restore()

    hidden = world.send(route, "stranger")
    missing = world.send(route, "stranger", missing=True)

    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["code"] == missing.json()["code"]
    told = [re.sub(r"'[^']*'|\d+", "…", one.json()["message"]) for one in (hidden, missing)]
    assert told[0] == told[1]
