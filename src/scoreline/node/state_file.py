"""The state of a node as bytes: today's format, and every one before it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from scoreline.core.deployment import single
from scoreline.errors import Invalid
from scoreline.node.state import FORMAT, InstalledGeneration, NodeState, ServiceState


class _Format(Struct):
    format: int = 1


class _ServiceState1(Struct):
    """Of format 1: one generation answers."""

    enabled: bool = True
    active: str | None = None
    preloaded: tuple[str, ...] = ()
    generations: tuple[InstalledGeneration, ...] = ()

    def upgraded(self) -> ServiceState:
        return ServiceState(
            enabled=self.enabled,
            mapping=None if self.active is None else single(self.active),
            preloaded=self.preloaded,
            generations=self.generations,
        )


class _NodeState1(Struct):
    services: dict[str, _ServiceState1] = {}


def decode_state(data: bytes) -> NodeState:
    """The state in the bytes of a file of any format. Raises Invalid (`bad-state`) when there is none."""
    try:
        written = msgspec.json.decode(data, type=_Format).format
        if written > FORMAT:
            raise Invalid("it was written by a newer Scoreline; upgrade this node", code="bad-state")
        if written == 1:
            old = msgspec.json.decode(data, type=_NodeState1)
            return NodeState(services={name: one.upgraded() for name, one in old.services.items()})
        return msgspec.json.decode(data, type=NodeState)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"it is damaged: {error}", code="bad-state") from error


def encode_state(state: NodeState) -> bytes:
    """The bytes of a file that `decode_state` reads."""
    return msgspec.json.encode(state)
