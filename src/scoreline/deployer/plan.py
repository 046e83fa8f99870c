"""Plans: what a node still lacks of what is wanted of a service, as the actions that bring it, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from scoreline.core.deployment import GenerationsMapping, same_mapping


class WantedService(Struct, frozen=True, kw_only=True):
    """What is wanted of a service on a node. Generations are given with the digest of their package."""

    mapping: GenerationsMapping | None = None
    """What is to answer; None: what answers now is left as it is."""
    enabled: bool = True
    """A service that is not to answer needs nothing else."""
    ready: Mapping[str, str] = {}
    """To be in the memory of every worker; what is to answer is among them."""
    kept: Mapping[str, str] = {}
    """To be in memory if they are on the disk, so that it is a moment to go back to them."""
    dropped: Mapping[str, str] = {}
    """To be removed, unless they answer or are named above."""


class SeenGeneration(Struct, frozen=True, kw_only=True):
    """A generation on a node's disk."""

    digest: str
    loaded: bool
    failure: str | None = None
    """Why a worker could not load it."""


class SeenService(Struct, frozen=True, kw_only=True):
    """A service as a node says it holds it."""

    enabled: bool = True
    mapping: GenerationsMapping | None = None
    generations: Mapping[str, SeenGeneration] = {}


class Install(Struct, frozen=True):
    """Send a package to the node."""

    generation: str

    def __str__(self) -> str:
        return f"install {self.generation}"


class Preload(Struct, frozen=True):
    """Load a generation in every worker."""

    generation: str

    def __str__(self) -> str:
        return f"load {self.generation}"


class Switch(Struct, frozen=True):
    """Let a mapping answer, in all workers at once."""

    mapping: GenerationsMapping

    def __str__(self) -> str:
        return f"switch to {self.mapping}"


class Enable(Struct, frozen=True):
    """Let the service answer."""

    def __str__(self) -> str:
        return "enable"


class Disable(Struct, frozen=True):
    """Let the service refuse."""

    def __str__(self) -> str:
        return "disable"


class Remove(Struct, frozen=True):
    """Free the memory and the files of a generation."""

    generation: str

    def __str__(self) -> str:
        return f"remove {self.generation}"


class RemoveService(Struct, frozen=True):
    """Free everything of the service."""

    def __str__(self) -> str:
        return "remove the service"


Action = Install | Preload | Switch | Enable | Disable | Remove | RemoveService


def plan(wanted: WantedService | None, seen: SeenService | None) -> tuple[Action, ...]:
    """The actions that bring a node from what was seen to what is wanted; none when it is there.

    `wanted` None: the service is to be gone. `seen` None: the node does not know it. What answers is never
    taken away before what is to answer is in memory.
    """
    if wanted is None:
        return (RemoveService(),) if seen else ()
    if not wanted.enabled:
        return (Disable(),) if seen and seen.enabled else ()
    return tuple(_actions(wanted, seen or SeenService()))


def _actions(wanted: WantedService, seen: SeenService) -> Iterator[Action]:
    for generation, digest in wanted.ready.items():
        yield from _make_ready(generation, digest, seen)
    if wanted.mapping is not None and not same_mapping(wanted.mapping, seen.mapping):
        yield Switch(wanted.mapping)
    if wanted.mapping is not None and not seen.enabled:
        yield Enable()
    answering = set(seen.mapping.generations if seen.mapping else ())
    for generation, found in seen.generations.items():
        if generation in wanted.ready or generation in answering:
            continue
        if wanted.kept.get(generation) == found.digest and found.failure is None:
            if not found.loaded:
                yield Preload(generation)
        elif found.digest in (wanted.kept.get(generation), wanted.dropped.get(generation)):
            yield Remove(generation)


def _make_ready(generation: str, digest: str, seen: SeenService) -> Iterator[Action]:
    found = seen.generations.get(generation)
    answers = seen.mapping is not None and generation in seen.mapping.generations
    if found is not None and found.digest == digest and found.failure is None:
        if not found.loaded:
            yield Preload(generation)
        return
    if found is not None and found.digest != digest and not answers:
        yield Remove(generation)  # another content of that name, which the node would not replace
    yield Install(generation)
    yield Preload(generation)
