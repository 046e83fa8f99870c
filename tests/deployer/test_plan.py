"""A plan brings a node from whatever it holds to what is wanted, and takes nothing away too early."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scoreline.core.deployment import GenerationsMapping, MappingEntry, same_mapping, single
from scoreline.deployer.plan import (
    Action,
    Disable,
    Enable,
    Install,
    Preload,
    Remove,
    RemoveService,
    SeenGeneration,
    SeenService,
    Switch,
    WantedService,
    plan,
)

GENERATIONS = ("v1", "v2", "v3", "v4")
READY = SeenGeneration(digest="v1!", loaded=True)


def done(action: Action, seen: SeenService | None, digests: dict[str, str]) -> SeenService | None:
    """What a node that works holds after an action."""
    if isinstance(action, RemoveService):
        return None
    held = seen or SeenService()
    generations = dict(held.generations)
    match action:
        case Install(generation):
            loaded = generation in generations and generations[generation].loaded
            generations[generation] = SeenGeneration(digest=digests[generation], loaded=loaded)
        case Preload(generation):
            generations[generation] = replace(generations[generation], loaded=True)
        case Remove(generation):
            del generations[generation]
        case Switch(mapping):
            return replace(held, mapping=mapping)
        case Enable() | Disable():
            return replace(held, enabled=isinstance(action, Enable))
    return replace(held, generations=generations)


@st.composite
def mappings(draw: st.DrawFn, among: tuple[str, ...] = GENERATIONS) -> GenerationsMapping:
    chosen = draw(st.lists(st.sampled_from(among), min_size=1, max_size=2, unique=True))
    if len(chosen) == 1:
        return single(chosen[0])
    share = draw(st.sampled_from([0.25, 0.5]))
    return GenerationsMapping((MappingEntry(chosen[0], share), MappingEntry(chosen[1], 1 - share)))


@st.composite
def wishes(draw: st.DrawFn) -> WantedService | None:
    if draw(st.booleans()) and draw(st.booleans()):
        return None
    mapping = draw(st.none() | mappings())
    ready = {name: f"{name}!" for name in mapping.generations} if mapping else {}
    others = [name for name in GENERATIONS if name not in ready]
    kept = draw(st.sets(st.sampled_from(others), max_size=2)) if others else set()
    return WantedService(
        mapping=mapping,
        enabled=draw(st.booleans()) or draw(st.booleans()),
        ready=ready,
        kept={name: f"{name}!" for name in kept},
        dropped={name: f"{name}!" for name in others if name not in kept},
    )


@st.composite
def nodes(draw: st.DrawFn) -> SeenService | None:
    if draw(st.booleans()) and draw(st.booleans()):
        return None
    held = draw(st.sets(st.sampled_from(GENERATIONS)))
    generations = {
        name: SeenGeneration(
            digest=draw(st.sampled_from([f"{name}!", f"{name}!", "another"])),
            loaded=draw(st.booleans()),
            failure=draw(st.sampled_from([None, None, "damaged"])),
        )
        for name in sorted(held)
    }
    mapping = draw(mappings(tuple(sorted(held)))) if held and draw(st.booleans()) else None
    for name in mapping.generations if mapping else ():
        generations[name] = replace(generations[name], digest=f"{name}!", loaded=True)
    return SeenService(enabled=draw(st.booleans()), mapping=mapping, generations=generations)


def reached(wanted: WantedService | None, seen: SeenService | None) -> bool:
    if wanted is None:
        return seen is None
    if not wanted.enabled:
        return seen is None or not seen.enabled
    held = seen or SeenService()
    ready = all(
        (found := held.generations.get(name)) is not None
        and found == SeenGeneration(digest=digest, loaded=True)
        for name, digest in wanted.ready.items()
    )
    answers = wanted.mapping is None or (held.enabled and same_mapping(held.mapping, wanted.mapping))
    return ready and answers


@given(wishes(), nodes())
def test_doing_the_first_action_again_and_again_leads_there(
    wanted: WantedService | None, seen: SeenService | None
) -> None:
    digests = {name: f"{name}!" for name in GENERATIONS}
    answered = seen.mapping if seen and seen.enabled else None

    for _ in range(30):
        actions = plan(wanted, seen)
        if not actions:
            break
        action = actions[0]
        if isinstance(action, Switch):
            held = seen.generations if seen else {}
            for name in action.mapping.generations:
                assert held[name] == SeenGeneration(digest=digests[name], loaded=True), "not ready yet"
        if isinstance(action, Remove):
            assert seen is not None
            assert not (seen.mapping and action.generation in seen.mapping.generations), "it answers"
        if wanted is not None and wanted.enabled and answered is not None:
            assert not isinstance(action, Disable | RemoveService), "what answers is taken away"
        seen = done(action, seen, digests)
    else:
        raise AssertionError(f"still to do: {plan(wanted, seen)}")

    assert reached(wanted, seen)


@given(wishes(), nodes())
def test_all_actions_of_a_plan_in_order_lead_there_too(
    wanted: WantedService | None, seen: SeenService | None
) -> None:
    digests = {name: f"{name}!" for name in GENERATIONS}

    for action in plan(wanted, seen):
        seen = done(action, seen, digests)

    assert reached(wanted, seen)


def test_what_is_right_needs_nothing() -> None:
    wanted = WantedService(mapping=single("v1"), ready={"v1": "v1!"})

    assert plan(wanted, SeenService(mapping=single("v1"), generations={"v1": READY})) == ()


def test_a_new_version_is_installed_loaded_and_then_switched_to() -> None:
    wanted = WantedService(mapping=single("v2"), ready={"v2": "v2!"}, kept={"v1": "v1!"})

    actions = plan(wanted, SeenService(mapping=single("v1"), generations={"v1": READY}))

    assert actions == (Install("v2"), Preload("v2"), Switch(single("v2")))


def test_a_generation_that_is_damaged_on_the_disk_is_installed_again() -> None:
    wanted = WantedService(mapping=single("v1"), ready={"v1": "v1!"})
    damaged = SeenService(mapping=single("v1"), generations={"v1": replace(READY, failure="damaged")})

    assert plan(wanted, damaged) == (Install("v1"), Preload("v1"))


def test_what_a_node_holds_under_a_name_with_another_content_goes_first() -> None:
    wanted = WantedService(mapping=single("v2"), ready={"v2": "v2!"})
    seen = SeenService(mapping=single("v1"), generations={"v1": READY, "v2": replace(READY, digest="x")})

    assert plan(wanted, seen)[:2] == (Remove("v2"), Install("v2"))


def test_what_nobody_has_published_is_left_alone() -> None:
    wanted = WantedService(mapping=single("v1"), ready={"v1": "v1!"}, dropped={"v0": "v0!"})
    strange = {"mine": replace(READY, digest="mine"), "v0": replace(READY, digest="v0!")}
    seen = SeenService(mapping=single("v1"), generations={"v1": READY, **strange})

    assert plan(wanted, seen) == (Remove("v0"),)
