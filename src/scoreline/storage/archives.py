"""Package archives: written the same way every time, and checked whole before anything of them appears."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from scoreline.core.names import check_id
from scoreline.core.package import FORMAT, FileEntry, Manifest, content_digest, lookup_id
from scoreline.core.service import PredictionEndpoint, Service, lookups_of
from scoreline.core.service_key import service_key_spots
from scoreline.errors import Invalid, NotFound, Unavailable
from scoreline.storage.atomic import new_folder
from scoreline.storage.file_digests import file_entry
from scoreline.storage.zip_files import CheckedZip, ZipLimits, checked_zip, write_zip

MANIFEST = "manifest.json"
SERVICE = "service.json"
# What msgspec raises on bytes that are not the JSON that is expected.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_LARGEST_MANIFEST = 8 << 20
_LOOKUP_FILES = ("data.mdb", "lookup.json")

Check = Callable[[Path, Manifest], None]


@dataclass(frozen=True)
class PackageLimits:
    """What a package may hold at most."""

    archive_bytes: int = 4 << 30
    """Size of the archive itself."""
    unpacked: ZipLimits = field(default_factory=ZipLimits)


def file_entries(folder: Path) -> dict[str, FileEntry]:
    """Size and digest of every file under `folder` but the manifest, by name, sorted.

    Raises Invalid (code `bad-package`) for links and anything else that is not a plain file.
    """
    return {name: file_entry(folder / name) for name in _file_names(folder) if name != MANIFEST}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a package folder, the last of its files."""
    text = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"))
    (folder / MANIFEST).write_bytes(text + b"\n")


def write_archive(folder: Path, target: Path) -> None:
    """Write a package folder as an archive. The same folder gives the same bytes; `target` is replaced whole.

    Raises Invalid when the folder is not what its manifest says.
    """
    manifest = verify_folder(folder)
    write_zip(folder, [MANIFEST, *manifest.files], target)


def extract_archive(
    source: Path, folder: Path, *, limits: PackageLimits | None = None, check: Check | None = None
) -> Manifest:
    """Unpack a package archive to `folder`, which appears only once everything in it is verified.

    Names, sizes and the manifest are checked before anything is unpacked. `check` gets the unpacked draft
    and the manifest, and raises to refuse it: for what only the caller can judge. Raises NotFound; Conflict
    when `folder` exists; Invalid with code `bad-archive`, `bad-package` or `newer-format`; Unavailable when
    the disk is full.
    """
    limits = limits or PackageLimits()
    try:
        _check_size(source, limits)
        with checked_zip(source, limits.unpacked) as archive:
            manifest = _manifest_of(archive)
            with new_folder(folder) as draft:
                archive.unpack(draft)
                verify_folder(draft)
                if check is not None:
                    check(draft, manifest)
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror)
        raise Unavailable(f"cannot unpack package {source.name!r}: {why}") from error
    return manifest


def read_archive(source: Path, *, limits: PackageLimits | None = None) -> tuple[Manifest, Service]:
    """What an archive says of itself. Nothing is unpacked, so the files' digests are not checked.

    Raises NotFound, Invalid.
    """
    limits = limits or PackageLimits()
    _check_size(source, limits)
    with checked_zip(source, limits.unpacked) as archive:
        manifest = _manifest_of(archive)
        return manifest, _parse_service(archive.read(SERVICE), manifest)


def verify_folder(folder: Path) -> Manifest:
    """Check a package folder: its manifest, that it holds the manifest's files and no other, their sizes and
    digests, the content digest, and that the service finds its models and lookups in it.

    Raises NotFound, or Invalid (codes `bad-package`, `newer-format`).
    """
    manifest = read_manifest(folder)
    sizes = {name: (folder / name).stat().st_size for name in _file_names(folder)}
    _check_listing(manifest, sizes)
    for name, entry in manifest.files.items():
        if file_entry(folder / name) != entry:
            raise _changed(name)
    read_service(folder, manifest)
    return manifest


def read_service(folder: Path, manifest: Manifest) -> Service:
    """The service of a package folder, checked against its manifest. Raises Invalid (code `bad-package`)."""
    return _parse_service((folder / SERVICE).read_bytes(), manifest)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a package folder, checked in itself. Raises NotFound, Invalid."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            data = file.read(_LARGEST_MANIFEST + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no {MANIFEST} in {folder.name!r}: it is not a package") from error
    return parse_manifest(data)


def parse_manifest(data: bytes) -> Manifest:
    """Read and check the text of a manifest. Raises Invalid (codes `bad-package`, `newer-format`)."""
    if len(data) > _LARGEST_MANIFEST:
        raise _bad(f"{MANIFEST} is larger than {_LARGEST_MANIFEST:,} bytes")
    try:
        written = msgspec.json.decode(data, type=_Format).format
        if written > FORMAT:
            raise Invalid(
                f"the package has format {written}, this program reads up to {FORMAT}: "
                "upgrade Scoreline where this happened, such as on the node",
                code="newer-format",
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except _UNREADABLE as error:
        raise _bad(f"{MANIFEST} is wrong: {error}") from None
    _check_manifest(manifest)
    return manifest


class _Format(Struct):
    format: int


def _check_manifest(manifest: Manifest) -> None:
    if manifest.format < 1:
        raise _bad(f"{MANIFEST} has format {manifest.format}, which never was")
    check_id(manifest.project, "a project")
    check_id(manifest.service, "a service")
    check_id(manifest.version, "a version")
    for name in manifest.models:
        check_id(name, "a model")
    for name, lookup in manifest.lookups.items():
        check_id(lookup.dataset, "a dataset")
        if re.fullmatch(re.escape(lookup.dataset) + "-[0-9a-f]{12}", name) is None:
            raise _bad(f"{_shown(name)} cannot be the id of a lookup in {_shown(lookup.dataset)}")
    _check_layout(manifest)
    if content_digest(manifest.files) != manifest.digest:
        raise _bad(f"the digest in {MANIFEST} is not the digest of the files it lists: it was changed")


def _check_layout(manifest: Manifest) -> None:
    """Every file belongs to the service, a model or a lookup, and each of those has what it needs."""
    needed = {SERVICE}
    needed.update(f"models/{name}/scorer.json" for name in manifest.models)
    needed.update(f"lookups/{name}/{file}" for name in manifest.lookups for file in _LOOKUP_FILES)
    if missing := needed - manifest.files.keys():
        raise _bad(f"{MANIFEST} does not list {_listed(missing)}")
    homes = {f"models/{name}" for name in manifest.models}
    if extra := {
        name for name in manifest.files if name not in needed and name.rpartition("/")[0] not in homes
    }:
        raise _bad(f"{MANIFEST} lists files that belong to no part of the package: {_listed(extra)}")


def _parse_service(data: bytes, manifest: Manifest) -> Service:
    try:
        service = msgspec.json.decode(data, type=Service)
    except _UNREADABLE as error:
        raise _bad(f"{SERVICE} is wrong: {error}") from None
    for _, message in service_key_spots(service.api_keys):
        raise _bad(f"the keys in {SERVICE} are wrong: {message}")
    seen: set[str] = set()
    for endpoint in service.endpoints:
        check_id(endpoint.id, "an endpoint")
        if endpoint.id in seen:
            raise _bad(f"{SERVICE} has two endpoints {endpoint.id!r}")
        seen.add(endpoint.id)
        if isinstance(endpoint, PredictionEndpoint) and endpoint.model not in manifest.models:
            raise _bad(f"endpoint {endpoint.id!r} asks for a model that is not in the package")
        if any(lookup_id(lookup) not in manifest.lookups for lookup in lookups_of(endpoint)):
            raise _bad(f"endpoint {endpoint.id!r} asks for a lookup that is not in the package")
    return service


def _manifest_of(archive: CheckedZip) -> Manifest:
    """The manifest in an archive, checked, and the archive's table of contents checked against it."""
    size = archive.sizes.get(MANIFEST)
    if size is None:
        raise _bad(f"the archive holds no {MANIFEST}: it is not a package")
    if size > _LARGEST_MANIFEST:
        raise _bad(f"{MANIFEST} is larger than {_LARGEST_MANIFEST:,} bytes")
    manifest = parse_manifest(archive.read(MANIFEST))
    _check_listing(manifest, archive.sizes)
    return manifest


def _check_listing(manifest: Manifest, sizes: Mapping[str, int]) -> None:
    """The files there are exactly those that the manifest lists, in their sizes."""
    names = sizes.keys() - {MANIFEST}
    if missing := manifest.files.keys() - names:
        raise _bad(f"the package lacks {_listed(missing)}")
    if extra := names - manifest.files.keys():
        raise _bad(f"the package holds files that its manifest does not list: {_listed(extra)}")
    for name, entry in manifest.files.items():
        if sizes[name] != entry.size:
            raise _changed(name)


def _check_size(source: Path, limits: PackageLimits) -> None:
    try:
        size = source.stat().st_size
    except FileNotFoundError as error:
        raise NotFound(f"there is no package archive {source.name!r}") from error
    if size > limits.archive_bytes:
        raise Invalid(
            f"package {source.name!r} is larger than {limits.archive_bytes:,} bytes", code="bad-archive"
        )


def _file_names(folder: Path) -> list[str]:
    names: list[str] = []
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(root) / name
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise _bad(f"{_shown(path.relative_to(folder).as_posix())} is a link or a device, not a file")
        names.extend((Path(root) / name).relative_to(folder).as_posix() for name in files)
    return sorted(names)


def _listed(names: set[str]) -> str:
    shown = [_shown(name) for name in sorted(names)[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:80] + "…")


def _changed(name: str) -> Invalid:
    return _bad(f"{_shown(name)} of the package is not the file that its manifest lists: it was changed")


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad-package")
