"""Installation: an archive becomes a package folder of the node, whole and verified, or nothing does."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from scoreline.core.names import check_id
from scoreline.core.package import Manifest
from scoreline.errors import Conflict, Invalid, NotFound, ScorelineError, Unavailable
from scoreline.lookups.bundled import verify_lookups
from scoreline.node.data_folder import DataFolder
from scoreline.node.state import InstalledGeneration, NodeState
from scoreline.storage.archives import extract_archive, read_manifest, read_service, verify_folder
from scoreline.storage.atomic import sync_folder
from scoreline.storage.file_digests import file_entry


def install(
    data: DataFolder,
    state: NodeState,
    archive: Path,
    service_id: str,
    generation_id: str | None,
    sha256: str | None = None,
) -> InstalledGeneration:
    """Unpack an archive as a generation of a service, after everything in it was verified.

    `generation_id` None: the version that the archive says it is. `sha256`: of the bytes of the archive that
    was meant; None: not known. The same package again is no error. Raises Invalid when the archive is not
    sound, is another service or version, or not the one that was meant; Conflict when the node has another
    package under that name; Unavailable when the disk is full.
    """
    check_id(service_id, "a service")

    def check(draft: Path, manifest: Manifest) -> None:
        if manifest.service != service_id:
            raise Invalid(f"the package is of service {manifest.service!r}, not {service_id!r}")
        if generation_id is not None and manifest.version != generation_id:
            raise Invalid(f"the package is version {manifest.version!r}, not {generation_id!r}")
        known = _known(state, service_id, manifest.version)
        if known is not None and (known.digest != manifest.digest or _is_sound(data, service_id, known)):
            raise _Known(known, manifest)
        verify_lookups(draft, manifest)
        _share_files(data, state, draft, manifest)

    _check_regular(archive)
    if sha256 is not None and file_entry(archive).sha256 != sha256:
        raise Invalid(
            "the archive is not the one that was announced: it was changed where it was kept or on its way",
            code="bad-digest",
        )
    draft = data.service(service_id) / f".unfinished-{os.urandom(8).hex()}"
    try:
        manifest = extract_archive(archive, draft, check=check)
        _put_in_place(draft, data.generation(service_id, manifest.version))
    except _Known as found:
        return found.generation_or_conflict(service_id)
    except OSError as error:
        raise Unavailable(f"the package cannot be unpacked: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    folder = data.generation(service_id, manifest.version)
    service = read_service(folder, read_manifest(folder))
    return InstalledGeneration(
        id=manifest.version,
        digest=manifest.digest,
        endpoints=tuple(endpoint.id for endpoint in service.endpoints),
        key_labels=tuple(key.label for key in service.api_keys),
    )


def _put_in_place(draft: Path, folder: Path) -> None:
    """Give a package folder its name. What stands there is damaged, or what a failed removal left."""
    if folder.exists():
        old = draft.with_name(f"{draft.name}-old")
        folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        draft.rename(folder)
    sync_folder(folder.parent)
    sync_folder(folder.parent.parent)


def _is_sound(data: DataFolder, service_id: str, known: InstalledGeneration) -> bool:
    try:
        return verify_folder(data.generation(service_id, known.id)).digest == known.digest
    except (ScorelineError, OSError):
        return False


class _Known(Exception):
    """The node has a generation of this name."""

    def __init__(self, known: InstalledGeneration, manifest: Manifest) -> None:
        super().__init__()
        self.known = known
        self.manifest = manifest

    def generation_or_conflict(self, service_id: str) -> InstalledGeneration:
        if self.known.digest == self.manifest.digest:
            return self.known
        raise Conflict(
            f"generation {self.known.id!r} of service {service_id!r} is on this node with another content; "
            "publish it under another version id",
            code="generation-exists",
        )


def _known(state: NodeState, service_id: str, generation_id: str) -> InstalledGeneration | None:
    service = state.services.get(service_id)
    return service.generation(generation_id) if service else None


def _check_regular(archive: Path) -> None:
    try:
        found = archive.stat()
    except OSError as error:
        raise NotFound("there is no such file on the node's disk", code="no-such-file") from error
    if not stat.S_ISREG(found.st_mode):
        raise Invalid("the archive is not a regular file", code="bad-archive")


def _share_files(data: DataFolder, state: NodeState, draft: Path, manifest: Manifest) -> None:
    """Replace files that the node has already by links to those, so that their pages are in memory once."""
    wanted = {entry.sha256: name for name, entry in manifest.files.items() if name.endswith(".mdb")}
    for path, sha256 in _lookup_files(data, state):
        name = wanted.get(sha256)
        if name is not None and file_entry(path).sha256 == sha256:
            del wanted[sha256]
            link = draft / f"{name}.link"
            os.link(path, link)
            link.replace(draft / name)


def _lookup_files(data: DataFolder, state: NodeState) -> Iterator[tuple[Path, str]]:
    for service_id, service in state.services.items():
        for one in service.generations:
            folder = data.generation(service_id, one.id)
            with contextlib.suppress(ScorelineError):  # damaged: nothing to share
                for name, entry in read_manifest(folder).files.items():
                    if name.endswith(".mdb") and (folder / name).is_file():
                        yield folder / name, entry.sha256
