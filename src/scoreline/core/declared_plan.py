"""The plan for declared deployments: what is to be made, changed and deleted so that they are there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Literal, TypeVar

from msgspec import Struct

from scoreline.core.declared import Declared, Present, deployment_of, infrastructure_of
from scoreline.core.deployment import Deployment, GenerationsMapping, same_mapping
from scoreline.core.infrastructure import Infrastructure, StaticNode
from scoreline.core.stage import Stage

Noun = Literal["stage", "order of stages", "infrastructure", "deployment"]
T = TypeVar("T")


class Action(Enum):
    """What is to be done with one thing."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    NOTHING = "nothing"
    """It is as declared."""


class Difference(Struct, frozen=True):
    """One thing that is not as declared."""

    what: str
    before: str | None
    """None: it is not there."""
    after: str | None
    """None: it is not to be there."""


class Change(Struct, frozen=True, kw_only=True):
    """What is to be done with one thing, and why."""

    action: Action
    noun: Noun
    id: str
    """Of the order of stages: empty."""
    differences: tuple[Difference, ...] = ()
    wanted: Stage | tuple[str, ...] | Infrastructure | Deployment | None = None
    """As it is to be."""


def plan(declared: Declared, present: Present, *, prune: bool = False) -> tuple[Change, ...]:
    """Every declared thing with what is to be done with it, in the order in which it can be done.

    Without `prune` nothing is deleted; with it, what a declared section does not have. The declaration has
    been checked.
    """
    stages = list(_stages(declared, present))
    pools = list(_infrastructures(declared, present))
    deployments = list(_deployments(declared, present))
    gone: list[Change] = []
    if prune:
        gone = [
            *_gone("deployment", declared.ids("deployments"), present.deployments),
            *_gone("infrastructure", declared.ids("infrastructures"), present.infrastructures),
            *_gone("stage", declared.ids("stages"), present.stages),
        ]
    leaving = {change.id for change in gone if change.noun == "deployment"}
    places = {_place(one) for one in present.deployments if one.id in leaving}
    late = [
        change
        for change in deployments
        if isinstance(change.wanted, Deployment) and _place(change.wanted) in places
    ]
    first = [change for change in deployments if change not in late]
    return (
        *stages,
        *pools,
        *first,
        *(change for change in gone if change.noun == "deployment"),
        *late,  # what goes is in their way
        *(change for change in gone if change.noun != "deployment"),
    )


def to_do(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes that change something."""
    return tuple(change for change in changes if change.action is not Action.NOTHING)


def brings_live(wanted: Deployment) -> bool:
    """Whether a declared deployment needs an update, and not only other settings."""
    return not same_mapping(wanted.mapping, wanted.live) or wanted.enabled != wanted.live_enabled


def _stages(declared: Declared, present: Present) -> Iterator[Change]:
    if declared.stages is None:
        return
    known = {one.id: one for one in present.stages}
    for one in declared.stages:
        found = known.get(one.id)
        before = found.description if found else None
        wanted = Stage(id=one.id, description=(before or "") if one.description is None else one.description)
        differences = _differences({"description": before}, {"description": wanted.description})
        yield _change("stage", one.id, differences, wanted, is_new=found is None)
    ids = [one.id for one in declared.stages]
    there = [one.id for one in present.stages]
    added = [*there, *(name for name in ids if name not in known)]
    if [name for name in added if name in ids] != ids:
        order = (*ids, *(name for name in there if name not in ids))
        moved = Difference("order", ", ".join(there), ", ".join(order))
        yield _change("order of stages", "", (moved,), order, is_new=False)


def _infrastructures(declared: Declared, present: Present) -> Iterator[Change]:
    known = {one.id: one for one in present.infrastructures}
    for one in declared.infrastructures or ():
        found = known.get(one.id)
        wanted = infrastructure_of(one, found)
        differences = _differences(_infrastructure_facts(found), _infrastructure_facts(wanted))
        yield _change("infrastructure", one.id, differences, wanted, is_new=found is None)


def _deployments(declared: Declared, present: Present) -> Iterator[Change]:
    known = {one.id: one for one in present.deployments}
    for one in declared.deployments or ():
        found = known.get(one.name)
        wanted = deployment_of(one, found)
        before, after = _facts(found), _facts(wanted)
        if found is not None:
            before |= {"version": _shown(found.live), "enabled": _enabled(found)}
            if same_mapping(found.live, wanted.mapping):
                after["version"] = before["version"]
                if not same_mapping(found.mapping, wanted.mapping):
                    before["saved version"], after["saved version"] = _shown(found.mapping), after["version"]
        differences = _differences(before, after)
        yield _change("deployment", one.name, differences, wanted, is_new=found is None)


def _place(one: Deployment) -> tuple[str, str]:
    return one.infrastructure, one.deployed_service


def _gone(
    noun: Noun, declared: Sequence[str] | None, present: Sequence[Stage | Infrastructure | Deployment]
) -> Iterator[Change]:
    for one in present:
        if declared is not None and one.id not in declared:
            yield Change(action=Action.DELETE, noun=noun, id=one.id)


def _change(
    noun: Noun,
    id_: str,
    differences: tuple[Difference, ...],
    wanted: Stage | tuple[str, ...] | Infrastructure | Deployment,
    *,
    is_new: bool,
) -> Change:
    changed = Action.CHANGE if differences else Action.NOTHING
    action = Action.CREATE if is_new else changed
    return Change(action=action, noun=noun, id=id_, differences=differences, wanted=wanted)


def _differences(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> tuple[Difference, ...]:
    names = dict.fromkeys((*before, *after))
    pairs = ((name, before.get(name) or None, after.get(name) or None) for name in names)
    return tuple(Difference(name, old, new) for name, old, new in pairs if old != new)


def _infrastructure_facts(found: Infrastructure | None) -> dict[str, str | None]:
    if found is None:
        return {}
    facts: dict[str, str | None] = {"kind": found.kind, "stage": found.stage}
    if found.kind == "local":
        facts["local_nodes"] = str(found.local_nodes)
    facts["nodes"] = ", ".join(_node(node) for node in found.nodes)
    facts["public_url"] = found.public_url
    facts.update({f"connection {name}": secret for name, secret in found.connections.items()})
    return facts


def _node(node: StaticNode) -> str:
    return f"{node.id} {node.url} ({node.admin_key})"


def _facts(found: Deployment | None) -> dict[str, str | None]:
    """What is saved of a deployment."""
    if found is None:
        return {}
    renamed = found.deployed_service != found.service
    return {
        "service": found.service,
        "infrastructure": found.infrastructure,
        "deployed_service": found.deployed_service if renamed else None,
        "version": _shown(found.mapping),
        "enabled": _yes(found.enabled),
        "tags": ", ".join(found.tags),
    }


def _enabled(found: Deployment) -> str:
    """Whether a deployment answers."""
    if found.live is None or found.enabled == found.live_enabled:
        return _yes(found.enabled)
    return f"{_yes(found.live_enabled)}, and saved: {_yes(found.enabled)}"


def _yes(found: bool) -> str:
    return "yes" if found else "no"


def _shown(mapping: GenerationsMapping | None) -> str:
    if mapping is None:
        return "nothing"
    if mapping.version is not None:
        return mapping.version
    return ", ".join(f"{one.generation} {one.proba:.9g}" for one in mapping.entries)
