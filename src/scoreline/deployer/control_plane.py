"""The control plane as one thing that starts and stops: its parts, made in order and ended in reverse."""

from __future__ import annotations

from scoreline.deployer.deployment_views import DeploymentViews
from scoreline.deployer.deployments import Deployments
from scoreline.deployer.descriptions import Descriptions
from scoreline.deployer.desired import Desired
from scoreline.deployer.events import Events
from scoreline.deployer.guesses import Guesses
from scoreline.deployer.home import Home
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.jobs import Jobs
from scoreline.deployer.keys import Keys
from scoreline.deployer.local_nodes import LocalNodes
from scoreline.deployer.passwords import Passwords
from scoreline.deployer.proofs import Proofs
from scoreline.deployer.queries import Queries
from scoreline.deployer.reconciler import Reconciler
from scoreline.deployer.removals import Removals
from scoreline.deployer.roles import Roles
from scoreline.deployer.search import CatalogNames
from scoreline.deployer.secrets import Secrets
from scoreline.deployer.services import Services
from scoreline.deployer.sessions import Sessions
from scoreline.deployer.stages import Stages
from scoreline.deployer.traffic import TrafficWatch
from scoreline.deployer.turns import Turns
from scoreline.deployer.updates import Updates
from scoreline.deployer.users import Users
from scoreline.deployer.version_details import VersionDetails
from scoreline.storage.artifacts import Artifacts
from scoreline.storage.catalog import Catalog


class ControlPlane:
    """Everything behind the control API. Whoever makes one holds the home folder."""

    def __init__(
        self,
        home: Home,
        local_nodes: LocalNodes,
        secrets: Secrets,
        *,
        max_package_bytes: int,
        reconcile_seconds: float,
        test_query_seconds: float,
        traffic_seconds: float = 5.0,
    ) -> None:
        self.catalog = Catalog.open(home.catalog)
        self.artifacts = Artifacts(home.artifacts, longest=max_package_bytes)
        self.keys = Keys(self.catalog.keys)
        self.targets = self.catalog.targets
        self.users = Users(self.catalog.users, self.catalog.keys, Passwords(), Guesses())
        self.sessions = Sessions(self.catalog.sessions)
        self.roles = Roles(self.catalog.grants, self.users)
        self.audit = self.catalog.audit
        self.events = Events(self.catalog)
        self.names = CatalogNames(self.catalog)
        self.requests = self.catalog.requests
        """Requests with a key of their caller's, and their answers."""
        self.services = Services(self.catalog, self.artifacts)
        self.version_details = VersionDetails(self.catalog, self.services)
        self.stages = Stages(self.catalog)
        self.infrastructures = Infrastructures(self.catalog, local_nodes, secrets)
        self.queries = Queries(self.services, self.infrastructures)
        self.descriptions = Descriptions(self.services, self.infrastructures)
        desired, proofs, turns = Desired(self.services), Proofs(self.services), Turns()
        removals = Removals(self.catalog, desired, self.infrastructures, turns)
        self._updates = Updates(self.catalog, desired, self.infrastructures, turns)
        self._reconciler = Reconciler(
            self.catalog,
            desired,
            self.infrastructures,
            self._updates,
            removals,
            turns,
            proofs,
            every=reconcile_seconds,
            prove_every=test_query_seconds,
        )
        self.traffic = TrafficWatch(self.infrastructures, every=traffic_seconds)
        views = DeploymentViews(self.catalog, self.infrastructures, self._reconciler, proofs, self.traffic)
        self.deployments = Deployments(
            self.catalog, self.infrastructures, self._updates, removals, views, proofs
        )
        self.jobs = Jobs(self.catalog, self.infrastructures, self._updates)

    def start(self) -> None:
        """Clear what a killed control plane left, start or adopt the nodes, take up its updates."""
        self.artifacts.sweep(self.catalog.versions.archives())
        self.infrastructures.start()
        self._updates.resume()
        self._reconciler.start()
        self.traffic.start()

    def stop(self) -> None:
        """Stop everything, the nodes too. Updates that have not ended are taken up at the next start."""
        self._reconciler.let_go()
        self.traffic.let_go()
        self._updates.let_go()
        self.infrastructures.stop()  # a call that waits for a node ends with it
        self._reconciler.stop()
        self.traffic.stop()
        self._updates.stop()
        self.catalog.close()
