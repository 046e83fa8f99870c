"""Versions of a project's service: made by a job of the project, then published on the deployer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from scoreline.core.job import JobOutcome
from scoreline.core.names import check_id, next_version_id
from scoreline.core.package import PublishedVersion
from scoreline.core.project_job import PackageWork, ProjectJob
from scoreline.deployer.control_plane import ControlPlane
from scoreline.deployer.services import Services
from scoreline.errors import Conflict, NotFound, ScorelineError
from scoreline.storage.artifacts import Artifacts
from scoreline.storage.catalog_audit import Actor, CatalogAudit, acting
from scoreline.storage.workspace import Workspace
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.services import service_of
from scoreline.studio.versions import archive_of, version_ids
from scoreline.wire.control_designer import NewVersion

_CHUNK = 1 << 20
_POLL = 0.1  # seconds

Permit = Callable[[str, str], None]
"""Is told a published service and a project, and raises what stands against publishing there."""

_log = logging.getLogger(__name__)


class Publishing:
    """Making a version is the work of a job, for the studio; publishing it, of the control plane itself."""

    def __init__(
        self,
        registry: ProjectRegistry,
        jobs: ProjectJobs,
        services: Services,
        artifacts: Artifacts,
        audit: CatalogAudit,
    ) -> None:
        self._registry = registry
        self._jobs = jobs
        self._services = services
        self._artifacts = artifacts
        self._audit = audit

    def resume(self) -> None:
        """Publish what jobs make, or have made, that went on while the control plane was away."""
        for job in self._jobs.to_be_published():
            self._watch(job)

    def make(self, project: str, service: str, wanted: NewVersion, *, by: str, permit: Permit) -> ProjectJob:
        """Begin a job that makes a version; it is published once it is made, if that is wanted.

        Raises NotFound, Invalid, what `permit` raises, and Conflict when the id is taken (code
        `version-exists`), here or on the deployer.
        """
        folder = self._registry.folder(project)
        service_of(folder, service)
        taken = {name.casefold(): name for name in version_ids(Workspace(folder), service)}
        version = check_id(wanted.id or self._free(list(taken.values()), wanted.publish_as), "a version")
        if version.casefold() in taken:
            raise Conflict(
                f"service {service!r} has a version {taken[version.casefold()]!r} already, and versions are "
                f"never changed; {next_version_id(taken.values())!r} is free",
                code="version-exists",
            )
        if wanted.publish_as is not None:
            check_id(wanted.publish_as, "a service")
            permit(wanted.publish_as, self._registry.project_id(project))
            if version in self._published(wanted.publish_as):
                raise Conflict(
                    f"{wanted.publish_as} {version} is published already; choose another id",
                    code="version-exists",
                )
        work = PackageWork(
            service=service, version=version, release_notes=wanted.release_notes, publish_as=wanted.publish_as
        )
        job = self._jobs.start(project, folder, work, by)
        self._audit.record("make version", f"project:{project}", after={"job": job.id, "work": work})
        self._watch(job)
        return job

    def publish(
        self, project: str, service: str, version: str, *, as_: str, by: str, permit: Permit | None
    ) -> tuple[PublishedVersion, bool]:
        """Publish a version of a project; gives it, and whether it is new. The same content changes nothing.

        Raises NotFound, Invalid, Conflict for another content under its id, and what `permit` raises.
        """
        path = archive_of(Workspace(self._registry.folder(project)), service, version)
        with self._artifacts.draft() as draft, path.open("rb") as archive:
            while chunk := archive.read(_CHUNK):
                draft.write(chunk)
            return self._services.publish(draft, by, as_, permit=permit)

    def _free(self, here: list[str], publish_as: str | None) -> str:
        """The id after all that are taken, in the project and on the deployer."""
        return next_version_id([*here, *(self._published(publish_as) if publish_as else ())])

    def _published(self, service: str) -> tuple[str, ...]:
        try:
            return tuple(one.version for one in self._services.versions(service))
        except NotFound:
            return ()

    def _watch(self, job: ProjectJob) -> None:
        if isinstance(job.work, PackageWork) and job.work.publish_as is not None:
            threading.Thread(target=self._when_made, args=(job, job.work), daemon=True).start()

    def _when_made(self, job: ProjectJob, work: PackageWork) -> None:
        """Publish what a job makes. Whoever began it was allowed to; what fails now can be done by hand."""
        try:
            while job.outcome is JobOutcome.RUNNING:
                time.sleep(_POLL)
                job = self._jobs.one(job.id)
            if job.outcome is JobOutcome.SUCCESS and work.publish_as is not None:
                with acting(Actor(name=job.by)):
                    self.publish(
                        job.project, work.service, work.version, as_=work.publish_as, by=job.by, permit=None
                    )
        except ScorelineError as error:
            _log.warning("%s: %s %s is not published: %s", job.id, work.service, work.version, error.message)
        self._jobs.settle(job)


def publishing_of(control_plane: ControlPlane, registry: ProjectRegistry, jobs: ProjectJobs) -> Publishing:
    """Publishing to this control plane."""
    return Publishing(registry, jobs, control_plane.services, control_plane.artifacts, control_plane.audit)
