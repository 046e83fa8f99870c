"""What changed from one version of a service to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from scoreline.core.package import Manifest
from scoreline.core.service import Endpoint, Service


class EndpointChange(Struct, frozen=True, kw_only=True):
    """An endpoint that is in both versions, and not the same."""

    id: str
    settings: tuple[str, ...]
    """Names of the settings that differ, such as `model`, `enrichments`, `test_queries`."""


class ModelChange(Struct, frozen=True, kw_only=True):
    """A model that came, went or is another version."""

    id: str
    before: str | None
    """Its version; None: the version of the service before had no such model."""
    after: str | None
    """None: it is gone."""
    algorithm_before: str | None = None
    algorithm_after: str | None = None


class LookupChange(Struct, frozen=True, kw_only=True):
    """Rows of a dataset that came, went or are others."""

    id: str
    dataset: str
    rows_before: int | None
    """None: they were not there."""
    rows_after: int | None
    """None: they are gone."""


class LibraryChange(Struct, frozen=True, kw_only=True):
    """A library of the training or the packaging in another version."""

    name: str
    before: str | None
    after: str | None


class VersionChanges(Struct, frozen=True, kw_only=True):
    """Everything that differs; empty where nothing does."""

    endpoints_added: tuple[str, ...] = ()
    endpoints_removed: tuple[str, ...] = ()
    endpoints_changed: tuple[EndpointChange, ...] = ()
    settings: tuple[str, ...] = ()
    """Names of the service's own settings that differ, such as `authorization`."""
    models: tuple[ModelChange, ...] = ()
    lookups: tuple[LookupChange, ...] = ()
    libraries: tuple[LibraryChange, ...] = ()


def changes_between(before: tuple[Manifest, Service], after: tuple[Manifest, Service]) -> VersionChanges:
    """What changed from `before` to `after`. Names are in the order of the newer one, then of the older."""
    (old_manifest, old_service), (manifest, service) = before, after
    old_endpoints = {endpoint.id: endpoint for endpoint in old_service.endpoints}
    endpoints = {endpoint.id: endpoint for endpoint in service.endpoints}
    return VersionChanges(
        endpoints_added=tuple(name for name in endpoints if name not in old_endpoints),
        endpoints_removed=tuple(name for name in old_endpoints if name not in endpoints),
        endpoints_changed=tuple(_endpoints(old_endpoints, endpoints)),
        settings=_differing(
            msgspec.structs.replace(old_service, endpoints=()), msgspec.structs.replace(service, endpoints=())
        ),
        models=tuple(_models(old_manifest, manifest)),
        lookups=tuple(_lookups(old_manifest, manifest)),
        libraries=tuple(
            LibraryChange(name=name, before=old, after=new)
            for name, old, new in _pairs(old_manifest.libraries, manifest.libraries)
            if old != new
        ),
    )


def _endpoints(before: Mapping[str, Endpoint], after: Mapping[str, Endpoint]) -> Iterator[EndpointChange]:
    for name, endpoint in after.items():
        old = before.get(name)
        if old is None or old == endpoint:
            continue
        same_kind = type(old) is type(endpoint)
        settings = _differing(old, endpoint) if same_kind else ("kind",)
        yield EndpointChange(id=name, settings=settings)


def _models(before: Manifest, after: Manifest) -> Iterator[ModelChange]:
    for name, old, new in _pairs(before.models, after.models):
        if old is None or new is None or (old.version, old.digest) != (new.version, new.digest):
            yield ModelChange(
                id=name,
                before=old.version if old else None,
                after=new.version if new else None,
                algorithm_before=old.algorithm if old else None,
                algorithm_after=new.algorithm if new else None,
            )


def _lookups(before: Manifest, after: Manifest) -> Iterator[LookupChange]:
    for name, old, new in _pairs(before.lookups, after.lookups):
        if old is None or new is None or old.digest != new.digest:
            yield LookupChange(
                id=name,
                dataset=(new or old).dataset,
                rows_before=old.rows if old else None,
                rows_after=new.rows if new else None,
            )


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each name with what it was and what it is; None where it is not there."""
    for name in [*after, *(name for name in before if name not in after)]:
        yield name, before.get(name), after.get(name)


def _differing(one: Struct, other: Struct) -> tuple[str, ...]:
    """The fields in which two values of the same type differ."""
    return tuple(name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name))
