"""Who may see which change: those who may see its object, as it is or as it was."""

from __future__ import annotations

from typing import Any

from scoreline.core.access import (
    WHOLE,
    Action,
    Caller,
    Kind,
    Target,
    deployment_target,
    infrastructure_target,
    is_allowed,
    project_target,
    service_target,
)
from scoreline.core.audit import Change
from scoreline.rest.targets import Targets

_FOR_EVERYONE = frozenset(("stage",))


def may_see(who: Caller, targets: Targets, change: Change) -> bool:
    """Whether the caller may see that this was changed. Users, keys and roles are for admins of the whole."""
    kind, _, name = change.on.partition(":")
    if kind in _FOR_EVERYONE:
        return is_allowed(who, Action.VIEW, WHOLE)
    target = _target(targets, kind, name, change)
    if target is None:
        return is_allowed(who, Action.ADMIN, WHOLE)
    return is_allowed(who, Action.VIEW, target)


def _target(targets: Targets, kind: str, name: str, change: Change) -> Target | None:
    if kind == Kind.PROJECT.value:
        return project_target(name)
    if kind == "scenario":
        return project_target(name.partition("/")[0])
    if kind == Kind.INFRASTRUCTURE.value:
        return infrastructure_target(name)
    if kind == Kind.SERVICE.value:
        return targets.one(Kind.SERVICE, name) or service_target(name, None)
    if kind != Kind.DEPLOYMENT.value:
        return None
    return targets.one(Kind.DEPLOYMENT, name) or _former_deployment(targets, name, change)


def _former_deployment(targets: Targets, name: str, change: Change) -> Target | None:
    """A deployment that is not there any more, by what the change says of it."""
    said: Any = change.before if isinstance(change.before, dict) else change.after
    if not isinstance(said, dict):
        return None
    service, infrastructure = said.get("service"), said.get("infrastructure")
    if not isinstance(service, str) or not isinstance(infrastructure, str):
        return None
    found = targets.one(Kind.SERVICE, service) or service_target(service, None)
    return deployment_target(name, service=found, infrastructure=infrastructure)
