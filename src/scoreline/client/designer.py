"""Calls on the services of projects: what the API designer does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoreline.client.connection import path_to, query_of
from scoreline.client.project_jobs import ProjectJobCalls
from scoreline.core.project_job import ProjectJob
from scoreline.core.service import Service, TestQuery
from scoreline.wire.control import Deleted, Version
from scoreline.wire.control_designer import (
    Candidates,
    DesignedService,
    DraftChanges,
    EndpointTakes,
    Findings,
    MadeServiceKey,
    MadeVersion,
    NewPublication,
    NewServiceId,
    NewServiceKey,
    NewVersion,
    QueryOutcomes,
    QueryRun,
    WholeService,
)


class DesignerCalls(ProjectJobCalls):
    """A service of a project is what is designed; `service` and `services` are those that are published."""

    def project_services(self, project: str) -> tuple[DesignedService, ...]:
        """The services that a project defines; `problem` says why one cannot be used."""
        return self._control.all(path_to("projects", project, "services"), DesignedService)

    def project_service(self, project: str, service: str) -> WholeService:
        """One service with its definition. Raises NotFound, naming the nearest one."""
        return self._control.call("GET", _path(project, service), WholeService)

    def create_project_service(
        self, project: str, service: str, definition: Service | None = None
    ) -> WholeService:
        """Write a new service into the project's folder.

        Raises Conflict when there is one of that id, and Invalid for what cannot be.
        """
        wanted = {"id": service, "definition": definition or Service()}
        return self._control.call("POST", path_to("projects", project, "services"), WholeService, body=wanted)

    def save_project_service(
        self, project: str, service: str, definition: Service, *, revision: str | None = None
    ) -> WholeService:
        """Change a service; comments in its file stay. `revision`: of what was read; None: any.

        Raises NotFound, Invalid, and Conflict (code `stale-revision`) when somebody changed it since.
        """
        path = _path(project, service)
        return self._control.call("PUT", path, WholeService, body=definition, revision=revision)

    def check_project_service(self, project: str, service: str, definition: Any) -> Findings:
        """What is wrong in a definition, each beside the field that it is in; nothing is saved."""
        return self._control.call("POST", _path(project, service, "check"), Findings, body=definition)

    def rename_project_service(self, project: str, service: str, new: str) -> WholeService:
        """Give a service another id. Raises Conflict (code `has-versions`) once it has versions."""
        path = _path(project, service, "rename")
        return self._control.call("POST", path, WholeService, body=NewServiceId(id=new))

    def delete_project_service(self, project: str, service: str) -> None:
        """Delete the definition of a service; its versions stay, and so does what is published."""
        self._control.call("DELETE", _path(project, service), Deleted)

    def create_service_key(self, project: str, service: str, label: str) -> MadeServiceKey:
        """Make a key that callers of a service show; it is told this once."""
        path = _path(project, service, "api-keys")
        return self._control.call("POST", path, MadeServiceKey, body=NewServiceKey(label=label))

    def delete_service_key(self, project: str, service: str, label: str) -> None:
        """Take a key from a service. Raises NotFound, and Conflict (code `last-key`) for its last one."""
        self._control.call("DELETE", _path(project, service, "api-keys", label), Deleted)

    def endpoint_takes(self, project: str, service: str, endpoint: str) -> EndpointTakes:
        """What an endpoint takes and gives as it is defined now. Raises NotFound."""
        return self._control.call(
            "GET", _path(project, service, "endpoints", endpoint, "schema"), EndpointTakes
        )

    def candidate_queries(
        self, project: str, service: str, endpoint: str, dataset: str, count: int = 5, *, skip: int = 0
    ) -> tuple[TestQuery, ...]:
        """Rows of a dataset as test queries of an endpoint; they are not saved. Raises NotFound, Invalid."""
        path = _path(project, service, "endpoints", endpoint, "candidates")
        path += query_of(dataset=dataset, count=count, skip=skip)
        return self._control.call("GET", path, Candidates).queries

    def run_designer_queries(
        self, project: str, service: str, endpoint: str, queries: Sequence[TestQuery] | None = None
    ) -> QueryOutcomes:
        """Ask an endpoint as it is defined now, as a node would: `queries`, or the saved ones."""
        path = _path(project, service, "endpoints", endpoint, "test-queries")
        wanted = QueryRun(queries=None if queries is None else tuple(queries))
        return self._control.call("POST", path, QueryOutcomes, body=wanted)

    def made_versions(self, project: str, service: str) -> tuple[MadeVersion, ...]:
        """The versions that were made in the project, newest first. Raises NotFound."""
        return self._control.all(_path(project, service, "versions"), MadeVersion)

    def changes_of_service(self, project: str, service: str, *, since: str | None = None) -> DraftChanges:
        """What a version made now would change, since the last one or another. Raises NotFound."""
        path = _path(project, service, "changes") + query_of(since=since)
        return self._control.call("GET", path, DraftChanges)

    def make_version(
        self,
        project: str,
        service: str,
        id: str | None = None,  # noqa: A002
        *,
        release_notes: str = "",
        publish_as: str | None = None,
        wait: bool = True,
    ) -> ProjectJob:
        """Freeze a service into a version, by a job, and publish it as one of `publish_as`, if that is given.

        Raises NotFound, Conflict for an id that is taken and, when it waits, what `wait_for_job` raises.
        """
        wanted = NewVersion(id=id, release_notes=release_notes, publish_as=publish_as)
        begun = self._control.call("POST", _path(project, service, "versions"), ProjectJob, body=wanted)
        return self.wait_for_job(begun) if wait else begun

    def publish_made_version(
        self, project: str, service: str, version: str, *, publish_as: str | None = None
    ) -> Version:
        """Publish a version of the project; again changes nothing. Raises NotFound and Conflict."""
        path = _path(project, service, "versions", version, "publish")
        return self._control.call("POST", path, Version, body=NewPublication(service=publish_as))

    def delete_made_version(self, project: str, service: str, version: str) -> None:
        """Remove a version from the project; where it was published, it stays. Raises NotFound."""
        self._control.call("DELETE", _path(project, service, "versions", version), Deleted)


def _path(project: str, service: str, *parts: str) -> str:
    return path_to("projects", project, "services", service, *parts)
