"""Services of a project: read one by one, made and changed, whatever is wrong elsewhere in the project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scoreline.core.names import did_you_mean
from scoreline.core.project import Kind
from scoreline.core.service import Service
from scoreline.errors import InvalidProject, NotFound
from scoreline.storage.project_edits import ProjectFiles
from scoreline.storage.project_files import check_project
from scoreline.storage.project_layout import file_of, read_texts


def services_of(folder: Path) -> Mapping[str, Service]:
    """The sound services of a project, by id. Raises NotFound when the folder holds no project."""
    project, _ = check_project(folder, read_texts(folder))
    return project.services


def service_of(folder: Path, service_id: str) -> Service:
    """One service. Raises NotFound, and InvalidProject with the problems of its own file."""
    project, problems = check_project(folder, read_texts(folder))
    own = [problem for problem in problems if problem.file == file_of(Kind.SERVICE, service_id)]
    if own:
        raise InvalidProject(own)
    if service_id not in project.services:
        raise NotFound(
            f"no service {service_id[:40]!r} in project {project.settings.id!r}; "
            f"{did_you_mean(service_id, project.services)}",
            code="no-such-service",
        )
    return project.services[service_id]


def create_service(folder: Path, service_id: str) -> None:
    """Make a service without endpoints. Raises Invalid for a bad id, Conflict when there is one."""
    ProjectFiles(folder).save(Kind.SERVICE, service_id, Service(), since=None)


def save_service(folder: Path, service_id: str, service: Service) -> None:
    """Replace what is written of a service, and touch no more of its file than that changes.

    Raises NotFound, and InvalidProject when the project would get a problem it did not have.
    """
    files = ProjectFiles(folder)
    revision = files.revision(Kind.SERVICE, service_id)
    if revision is None:
        service_of(folder, service_id)
    files.save(Kind.SERVICE, service_id, service, since=revision)
