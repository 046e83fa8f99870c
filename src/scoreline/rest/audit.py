"""Routes of the audit."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from scoreline.core.access import WHOLE, Action, Kind, Target, is_allowed, project_target
from scoreline.core.audit import Change
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_from
from scoreline.rest.permissions import allow, find, needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.wire import access
from scoreline.wire.paging import Page

_Who = Annotated[str | None, Query(max_length=200, description="Only what this user did.")]
_On = Annotated[str | None, Query(max_length=200, description="Only changes of this object: `service:ID`, …")]


def routes(audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["access"])

    @router.get(
        "/audit",
        summary="Audit",
        dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE),
        **operation(Page[access.Change]),
    )
    def list_changes(paging: Paging, request: Request, who: _Who = None, on: _On = None) -> Response:
        """What was changed, newest first: by whom, on what, what it was before and after; never a secret.

        For admins; whoever is admin of one object sees what was changed of that.
        """
        if not is_allowed(caller(request), Action.ADMIN, WHOLE):
            allow(request, Action.ADMIN, _target(request, on or ""))
        found = audit.newest(paging.limit + 1, before_id=paging.after_number, who=who, on=on)
        return answer(each(page_from(paging, found, lambda one: one.id), _described))

    return router


def _target(request: Request, on: str) -> Target:
    """What has to be administered to see what was changed of an object. Raises NotFound."""
    kind, _, name = on.partition(":")
    if kind in (Kind.PROJECT.value, Kind.SERVICE.value, Kind.INFRASTRUCTURE.value, Kind.DEPLOYMENT.value):
        return find(request, Kind(kind), name)
    if kind == "scenario":
        return project_target(name.partition("/")[0])
    return WHOLE


def _described(change: Change) -> access.Change:
    return access.Change(**msgspec.structs.asdict(change))
