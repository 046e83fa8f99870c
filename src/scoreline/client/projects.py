"""Calls on the projects that a control plane knows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from scoreline.client.connection import Connection, path_to
from scoreline.client.datasets import DatasetCalls
from scoreline.client.designer import DesignerCalls
from scoreline.client.models import ModelCalls
from scoreline.client.project_jobs import ProjectJobCalls
from scoreline.client.recipes import RecipeCalls
from scoreline.core.project import ProjectSettings
from scoreline.core.project_job import ProjectJob
from scoreline.wire.control import NewProject, Project
from scoreline.wire.control_flow import Flow
from scoreline.wire.control_projects import NewProjectFromTemplate, Template, WholeProjectSettings


class ProjectCalls(DatasetCalls, RecipeCalls, ModelCalls, DesignerCalls, ProjectJobCalls):
    """What `scoreline project add`, `list` and `remove` do, and calls on what is in a project."""

    _control: Connection

    def projects(self) -> tuple[Project, ...]:
        """The projects that the control plane knows."""
        return self._control.all("/projects", Project)

    def add_project(self, folder: str | Path, key: str | None = None) -> Project:
        """Let the control plane know the project in a folder of its machine; without a key, under its id.

        Doing it again changes nothing. Raises NotFound, and Conflict when the key is another project's.
        """
        wanted = NewProject(folder=str(folder), key=key)
        return self._control.call("POST", "/projects", Project, body=wanted)

    def remove_project(self, project: str, *, files: bool = False) -> Project:
        """Let the control plane know a project no more; the folder stays unless `files` deletes it, too.

        Raises NotFound, Conflict while a job of it goes on, and Invalid (code `not-own-folder`) when the
        folder is to go that the control plane has not made.
        """
        path = path_to("projects", project, files="true" if files else None)
        return self._control.call("DELETE", path, Project)

    def templates(self) -> tuple[Template, ...]:
        """What a project can be made from."""
        return self._control.all("/templates", Template)

    def create_project(
        self,
        key: str,
        template: str = "empty",
        *,
        name: str = "",
        description: str = "",
        size: Literal["small", "full"] = "small",
        seed: int = 42,
        services: bool = True,
        wait: bool = True,
        seconds: float = 600.0,
    ) -> ProjectJob:
        """Make a project from a template, in a folder of the control plane's own, by a job.

        `services` False: without the API services of the template, which are then yours to make.
        Raises NotFound for an unknown template, Conflict when the key is taken, and, when it waits,
        Unavailable when the job failed.
        """
        wanted = NewProjectFromTemplate(
            key=key,
            template=template,
            name=name,
            description=description,
            size=size,
            seed=seed,
            services=services,
        )
        started = self._control.call("POST", "/projects/new", ProjectJob, body=wanted)
        return self.wait_for_job(started, seconds=seconds) if wait else started

    def import_project(self, archive: Path, key: str | None = None) -> Project:
        """Make a project of a zip archive; without a key, under its own id.

        Raises Invalid for a hostile, damaged or unsound one, and Conflict when the key is taken.
        """
        return self._control.upload(path_to("projects", "import", key=key), archive, Project)

    def export_project(self, project: str, target: Path, *, with_data: bool = True) -> None:
        """Write a project as a zip archive. Raises NotFound."""
        data = None if with_data else "false"
        self._control.download(path_to("projects", project, "archive", data=data), target)

    def project_settings(self, project: str) -> WholeProjectSettings:
        """What `project.yaml` says. Raises NotFound."""
        return self._control.call("GET", path_to("projects", project, "settings"), WholeProjectSettings)

    def save_project_settings(
        self, project: str, settings: ProjectSettings, *, revision: str | None = None
    ) -> WholeProjectSettings:
        """Replace what `project.yaml` says; comments in it stay. `revision`: of what was read; None: any.

        Raises NotFound, Invalid, and Conflict (code `stale-revision`) when somebody changed it since.
        """
        path = path_to("projects", project, "settings")
        return self._control.call("PUT", path, WholeProjectSettings, body=settings, revision=revision)

    def flow(self, project: str) -> Flow:
        """The flow of a project: what is stale and why, and what is being built. Raises NotFound."""
        return self._control.call("GET", path_to("projects", project, "flow"), Flow)
