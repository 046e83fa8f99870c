"""People: users, the groups they are in, the roles they are granted, and the keys they carry."""

from __future__ import annotations

import re
from enum import Enum

from msgspec import Struct

from scoreline.core.access import EVERYTHING, Place, Role, Scope
from scoreline.core.names import ID_RULE, is_id, shortened
from scoreline.errors import Invalid

FIRST_ADMIN = "admin"
"""The user that a new control plane begins with."""

MACHINE = "machine"
"""Label of the key that programs on the control plane's own machine use."""

LEAST_PASSWORD = 12
MOST_PASSWORD = 1_024
"""Characters of a password."""

_LONGEST_LABEL = 100


class SubjectKind(Enum):
    """Who can be granted a role."""

    USER = "user"
    GROUP = "group"


class Subject(Struct, frozen=True, order=True):
    """A user or a group, as somebody who is granted a role."""

    kind: SubjectKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}"


class User(Struct, frozen=True, kw_only=True):
    """Somebody who may sign in, with a password or with personal keys."""

    name: str
    enabled: bool = True
    must_change: bool = False
    """His password is a one-time password: he can only change it."""
    has_password: bool = False
    created_at: str
    groups: tuple[str, ...] = ()


class Group(Struct, frozen=True, kw_only=True):
    """Users who are granted roles together."""

    name: str
    users: tuple[str, ...] = ()


class Grant(Struct, frozen=True, kw_only=True):
    """A role of somebody on an object. There is at most one for both."""

    on: Place
    to: Subject
    role: Role


class PersonalKey(Struct, frozen=True, kw_only=True):
    """What is known of a key; the key itself is shown once and not kept."""

    id: int
    label: str
    user: str | None
    """None: the key of the machine."""
    scope: Scope = EVERYTHING
    created_at: str
    expires_at: str | None = None
    """ISO 8601, UTC; by the wall clock of the control plane."""
    last_used_at: str | None = None
    """To the minute."""


def check_user_name(name: str) -> str:
    """The name if a user or a group can have it, else Invalid."""
    # With Basic authorization a colon ends the name.
    if is_id(name):
        return name
    raise Invalid(f"{shortened(name)} cannot be a name: {ID_RULE}", code="bad-name")


def check_label(label: str) -> str:
    """The label if a key can have it, else Invalid."""
    if 0 < len(label) <= _LONGEST_LABEL and label.isprintable() and label == label.strip():
        return label
    raise Invalid(f"a label has 1 to {_LONGEST_LABEL} printable characters", code="bad-label")


def check_password(password: str, user: str) -> str:
    """The password if it is good enough, else Invalid. The message never holds it."""
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise Invalid(f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters", code="bad-password")
    if password.casefold() == user.casefold() or len(set(password)) < 4:
        raise Invalid("this password is too easy to guess; take another one", code="bad-password")
    return password


def parse_subject(text: str) -> Subject:
    """`user:NAME` or `group:NAME`. Raises Invalid."""
    found = re.fullmatch(r"(user|group):(.+)", text)
    if found is None:
        raise Invalid(f"{shortened(text)}: write user:NAME or group:NAME", code="bad-subject")
    return Subject(SubjectKind(found[1]), check_user_name(found[2]))
