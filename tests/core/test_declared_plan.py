"""The plan for declared deployments leads from what is there to what is declared, and then to nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scoreline.core.declared import (
    Declared,
    DeclaredDeployment,
    DeclaredInfrastructure,
    DeclaredNode,
    DeclaredStage,
    Present,
)
from scoreline.core.declared_checks import own_spots, spots_beside
from scoreline.core.declared_plan import Action, Change, brings_live, plan, to_do
from scoreline.core.deployment import Deployment, GenerationsMapping, MappingEntry, single
from scoreline.core.infrastructure import Infrastructure, SecretReference, StaticNode
from scoreline.core.stage import Stage

STAGES = ("Development", "Test", "Production", "Spare")
POOLS = ("local", "east", "west")
SERVICES = ("fraud", "churn")
VERSIONS = ("v1", "v2", "v3")
URLS = tuple(f"http://10.0.0.{n}:8470" for n in range(1, 4))
KEYS = ("env:FIRST", "file:/keys/second")


def present_nothing() -> Present:
    return Present(stages=(), infrastructures=(), deployments=(), versions=dict.fromkeys(SERVICES, VERSIONS))


shares = st.sampled_from([{"v1": 1.0}, {"v1": 0.5, "v2": 0.5}, {"v2": 0.25, "v3": 0.75}, {"v3": 1.0}])


@st.composite
def pools(draw: Any, id_: str) -> DeclaredInfrastructure:
    stage, public = draw(st.sampled_from(STAGES)), draw(st.sampled_from([None, "https://api.example.com"]))
    if draw(st.booleans()):
        return DeclaredInfrastructure(
            id=id_, stage=stage, public_url=public, local_nodes=draw(st.integers(1, 3))
        )
    urls = draw(st.lists(st.sampled_from(URLS), unique=True))
    nodes = tuple(DeclaredNode(url=url, admin_key=draw(st.sampled_from(KEYS))) for url in urls)
    connections = draw(st.dictionaries(st.sampled_from(["bank", "cards"]), st.sampled_from(KEYS)))
    return DeclaredInfrastructure(
        id=id_, kind="static", stage=stage, nodes=nodes, public_url=public, connections=connections
    )


@st.composite
def declarations(draw: Any) -> Declared:
    """Sound ones; sections may be left out."""
    ids = draw(st.lists(st.sampled_from(STAGES), unique=True))
    stages = tuple(DeclaredStage(id=one, description=draw(st.sampled_from([None, "", "x"]))) for one in ids)
    named = draw(st.lists(st.sampled_from(POOLS), unique=True))
    places = draw(st.lists(st.tuples(st.sampled_from(SERVICES), st.sampled_from(POOLS)), unique=True))
    deployments = tuple(
        DeclaredDeployment(
            service=service,
            infrastructure=pool,
            mapping=draw(shares),
            enabled=draw(st.booleans()),
            tags=tuple(draw(st.lists(st.sampled_from(["a", "b"]), unique=True))),
        )
        for service, pool in places
    )
    return Declared(
        stages=draw(st.sampled_from([None, stages])),
        infrastructures=draw(st.sampled_from([None, tuple(draw(pools(one)) for one in named)])),
        deployments=draw(st.sampled_from([None, deployments])),
    )


def applied(present: Present, changes: tuple[Change, ...]) -> Present:
    """What is there after a plan was applied, as the control plane does it."""
    stages = {one.id: one for one in present.stages}
    infrastructures = {one.id: one for one in present.infrastructures}
    deployments = {one.id: one for one in present.deployments}
    by_noun: dict[str, dict[str, Any]] = {
        "stage": stages,
        "infrastructure": infrastructures,
        "deployment": deployments,
    }
    for change in to_do(changes):
        match change.wanted:
            case None:
                del by_noun[change.noun][change.id]
            case tuple(order):
                stages = by_noun["stage"] = {name: stages[name] for name in order}
            case Infrastructure() as pool:
                infrastructures[pool.id] = pool
            case Deployment() as one:
                live = brings_live(one)
                deployments[one.id] = (
                    replace(one, live=one.mapping, live_enabled=one.enabled) if live else one
                )
            case Stage() as stage:
                stages[stage.id] = stage
    return Present(
        stages=tuple(stages.values()),
        infrastructures=tuple(infrastructures.values()),
        deployments=tuple(deployments.values()),
        versions=present.versions,
    )


presents = declarations().map(lambda one: applied(present_nothing(), plan(one, present_nothing())))


@given(declarations(), presents, st.booleans())
def test_what_was_applied_has_nothing_to_do(declared: Declared, present: Present, prune: bool) -> None:
    after = applied(present, plan(declared, present, prune=prune))

    assert to_do(plan(declared, after, prune=prune)) == ()


@given(declarations(), presents)
def test_without_pruning_nothing_goes_and_what_is_not_declared_stays_as_it_is(
    declared: Declared, present: Present
) -> None:
    changes = plan(declared, present)
    after = applied(present, changes)

    assert all(change.action is not Action.DELETE for change in changes)
    for section in ("infrastructures", "deployments"):
        known = declared.ids(section) or ()
        before = {one.id: one for one in getattr(present, section) if one.id not in known}
        assert before.items() <= {one.id: one for one in getattr(after, section)}.items()


@given(declarations(), presents)
def test_with_pruning_a_declared_section_is_exactly_what_is_there(
    declared: Declared, present: Present
) -> None:
    after = applied(present, plan(declared, present, prune=True))

    for section in ("stages", "infrastructures", "deployments"):
        known = declared.ids(section)
        there = getattr(after if known is not None else present, section)
        wanted = known if known is not None else [one.id for one in getattr(after, section)]
        assert sorted(one.id for one in there) == sorted(wanted)
    if declared.stages is not None:
        assert tuple(one.id for one in after.stages) == declared.ids("stages")


@given(declarations(), presents, st.booleans())
def test_a_change_says_what_differs_and_one_without_differences_does_nothing(
    declared: Declared, present: Present, prune: bool
) -> None:
    for change in plan(declared, present, prune=prune):
        assert (change.action is Action.CHANGE) <= bool(change.differences)
        assert (change.action is Action.NOTHING) <= (not change.differences)
        assert all(one.before != one.after for one in change.differences)


@given(declarations(), presents)
def test_what_is_made_comes_after_what_it_needs_and_what_goes_after_what_needs_it(
    declared: Declared, present: Present
) -> None:
    rank = {"stage": 0, "order of stages": 0, "infrastructure": 1, "deployment": 2}
    changes = to_do(plan(declared, present, prune=True))

    made = [rank[change.noun] for change in changes if change.action is not Action.DELETE]
    gone = [rank[change.noun] for change in changes if change.action is Action.DELETE]

    assert made == sorted(made)
    assert gone == sorted(gone, reverse=True)


def deployed(**given: Any) -> Deployment:
    return Deployment(
        id="fraud-on-local",
        service="fraud",
        infrastructure="local",
        deployed_service="fraud",
        **{"mapping": single("v1"), "live": single("v1"), **given},
    )


def planned(present: Deployment, **declared: Any) -> Change:
    one = DeclaredDeployment(service="fraud", **declared)
    there = replace(present_nothing(), deployments=(present,))
    return plan(Declared(deployments=(one,)), there)[0]


def test_what_is_saved_but_not_live_is_brought_live() -> None:
    change = planned(deployed(mapping=single("v2")), version="v2")

    assert [(one.what, one.before, one.after) for one in change.differences] == [("version", "v1", "v2")]
    assert isinstance(change.wanted, Deployment)
    assert brings_live(change.wanted)


def test_what_is_live_but_not_saved_is_saved_without_an_update() -> None:
    change = planned(deployed(mapping=single("v2")), version="v1")

    assert [(one.what, one.before, one.after) for one in change.differences] == [
        ("saved version", "v2", "v1")
    ]
    assert isinstance(change.wanted, Deployment)
    assert not brings_live(change.wanted)


def test_shares_in_another_order_or_with_a_rounding_error_are_the_same() -> None:
    mapping = GenerationsMapping((MappingEntry("v1", 0.1 + 0.2), MappingEntry("v2", 0.7)))

    change = planned(deployed(mapping=mapping, live=mapping), mapping={"v2": 0.7, "v1": 0.3})

    assert change.action is Action.NOTHING


def test_shares_that_differ_little_are_told_apart() -> None:
    mapping = GenerationsMapping((MappingEntry("v1", 0.3), MappingEntry("v2", 0.7)))

    change = planned(deployed(mapping=mapping, live=mapping), mapping={"v1": 0.30000001, "v2": 0.69999999})

    assert change.action is Action.CHANGE


def test_a_service_that_is_enabled_but_answers_not_yet_needs_an_update() -> None:
    change = planned(deployed(enabled=True, live_enabled=False), version="v1")

    assert [one.what for one in change.differences] == ["enabled"]
    assert isinstance(change.wanted, Deployment)
    assert brings_live(change.wanted)


def test_a_node_keeps_its_id_by_its_url_and_a_slash_at_the_end_is_no_difference() -> None:
    key = SecretReference("env:KEY")
    there = Infrastructure(
        id="east", kind="static", nodes=(StaticNode(id="first", url=URLS[0], admin_key=key),)
    )
    node = DeclaredNode(url=f"{URLS[0]}/", admin_key="env:KEY")
    declared = Declared(infrastructures=(DeclaredInfrastructure(id="east", kind="static", nodes=(node,)),))

    changes = plan(declared, replace(present_nothing(), infrastructures=(there,)))

    assert [change.action for change in changes] == [Action.NOTHING]


@given(declarations(), presents, st.booleans())
def test_complaints_name_a_part_that_is_there(declared: Declared, present: Present, prune: bool) -> None:
    assert list(own_spots(declared)) == []
    for at, message in spots_beside(declared, present, prune=prune):
        part: Any = declared
        for step in at:
            part = part[step] if isinstance(step, int) or isinstance(part, dict) else getattr(part, step)
        assert message
