"""What who looks at a page may not do there, said before he tries."""

from __future__ import annotations

from collections.abc import Mapping

from scoreline.core.access import (
    NEEDED,
    RANK,
    Action,
    Caller,
    Kind,
    Role,
    Scope,
    Target,
    is_allowed,
    parse_place,
)
from scoreline.wire.access import Me

_WHAT = {
    Kind.PROJECT: {
        Action.DEPLOY: "To build, run, make versions or publish here",
        Action.ADMIN: "To change what is defined here",
    },
    Kind.SERVICE: {
        Action.DEPLOY: "To publish or deploy it",
        Action.ADMIN: "To prune or delete it",
    },
    Kind.INFRASTRUCTURE: {
        Action.DEPLOY: "To deploy on it",
        Action.ADMIN: "To change or delete it",
    },
    Kind.DEPLOYMENT: {
        Action.DEPLOY: "To update, test or change it",
        Action.ADMIN: "To delete it",
    },
}


def lacking(me: Me | None, about: Mapping[str, str]) -> str:
    """What somebody may not do with what a page is about, and what it takes; empty: nothing that is known.

    `about`: `project`, `service`, `infrastructure` -> id, of what the page shows and of what is around it.
    """
    if me is None or not about:
        return ""
    target = _target(about)
    caller = Caller(
        name=me.name,
        roles={parse_place(place): Role(role) for place, role in me.roles.items()},
        scope=Scope(most=Action(me.most), services=me.services),
    )
    for action, what in _WHAT[target.kind].items():
        if not is_allowed(caller, action, target) and not _may_be_by_project(caller, action, target):
            return f"{what}, you need {_needed(action, target)}{_or_key(me)}."
    return ""


def _target(about: Mapping[str, str]) -> Target:
    if "service" in about and "infrastructure" in about:
        kind = Kind.DEPLOYMENT
    else:
        kind = next(one for one in (Kind.SERVICE, Kind.INFRASTRUCTURE, Kind.PROJECT) if one.value in about)
    return Target(
        kind=kind,
        project=about.get("project"),
        service=about.get("service"),
        infrastructure=about.get("infrastructure"),
    )


def _may_be_by_project(caller: Caller, action: Action, target: Target) -> bool:
    """A role on a project counts for its services, and not every page knows the project of a service."""
    if target.service is None or target.project is not None:
        return False
    of_projects = [role for place, role in caller.roles.items() if place.kind is Kind.PROJECT]
    needed = [role for kind, role in NEEDED[target.kind, action] if kind is Kind.SERVICE]
    return any(RANK[held] >= RANK[role] for held in of_projects for role in needed)


def _needed(action: Action, target: Target) -> str:
    roles = [f"the role {role.value} on {target.place(kind)}" for kind, role in NEEDED[target.kind, action]]
    return " and ".join(roles)


def _or_key(me: Me) -> str:
    return "" if me.most == "admin" and me.services is None else ", and a key whose scope allows it"
