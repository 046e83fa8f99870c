"""Freezing: a service of a project becomes a package folder, with everything it needs to answer."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path

import msgspec

from scoreline.core.lookup import Lookup, LookupColumn
from scoreline.core.model_version import ModelVersion, algorithm_name
from scoreline.core.names import did_you_mean
from scoreline.core.package import (
    FORMAT,
    Manifest,
    PackagedLookup,
    PackagedModel,
    content_digest,
    lookup_id,
)
from scoreline.core.project import Project
from scoreline.core.schema import Column, Schema
from scoreline.core.service import Endpoint, PredictionEndpoint, Service, lookups_of
from scoreline.errors import Invalid, NotFound
from scoreline.lookups.building import build_lookup
from scoreline.storage.archives import SERVICE, file_entries, write_manifest
from scoreline.storage.models import SCORER, ModelStore
from scoreline.storage.tables import Tables
from scoreline.storage.workspace import Workspace

Progress = Callable[[str], None]

_PACKAGING_LIBRARIES = ("lmdb", "msgspec", "scoreline")


@dataclass(frozen=True)
class Workshop:
    """What freezing works with: a project and what was made of it."""

    project: Project
    workspace: Workspace
    tables: Tables
    progress: Progress


@dataclass(frozen=True)
class Label:
    """What a version says of itself beside its content."""

    version: str
    by: str
    release_notes: str = ""


def freeze(workshop: Workshop, service_id: str, label: Label, folder: Path) -> Manifest:
    """Write the package of a service into the empty folder `folder`.

    The same definitions, model versions and rows give the same files and digest. Raises NotFound (service,
    dataset or column not there, nothing built yet) and Invalid (no endpoints, a model without a scorer that
    agrees with it, columns that collide).
    """
    service = resolved(named_service(workshop.project, service_id), service_id, workshop.tables)
    _write_service(service, folder)
    models = {name: _freeze_model(workshop, name, folder) for name in _model_ids(service)}
    lookups = {
        name: _freeze_lookup(workshop, lookup, folder / "lookups" / name)
        for name, lookup in _distinct_lookups(service).items()
    }
    files = file_entries(folder)
    manifest = Manifest(
        format=FORMAT,
        project=workshop.project.settings.id,
        service=service_id,
        version=label.version,
        digest=content_digest(files),
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        created_by=label.by,
        release_notes=label.release_notes,
        models={name: model for name, (model, _) in models.items()},
        lookups=lookups,
        libraries=_libraries([libraries for _, libraries in models.values()]),
        files=files,
    )
    write_manifest(folder, manifest)
    return manifest


def resolved(service: Service, service_id: str, tables: Tables) -> Service:
    """The service as it is frozen: every lookup names its columns, and no two columns get one name."""
    if not service.endpoints:
        raise Invalid(f"service {service_id!r} has no endpoints; add one to services/{service_id}.yaml")
    return msgspec.structs.replace(
        service, endpoints=tuple(_resolved_endpoint(endpoint, tables) for endpoint in service.endpoints)
    )


def named_service(project: Project, service_id: str) -> Service:
    """A service of the project. Raises NotFound, naming the nearest one."""
    service = project.services.get(service_id)
    if service is None:
        raise NotFound(
            f"no service {service_id[:40]!r} in project {project.settings.id!r}; "
            f"{did_you_mean(service_id, project.services)}"
        )
    return service


def _resolved_endpoint(endpoint: Endpoint, tables: Tables) -> Endpoint:
    lookups = tuple(
        _resolved_lookup(lookup, endpoint.id, tables.schema(lookup.dataset))
        for lookup in lookups_of(endpoint)
    )
    taken: dict[str, str] = {}
    for lookup in lookups:
        for column in lookup.columns:
            assert isinstance(column, LookupColumn)
            name = column.output_name
            if name in taken:
                raise Invalid(
                    f"endpoint {endpoint.id!r}: the lookups in {taken[name]!r} and {lookup.dataset!r} "
                    f"both give a column {name!r}; give one of them another name"
                )
            taken[name] = lookup.dataset
    if isinstance(endpoint, PredictionEndpoint):
        return msgspec.structs.replace(endpoint, enrichments=lookups)
    return msgspec.structs.replace(endpoint, lookups=lookups)


def _resolved_lookup(lookup: Lookup, endpoint_id: str, schema: Schema) -> Lookup:
    names = [column.name for column in schema]
    keys = [key.column for key in lookup.keys]
    wanted = lookup.columns
    if wanted == "all":
        wanted = tuple(LookupColumn(column=name) for name in names if name not in keys)
    for name in [*keys, *(column.column for column in wanted)]:
        if name not in names:
            raise NotFound(
                f"endpoint {endpoint_id!r}: dataset {lookup.dataset!r} has no column {name!r}; "
                f"{did_you_mean(name, names)}"
            )
    if not wanted:
        raise Invalid(f"endpoint {endpoint_id!r}: dataset {lookup.dataset!r} has no column beside its key")
    carried = {key.query_name: key.column for key in lookup.keys}
    for column in wanted:
        if carried.get(column.output_name, column.column) != column.column:
            raise Invalid(
                f"endpoint {endpoint_id!r}: column {column.column!r} of {lookup.dataset!r} would get the "
                f"name {column.output_name!r}, under which the query carries the key; give it another name"
            )
    return msgspec.structs.replace(lookup, columns=wanted)


def _write_service(service: Service, folder: Path) -> None:
    text = msgspec.json.format(msgspec.json.encode(service, order="sorted"))
    (folder / SERVICE).write_bytes(text + b"\n")


def _model_ids(service: Service) -> list[str]:
    endpoints = service.endpoints
    return sorted({endpoint.model for endpoint in endpoints if isinstance(endpoint, PredictionEndpoint)})


def _freeze_model(workshop: Workshop, model_id: str, folder: Path) -> tuple[PackagedModel, dict[str, str]]:
    store = ModelStore(workshop.workspace.model(model_id))
    if store.active() is None:
        raise NotFound(
            f"model {model_id!r} is not trained yet; run: scoreline build {model_id}", code="not-built"
        )
    version = store.active_version()
    packaged = packaged_model(model_id, version)
    store.check_files(version.id)
    shutil.copytree(store.path(version.id) / SCORER, folder / "models" / model_id)
    workshop.progress(
        f"model {model_id}: version {version.id}, {packaged.algorithm}, "
        f"compared with the original on {packaged.parity_rows:,} rows"
    )
    return packaged, version.libraries


def packaged_model(model_id: str, version: ModelVersion) -> PackagedModel:
    """What a package says of a model. Raises Invalid for a version without a scorer that agrees with it."""
    parity = version.parity
    if version.scorer is None or parity is None or not parity.passed:
        why = version.scorer_problem or "its scorer was never compared with the original"
        raise Invalid(
            f"model {model_id!r} version {version.id} cannot be packaged: {why}; "
            "activate another version or train another algorithm",
            code="no-scorer",
        )
    return PackagedModel(
        version=version.id,
        digest=version.digest,
        task=version.task.value,
        algorithm=algorithm_name(version.algorithm),
        scorer=version.scorer,
        parity_rows=parity.rows + parity.built_rows,
        parity_max_difference=parity.max_difference,
    )


def _distinct_lookups(service: Service) -> dict[str, Lookup]:
    """By lookup id, sorted; lookups of the same rows are one."""
    lookups = {lookup_id(lookup): lookup for endpoint in service.endpoints for lookup in lookups_of(endpoint)}
    return dict(sorted(lookups.items()))


def _freeze_lookup(workshop: Workshop, lookup: Lookup, folder: Path) -> PackagedLookup:
    tables = workshop.tables
    types = {column.name: column.type for column in tables.schema(lookup.dataset)}
    keys = [key.column for key in lookup.keys]
    assert lookup.columns != "all"
    columns = sorted({column.column for column in lookup.columns})
    digest = tables.digest(lookup.dataset)
    info = build_lookup(
        folder,
        [Column(name, types[name]) for name in keys],
        [Column(name, types[name]) for name in columns],
        tables.rows(lookup.dataset, [*keys, *columns]),
    )
    left_out = f", {info.without_key:,} without a key left out" if info.without_key else ""
    workshop.progress(f"lookup {lookup.dataset}: {info.rows:,} rows by {', '.join(keys)}{left_out}")
    return PackagedLookup(dataset=lookup.dataset, rows=info.rows, digest=info.digest, dataset_digest=digest)


def _libraries(trained_with: list[Mapping[str, str]]) -> dict[str, str]:
    libraries = {"python": platform.python_version()}
    libraries.update((name, library_version(name)) for name in _PACKAGING_LIBRARIES)
    for trained in trained_with:
        libraries.update(trained)
    return dict(sorted(libraries.items()))
