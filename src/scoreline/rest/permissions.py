"""What each route needs: a statement per route, checked before its function runs.

    @router.get("/services/{service}", dependencies=needs(Action.VIEW, Kind.SERVICE), **operation(…))

A route without a statement fails a test. There are three:

- `needs(action, kind)`: the path names the object, by a parameter called like its kind unless told otherwise;
- `needs_given(action, kind)`: the body names it, or the path leads to it; the function calls `allow`;
- `needs_listed(kind)`: a list; the function leaves out what `sight` says that the caller may not see.

Who may not see an object is told that it is not there (404); who may see it but not do this, 403.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from fastapi import Depends
from starlette.requests import Request

from scoreline.core.access import (
    CONTROL_PLANE,
    WHOLE,
    Action,
    Caller,
    Kind,
    Place,
    Role,
    Target,
    deployment_target,
    infrastructure_target,
    is_allowed,
    may_somewhere,
    parse_place,
    project_target,
    service_target,
)
from scoreline.core.names import did_you_mean, shortened
from scoreline.errors import NotAllowed, NotFound
from scoreline.rest.access import caller
from scoreline.rest.targets import Targets


class Needs:
    """A statement: with objects of which kind a route does what."""

    def __init__(
        self, action: Action, kind: Kind, *, parameter: str | None = None, service: str = ""
    ) -> None:
        self.action = action
        self.kind = kind
        self.parameter = parameter
        """Of the path; None: the path does not name the object."""
        self.service = service
        """The parameter that names a service inside a project, or nothing."""

    def __call__(self, request: Request) -> None:
        """Let the request on to its function. Raises NotFound and NotAllowed."""
        if self.parameter is not None:
            target = find(request, self.kind, request.path_params[self.parameter])
            if self.service:
                target = project_target(target.id, service=request.path_params[self.service])
            allow(request, self.action, target)
        elif self.kind is Kind.CONTROL_PLANE:
            allow(request, self.action, WHOLE)
        elif request.path_params:
            return  # the path leads to it, as a job does to its deployment: the function looks itself
        elif self.action is not Action.VIEW and not may_somewhere(caller(request), self.action, self.kind):
            raise _refused(caller(request), self.action, self.kind.value)


class NeedsNamed:
    """A statement of a route that takes objects of any kind on which roles are granted."""

    def __init__(self, action: Action, parameter: str) -> None:
        self.action = action
        self.parameter = parameter

    def __call__(self, request: Request) -> None:
        """Let the request on to its function. Raises Invalid, NotFound and NotAllowed."""
        place = parse_place(request.path_params[self.parameter])
        if place.kind is Kind.PROJECT:
            # Packages of a project may come before the control plane knows it.
            allow(request, self.action, project_target(place.id))
        else:
            allow(request, self.action, find(request, place.kind, place.id))


def needs(action: Action, kind: Kind, parameter: str | None = None, *, service: str = "") -> Sequence[Any]:
    """The path names the object by `parameter`; for the control plane itself there is none.

    `service` is the parameter of a service inside a project: keys for that service open it, too.
    """
    named = None if kind is Kind.CONTROL_PLANE else parameter or kind.value
    return [Depends(Needs(action, kind, parameter=named, service=service))]


def needs_given(action: Action, kind: Kind) -> Sequence[Any]:
    """The body names the object: whoever may do this with none at all is refused, the rest is for `allow`."""
    return [Depends(Needs(action, kind))]


def needs_named(action: Action, parameter: str) -> Sequence[Any]:
    """The path names the object and its kind by `parameter`, as `service:ID` or `control-plane`."""
    return [Depends(NeedsNamed(action, parameter))]


def needs_listed(kind: Kind) -> Sequence[Any]:
    """A list that everyone may ask for, and of which everyone sees his part."""
    return [Depends(Needs(Action.VIEW, kind))]


def find(request: Request, kind: Kind, target: str) -> Target:
    """An object that the caller may see. Raises NotFound, naming the nearest one that he may."""
    targets: Targets = request.state.targets
    found = targets.one(kind, target)
    if found is not None and is_allowed(caller(request), Action.VIEW, found):
        return found
    seen = [one.id for one in targets.all(kind) if is_allowed(caller(request), Action.VIEW, one)]
    raise NotFound(
        f"no {kind.value} {shortened(target)}; {did_you_mean(target, seen)}", code=f"no-such-{kind.value}"
    )


def allow(request: Request, action: Action, target: Target) -> None:
    """Go on when the caller may do this; else raise NotFound or NotAllowed."""
    who = caller(request)
    if is_allowed(who, action, target):
        return
    if target.kind is not Kind.CONTROL_PLANE and not is_allowed(who, Action.VIEW, target):
        raise NotFound(f"no {target.kind.value} {shortened(target.id)}", code=f"no-such-{target.kind.value}")
    raise _refused(who, action, str(target))


def allow_deploying(request: Request, service: str, infrastructure: str) -> None:
    """Go on when the caller may deploy this there; else raise NotFound or NotAllowed."""
    found = find(request, Kind.SERVICE, service)
    find(request, Kind.INFRASTRUCTURE, infrastructure)
    name = f"{service} on {infrastructure}"
    allow(request, Action.DEPLOY, deployment_target(name, service=found, infrastructure=infrastructure))


def allow_new_service(request: Request, service: str) -> None:
    """Go on when the caller may make this service: whoever deploys in some project makes services to own."""
    who = caller(request)
    if not is_allowed(
        msgspec.structs.replace(who, roles=_EVERY_ROLE), Action.DEPLOY, service_target(service, None)
    ):
        raise _refused(who, Action.DEPLOY, f"service:{service}")


def may_publish(request: Request) -> Callable[[str, str], None]:
    """Raises NotAllowed when the caller may not publish a package of a project as a version of a service.

    It takes the right to deploy the service. A new one is of the project that its first package is of, which
    takes the right to deploy there, and so does a package of another project than those before.
    """
    who, targets = caller(request), request.state.targets

    def permit(service: str, project: str) -> None:
        known = targets.one(Kind.SERVICE, service)
        needed = [known] if known else []
        if known is None or known.project != project:
            needed.append(project_target(project, service=service))
        if not all(is_allowed(who, Action.DEPLOY, target) for target in needed):
            raise _refused(who, Action.DEPLOY, f"service:{service} of project:{project}")

    return permit


class Sight:
    """What a caller may see, for lists."""

    def __init__(self, who: Caller, targets: Targets) -> None:
        self._who = who
        self._services = None if is_allowed(who, Action.VIEW, _ANY) else targets.services()

    def project(self, project: str) -> bool:
        """Whether he may see a project."""
        return is_allowed(self._who, Action.VIEW, project_target(project))

    def service(self, service: str) -> bool:
        """Whether he may see a published service."""
        return self._services is None or is_allowed(self._who, Action.VIEW, self._service(service))

    def infrastructure(self, infrastructure: str) -> bool:
        """Whether he may see an infrastructure."""
        return is_allowed(self._who, Action.VIEW, infrastructure_target(infrastructure))

    def deployment(self, service: str, infrastructure: str) -> bool:
        """Whether he may see the deployments of a service on an infrastructure."""
        if self._services is None:
            return True
        target = deployment_target("", service=self._service(service), infrastructure=infrastructure)
        return is_allowed(self._who, Action.VIEW, target)

    def _service(self, service: str) -> Target:
        assert self._services is not None
        return self._services.get(service) or service_target(service, None)


def is_admin_of(request: Request) -> Callable[[Place], bool]:
    """Tells of objects on which roles are granted whether the caller is admin of them."""
    targets: Targets = request.state.targets
    services: dict[str, Target] = {}

    def is_admin(place: Place) -> bool:
        target = Target(
            kind=place.kind,
            id=place.id,
            project=place.id if place.kind is Kind.PROJECT else None,
            infrastructure=place.id if place.kind is Kind.INFRASTRUCTURE else None,
        )
        if place.kind is Kind.SERVICE:
            if not services:
                services.update(targets.services())
            target = services.get(place.id) or service_target(place.id, None)
        return is_allowed(caller(request), Action.ADMIN, target)

    return is_admin


def sight(request: Request) -> Sight:
    """What the caller of a request may see."""
    return Sight(caller(request), request.state.targets)


_EVERY_ROLE = {CONTROL_PLANE: Role.ADMIN}
_ANY = deployment_target("", service=service_target("", None), infrastructure="")
"""Who may see a deployment that nobody has a role on, sees them all."""


def _refused(who: Caller, action: Action, what: str) -> NotAllowed:
    if not who.scope.is_whole:
        return NotAllowed(f"the key {who.key!r} is not for this: {action.value} {what}", code="out-of-scope")
    return NotAllowed(
        f"{who.name} may not do this: it needs the role {action.value!r} on {what}; ask an admin of it",
        code="no-right",
    )
