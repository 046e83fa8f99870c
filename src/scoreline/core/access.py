"""Access: who may do what with which object. Pure: the tables below and two functions that read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from msgspec import Struct

from scoreline.core.names import check_id, shortened
from scoreline.errors import Invalid


class Role(Enum):
    """What somebody was granted on an object; each one includes those before it."""

    VIEW = "view"
    """See it."""
    DEPLOY = "deploy"
    """Change what it serves: publish, deploy, update, roll back."""
    ADMIN = "admin"
    """Change what it is, delete it, and grant roles on it."""


class Action(Enum):
    """What somebody wants to do with an object; the words are those of the roles."""

    VIEW = "view"
    DEPLOY = "deploy"
    ADMIN = "admin"


class Kind(Enum):
    """Kinds of objects."""

    CONTROL_PLANE = "control-plane"
    """The whole: users, groups, roles, keys of others, stages, audit. A role on it counts everywhere."""
    PROJECT = "project"
    SERVICE = "service"
    INFRASTRUCTURE = "infrastructure"
    DEPLOYMENT = "deployment"
    """Nobody is granted a role on it: those on its service and on its infrastructure count."""


RANK = {Role.VIEW: 1, Role.DEPLOY: 2, Role.ADMIN: 3}
_ACTION_RANK = {Action.VIEW: 1, Action.DEPLOY: 2, Action.ADMIN: 3}

NEEDED: Mapping[tuple[Kind, Action], tuple[tuple[Kind, Role], ...]] = {
    (Kind.CONTROL_PLANE, Action.VIEW): (),  # whoever has a good key
    (Kind.CONTROL_PLANE, Action.DEPLOY): ((Kind.CONTROL_PLANE, Role.DEPLOY),),
    (Kind.CONTROL_PLANE, Action.ADMIN): ((Kind.CONTROL_PLANE, Role.ADMIN),),
    (Kind.PROJECT, Action.VIEW): ((Kind.PROJECT, Role.VIEW),),
    (Kind.PROJECT, Action.DEPLOY): ((Kind.PROJECT, Role.DEPLOY),),
    (Kind.PROJECT, Action.ADMIN): ((Kind.PROJECT, Role.ADMIN),),
    (Kind.SERVICE, Action.VIEW): ((Kind.SERVICE, Role.VIEW),),
    (Kind.SERVICE, Action.DEPLOY): ((Kind.SERVICE, Role.DEPLOY),),
    (Kind.SERVICE, Action.ADMIN): ((Kind.SERVICE, Role.ADMIN),),
    (Kind.INFRASTRUCTURE, Action.VIEW): ((Kind.INFRASTRUCTURE, Role.VIEW),),
    (Kind.INFRASTRUCTURE, Action.DEPLOY): ((Kind.INFRASTRUCTURE, Role.DEPLOY),),
    (Kind.INFRASTRUCTURE, Action.ADMIN): ((Kind.INFRASTRUCTURE, Role.ADMIN),),
    (Kind.DEPLOYMENT, Action.VIEW): ((Kind.SERVICE, Role.VIEW), (Kind.INFRASTRUCTURE, Role.VIEW)),
    (Kind.DEPLOYMENT, Action.DEPLOY): ((Kind.SERVICE, Role.DEPLOY), (Kind.INFRASTRUCTURE, Role.DEPLOY)),
    (Kind.DEPLOYMENT, Action.ADMIN): ((Kind.SERVICE, Role.ADMIN), (Kind.INFRASTRUCTURE, Role.DEPLOY)),
}
"""The permission table: all of these roles are needed for this action on an object of this kind."""

WITHIN: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.CONTROL_PLANE: (),
    Kind.PROJECT: (Kind.CONTROL_PLANE,),
    Kind.SERVICE: (Kind.PROJECT, Kind.CONTROL_PLANE),
    Kind.INFRASTRUCTURE: (Kind.CONTROL_PLANE,),
}
"""Kinds on whose objects a role may be granted -> kinds of the objects around them, where it counts, too."""


class Place(Struct, frozen=True, order=True):
    """An object on which roles are granted."""

    kind: Kind
    id: str = ""
    """Empty for the control plane itself."""

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}" if self.id else self.kind.value


CONTROL_PLANE = Place(Kind.CONTROL_PLANE)


def parse_place(text: str) -> Place:
    """`project:ID`, `service:ID`, `infrastructure:ID` or `control-plane`. Raises Invalid."""
    kind, _, name = text.partition(":")
    if text == Kind.CONTROL_PLANE.value:
        return CONTROL_PLANE
    if kind in (Kind.PROJECT.value, Kind.SERVICE.value, Kind.INFRASTRUCTURE.value):
        return Place(Kind(kind), check_id(name, f"a {kind}"))
    raise Invalid(
        f"{shortened(text)}: write project:ID, service:ID, infrastructure:ID or control-plane",
        code="bad-object",
    )


class Target(Struct, frozen=True, kw_only=True):
    """What somebody wants to act on, with what is around it."""

    kind: Kind
    id: str = ""
    project: str | None = None
    """The project it is of: a service by the package that was published first. None: of none."""
    service: str | None = None
    infrastructure: str | None = None

    def place(self, kind: Kind) -> Place | None:
        """The object of this kind that it is, or that is around it."""
        if kind is Kind.CONTROL_PLANE:
            return CONTROL_PLANE
        ids = {
            Kind.PROJECT: self.project,
            Kind.SERVICE: self.service,
            Kind.INFRASTRUCTURE: self.infrastructure,
        }
        found = ids[kind]
        return None if found is None else Place(kind, found)

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}" if self.id else self.kind.value


WHOLE = Target(kind=Kind.CONTROL_PLANE)
"""The control plane as what somebody acts on."""


def project_target(project: str, *, service: str | None = None) -> Target:
    """A project, or what belongs to one of its services there: a key for that service opens it, too."""
    return Target(kind=Kind.PROJECT, id=project, project=project, service=service)


def service_target(service: str, project: str | None) -> Target:
    """A published service."""
    return Target(kind=Kind.SERVICE, id=service, service=service, project=project)


def infrastructure_target(infrastructure: str) -> Target:
    """An infrastructure."""
    return Target(kind=Kind.INFRASTRUCTURE, id=infrastructure, infrastructure=infrastructure)


def deployment_target(deployment: str, *, service: Target, infrastructure: str) -> Target:
    """A deployment of a service on an infrastructure."""
    return Target(
        kind=Kind.DEPLOYMENT,
        id=deployment,
        service=service.service,
        project=service.project,
        infrastructure=infrastructure,
    )


class Scope(Struct, frozen=True, kw_only=True):
    """What a key may be used for, whatever the rights of its owner."""

    most: Action = Action.ADMIN
    """This action and those below it."""
    services: tuple[str, ...] | None = None
    """Only these services, what they have in their projects, and their deployments. None: everything."""

    @property
    def is_whole(self) -> bool:
        """Whether it takes nothing away."""
        return self.most is Action.ADMIN and self.services is None


EVERYTHING = Scope()


class Caller(Struct, frozen=True, kw_only=True):
    """Who asks, and what he may."""

    name: str
    """As histories show him."""
    user: str | None = None
    """None: a program of this machine, or anyone in the open mode."""
    key: str = ""
    """The label of the key he came with; empty when he came with his password, or with nothing."""
    groups: frozenset[str] = frozenset()
    roles: Mapping[Place, Role] = {}
    """The strongest role on each object, his own and those of his groups."""
    scope: Scope = EVERYTHING
    expires_at: str | None = None
    """When his key ends: ISO 8601, UTC."""
    must_change: bool = False
    """He came with a one-time password, and may only change it."""


def is_allowed(caller: Caller, action: Action, target: Target) -> bool:
    """Whether the caller may do this: his roles suffice, and the scope of his key covers it."""
    return _is_in_scope(caller.scope, action, target) and all(
        _has_role(caller.roles, kind, role, target) for kind, role in NEEDED[target.kind, action]
    )


def may_somewhere(caller: Caller, action: Action, kind: Kind) -> bool:
    """Whether there may be an object of this kind with which the caller may do this."""
    if _ACTION_RANK[action] > _ACTION_RANK[caller.scope.most]:
        return False
    return all(
        any(
            place.kind in (one, *WITHIN[one]) and RANK[held] >= RANK[role]
            for place, held in caller.roles.items()
        )
        for one, role in NEEDED[kind, action]
    )


def strongest(grants: Iterable[tuple[Place, Role]]) -> dict[Place, Role]:
    """For each object the strongest of the roles granted on it."""
    found: dict[Place, Role] = {}
    for place, role in grants:
        if place not in found or RANK[role] > RANK[found[place]]:
            found[place] = role
    return found


def _has_role(roles: Mapping[Place, Role], kind: Kind, needed: Role, target: Target) -> bool:
    around = (target.place(one) for one in (kind, *WITHIN[kind]))
    held = (roles.get(place) for place in around if place is not None)
    return any(role is not None and RANK[role] >= RANK[needed] for role in held)


def _is_in_scope(scope: Scope, action: Action, target: Target) -> bool:
    if _ACTION_RANK[action] > _ACTION_RANK[scope.most]:
        return False
    if scope.services is None or target.service in scope.services:
        return True
    return action is Action.VIEW and target.kind in (Kind.CONTROL_PLANE, Kind.INFRASTRUCTURE)
