"""Versions of a service that were made in a project: which there are, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from scoreline.core.names import did_you_mean, is_id
from scoreline.core.package import Manifest, PackagedLookup, PackagedModel
from scoreline.core.service import Endpoint, Service
from scoreline.errors import NotFound
from scoreline.storage.archives import read_archive
from scoreline.storage.workspace import Workspace


class StoredVersion(Struct, frozen=True, kw_only=True):
    """A version in the project's folder."""

    manifest: Manifest
    service: Service
    size: int
    """Bytes of the archive."""
    path: str
    """Of the archive."""


class Difference(Struct, frozen=True, kw_only=True):
    """One part in which two versions differ."""

    part: Literal["endpoint", "model", "lookup"]
    id: str
    """Of the endpoint, of the model, or of the lookup's dataset."""
    change: Literal["added", "removed", "changed"]
    detail: str = ""


def version_ids(workspace: Workspace, service_id: str) -> list[str]:
    """Ids of the versions of a service, numbered ones in the order of their numbers."""
    found = [path.stem for path in workspace.versions(service_id).glob("*.zip") if is_id(path.stem)]
    return sorted(found, key=lambda name: (len(name), name))


def versions_of(workspace: Workspace, service_id: str) -> list[StoredVersion]:
    """All versions of a service, oldest first. Raises NotFound when there is no such service, Invalid when
    an archive is damaged."""
    _check_service(workspace, service_id)
    versions = [version_of(workspace, service_id, name) for name in version_ids(workspace, service_id)]
    return sorted(versions, key=lambda version: version.manifest.created_at)


def version_of(workspace: Workspace, service_id: str, version_id: str) -> StoredVersion:
    """One version of a service. Raises NotFound, naming the nearest one, and Invalid when it is damaged."""
    path = archive_of(workspace, service_id, version_id)
    manifest, service = read_archive(path)
    return StoredVersion(manifest=manifest, service=service, size=path.stat().st_size, path=str(path))


def archive_of(workspace: Workspace, service_id: str, version_id: str) -> Path:
    """The archive of a version. Raises NotFound, naming the nearest one."""
    _check_service(workspace, service_id)
    known = version_ids(workspace, service_id)
    if version_id not in known:
        hint = did_you_mean(version_id, known) if known else f"run: scoreline version create {service_id}"
        raise NotFound(
            f"service {service_id!r} has no version {version_id[:40]!r}; {hint}", code="no-such-version"
        )
    return workspace.versions(service_id) / f"{version_id}.zip"


def delete_version(workspace: Workspace, service_id: str, version_id: str) -> None:
    """Remove a version from the project; where it was published, it stays. Raises NotFound."""
    archive_of(workspace, service_id, version_id).unlink(missing_ok=True)


def differences(old: StoredVersion, new: StoredVersion) -> list[Difference]:
    """What changed from `old` to `new`: endpoints, then models, then rows of lookups, each sorted by id."""
    return [
        *_endpoint_differences(old.service, new.service),
        *_model_differences(old.manifest, new.manifest),
        *_lookup_differences(old.manifest, new.manifest),
    ]


def _check_service(workspace: Workspace, service_id: str) -> None:
    defined = {path.stem for path in (workspace.project / "services").glob("*.yaml")}
    packaged = {path.name for path in Path(workspace.root / "versions").glob("*") if is_id(path.name)}
    if service_id not in defined | packaged:
        hint = did_you_mean(service_id, defined | packaged)
        raise NotFound(f"no service {service_id[:40]!r} in this project; {hint}", code="no-such-service")


def _endpoint_differences(old: Service, new: Service) -> Iterator[Difference]:
    before = {endpoint.id: endpoint for endpoint in old.endpoints}
    after = {endpoint.id: endpoint for endpoint in new.endpoints}
    for name, change in _changes(before, after):
        detail = _changed_fields(before[name], after[name]) if change == "changed" else ""
        yield Difference(part="endpoint", id=name, change=change, detail=detail)


def _changed_fields(old: Endpoint, new: Endpoint) -> str:
    if type(old) is not type(new):
        return f"kind: {_kind(old)} -> {_kind(new)}"
    names = [name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name)]
    return ", ".join(names)


def _kind(endpoint: Endpoint) -> str:
    return str(endpoint.__struct_config__.tag)


def _model_differences(old: Manifest, new: Manifest) -> Iterator[Difference]:
    def said(model: PackagedModel) -> str:
        return f"{model.version} ({model.algorithm}, {model.digest[:8]})"

    for name, change in _changes(old.models, new.models):
        detail = _from_to(name, old.models, new.models, said)
        yield Difference(part="model", id=name, change=change, detail=detail)


def _lookup_differences(old: Manifest, new: Manifest) -> Iterator[Difference]:
    def said(lookup: PackagedLookup) -> str:
        return f"{lookup.rows:,} rows ({lookup.digest[:8]})"

    # What the rows were made of does not count when the rows are the same.
    before = {name: lookup.digest for name, lookup in old.lookups.items()}
    after = {name: lookup.digest for name, lookup in new.lookups.items()}
    for name, change in _changes(before, after):
        detail = _from_to(name, old.lookups, new.lookups, said)
        dataset = (new.lookups.get(name) or old.lookups[name]).dataset
        yield Difference(part="lookup", id=dataset, change=change, detail=detail)


def _changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, Literal["added", "removed", "changed"]]]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield name, "added"
        elif name not in after:
            yield name, "removed"
        elif before[name] != after[name]:
            yield name, "changed"


def _from_to(name: str, before: Mapping[str, Any], after: Mapping[str, Any], said: Any) -> str:
    return " -> ".join(said(side[name]) for side in (before, after) if name in side)
