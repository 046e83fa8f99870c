"""Calls on deployments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scoreline.client.connection import path_to
from scoreline.client.updates import Progress, UpdateCalls, mapping_of
from scoreline.wire.control import (
    Deleted,
    Deployment,
    DeploymentSettings,
    NewCopy,
    NewDeployment,
    NewPromotion,
    SavedSettings,
    Update,
)
from scoreline.wire.control_traffic import DeploymentTraffic


class DeploymentCalls(UpdateCalls):
    """What `scoreline deploy` and `scoreline deployment` do."""

    def deployments(
        self,
        *,
        service: str | None = None,
        infrastructure: str | None = None,
        stage: str | None = None,
        contains: str | None = None,
    ) -> tuple[Deployment, ...]:
        """All deployments (of a service, on an infrastructure, in a stage, with this text in id, service or
        tags), with what their nodes serve right now."""
        return self._control.all(
            "/deployments",
            Deployment,
            service=service,
            infrastructure=infrastructure,
            stage=stage,
            contains=contains,
        )

    def traffic(self, deployment: str) -> DeploymentTraffic:
        """How many queries its nodes answered in the last minutes, and how fast."""
        return self._control.call("GET", path_to("deployments", deployment, "traffic"), DeploymentTraffic)

    def deployment(self, deployment: str) -> Deployment:
        """One deployment, with what its nodes serve right now. Raises NotFound, naming the nearest one."""
        return self._control.call("GET", path_to("deployments", deployment), Deployment)

    def deploy(
        self,
        service: str,
        version: str | None = None,
        *,
        mapping: Mapping[str, float] | None = None,
        infrastructure: str = "local",
        id: str | None = None,  # noqa: A002
        deployed_service: str | None = None,
        enabled: bool = True,
        tags: Iterable[str] = (),
        wait: bool = True,
        progress: Progress | None = None,
    ) -> Update:
        """Deploy a version, or several by a mapping (version -> share), as a new deployment.

        Its id is `<service>-on-<infrastructure>` unless one is given. Raises NotFound for an
        unknown version or infrastructure, Conflict when there is such a deployment already, and, when it
        waits, Unavailable when the update failed.
        """
        wanted = NewDeployment(
            service=service,
            version=version,
            mapping=mapping_of(mapping),
            infrastructure=infrastructure,
            id=id,
            deployed_service=deployed_service,
            enabled=enabled,
            tags=tuple(tags),
        )
        started = self._control.call("POST", "/deployments", Update, body=wanted)
        return self.wait(started, progress=progress) if wait else started

    def create_deployment(
        self,
        service: str,
        version: str | None = None,
        *,
        mapping: Mapping[str, float] | None = None,
        infrastructure: str = "local",
        id: str | None = None,  # noqa: A002
        deployed_service: str | None = None,
        enabled: bool = True,
        tags: Iterable[str] = (),
    ) -> SavedSettings:
        """Make a deployment that is not live yet; `update` brings it live. Raises as `deploy`."""
        wanted = NewDeployment(
            service=service,
            version=version,
            mapping=mapping_of(mapping),
            infrastructure=infrastructure,
            id=id,
            deployed_service=deployed_service,
            enabled=enabled,
            tags=tuple(tags),
            start=False,
        )
        return self._control.call("POST", "/deployments", SavedSettings, body=wanted)

    def save_settings(
        self,
        deployment: str,
        *,
        version: str | None = None,
        mapping: Mapping[str, float] | None = None,
        tags: Iterable[str] | None = None,
        enabled: bool | None = None,
        revision: int | None = None,
    ) -> Deployment:
        """Save what is given; what is None stays. Nothing changes on the nodes before the next `update`.

        `revision`: of what was read; None: any. Raises NotFound, Invalid for a mapping that cannot be, and
        Conflict (code `stale-revision`) when somebody changed it since.
        """
        wanted = DeploymentSettings(
            version=version,
            mapping=mapping_of(mapping),
            tags=None if tags is None else tuple(tags),
            enabled=enabled,
        )
        path = path_to("deployments", deployment)
        return self._control.call("PATCH", path, Deployment, body=wanted, revision=revision)

    def enable(self, deployment: str, *, wait: bool = True, progress: Progress | None = None) -> Update:
        """Let a deployment answer again. Raises as `update`."""
        return self._start(deployment, "enable", None, wait, progress)

    def disable(self, deployment: str, *, wait: bool = True, progress: Progress | None = None) -> Update:
        """Let a deployment refuse every query (503) until it is enabled. Raises as `update`."""
        return self._start(deployment, "disable", None, wait, progress)

    def copy(
        self,
        deployment: str,
        infrastructure: str,
        *,
        id: str | None = None,  # noqa: A002
        wait: bool = True,
        progress: Progress | None = None,
    ) -> Update:
        """Deploy what is live, or else saved, on another infrastructure, too. Raises as `deploy`."""
        wanted = NewCopy(infrastructure=infrastructure, id=id)
        return self._start(deployment, "copy", wanted, wait, progress)

    def promote(
        self,
        deployment: str,
        infrastructure: str | None = None,
        *,
        wait: bool = True,
        progress: Progress | None = None,
    ) -> Update:
        """Bring what is live to the next stage, where a deployment is updated, or made.

        `infrastructure`: which one of that stage; None: the one that has the service, or the only one.
        Raises Conflict when nothing is live, there is no next stage, or no or several infrastructures in it.
        """
        return self._start(deployment, "promote", NewPromotion(infrastructure=infrastructure), wait, progress)

    def delete_deployment(self, deployment: str, *, ignore_errors: bool = False) -> None:
        """Delete a deployment with its history, and the service from its nodes.

        Raises Conflict while an update runs; Unavailable when a node cannot be cleaned now, which is then
        done when it is back. With `ignore_errors` that node keeps what it has.
        """
        path = path_to("deployments", deployment, ignore_errors="true" if ignore_errors else None)
        self._control.call("DELETE", path, Deleted)
