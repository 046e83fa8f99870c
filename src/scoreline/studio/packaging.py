"""Packaging: versions of a service, each an archive that is made once and never changed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scoreline.core.names import check_id, next_version_id
from scoreline.core.package import Manifest
from scoreline.errors import Conflict, Invalid, NotFound, Unavailable
from scoreline.lookups.bundled import verify_lookups
from scoreline.node.generation import load_generation
from scoreline.storage.archives import extract_archive, write_archive
from scoreline.storage.atomic import UNFINISHED, sweep, sync_folder
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.freezing import Label, Progress, Workshop, freeze, named_service
from scoreline.studio.lock import project_lock


def create_version(
    folder: Path,
    service_id: str,
    version_id: str | None = None,
    *,
    release_notes: str = "",
    by: str,
    progress: Progress,
    environment: Mapping[str, str] | None = None,
) -> Manifest:
    """Freeze a service of the project in `folder` as the version `version_id` (None: the next of v1, v2, …).

    The archive `.scoreline/versions/<service>/<version>.zip` appears whole, after it was unpacked again,
    loaded as a node does and asked its golden rows. Killed at any point, the same call does it all again.
    `environment` holds the secrets that connections name; None: the process's own. Waits for the project's
    lock. Raises Conflict (code `version-exists`), Unavailable (a full disk), and what `freeze` raises.
    """
    workspace = Workspace(folder)
    with project_lock(workspace, f"version create {service_id}", say=progress):
        project = read_project(folder)
        named_service(project, service_id)
        versions = workspace.versions(service_id)
        chosen = _free_id(versions, service_id, version_id)
        tables = open_tables(project, folder, os.environ if environment is None else environment)
        workshop = Workshop(project, workspace, tables, progress)
        versions.mkdir(parents=True, exist_ok=True)
        sweep(versions)
        try:
            return _make(workshop, service_id, Label(chosen, by, release_notes), versions)
        except OSError as error:
            raise Unavailable(f"cannot make the version: {error.strerror}; nothing was kept") from error


def _make(workshop: Workshop, service_id: str, label: Label, versions: Path) -> Manifest:
    """Write the archive of a version into the folder `versions`, the proof before the name."""
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=versions) as name:
        draft = Path(name)
        package = draft / "package"
        package.mkdir()
        manifest = freeze(workshop, service_id, label, package)
        write_archive(package, draft / "package.zip")
        _prove_new(draft / "package.zip", draft / "unpacked")
        (draft / "package.zip").replace(versions / f"{label.version}.zip")
        sync_folder(versions)
    return manifest


def _free_id(versions: Path, service_id: str, wanted: str | None) -> str:
    taken = {path.stem.casefold(): path.stem for path in versions.glob("*.zip")}
    if wanted is None:
        return next_version_id(taken)
    check_id(wanted, "a version")
    if wanted.casefold() in taken:
        raise Conflict(
            f"service {service_id!r} has a version {taken[wanted.casefold()]!r} already, and versions are "
            f"never changed; leave the id out to get {next_version_id(taken)!r}",
            code="version-exists",
        )
    return wanted


def verify_package(archive: Path) -> Manifest:
    """Check an archive from anywhere: every file, every row of its lookups, the golden rows of its models.

    Unpacks it to a folder that is removed again. Raises NotFound, or Invalid saying what is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="scoreline-verify-") as name:
        return _prove(archive, Path(name) / "package")


def _prove(archive: Path, folder: Path) -> Manifest:
    """Do with the archive what a node will do with it."""
    manifest = extract_archive(archive, folder, check=verify_lookups)
    load_generation(folder)
    return manifest


def _prove_new(archive: Path, folder: Path) -> None:
    try:
        _prove(archive, folder)
    except (Invalid, NotFound) as error:
        raise Invalid(
            f"the package was made but does not work, so there is no version: {error.message}",
            code="package-not-proven",
        ) from error
