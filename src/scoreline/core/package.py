"""Packages: a frozen service as files, and the manifest that says what is in it.

Inside a package (a zip archive, or a folder on a node):

    manifest.json                    Manifest
    service.json                     Service, as in the project, with columns "all" resolved
    models/<model id>/scorer.json    and trees.bin, golden.json: what `scoreline.scoring` loads
    lookups/<lookup id>/data.mdb     what `scoreline.lookups` opens; lookup.json beside it

Every file but the manifest is listed in the manifest with its size and SHA-256.
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from scoreline.core.lookup import Lookup
from scoreline.core.service import Service

FORMAT = 1
"""The package format written today. A node reads this one and all before it."""


class FileEntry(Struct, frozen=True, kw_only=True):
    """One file of a package."""

    size: int
    """Bytes."""
    sha256: str
    """Lower-case hexadecimal."""


class PackagedModel(Struct, frozen=True, kw_only=True):
    """A model version as frozen into a package."""

    version: str
    digest: str
    task: str
    algorithm: str
    scorer: str
    """Which scorer was chosen: linear, trees."""
    parity_rows: int
    """Rows on which scorer and original were compared."""
    parity_max_difference: float


class PackagedLookup(Struct, frozen=True, kw_only=True):
    """The rows of one lookup as frozen into a package."""

    dataset: str
    rows: int
    digest: str
    """SHA-256 over keys, columns and rows, independent of the file's layout."""
    dataset_digest: str = ""
    """Digest of the dataset's content at the time."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in a package and where it comes from."""

    format: int
    project: str
    service: str
    version: str
    digest: str
    """Content digest: equal for equal service, models and lookups, whoever froze them and when."""
    created_at: str
    """ISO 8601, UTC."""
    created_by: str
    release_notes: str = ""
    models: dict[str, PackagedModel] = {}
    lookups: dict[str, PackagedLookup] = {}
    """By lookup id."""
    libraries: dict[str, str] = {}
    """Name -> version of the libraries that trained and packaged."""
    files: dict[str, FileEntry] = {}


class PublishedVersion(Struct, frozen=True, kw_only=True):
    """A version as the deployer knows it: the package's own words, and who published it when, as what."""

    service_id: str
    """The published service that it belongs to. The package itself may say another one, and is not changed:
    a version can be published under the id of another service."""
    manifest: Manifest
    service: Service
    """What `service.json` says."""
    archive: str
    """SHA-256 of the archive's bytes, lower-case hexadecimal: its name in the artifact store."""
    size: int
    """Bytes of the archive."""
    by: str
    at: str
    """ISO 8601, UTC."""


class VersionSummary(Struct, frozen=True):
    """What lists show of a published version."""

    service: str
    version: str
    project: str
    digest: str
    size: int
    release_notes: str
    created_by: str
    created_at: str
    by: str
    at: str
    models: dict[str, str]
    """Model id -> its version."""


def summary(version: PublishedVersion) -> VersionSummary:
    """What lists show of a version."""
    manifest = version.manifest
    return VersionSummary(
        version.service_id,
        manifest.version,
        manifest.project,
        manifest.digest,
        version.size,
        manifest.release_notes,
        manifest.created_by,
        manifest.created_at,
        version.by,
        version.at,
        {model: packaged.version for model, packaged in manifest.models.items()},
    )


def content_digest(files: dict[str, FileEntry]) -> str:
    """The digest of a package's content: SHA-256 over the sorted names and digests of its files."""
    lines = "".join(f"{entry.sha256} {name}\n" for name, entry in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def lookup_id(lookup: Lookup) -> str:
    """Where a lookup's rows stand in the package: equal for equal dataset, key and columns.

    Names in the query and behaviours do not count, so two endpoints that look up the same rows share them.
    """
    columns = "all" if lookup.columns == "all" else sorted({c.column for c in lookup.columns})
    shape = msgspec.json.encode([[key.column for key in lookup.keys], columns])
    return f"{lookup.dataset}-{hashlib.sha256(shape).hexdigest()[:12]}"
