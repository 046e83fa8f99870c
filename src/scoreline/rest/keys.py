"""Routes of personal keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import WHOLE, Action, Kind, Scope
from scoreline.core.user import PersonalKey
from scoreline.deployer.keys import Keys
from scoreline.deployer.users import Users
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer, answer_once, read_json
from scoreline.rest.numbers import Number
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_from
from scoreline.rest.permissions import allow, needs
from scoreline.wire import access
from scoreline.wire.paging import Page

_Everyone = Annotated[bool, Query(description="Those of everyone, for admins.")]


def routes(keys: Keys, users: Users) -> APIRouter:
    """The routes. Everyone has keys of his own; those of others are for admins."""
    router = APIRouter(tags=["access"])
    everyone = needs(Action.VIEW, Kind.CONTROL_PLANE)

    @router.get("/keys", summary="My keys", dependencies=everyone, **operation(Page[access.Key]))
    def list_keys(paging: Paging, request: Request, everyone: _Everyone = False) -> Response:
        """The caller's own keys, oldest first; those of everyone for programs on the machine itself."""
        if everyone:
            allow(request, Action.ADMIN, WHOLE)
        owner = None if everyone else caller(request).user
        found = keys.all(owner, after=paging.after_number, limit=paging.limit + 1)
        return answer(each(page_from(paging, found, lambda one: one.id), _described))

    @router.get(
        "/users/{user}/keys",
        summary="Keys of a user",
        dependencies=needs(Action.ADMIN, Kind.CONTROL_PLANE),
        **operation(Page[access.Key]),
    )
    def list_keys_of(user: str, paging: Paging) -> Response:
        """The keys of a user, oldest first."""
        found = keys.all(users.one(user).name, after=paging.after_number, limit=paging.limit + 1)
        return answer(each(page_from(paging, found, lambda one: one.id), _described))

    @router.post(
        "/keys",
        summary="Make a key",
        dependencies=everyone,
        **operation(access.MadeKey, status=201, body=access.NewKey),
    )
    async def create_key(request: Request) -> Response:
        """Make a personal key. It is shown this once; only its hash is kept."""
        wanted = await read_json(request, access.NewKey)
        made, key = await run_in_threadpool(
            keys.create,
            caller(request),
            wanted.label,
            user=wanted.user,
            scope=Scope(most=Action(wanted.most), services=wanted.services),
            days=wanted.days,
        )
        return answer_once(access.MadeKey(key=key, about=_described(made)), 201)

    @router.delete("/keys/{key}", summary="Revoke a key", dependencies=everyone, **operation(access.Key))
    def revoke_key(key: Number, request: Request) -> Response:
        """Let a key open nothing any more, and answer what it was."""
        return answer(_described(keys.revoke(caller(request), key)))

    return router


def _described(key: PersonalKey) -> access.Key:
    return access.Key(
        id=key.id,
        label=key.label,
        user=key.user,
        most=key.scope.most.value,
        services=key.scope.services,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )
