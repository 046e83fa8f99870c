"""Projects that a control plane makes: from a template by a job, or from an archive; and how they go."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from scoreline.core.job import JobOutcome
from scoreline.core.names import check_id, did_you_mean
from scoreline.core.project import ProjectSettings
from scoreline.core.project_job import CreateWork, ProjectJob
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.storage.project_edits import ProjectFiles
from scoreline.storage.project_files import read_project
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.projects import export_project, import_project, template_names
from scoreline.wire import control
from scoreline.wire.control_projects import NewProjectFromTemplate, Template, WholeProjectSettings

_DRAFTS = ".drafts"


class ProjectMaking:
    """Makes, changes and removes the projects of a control plane. Its threads may do so at once."""

    def __init__(self, registry: ProjectRegistry, jobs: ProjectJobs) -> None:
        self._registry = registry
        self._jobs = jobs

    def create(self, wanted: NewProjectFromTemplate, by: str) -> ProjectJob:
        """Begin to make a project from a template: it is known at once, and there when its job has ended.

        Raises NotFound for an unknown template, Conflict when the key is taken or its folder is there.
        """
        if wanted.template not in template_names():
            hint = did_you_mean(wanted.template, template_names())
            raise NotFound(f"there is no template {wanted.template[:40]!r}; {hint}", code="no-template")
        folder = self._free_folder(wanted.key)
        self._registry.reserve(folder, wanted.key)
        work = CreateWork(
            template=wanted.template,
            id=wanted.key,
            name=wanted.name,
            description=wanted.description,
            size=wanted.size,
            seed=wanted.seed,
            services=wanted.services,
        )
        try:
            return self._jobs.start(wanted.key, folder, work, by)
        except BaseException:
            self._registry.remove(wanted.key)
            raise

    @contextlib.contextmanager
    def upload(self) -> Iterator[Path]:
        """The path of a file for an archive that arrives; it is gone after the block."""
        drafts = self._registry.own_folder / _DRAFTS
        drafts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=drafts) as folder:
            yield Path(folder) / "project.zip"

    def import_(self, archive: Path, key: str | None = None) -> control.Project:
        """Unpack the project in an archive and know it; without a key, under its own id.

        Raises Invalid for a hostile or damaged archive or one without a project, InvalidProject for one with
        problems, Conflict when the key is taken or its folder is there. Then nothing of it stays.
        """
        if key is not None:
            self._free_folder(key)
        draft = self._registry.own_folder / _DRAFTS / uuid.uuid4().hex
        try:
            project = import_project(archive, draft)
            key = check_id(key or project.settings.id, "a project")
            folder = self._free_folder(key)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        try:
            return self._registry.add(folder, key)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def export(self, key: str, *, with_data: bool) -> Path:
        """Write a project as an archive, which the caller removes. Raises NotFound and InvalidProject."""
        folder = self._registry.folder(key)
        drafts = self._registry.own_folder / _DRAFTS
        drafts.mkdir(parents=True, exist_ok=True)
        target = drafts / f"{uuid.uuid4().hex}.zip"
        export_project(folder, target, with_data=with_data)
        return target

    def settings(self, key: str) -> WholeProjectSettings:
        """Who a project is. Raises NotFound and InvalidProject."""
        folder = self._registry.folder(key)
        revision = ProjectFiles(folder).revision(None)
        assert revision is not None
        return WholeProjectSettings(project=key, settings=read_project(folder).settings, revision=revision)

    def save_settings(
        self, key: str, settings: ProjectSettings, *, since: str | None
    ) -> WholeProjectSettings:
        """Replace what `project.yaml` says; comments in it stay. `since` None: whatever stands there.

        Raises NotFound, InvalidProject, and Conflict (code `stale-revision`) when it changed since.
        """
        files = ProjectFiles(self._registry.folder(key))
        check_id(settings.id, "a project")
        files.save(None, "", settings, since=files.revision(None) if since is None else since)
        return self.settings(key)

    def remove(self, key: str, *, files: bool = False) -> control.Project:
        """Know a project no more and give what it was; with `files`, delete its folder, too.

        Raises NotFound; Conflict while a job of it goes on; Invalid (code `not-own-folder`) when its folder
        is to go that the control plane has not made.
        """
        removed = self._registry.one(key)
        if files and not removed.own:
            raise Invalid(
                f"the folder of project {key!r} is not the control plane's; remove the project, and delete "
                f"{removed.folder} there yourself",
                code="not-own-folder",
            )
        busy = [job for job in self._jobs.newest(key) if job.outcome is JobOutcome.RUNNING]
        if busy:
            raise Conflict(
                f"{busy[0].id} of project {key!r} goes on ({busy[0].title}); cancel it first",
                code="project-busy",
            )
        self._registry.remove(key)
        if files:
            _delete(Path(removed.folder))
        return removed

    def _free_folder(self, key: str) -> Path:
        """The folder that a new project of this key gets. Raises Invalid, and Conflict when it is taken."""
        check_id(key, "a project")
        self._registry.check_free(key)
        folder = self._registry.own_folder / key
        if folder.exists():
            raise Conflict(
                f"there is a folder {folder} of a project that was removed; add that one again, or choose "
                "another key",
                code="project-folder-exists",
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        return folder


class TemplateText(Struct, frozen=True):
    """How a template is offered."""

    name: str
    description: str


TEMPLATES = {
    "empty": TemplateText("Empty project", "A folder with nothing in it yet but its name."),
    "real-time-apis": TemplateText(
        "Real-time APIs",
        "Card payments that are to be refused or authorized: generated data, a flow that trains a model, an "
        "evaluation store, an API service and a scenario that retrains it.",
    ),
}
"""Template -> its words; one that is not here is offered by its id."""


def templates() -> list[Template]:
    """What a project can be made from."""
    found = [(one, TEMPLATES.get(one, TemplateText(one, ""))) for one in template_names()]
    return [Template(id=one, name=text.name, description=text.description) for one, text in found]


def _delete(folder: Path) -> None:
    """Under another name first, so that nobody finds half of it."""
    doomed = folder.with_name(f".deleted-{uuid.uuid4().hex}")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
