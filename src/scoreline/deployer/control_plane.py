"""The control plane as one thing that starts and stops: its parts, made in order and ended in reverse."""

from __future__ import annotations

from scoreline.deployer.deployments import Deployments
from scoreline.deployer.home import Home
from scoreline.deployer.infrastructures import LOCAL, Infrastructures
from scoreline.deployer.keys import Keys
from scoreline.deployer.local_node import LocalNode
from scoreline.deployer.reconciler import Reconciler
from scoreline.deployer.services import Services
from scoreline.deployer.turns import Turns
from scoreline.deployer.updates import Updates
from scoreline.storage.artifacts import Artifacts
from scoreline.storage.catalog import Catalog


class ControlPlane:
    """Everything behind the control API. Whoever makes one holds the home folder."""

    def __init__(
        self, home: Home, node: LocalNode, *, max_package_bytes: int, reconcile_seconds: float
    ) -> None:
        self._catalog = Catalog.open(home.catalog)
        self.artifacts = Artifacts(home.artifacts, longest=max_package_bytes)
        self.keys = Keys(self._catalog)
        self.services = Services(self._catalog, self.artifacts)
        self._infrastructures = Infrastructures(self._catalog, {LOCAL.id: (node,)})
        turns = Turns()
        self._updates = Updates(self._catalog, self.services, self._infrastructures, turns)
        self._reconciler = Reconciler(
            self._catalog,
            self.services,
            self._infrastructures,
            self._updates,
            turns,
            every=reconcile_seconds,
        )
        self.deployments = Deployments(
            self._catalog, self.services, self._infrastructures, self._updates, self._reconciler
        )

    def start(self) -> None:
        """Clear what a killed control plane left, start or adopt the nodes, take up its updates."""
        self.artifacts.sweep(self._catalog.archives())
        self._infrastructures.start()
        self._updates.resume()
        self._reconciler.start()

    def stop(self) -> None:
        """Stop everything, the nodes too. Updates that have not ended are taken up at the next start."""
        self._reconciler.let_go()
        self._updates.let_go()
        self._infrastructures.stop()  # a call that waits for a node ends with it
        self._reconciler.stop()
        self._updates.stop()
        self._catalog.close()
