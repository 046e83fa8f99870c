"""A project folder as an object: what the commands on a project do, from Python."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scoreline.core.names import did_you_mean
from scoreline.errors import NotFound
from scoreline.storage.workspace import Workspace

if TYPE_CHECKING:
    from scoreline.core.package import Manifest
    from scoreline.core.project import Project
    from scoreline.storage.models import ModelStore
    from scoreline.studio.build_events import BuildResult
    from scoreline.studio.test_queries import TestOutcome

Say = Callable[[str], None]


class ProjectFolder:
    """One project. What a method needs is imported when it is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> Project:
        """The whole definition of the project. Raises InvalidProject with every problem at once."""
        from scoreline.storage.project_files import read_project

        return read_project(self.folder)

    def build(self, names: Sequence[str] = (), *, all: bool = False, force: bool = False) -> BuildResult:  # noqa: A002
        """Make what is named, or everything, up to date by content. A recipe that fails raises nothing: the
        result says which ones did."""
        from scoreline.studio.build import build

        return build(self.folder, names, all=all or not names, force=force, by=_user())

    def create_version(
        self,
        service: str,
        id: str | None = None,  # noqa: A002
        *,
        release_notes: str = "",
        progress: Say | None = None,
    ) -> Manifest:
        """Freeze a service into a version; without an id, the next of v1, v2, …"""
        from scoreline.studio.packaging import create_version

        return create_version(
            self.folder,
            service,
            id,
            release_notes=release_notes,
            by=_user(),
            progress=progress or _silent,
        )

    def test_queries(self, service: str) -> tuple[TestOutcome, ...]:
        """Ask the test queries of a service as it is defined now."""
        from scoreline.studio.test_queries import run_test_queries

        return run_test_queries(self.folder, service, progress=_silent)

    @property
    def models(self) -> Mapping[str, ModelStore]:
        """The saved models by id: each with its versions, one of them active."""
        from scoreline.storage.models import ModelStore

        return {model: ModelStore(Workspace(self.folder).model(model)) for model in self.check().models}

    def package(self, service: str, version: str | None = None) -> Path:
        """The file of a version, to be published; None: the one made last. Raises NotFound."""
        made = {path.stem: path for path in Workspace(self.folder).versions(service).glob("*.zip")}
        if not made:
            raise NotFound(
                f"service {service!r} of this project has no version; make one: "
                f"scoreline version create {service}",
                code="no-such-version",
            )
        if version is None:
            return max(made.values(), key=lambda path: path.stat().st_mtime_ns)
        if version not in made:
            hint = did_you_mean(version, made)
            raise NotFound(f"service {service!r} has no version {version!r}; {hint}", code="no-such-version")
        return made[version]


def open_project(folder: str | Path) -> ProjectFolder:
    """The project in a folder. Raises NotFound when it holds no `project.yaml`."""
    path = Path(folder).absolute()
    if not (path / "project.yaml").is_file():
        raise NotFound(f"{str(path)!r} is not a project: it holds no project.yaml", code="no-project")
    return ProjectFolder(path)


def _silent(_line: str) -> None:
    pass


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
