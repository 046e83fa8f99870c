"""Pages of users and groups, for admins."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.errors import ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.complaints import complaints
from scoreline.ui.differences import Deed, deed
from scoreline.ui.forms import Form
from scoreline.ui.me import once
from scoreline.ui.pages import Ui
from scoreline.wire.access import (
    Change,
    Group,
    Key,
    MadeUser,
    NewGroup,
    NewUser,
    OneTimePassword,
    Role,
    User,
    UserChange,
)
from scoreline.wire.problems import status_of

USERS, GROUPS = "/administration/users", "/administration/groups"
_NAME_FIELDS = {"bad-name": "name", "user-exists": "name", "group-exists": "name"}
_LAST = 20


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_users(ui), *_groups(ui)]


def _users(ui: Ui) -> list[Route]:
    async def show_all(request: Request) -> Response:
        return await _users_page(ui, request, Form({"password": "1"}))

    async def create(request: Request) -> Response:
        form = await ui.form(request)
        wanted = NewUser(name=form.text("name"), password=form.flag("password"))
        try:
            made = await ui.api(request).post("/users", wanted, MadeUser)
        except ScorelineError as error:
            return await _users_page(ui, request, form, error)
        here = path_to("administration", "users", made.user.name)
        if made.one_time_password is None:
            return ui.go(request, here, say=f"{made.user.name} is a user now.")
        return _one_time(ui, request, made.user.name, made.one_time_password, here)

    async def show(request: Request) -> Response:
        name = request.path_params["user"]
        api = ui.api(request)
        user, keys, roles, groups, changes = await asyncio.gather(
            api.get(path_to("users", name), User),
            api.all(path_to("users", name, "keys"), Key),
            api.all("/roles", Role),
            api.all("/groups", Group),
            api.page("/audit", Change, who=name, limit=_LAST),
        )
        subjects = {f"user:{name}", *(f"group:{group}" for group in user.groups)}
        return await ui.page(
            request,
            "administration/user.html",
            title=name,
            section="administration",
            user=user,
            keys=keys,
            roles=[role for role in roles if role.to in subjects],
            others=[group.name for group in groups if group.name not in user.groups],
            deeds=_deeds(changes.items),
        )

    async def enable(request: Request) -> Response:
        return await _set_enabled(ui, request, True)

    async def disable(request: Request) -> Response:
        return await _set_enabled(ui, request, False)

    async def reset(request: Request) -> Response:
        name = request.path_params["user"]
        given = await ui.api(request).post(path_to("users", name, "password"), None, OneTimePassword)
        back = path_to("administration", "users", name)
        return _one_time(ui, request, name, given.one_time_password, back)

    one = f"{USERS}/{{user}}"
    return [
        Route(USERS, show_all),
        Route(USERS, create, methods=["POST"]),
        Route(one, show),
        Route(f"{one}/enable", enable, methods=["POST"]),
        Route(f"{one}/disable", disable, methods=["POST"]),
        Route(f"{one}/password", reset, methods=["POST"]),
    ]


def _groups(ui: Ui) -> list[Route]:
    async def show_all(request: Request) -> Response:
        return await _groups_page(ui, request, Form())

    async def create(request: Request) -> Response:
        form = await ui.form(request)
        try:
            made = await ui.api(request).post("/groups", NewGroup(name=form.text("name")), Group)
        except ScorelineError as error:
            return await _groups_page(ui, request, form, error)
        return ui.go(request, GROUPS, say=f"The group {made.name} is there; now add users to it.")

    async def remove(request: Request) -> Response:
        name = request.path_params["group"]
        await ui.api(request).delete(path_to("groups", name), Group)
        return ui.go(request, GROUPS, say=f"The group {name} is gone, with its roles.")

    async def add(request: Request) -> Response:
        form, group = await ui.form(request), request.path_params["group"]
        user = form.text("user")
        await ui.api(request).put(path_to("groups", group, "users", user), None, Group)
        return ui.go(request, _back(form), say=f"{user} is in {group} now.")

    async def take_out(request: Request) -> Response:
        form, group = await ui.form(request), request.path_params["group"]
        user = form.text("user")
        await ui.api(request).delete(path_to("groups", group, "users", user), Group)
        return ui.go(request, _back(form), say=f"{user} is in {group} no more.")

    one = f"{GROUPS}/{{group}}"
    return [
        Route(GROUPS, show_all),
        Route(GROUPS, create, methods=["POST"]),
        Route(f"{one}/remove", remove, methods=["POST"]),
        Route(f"{one}/add", add, methods=["POST"]),
        Route(f"{one}/take-out", take_out, methods=["POST"]),
    ]


def _back(form: Form) -> str:
    """The page of the user when it was changed there, else that of the groups."""
    return path_to("administration", "users", form.text("user")) if form.flag("from_user") else GROUPS


def _deeds(changes: tuple[Change, ...]) -> list[Deed]:
    return [deed(change) for change in changes]


def _one_time(ui: Ui, request: Request, name: str, password: str, back: str) -> Response:
    return once(ui, request, f"The one-time password of {name}", password, back)


async def _set_enabled(ui: Ui, request: Request, enabled: bool) -> Response:
    name = request.path_params["user"]
    await ui.api(request).patch(path_to("users", name), UserChange(enabled=enabled), User)
    said = f"{name} may sign in again." if enabled else f"{name} is out: his keys and his password stopped."
    return ui.go(request, path_to("administration", "users", name), say=said)


async def _users_page(ui: Ui, request: Request, form: Form, error: ScorelineError | None = None) -> Response:
    users = await ui.api(request).all("/users", User)
    return await ui.page(
        request,
        "administration/users.html",
        title="Users",
        section="administration",
        status=status_of(error) if error else 200,
        users=users,
        form=form,
        errors=complaints(error, _NAME_FIELDS) if error else {},
    )


async def _groups_page(ui: Ui, request: Request, form: Form, error: ScorelineError | None = None) -> Response:
    api = ui.api(request)
    groups, users, roles = await asyncio.gather(
        api.all("/groups", Group), api.all("/users", User), api.all("/roles", Role)
    )
    return await ui.page(
        request,
        "administration/groups.html",
        title="Groups",
        section="administration",
        status=status_of(error) if error else 200,
        groups=groups,
        users=[user.name for user in users],
        roles={group.name: [role for role in roles if role.to == f"group:{group.name}"] for group in groups},
        form=form,
        errors=complaints(error, _NAME_FIELDS) if error else {},
    )
