"""Control planes inside the test's own process, with real nodes: for what is not a matter of HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from tests.deployer.processes import wait_until

from scoreline.core.deployment import GenerationsMapping, MappingEntry, UpdateOutcome
from scoreline.deployer.control_plane import ControlPlane
from scoreline.deployer.home import Home
from scoreline.deployer.local_nodes import LocalNodes
from scoreline.deployer.nodes import Node
from scoreline.deployer.secrets import Secrets
from scoreline.storage.catalog import Catalog
from scoreline.wire import control


class Plane:
    """A control plane and short words for what tests do with it."""

    def __init__(self, home: Path, *, workers: int = 1, test_query_seconds: float = 1000.0) -> None:
        self.home = Home(home)
        self.control = ControlPlane(
            self.home,
            LocalNodes(self.home.nodes, host="127.0.0.1", port=0, workers=workers),
            Secrets(self.home.secrets, {}),
            max_package_bytes=1 << 30,
            reconcile_seconds=0.2,
            test_query_seconds=test_query_seconds,
        )
        self.deployments = self.control.deployments
        self.services = self.control.services

    @property
    def catalog(self) -> Catalog:
        """What is kept, read beside the control plane."""
        return Catalog.open(self.home.catalog)

    def nodes(self, infrastructure: str = "local") -> tuple[Node, ...]:
        """The nodes of an infrastructure, once all are up."""
        found = self.control.infrastructures.nodes(infrastructure)
        for node in found:
            node.wait_up(60)
        return found

    def publish(self, *archives: Path) -> None:
        """Publish packages."""
        for archive in archives:
            with self.control.artifacts.draft() as draft:
                draft.write(archive.read_bytes())
                self.services.publish(draft, "ann")

    def ended(self, update: control.Update) -> control.Update:
        """An update once it has ended."""

        def look() -> control.Update | None:
            found = self.deployments.one_update(update.deployment, update.id)
            return found if found.finished_at else None

        return wait_until(look, f"update {update.id} has ended")

    def deploy(self, service: str, version: str, infrastructure: str = "local") -> control.Update:
        """A new deployment, live."""
        wanted = control.NewDeployment(service=service, version=version, infrastructure=infrastructure)
        return self.succeeded(self.deployments.create(wanted, "ann"))

    def update(self, deployment: str, version: str, **wanted: Any) -> control.Update:
        """An update that has ended, one way or another."""
        return self.ended(
            self.deployments.update(deployment, control.NewUpdate(version=version, **wanted), "ann")
        )

    def succeeded(self, update: control.Update) -> control.Update:
        """An update that has ended well."""
        found = self.ended(update)
        assert found.outcome is UpdateOutcome.SUCCESS, (found.message, found.log)
        return found

    def health(self, deployment: str) -> tuple[str, tuple[str, ...]]:
        """Its health, and what is said of it."""
        found = self.deployments.one(deployment)
        return found.health.value, found.messages

    def wait_healthy(self, deployment: str) -> None:
        """Return when it is healthy."""
        wait_until(lambda: self.health(deployment)[0] == "HEALTHY", f"{deployment} is healthy")


def state_on(node: Node, service: str, **dispatch: Any) -> tuple[int, str]:
    """Status of a query, and the state in its answer, or the code of the refusal."""
    url = f"{node.url}/public/api/v1/{service}/merchant_lookup/lookup"
    body: dict[str, Any] = {"data": {"merchant_id": "M_1"}}
    if dispatch:
        body["dispatch"] = dispatch
    answer = httpx.post(url, json=body, timeout=10, verify=False)
    if answer.status_code != 200:
        return answer.status_code, str(answer.json()["code"])
    return 200, str(answer.json()["results"][0]["data"]["state"])


def shared(**shares: float) -> GenerationsMapping:
    """A mapping of several generations."""
    return GenerationsMapping(tuple(MappingEntry(name, share) for name, share in shares.items()))


@contextlib.contextmanager
def running_plane(home: Path, **settings: Any) -> Iterator[Plane]:
    """A control plane that runs, with its nodes."""
    plane = Plane(home, **settings)
    try:
        plane.control.start()
        yield plane
    finally:
        plane.control.stop()
