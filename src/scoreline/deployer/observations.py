"""Observations: what the nodes of an infrastructure serve, as they say themselves, just now."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from scoreline.deployer.local_node import LocalNode
from scoreline.errors import ScorelineError
from scoreline.wire import control


class Observed(Struct, frozen=True, kw_only=True):
    """One node."""

    node: control.Node
    services: dict[str, str | None] = {}
    """Service -> the generation that answers."""
    failures: dict[str, str] = {}
    """`service/generation` -> why it could not be loaded."""


def observe(nodes: Iterable[LocalNode]) -> list[Observed]:
    """Look at every node; one that does not answer is observed to be down."""
    return [_observe(node) for node in nodes]


def _observe(node: LocalNode) -> Observed:
    seen = control.Node(id=node.id, url=node.url, up=True, pid=node.pid)
    try:
        ready = node.api.readiness()
    except ScorelineError as error:
        return Observed(node=msgspec.structs.replace(seen, up=False, message=error.message))
    return Observed(node=seen, services=ready.services, failures=ready.failures)
