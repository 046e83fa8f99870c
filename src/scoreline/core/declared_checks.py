"""What must hold for declared deployments: in themselves, and beside what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from scoreline.core.complaint import Spot, repeated
from scoreline.core.declared import (
    SECTIONS,
    Declared,
    DeclaredDeployment,
    DeclaredInfrastructure,
    Present,
    deployment_of,
    infrastructure_of,
)
from scoreline.core.infrastructure import check_infrastructure
from scoreline.core.names import check_id, did_you_mean, shortened
from scoreline.errors import Invalid

_REFERENCES = ("env:", "file:", "secret:")


def own_spots(declared: Declared) -> Iterator[Spot]:
    """What is wrong in a declaration, whatever is there."""
    for position, stage in enumerate(declared.stages or ()):
        yield from _bad_id(stage.id, "a stage", ("stages", position, "id"))
    for position, pool in enumerate(declared.infrastructures or ()):
        yield from _infrastructure_spots(pool, ("infrastructures", position))
    for position, deployment in enumerate(declared.deployments or ()):
        yield from _deployment_spots(deployment, ("deployments", position))
    for section in SECTIONS:
        for position, name in repeated(list(declared.ids(section) or ())):
            yield (section, position), f"{shortened(name)} is declared already"
    places = [_place(one) for one in declared.deployments or ()]
    for position, place in repeated(places):
        yield ("deployments", position), f"another deployment declared here has {place}"


def spots_beside(declared: Declared, present: Present, *, prune: bool) -> Iterator[Spot]:
    """What is wrong in a sound declaration beside what is there: unknown names, and what cannot change."""
    there = {one.id: one for one in present.infrastructures}
    pools = _left(declared.ids("infrastructures"), there, prune)
    stages = _left(declared.ids("stages"), [one.id for one in present.stages], prune)
    for position, pool in enumerate(declared.infrastructures or ()):
        at = ("infrastructures", position)
        yield from _unknown("stage", pool.stage, stages, (*at, "stage"))
        known = there.get(pool.id)
        if known is not None and known.kind != pool.kind:
            yield (*at, "kind"), f"infrastructure {shortened(pool.id)} is of kind {known.kind}, which stays"
    for position, one in enumerate(declared.deployments or ()):
        at = ("deployments", position)
        yield from _unknown("infrastructure", one.infrastructure, pools, (*at, "infrastructure"))
        yield from _version_spots(one, present, at)
        yield from _place_spots(one, declared, present, at, prune=prune)
    yield from _still_used(declared, present, prune=prune)


def _infrastructure_spots(pool: DeclaredInfrastructure, at: tuple[str | int, ...]) -> Iterator[Spot]:
    for position, node in enumerate(pool.nodes):
        yield from _secret_spots(node.admin_key, (*at, "nodes", position, "admin_key"))
    for name, secret in pool.connections.items():
        yield from _secret_spots(secret, (*at, "connections", name))
    try:
        check_infrastructure(infrastructure_of(pool, None))
    except Invalid as error:
        yield at, error.message


def _deployment_spots(one: DeclaredDeployment, at: tuple[str | int, ...]) -> Iterator[Spot]:
    yield from _bad_id(one.service, "a service", (*at, "service"))
    yield from _bad_id(one.infrastructure, "an infrastructure", (*at, "infrastructure"))
    if one.id is not None:
        yield from _bad_id(one.id, "a deployment", (*at, "id"))
    if one.deployed_service is not None:
        yield from _bad_id(one.deployed_service, "a service", (*at, "deployed_service"))
    if (one.version is None) == (one.mapping is None):
        yield at, "give a version or a mapping" + (", not both" if one.version is not None else "")
        return
    try:
        deployment_of(one, None)
    except Invalid as error:
        yield (*at, "mapping"), error.message


def _version_spots(one: DeclaredDeployment, present: Present, at: tuple[str | int, ...]) -> Iterator[Spot]:
    versions = present.versions.get(one.service)
    if versions is None:
        hint = did_you_mean(one.service, present.versions)
        yield (*at, "service"), f"no service {shortened(one.service)} is published; {hint}"
        return
    named = one.mapping or (one.version or "",)
    for version in named:
        if version not in versions:
            where = ("mapping", version) if one.mapping else ("version",)
            hint = did_you_mean(version, versions)
            yield (*at, *where), f"{one.service} {shortened(version)} is not published; {hint}"


def _place_spots(
    one: DeclaredDeployment, declared: Declared, present: Present, at: tuple[str | int, ...], *, prune: bool
) -> Iterator[Spot]:
    """What is in the way: the deployment itself is elsewhere, or another one is in its place."""
    for found in present.deployments:
        same = (one.infrastructure, one.deployed_service or one.service) == (
            found.infrastructure,
            found.deployed_service,
        )
        if found.id == one.name and not (same and found.service == one.service):
            yield (
                at,
                (
                    f"deployment {shortened(one.name)} is of service {found.deployed_service} on "
                    f"{found.infrastructure}, which stays; declare another one under another id"
                ),
            )
        elif same and found.id not in (declared.ids("deployments") or ()) and not prune:
            yield at, f"deployment {shortened(found.id)}, which is not declared, has {_place(one)}"


def _still_used(declared: Declared, present: Present, *, prune: bool) -> Iterator[Spot]:
    """What would be pruned though something needs it that this declaration does not speak of."""
    if not prune:
        return
    if declared.stages is not None and declared.infrastructures is None:
        kept = {one.id for one in declared.stages}
        for pool in present.infrastructures:
            if pool.stage not in kept:
                yield ("stages",), f"infrastructure {shortened(pool.id)} stands in stage {pool.stage!r}"
    if declared.infrastructures is not None and declared.deployments is None:
        kept = {one.id for one in declared.infrastructures}
        for one in present.deployments:
            if one.infrastructure not in kept:
                yield (
                    ("infrastructures",),
                    f"deployment {shortened(one.id)} is on infrastructure {one.infrastructure!r}",
                )


def _left(declared: Collection[str] | None, present: Collection[str], prune: bool) -> set[str]:
    """The ids of a section once it is as declared."""
    return set(declared) if prune and declared is not None else {*(declared or ()), *present}


def _place(one: DeclaredDeployment) -> str:
    return f"service {one.deployed_service or one.service} on {one.infrastructure}"


def _unknown(what: str, name: str, known: Collection[str], at: tuple[str | int, ...]) -> Iterator[Spot]:
    if name not in known:
        yield at, f"there is no {what} {shortened(name)}; {did_you_mean(name, known)}"


def _bad_id(name: str, what: str, at: tuple[str | int, ...]) -> Iterator[Spot]:
    try:
        check_id(name, what)
    except Invalid as error:
        yield at, error.message


def _secret_spots(given: str, at: tuple[str | int, ...]) -> Iterator[Spot]:
    # A message never holds what may be a secret.
    if not given.startswith(_REFERENCES) or given in _REFERENCES:
        yield at, "a secret does not belong into a file; say where it is kept: env:NAME or file:/path"
