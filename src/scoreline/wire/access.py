"""Messages about access: users, groups, roles, keys and the audit."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

RoleName = Literal["view", "deploy", "admin"]


class User(Struct, frozen=True, kw_only=True):
    """Somebody who may sign in, with a password or with personal keys."""

    name: str
    enabled: bool
    must_change: bool
    """His password is a one-time password: he can only change it."""
    has_password: bool
    created_at: str
    groups: tuple[str, ...]


class NewUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to be made."""

    name: str
    password: bool = True
    """Whether he gets a one-time password; false: he comes with keys only."""


class MadeUser(Struct, frozen=True, kw_only=True):
    """A user, and how he signs in the first time."""

    user: User
    one_time_password: str | None
    """Shown this once. Null: he has none."""


class UserChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a user."""

    enabled: bool


class OneTimePassword(Struct, frozen=True, kw_only=True):
    """A password that has to be changed at the first sign-in. It is shown this once."""

    one_time_password: str


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The caller's own password, and the one that he wants."""

    old: str
    new: str


class NewSession(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user who signs in with a browser."""

    name: str
    password: str


class Session(Struct, frozen=True, kw_only=True):
    """A session of a browser. What carries it is in the cookie `scoreline_session` of the answer."""

    user: str
    must_change: bool
    """He came with a one-time password, and may only change it."""
    created_at: str
    ends_at: str
    """At the latest; it ends after 12 hours without use, too."""
    csrf: str
    """What a request of this session that changes something carries as the header `X-CSRF-Token`."""


class SessionEnd(Struct, frozen=True, kw_only=True):
    """What came of signing out."""

    ended: bool
    """False: the request came with no session."""


class Role(Struct, frozen=True, kw_only=True):
    """A role of somebody on an object."""

    on: str
    """`project:ID`, `service:ID`, `infrastructure:ID`, or `control-plane`, which counts everywhere."""
    to: str
    """`user:NAME` or `group:NAME`."""
    role: RoleName


class NewRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The role to be granted."""

    role: RoleName


class Me(Struct, frozen=True, kw_only=True):
    """Who asks, and what he may."""

    name: str
    user: str | None
    """Null: a program of the control plane's machine, or anyone in the open mode."""
    key: str
    """Label of the key he came with; empty when he came with his password."""
    groups: tuple[str, ...]
    roles: dict[str, RoleName]
    """Object -> the strongest role on it, his own or of his groups."""
    most: RoleName
    """What the scope of the key allows at most."""
    services: tuple[str, ...] | None
    """The services that the scope of the key is for; null: everything."""


class Group(Struct, frozen=True, kw_only=True):
    """Users who are granted roles together."""

    name: str
    users: tuple[str, ...]


class NewGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group to be made."""

    name: str


class Key(Struct, frozen=True, kw_only=True):
    """What is known of a personal key."""

    id: int
    label: str
    user: str | None
    most: RoleName
    """What it can be used for at most, whatever the roles of its owner."""
    services: tuple[str, ...] | None
    """The services that it is for; null: everything."""
    created_at: str
    expires_at: str | None
    """By the wall clock of the control plane; null: never."""
    last_used_at: str | None
    """To the minute; null: never."""


class NewKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A personal key to be made."""

    label: str
    user: str | None = None
    """Null: the caller's own; of a program on the control plane's machine, the first admin's."""
    most: RoleName = "admin"
    services: tuple[str, ...] | None = None
    days: float | None = None
    """How long it is good; null: until it is revoked."""


class MadeKey(Struct, frozen=True, kw_only=True):
    """A personal key. It is shown this once."""

    key: str
    about: Key


class Change(Struct, frozen=True, kw_only=True):
    """One change of the control plane."""

    id: int
    at: str
    who: str
    key: str
    """Label of the key he came with; empty when he came with his password, or with nothing."""
    address: str
    """Where the request came from; empty for what the control plane did by itself."""
    what: str
    on: str
    before: Any
    after: Any
