"""What a node remembers: which generations it holds, which of them answer, and who may change that."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from scoreline.core.deployment import GenerationsMapping

FORMAT = 2


class InstalledGeneration(Struct, frozen=True, kw_only=True):
    """A generation on the node's disk."""

    id: str
    digest: str
    endpoints: tuple[str, ...]
    key_labels: tuple[str, ...] = ()
    """Of the keys that open it; none when it is public."""


class ServiceState(Struct, frozen=True, kw_only=True):
    """A service of the node."""

    enabled: bool = True
    mapping: GenerationsMapping | None = None
    """The generations that answer, with their shares; None before the first switch."""
    preloaded: tuple[str, ...] = ()
    """Generations in memory beside those."""
    previous: tuple[str, ...] = ()
    """Generations that answered before the last switch, when it was told to keep them in memory."""
    generations: tuple[InstalledGeneration, ...] = ()
    """The oldest installation first."""

    def generation(self, generation_id: str) -> InstalledGeneration | None:
        """One of its generations, or None."""
        return next((one for one in self.generations if one.id == generation_id), None)

    @property
    def live(self) -> tuple[str, ...]:
        """The generations that answer."""
        return self.mapping.generations if self.mapping else ()

    @property
    def loaded(self) -> tuple[InstalledGeneration, ...]:
        """Generations that stand in the workers' memory."""
        wanted = {*self.live, *self.preloaded, *self.previous}
        return tuple(one for one in self.generations if one.id in wanted)

    def without(self, doomed: set[str]) -> ServiceState:
        """The service without some generations that do not answer."""
        return replace(
            self,
            generations=tuple(one for one in self.generations if one.id not in doomed),
            preloaded=tuple(name for name in self.preloaded if name not in doomed),
            previous=tuple(name for name in self.previous if name not in doomed),
        )


class AdminKey(Struct, frozen=True, kw_only=True):
    """A key of the admin API, made over the admin API; known by its hash alone."""

    id: str
    sha256: str
    label: str = ""
    description: str = ""
    created_by: str = ""
    created_at: float
    """Seconds since 1970."""
    expires_at: float | None = None
    """None: never."""


class NodeState(Struct, frozen=True, kw_only=True):
    """Everything the node remembers."""

    format: int = FORMAT
    services: dict[str, ServiceState] = {}
    keys: tuple[AdminKey, ...] = ()

    def with_service(self, service_id: str, service: ServiceState | None) -> NodeState:
        """The state with one service replaced, or without it (None)."""
        services = {name: state for name, state in self.services.items() if name != service_id}
        if service is not None:
            services[service_id] = service
        return replace(self, services=dict(sorted(services.items())))

    @property
    def loaded(self) -> set[tuple[str, str]]:
        """(service, generation) of everything that stands in the workers' memory."""
        return {(name, one.id) for name, service in self.services.items() for one in service.loaded}

    @property
    def answering(self) -> set[str]:
        """`service/generation` of all that is to answer."""
        return {
            f"{name}/{generation}"
            for name, service in self.services.items()
            if service.enabled
            for generation in service.live
        }

    def answering_as(self, other: NodeState) -> set[str]:
        """`service/generation` of what is to answer here as it is in another state."""
        alike = {
            name: service
            for name, service in self.services.items()
            if (there := other.services.get(name))
            and (there.mapping, there.enabled) == (service.mapping, service.enabled)
        }
        return NodeState(services=alike).answering
