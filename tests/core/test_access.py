"""Who may do what: the permission table, and the laws that hold whatever was granted."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.core.access import (
    CONTROL_PLANE,
    NEEDED,
    RANK,
    WHOLE,
    Action,
    Caller,
    Kind,
    Place,
    Role,
    Scope,
    Target,
    deployment_target,
    infrastructure_target,
    is_allowed,
    may_somewhere,
    parse_place,
    project_target,
    service_target,
    strongest,
)
from scoreline.core.audit import HIDDEN, LONGEST_TEXT, shown
from scoreline.errors import Invalid

IDS = st.sampled_from(["a", "b", "c"])
PLACES = st.one_of(
    st.just(CONTROL_PLANE),
    st.builds(Place, st.sampled_from([Kind.PROJECT, Kind.SERVICE, Kind.INFRASTRUCTURE]), IDS),
)
ROLES = st.dictionaries(PLACES, st.sampled_from(Role), max_size=5)
SERVICES = st.builds(service_target, IDS, st.one_of(st.none(), IDS))
TARGETS = st.one_of(
    st.just(WHOLE),
    st.builds(project_target, IDS),
    st.builds(lambda project, service: project_target(project, service=service), IDS, IDS),
    SERVICES,
    st.builds(infrastructure_target, IDS),
    st.builds(lambda s, i: deployment_target("d", service=s, infrastructure=i), SERVICES, IDS),
)
SCOPES = st.builds(
    lambda most, services: Scope(most=most, services=services),
    st.sampled_from(Action),
    st.one_of(st.none(), st.lists(IDS, max_size=2).map(tuple)),
)
ACTIONS = st.sampled_from(Action)
ORDER = [Action.VIEW, Action.DEPLOY, Action.ADMIN]


def caller(roles: dict[Place, Role], scope: Scope | None = None) -> Caller:
    return Caller(name="ada", user="ada", roles=roles, scope=scope or Scope())


def told(roles: dict[Place, Role], action: Action, target: Target) -> bool:
    """The table once more, in the plainest words."""
    rank = ORDER.index(action) + 1

    def has(*places: Place | None, at_least: int = rank) -> bool:
        return any(RANK[roles[place]] >= at_least for place in places if place in roles)

    project = None if target.project is None else Place(Kind.PROJECT, target.project)
    service = None if target.service is None else Place(Kind.SERVICE, target.service)
    pool = None if target.infrastructure is None else Place(Kind.INFRASTRUCTURE, target.infrastructure)
    match target.kind:
        case Kind.CONTROL_PLANE:
            return action is Action.VIEW or has(CONTROL_PLANE)
        case Kind.PROJECT:
            return has(project, CONTROL_PLANE)
        case Kind.SERVICE:
            return has(service, project, CONTROL_PLANE)
        case Kind.INFRASTRUCTURE:
            return has(pool, CONTROL_PLANE)
        case Kind.DEPLOYMENT:
            on_pool = has(pool, CONTROL_PLANE, at_least=min(rank, 2))
            return has(service, project, CONTROL_PLANE) and on_pool


def test_the_table_has_every_action_on_every_kind() -> None:
    assert set(NEEDED) == {(kind, action) for kind in Kind for action in Action}


@given(ROLES, ACTIONS, TARGETS)
def test_the_table_says_what_the_words_say(roles: dict[Place, Role], action: Action, target: Target) -> None:
    assert is_allowed(caller(roles), action, target) == told(roles, action, target)


@given(ROLES, TARGETS, SCOPES)
def test_who_may_do_more_may_do_less(roles: dict[Place, Role], target: Target, scope: Scope) -> None:
    allowed = [is_allowed(caller(roles, scope), action, target) for action in ORDER]

    assert allowed == sorted(allowed, reverse=True)


@given(ROLES, PLACES, st.sampled_from(Role), ACTIONS, TARGETS, SCOPES)
def test_another_role_takes_nothing_away(
    roles: dict[Place, Role], place: Place, role: Role, action: Action, target: Target, scope: Scope
) -> None:
    more = strongest([*roles.items(), (place, role)])

    assert is_allowed(caller(roles, scope), action, target) <= is_allowed(caller(more, scope), action, target)


@given(ROLES, ACTIONS, TARGETS, SCOPES)
def test_a_scope_gives_nothing(
    roles: dict[Place, Role], action: Action, target: Target, scope: Scope
) -> None:
    assert is_allowed(caller(roles, scope), action, target) <= is_allowed(caller(roles), action, target)


@given(ACTIONS, TARGETS)
def test_an_admin_of_the_control_plane_may_do_everything(action: Action, target: Target) -> None:
    assert is_allowed(caller({CONTROL_PLANE: Role.ADMIN}), action, target)


@given(ACTIONS, TARGETS)
def test_without_a_role_one_may_only_know_that_the_control_plane_is_there(
    action: Action, target: Target
) -> None:
    assert is_allowed(caller({}), action, target) == ((target, action) == (WHOLE, Action.VIEW))


@given(ACTIONS, TARGETS, st.lists(IDS, max_size=2).map(tuple))
def test_a_key_for_some_services_opens_nothing_of_others(
    action: Action, target: Target, services: tuple[str, ...]
) -> None:
    admin = caller({CONTROL_PLANE: Role.ADMIN}, Scope(services=services))

    if is_allowed(admin, action, target):
        just_seen = action is Action.VIEW and target.kind in (Kind.CONTROL_PLANE, Kind.INFRASTRUCTURE)
        assert just_seen or target.service in services


@given(ROLES, ACTIONS, TARGETS, SCOPES)
def test_whoever_may_do_it_with_one_object_may_do_it_somewhere(
    roles: dict[Place, Role], action: Action, target: Target, scope: Scope
) -> None:
    who = caller(roles, scope)

    assert is_allowed(who, action, target) <= may_somewhere(who, action, target.kind)


@given(st.lists(st.tuples(PLACES, st.sampled_from(Role))))
def test_of_several_roles_the_strongest_counts(grants: list[tuple[Place, Role]]) -> None:
    found = strongest(grants)

    for place, role in found.items():
        assert RANK[role] == max(RANK[other] for where, other in grants if where == place)
    assert set(found) == {place for place, _ in grants}


@given(PLACES)
def test_an_object_is_read_as_it_is_written(place: Place) -> None:
    assert parse_place(str(place)) == place


@pytest.mark.parametrize(
    "text", ["", "service", "service:", "node:a", "control-plane:x", "service:../a", "a:b:c"]
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_place(text)


class Settings(msgspec.Struct):
    id: str
    admin_key: str


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(JSON, st.sampled_from(["password", "admin_key", "hash", "secret", "Token"]))
def test_the_audit_never_holds_a_secret(value: object, name: str) -> None:
    told = shown({"nodes": [{"id": "a", name: "s3cr3t-itself", "other": value}]})

    assert b"s3cr3t-itself" not in msgspec.json.encode(told)
    assert told["nodes"][0][name] == HIDDEN
    assert told["nodes"][0]["id"] == "a"


def test_the_audit_holds_where_a_secret_is_kept() -> None:
    told = shown([Settings("a", "env:NODE_KEY"), Settings("b", "secret:b"), Settings("c", "sk-1234")])

    assert [one["admin_key"] for one in told] == ["env:NODE_KEY", "secret:b", HIDDEN]


def test_the_audit_leaves_out_what_is_too_long() -> None:
    assert shown("x" * (LONGEST_TEXT + 1)) == {"left_out": f"{LONGEST_TEXT + 3} bytes"}
