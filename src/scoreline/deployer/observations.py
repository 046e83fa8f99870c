"""Observations: what nodes hold and answer with, as they say themselves, just now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct

from scoreline.core.deployment import GenerationsMapping, MappingEntry, single
from scoreline.deployer.node_api import NodeApi
from scoreline.deployer.nodes import Node, on_each
from scoreline.deployer.plan import SeenGeneration, SeenService
from scoreline.errors import NotFound, ScorelineError
from scoreline.wire import admin, control


class Observed(Struct, frozen=True, kw_only=True):
    """One node."""

    node: control.Node
    services: Mapping[str, SeenService] = {}
    """Without their generations."""
    failures: Mapping[str, str] = {}
    """`service/generation` -> why it could not be loaded."""

    def answering(self, service: str) -> GenerationsMapping | None:
        """What answers for a service; None: nothing."""
        seen = self.services.get(service)
        return seen.mapping if seen and seen.enabled else None


def observe(nodes: Sequence[Node]) -> list[Observed]:
    """Look at all nodes at the same time; one that does not answer is observed to be down."""
    looked = on_each(nodes, _look)
    return [
        _down(node, seen) if isinstance(seen, ScorelineError) else seen
        for node, seen in zip(nodes, looked, strict=True)
    ]


def observe_service(api: NodeApi, service: str) -> SeenService | None:
    """A service on one node with its generations; None when the node does not know it."""
    entry = next((one for one in api.services() if one.service_id == service), None)
    if entry is None:
        return None
    failures = api.readiness().failures
    try:
        found = api.generations(service)
    except NotFound:  # removed meanwhile
        return None
    generations = {
        one.generation: SeenGeneration(
            digest=one.digest, loaded=one.loaded, failure=failures.get(f"{service}/{one.generation}")
        )
        for one in found
    }
    return msgspec.structs.replace(_service(entry), generations=generations)


def _look(node: Node) -> Observed:
    api = node.api
    failures = api.readiness().failures
    services = {one.service_id: _service(one) for one in api.services()}
    seen = control.Node(id=node.id, url=node.url, up=True, pid=node.pid)
    return Observed(node=seen, services=services, failures=failures)


def _service(entry: admin.ServiceEntry) -> SeenService:
    if entry.mapping is not None:
        mapping = _mapping(tuple((one.generation, one.proba) for one in entry.mapping.entries))
        return SeenService(enabled=entry.enabled, mapping=mapping)
    return SeenService(
        enabled=entry.enabled, mapping=single(entry.generation) if entry.generation is not None else None
    )


@lru_cache(4096)  # a node has thousands of services, and most of their mappings are the same few
def _mapping(shares: tuple[tuple[str, float], ...]) -> GenerationsMapping:
    return GenerationsMapping(tuple(MappingEntry(*share) for share in shares))


def _down(node: Node, error: ScorelineError) -> Observed:
    seen = control.Node(id=node.id, url=node.url, up=False, pid=node.pid, message=error.message)
    return Observed(node=seen)
